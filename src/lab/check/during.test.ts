/** during and a lab's service: what fails while something changes is counted, and the first failure is told with its hop. */

import { expect, test } from 'vitest';
import '../monitor.ts';
import { bench } from './harness.ts';

const url = 'http://10.244.1.5:8080/';

test('nothing fails while nothing is broken', () => {
  const f = bench().says('during', { do: [{ on: 'node-1', run: 'sleep 2' }], from: 'web-c', url });
  expect(f).toMatchObject({ passed: true, actual: expect.stringMatching(/^0 of 2\d requests failed$/) });
});

test('a bridge that is down for a second is noticed', () => {
  const own = { do: [{ on: 'node-1', run: 'ip link set cni0 down; sleep 1; ip link set cni0 up' }], from: 'web-c', url };
  const f = bench().says('during', own);
  expect(f).toMatchObject({ passed: false, hop: expect.stringContaining(': ') });
  expect(f.actual).toMatch(/^\d+ of \d+ requests failed, the first 0\.\d s after the begin: /);
  expect(bench().says('during', { ...own, failures: 20 }).passed).toBe(true);
});

test('a service is asked from the beginning, and its failures are counted in seconds', () => {
  const b = bench({ service: { from: 'web-c', url, every: 1, budget: 2 } });
  b.does('node-1', 'sleep 3.5');
  expect(b.recording.service?.count).toEqual({ asked: 4, failed: 0, budget: 2 });
  expect(b.says('invariant', { service: 'within-budget' }).passed).toBe(true);
  b.does('node-1', 'ip link set cni0 down; sleep 4.5; ip link set cni0 up; sleep 2.2');
  const { failed = 0 } = b.recording.service?.count ?? {};
  expect(failed).toBeGreaterThanOrEqual(4);
  expect(b.says('invariant', { service: 'within-budget' })).toMatchObject({ passed: false, actual: expect.stringContaining('seconds') });
});
