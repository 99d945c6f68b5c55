import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIp4, parseIp4, readIp6, writeIp6 } from './addr.ts';
import { alloc, copy } from './bytes.ts';
import { pseudo6 } from './ipv6.ts';
import { formatMac, parseMac } from './mac.ts';

test('room for packets is zeroed, of the size asked for, and nobody else writes there', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(200), fc.nat(5000)), { minLength: 1, maxLength: 200 }), (sizes) => {
      const all = sizes.map((size, i) => {
        const b = alloc(size);
        expect(b.length).toBe(size);
        expect(b.every((x) => x === 0)).toBe(true);
        return b.fill((i % 255) + 1);
      });
      for (const [i, b] of all.entries()) expect(b.every((x) => x === (i % 255) + 1)).toBe(true);
      const twin = copy(all[0] as Uint8Array);
      expect(twin).toEqual(all[0]);
      twin.fill(0);
      expect((all[0] as Uint8Array).every((x) => x === 1)).toBe(true);
    }),
  );
});

test('texts of addresses: only a strict dotted quad is one, and MACs come back', () => {
  fc.assert(fc.property(fc.nat(0xffffffff), (a) => parseIp4(formatIp4(a)) === a));
  const quad = /^\d{1,3}(\.\d{1,3}){3}$/;
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('0', '1', '25', '256', '.', ' ', 'a', '-'), maxLength: 12 }), (t) => {
      const good = quad.test(t) && t.split('.').every((p) => Number(p) < 256);
      expect(parseIp4(t)).toBe(good ? t.split('.').reduce((n, p) => n * 256 + Number(p), 0) : null);
    }),
    { numRuns: 3000 },
  );
  fc.assert(fc.property(fc.maxSafeNat(), (n) => parseMac(formatMac(n % 2 ** 48)) === n % 2 ** 48));
});

test('IPv6 addresses by words: written and read again, and their part of a checksum', () => {
  const ip6 = fc.bigInt(0n, (1n << 128n) - 1n);
  fc.assert(
    fc.property(ip6, ip6, fc.nat(255), fc.nat(65535), (a, b, proto, length) => {
      const bytes = new Uint8Array(40);
      writeIp6(bytes, 3, a);
      expect(readIp6(bytes, 3)).toBe(a);
      let sum = proto + length;
      for (const x of [a, b]) for (let i = 0n; i < 128n; i += 16n) sum += Number((x >> i) & 0xffffn);
      expect(pseudo6(a, b, proto, length)).toBe(sum);
    }),
  );
});
