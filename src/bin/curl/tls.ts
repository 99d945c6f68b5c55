/** A TLS ClientHello (RFC 8446 4.1.2), padded to 512 bytes as OpenSSL sends it. */

import type { Rng } from '../../sim/rng.ts';
import { put16 } from '../../wire/bytes.ts';

export const WRONG_VERSION = 'OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number';

export function clientHello(rng: Rng): Uint8Array {
  const b = new Uint8Array(5 + 512);
  b.set([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
  for (let i = 11; i < 43; i++) b[i] = rng.below(256);
  b[43] = 32;
  for (let i = 44; i < 76; i++) b[i] = rng.below(256);
  let at = 76;
  const ciphers = [0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0xc02b, 0xc02f, 0x00ff];
  put16(b, at, ciphers.length * 2);
  at += 2;
  for (const c of ciphers) {
    put16(b, at, c);
    at += 2;
  }
  b.set([1, 0], at);
  at += 2;
  put16(b, at, b.length - at - 2);
  at += 2;
  b.set([0, 43, 0, 5, 4, 3, 4, 3, 3], at);
  at += 9;
  put16(b, at, 21);
  put16(b, at + 2, b.length - at - 4);
  return b;
}
