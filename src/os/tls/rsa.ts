/** RSA: key generation, PKCS #1 v1.5 and PSS signatures. RFC 8017 */

import type { Rng } from '../../sim/rng.ts';
import { concat } from '../../wire/bytes.ts';
import { bigToBytes, bytesToBig } from '../../wire/der.ts';
import type { Task } from '../program.ts';
import { digest, type HashName, randomBytes } from './primitives.ts';

export interface RsaPublic {
  n: bigint;
  e: bigint;
}

export interface RsaPrivate extends RsaPublic {
  d: bigint;
  p: bigint;
  q: bigint;
}

const WINDOW = 5n;

function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let b = base % modulus;
  if (exponent < 1n << 20n) {
    let r = 1n;
    for (let e = exponent; e > 0n; e >>= 1n) {
      if (e & 1n) r = (r * b) % modulus;
      b = (b * b) % modulus;
    }
    return r;
  }
  const table = [1n, b];
  for (let i = 2; i < 1 << Number(WINDOW); i++) table.push(((table[i - 1] as bigint) * b) % modulus);
  const digits: number[] = [];
  for (let e = exponent; e > 0n; e >>= WINDOW) digits.push(Number(e & ((1n << WINDOW) - 1n)));
  let r = 1n;
  for (let i = digits.length - 1; i >= 0; i--) {
    for (let k = 0n; k < WINDOW; k++) r = (r * r) % modulus;
    const d = digits[i] as number;
    if (d !== 0) r = (r * (table[d] as bigint)) % modulus;
  }
  return r;
}

function inverse(a: bigint, m: bigint): bigint {
  let [r0, r1, s0, s1] = [m, a % m, 0n, 1n];
  while (r1 !== 0n) {
    const q = r0 / r1;
    [r0, r1] = [r1, r0 - q * r1];
    [s0, s1] = [s1, s0 - q * s1];
  }
  return ((s0 % m) + m) % m;
}

const SMALL: readonly number[] = (() => {
  const sieve = new Uint8Array(8192);
  const out: number[] = [];
  for (let i = 2; i < sieve.length; i++) {
    if (sieve[i]) continue;
    if (i > 2) out.push(i);
    for (let k = i * i; k < sieve.length; k += i) sieve[k] = 1;
  }
  return out;
})();

const MILLER_RABIN_ROUNDS = 4;
const MAX_TRIES = 100_000;

function probablePrime(n: bigint, rng: Rng): boolean {
  let d = n - 1n;
  let s = 0;
  while ((d & 1n) === 0n) {
    d >>= 1n;
    s++;
  }
  for (let round = 0; round < MILLER_RABIN_ROUNDS; round++) {
    const a = round === 0 ? 2n : 2n + BigInt(rng.u32());
    let x = modPow(a, d, n);
    if (x === 1n || x === n - 1n) continue;
    let composite = true;
    for (let i = 1; i < s && composite; i++) {
      x = (x * x) % n;
      composite = x !== n - 1n;
    }
    if (composite) return false;
  }
  return true;
}

/** Gives way after each candidate that had to be tested. */
function* prime(bits: number, e: bigint, rng: Rng): Task<bigint> {
  for (let n = 0; n < MAX_TRIES; n++) {
    const b = randomBytes(rng, bits / 8);
    b[0] = (b[0] as number) | 0xc0;
    b[b.length - 1] = (b[b.length - 1] as number) | 1;
    const start = bytesToBig(b);
    const rests = SMALL.map((p) => Number(start % BigInt(p)));
    for (let step = 0; step < 4096; step += 2) {
      if (SMALL.some((p, i) => ((rests[i] as number) + step) % p === 0)) continue;
      const candidate = start + BigInt(step);
      yield { cost: 200 };
      if (probablePrime(candidate, rng) && (candidate - 1n) % e !== 0n) return candidate;
    }
  }
  throw new Error('no prime found');
}

export function* generateRsa(bits: number, rng: Rng): Task<RsaPrivate> {
  const e = 65537n;
  const p = yield* prime(bits / 2, e, rng);
  let q = yield* prime(bits / 2, e, rng);
  while (q === p) q = yield* prime(bits / 2, e, rng);
  const [big, small] = p > q ? [p, q] : [q, p];
  return { n: p * q, e, d: inverse(e, (p - 1n) * (q - 1n)), p: big, q: small };
}

const rsaSize = (k: RsaPublic): number => Math.ceil(k.n.toString(2).length / 8);

/** By the Chinese remainder theorem. */
function privateOp(k: RsaPrivate, m: bigint): bigint {
  const a = modPow(m % k.p, k.d % (k.p - 1n), k.p);
  const b = modPow(m % k.q, k.d % (k.q - 1n), k.q);
  const h = ((((a - b) * inverse(k.q, k.p)) % k.p) + k.p) % k.p;
  return b + h * k.q;
}

const PREFIX: Partial<Record<HashName, readonly number[]>> = {
  sha1: [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14],
  sha256: [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20],
  sha384: [0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30],
  sha512: [0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40],
};

function pkcs1(hash: HashName, data: Uint8Array, size: number): Uint8Array {
  const t = concat([Uint8Array.from(PREFIX[hash] ?? []), digest(hash, data)]);
  return concat([Uint8Array.of(0, 1), new Uint8Array(size - t.length - 3).fill(0xff), Uint8Array.of(0), t]);
}

export function rsaSign(k: RsaPrivate, hash: HashName, data: Uint8Array): Uint8Array {
  const size = rsaSize(k);
  return bigToBytes(privateOp(k, bytesToBig(pkcs1(hash, data, size))), size);
}

export function rsaVerify(k: RsaPublic, hash: HashName, data: Uint8Array, signature: Uint8Array): boolean {
  const size = rsaSize(k);
  return modPow(bytesToBig(signature), k.e, k.n) === bytesToBig(pkcs1(hash, data, size));
}

function mgf1(hash: HashName, seed: Uint8Array, length: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let i = 0, got = 0; got < length; i++) {
    const block = digest(hash, concat([seed, Uint8Array.of(i >>> 24, i >>> 16, i >>> 8, i)]));
    parts.push(block);
    got += block.length;
  }
  return concat(parts).subarray(0, length);
}

const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((x, i) => x ^ (b[i] as number));

/** Salt as long as the hash, as TLS wants it. */
export function pssSign(k: RsaPrivate, hash: HashName, data: Uint8Array, rng: Rng): Uint8Array {
  const bits = k.n.toString(2).length - 1;
  const size = Math.ceil(bits / 8);
  const h = digest(hash, data);
  const salt = randomBytes(rng, h.length);
  const m = digest(hash, concat([new Uint8Array(8), h, salt]));
  const db = concat([new Uint8Array(size - salt.length - m.length - 2), Uint8Array.of(1), salt]);
  const masked = xor(db, mgf1(hash, m, db.length));
  masked[0] = (masked[0] as number) & (0xff >> (8 * size - bits));
  return bigToBytes(privateOp(k, bytesToBig(concat([masked, m, Uint8Array.of(0xbc)]))), rsaSize(k));
}

export function pssVerify(k: RsaPublic, hash: HashName, data: Uint8Array, signature: Uint8Array): boolean {
  const bits = k.n.toString(2).length - 1;
  const size = Math.ceil(bits / 8);
  const em = bigToBytes(modPow(bytesToBig(signature), k.e, k.n), size);
  const h = digest(hash, data);
  if (em.length !== size || em.at(-1) !== 0xbc) return false;
  const m = em.subarray(size - h.length - 1, size - 1);
  const masked = em.subarray(0, size - h.length - 1);
  const db = xor(masked, mgf1(hash, m, masked.length));
  db[0] = (db[0] as number) & (0xff >> (8 * size - bits));
  const one = db.indexOf(1);
  if (one < 0 || db.subarray(0, one).some((x) => x !== 0)) return false;
  const salt = db.subarray(one + 1);
  const again = digest(hash, concat([new Uint8Array(8), h, salt]));
  return again.every((x, i) => x === m[i]);
}
