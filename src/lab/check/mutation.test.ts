/** mutation and script: a fix that holds after a change passes, one that was nailed to the moment fails. */

import { expect, test } from 'vitest';
import { stepFaults } from '../steps.ts';
import { bench } from './harness.ts';

test('a pod that is added is reached, and is gone afterwards', () => {
  const b = bench();
  const add = { 'add-pod': { node: 'node-2', ip: '10.244.2.66' } };
  const asked = [{ ping: { from: 'web-a', to: '10.244.2.66' } }, { http: { from: 'client-pod', url: 'http://10.244.2.66:8080/' } }];
  expect(b.after([add], asked)).toMatchObject({ passed: true });
  b.world.sim.runUntil(b.world.sim.now + 1_000_000);
  expect(b.says('ping', { from: 'web-a', to: '10.244.2.66', expect: 'silence' }).passed).toBe(true);
});

test('a route to one pod only does not carry a new one', () => {
  const b = bench().does('node-1', 'ip route del 10.244.2.0/24; ip route add 10.244.2.7 via 10.244.2.0 dev flannel.1 onlink');
  expect(b.says('ping', { from: 'web-a', to: '10.244.2.7' }).passed).toBe(true);
  const f = b.after([{ 'add-pod': { node: 'node-2', ip: '10.244.2.66' } }], [{ ping: { from: 'web-a', to: '10.244.2.66' } }]);
  expect(f.passed).toBe(false);
  expect(f.expected).toContain('after add-pod node-2 10.244.2.66');
});

test('a step that fails is told, with what it wrote', () => {
  const f = bench().after([{ on: 'node-1', run: 'echo here; ls /nowhere' }], []);
  expect(f).toMatchObject({ passed: false, actual: '"node-1: echo here; ls /nowhere" ended with 2' });
  expect(f.log?.[0]).toBe('here');
});

test('a pod moves to another node', () => {
  const move = { 'move-endpoint': { pod: 'web-c', to: 'node-1', ip: '10.244.1.77' } };
  expect(bench().after([move], [{ http: { from: 'web-b', url: 'http://10.244.1.77:8080/' } }])).toMatchObject({ passed: true });
});

test.each([
  [{ on: 'node-1', run: 'test -d /sys/class/net/cni0' }, true],
  [{ on: 'node-1', run: 'ip -br link show cni0', outputs: '^cni0 +UP' }, true],
  [{ on: 'node-1', run: 'echo no', outputs: '^yes' }, false],
  [{ on: 'web-a', run: 'exit 3' }, false],
  [{ on: 'node-1', run: 'while :; do sleep 1; done' }, false],
  [{ on: 'nowhere', run: 'true' }, false],
])('script %o', (own, passed) => {
  expect(bench().says('script', own).passed).toBe(passed);
});

test.each([
  [{ run: 'true' }, 'needs both'],
  [{ on: 'node-1', 'delete-pod': 'web-a' }, 'needs both'],
  [{ 'delete-pod': 'web-a', forget: 'caches' }, 'exactly one thing'],
  [{ apply: 'kind: Pod' }, 'needs Kubernetes'],
] as const)('a step like %o is told to its author', (step, problem) => {
  expect(stepFaults([{ forget: 'caches' }, step], bench().lab)).toEqual([
    { field: expect.stringMatching(/^do\.1/), problem: expect.stringContaining(problem) },
  ]);
});
