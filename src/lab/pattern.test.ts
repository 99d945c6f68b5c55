/** Patterns that could take for ever are known, and meet short texts only. */

import { expect, test } from 'vitest';
import { isRisky, matches, matchesLine, patternFault } from './pattern.ts';

test.each(['(a+)+b', '((a*))*', '(?:a|aa)+$', '([a-z]+,)*x', '(a{1,})+', '(?:(?:x+)y?)*'])('%s is risky, and quick', (pattern) => {
  expect(isRisky(pattern)).toBe(true);
  expect(patternFault('text', pattern)).toHaveLength(1);
  expect(matches(pattern, `${'a'.repeat(5000)}!`)).toBeTypeOf('boolean');
});

test.each(['^ip route( add)? .*via', '(tcp|udp) port 8472', '[(+]*\\(a+\\)+', '(?:10\\.244\\.\\d+)', 'x{2,3}(ab)*'])(
  '%s is not',
  (pattern) => {
    expect(patternFault('text', pattern)).toEqual([]);
  },
);

test('a wrong one is told; lines are looked at one by one', () => {
  expect(patternFault('ran', '(a')[0]?.problem).toContain('is no regular expression');
  expect([matchesLine('^b$', 'a\nb\nc'), matchesLine('^b$', 'ab')]).toEqual([true, false]);
});
