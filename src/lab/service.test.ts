/** A lab's service: the learner's world and its replay count the same, also when the world comes back from its log. */

import { expect, test } from 'vitest';
import { loadLab } from '../cli/labs.ts';
import { Replay } from './log.ts';
import { instantiate } from './parameters.ts';
import { createSession } from './session.ts';
import { loadWorld } from './world.ts';

const service = { from: 'client-pod', url: 'http://10.96.10.20/', every: 0.5, budget: 1 };

test('session, reload and replay agree', async () => {
  const lab = { ...loadLab('wire-a-pod-by-hand'), service };
  await loadWorld(lab);
  const session = createSession({ lab, seed: 1 });
  const term = session.openTerminal('node-1', { cols: 80, rows: 24, onData: () => {} });
  const until = (seconds: number) => session.run(session.now + seconds * 1e6, () => true);
  until(2.2);
  term.write('ip link set cni0 down; sleep 2; ip link set cni0 up\r');
  until(4);
  const count = session.service();
  expect(count).toMatchObject({ asked: 13, budget: 1 });
  expect(count?.failed).toBeGreaterThanOrEqual(1.5);
  const log = session.exportLog();
  expect(createSession({ lab, seed: 1, log }).service()).toEqual(count);
  const replay = new Replay(instantiate(lab, 1)).follow(log.entries);
  expect(replay.started.recording.service?.count).toEqual(count);
});

test('a lab without one has none', () => {
  expect(createSession({ lab: loadLab('wire-a-pod-by-hand'), seed: 1 }).service()).toBe(null);
});
