/** Whether a certificate and a key belong together. Models crypto/tls.X509KeyPair */

import { parsePrivate, parsePublic, publicOf } from '../../../os/tls/keys.ts';
import { certificatesIn } from '../../../os/tls/trust.ts';

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((v, i) => v === b[i]);

/** Go's complaint, or null. */
export function keyPair(cert: string, key: string): string | null {
  const leaf = certificatesIn(cert)[0];
  if (!leaf) return 'tls: failed to find any PEM data in certificate input';
  if (!/-----BEGIN [A-Z ]+-----/.test(key)) return 'tls: failed to find any PEM data in key input';
  const secret = parsePrivate(key);
  if (!secret) return 'tls: failed to parse private key';
  const [theirs, ours] = [parsePublic(leaf.spki), publicOf(secret)];
  if (!theirs) return 'tls: unknown public key algorithm';
  if (theirs.kind !== ours.kind) return 'tls: private key type does not match public key type';
  if (theirs.kind === 'ec' && ours.kind === 'ec')
    return same(theirs.point, ours.point) ? null : 'tls: private key does not match public key';
  if (theirs.kind === 'rsa' && ours.kind === 'rsa')
    return theirs.rsa.n === ours.rsa.n ? null : 'tls: private key does not match public key';
  return null;
}
