import { expect, test } from 'vitest';
import { actsOf, sectionsOf, unrolled } from './acts.ts';

const SCRIPT = 'ip route\n#@ answer way 3\n#@ host b c\nip link\nip addr\n#@ hint way 1\nip rule\n';

test('a script is bash for hosts, answers and hints, in their order', () => {
  expect(actsOf(SCRIPT)).toEqual([
    { script: 'ip route' },
    { question: 'way', value: '3' },
    { script: 'ip link\nip addr', host: 'b' },
    { script: 'ip link\nip addr', host: 'c' },
    { task: 'way', level: 1 },
    { script: 'ip rule\n', host: 'b' },
    { script: 'ip rule\n', host: 'c' },
  ]);
  expect(sectionsOf(SCRIPT)).toHaveLength(5);
});

test('unrolled, a script does the same', () => {
  const trimmed = (script: string) => actsOf(script).map((a) => ('script' in a ? { ...a, script: a.script.trim() } : a));
  expect(trimmed(unrolled(SCRIPT))).toEqual(trimmed(SCRIPT));
  expect(unrolled(SCRIPT)).toContain('#@ host c\nip link');
  expect(unrolled('#@ host b\nip link\n')).toBe('#@ host b\nip link\n');
});
