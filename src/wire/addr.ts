/** IP addresses of both families: IPv4 is a number (0 to 2^32-1), IPv6 a bigint, so `typeof` tells the family and `===` compares. */

export type Ip4 = number;
export type Ip6 = bigint;
export type IpAddr = Ip4 | Ip6;
export type Family = 4 | 6;

export interface Prefix {
  readonly addr: IpAddr;
  /** Prefix length, 0 to 32 or 128. */
  readonly len: number;
}

export function familyOf(a: IpAddr): Family {
  return typeof a === 'number' ? 4 : 6;
}

export function maxLen(family: Family): number {
  return family === 4 ? 32 : 128;
}

export function zeroOf(family: Family): IpAddr {
  return family === 4 ? 0 : 0n;
}

/** Strict dotted quad. */
export function parseIp4(text: string): Ip4 | null {
  let a = 0;
  let at = 0;
  for (let part = 0; part < 4; part++) {
    const from = at;
    let n = 0;
    for (let c = text.charCodeAt(at); c >= 48 && c <= 57; c = text.charCodeAt(++at)) n = n * 10 + c - 48;
    if (at === from || at - from > 3 || n > 255) return null;
    if (part < 3 && text.charCodeAt(at++) !== 46) return null;
    a = a * 256 + n;
  }
  return at === text.length ? a : null;
}

export function formatIp4(a: Ip4): string {
  return `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;
}

/** RFC 4291 text, with `::` and an embedded dotted quad; no zone. */
export function parseIp6(text: string): Ip6 | null {
  let t = text;
  const dot = t.lastIndexOf(':');
  if (t.includes('.')) {
    const v4 = parseIp4(t.slice(dot + 1));
    if (v4 === null || dot < 0) return null;
    t = `${t.slice(0, dot + 1)}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`;
  }
  const halves = t.split('::');
  if (halves.length > 2) return null;
  const words = (s: string): string[] => (s === '' ? [] : s.split(':'));
  const head = words(halves[0] as string);
  const tail = halves.length === 2 ? words(halves[1] as string) : [];
  const gap = 8 - head.length - tail.length;
  if (halves.length === 2 ? gap < 1 : gap !== 0) return null;
  let a = 0n;
  for (const w of [...head, ...Array<string>(halves.length === 2 ? gap : 0).fill('0'), ...tail]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(w)) return null;
    a = (a << 16n) | BigInt(Number.parseInt(w, 16));
  }
  return a;
}

/** RFC 5952 text: the longest run of two or more zero words becomes `::`; v4-mapped addresses end in a dotted quad. */
export function formatIp6(a: Ip6): string {
  if (a >> 32n === 0xffffn) return `::ffff:${formatIp4(Number(a & 0xffffffffn))}`;
  const w: number[] = [];
  for (let i = 7; i >= 0; i--) w.push(Number((a >> BigInt(i * 16)) & 0xffffn));
  let best = -1;
  let bestLen = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && w[i + n] === 0) n++;
    if (n > bestLen) {
      best = i;
      bestLen = n;
    }
  }
  const hex = (xs: number[]): string => xs.map((x) => x.toString(16)).join(':');
  return best < 0 ? hex(w) : `${hex(w.slice(0, best))}::${hex(w.slice(best + bestLen))}`;
}

export function parseIp(text: string): IpAddr | null {
  return text.includes(':') ? parseIp6(text) : parseIp4(text);
}

export function formatIp(a: IpAddr): string {
  return typeof a === 'number' ? formatIp4(a) : formatIp6(a);
}

/** Netmask of a prefix length, in the family's own type. */
export function mask4(len: number): Ip4 {
  return len === 0 ? 0 : (-1 << (32 - len)) >>> 0;
}

const ALL6 = (1n << 128n) - 1n;

const MASKS6: readonly Ip6[] = Array.from({ length: 129 }, (_, len) => ALL6 ^ (ALL6 >> BigInt(len)));

export function mask6(len: number): Ip6 {
  return MASKS6[len] ?? ALL6;
}

export function network(a: IpAddr, len: number): IpAddr {
  return typeof a === 'number' ? (a & mask4(len)) >>> 0 : a & mask6(len);
}

/** Last address of the prefix: the directed broadcast in IPv4. */
export function lastOf(a: IpAddr, len: number): IpAddr {
  return typeof a === 'number' ? (a | ~mask4(len)) >>> 0 : a | (ALL6 ^ mask6(len));
}

export function inPrefix(a: IpAddr, net: IpAddr, len: number): boolean {
  if (typeof a === 'number') return typeof net === 'number' && ((a ^ net) & mask4(len)) === 0;
  return typeof net === 'bigint' && ((a ^ net) & mask6(len)) === 0n;
}

export function isLoopback(a: IpAddr): boolean {
  return typeof a === 'number' ? a >>> 24 === 127 : a === 1n;
}

export function isMulticast(a: IpAddr): boolean {
  return typeof a === 'number' ? a >>> 28 === 14 : a >> 120n === 0xffn;
}

/** fe80::/10 or 169.254.0.0/16. */
export function isLinkLocal(a: IpAddr): boolean {
  return typeof a === 'number' ? a >>> 16 === 0xa9fe : a >> 118n === 0x3fan;
}

export function readIp4(b: Uint8Array, at: number): Ip4 {
  return (((b[at] as number) << 24) | ((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number)) >>> 0;
}

export function writeIp4(b: Uint8Array, at: number, a: Ip4): void {
  b[at] = a >>> 24;
  b[at + 1] = a >>> 16;
  b[at + 2] = a >>> 8;
  b[at + 3] = a;
}

export function readIp6(b: Uint8Array, at: number): Ip6 {
  const high = (BigInt(readIp4(b, at)) << 32n) | BigInt(readIp4(b, at + 4));
  const low = (BigInt(readIp4(b, at + 8)) << 32n) | BigInt(readIp4(b, at + 12));
  return (high << 64n) | low;
}

export function writeIp6(b: Uint8Array, at: number, a: Ip6): void {
  const high = a >> 64n;
  writeIp4(b, at, Number(high >> 32n));
  writeIp4(b, at + 4, Number(BigInt.asUintN(32, high)));
  writeIp4(b, at + 8, Number(BigInt.asUintN(32, a >> 32n)));
  writeIp4(b, at + 12, Number(BigInt.asUintN(32, a)));
}
