/** object, and mutations that go through the API, in a real cluster. */

import { beforeAll, expect, test } from 'vitest';
import { loadWorld } from '../world.ts';
import { type Bench, bench } from './harness.ts';

let b: Bench;

beforeAll(async () => {
  await loadWorld('cluster-w1');
  b = bench({ world: 'cluster-w1' }).does(
    'cp-1',
    'kubectl create deployment shop --image=hopwise/echo:1.0 --replicas=2 -- podserver shop 8080 && kubectl expose deployment shop --port=80 --target-port=8080 && kubectl rollout status deployment/shop --timeout=60s',
  );
});

test.each([
  [{ get: 'deployment/shop', has: [{ path: 'spec.replicas', equals: '2' }] }, true, ''],
  [{ get: 'deploy/shop', has: [{ path: 'spec.replicas', min: 3 }] }, false, 'it is 2'],
  [{ get: 'svc/shop', has: [{ path: 'spec.selector', within: { get: 'deploy/shop', path: 'spec.template.metadata.labels' } }] }, true, ''],
  [
    { get: 'svc/web', has: [{ path: 'spec.selector', within: { get: 'deploy/shop', path: 'spec.template.metadata.labels' } }] },
    false,
    'is {"app":"shop"}',
  ],
  [{ get: 'pods', selector: 'app=shop', count: 2, ready: 2 }, true, ''],
  [{ get: 'pods', selector: 'app=shop', count: { min: 3 } }, false, '2: there is shop-'],
  [{ get: 'pods', selector: 'app=shop', has: [{ path: 'spec.containers[*].image', matches: '^hopwise/echo' }] }, true, ''],
  [{ get: 'svc/nothing' }, false, 'there is none'],
  [{ get: 'svc/nothing', absent: true }, true, ''],
  [
    {
      get: 'svc/shop',
      has: [
        { path: 'metadata.labels["app"]', exists: true },
        { path: 'spec.ports[0].targetPort', equals: 8080 },
      ],
    },
    true,
    '',
  ],
  [{ get: 'gizmo/shop' }, false, 'the API has no kind "gizmo"'],
])('object %o', (own, passed, actual) => {
  expect(b.says('object', own)).toMatchObject({ passed, actual: expect.stringContaining(actual) });
});

test('mutations in a cluster: scale, restart, an added pod, a manifest, a resync', () => {
  const label = { labels: { app: 'shop' } };
  const steps = [
    { scale: { deployment: 'shop', replicas: 3 } },
    { patch: { object: 'service/shop', type: 'json', with: [{ op: 'replace', path: '/spec/ports/0/port', value: 81 }] } },
    { 'rollout-restart': 'deployment/shop' },
    { 'add-pod': { node: 'node-2', name: 'extra', ip: '10.244.2.66', ...label } },
    { apply: 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: noted }\ndata: { a: b }\n' },
    { on: 'node-1', run: 'iptables -t nat -F KUBE-SERVICES' },
    { resync: 'kube-proxy' },
  ];
  const checks = [
    { object: { get: 'pods', selector: 'app=shop', ready: { min: 4 } } },
    { object: { get: 'configmap/noted' } },
    { object: { get: 'svc/shop', has: [{ path: 'spec.ports[0].port', equals: 81 }] } },
    { http: { from: 'client-pod', url: 'http://10.244.2.66:8080/' } },
    { state: { on: 'node-1', rule: { table: 'nat', chain: 'KUBE-SERVICES', text: 'default/shop' } } },
  ];
  expect(b.after(steps, checks, { ready: true })).toMatchObject({ passed: true });
  expect(b.after([{ 'delete-pod': 'nobody' }], [])).toMatchObject({ passed: false });
  expect(b.after([{ patch: { object: 'service/nobody', with: {} } }], [])).toMatchObject({ passed: false, actual: 'services "nobody" not found' });
});
