import { expect, test } from 'vitest';
import { noProxy } from './proxy.ts';

test.each([
  ['*', 'a.test', true],
  ['a.test', 'a.test', true],
  ['.a.test', 'a.test', true],
  ['a.test', 'x.A.test.', true],
  ['a.test', 'xa.test', false],
  ['b.test, a.test', 'a.test', true],
  ['10.0.0.1', '10.0.0.1', true],
  ['10.0.0.0/8', '10.9.9.9', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['[fd00::1]', 'fd00::1', true],
  ['fd00::/16', 'fd01::1', false],
  ['', 'a.test', false],
])('--noproxy %j for %s: %s', (list, host, want) => {
  expect(noProxy(list, host)).toBe(want);
});
