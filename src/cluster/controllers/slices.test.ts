import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MS, Sim } from '../../sim/sim.ts';
import type { EndpointSlice, Endpoints, Node, Pod, Service } from '../api/object.ts';
import type { V1Endpoint } from '../api/types.ts';
import { Fixture } from './fixture.ts';
import { Hints } from './hints.ts';
import { mirrorSlices } from './mirroring.ts';
import { reconcileSlices, sortPorts } from './slices.ts';
import { repack } from './subsets.ts';

const GOLDEN = new URL('../../cli/golden/kubernetes/slices.json', import.meta.url);

interface Case {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly services: readonly Service[];
  readonly pods: readonly Pod[];
  readonly endpointslices: readonly EndpointSlice[];
}

const cases: readonly Case[] = existsSync(GOLDEN) ? (JSON.parse(readFileSync(GOLDEN, 'utf8')) as readonly Case[]) : [];

const MANAGED = 'endpointslice.kubernetes.io/managed-by';
const NAME = 'kubernetes.io/service-name';

/** What remains of a slice without names, versions and the order in which endpoints came. */
function shape(s: EndpointSlice | ReturnType<typeof mirrorSlices>[number]): unknown {
  const { labels, generateName, ownerReferences } = s.metadata;
  const endpoints = s.endpoints && [...s.endpoints].sort((a, b) => ((a.addresses[0] ?? '') < (b.addresses[0] ?? '') ? -1 : 1));
  return { labels, generateName, ownerReferences, addressType: s.addressType, ports: s.ports, endpoints };
}

test.each(cases.map((c) => [c.name, c] as const))('%s: the slices of the real controller', (_, c) => {
  for (const service of c.services) {
    if (!service.spec?.selector) continue;
    const selector = Object.entries(service.spec.selector);
    const pods = c.pods.filter(
      (p) => selector.every(([k, v]) => p.metadata.labels?.[k] === v) && p.metadata.namespace === service.metadata.namespace,
    );
    const hints = new Hints();
    const key = service.metadata.name;
    const { create, update, remove } = reconcileSlices(
      service,
      pods,
      (name) => c.nodes.find((n) => n.metadata.name === name),
      [],
      (type, changes, unchanged) => {
        hints.apply(key, service, type, changes, unchanged);
      },
    );
    expect([update, remove]).toEqual([[], []]);
    const real = c.endpointslices.filter(
      (s) => s.metadata.labels?.[NAME] === key && s.metadata.labels[MANAGED] === 'endpointslice-controller.k8s.io',
    );
    expect(create.map(shape)).toEqual(real.map(shape));
  }
});

test('there are recordings', () => expect(cases.length).toBeGreaterThan(20));

test('ports come in the order of their hashes', () => {
  const port = (name: string, n: number, protocol = 'TCP') => ({ name, port: n, protocol });
  expect(sortPorts([port('http', 80), port('alt', 8080), port('named', 80)]).map((p) => p.name)).toEqual(['named', 'alt', 'http']);
  expect(sortPorts([port('http', 80), port('https', 8443)]).map((p) => p.name)).toEqual(['https', 'http']);
  expect(sortPorts([port('dns-tcp', 53), port('dns', 53, 'UDP')]).map((p) => p.name)).toEqual(['dns', 'dns-tcp']);
});

test('subsets: ports with the same addresses together, in the order of their hashes', () => {
  const port = (name: string, n: number, protocol = 'TCP') => ({ name, port: n, protocol });
  const placed = (ip: string, p: ReturnType<typeof port>, ready = true) => ({ address: { ip }, port: p, ready });
  const names = (...ports: ReturnType<typeof port>[]): unknown =>
    repack(ports.map((p) => placed('10.0.0.1', p))).map((s) => s.ports?.map((p) => p.name));
  expect(names(port('https', 8443), port('http', 80))).toEqual([['http', 'https']]);
  expect(names(port('u', 53, 'UDP'), port('http', 80))).toEqual([['http', 'u']]);
  const subsets = repack([placed('10.0.0.9', port('a', 1)), placed('10.0.0.10', port('a', 1), false), placed('10.0.0.9', port('b', 2))]);
  expect(subsets).toHaveLength(2);
  expect(subsets).toContainEqual({ addresses: [{ ip: '10.0.0.9' }], notReadyAddresses: [{ ip: '10.0.0.10' }], ports: [port('a', 1)] });
  expect(subsets).toContainEqual({ addresses: [{ ip: '10.0.0.9' }], ports: [port('b', 2)] });
});

test('Endpoints written by hand are mirrored', () => {
  const endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'db', namespace: 'default', uid: 'u', resourceVersion: '1', creationTimestamp: '' },
    subsets: [
      { addresses: [{ ip: '192.168.56.100' }], notReadyAddresses: [{ ip: '192.168.56.101' }], ports: [{ name: 'pg', port: 5432 }] },
    ],
  } as Endpoints;
  expect(mirrorSlices(endpoints).map(({ endpoints: e, ports }) => ({ e, ports }))).toEqual([
    {
      e: [
        { addresses: ['192.168.56.100'], conditions: { ready: true } },
        { addresses: ['192.168.56.101'], conditions: { ready: false } },
      ],
      ports: [{ name: 'pg', port: 5432, protocol: 'TCP' }],
    },
  ]);
});

test('random changes: the slices always say what the pods are, in slices of at most 100, few of them written', () => {
  const rng = new Sim(7).rng('test');
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default', uid: 's', resourceVersion: '1', creationTimestamp: '' },
    spec: {
      clusterIP: '10.96.0.9',
      ipFamilies: ['IPv4'],
      selector: { app: 'web' },
      ports: [{ name: 'a', port: 80, targetPort: 80 as unknown as string }],
    },
  } as Service;
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'n', resourceVersion: '1', creationTimestamp: '' } } as Node;
  const pods = new Map<number, Pod>();
  let slices: EndpointSlice[] = [];
  let serial = 0;
  const pod = (i: number, ready: boolean): Pod =>
    ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `p${i}`, namespace: 'default', uid: `p${i}`, resourceVersion: '1', creationTimestamp: '' },
      spec: { nodeName: 'n', containers: [] },
      status: {
        podIP: `10.0.${i >> 8}.${i & 255}`,
        podIPs: [{ ip: `10.0.${i >> 8}.${i & 255}` }],
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      },
    }) as Pod;
  for (let round = 0; round < 120; round++) {
    for (let n = rng.below(round < 20 ? 40 : 6); n >= 0; n--) {
      const i = rng.below(600);
      if (pods.has(i) && rng.below(3) === 0) pods.delete(i);
      else pods.set(i, pod(i, rng.below(2) === 0));
    }
    const changes = reconcileSlices(
      service,
      [...pods.values()],
      () => node,
      slices,
      () => {},
    );
    if (round > 20) expect(changes.create.length + changes.update.length + changes.remove.length).toBeLessThanOrEqual(7);
    const removed = new Set(changes.remove.map((s) => s.metadata.name));
    const updated = new Map(changes.update.map((s) => [s.metadata.name, s]));
    slices = slices.filter((s) => !removed.has(s.metadata.name)).map((s) => updated.get(s.metadata.name) ?? s);
    for (const s of changes.create)
      slices.push({ ...s, metadata: { ...s.metadata, name: `s${serial++}`, uid: 'x', resourceVersion: '1', creationTimestamp: '' } });
    const said = slices.flatMap((s) => s.endpoints ?? []);
    const text = (e: V1Endpoint): string => `${e.addresses[0]} ${e.conditions?.ready}`;
    const want = [...pods.values()].map((p) => `${p.status?.podIP} ${p.status?.conditions?.[0]?.status === 'True'}`);
    expect(said.map(text).sort()).toEqual(want.sort());
    for (const s of slices) expect(s.endpoints?.length ?? 0).toBeLessThanOrEqual(100);
    expect(
      reconcileSlices(
        service,
        [...pods.values()],
        () => node,
        slices,
        () => {},
      ),
    ).toEqual({ create: [], update: [], remove: [], skipped: [] });
  }
});

test('a Service follows its pods: ready, terminating, gone; Endpoints as well', () => {
  const f = new Fixture({ readyAfter: () => 500 * MS });
  f.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
  f.run(1);
  const slice = (): EndpointSlice =>
    f.list<EndpointSlice>('endpointslices.discovery.k8s.io').find((s) => s.metadata.labels?.[NAME] === 'web') as EndpointSlice;
  expect([slice().endpoints, slice().ports]).toEqual([null, null]);
  const made = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default', labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  f.create(made);
  f.run(0.3);
  expect(slice().endpoints?.[0]?.conditions).toEqual({ ready: false, serving: false, terminating: false });
  f.run(2);
  expect(slice().endpoints?.[0]).toMatchObject({
    conditions: { ready: true, serving: true, terminating: false },
    targetRef: { kind: 'Pod', name: 'p' },
    zone: expect.stringMatching(/^zone-/),
  });
  expect(f.list<Endpoints>('endpoints').find((e) => e.metadata.name === 'web')?.subsets).toMatchObject([
    { addresses: [{ targetRef: { name: 'p' } }], ports: [{ port: 80, protocol: 'TCP' }] },
  ]);
  f.must(f.client.delete('pods', 'default', 'p'));
  f.run(0.5);
  expect(slice().endpoints?.[0]?.conditions).toEqual({ ready: false, serving: true, terminating: true });
  f.run(5);
  expect(slice().endpoints).toBeNull();
  f.must(f.client.delete('services', 'default', 'web'));
  f.run(5);
  expect(f.list('endpoints').concat(f.list('endpointslices.discovery.k8s.io'))).toEqual([]);
});
