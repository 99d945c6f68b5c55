/** Bob Jenkins' hash as the kernel has it: what cluster and HMARK choose by. Models include/linux/jhash.h */

const INITVAL = 0xdeadbeef;

const rol = (x: number, k: number): number => (x << k) | (x >>> (32 - k));

function final(a0: number, b0: number, c0: number): number {
  let [a, b, c] = [a0, b0, c0];
  c = (c ^ b) - rol(b, 14);
  a = (a ^ c) - rol(c, 11);
  b = (b ^ a) - rol(a, 25);
  c = (c ^ b) - rol(b, 16);
  a = (a ^ c) - rol(c, 4);
  b = (b ^ a) - rol(a, 14);
  c = (c ^ b) - rol(b, 24);
  return c >>> 0;
}

/** jhash_1word() and jhash_3words(): up to three words. */
export function jhashWords(words: readonly number[], seed: number): number {
  const iv = (seed + INITVAL + (words.length << 2)) | 0;
  return final((iv + (words[0] ?? 0)) | 0, (iv + (words[1] ?? 0)) | 0, (iv + (words[2] ?? 0)) | 0);
}

/** jhash2(): an array of words. */
export function jhash2(words: readonly number[], seed: number): number {
  let a = (INITVAL + (words.length << 2) + seed) | 0;
  let b = a;
  let c = a;
  let at = 0;
  for (; words.length - at > 3; at += 3) {
    a = (a + (words[at] as number)) | 0;
    b = (b + (words[at + 1] as number)) | 0;
    c = (c + (words[at + 2] as number)) | 0;
    a = (a - c) ^ rol(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rol(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rol(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rol(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rol(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rol(b, 4);
    b = (b + a) | 0;
  }
  const rest = words.length - at;
  if (rest > 2) c = (c + (words[at + 2] as number)) | 0;
  if (rest > 1) b = (b + (words[at + 1] as number)) | 0;
  if (rest > 0) a = (a + (words[at] as number)) | 0;
  return rest > 0 ? final(a, b, c) : c >>> 0;
}

/** reciprocal_scale(): a 32-bit value to 0 … n-1. */
export function scale(value: number, n: number): number {
  return Number((BigInt(value >>> 0) * BigInt(n)) >> 32n);
}

/** A 32-bit word with its bytes the other way round: what a little-endian CPU reads of an address. */
export function swap32(n: number): number {
  return (((n & 255) << 24) | ((n & 0xff00) << 8) | ((n >>> 8) & 0xff00) | (n >>> 24)) >>> 0;
}
