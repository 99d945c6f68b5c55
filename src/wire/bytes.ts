/** Big-endian reads and writes on byte arrays, room for packets, text conversion, the Internet checksum (RFC 1071). */

/** Packets are cut from pieces of this size: an engine makes a view of a buffer ten times faster than a buffer. */
const SLAB = 32_768;
const LARGEST = 2048;
let slab = new ArrayBuffer(SLAB);
let used = 0;

/** Zeroed bytes for a packet. Its `buffer` is shared: never look at that without `byteOffset`. */
export function alloc(size: number): Uint8Array {
  if (size > LARGEST) return new Uint8Array(size);
  let at = used;
  if (at + size > SLAB) {
    slab = new ArrayBuffer(SLAB);
    at = 0;
  }
  used = (at + size + 7) & ~7;
  return new Uint8Array(slab, at, size);
}

/** A copy of a packet's bytes. */
export function copy(b: Uint8Array): Uint8Array {
  const out = alloc(b.length);
  out.set(b);
  return out;
}

export function u16(b: Uint8Array, at: number): number {
  return ((b[at] as number) << 8) | (b[at + 1] as number);
}

export function u32(b: Uint8Array, at: number): number {
  return (((b[at] as number) << 24) | ((b[at + 1] as number) << 16) | ((b[at + 2] as number) << 8) | (b[at + 3] as number)) >>> 0;
}

export function put16(b: Uint8Array, at: number, v: number): void {
  b[at] = v >>> 8;
  b[at + 1] = v;
}

export function put32(b: Uint8Array, at: number, v: number): void {
  b[at] = v >>> 24;
  b[at + 1] = v >>> 16;
  b[at + 2] = v >>> 8;
  b[at + 3] = v;
}

/** One's-complement sum of 16-bit words from `from` to `to`, not folded: start values may be chained. */
export function sum16(b: Uint8Array, from: number, to: number, start = 0): number {
  let sum = start;
  let i = from;
  for (; i + 1 < to; i += 2) sum += ((b[i] as number) << 8) | (b[i + 1] as number);
  if (i < to) sum += (b[i] as number) << 8;
  return sum;
}

/** Folds a sum16 and complements it: the value that stands in a header. */
export function fold16(sum: number): number {
  let s = sum;
  while (s > 0xffff) s = (s & 0xffff) + Math.floor(s / 65536);
  return ~s & 0xffff;
}

export function checksum(b: Uint8Array, from = 0, to = b.length): number {
  return fold16(sum16(b, from, to));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Lossy UTF-8 decoding (bad bytes become U+FFFD). */
export function text(b: Uint8Array): string {
  return decoder.decode(b);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
