/** conntrack's command line: commands, filters, and the options that a protocol adds. Models conntrack-tools/src/conntrack.c */

import { xt } from '../../os/uapi.ts';
import { type IpAddr, maxLen, parseIp } from '../../wire/addr.ts';
import { illegal, illegalProto } from './legal.ts';

export class Usage extends Error {
  /** Stands on standard error before the message. */
  readonly before: string;

  constructor(message: string, before = '') {
    super(message);
    this.before = before;
  }
}

export type CtCommand = 'L' | 'G' | 'D' | 'I' | 'A' | 'R' | 'U' | 'E' | 'F' | 'C' | 'S' | 'h' | 'V';

export interface Range {
  addr: IpAddr;
  len: number;
}

/** null: any. */
export interface NatWish {
  addr: IpAddr | null;
  port: number | null;
}

export interface CtOptions {
  command: CtCommand | null;
  table: 'conntrack' | 'expect' | 'dying' | 'unconfirmed';
  src?: Range;
  dst?: Range;
  replySrc?: Range;
  replyDst?: Range;
  srcNat?: NatWish;
  dstNat?: NatWish;
  anyNat?: NatWish;
  proto?: number;
  family?: 4 | 6;
  sport?: number;
  dport?: number;
  replySport?: number;
  replyDport?: number;
  state?: string;
  icmpType?: number;
  icmpCode?: number;
  icmpId?: number;
  status: Set<string>;
  mark?: { value: number; mask: number };
  timeout?: number;
  zone?: number;
  origZone?: number;
  replyZone?: number;
  id?: number;
  /** -b: bytes of the netlink socket's buffer. */
  buffer?: number;
  label: boolean;
  /** -R: the file with commands. */
  file?: string;
  zero: boolean;
  /** Printed to standard error before anything else. */
  warnings: string;
  /** Names of the options given. */
  given: Set<string>;
  events: Set<string>;
  output: Set<string>;
}

interface Spec {
  readonly short?: string;
  readonly long: readonly string[];
  readonly arg: 'none' | 'required' | 'optional';
  /** Protocols that bring the option. */
  readonly protos?: readonly number[];
  set(o: CtOptions, arg: string | null): void;
}

const PORT_PROTOS = [6, 17, 33, 132, 136];
const PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  icmp: 1,
  icmpv6: 58,
  sctp: 132,
  dccp: 33,
  gre: 47,
  udplite: 136,
  unknown: 255,
};
const SCTP_STATES = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
];
const TCP_STATES = ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'LISTEN'];
const STATUS = ['ASSURED', 'SEEN_REPLY', 'UNSET', 'FIXED_TIMEOUT', 'EXPECTED', 'OFFLOAD', 'HW_OFFLOAD', 'SRC_NAT', 'DST_NAT', 'UNREPLIED'];
const STATUS_BITS: Readonly<Record<string, number>> = { EXPECTED: 1, SEEN_REPLY: 2, ASSURED: 4, FIXED_TIMEOUT: 1024, OFFLOAD: 16384 };
const TABLES = ['conntrack', 'expect', 'dying', 'unconfirmed'] as const;

function range(text: string): Range {
  const [host, lenText] = text.split('/');
  const addr = parseIp(host as string);
  if (addr === null) throw new Usage(`Invalid IP address \`${text}'`);
  const family = typeof addr === 'number' ? 4 : 6;
  const len = lenText === undefined ? maxLen(family) : Number(lenText);
  if (!(len <= maxLen(family))) throw new Usage('Invalid netmask');
  return { addr, len };
}

/** `5.5.5.5:1234`: address and port, both optional. */
function nat(text: string | null): NatWish {
  const m = text === null ? null : /^(\d+\.\d+\.\d+\.\d+):(\d+)$/.exec(text);
  if (text === null) return { addr: null, port: null };
  return m ? { addr: range(m[1] as string).addr, port: Number(m[2]) } : { addr: range(text).addr, port: null };
}

function words(text: string, known: readonly string[]): string[] {
  return text.split(',').map((w) => {
    const hit = known.find((k) => k.toLowerCase() === w.toLowerCase());
    if (!hit) throw new Usage(`Bad parameter \`${w}'`);
    return hit;
  });
}

function port(text: string): number {
  const n = xt.parseNumber(text);
  return (n ?? 0) & 0xffff;
}

function command(letter: CtCommand) {
  return (o: CtOptions, arg: string | null): void => {
    if (o.command !== null) throw new Usage('Invalid commands combination');
    o.command = letter;
    if (arg === null) return;
    const table = TABLES.find((t) => t.startsWith(arg) && arg !== '');
    if (!table) throw new Usage(`unknown type \`${arg}'`);
    o.table = table;
  };
}

const SPECS: readonly Spec[] = [
  { short: 'L', long: ['dump'], arg: 'optional', set: command('L') },
  { short: 'I', long: ['create'], arg: 'optional', set: command('I') },
  { short: 'D', long: ['delete'], arg: 'optional', set: command('D') },
  { short: 'A', long: ['add'], arg: 'optional', set: command('A') },
  {
    short: 'R',
    long: ['load-file'],
    arg: 'required',
    set: (o, a) => {
      command('R')(o, null);
      o.file = a as string;
    },
  },
  { short: 'U', long: ['update'], arg: 'optional', set: command('U') },
  { short: 'G', long: ['get'], arg: 'optional', set: command('G') },
  { short: 'F', long: ['flush'], arg: 'optional', set: command('F') },
  { short: 'E', long: ['event'], arg: 'optional', set: command('E') },
  { short: 'C', long: ['count'], arg: 'optional', set: command('C') },
  { short: 'S', long: ['stats'], arg: 'optional', set: command('S') },
  { short: 'V', long: ['version'], arg: 'none', set: command('V') },
  { short: 'h', long: ['help'], arg: 'none', set: command('h') },
  { short: 's', long: ['src', 'orig-src'], arg: 'required', set: (o, a) => Object.assign(o, { src: range(a as string) }) },
  { short: 'd', long: ['dst', 'orig-dst'], arg: 'required', set: (o, a) => Object.assign(o, { dst: range(a as string) }) },
  { short: 'r', long: ['reply-src'], arg: 'required', set: (o, a) => Object.assign(o, { replySrc: range(a as string) }) },
  { short: 'q', long: ['reply-dst'], arg: 'required', set: (o, a) => Object.assign(o, { replyDst: range(a as string) }) },
  { short: 'n', long: ['src-nat'], arg: 'optional', set: (o, a) => Object.assign(o, { srcNat: nat(a) }) },
  { short: 'g', long: ['dst-nat'], arg: 'optional', set: (o, a) => Object.assign(o, { dstNat: nat(a) }) },
  { short: 'j', long: ['any-nat'], arg: 'optional', set: (o, a) => Object.assign(o, { anyNat: nat(a) }) },
  {
    short: 'p',
    long: ['protonum', 'proto'],
    arg: 'required',
    set: (o, a) => {
      const proto = PROTOCOLS[(a as string).toLowerCase()] ?? xt.parseNumber(a as string, 0, 255);
      if (proto === null || proto === undefined) throw new Usage(`\`${a}' unsupported protocol`);
      o.proto = proto;
    },
  },
  {
    short: 'f',
    long: ['family'],
    arg: 'required',
    set: (o, a) => {
      if (a !== 'ipv4' && a !== 'ipv6') throw new Usage(`\`${a}' unsupported protocol`);
      o.family = a === 'ipv4' ? 4 : 6;
    },
  },
  {
    short: 'u',
    long: ['status'],
    arg: 'required',
    set: (o, a) => {
      for (const w of words(a as string, STATUS)) {
        if (w === 'SRC_NAT' || w === 'DST_NAT')
          o.warnings += `WARNING: ignoring ${w}, use --${w === 'SRC_NAT' ? 'src' : 'dst'}-nat instead\n`;
        o.status.add(w);
      }
      // The tool keeps the status bits where it keeps the mark.
      o.mark = { value: [...o.status].reduce((bits, w) => bits | (STATUS_BITS[w] ?? 0), 0), mask: 0xffffffff };
    },
  },
  {
    short: 'm',
    long: ['mark'],
    arg: 'required',
    set: (o, a) => {
      const [v, m] = (a as string).split('/');
      o.mark = { value: xt.parseNumber(v as string) ?? 0, mask: m === undefined ? 0xffffffff : (xt.parseNumber(m) ?? 0) };
    },
  },
  { short: 't', long: ['timeout'], arg: 'required', set: (o, a) => Object.assign(o, { timeout: xt.parseNumber(a as string) ?? 0 }) },
  { short: 'w', long: ['zone'], arg: 'required', set: (o, a) => Object.assign(o, { zone: xt.parseNumber(a as string, 0, 65535) ?? 0 }) },
  { long: ['orig-zone'], arg: 'required', set: (o, a) => Object.assign(o, { origZone: xt.parseNumber(a as string, 0, 65535) ?? 0 }) },
  { long: ['reply-zone'], arg: 'required', set: (o, a) => Object.assign(o, { replyZone: xt.parseNumber(a as string, 0, 65535) ?? 0 }) },
  { short: 'i', long: ['id'], arg: 'required', set: (o, a) => Object.assign(o, { id: xt.parseNumber(a as string) ?? 0 }) },
  {
    short: 'l',
    long: ['label'],
    arg: 'required',
    set: (_o, a) => {
      throw new Usage(`unknown label '${a}'`, 'nfct_labelmap_new: No such file or directory\n');
    },
  },
  {
    short: 'a',
    long: ['nat-range'],
    arg: 'required',
    set: (o) => {
      o.warnings += 'WARNING: ignoring -a, deprecated option.\n';
    },
  },
  { short: 'c', long: ['secmark'], arg: 'required', set: () => {} },
  { long: ['mask-src'], arg: 'required', set: (o, a) => mask(o, 'src', a as string) },
  { long: ['mask-dst'], arg: 'required', set: (o, a) => mask(o, 'dst', a as string) },
  { long: ['orig-vtag', 'reply-vtag'], arg: 'required', protos: [132], set: () => {} },
  { short: 'z', long: ['zero'], arg: 'none', set: (o) => Object.assign(o, { zero: true }) },
  {
    short: 'e',
    long: ['event-mask'],
    arg: 'required',
    set: (o, a) => {
      for (const w of words(a as string, ['ALL', 'NEW', 'UPDATES', 'DESTROY'])) o.events.add(w);
    },
  },
  {
    short: 'o',
    long: ['output'],
    arg: 'required',
    set: (o, a) => {
      for (const w of words(a as string, ['xml', 'extended', 'timestamp', 'id', 'ktimestamp', 'labels', 'save', 'userspace']))
        o.output.add(w);
    },
  },
  { short: 'b', long: ['buffer-size'], arg: 'required', set: (o, a) => Object.assign(o, { buffer: xt.parseNumber(a as string) ?? 0 }) },
  { long: ['sport', 'orig-port-src'], arg: 'required', protos: PORT_PROTOS, set: (o, a) => Object.assign(o, { sport: port(a as string) }) },
  { long: ['dport', 'orig-port-dst'], arg: 'required', protos: PORT_PROTOS, set: (o, a) => Object.assign(o, { dport: port(a as string) }) },
  { long: ['reply-port-src'], arg: 'required', protos: PORT_PROTOS, set: (o, a) => Object.assign(o, { replySport: port(a as string) }) },
  { long: ['reply-port-dst'], arg: 'required', protos: PORT_PROTOS, set: (o, a) => Object.assign(o, { replyDport: port(a as string) }) },
  {
    long: ['state'],
    arg: 'required',
    protos: [6, 132],
    set: (o, a) => {
      const [known, word] = o.proto === 6 ? [TCP_STATES, 'TCP'] : [SCTP_STATES, 'SCTP'];
      if (!known.includes(a as string)) throw new Usage(`unknown ${word} state \`${a}'`);
      o.state = a as string;
    },
  },
  {
    long: ['icmp-type', 'icmpv6-type'],
    arg: 'required',
    protos: [1, 58],
    set: (o, a) => Object.assign(o, { icmpType: port(a as string) }),
  },
  {
    long: ['icmp-code', 'icmpv6-code'],
    arg: 'required',
    protos: [1, 58],
    set: (o, a) => Object.assign(o, { icmpCode: port(a as string) }),
  },
  { long: ['icmp-id', 'icmpv6-id'], arg: 'required', protos: [1, 58], set: (o, a) => Object.assign(o, { icmpId: port(a as string) }) },
];

const only = (specs: readonly Spec[]): Spec | undefined => (specs.length === 1 ? specs[0] : undefined);

/** The name under which conntrack's tables know an option. */
function canonical(spec: Spec): string {
  const first = spec.long[0] as string;
  if (spec.protos) return first.replace('icmpv6', 'icmp');
  return first;
}

/** `--mask-src 255.0.0.0`: the mask of an address given beside it. */
function mask(o: CtOptions, side: 'src' | 'dst', text: string): void {
  const bits = xt.parseMask(text, 4);
  const there = o[side];
  if (there && typeof bits === 'number') o[side] = { ...there, len: Math.clz32(~bits >>> 0) };
}

function check(o: CtOptions): void {
  if (o.command === null || o.command === 'R' || o.command === 'h' || o.command === 'V') return;
  const expect = o.table === 'expect';
  const given = new Set(o.given);
  for (const side of ['src', 'dst'] as const) {
    const r = o[side];
    if (r && r.len !== maxLen(typeof r.addr === 'number' ? 4 : 6)) given.add(`mask-${side}`);
  }
  if (o.src && o.dst && typeof o.src.addr !== typeof o.dst.addr) throw new Usage('mismatched address family');
  const bad = illegal(o.command, expect, given) ?? (expect || o.proto === undefined ? null : illegalProto(o.command, o.proto, given));
  if (bad !== null) throw new Usage(bad, o.warnings);
  if (o.zero && [...given].some((name) => name !== 'zero' && name !== 'dump' && name !== 'output'))
    throw new Usage("Can't use -z with filtering parameters");
}

export function parseOptions(argv: readonly string[]): CtOptions {
  const o: CtOptions = {
    command: null,
    table: 'conntrack',
    status: new Set(),
    label: false,
    zero: false,
    warnings: '',
    given: new Set(),
    events: new Set(),
    output: new Set(),
  };
  const run = (spec: Spec, name: string, inline: string | null, at: number): number => {
    let arg = inline;
    let used = 0;
    if (arg === null && spec.arg !== 'none') {
      const next = argv[at];
      if (next !== undefined && (spec.arg === 'required' || !next.startsWith('-'))) {
        arg = next;
        used = 1;
      } else if (spec.arg === 'required') throw new Usage(`option \`${name}' requires an argument`);
    }
    o.given.add(canonical(spec));
    spec.set(o, arg);
    return used;
  };
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word.startsWith('--')) {
      const eq = word.indexOf('=');
      const name = eq < 0 ? word.slice(2) : word.slice(2, eq);
      const usable = SPECS.filter((s) => !s.protos || (o.proto !== undefined && s.protos.includes(o.proto)));
      const spec = usable.find((s) => s.long.includes(name)) ?? only(usable.filter((s) => s.long.some((l) => l.startsWith(name))));
      if (!spec) throw new Usage(`unknown option \`${word}'`);
      i += run(spec, word, eq < 0 ? null : word.slice(eq + 1), i + 1);
    } else if (word.startsWith('-') && word !== '-') {
      for (let j = 1; j < word.length; j++) {
        const letter = word[j] as string;
        const spec = SPECS.find((s) => s.short === letter);
        if (!spec) throw new Usage(`unknown option \`-${letter}'`);
        const rest = word.slice(j + 1);
        if (spec.arg === 'none') {
          run(spec, `-${letter}`, null, i + 1);
          continue;
        }
        i += run(spec, `-${letter}`, rest === '' ? null : rest, i + 1);
        break;
      }
    }
  }
  check(o);
  return o;
}
