/** traceroute's command line. Models traceroute 2.1.2 traceroute.c and libsupp/clif.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../os/resolver.ts';
import type { IpAddr } from '../../wire/addr.ts';

export type Method = 'default' | 'udp' | 'icmp' | 'tcp' | 'raw' | 'dccp';

/** What -O sets for TCP: flags of the probe, and whether the answer's flags are shown. */
export interface TcpFlags {
  flags: number;
  info: boolean;
  mss: number | null;
}

export interface TraceOptions {
  host: string;
  addr: IpAddr;
  method: Method;
  dontFragment: boolean;
  firstHop: number;
  device: string | null;
  maxHops: number;
  simultaneous: number;
  numeric: boolean;
  port: number | null;
  tos: number | null;
  /** Seconds. */
  wait: number;
  hereFactor: number;
  nearFactor: number;
  queries: number;
  source: IpAddr | null;
  /** Seconds between probes. */
  sendWait: number;
  mark: number;
  sourcePort: number;
  packetLen: number | null;
  /** Protocol number of -P. */
  protocol: number;
  tcp: TcpFlags;
  mtu: boolean;
  back: boolean;
  /** -r: only neighbours. */
  direct: boolean;
  asPath: boolean;
}

/** letter, long name, argument's name (empty: a flag). */
const OPTIONS: readonly (readonly [string, string, string])[] = [
  ['4', '', ''],
  ['6', '', ''],
  ['d', 'debug', ''],
  ['F', 'dont-fragment', ''],
  ['f', 'first', 'first_ttl'],
  ['g', 'gateway', 'gate,...'],
  ['I', 'icmp', ''],
  ['T', 'tcp', ''],
  ['i', 'interface', 'device'],
  ['m', 'max-hops', 'max_ttl'],
  ['N', 'sim-queries', 'squeries'],
  ['n', '', ''],
  ['p', 'port', 'port'],
  ['t', 'tos', 'tos'],
  ['l', 'flowlabel', 'flow_label'],
  ['w', 'wait', 'MAX,HERE,NEAR'],
  ['q', 'queries', 'nqueries'],
  ['r', '', ''],
  ['s', 'source', 'src_addr'],
  ['z', 'sendwait', 'sendwait'],
  ['e', 'extensions', ''],
  ['A', 'as-path-lookups', ''],
  ['M', 'module', 'name'],
  ['O', 'options', 'OPTS,...'],
  ['', 'sport', 'num'],
  ['', 'fwmark', 'num'],
  ['U', 'udp', ''],
  ['D', 'dccp', ''],
  ['P', 'protocol', 'prot'],
  ['', 'mtu', ''],
  ['', 'back', ''],
  ['V', 'version', ''],
  ['', 'help', ''],
];

export type ParseResult = { options: TraceOptions } | { help: true } | { version: true } | { error: string };

interface Given {
  key: string;
  text: string;
  value: string;
  argc: number;
}

function integer(text: string): number | null {
  return /^[+-]?\d+$/.test(text) ? Number(text) : /^0[xX][0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) : null;
}

function scan(args: readonly string[]): { given: Given[]; operands: [string, number][] } | string {
  const given: Given[] = [];
  const operands: [string, number][] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (!arg.startsWith('-') || arg === '-') {
      operands.push([arg, i + 1]);
      continue;
    }
    if (arg.startsWith('--')) {
      const eq = arg.indexOf('=');
      const name = arg.slice(2, eq < 0 ? undefined : eq);
      const spec =
        OPTIONS.find((o) => o[1] !== '' && o[1] === name) ?? OPTIONS.find((o) => o[1] !== '' && name !== '' && o[1].startsWith(name));
      if (!spec) return `Bad option \`${arg}' (argc ${i + 1})`;
      const value = eq >= 0 ? arg.slice(eq + 1) : spec[2] === '' ? '' : args[++i];
      if (value === undefined) return `Option \`--${spec[1]}' (argc ${i}) requires an argument: \`--${spec[1]}=${spec[2]}'`;
      given.push({ key: spec[0] || spec[1], text: `--${spec[1]}`, value, argc: i + 1 });
      continue;
    }
    if (arg === '-UL') {
      given.push({ key: 'UL', text: '-UL', value: '', argc: i + 1 });
      continue;
    }
    for (let j = 1; j < arg.length; j++) {
      const letter = arg[j] as string;
      const spec = OPTIONS.find((o) => o[0] === letter);
      if (!spec) return `Bad option \`-${letter}' (argc ${i + 1})`;
      if (spec[2] === '') {
        given.push({ key: letter, text: `-${letter}`, value: '', argc: i + 1 });
        continue;
      }
      const rest = arg.slice(j + 1);
      const value = rest !== '' ? rest : args[i + 1];
      // Among clustered letters none may take an argument.
      if (value === undefined || j > 1) return `Option \`-${letter}' (argc ${i + 1}) requires an argument: \`-${letter} ${spec[2]}'`;
      if (rest === '') i++;
      given.push({ key: letter, text: `-${letter}`, value, argc: i + 1 });
      break;
    }
  }
  return { given, operands };
}

const NOT_EMULATED = ['g', 'UL'];
const NUMBERS = ['f', 'm', 'N', 'p', 't', 'q', 'l', 'sport', 'fwmark'];
const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'];
/** Protocols by name for -P. */
const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  ipip: 4,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  ospf: 89,
  sctp: 132,
};

/** -O of the tcp module; null for what it does not know. */
function tcpFlags(t: TcpFlags, text: string): boolean {
  return text.split(',').every((word) => {
    const [name, value] = word.split('=') as [string, string | undefined];
    const at = TCP_FLAGS.indexOf(name);
    if (at >= 0) t.flags |= 1 << at;
    else if (name === 'info') t.info = true;
    else if (name === 'mss' && value !== undefined) t.mss = Number(value);
    else if (name === 'flags' && value !== undefined) t.flags = Number(value);
    else if (name === 'ecn') t.flags |= 0xc2;
    else return ['sack', 'timestamps', 'tstamps', 'window_scaling', 'wscale', 'sysctl', 'reuse'].includes(name);
    return true;
  });
}

export function* parseTraceroute(p: Process): Task<ParseResult> {
  const args = p.argv.slice(1);
  if (args.length === 0) return { help: true };
  const scanned = scan(args);
  if (typeof scanned === 'string') return { error: scanned };
  const o: TraceOptions = {
    host: '',
    addr: 0,
    method: 'default',
    dontFragment: false,
    firstHop: 1,
    device: null,
    maxHops: 30,
    simultaneous: 16,
    numeric: false,
    port: null,
    tos: null,
    wait: 5,
    hereFactor: 3,
    nearFactor: 10,
    queries: 3,
    source: null,
    sendWait: 0,
    mark: 0,
    sourcePort: 0,
    packetLen: null,
    protocol: 253,
    tcp: { flags: 0, info: false, mss: null },
    mtu: false,
    back: false,
    direct: false,
    asPath: false,
  };
  let family: 4 | 6 | null = null;
  for (const { key, text, value, argc } of scanned.given) {
    const bad = { error: `Cannot handle \`${text}' option with arg \`${value}' (argc ${argc})` };
    const n = integer(value);
    if (NUMBERS.includes(key) && n === null) return bad;
    if (NOT_EMULATED.includes(key)) return { error: `option \`${text}' is not emulated` };
    const v = n ?? 0;
    if (key === 'help') return { help: true };
    if (key === 'V') return { version: true };
    if (key === '4' || key === '6') family = key === '4' ? 4 : 6;
    else if (key === 'F') o.dontFragment = true;
    else if (key === 'f') o.firstHop = v;
    else if (key === 'I') o.method = 'icmp';
    else if (key === 'T') o.method = 'tcp';
    else if (key === 'U') o.method = 'udp';
    else if (key === 'D') o.method = 'dccp';
    else if (key === 'P') {
      o.method = 'raw';
      o.protocol = n ?? PROTOCOLS[value.toLowerCase()] ?? -1;
      if (o.protocol < 0) return bad;
    } else if (key === 'O') {
      if (value === 'help') return { error: '-O help is not emulated' };
      if (!tcpFlags(o.tcp, value)) return bad;
    } else if (key === 'mtu') {
      o.mtu = true;
      o.dontFragment = true;
      o.simultaneous = 1;
    } else if (key === 'back') o.back = true;
    else if (key === 'r') o.direct = true;
    else if (key === 'A') o.asPath = true;
    else if (key === 'M') {
      if (!['default', 'udp', 'icmp', 'tcp', 'tcpconn', 'raw', 'dccp', 'udplite'].includes(value))
        return { error: `Unknown traceroute module ${value}` };
      if (!['default', 'udp', 'icmp', 'tcp', 'raw', 'dccp'].includes(value)) return { error: `method \`${value}' is not emulated` };
      o.method = value as Method;
    } else if (key === 'i') o.device = value;
    else if (key === 'm') o.maxHops = v;
    else if (key === 'N') o.simultaneous = v;
    else if (key === 'n') o.numeric = true;
    else if (key === 'p') o.port = v & 0xffff;
    else if (key === 't') o.tos = v;
    else if (key === 'q') o.queries = v;
    else if (key === 'fwmark') o.mark = v;
    else if (key === 'sport') {
      o.sourcePort = v;
      o.simultaneous = 1;
    } else if (key === 'w') {
      const parts = value.split(',').map(Number);
      if (parts.some(Number.isNaN) || parts.length > 3) return bad;
      o.wait = parts[0] as number;
      if (parts.length > 1) {
        o.hereFactor = parts[1] ?? 0;
        o.nearFactor = parts[2] ?? 0;
      }
    } else if (key === 'z') {
      const s = Number(value);
      if (Number.isNaN(s)) return bad;
      o.sendWait = s > 10 ? s / 1000 : s;
    } else if (key === 's') {
      const r = yield* getaddrinfo(p, value, family ? { family } : {});
      if (!r.ok) return { error: `${value}: ${gaiStrerror(r.error)}\n${bad.error}` };
      o.source = r.addrs[0] as IpAddr;
    }
  }
  const [host, len, extra] = scanned.operands;
  if (!host) return { error: 'Specify "host" missing argument.' };
  const found = yield* getaddrinfo(p, host[0], family ? { family } : {});
  if (!found.ok) {
    return {
      error: `${host[0]}: ${gaiStrerror(found.error)}\nCannot handle "host" cmdline arg \`${host[0]}' on position 1 (argc ${host[1]})`,
    };
  }
  if (len) {
    const n = integer(len[0]);
    if (n === null) return { error: `Cannot handle "packetlen" cmdline arg \`${len[0]}' on position 2 (argc ${len[1]})` };
    o.packetLen = n;
  }
  if (extra) return { error: `Extra arg \`${extra[0]}' (position 3, argc ${extra[1]})` };
  o.host = host[0];
  if (o.mtu && o.packetLen === null) o.packetLen = 65_000;
  const same = found.addrs.filter((a) => (family ? (typeof a === 'number' ? 4 : 6) === family : true));
  o.addr = (same.find((a) => typeof a === 'number') ?? same[0]) as IpAddr;
  const problem = validate(o);
  return problem ? { error: problem } : { options: o };
}

function validate(o: TraceOptions): string | null {
  if (o.firstHop <= 0 || o.firstHop > o.maxHops) return 'first hop out of range';
  if (o.maxHops > 255) return 'max hops cannot be more than 255';
  if (o.queries <= 0 || o.queries > 10) return 'no more than 10 probes per hop';
  if (o.wait < 0 || o.hereFactor < 0 || o.nearFactor < 0)
    return `bad wait specifications \`${o.wait},${o.hereFactor},${o.nearFactor}' used`;
  if (o.packetLen !== null && o.packetLen > 65000) return `too big packetlen ${o.packetLen} specified`;
  if (o.source !== null && typeof o.source !== typeof o.addr) return 'IP version mismatch in addresses specified';
  if (o.sendWait < 0) return `bad sendtime \`${o.sendWait}' specified`;
  return null;
}
