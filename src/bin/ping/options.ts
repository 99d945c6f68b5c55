/** ping's command line. Models main() of iputils' ping/ping.c */

import { parseIp4, parseIp6 } from '../../wire/addr.ts';
import { getoptShort } from '../getopt.ts';
import { NODEINFO_HELP, type NodeInfo, nodeInfo } from './nodeinfo.ts';

/** The flavours of RFC 791's Timestamp option. */
export type TimestampOption = 'tsonly' | 'tsandaddr' | 'tsprespec';

export interface PingOptions {
  family: 4 | 6 | null;
  count: number;
  /** Milliseconds. */
  interval: number;
  intervalGiven: boolean;
  size: number;
  ttl: number | null;
  tos: number;
  mark: number;
  ident: number | null;
  device: string | null;
  source4: number | null;
  source6: bigint | null;
  broadcast: boolean;
  numeric: boolean;
  quiet: boolean;
  flood: boolean;
  adaptive: boolean;
  verbose: boolean;
  audible: boolean;
  timestamps: boolean;
  outstanding: boolean;
  preload: number;
  pattern: number[] | null;
  patternText: string;
  pmtudisc: 'do' | 'dont' | 'want' | null;
  recordRoute: boolean;
  timestamp: TimestampOption | null;
  /** -F, null when not given. */
  flowLabel: number | null;
  nodeInfo: NodeInfo | null;
  /** -B: the source address stays the one chosen first. */
  strict: boolean;
  /** Seconds, 0 when not given. */
  deadline: number;
  /** Milliseconds to wait for the last replies. */
  linger: number;
  /** Operands before the target: a source route. */
  via: readonly string[];
  target: string;
}

export type ParsedPing =
  | { ok: true; options: PingOptions; warnings: string }
  | { ok: false; kind: 'usage'; text: string }
  | { ok: false; kind: 'error'; text: string; code: number }
  | { ok: false; kind: 'version' }
  | { ok: false; kind: 'help'; text: string; code: number };

const OPTSTRING = '46?hF:N:bRT:aABc:CdDe:fi:I:l:Lm:M:nOp:qQ:rs:S:t:UvVw:W:';
const MAX_LONG = '9223372036854775807';

class Bad extends Error {
  readonly code: number;
  constructor(text: string, code: number) {
    super(text);
    this.code = code;
  }
}

function integer(text: string, min: number, max: number | string): number {
  if (!/^\s*[-+]?\d+$/.test(text)) throw new Bad(`invalid argument: '${text}'`, 1);
  const n = Number(text);
  if (n < min || n > Number(max)) throw new Bad(`invalid argument: '${text}': out of range: ${min} <= value <= ${max}`, 1);
  return n;
}

export function parsePing(args: readonly string[], argv0: string): ParsedPing {
  const g = getoptShort(args, OPTSTRING);
  const o: PingOptions = {
    family: argv0 === 'ping6' ? 6 : argv0 === 'ping4' ? 4 : null,
    count: 0,
    interval: 1000,
    intervalGiven: false,
    size: 56,
    ttl: null,
    tos: 0,
    mark: 0,
    ident: null,
    device: null,
    source4: null,
    source6: null,
    broadcast: false,
    numeric: false,
    quiet: false,
    flood: false,
    adaptive: false,
    verbose: false,
    audible: false,
    timestamps: false,
    outstanding: false,
    preload: 1,
    pattern: null,
    patternText: '',
    pmtudisc: null,
    recordRoute: false,
    timestamp: null,
    flowLabel: null,
    nodeInfo: null,
    strict: false,
    deadline: 0,
    linger: 10_000,
    via: [],
    target: '',
  };
  let warnings = '';
  const double = (text: string, what: string, min: number): number => {
    const m = /^\s*[-+]?(\d+\.?\d*([eE][-+]?\d+)?|\.\d+)/.exec(text);
    if (!m || m[0].length !== text.length) {
      warnings += `${argv0}: option argument contains garbage: ${text.slice(m ? m[0].length : 0)}\n${argv0}: this will become fatal error in the future\n`;
    }
    const n = m ? Number(m[0]) : 0;
    if (n < min || n > 2147483.647) throw new Bad(`${what}: ${text}`, 2);
    return n;
  };
  try {
    for (const [key, value] of g.options) {
      switch (key) {
        case '4':
        case '6': {
          const family = Number(key) as 4 | 6;
          if (o.family !== null && o.family !== family && argv0 === 'ping') throw new Bad('only one -4 or -6 option may be specified', 2);
          o.family = family;
          break;
        }
        case 'h':
        case '?':
          return { ok: false, kind: 'usage', text: '' };
        case 'V':
          return { ok: false, kind: 'version' };
        case 'a':
          o.audible = true;
          break;
        case 'A':
          o.adaptive = true;
          break;
        case 'B':
          o.strict = true;
          break;
        case 'b':
          o.broadcast = true;
          break;
        case 'c':
          o.count = integer(value, 1, MAX_LONG);
          break;
        case 'D':
          o.timestamps = true;
          break;
        case 'e':
          o.ident = integer(value, 0, 65535);
          break;
        case 'f':
          o.flood = true;
          break;
        case 'i':
          o.interval = Math.floor(double(value, 'bad timing interval', Number.NEGATIVE_INFINITY) * 1000);
          o.intervalGiven = true;
          break;
        case 'I': {
          const v6 = parseIp6(value);
          const v4 = parseIp4(value);
          if (v6 !== null) o.source6 = v6;
          else if (v4 !== null) o.source4 = v4;
          else o.device = value;
          break;
        }
        case 'l':
          o.preload = integer(value, 1, 65536);
          break;
        case 'm':
          o.mark = integer(value, 0, 4294967295);
          break;
        case 'M':
          if (value !== 'do' && value !== 'dont' && value !== 'want') throw new Bad(`invalid -M argument: ${value}`, 2);
          o.pmtudisc = value;
          break;
        case 'n':
          o.numeric = true;
          break;
        case 'O':
          o.outstanding = true;
          break;
        case 'p': {
          const bad = /[^0-9a-fA-F]/.test(value);
          if (bad) throw new Bad(`patterns must be specified as hex digits: ${value}`, 2);
          o.pattern = (value.slice(0, 32).match(/..?/g) ?? []).map((x) => Number.parseInt(x, 16));
          o.patternText = o.pattern.map((x) => x.toString(16).padStart(2, '0')).join('');
          break;
        }
        case 'q':
          o.quiet = true;
          break;
        case 'Q':
          if (!/^(0[xX][0-9a-fA-F]+|\d+)$/.test(value)) throw new Bad(`bad TOS value: ${value}`, 2);
          if (Number(value) > 255) throw new Bad(`the decimal value of TOS bits must be in range 0-255: ${value}`, 2);
          o.tos = Number(value);
          break;
        case 'R':
          if (o.timestamp) throw new Bad('only one of -T or -R may be used', 2);
          o.recordRoute = true;
          break;
        case 'S':
          integer(value, 1, 2147483647);
          break;
        case 's':
          o.size = integer(value, 0, 2147483647);
          break;
        case 't':
          o.ttl = integer(value, 0, 255);
          break;
        case 'v':
          o.verbose = true;
          break;
        case 'w':
          o.deadline = integer(value, 0, 2147483647);
          break;
        case 'W':
          o.linger = Math.floor(double(value, 'bad linger time', 0) * 1000);
          break;
        case 'F':
          if (!/^(0[xX][0-9a-fA-F]+|\d+)$/.test(value)) throw new Bad(`bad value for flowinfo: ${value}`, 2);
          if (Number(value) > 0xfffff) throw new Bad(`flow value is greater than 20 bits: ${value}`, 2);
          o.flowLabel = Number(value);
          break;
        case 'N': {
          const asked = nodeInfo(value);
          if (!asked) return { ok: false, kind: 'help', text: NODEINFO_HELP, code: value === 'help' ? 0 : 2 };
          o.nodeInfo = asked;
          break;
        }
        case 'T':
          if (o.recordRoute) throw new Bad('only one of -T or -R may be used', 2);
          if (value !== 'tsonly' && value !== 'tsandaddr' && value !== 'tsprespec') throw new Bad(`invalid timestamp type: ${value}`, 2);
          if (value !== 'tsprespec') throw new Bad(`-T ${value} is not emulated`, 2);
          o.timestamp = value;
          break;
        default:
          break;
      }
    }
  } catch (e) {
    if (e instanceof Bad) return { ok: false, kind: 'error', text: `${warnings}${argv0}: ${e.message}\n`, code: e.code };
    throw e;
  }
  if (g.error) return { ok: false, kind: 'usage', text: `${argv0}: ${g.error}\n` };
  if (g.operands.length === 0) return { ok: false, kind: 'error', text: `${argv0}: usage error: Destination address required\n`, code: 1 };
  o.target = g.operands.at(-1) as string;
  o.via = g.operands.slice(0, -1);
  if (o.via.length > 0 && (o.recordRoute || o.via.length > 9)) return { ok: false, kind: 'usage', text: '' };
  if (o.via.length > 0 && o.timestamp)
    return { ok: false, kind: 'error', text: `${argv0}: -T tsprespec with addresses is not emulated\n`, code: 2 };
  if ((o.flood || o.adaptive) && !o.intervalGiven) o.interval = 0;
  return { ok: true, options: o, warnings };
}
