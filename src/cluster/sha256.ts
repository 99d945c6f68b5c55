/** SHA-256 (FIPS 180-4) and RFC 4648 base32: kube-proxy names its chains with them. */

import { utf8 } from '../wire/bytes.ts';

const K = constants();
const w = new Uint32Array(64);

const rotr = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
const at = (a: Uint32Array, i: number): number => a[i] as number;

/** First 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 4.2.2), by integer search. */
function constants(): Uint32Array {
  const k = new Uint32Array(64);
  let n = 0;
  for (let p = 2n; n < 64; p++) {
    let prime = true;
    for (let d = 2n; d * d <= p; d++) if (p % d === 0n) prime = false;
    if (!prime) continue;
    const target = p << 96n;
    let low = 0n;
    let high = 1n << 40n;
    while (high - low > 1n) {
      const mid = (low + high) >> 1n;
      if (mid * mid * mid <= target) low = mid;
      else high = mid;
    }
    k[n++] = Number(low & 0xffffffffn);
  }
  return k;
}

/** 32 bytes. */
export function sha256(data: Uint8Array | string): Uint8Array {
  const input = typeof data === 'string' ? utf8(data) : data;
  const blocks = Math.ceil((input.length + 9) / 64);
  const m = new Uint8Array(blocks * 64);
  m.set(input);
  m[input.length] = 0x80;
  const view = new DataView(m.buffer);
  view.setUint32(m.length - 8, Math.floor(input.length / 0x20000000));
  view.setUint32(m.length - 4, (input.length * 8) >>> 0);
  const h = Uint32Array.of(0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19);
  for (let block = 0; block < m.length; block += 64) {
    for (let i = 0; i < 16; i++) w[i] = view.getUint32(block + i * 4);
    for (let i = 16; i < 64; i++) {
      const a = at(w, i - 15);
      const b = at(w, i - 2);
      const s0 = rotr(a, 7) ^ rotr(a, 18) ^ (a >>> 3);
      const s1 = rotr(b, 17) ^ rotr(b, 19) ^ (b >>> 10);
      w[i] = at(w, i - 16) + s0 + at(w, i - 7) + s1;
    }
    let a = at(h, 0);
    let b = at(h, 1);
    let c = at(h, 2);
    let d = at(h, 3);
    let e = at(h, 4);
    let f = at(h, 5);
    let g = at(h, 6);
    let hh = at(h, 7);
    for (let i = 0; i < 64; i++) {
      const s1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
      const t1 = (hh + s1 + ((e & f) ^ (~e & g)) + at(K, i) + at(w, i)) | 0;
      const s0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      hh = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    h[0] = at(h, 0) + a;
    h[1] = at(h, 1) + b;
    h[2] = at(h, 2) + c;
    h[3] = at(h, 3) + d;
    h[4] = at(h, 4) + e;
    h[5] = at(h, 5) + f;
    h[6] = at(h, 6) + g;
    h[7] = at(h, 7) + hh;
  }
  const out = new Uint8Array(32);
  const o = new DataView(out.buffer);
  h.forEach((v, i) => {
    o.setUint32(i * 4, v);
  });
  return out;
}

export function base32(bytes: Uint8Array): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = 0;
  let value = 0;
  let out = '';
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      out += alphabet[(value >>> (bits - 5)) & 31];
      bits -= 5;
      value &= (1 << bits) - 1;
    }
  }
  if (bits > 0) out += alphabet[(value << (5 - bits)) & 31];
  return out;
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
}
