import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { judgeDyn } from './dyn.ts';
import { judgeProxyCase } from './proxy-case.ts';

const GOLDEN = join(import.meta.dirname, '../../golden/kubernetes/kube-proxy');
const cases = readdirSync(GOLDEN).filter((name) => existsSync(join(GOLDEN, name, 'objects.json')));

test.each(cases)('%s: rules and probes as recorded', (name) => {
  const checks = judgeProxyCase({ folder: join(GOLDEN, name), name });
  expect(checks.length).toBeGreaterThan(3);
  expect(checks.filter((c) => !c.passed)).toEqual([]);
});

test('endpoints come and go: rules, flows, calls of the tools, cleaning up', () => {
  const checks = judgeDyn({ folder: join(GOLDEN, 'dyn'), name: 'dyn' });
  expect(checks.length).toBe(21);
  expect(checks.filter((c) => !c.passed)).toEqual([]);
});
