/** What a learner leaves running does not keep the grader: waits end by events too. */

import { expect, test } from 'vitest';
import { bench } from './check/harness.ts';
import { pass, passUntil } from './passing.ts';

test('a busy loop cannot stretch a wait', () => {
  const b = bench().does('node-1', '(while :; do :; done) & (while :; do :; done) & sleep 0.01');
  const { sim } = b.world;
  const begin = sim.now;
  const before = sim.steps;
  pass(sim, 600e6, 5000);
  expect(sim.steps - before).toBe(5000);
  expect(sim.now - begin).toBeLessThan(600e6);
  expect(passUntil(sim, 1e6, 3e6, () => sim.steps > before + 6000)).toBe(true);
});

test('time passes as asked in a quiet world', () => {
  const { sim } = bench().world;
  const begin = sim.now;
  pass(sim, 600e6);
  expect(sim.now - begin).toBe(600e6);
  expect(passUntil(sim, 1e6, 5e6, () => false)).toBe(false);
  expect(sim.now - begin).toBe(605e6);
});
