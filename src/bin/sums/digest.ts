/** Digests of whole inputs as hexadecimal digits. */

import { digest, type HashName } from '../../os/tls/primitives.ts';

const digits =
  (name: HashName) =>
  (data: Uint8Array): string =>
    Array.from(digest(name, data), (b) => b.toString(16).padStart(2, '0')).join('');

export const md5 = digits('md5');
export const sha1 = digits('sha1');
export const sha256 = digits('sha256');
export const sha512 = digits('sha512');
