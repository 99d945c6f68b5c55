/** MD5 (RFC 1321), SHA-1, SHA-256 and SHA-512 (FIPS 180-4) of whole inputs. */

function padded(data: Uint8Array, block: 64 | 128, little: boolean): DataView {
  const lengthBytes = block / 8;
  const total = Math.ceil((data.length + 1 + lengthBytes) / block) * block;
  const out = new Uint8Array(total);
  out.set(data);
  out[data.length] = 0x80;
  const view = new DataView(out.buffer);
  const bits = BigInt(data.length) * 8n;
  view.setBigUint64(total - 8, bits, little);
  return view;
}

const hex = (words: Iterable<number>): string => [...words].map((w) => (w >>> 0).toString(16).padStart(8, '0')).join('');
const rotl = (x: number, n: number): number => (x << n) | (x >>> (32 - n));
const rotr = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

const MD5_SHIFT = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const MD5_K = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);

export function md5(data: Uint8Array): string {
  const view = padded(data, 64, true);
  let [a0, b0, c0, d0] = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let at = 0; at < view.byteLength; at += 64) {
    let [a, b, c, d] = [a0, b0, c0, d0];
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      let f: number;
      let g: number;
      if (round === 0) [f, g] = [(b & c) | (~b & d), i];
      else if (round === 1) [f, g] = [(d & b) | (~d & c), (5 * i + 1) & 15];
      else if (round === 2) [f, g] = [b ^ c ^ d, (3 * i + 5) & 15];
      else [f, g] = [c ^ (b | ~d), (7 * i) & 15];
      const sum = (a + f + (MD5_K[i] as number) + view.getInt32(at + g * 4, true)) | 0;
      [a, d, c, b] = [d, c, b, (b + rotl(sum, MD5_SHIFT[round * 4 + (i & 3)] as number)) | 0];
    }
    [a0, b0, c0, d0] = [(a0 + a) | 0, (b0 + b) | 0, (c0 + c) | 0, (d0 + d) | 0];
  }
  const out = new DataView(new ArrayBuffer(16));
  [a0, b0, c0, d0].forEach((w, i) => {
    out.setInt32(i * 4, w, true);
  });
  return hex([0, 4, 8, 12].map((i) => out.getUint32(i)));
}

export function sha1(data: Uint8Array): string {
  const view = padded(data, 64, false);
  const h = Int32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0);
  const w = new Int32Array(80);
  for (let at = 0; at < view.byteLength; at += 64) {
    for (let i = 0; i < 80; i++)
      w[i] =
        i < 16
          ? view.getInt32(at + i * 4)
          : rotl((w[i - 3] as number) ^ (w[i - 8] as number) ^ (w[i - 14] as number) ^ (w[i - 16] as number), 1);
    let [a, b, c, d, e] = h as unknown as [number, number, number, number, number];
    for (let i = 0; i < 80; i++) {
      const [f, k] =
        i < 20
          ? [(b & c) | (~b & d), 0x5a827999]
          : i < 40
            ? [b ^ c ^ d, 0x6ed9eba1]
            : i < 60
              ? [(b & c) | (b & d) | (c & d), 0x8f1bbcdc]
              : [b ^ c ^ d, 0xca62c1d6];
      const t = (rotl(a, 5) + f + e + k + (w[i] as number)) | 0;
      [e, d, c, b, a] = [d, c, rotl(b, 30), a, t];
    }
    [a, b, c, d, e].forEach((x, i) => {
      h[i] = (h[i] as number) + x;
    });
  }
  return hex(h);
}

/** The first 64 bits of the fractional parts of a root of the first primes: SHA-2's constants, made instead of listed. */
function rootBits(count: number, root: 2 | 3): bigint[] {
  const out: bigint[] = [];
  for (let n = 2n; out.length < count; n++) {
    let prime = true;
    for (let q = 2n; q * q <= n && prime; q++) prime = n % q !== 0n;
    if (!prime) continue;
    let low = 0n;
    const target = n << BigInt(64 * root);
    for (let bit = 1n << 68n; bit > 0n; bit >>= 1n) if ((low + bit) ** BigInt(root) <= target) low += bit;
    out.push(low & 0xffffffffffffffffn);
  }
  return out;
}

let constants: { k: bigint[]; h: bigint[]; k32: Int32Array; h32: Int32Array } | null = null;

function sha2Constants(): NonNullable<typeof constants> {
  if (!constants) {
    const k = rootBits(80, 3);
    const h = rootBits(8, 2);
    const upper = (xs: bigint[]): Int32Array => Int32Array.from(xs, (x) => Number(x >> 32n) | 0);
    constants = { k, h, k32: upper(k.slice(0, 64)), h32: upper(h) };
  }
  return constants;
}

export function sha256(data: Uint8Array): string {
  const view = padded(data, 64, false);
  const { k32, h32 } = sha2Constants();
  const h = Int32Array.from(h32);
  const w = new Int32Array(64);
  for (let at = 0; at < view.byteLength; at += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        w[i] = view.getInt32(at + i * 4);
        continue;
      }
      const x = w[i - 15] as number;
      const y = w[i - 2] as number;
      w[i] =
        (w[i - 16] as number) + (rotr(x, 7) ^ rotr(x, 18) ^ (x >>> 3)) + (w[i - 7] as number) + (rotr(y, 17) ^ rotr(y, 19) ^ (y >>> 10));
    }
    let [a, b, c, d, e, f, g, z] = h as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const t1 = (z + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + (k32[i] as number) + (w[i] as number)) | 0;
      const t2 = ((rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [z, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
    }
    [a, b, c, d, e, f, g, z].forEach((x, i) => {
      h[i] = (h[i] as number) + x;
    });
  }
  return hex(h);
}

const M64 = 0xffffffffffffffffn;
const rotr64 = (x: bigint, n: bigint): bigint => ((x >> n) | (x << (64n - n))) & M64;

export function sha512(data: Uint8Array): string {
  const view = padded(data, 128, false);
  const { k } = sha2Constants();
  const h = [...sha2Constants().h];
  const w: bigint[] = [];
  for (let at = 0; at < view.byteLength; at += 128) {
    for (let i = 0; i < 80; i++) {
      if (i < 16) {
        w[i] = view.getBigUint64(at + i * 8);
        continue;
      }
      const x = w[i - 15] as bigint;
      const y = w[i - 2] as bigint;
      w[i] =
        ((w[i - 16] as bigint) +
          (rotr64(x, 1n) ^ rotr64(x, 8n) ^ (x >> 7n)) +
          (w[i - 7] as bigint) +
          (rotr64(y, 19n) ^ rotr64(y, 61n) ^ (y >> 6n))) &
        M64;
    }
    let [a, b, c, d, e, f, g, z] = h as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint];
    for (let i = 0; i < 80; i++) {
      const t1 =
        (z + (rotr64(e, 14n) ^ rotr64(e, 18n) ^ rotr64(e, 41n)) + ((e & f) ^ (~e & M64 & g)) + (k[i] as bigint) + (w[i] as bigint)) & M64;
      const t2 = ((rotr64(a, 28n) ^ rotr64(a, 34n) ^ rotr64(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c))) & M64;
      [z, g, f, e, d, c, b, a] = [g, f, e, (d + t1) & M64, c, b, a, (t1 + t2) & M64];
    }
    [a, b, c, d, e, f, g, z].forEach((x, i) => {
      h[i] = ((h[i] as bigint) + x) & M64;
    });
  }
  return h.map((x) => x.toString(16).padStart(16, '0')).join('');
}
