/** Private and public keys, their files, and signatures by algorithm. RFC 5208, RFC 5915, RFC 8017 A.1 */

import type { Rng } from '../../sim/rng.ts';
import {
  bigToBytes,
  bytesToBig,
  der,
  derBits,
  derInteger,
  derItems,
  derOctets,
  derOid,
  emitPem,
  NULL,
  OID,
  oidText,
  parsePem,
  sequence,
} from '../../wire/der.ts';
import { OIDS } from '../../wire/x509.ts';
import { type HashName, p256Public, p256Sign, p256Verify } from './primitives.ts';
import { pssSign, pssVerify, type RsaPrivate, type RsaPublic, rsaSign, rsaVerify } from './rsa.ts';

export type PrivateKey = { kind: 'rsa'; rsa: RsaPrivate } | { kind: 'ec'; secret: Uint8Array; point: Uint8Array };
export type PublicKey = { kind: 'rsa'; rsa: RsaPublic } | { kind: 'ec'; point: Uint8Array };

export const publicOf = (k: PrivateKey): PublicKey =>
  k.kind === 'rsa' ? { kind: 'rsa', rsa: { n: k.rsa.n, e: k.rsa.e } } : { kind: 'ec', point: k.point };

const rsaPublicDer = (k: RsaPublic): Uint8Array => sequence(derInteger(k.n), derInteger(k.e));

/** SubjectPublicKeyInfo. */
export function emitPublic(k: PublicKey): Uint8Array {
  return k.kind === 'rsa'
    ? sequence(sequence(derOid(OIDS.rsaEncryption), der(NULL)), derBits(rsaPublicDer(k.rsa)))
    : sequence(sequence(derOid(OIDS.ecPublicKey), derOid(OIDS.prime256v1)), derBits(k.point));
}

export function parsePublic(spki: Uint8Array): PublicKey | null {
  const [algorithm, bits] = derItems(derItems(spki)?.[0]?.value ?? new Uint8Array(0)) ?? [];
  const oid = derItems(algorithm?.value ?? new Uint8Array(0))?.[0];
  if (!bits || oid?.tag !== OID) return null;
  const body = bits.value.subarray(1);
  if (oidText(oid.value) === OIDS.ecPublicKey) return { kind: 'ec', point: body };
  const [n, e] = derItems(derItems(body)?.[0]?.value ?? new Uint8Array(0)) ?? [];
  return n && e ? { kind: 'rsa', rsa: { n: bytesToBig(n.value), e: bytesToBig(e.value) } } : null;
}

/** The bytes of the key itself, which a subject key identifier is a hash of. */
export function publicBits(spki: Uint8Array): Uint8Array {
  return derItems(derItems(spki)?.[0]?.value ?? new Uint8Array(0))?.[1]?.value.subarray(1) ?? new Uint8Array(0);
}

function rsaDer(k: RsaPrivate): Uint8Array {
  const inv = bytesToBig(bigToBytes(modInverse(k.q, k.p)));
  return sequence(...[0n, k.n, k.e, k.d, k.p, k.q, k.d % (k.p - 1n), k.d % (k.q - 1n), inv].map(derInteger));
}

function modInverse(a: bigint, m: bigint): bigint {
  let [r0, r1, s0, s1] = [m, a % m, 0n, 1n];
  while (r1 !== 0n) {
    const q = r0 / r1;
    [r0, r1] = [r1, r0 - q * r1];
    [s0, s1] = [s1, s0 - q * s1];
  }
  return ((s0 % m) + m) % m;
}

const ecDer = (secret: Uint8Array, point: Uint8Array, named: boolean): Uint8Array =>
  sequence(derInteger(1n), derOctets(secret), ...(named ? [der(0xa0, derOid(OIDS.prime256v1))] : []), der(0xa1, derBits(point)));

/** PKCS #8, or the older form of the algorithm (`EC PRIVATE KEY`, `RSA PRIVATE KEY`). */
export function emitPrivate(k: PrivateKey, traditional = false): string {
  if (k.kind === 'rsa') {
    const inner = rsaDer(k.rsa);
    if (traditional) return emitPem('RSA PRIVATE KEY', inner);
    return emitPem('PRIVATE KEY', sequence(derInteger(0n), sequence(derOid(OIDS.rsaEncryption), der(NULL)), derOctets(inner)));
  }
  if (traditional) return emitPem('EC PRIVATE KEY', ecDer(k.secret, k.point, true));
  const algorithm = sequence(derOid(OIDS.ecPublicKey), derOid(OIDS.prime256v1));
  return emitPem('PRIVATE KEY', sequence(derInteger(0n), algorithm, derOctets(ecDer(k.secret, k.point, false))));
}

function fromRsaDer(b: Uint8Array): PrivateKey | null {
  const items = derItems(derItems(b)?.[0]?.value ?? new Uint8Array(0));
  const [, n, e, d, p, q] = (items ?? []).map((t) => bytesToBig(t.value));
  return n && e && d && p && q ? { kind: 'rsa', rsa: { n, e, d, p, q } } : null;
}

function fromEcDer(b: Uint8Array): PrivateKey | null {
  const items = derItems(derItems(b)?.[0]?.value ?? new Uint8Array(0));
  const secret = items?.find((t) => t.tag === 0x04)?.value;
  return secret?.length === 32 ? { kind: 'ec', secret, point: p256Public(secret) } : null;
}

/** The first private key of a PEM text. */
export function parsePrivate(text: string): PrivateKey | null {
  for (const { label, der: b } of parsePem(text)) {
    if (label === 'RSA PRIVATE KEY') return fromRsaDer(b);
    if (label === 'EC PRIVATE KEY') return fromEcDer(b);
    if (label !== 'PRIVATE KEY') continue;
    const items = derItems(derItems(b)?.[0]?.value ?? new Uint8Array(0));
    const inner = items?.find((t) => t.tag === 0x04)?.value;
    const oid = derItems(items?.[1]?.value ?? new Uint8Array(0))?.[0];
    if (!inner || !oid) return null;
    return oidText(oid.value) === OIDS.ecPublicKey ? fromEcDer(inner) : fromRsaDer(inner);
  }
  return null;
}

/** What a key of this kind signs certificates with. */
export const certificateAlgorithm = (k: PrivateKey): string => (k.kind === 'rsa' ? OIDS.sha256WithRSA : OIDS.ecdsaSha256);

export const sign = (k: PrivateKey, data: Uint8Array): Uint8Array =>
  k.kind === 'rsa' ? rsaSign(k.rsa, 'sha256', data) : p256Sign(k.secret, data, k.point);

const RSA_HASHES: Readonly<Record<string, HashName>> = {
  [OIDS.sha256WithRSA]: 'sha256',
  [OIDS.sha384WithRSA]: 'sha384',
  [OIDS.sha512WithRSA]: 'sha512',
  [OIDS.sha1WithRSA]: 'sha1',
};

/** A certificate's or request's signature. */
export function verify(k: PublicKey, algorithm: string, data: Uint8Array, signature: Uint8Array): boolean {
  if (k.kind === 'ec') return algorithm === OIDS.ecdsaSha256 && p256Verify(k.point, data, signature);
  const hash = RSA_HASHES[algorithm];
  return hash !== undefined && rsaVerify(k.rsa, hash, data, signature);
}

/** rsa_pss_rsae_sha256 and ecdsa_secp256r1_sha256, the two schemes of TLS that these keys use. */
export const SCHEME_PSS = 0x0804;
export const SCHEME_ECDSA = 0x0403;

export const schemeOf = (k: PrivateKey | PublicKey): number => (k.kind === 'rsa' ? SCHEME_PSS : SCHEME_ECDSA);

export const signHandshake = (k: PrivateKey, data: Uint8Array, rng: Rng): Uint8Array =>
  k.kind === 'rsa' ? pssSign(k.rsa, 'sha256', data, rng) : p256Sign(k.secret, data, k.point);

export function verifyHandshake(k: PublicKey, scheme: number, data: Uint8Array, signature: Uint8Array): boolean {
  if (scheme !== schemeOf(k)) return false;
  return k.kind === 'rsa' ? pssVerify(k.rsa, 'sha256', data, signature) : p256Verify(k.point, data, signature);
}
