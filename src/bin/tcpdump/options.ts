/** tcpdump's command line. Models main() of tcpdump.c */

import { DEFAULT_SNAPLEN } from '../../wire/pcap.ts';
import { getopt, specs } from '../getopt.ts';

export interface TcpdumpOptions {
  /** -n count. */
  numeric: number;
  /** -N: names without their domain. */
  shortNames: boolean;
  link: boolean;
  verbose: number;
  quick: boolean;
  absoluteSeq: boolean;
  noChecksum: boolean;
  /** -T */
  type: string | null;
  /** -t count: 0 clock time … 5. */
  stamp: number;
  nano: boolean;
  /** -x, -X, -A counts. */
  hex: number;
  hexAscii: number;
  ascii: number;
  count: number;
  /** Frames are handed on one by one. */
  immediate: boolean;
  device: string | null;
  lineBuffered: boolean;
  packetBuffered: boolean;
  read: string | null;
  /** -V: a file with names of capture files. */
  readList: string | null;
  write: string | null;
  print: boolean;
  direction: 'in' | 'out' | 'inout';
  snaplen: number;
  promiscuous: boolean;
  list: boolean;
  listTypes: boolean;
  listStamps: boolean;
  datalink: string | null;
  number: boolean;
  countOnly: boolean;
  /** -d count. */
  dump: number;
  optimize: boolean;
  /** -C: bytes after which the next file begins, 0 for one file. */
  rotateBytes: number;
  /** -G: seconds after which the next file begins. */
  rotateSeconds: number;
  /** -W */
  files: number;
  filterFile: string | null;
  /** -Z: whose rights are enough once the device is open. */
  user: string | null;
  /** -I */
  monitor: boolean;
  filter: string;
}

export type ParsedTcpdump =
  | { ok: true; options: TcpdumpOptions }
  | { ok: false; kind: 'usage'; text: string }
  | { ok: false; kind: 'error'; text: string }
  | { ok: false; kind: 'help'; text?: undefined }
  | { ok: false; kind: 'version'; text?: undefined };

const SPECS = specs(
  'A. b. d. D.list-interfaces e. f. h.help H. I.monitor-mode J.list-time-stamp-types K.dont-verify-checksums l. L.list-data-link-types n. N. O.no-optimize p.no-promiscuous-mode q. S.absolute-tcp-sequence-numbers t. u. U.packet-buffered v. x. X. Y. #.number ' +
    'B:buffer-size c: C: E: F: G: i:interface j:time-stamp-type m: M: Q:direction r: s:snapshot-length T: V: w: W: y:linktype z: Z:relinquish-privileges .version .count .immediate-mode .print .micro .nano :time-stamp-precision',
);

/** -T's words; those with a printer here. */
const TYPES = 'vat wb rpc rtp rtcp snmp cnfp tftp aodv carp radius zmtp1 vxlan pgm pgm_zmtp1 lmp resp ptp someip domain'.split(' ');
const PRINTED_TYPES = ['tftp', 'vxlan', 'domain'];
const STAMP_TYPES = ['host', 'host_lowprec', 'host_hiprec', 'adapter', 'adapter_unsynced', 'host_hiprec_unsynced'];
/** Link types that pcap_datalink_name_to_val() knows and this tool can capture or print. */
export const DATALINKS: Record<string, number> = { EN10MB: 1, RAW: 101, LINUX_SLL: 113, LINUX_SLL2: 276, DOCSIS: 143, NULL: 0, PPP: 9 };

/** Options that would change what is captured or printed. */
const NOT_EMULATED: Record<string, string> = { E: 'E', M: 'M', m: 'm', z: 'z', b: 'b', f: 'f', u: 'u', H: 'H' };

class Refused extends Error {}

export function parseTcpdump(args: readonly string[]): ParsedTcpdump {
  const g = getopt(args, SPECS);
  const o: TcpdumpOptions = {
    numeric: 0,
    shortNames: false,
    link: false,
    verbose: 0,
    quick: false,
    absoluteSeq: false,
    noChecksum: false,
    type: null,
    stamp: 0,
    nano: false,
    hex: 0,
    hexAscii: 0,
    ascii: 0,
    count: -1,
    immediate: false,
    device: null,
    lineBuffered: false,
    packetBuffered: false,
    read: null,
    readList: null,
    write: null,
    print: false,
    direction: 'inout',
    snaplen: DEFAULT_SNAPLEN,
    promiscuous: true,
    list: false,
    listTypes: false,
    listStamps: false,
    datalink: null,
    number: false,
    countOnly: false,
    dump: 0,
    optimize: true,
    rotateBytes: 0,
    rotateSeconds: 0,
    files: 0,
    filterFile: null,
    user: null,
    monitor: false,
    filter: '',
  };
  try {
    for (const [key, value] of g.options) {
      if (key === 'help' || key === 'version') return { ok: false, kind: key };
      if (key === 'Y') return { ok: false, kind: 'usage', text: '' };
      apply(o, key, value);
    }
  } catch (e) {
    if (!(e instanceof Refused)) throw e;
    return { ok: false, kind: 'error', text: e.message };
  }
  if (g.error) return { ok: false, kind: 'usage', text: `tcpdump: ${g.error}\n` };
  const refuse = (text: string): ParsedTcpdump => ({ ok: false, kind: 'error', text });
  if (o.stamp > 5) return refuse('only -t, -tt, -ttt, -tttt and -ttttt are supported');
  if (o.read !== null && o.readList !== null) return refuse('-V and -r are mutually exclusive.');
  o.filter = g.operands.join(' ');
  return { ok: true, options: o };
}

function atoi(text: string): number {
  return Number(/^\s*([-+]?\d+)/.exec(text)?.[1] ?? 0);
}

/** Counts and switches that need no check. */
const FLAGS: Readonly<Record<string, (o: TcpdumpOptions) => void>> = {
  A: (o) => o.ascii++,
  d: (o) => o.dump++,
  'list-interfaces': (o) => Object.assign(o, { list: true }),
  'list-data-link-types': (o) => Object.assign(o, { listTypes: true }),
  'list-time-stamp-types': (o) => Object.assign(o, { listStamps: true }),
  e: (o) => Object.assign(o, { link: true }),
  'dont-verify-checksums': (o) => Object.assign(o, { noChecksum: true }),
  l: (o) => Object.assign(o, { lineBuffered: true }),
  n: (o) => o.numeric++,
  N: (o) => Object.assign(o, { shortNames: true }),
  'no-optimize': (o) => Object.assign(o, { optimize: false }),
  'no-promiscuous-mode': (o) => Object.assign(o, { promiscuous: false }),
  q: (o) => Object.assign(o, { quick: true }),
  'absolute-tcp-sequence-numbers': (o) => Object.assign(o, { absoluteSeq: true }),
  t: (o) => o.stamp++,
  'packet-buffered': (o) => Object.assign(o, { packetBuffered: true }),
  v: (o) => o.verbose++,
  x: (o) => o.hex++,
  X: (o) => o.hexAscii++,
  number: (o) => Object.assign(o, { number: true }),
  count: (o) => Object.assign(o, { countOnly: true }),
  print: (o) => Object.assign(o, { print: true }),
  nano: (o) => Object.assign(o, { nano: true }),
  micro: (o) => Object.assign(o, { nano: false }),
};

function apply(o: TcpdumpOptions, key: string, value: string): void {
  const flag = FLAGS[key];
  if (flag) {
    flag(o);
    return;
  }
  switch (key) {
    case 'buffer-size':
      if (atoi(value) <= 0) throw new Refused(`invalid packet buffer size ${value}`);
      break;
    case 'c':
      o.count = atoi(value);
      if (o.count <= 0) throw new Refused(`invalid packet count ${value}`);
      break;
    case 'C':
      if (!/^\s*\+?\d+$/.test(value) || Number(value) <= 0) throw new Refused(`invalid file size ${value}`);
      o.rotateBytes = Number(value) * 1_000_000;
      break;
    case 'F':
      o.filterFile = value;
      break;
    case 'G':
      o.rotateSeconds = atoi(value);
      if (o.rotateSeconds < 0) throw new Refused(`invalid number of seconds ${value}`);
      break;
    case 'interface':
      o.device = value;
      break;
    case 'time-stamp-type':
      if (!STAMP_TYPES.includes(value)) throw new Refused(`invalid time stamp type ${value}`);
      if (value !== 'host') throw new Refused(`-j ${value} is not emulated`);
      break;
    case 'direction': {
      const wanted = value.toLowerCase();
      if (wanted !== 'in' && wanted !== 'out' && wanted !== 'inout') throw new Refused(`unknown capture direction \`${value}'`);
      o.direction = wanted;
      break;
    }
    case 'r':
      o.read = value;
      break;
    case 'snapshot-length': {
      const n = /^\s*[-+]?(0[xX][0-9a-fA-F]+|\d+)$/.test(value) ? Number(value) : Number.NaN;
      if (!(n >= 0 && n <= DEFAULT_SNAPLEN)) throw new Refused(`invalid snaplen ${value} (must be >= 0 and <= ${DEFAULT_SNAPLEN})`);
      o.snaplen = n === 0 ? DEFAULT_SNAPLEN : n;
      break;
    }
    case 'T':
      if (!TYPES.includes(value.toLowerCase())) throw new Refused(`unknown packet type \`${value}'`);
      if (!PRINTED_TYPES.includes(value.toLowerCase())) throw new Refused(`-T ${value} is not emulated`);
      o.type = value.toLowerCase();
      break;
    case 'time-stamp-precision':
      if (value !== 'micro' && value !== 'nano') throw new Refused('unsupported time stamp precision');
      o.nano = value === 'nano';
      break;
    case 'V':
      o.readList = value;
      break;
    case 'w':
      o.write = value;
      break;
    case 'W':
      o.files = atoi(value);
      if (o.files <= 0) throw new Refused(`invalid number of output files ${value}`);
      break;
    case 'linktype':
      if (DATALINKS[value.toUpperCase()] === undefined) throw new Refused(`invalid data link type ${value}`);
      o.datalink = value.toUpperCase();
      break;
    case 'immediate-mode':
      o.immediate = true;
      break;
    case 'relinquish-privileges':
      o.user = value;
      break;
    case 'monitor-mode':
      o.monitor = true;
      break;
    default:
      throw new Refused(`-${NOT_EMULATED[key] ?? key} is not emulated`);
  }
}
