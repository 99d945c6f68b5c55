/** nc's command line. Models main() of OpenBSD netcat with Debian's patches */

import { getopt, type OptionSpec } from '../getopt.ts';

export interface NcOptions {
  family: 4 | 6 | null;
  listen: boolean;
  keep: boolean;
  udp: boolean;
  unix: boolean;
  scan: boolean;
  verbose: boolean;
  numeric: boolean;
  detach: boolean;
  crlf: boolean;
  shutdown: boolean;
  broadcast: boolean;
  random: boolean;
  source: string | null;
  port: string | null;
  /** Seconds; null: none. */
  timeout: number | null;
  interval: number | null;
  /** -q: null when not given, negative waits for ever. */
  quit: number | null;
  ttl: number | null;
  tos: number | null;
  recvLimit: number;
  rcvBuf: number | null;
  sndBuf: number | null;
  /** -x and -X; `version` is the SOCKS version, or 'connect'. */
  proxy: string | null;
  proxyVersion: 4 | 5 | 'connect';
  proxyUser: string | null;
  /** -Z: DCCP, which the kernel does not have. */
  dccp: boolean;
  host: string | null;
  ports: string[] | null;
}

/** An error as nc ends with it; `usage` adds the usage text. */
export interface NcError {
  message: string;
  usage: boolean;
  help?: boolean;
}

const LETTERS = '46bC.DdFhI:i:klM:m:NnO:P:p:q:rSs:T:tUuV:vW:w:X:x:Zz';
const SPECS: OptionSpec[] = [...LETTERS.matchAll(/([A-Za-z0-9])(:?)/g)].map((m) => ({
  short: m[1] as string,
  arg: m[2] ? 'required' : 'none',
}));

const TOS: Record<string, number> = {
  af11: 0x28,
  af12: 0x30,
  af13: 0x38,
  af21: 0x48,
  af22: 0x50,
  af23: 0x58,
  af31: 0x68,
  af32: 0x70,
  af33: 0x78,
  af41: 0x88,
  af42: 0x90,
  af43: 0x98,
  critical: 0xa0,
  cs0: 0,
  cs1: 0x20,
  cs2: 0x40,
  cs3: 0x60,
  cs4: 0x80,
  cs5: 0xa0,
  cs6: 0xc0,
  cs7: 0xe0,
  ef: 0xb8,
  inetcontrol: 0xc0,
  lowdelay: 0x10,
  netcontrol: 0xe0,
  reliability: 4,
  throughput: 8,
};

class Bad extends Error {}

/** strtonum() with OpenBSD's words. */
function number(text: string, low: number, high: number, what: string): number {
  if (!/^\s*[-+]?\d+$/.test(text)) throw new Bad(`${what} invalid: ${text}`);
  const n = Number(text);
  if (n < low) throw new Bad(`${what} too small: ${text}`);
  if (n > high) throw new Bad(`${what} too large: ${text}`);
  return n;
}

export function parseNc(args: readonly string[]): NcOptions | NcError {
  const parsed = getopt(args, SPECS);
  const o: NcOptions = {
    family: null,
    listen: false,
    keep: false,
    udp: false,
    unix: false,
    scan: false,
    verbose: false,
    numeric: false,
    detach: false,
    crlf: false,
    shutdown: false,
    broadcast: false,
    random: false,
    source: null,
    port: null,
    timeout: null,
    interval: null,
    quit: null,
    ttl: null,
    tos: null,
    recvLimit: 0,
    rcvBuf: null,
    sndBuf: null,
    proxy: null,
    proxyVersion: 5,
    proxyUser: null,
    dccp: false,
    host: null,
    ports: null,
  };
  try {
    for (const [key, value] of parsed.options) {
      switch (key) {
        case '4':
          o.family = 4;
          break;
        case '6':
          o.family = 6;
          break;
        case 'b':
          o.broadcast = true;
          break;
        case 'C':
          o.crlf = true;
          break;
        case 'D':
          break;
        case 'd':
          o.detach = true;
          break;
        case 'h':
          return { message: '', usage: true, help: true };
        case 'I':
          o.rcvBuf = number(value, 1, 65536 << 14, 'TCP receive window');
          break;
        case 'O':
          o.sndBuf = number(value, 1, 65536 << 14, 'TCP send window');
          break;
        case 'i':
          o.interval = number(value, 0, 0x7fffffff, 'interval');
          break;
        case 'k':
          o.keep = true;
          break;
        case 'l':
          o.listen = true;
          break;
        case 'M':
          o.ttl = number(value, 0, 255, 'ttl');
          break;
        case 'm':
          number(value, 0, 255, 'minttl');
          break;
        case 'N':
          o.shutdown = true;
          break;
        case 'n':
          o.numeric = true;
          break;
        case 'p':
          o.port = value;
          break;
        case 'q':
          o.quit = number(value, -0x7fffffff, 0x7fffffff, 'quit timer');
          if (o.quit >= 0) o.shutdown = true;
          break;
        case 'r':
          o.random = true;
          break;
        case 's':
          o.source = value;
          break;
        case 'T': {
          const named = TOS[value.toLowerCase()] ?? (/^(0x[0-9a-f]+|\d+)$/i.test(value) ? Number(value) : -1);
          if (named < 0 || named > 255) throw new Bad(`illegal tos value ${value}`);
          o.tos = named;
          break;
        }
        case 't':
          break;
        case 'U':
          o.unix = true;
          break;
        case 'u':
          o.udp = true;
          break;
        case 'v':
          o.verbose = true;
          break;
        case 'W':
          o.recvLimit = number(value, 1, 0x7fffffff, 'receive limit');
          break;
        case 'w':
          o.timeout = number(value, 0, 0x7fffffff / 1000, 'timeout');
          break;
        case 'V':
          throw new Bad('no alternate routing table support available');
        case 'S':
          throw new Bad('Unable to read TCP MD5SIG password');
        case 'X':
          if (value !== '4' && value !== '5' && value.toLowerCase() !== 'connect') throw new Bad('unsupported proxy protocol');
          o.proxyVersion = value === '4' ? 4 : value === '5' ? 5 : 'connect';
          break;
        case 'x':
          o.proxy = value;
          break;
        case 'P':
          o.proxyUser = value;
          break;
        case 'Z':
          o.dccp = true;
          break;
        case 'z':
          o.scan = true;
          break;
        default:
          throw new Bad(`-${key} is not emulated`);
      }
    }
  } catch (e) {
    if (e instanceof Bad) return { message: `nc: ${e.message}\n`, usage: false };
    throw e;
  }
  if (parsed.error) return { message: `nc: ${parsed.error}\n`, usage: true };
  const bad = (message: string): NcError => ({ message: `nc: ${message}\n`, usage: false });
  const [first, second, ...more] = parsed.operands;
  if (o.listen && more.length > 0) return { message: '', usage: true };
  if (o.listen && o.source !== null && second !== undefined) return { message: '', usage: true };
  if (o.unix && o.listen && first === undefined && o.source === null) return bad('missing socket pathname');
  if (first === undefined && !o.listen && !o.unix) return { message: '', usage: true };
  if (o.unix) {
    o.host = first ?? o.source;
    if (o.host === null || second !== undefined) return { message: '', usage: true };
  } else if (first !== undefined && second !== undefined) {
    o.host = first;
    o.ports = [second, ...more];
  } else if (o.listen) {
    o.host = o.source;
    const port = o.port ?? first;
    o.ports = port === undefined ? null : [port];
    if (o.port !== null && first !== undefined) o.host = first;
  } else o.host = first as string;
  if (o.listen && o.proxy !== null) return bad('no proxy support for listen');
  if (o.listen && o.scan) return bad('cannot use -z and -l');
  if (!o.listen && o.keep) return bad('must use -l with -k');
  if (!o.unix && o.ports === null) return bad('missing port number');
  return o;
}

/** Single port, service name or `lo-hi`; `service` finds a name's number. */
export function portList(text: string, service: (name: string) => number | null): number[] | string {
  const named = service(text);
  if (named !== null) return [named];
  const dash = /^\d/.test(text) ? text.indexOf('-') : -1;
  try {
    if (dash >= 0) {
      let low = number(text.slice(0, dash), 1, 65_535, 'port number');
      let high = number(text.slice(dash + 1), 1, 65_535, 'port number');
      if (high < low) [low, high] = [high, low];
      return Array.from({ length: high - low + 1 }, (_, i) => low + i);
    }
    return [number(text, 1, 65_535, 'port number')];
  } catch (e) {
    if (e instanceof Bad) return e.message;
    throw e;
  }
}
