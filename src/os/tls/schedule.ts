/** Secrets of TLS: the key schedule of 1.3 (RFC 8446 7.1) and the pseudo-random function of 1.2 (RFC 5246 5) */

import { concat, utf8 } from '../../wire/bytes.ts';
import { type Suite, vector } from '../../wire/tls.ts';
import { digest, hkdfExpand, hkdfExtract, hmacOf } from './primitives.ts';
import { Protection } from './session.ts';

function expandLabel(hash: Suite['hash'], secret: Uint8Array, label: string, context: Uint8Array, length: number): Uint8Array {
  return hkdfExpand(
    hash,
    secret,
    concat([Uint8Array.of(length >> 8, length & 255), vector(1, utf8(`tls13 ${label}`)), vector(1, context)]),
    length,
  );
}

const size = (hash: Suite['hash']): number => (hash === 'sha384' ? 48 : 32);

const derive = (hash: Suite['hash'], secret: Uint8Array, label: string, transcript: Uint8Array): Uint8Array =>
  expandLabel(hash, secret, label, digest(hash, transcript), size(hash));

export interface Secrets13 {
  client: Uint8Array;
  server: Uint8Array;
  /** Of the next stage. */
  next: Uint8Array;
}

/** From the shared secret and the hellos. */
export function handshakeSecrets(hash: Suite['hash'], shared: Uint8Array, transcript: Uint8Array): Secrets13 {
  const zero = new Uint8Array(size(hash));
  const early = hkdfExtract(hash, zero, zero);
  const secret = hkdfExtract(hash, derive(hash, early, 'derived', new Uint8Array(0)), shared);
  return {
    client: derive(hash, secret, 'c hs traffic', transcript),
    server: derive(hash, secret, 's hs traffic', transcript),
    next: hkdfExtract(hash, derive(hash, secret, 'derived', new Uint8Array(0)), zero),
  };
}

/** From the transcript up to the server's Finished. */
export function applicationSecrets(hash: Suite['hash'], master: Uint8Array, transcript: Uint8Array): Secrets13 {
  return {
    client: derive(hash, master, 'c ap traffic', transcript),
    server: derive(hash, master, 's ap traffic', transcript),
    next: master,
  };
}

export function protection13(suite: Suite, secret: Uint8Array): Protection {
  const none = new Uint8Array(0);
  return new Protection(13, expandLabel(suite.hash, secret, 'key', none, suite.keyLength), expandLabel(suite.hash, secret, 'iv', none, 12));
}

export function finished13(hash: Suite['hash'], secret: Uint8Array, transcript: Uint8Array): Uint8Array {
  return hmacOf(hash, expandLabel(hash, secret, 'finished', new Uint8Array(0), size(hash)), digest(hash, transcript));
}

/** What CertificateVerify signs: 64 spaces, the context, a zero, the transcript's hash. */
export function certificateVerifyText(hash: Suite['hash'], transcript: Uint8Array, side: 'server' | 'client' = 'server'): Uint8Array {
  return concat([new Uint8Array(64).fill(32), utf8(`TLS 1.3, ${side} CertificateVerify`), Uint8Array.of(0), digest(hash, transcript)]);
}

function prf(hash: Suite['hash'], secret: Uint8Array, label: string, seed: Uint8Array, length: number): Uint8Array {
  const text = concat([utf8(label), seed]);
  const parts: Uint8Array[] = [];
  let a = text;
  for (let got = 0; got < length; ) {
    a = hmacOf(hash, secret, a);
    const block = hmacOf(hash, secret, concat([a, text]));
    parts.push(block);
    got += block.length;
  }
  return concat(parts).subarray(0, length);
}

export interface Keys12 {
  master: Uint8Array;
  client: Protection;
  server: Protection;
}

export function keys12(
  suite: Suite,
  shared: Uint8Array,
  clientRandom: Uint8Array,
  serverRandom: Uint8Array,
  session: Uint8Array | null,
): Keys12 {
  const master = session
    ? prf(suite.hash, shared, 'extended master secret', digest(suite.hash, session), 48)
    : prf(suite.hash, shared, 'master secret', concat([clientRandom, serverRandom]), 48);
  const n = suite.keyLength;
  const block = prf(suite.hash, master, 'key expansion', concat([serverRandom, clientRandom]), 2 * n + 8);
  return {
    master,
    client: new Protection(12, block.slice(0, n), block.slice(2 * n, 2 * n + 4)),
    server: new Protection(12, block.slice(n, 2 * n), block.slice(2 * n + 4, 2 * n + 8)),
  };
}

export function finished12(hash: Suite['hash'], master: Uint8Array, who: 'client' | 'server', transcript: Uint8Array): Uint8Array {
  return prf(hash, master, `${who} finished`, digest(hash, transcript), 12);
}
