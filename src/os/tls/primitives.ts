/** The cryptography under TLS: hashes, key derivation, AES-GCM, X25519, P-256, from the noble libraries. Randomness is the simulation's */

import { gcm } from '@noble/ciphers/aes.js';
import { x25519 as curve25519, ed25519 } from '@noble/curves/ed25519.js';
import { p256 as nist256 } from '@noble/curves/nist.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { md5, sha1 } from '@noble/hashes/legacy.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import type { Rng } from '../../sim/rng.ts';
import { utf8 } from '../../wire/bytes.ts';
import { GROUP_P256, GROUP_X25519 } from '../../wire/tls.ts';

export const HASHES = { md5, sha1, sha224, sha256, sha384, sha512 } as const;
export type HashName = keyof typeof HASHES;

export const digest = (name: HashName, data: Uint8Array): Uint8Array => HASHES[name](data);
export const hmacOf = (name: HashName, key: Uint8Array, data: Uint8Array): Uint8Array => hmac(HASHES[name], key, data);

interface Sealed {
  readonly aad: Uint8Array;
  readonly plain: Uint8Array;
  readonly sealed: Uint8Array;
}

/** What was sealed and is still under way, by key and nonce: the other end, which is computed here too, need not decipher it again. */
const underWay = new Map<string, Sealed>();
const MAX_UNDER_WAY = 64;

const same = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

const recordKey = (key: Uint8Array, nonce: Uint8Array): string => String.fromCharCode(...key, ...nonce);

export function seal(key: Uint8Array, nonce: Uint8Array, data: Uint8Array, aad: Uint8Array): Uint8Array {
  const sealed = gcm(key, nonce, aad).encrypt(data);
  const id = recordKey(key, nonce);
  underWay.delete(id);
  if (underWay.size >= MAX_UNDER_WAY) underWay.delete(underWay.keys().next().value as string);
  underWay.set(id, { aad: aad.slice(), plain: data.slice(), sealed });
  return sealed;
}

/** Null when the tag does not fit. */
export function open(key: Uint8Array, nonce: Uint8Array, data: Uint8Array, aad: Uint8Array): Uint8Array | null {
  const id = recordKey(key, nonce);
  const known = underWay.get(id);
  if (known && same(known.aad, aad) && same(known.sealed, data)) {
    underWay.delete(id);
    return known.plain;
  }
  try {
    return gcm(key, nonce, aad).decrypt(data);
  } catch {
    return null;
  }
}

export function randomBytes(rng: Rng, n: number): Uint8Array {
  const b = new Uint8Array(n);
  for (let i = 0; i < n; i += 4) {
    const v = rng.u32();
    for (let k = 0; k < 4 && i + k < n; k++) b[i + k] = (v >>> (8 * k)) & 255;
  }
  return b;
}

/**
 * Results of pure functions of bytes, by these bytes. Both ends of a connection are computed here, and the same certificates are looked
 * at again and again: most of the curves' arithmetic would be repetition.
 */
class Known<T> {
  private readonly values = new Map<string, T>();

  of(parts: readonly Uint8Array[], compute: () => T): T {
    const key = parts.map((b) => String.fromCharCode(b.length, ...b)).join('');
    const known = this.values.get(key);
    if (known !== undefined) return known;
    const value = compute();
    if (this.values.size >= MAX_KNOWN) this.values.clear();
    this.values.set(key, value);
    return value;
  }
}

const MAX_KNOWN = 512;
/** Longer data is not kept: it is a document and no handshake. */
const MAX_KEPT = 4096;

const extracted = new Known<Uint8Array>();
const expanded = new Known<Uint8Array>();

export const hkdfExtract = (name: HashName, salt: Uint8Array, key: Uint8Array): Uint8Array =>
  extracted.of([utf8(name), salt, key], () => extract(HASHES[name], key, salt)).slice();
export const hkdfExpand = (name: HashName, key: Uint8Array, info: Uint8Array, length: number): Uint8Array =>
  expanded.of([utf8(`${name} ${length}`), key, info], () => expand(HASHES[name], key, info, length)).slice();

export interface Exchange {
  group: number;
  secret: Uint8Array;
  share: Uint8Array;
}

/** By preference; an OpenSSL server takes the first of the client's that it knows. */
export const GROUPS: readonly number[] = [GROUP_X25519, GROUP_P256];

export function exchange(group: number, rng: Rng): Exchange {
  const secret = group === GROUP_P256 ? p256Secret(rng) : randomBytes(rng, 32);
  if (group === GROUP_P256) return { group, secret, share: p256Public(secret) };
  const share = timesBase(scalar(secret));
  secrets.of([share], () => secret);
  return { group, secret, share };
}

/** X25519 secrets by their shares; null for a share that was not made here. */
const secrets = new Known<Uint8Array | null>();

/** The number that X25519 takes a secret for. RFC 7748 5 */
function scalar(secret: Uint8Array): bigint {
  const b = secret.slice();
  b[0] = (b[0] as number) & 248;
  b[31] = ((b[31] as number) & 127) | 64;
  return bytesToNumberLE(b);
}

/** X25519 of a number and the base point, by way of the Edwards curve, where the point's multiples are known. */
function timesBase(n: bigint): Uint8Array {
  const { Fn, Fp, BASE } = ed25519.Point;
  const { Y, Z } = BASE.multiplyUnsafe(Fn.create(n));
  return Fp.toBytes(Fp.div(Fp.add(Z, Y), Fp.sub(Z, Y)));
}

const shared = new Known<Uint8Array | null>();

const before = (a: Uint8Array, b: Uint8Array): boolean => {
  const i = a.findIndex((x, n) => x !== b[n]);
  return i >= 0 && (a[i] as number) < (b[i] ?? 0);
};

/** Null for a share that is no point to work with. Both sides come to the same secret, so it is known by the two shares. */
export function sharedSecret(own: Exchange, share: Uint8Array): Uint8Array | null {
  return shared.of(before(own.share, share) ? [own.share, share] : [share, own.share], () => {
    try {
      if (own.group === GROUP_P256) return nist256.getSharedSecret(own.secret, share).slice(1);
      const theirs = secrets.of([share], () => null);
      return theirs ? timesBase(scalar(own.secret) * scalar(theirs)) : curve25519.getSharedSecret(own.secret, share);
    } catch {
      return null;
    }
  });
}

const points = new Known<Uint8Array>();

/** Uncompressed public point of a P-256 secret. */
export const p256Public = (secret: Uint8Array): Uint8Array => points.of([secret], () => nist256.getPublicKey(secret, false));

export function p256Secret(rng: Rng): Uint8Array {
  for (let n = 0; n < 64; n++) {
    const secret = randomBytes(rng, 32);
    if (nist256.utils.isValidSecretKey(secret)) return secret;
  }
  return Uint8Array.from({ length: 32 }, (_, i) => i + 1);
}

const valid = new Known<boolean>();

/** DER signature over SHA-256 of the data; deterministic (RFC 6979). `point` is the secret's. */
export function p256Sign(secret: Uint8Array, data: Uint8Array, point: Uint8Array): Uint8Array {
  const signature = nist256.sign(data, secret, { format: 'der', lowS: false });
  if (data.length <= MAX_KEPT) valid.of([point, data, signature], () => true);
  return signature;
}

export function p256Verify(point: Uint8Array, data: Uint8Array, signature: Uint8Array): boolean {
  const verify = (): boolean => {
    try {
      return nist256.verify(signature, data, point, { format: 'der', lowS: false });
    } catch {
      return false;
    }
  };
  return data.length <= MAX_KEPT ? valid.of([point, data, signature], verify) : verify();
}
