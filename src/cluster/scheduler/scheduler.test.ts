import { expect, test } from 'vitest';
import type { KubeObject, Pod } from '../api/object.ts';
import { Fixture } from '../controllers/fixture.ts';

function pod(
  name: string,
  spec: object = {},
  labels: Readonly<Record<string, string>> = { app: 'x' },
  container: object = {},
): KubeObject & Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
    spec: { containers: [{ name: 'c', image: 'i', ...container }], ...spec },
  };
}
const nodeOf = (f: Fixture, name: string): string | undefined => f.must(f.client.get<Pod>('pods', 'default', name)).spec?.nodeName;
const why = (f: Fixture, name: string): string | undefined =>
  f.must(f.client.get<Pod>('pods', 'default', name)).status?.conditions?.find((c) => c.type === 'PodScheduled')?.message;
const HELPLESS = 'Preemption is not helpful for scheduling.';
const VICTIMLESS = 'No preemption victims found for incoming pod.';

test('reasons why a pod has no place, in words and as an event', () => {
  const f = new Fixture();
  f.must(f.client.patch('nodes', '', 'node-1', 'merge', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }));
  f.run(1);
  f.create(pod('big', {}, {}, { resources: { requests: { cpu: '3' } } }));
  f.create(pod('big2', {}, {}, { resources: { requests: { cpu: '3' } } }));
  f.run(1);
  f.create(pod('late', {}, {}, { resources: { requests: { cpu: '2', memory: '100Gi' } } }));
  f.create(pod('more', {}, {}, { resources: { requests: { cpu: '2' } } }));
  f.create(pod('nowhere', { nodeSelector: { disk: 'ssd' } }));
  f.run(1);
  expect(why(f, 'late')).toBe(
    `0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu, 2 Insufficient memory. preemption: 0/3 nodes are available: 3 ${HELPLESS}`,
  );
  expect(why(f, 'more')).toBe(
    `0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: 0/3 nodes are available: 1 ${HELPLESS.slice(0, -1)}, 2 ${VICTIMLESS}`,
  );
  expect(why(f, 'nowhere')).toBe(
    `0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 ${HELPLESS}`,
  );
  expect(f.events()).toContain(`Warning FailedScheduling Pod/more: ${why(f, 'more')}`);
  f.must(f.client.patch('nodes', '', 'node-1', 'merge', { spec: { taints: null } }));
  f.run(10);
  expect(nodeOf(f, 'more')).toBe('node-1');
});

test('affinity, anti-affinity, spread, host ports, unschedulable nodes', () => {
  const f = new Fixture({ nodes: 6 });
  f.run(1);
  const apart = {
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: 'apart' } }, topologyKey: 'topology.kubernetes.io/zone' },
        ],
      },
    },
  };
  for (let i = 0; i < 4; i++) f.create(pod(`apart-${i}`, apart, { app: 'apart' }));
  f.run(1);
  const zones = [0, 1, 2, 3]
    .map((i) => nodeOf(f, `apart-${i}`))
    .filter((n) => n !== undefined)
    .map((n) => (Number(n.slice(5)) - 1) % 3);
  expect([...new Set(zones)].length).toBe(3);
  expect([0, 1, 2, 3].map((i) => why(f, `apart-${i}`)).filter((m) => m !== undefined)).toEqual([
    `0/6 nodes are available: 6 node(s) didn't match pod anti-affinity rules. preemption: 0/6 nodes are available: 6 ${VICTIMLESS}`,
  ]);
  const near = {
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { labelSelector: { matchLabels: { app: 'apart' } }, topologyKey: 'kubernetes.io/hostname' },
        ],
      },
    },
  };
  f.create(pod('near', near));
  f.run(1);
  expect([0, 1, 2, 3].map((i) => nodeOf(f, `apart-${i}`))).toContain(nodeOf(f, 'near'));
  const spread = {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { app: 's' } },
      },
    ],
  };
  for (let i = 0; i < 12; i++) f.create(pod(`s-${i}`, spread, { app: 's' }));
  f.run(2);
  const counts = new Map<string, number>();
  for (let i = 0; i < 12; i++) counts.set(nodeOf(f, `s-${i}`) ?? '', (counts.get(nodeOf(f, `s-${i}`) ?? '') ?? 0) + 1);
  expect([...counts.values()]).toEqual([2, 2, 2, 2, 2, 2]);
  for (let i = 0; i < 7; i++) f.create(pod(`h-${i}`, {}, {}, { ports: [{ containerPort: 80, hostPort: 8080 }] }));
  f.run(1);
  expect([0, 1, 2, 3, 4, 5, 6].map((i) => why(f, `h-${i}`)).filter((m) => m !== undefined)).toEqual([
    `0/6 nodes are available: 6 node(s) didn't have free ports for the requested pod ports. preemption: 0/6 nodes are available: 6 ${VICTIMLESS}`,
  ]);
  for (let i = 1; i <= 5; i++) f.must(f.client.patch('nodes', '', `node-${i}`, 'merge', { spec: { unschedulable: true } }));
  f.run(1);
  f.create(pod('last'));
  f.run(1);
  expect(nodeOf(f, 'last')).toBe('node-6');
});

test('a pod of higher priority makes the least important ones go', () => {
  const f = new Fixture({ nodes: 2 });
  f.run(1);
  for (const [name, value] of [
    ['low', 1],
    ['mid', 10],
    ['high', 100],
  ] as const)
    f.must(f.client.create({ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value } as KubeObject));
  const big = (name: string, priorityClassName: string): void =>
    f.create(pod(name, { priorityClassName }, {}, { resources: { requests: { cpu: '3' } } }));
  big('a', 'low');
  f.run(1);
  big('b', 'mid');
  f.run(1);
  const place = nodeOf(f, 'a');
  big('c', 'high');
  f.run(0.1);
  expect(f.must(f.client.get<Pod>('pods', 'default', 'c')).status?.nominatedNodeName).toBe(place);
  f.run(10);
  expect(f.client.get('pods', 'default', 'a').ok).toBe(false);
  expect(nodeOf(f, 'b')).not.toBe(place);
  expect(nodeOf(f, 'c')).toBe(place);
  expect(f.events().some((e) => new RegExp(`^Normal Preempted Pod/a: Preempted by pod [-0-9a-f]{36} on node ${place}$`).test(e))).toBe(
    true,
  );
});
