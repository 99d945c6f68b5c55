/** inet_aton's forms (inet(3)). */

import { expect, test } from 'vitest';
import { formatIp4 } from '../wire/addr.ts';
import { inetAton } from './resolver.ts';

test.each([
  ['10.1.2.3', '10.1.2.3'],
  ['10.1', '10.0.0.1'],
  ['0', '0.0.0.0'],
  ['0x7f.1', '127.0.0.1'],
  ['010.1.1.1', '8.1.1.1'],
  ['10.1.258', '10.1.1.2'],
  ['4294967295', '255.255.255.255'],
])('%s is %s', (text, want) => {
  expect(formatIp4(inetAton(text) as number)).toBe(want);
});

test.each(['', '1.2.3.4.5', '1.2.3.256', 'a', '08.1.1.1', '1..2', '4294967296'])('"%s" is no address', (text) => {
  expect(inetAton(text)).toBe(null);
});
