import { expect, test } from 'vitest';
import { ATTACKS } from './attacks.ts';
import { Oracle, type Verdict } from './oracle.ts';

test('the grader stands up to two hundred attacks', async () => {
  const oracle = await Oracle.over(['wire-a-pod-by-hand']);
  const verdicts: Verdict[] = [];
  for (let seed = 1; seed <= 200; seed++) verdicts.push(await oracle.judge(seed));
  expect(verdicts.filter((v) => v.fault !== null)).toEqual([]);
  expect(new Set(verdicts.map((v) => v.attack)).size).toBe(ATTACKS.length);
  expect(verdicts.filter((v) => v.status === 'graded').length).toBeGreaterThan(70);
}, 120_000);
