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
  expect(b.after([{ patch: { object: 'service/nobody', with: {} } }], [])).toMatchObject({
    passed: false,
    actual: 'services "nobody" not found',
  });
});

test('a node that starts again has lost what was only typed, and runs its pods again', () => {
  b.does(
    'node-1',
    'sysctl -w net.ipv4.tcp_syn_retries=2; ip route add 10.99.0.0/16 via 192.168.56.1; iptables -A INPUT -s 1.1.1.1 -j DROP',
  );
  const gone = [
    { state: { on: 'node-1', sysctl: { name: 'net.ipv4.tcp_syn_retries', equals: 6 } } },
    { state: { on: 'node-1', route: { to: '10.99.0.0/16', absent: true } } },
    { state: { on: 'node-1', rule: { table: 'filter', source: '1.1.1.1', absent: true } } },
  ];
  expect(gone.map(({ state }) => b.says('state', state).passed)).toEqual([false, false, false]);
  const back = [
    { state: { on: 'node-1', sysctl: { name: 'net.ipv4.ip_forward', equals: 1 } } },
    { http: { from: 'client-pod', url: 'http://10.96.10.20/' } },
    { http: { from: 'web-c', url: 'http://pod:web-a:8080/' } },
  ];
  expect(b.after([{ reboot: 'node-1' }], [...gone, ...back], { ready: true })).toMatchObject({ passed: true });
  expect(b.after([{ reboot: 'cp-1' }], [])).toMatchObject({ passed: false, actual: expect.stringContaining('not emulated') });
});

test("what is done in a pod through the API is the learner's too", () => {
  const c = bench({ world: 'cluster-w1' });
  c.does('cp-1', 'kubectl exec client-pod -- timeout 3 tcpdump -nni eth0 icmp >/dev/null 2>&1 & sleep 1');
  c.does('cp-1', 'kubectl exec client-pod -- ping -c1 10.244.2.7; sleep 3');
  expect(c.says('events', { ran: '^ping', on: 'client-pod' }).passed).toBe(true);
  expect(c.says('events', { captured: { host: 'client-pod', device: 'eth0', matches: { proto: 'icmp', dst: '10.244.2.7' } } }).passed).toBe(
    true,
  );
  expect(c.says('events', { captured: { host: 'node-1', matches: { proto: 'icmp' } } }).passed).toBe(false);
});
