/** What is remembered of the curves' results is what they would give again. */

import { p256 } from '@noble/curves/nist.js';
import { expect, test } from 'vitest';
import { Rng } from '../../sim/rng.ts';
import { utf8 } from '../../wire/bytes.ts';
import { GROUP_P256, GROUP_X25519 } from '../../wire/tls.ts';
import { exchange, p256Public, p256Secret, p256Sign, p256Verify, sharedSecret } from './primitives.ts';

const rng = new Rng('primitives');

test('a signature is good for its data and its key only', () => {
  const [secret, other] = [p256Secret(rng), p256Secret(rng)];
  const [point, otherPoint] = [p256Public(secret), p256Public(other)];
  const data = utf8('what is signed');
  const signature = p256Sign(secret, data, point);
  expect(p256.verify(signature, data, point, { format: 'der', lowS: false })).toBe(true);
  for (let n = 0; n < 2; n++) {
    expect(p256Verify(point, data, signature)).toBe(true);
    expect(p256Verify(point, utf8('what is Signed'), signature)).toBe(false);
    expect(p256Verify(otherPoint, data, signature)).toBe(false);
    expect(
      p256Verify(
        point,
        data,
        signature.map((b, i) => (i === 40 ? b ^ 1 : b)),
      ),
    ).toBe(false);
  }
});

test.each([GROUP_X25519, GROUP_P256])('both sides of an exchange over group %i come to one secret, others to another', (group) => {
  const [a, b, c] = [exchange(group, rng), exchange(group, rng), exchange(group, rng)];
  const shared = sharedSecret(a, b.share);
  expect(shared).toHaveLength(32);
  expect(sharedSecret(b, a.share)).toEqual(shared);
  expect(sharedSecret(a, c.share)).not.toEqual(shared);
  expect(sharedSecret(a, new Uint8Array(a.share.length))).toBeNull();
});
