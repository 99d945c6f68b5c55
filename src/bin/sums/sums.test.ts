import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { md5, sha1, sha256, sha512 } from './digest.ts';

test.each([0, 1, 3, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 1000])('digests of %i bytes are those of another implementation', (n) => {
  const data = Uint8Array.from({ length: n }, (_, i) => (i * 37 + n) & 255);
  for (const [name, digest] of Object.entries({ md5, sha1, sha256, sha512 }))
    expect(digest(data), name).toBe(createHash(name).update(data).digest('hex'));
});
