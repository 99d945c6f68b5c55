/** What the printers share: a cursor over the captured bytes that ends a printer where the capture ends. Models netdissect.h, util-print.c */

import { formatIp4, formatIp6, type IpAddr, readIp4, readIp6 } from '../../../wire/addr.ts';
import { formatMac, readMac } from '../../../wire/mac.ts';

export interface PrintOptions {
  /** -e */
  link: boolean;
  /** -v, -vv, -vvv */
  verbose: number;
  quick: boolean;
  absoluteSeq: boolean;
  /** -K: checksums are not verified. */
  noChecksum?: boolean;
  /** -T: what the payload is, whatever the port says. */
  type?: string | null;
  /** Hex dumps are printed after the packet: unknown packets need none of their own (-x, -X, -A). */
  suppressDefault?: boolean;
}

/** Names and options, as the program sets them. */
export interface Names {
  readonly o: PrintOptions;
  host(addr: IpAddr): string;
  /** Service name or number. */
  port(n: number, proto: 'tcp' | 'udp'): string;
  /** Name of an IP protocol, null with -n or when there is none. */
  protocol?(n: number): string | null;
}

/** The packet was not captured as far as a printer wanted to read (nd_trunc_longjmp). */
export class Truncated extends Error {}

export type Tokens = Readonly<Record<number, string>>;

export class Ndo {
  readonly o: PrintOptions;
  readonly names: Names;
  /** First sequence numbers of each TCP conversation, by its ordered ends. */
  readonly conversations: Map<string, { seq: number; ack: number }>;
  readonly b: Uint8Array;
  /** ndo_snapend: where the captured bytes of the present layer end. */
  end: number;
  out = '';
  /** Whom the `[|…]` of a truncated packet names. */
  protocol = '';
  /** Encapsulation depth, bounded so that crafted packets end. */
  depth = 0;

  constructor(names: Names, conversations: Map<string, { seq: number; ack: number }>, b: Uint8Array) {
    this.names = names;
    this.o = names.o;
    this.conversations = conversations;
    this.b = b;
    this.end = b.length;
  }

  print(text: string): void {
    this.out += text;
  }

  has(at: number, n: number): boolean {
    return at >= 0 && n >= 0 && at + n <= this.end;
  }

  check(at: number, n: number): void {
    if (!this.has(at, n)) throw new Truncated();
  }

  u8(at: number): number {
    this.check(at, 1);
    return this.b[at] as number;
  }

  u16(at: number): number {
    this.check(at, 2);
    return ((this.b[at] as number) << 8) | (this.b[at + 1] as number);
  }

  u24(at: number): number {
    this.check(at, 3);
    return ((this.b[at] as number) << 16) | ((this.b[at + 1] as number) << 8) | (this.b[at + 2] as number);
  }

  u32(at: number): number {
    return this.u16(at) * 65536 + this.u16(at + 2);
  }

  ip4(at: number): string {
    this.check(at, 4);
    return this.names.host(readIp4(this.b, at));
  }

  ip6(at: number): string {
    this.check(at, 16);
    return this.names.host(readIp6(this.b, at));
  }

  /** Without names. */
  plainIp4(at: number): string {
    this.check(at, 4);
    return formatIp4(readIp4(this.b, at));
  }

  plainIp6(at: number): string {
    this.check(at, 16);
    return formatIp6(readIp6(this.b, at));
  }

  mac(at: number): string {
    this.check(at, 6);
    return formatMac(readMac(this.b, at));
  }

  left(at: number): number {
    return Math.max(0, this.end - at);
  }

  bytes(at: number, n: number): Uint8Array {
    return this.b.subarray(at, Math.max(at, Math.min(at + n, this.end)));
  }

  truncated(): void {
    this.out += ` [|${this.protocol}]`;
  }

  invalid(): void {
    this.out += ' (invalid)';
  }

  /** Runs a printer whose bytes end `length` after `at` at the latest (nd_push_snaplen). */
  within(at: number, length: number, printer: () => void): void {
    const saved = this.end;
    this.end = Math.min(saved, at + length);
    printer();
    this.end = saved;
  }

  /** print_unknown_data(): a hex dump on lines of its own. */
  unknownData(at: number, indent: string, length: number): void {
    const n = Math.min(length, this.left(at));
    if (n > 0) this.out += hexLines(this.b.subarray(at, at + n), indent);
  }

  /** ND_DEFAULTPRINT: what no printer knows, in hex and text; not when all packets are dumped anyway. */
  defaultPrint(at: number, length: number): void {
    const n = Math.min(length, this.left(at));
    if (n > 0 && !this.o.suppressDefault) this.out += `\n${hexAsciiDump(this.b.subarray(at, at + n))}`;
  }

  /** fn_print_str and relatives: printable as it is, the rest as ^X or M-x. */
  text(at: number, n: number): void {
    this.out += safe(this.bytes(at, n));
  }

  /** nd_printztn(): up to a NUL; false when neither it nor `n` bytes were there. */
  zeroTerminated(at: number, n: number): boolean {
    for (let i = 0; i < n; i++) {
      if (at + i >= this.end) return false;
      const c = this.b[at + i] as number;
      if (c === 0) return true;
      this.out += safe(Uint8Array.of(c));
    }
    return true;
  }
}

export function safe(b: Uint8Array): string {
  let out = '';
  for (const c of b) {
    const low = c & 0x7f;
    out += c > 127 ? 'M-' : '';
    out += low >= 32 && low < 127 ? String.fromCharCode(low) : `^${String.fromCharCode(low ^ 0x40)}`;
  }
  return out;
}

/** bittok2str(): names of the bits that are set. */
export function bits(names: readonly (readonly [number, string])[], value: number, separator = ', ', none = 'none'): string {
  const found = names.filter(([bit]) => (value & bit) === bit && bit !== 0).map(([, name]) => name);
  return found.length > 0 ? found.join(separator) : none;
}

export const hex = (n: number, width = 0): string => (n >>> 0).toString(16).padStart(width, '0');

/** Lines of 16 bytes in pairs, each begun by `indent` (hex_print_with_offset). */
export function hexLines(b: Uint8Array, indent: string, from = 0): string {
  let out = '';
  for (let at = 0; at < b.length; at += 16) out += `${indent}0x${hex(from + at, 4)}:  ${pairs(b.subarray(at, at + 16))}`;
  return out;
}

/** -x: 16 bytes a line in pairs. */
export function hexDump(b: Uint8Array): string {
  return hexLines(b, '\n\t').slice(1);
}

/** -X: the same with text beside it. */
export function hexAsciiDump(b: Uint8Array, indent = '\t'): string {
  const rows: string[] = [];
  for (let at = 0; at < b.length; at += 16) {
    const row = b.subarray(at, at + 16);
    const text = [...row].map((x) => (x > 32 && x < 127 ? String.fromCharCode(x) : '.')).join('');
    rows.push(`${indent}0x${hex(at, 4)}:  ${pairs(row).padEnd(39)}  ${text}`);
  }
  return rows.join('\n');
}

function pairs(row: Uint8Array): string {
  let out = '';
  for (let i = 0; i < row.length; i++) out += (i > 0 && i % 2 === 0 ? ' ' : '') + hex(row[i] as number, 2);
  return out;
}

/** -A: text only; carriage returns before a line end vanish. */
export function asciiDump(b: Uint8Array): string {
  let out = '';
  for (const [i, x] of b.entries()) {
    if (x === 13) {
      if (b[i + 1] !== 10) out += '.';
    } else if (x === 10 || x === 9) out += String.fromCharCode(x);
    else out += x >= 32 && x < 127 ? String.fromCharCode(x) : '.';
  }
  return out;
}

/** 90 as `1m30s` (unsigned_relts_print). */
export function duration(seconds: number): string {
  if (seconds === 0) return '0s';
  let rest = seconds;
  let out = '';
  for (const [unit, size] of [
    ['y', 31_536_000],
    ['w', 604_800],
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    if (rest >= size) {
      out += `${Math.floor(rest / size)}${unit}`;
      rest %= size;
    }
  }
  return out;
}
