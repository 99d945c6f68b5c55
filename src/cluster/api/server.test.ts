import { expect, test } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import type { Client } from './client.ts';
import { Informer } from './informer.ts';
import type { Pod } from './object.ts';
import { ApiServer } from './server.ts';

function world(): { sim: Sim; server: ApiServer; client: Client } {
  const sim = new Sim(1);
  const server = new ApiServer(sim);
  return { sim, server, client: server.client() };
}

const pod = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels: { app: name } },
  spec: { containers: [{ name: 'c', image: 'nginx' }], ...more },
});
const message = (r: { ok: boolean }): string => (r as { status?: { message?: string } }).status?.message ?? 'ok';
const config = (name: string, namespace: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data,
});

test('refusals read as the real ones', () => {
  const { client } = world();
  client.create(config('a', 'default'));
  const rows: [string, string][] = [
    [message(client.create(config('a', 'default'))), 'configmaps "a" already exists'],
    [message(client.create(config('a', 'nope'))), 'namespaces "nope" not found'],
    [message(client.get('services', 'default', 'x')), 'services "x" not found'],
    [message(client.get('deployments.apps', 'default', 'x')), 'deployments.apps "x" not found'],
    [message(client.list('pods', { fieldSelector: 'spec.foo=1' })), 'field label not supported: spec.foo'],
    [
      message(client.list('configmaps', { fieldSelector: 'data=1' })),
      '"data" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
    [
      message(client.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: {} })),
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
  ];
  for (const [is, want] of rows) expect(is).toBe(want);
});

test('an update of an old version is a conflict; one that changes nothing leaves the version', () => {
  const { client } = world();
  const made = client.create(config('a', 'default', { x: '1' }));
  if (!made.ok) throw new Error(message(made));
  const second = client.update({ ...made.value, data: { x: '2' } });
  expect(second.ok).toBe(true);
  expect(message(client.update({ ...made.value, data: { x: '3' } }))).toBe(
    'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  );
  if (!second.ok) return;
  const same = client.update({ ...second.value });
  expect(same.ok && same.value.metadata.resourceVersion).toBe(second.value.metadata.resourceVersion);
});

test('a watch starts with what is there and tells changes in order, by namespace, label and node', () => {
  const { sim, client } = world();
  const seen: string[] = [];
  client.create(pod('a'));
  client.watch<Pod>('pods', { fieldSelector: 'spec.nodeName=n1' }, (e) => seen.push(`n1 ${e.type} ${e.object.metadata.name}`));
  client.watch<Pod>('pods', { labelSelector: 'app=a' }, (e) => seen.push(`a ${e.type} ${e.object.metadata.name}`));
  client.watch<Pod>('pods', { namespace: 'kube-system' }, (e) => seen.push(`ks ${e.type}`));
  expect(seen).toEqual([]);
  client.create(
    { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'a', namespace: 'default' }, target: { kind: 'Node', name: 'n1' } } as never,
    { subresource: 'binding' },
  );
  client.patch('pods', 'default', 'a', 'merge', { metadata: { labels: { app: 'b' } } });
  sim.runUntil(sim.now + 10_000);
  expect(seen).toEqual(['a ADDED a', 'a MODIFIED a', 'n1 ADDED a', 'a DELETED a', 'n1 MODIFIED a']);
});

test('a scheduled pod stays until its kubelet deletes it with grace 0; an unscheduled one goes at once', () => {
  const { sim, client } = world();
  const informer = new Informer<Pod>(client, 'pods');
  client.create(pod('a', { terminationGracePeriodSeconds: 10, nodeName: 'n1' }));
  client.create(pod('b'));
  client.delete('pods', 'default', 'b');
  const marked = client.delete<Pod>('pods', 'default', 'a');
  expect(marked.ok && marked.value.metadata.deletionGracePeriodSeconds).toBe(10);
  expect(marked.ok && marked.value.metadata.deletionTimestamp).toBe('2026-11-20T09:00:10Z');
  sim.runUntil(sim.now + 10_000);
  expect([...informer.store.keys()]).toEqual(['default/a']);
  client.delete('pods', 'default', 'a', { gracePeriodSeconds: 0 });
  sim.runUntil(sim.now + 10_000);
  expect(informer.store.size).toBe(0);
});

test('finalizers hold an object; a namespace that goes takes no more', () => {
  const { client } = world();
  client.create({ ...config('a', 'default'), metadata: { name: 'a', namespace: 'default', finalizers: ['x.io/y'] } });
  client.delete('configmaps', 'default', 'a');
  const held = client.get('configmaps', 'default', 'a');
  expect(held.ok && (held.value.metadata.deletionTimestamp as string)).toBe('2026-11-20T09:00:00Z');
  client.patch('configmaps', 'default', 'a', 'merge', { metadata: { finalizers: null } });
  expect(client.get('configmaps', 'default', 'a').ok).toBe(false);
  client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' }, spec: { finalizers: ['kubernetes'] } } as never);
  client.delete('namespaces', '', 'shop');
  expect(message(client.create(config('a', 'shop')))).toBe(
    'configmaps "a" is forbidden: unable to create new content in namespace shop because it is being terminated',
  );
});

test('status and spec are written apart, and only the spec counts for the generation', () => {
  const { client } = world();
  const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'nginx' }] } };
  const made = client.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default' },
    spec: { replicas: 1, selector: { matchLabels: { app: 'a' } }, template },
  } as never);
  if (!made.ok) throw new Error(message(made));
  const status = client.patch(
    'deployments.apps',
    'default',
    'd',
    'merge',
    { spec: { replicas: 5 }, status: { replicas: 1 } },
    { subresource: 'status' },
  );
  expect(
    status.ok && [(status.value.spec as { replicas: number }).replicas, status.value.metadata.generation, status.value.status],
  ).toEqual([1, 1, { replicas: 1 }]);
  const spec = client.patch('deployments.apps', 'default', 'd', 'json', [{ op: 'replace', path: '/spec/replicas', value: 3 }]);
  expect(spec.ok && [spec.value.metadata.generation, (spec.value.status as { replicas: number }).replicas]).toEqual([2, 1]);
});

test('three thousand pods, a hundred watching nodes: an event wakes one', () => {
  const { sim, client } = world();
  let events = 0;
  for (let i = 0; i < 100; i++) client.watch<Pod>('pods', { fieldSelector: `spec.nodeName=n${i}` }, () => events++);
  for (let i = 0; i < 3000; i++) client.create(pod(`p${i}`, { nodeName: `n${i % 100}` }));
  sim.runUntil(sim.now + 10_000);
  expect(events).toBe(3000);
  const one = client.list<Pod>('pods', { fieldSelector: 'spec.nodeName=n7' });
  expect(one.ok && one.value.items.length).toBe(30);
});
