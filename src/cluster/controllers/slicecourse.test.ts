import { expect, test } from 'vitest';
import { SEC, Sim } from '../../sim/sim.ts';
import type { EndpointSlice, KubeObject } from '../api/object.ts';
import { ApiServer } from '../api/server.ts';
import { nowText } from './clock.ts';
import { startControllers } from './index.ts';

const TRIGGER = 'endpoints.kubernetes.io/last-change-trigger-time';

/** The course of events of the recording `dyn`: pods ready, terminating, gone, one after the other. */
test('one slice through its life, generation by generation, as the real one', () => {
  const sim = new Sim(1);
  const api = new ApiServer(sim);
  const client = api.client();
  startControllers({
    sim,
    client: api.client({ name: 'system:kube-controller-manager', groups: [] }),
    options: { nodeMonitorGraceSeconds: 1e6 },
    resources: () => api.scheme.all(),
  });
  const ok = (r: { readonly ok: boolean }): void => expect(r).toMatchObject({ ok: true });
  const seen: string[] = [];
  const names = new Set<string>();
  client.watch<EndpointSlice>('endpointslices.discovery.k8s.io', {}, ({ type, object }) => {
    names.add(object.metadata.name);
    const ends = (object.endpoints ?? []).map(
      (e) =>
        `${e.targetRef?.name}:${[e.conditions?.ready, e.conditions?.serving, e.conditions?.terminating].map((c) => (c ? 'T' : 'F')).join('')}`,
    );
    const time = object.metadata.annotations?.[TRIGGER]?.slice(14, 19) ?? 'none';
    seen.push(`${type} ${object.metadata.generation} ${time} [${ends.join(' ')}] [${(object.ports ?? []).map((p) => p.name).join(' ')}]`);
  });
  const step = (act: () => void): void => {
    sim.runUntil(sim.now + SEC);
    act();
    sim.runUntil(sim.now + SEC);
  };
  for (const name of ['node1', 'node2']) ok(client.create({ apiVersion: 'v1', kind: 'Node', metadata: { name } } as KubeObject));
  const make = (name: string, node: string): void =>
    ok(
      client.create({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace: 'default', labels: { app: 'web' } },
        spec: { nodeName: node, terminationGracePeriodSeconds: 10, containers: [{ name: 'c', image: 'i' }] },
      } as KubeObject),
    );
  const ready = (name: string, ip: string): void => {
    const status = {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: nowText(sim) }],
    };
    ok(client.patch('pods', 'default', name, 'merge', { status }, { subresource: 'status' }));
  };
  const end = (name: string, gracePeriodSeconds?: number): void =>
    ok(client.delete('pods', 'default', name, gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }));
  const service = {
    selector: { app: 'web' },
    ports: [
      { name: 'http', port: 80, targetPort: 80 },
      { name: 'u', port: 53, protocol: 'UDP' },
    ],
  };
  step(() =>
    ok(client.create({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: service } as KubeObject)),
  );
  for (const [name, node] of [
    ['a', 'node2'],
    ['b', 'node1'],
    ['c', 'node2'],
    ['d', 'node2'],
  ] as const)
    make(name, node);
  step(() => ready('a', '10.244.2.2'));
  step(() => ready('b', '10.244.1.3'));
  step(() => end('a'));
  step(() => ready('c', '10.244.2.3'));
  step(() => end('a', 0));
  step(() => end('b'));
  step(() => end('c'));
  step(() => end('b', 0));
  step(() => end('c', 0));
  step(() => ready('d', '10.244.2.4'));
  step(() => ok(client.delete('services', 'default', 'web')));
  expect(seen).toEqual([
    'ADDED 1 00:01 [] []',
    'MODIFIED 2 00:03 [a:TTF] [http u]',
    'MODIFIED 3 00:05 [a:TTF b:TTF] [http u]',
    'MODIFIED 4 none [a:FTT b:TTF] [http u]',
    'MODIFIED 5 00:09 [a:FTT b:TTF c:TTF] [http u]',
    'MODIFIED 6 none [b:TTF c:TTF] [http u]',
    'MODIFIED 7 none [b:FTT c:TTF] [http u]',
    'MODIFIED 8 none [b:FTT c:FTT] [http u]',
    'MODIFIED 9 none [c:FTT] [http u]',
    'MODIFIED 10 none [] []',
    'MODIFIED 11 00:21 [d:TTF] [http u]',
    'DELETED 11 00:21 [d:TTF] [http u]',
  ]);
  expect(names.size).toBe(1);
});
