/** The recordings of a real kubectl, run against the emulated one: none may be lost. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withoutNoise } from './kube/kubectl-noise.ts';
import { kubectlSuite } from './kubectl-suite.ts';
import { FLOORS } from './suite.ts';

test('commands answer as recorded', { timeout: 120_000 }, async () => {
  const path = join(import.meta.dirname, '../golden/kubernetes/kubectl');
  const r = await kubectlSuite({ path, diff: null, scenarios: false, raise: false, limit: 60 });
  const floors = JSON.parse(readFileSync(FLOORS.rules, 'utf8')) as Record<string, number>;
  expect(r.total).toBeGreaterThan(300);
  expect(r.matched).toBeGreaterThanOrEqual(floors.kubectl ?? 0);
});

test('only noise is taken away', () => {
  expect(withoutNoise('web-69586dbcdc-hklj9   1/1   Running   0   8s\n', '')).toBe('web-69586dbcdc-XXXXX  1/1  Running  0  AGE\n');
  expect(withoutNoise('web  10.96.20.1  80:31234/TCP\n', 'clusterIP: 10.96.20.1')).toBe('web  10.96.20.1  80:NODE-PORT/TCP\n');
  expect(withoutNoise('Error from server (NotFound): services "nosuch" not found\n', '')).toBe(
    'Error from server (NotFound): services "nosuch" not found\n',
  );
});
