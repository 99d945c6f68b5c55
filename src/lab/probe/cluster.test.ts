import { expect, test } from 'vitest';
import { runCommand } from '../../os/run.ts';
import { SEC } from '../../sim/sim.ts';
import { kindOf } from '../check/index.ts';
import type { Finding, Scene } from '../check/kind.ts';
import type { Check } from '../lab.ts';
import { locateAll } from '../place.ts';
import { loadWorld, WORLDS, type World } from '../world.ts';

await loadWorld('cluster-w1');
const world = (WORLDS['cluster-w1'] as (seed: number) => World)(1);

function says(kind: string, own: object): Finding {
  const k = kindOf({ kind } as Check);
  const check = { ...k.defaults, ...own, kind, id: 'check', title: '', weight: 1, needs: [], informational: false };
  return k.run({ world } as Scene, check);
}

const SERVER = 'https://10.96.0.1/version';

test.each<[string, object, boolean, string]>([
  [
    'dns',
    { from: 'client-pod', name: 'web', answers: ['service:web'], exactly: true, queries: 1 },
    true,
    'NOERROR: 10.96.10.20, 1 questions',
  ],
  ['dns', { from: 'client-pod', name: 'web.default.svc.cluster.local.', type: 'A+AAAA', queries: 2 }, true, '10.96.10.20'],
  ['dns', { from: 'client-pod', name: 'web.default.svc', queries: { max: 2 } }, false, '3 questions on the wire'],
  [
    'dns',
    { from: 'client-pod', name: 'nosuch.default.svc.cluster.local', server: 'service:kube-dns.kube-system', expect: 'NXDOMAIN' },
    true,
    'NXDOMAIN',
  ],
  ['dns', { from: 'pod default/client-pod', name: 'web', server: '10.244.2.7' }, false, 'refused'],
  ['http', { from: 'client-pod', url: 'http://web/', source: '10.244.1.9' }, true, 'status 200'],
  ['http', { from: 'client-pod', url: 'http://nosuch/', expect: 'fails' }, false, 'nosuch is not resolved'],
  ['http', { from: 'pod default/web-*', url: 'http://pod:web-c:8080/', body: '^web-c sees' }, true, 'status 200'],
  ['http', { from: 'node-1', url: 'http://service:web/', body: 'sees' }, true, 'status 200'],
  [
    'http',
    {
      from: 'client-pod',
      url: SERVER,
      ca: 'cluster',
      certificate: { subject: 'kube-apiserver', issuer: 'kubernetes', name: '^10\\.96\\.0\\.1$' },
    },
    true,
    'status 200',
  ],
  ['http', { from: 'client-pod', url: SERVER, ca: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt' }, true, 'status 200'],
  ['http', { from: 'client-pod', url: SERVER, ca: 'insecure', certificate: { issuer: 'somebody' } }, false, 'issued by CN=kubernetes'],
  ['http', { from: 'client-pod', url: SERVER, expect: 'tls' }, true, 'not trusted'],
  [
    'http',
    { from: 'client-pod', url: 'https://10.96.0.1/', ca: 'cluster', sni: 'shop.example', expect: 'tls' },
    true,
    'not for shop.example',
  ],
  ['tcp', { from: 'client', to: 'node:cp-1', port: 6443 }, true, 'connected'],
  ['ping', { from: 'pod kube-system/coredns*', to: 'pod:web-a' }, true, 'a reply'],
  [
    'path',
    { from: 'client-pod', to: 'pod:coredns*.kube-system', with: 'udp', port: 53, expect: 'any', encapsulated: 'vxlan', nat: 'none' },
    true,
    'flannel.1',
  ],
  ['tcp', { from: 'pod default/nobody', to: 'service:web', port: 80 }, false, 'no pod default/nobody is running'],
  ['tcp', { from: 'client-pod', to: 'service:nothing', port: 80 }, false, 'there is no service nothing'],
])('%s %j: %s', (kind, own, passed, actual) => {
  const found = says(kind, own);
  expect(found).toMatchObject({ passed });
  expect(found.actual).toContain(actual);
});

test('a matrix over all pods of a namespace, and Services', () => {
  const table = {
    from: ['pod default/*', 'client'],
    to: ['pod default/web-*', 'service:web', 'service:empty'],
    ports: ['tcp/8080', 'tcp/80'],
  };
  const rows = [
    { from: 'pod default/*', to: 'pod default/web-*', ports: 'tcp/8080' },
    { from: 'pod default/*', to: 'service:web', ports: 80 },
  ];
  const found = says('matrix', { ...table, 'must-pass': rows, else: 'must-fail' });
  expect(found.passed).toBe(true);
  const wrong = says('matrix', { ...table, 'must-pass': [{ to: 'service:empty', ports: 80, from: 'client-pod' }] });
  expect(wrong).toMatchObject({
    passed: false,
    actual: 'must pass, but does not: pod client-pod -> service:empty, tcp 80 (connection refused)',
  });
  expect(wrong.hop).toMatch(/^node-1 cni0: NETFILTER filter\/KUBE-SERVICES#\d$/);
});

test('a pod that the learner makes is a place and a target, and one that was made anew is found under its name', () => {
  const cp = world.hosts.get('cp-1');
  const run = (line: string): string =>
    runCommand(cp?.machine as NonNullable<typeof cp>['machine'], line, { limits: { micros: 90 * SEC } }).stdout;
  run('kubectl run extra --image=hopwise/web:1.0 --port=8080 && kubectl wait --for=condition=Ready pod/extra --timeout=60s');
  expect(says('http', { from: 'pod default/extra:extra', url: 'http://pod:extra:8080/', body: '^Hello from extra,' })).toMatchObject({
    passed: true,
  });
  expect((locateAll(world, 'pod default/*') as unknown[]).length).toBe(5);
  run(
    'kubectl delete pod extra --now && kubectl run extra --image=hopwise/web:1.0 && kubectl wait --for=condition=Ready pod/extra --timeout=60s',
  );
  expect(says('http', { from: 'pod extra', url: 'http://pod:extra:8080/' }).passed).toBe(true);
  run('kubectl delete pod extra --now');
  expect(says('ping', { from: 'pod extra', to: '10.244.1.5' }).actual).toBe('no pod extra is running');
});
