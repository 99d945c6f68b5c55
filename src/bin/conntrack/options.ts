/** conntrack's command line: commands, filters, and the options that a protocol adds. Models conntrack-tools/src/conntrack.c */

import { xt } from '../../os/uapi.ts';
import { type IpAddr, maxLen, parseIp } from '../../wire/addr.ts';

export class Usage extends Error {}

export type CtCommand = 'L' | 'G' | 'D' | 'I' | 'U' | 'E' | 'F' | 'C' | 'S' | 'h' | 'V';

export interface Range {
  addr: IpAddr;
  len: number;
}

export interface CtOptions {
  command: CtCommand | null;
  table: 'conntrack' | 'expect' | 'dying' | 'unconfirmed';
  src?: Range;
  dst?: Range;
  replySrc?: Range;
  replyDst?: Range;
  /** null: any translation. */
  srcNat?: IpAddr | null;
  dstNat?: IpAddr | null;
  anyNat?: IpAddr | null;
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
  zero: boolean;
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
const TCP_STATES = ['NONE', 'SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'LAST_ACK', 'TIME_WAIT', 'CLOSE', 'LISTEN'];
const TABLES = ['conntrack', 'expect', 'dying', 'unconfirmed'] as const;

function range(text: string): Range {
  const [host, lenText] = text.split('/');
  const addr = parseIp(host as string);
  if (addr === null) throw new Usage(`Invalid IP address \`${text}'`);
  const family = typeof addr === 'number' ? 4 : 6;
  const len = lenText === undefined ? maxLen(family) : Number(lenText);
  return { addr, len };
}

function natAddr(text: string | null): IpAddr | null {
  return text === null ? null : range(text.split(':')[0] as string).addr;
}

function words(text: string, known: readonly string[]): string[] {
  return text.split(',').map((w) => {
    const hit = known.find((k) => k.toLowerCase() === w.toLowerCase());
    if (!hit) throw new Usage(`Bad parameter \`${w}'`);
    return hit;
  });
}

function port(text: string): number {
  const n = xt.parseNumber(text, 0, 65535);
  return n ?? 0;
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
  { short: 'U', long: ['update'], arg: 'optional', set: command('U') },
  { short: 'G', long: ['get'], arg: 'optional', set: command('G') },
  { short: 'F', long: ['flush'], arg: 'optional', set: command('F') },
  { short: 'E', long: ['event'], arg: 'optional', set: command('E') },
  { short: 'C', long: ['count'], arg: 'optional', set: command('C') },
  { short: 'S', long: ['stats'], arg: 'none', set: command('S') },
  { short: 'V', long: ['version'], arg: 'none', set: command('V') },
  { short: 'h', long: ['help'], arg: 'none', set: command('h') },
  { short: 's', long: ['src', 'orig-src'], arg: 'required', set: (o, a) => Object.assign(o, { src: range(a as string) }) },
  { short: 'd', long: ['dst', 'orig-dst'], arg: 'required', set: (o, a) => Object.assign(o, { dst: range(a as string) }) },
  { short: 'r', long: ['reply-src'], arg: 'required', set: (o, a) => Object.assign(o, { replySrc: range(a as string) }) },
  { short: 'q', long: ['reply-dst'], arg: 'required', set: (o, a) => Object.assign(o, { replyDst: range(a as string) }) },
  { short: 'n', long: ['src-nat'], arg: 'optional', set: (o, a) => Object.assign(o, { srcNat: natAddr(a) }) },
  { short: 'g', long: ['dst-nat'], arg: 'optional', set: (o, a) => Object.assign(o, { dstNat: natAddr(a) }) },
  { short: 'j', long: ['any-nat'], arg: 'optional', set: (o, a) => Object.assign(o, { anyNat: natAddr(a) }) },
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
      for (const w of words(a as string, [
        'ASSURED',
        'SEEN_REPLY',
        'UNSET',
        'FIXED_TIMEOUT',
        'EXPECTED',
        'CONFIRMED',
        'SRC_NAT',
        'DST_NAT',
        'UNREPLIED',
      ]))
        o.status.add(w);
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
  { short: 'b', long: ['buffer-size'], arg: 'required', set: () => {} },
  { long: ['sport', 'orig-port-src'], arg: 'required', protos: PORT_PROTOS, set: (o, a) => Object.assign(o, { sport: port(a as string) }) },
  { long: ['dport', 'orig-port-dst'], arg: 'required', protos: PORT_PROTOS, set: (o, a) => Object.assign(o, { dport: port(a as string) }) },
  { long: ['reply-port-src'], arg: 'required', protos: PORT_PROTOS, set: (o, a) => Object.assign(o, { replySport: port(a as string) }) },
  { long: ['reply-port-dst'], arg: 'required', protos: PORT_PROTOS, set: (o, a) => Object.assign(o, { replyDport: port(a as string) }) },
  {
    long: ['state'],
    arg: 'required',
    protos: [6],
    set: (o, a) => {
      if (!TCP_STATES.includes(a as string)) throw new Usage(`unknown TCP state \`${a}'`);
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

export function parseOptions(argv: readonly string[]): CtOptions {
  const o: CtOptions = { command: null, table: 'conntrack', status: new Set(), zero: false, events: new Set(), output: new Set() };
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
    spec.set(o, arg);
    return used;
  };
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] as string;
    if (word.startsWith('--')) {
      const eq = word.indexOf('=');
      const name = eq < 0 ? word.slice(2) : word.slice(2, eq);
      const usable = SPECS.filter((s) => !s.protos || (o.proto !== undefined && s.protos.includes(o.proto)));
      const spec = usable.find((s) => s.long.includes(name)) ?? usable.find((s) => s.long.some((l) => l.startsWith(name)));
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
    } else throw new Usage(`unknown argument \`${word}'`);
  }
  return o;
}
