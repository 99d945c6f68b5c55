/** tcpdump's command line. Models main() of tcpdump.c */

import { DEFAULT_SNAPLEN } from '../../wire/pcap.ts';
import { getopt, specs } from '../getopt.ts';

export interface TcpdumpOptions {
  numeric: boolean;
  link: boolean;
  verbose: number;
  quick: boolean;
  absoluteSeq: boolean;
  /** -t count: 0 clock time … 5. */
  stamp: number;
  hex: 0 | 1 | 2;
  /** -X, -XX. */
  hexAscii: 0 | 1 | 2;
  /** -A, -AA. */
  ascii: 0 | 1 | 2;
  count: number;
  device: string | null;
  lineBuffered: boolean;
  packetBuffered: boolean;
  read: string | null;
  write: string | null;
  print: boolean;
  direction: 'in' | 'out' | 'inout';
  snaplen: number;
  promiscuous: boolean;
  list: boolean;
  number: boolean;
  countOnly: boolean;
  dump: boolean;
  filterFile: string | null;
  filter: string;
}

export type ParsedTcpdump =
  | { ok: true; options: TcpdumpOptions }
  | { ok: false; kind: 'usage'; text: string }
  | { ok: false; kind: 'error'; text: string }
  | { ok: false; kind: 'help'; text?: undefined }
  | { ok: false; kind: 'version'; text?: undefined };

const SPECS = specs(
  'A. b. d. D.list-interfaces e. f. h.help H. I. J. K. l. L. n. N. O. p.no-promiscuous-mode q. S.absolute-tcp-sequence-numbers t. u. U.packet-buffered v. x. X. #.number ' +
    'B: c: C: E: F: G: i:interface j: M: Q: r: s:snapshot-length T: V: w: W: y: z: Z: .version .count .immediate-mode .print .micro .nano :time-stamp-precision',
);

export function parseTcpdump(args: readonly string[]): ParsedTcpdump {
  const g = getopt(args, SPECS, true);
  const o: TcpdumpOptions = {
    numeric: false,
    link: false,
    verbose: 0,
    quick: false,
    absoluteSeq: false,
    stamp: 0,
    hex: 0,
    hexAscii: 0,
    ascii: 0,
    count: -1,
    device: null,
    lineBuffered: false,
    packetBuffered: false,
    read: null,
    write: null,
    print: false,
    direction: 'inout',
    snaplen: DEFAULT_SNAPLEN,
    promiscuous: true,
    list: false,
    number: false,
    countOnly: false,
    dump: false,
    filterFile: null,
    filter: '',
  };
  const more = (n: 0 | 1 | 2): 1 | 2 => (n === 0 ? 1 : 2);
  for (const [key, value] of g.options) {
    switch (key) {
      case 'help':
        return { ok: false, kind: 'help' };
      case 'version':
        return { ok: false, kind: 'version' };
      case 'A':
        o.ascii = more(o.ascii);
        break;
      case 'c':
        if (!/^\d+/.test(value) || Number.parseInt(value, 10) <= 0)
          return { ok: false, kind: 'error', text: `invalid packet count ${value}` };
        o.count = Number.parseInt(value, 10);
        break;
      case 'd':
        o.dump = true;
        break;
      case 'list-interfaces':
        o.list = true;
        break;
      case 'e':
        o.link = true;
        break;
      case 'F':
        o.filterFile = value;
        break;
      case 'interface':
        o.device = value;
        break;
      case 'l':
        o.lineBuffered = true;
        break;
      case 'n':
        o.numeric = true;
        break;
      case 'no-promiscuous-mode':
        o.promiscuous = false;
        break;
      case 'q':
        o.quick = true;
        break;
      case 'Q':
        if (value !== 'in' && value !== 'out' && value !== 'inout')
          return { ok: false, kind: 'error', text: `unknown capture direction \`${value}'` };
        o.direction = value;
        break;
      case 'r':
        o.read = value;
        break;
      case 's':
      case 'snapshot-length': {
        const n = Number(value);
        if (!(n >= 0 && n <= DEFAULT_SNAPLEN)) return { ok: false, kind: 'error', text: `invalid snaplen ${value}` };
        o.snaplen = n === 0 ? DEFAULT_SNAPLEN : n;
        break;
      }
      case 'absolute-tcp-sequence-numbers':
        o.absoluteSeq = true;
        break;
      case 't':
        o.stamp++;
        break;
      case 'packet-buffered':
        o.packetBuffered = true;
        break;
      case 'v':
        o.verbose++;
        break;
      case 'w':
        o.write = value;
        break;
      case 'x':
        o.hex = more(o.hex);
        break;
      case 'X':
        o.hexAscii = more(o.hexAscii);
        break;
      case 'number':
        o.number = true;
        break;
      case 'count':
        o.countOnly = true;
        break;
      case 'print':
        o.print = true;
        break;
      case 'C':
      case 'E':
      case 'G':
      case 'H':
      case 'I':
      case 'j':
      case 'J':
      case 'L':
      case 'M':
      case 'T':
      case 'V':
      case 'W':
      case 'y':
      case 'z':
        return { ok: false, kind: 'error', text: `-${key} is not emulated` };
      default:
        break;
    }
  }
  if (g.error) return { ok: false, kind: 'usage', text: `tcpdump: ${g.error}\n` };
  o.filter = g.operands.join(' ');
  return { ok: true, options: o };
}
