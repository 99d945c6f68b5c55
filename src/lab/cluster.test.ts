import { expect, test } from 'vitest';
import type { Pod } from '../cluster/api/object.ts';
import { REFERENCE_WORLDS } from '../cluster/world/worlds.ts';
import { runCommand } from '../os/run.ts';
import { SEC } from '../sim/sim.ts';
import { formatIp } from '../wire/addr.ts';
import { buildCluster, type ClusterWorld, clusterWorlds } from './cluster.ts';
import type { Host } from './world.ts';

const W1 = REFERENCE_WORLDS[0] as (typeof REFERENCE_WORLDS)[number];

function inPod(world: ClusterWorld, id: string, script: string): string {
  const host = world.hosts.get(id) as Host;
  let out = '';
  const tty = host.machine.newTty(200, 50);
  tty.onOutput = () => {
    for (let d = tty.take(); d.length > 0; d = tty.take()) out += new TextDecoder().decode(d);
  };
  const end = tty.endpoint();
  const p = host.enter?.(['bash', '-c', script], { fds: new Map([0, 1, 2].map((fd) => [fd, end])) });
  if (!p?.ok) throw new Error('not started');
  const until = world.sim.now + 20 * SEC;
  while (!p.value.dead && world.sim.step(until));
  return out.replaceAll('\r', '');
}

test('W1: addresses, Services, DNS and the outside as the course has them', () => {
  const world = buildCluster(W1, 1);
  const pods = world.cluster?.admin.list<Pod>('pods');
  const ips = new Map(
    pods?.ok ? pods.value.items.map((p) => [p.metadata.name.replace(/-[a-z0-9]+-[a-z0-9]{5}$/, ''), p.status?.podIP]) : [],
  );
  expect(['web-a', 'web-b', 'web-c', 'client-pod'].map((n) => ips.get(n))).toEqual([
    '10.244.1.5',
    '10.244.1.6',
    '10.244.2.7',
    '10.244.1.9',
  ]);
  expect(inPod(world, 'client-pod', 'curl -s http://10.244.2.7:8080/')).toBe('web-c sees 10.244.1.9\n');
  expect(inPod(world, 'client-pod', 'curl -s -m 3 http://web.default.svc.cluster.local/')).toMatch(/^web-[abc] sees 10\.244\.1\.9\n$/);
  expect(inPod(world, 'client-pod', 'curl -s -m 3 http://empty/ || echo $?')).toBe('7\n');
  expect(inPod(world, 'client-pod', 'curl -s -m 3 http://203.0.113.10/')).toBe('internet sees 192.168.56.11\n');
  expect(inPod(world, 'web-a', 'ps -o pid,args; hostname; cat /etc/resolv.conf')).toMatch(
    / 1 podserver web-a 8080\n[\s\S]*web-a\nsearch default\.svc/,
  );
  const client = world.hosts.get('client') as Host;
  expect(runCommand(client.machine, 'curl -s -m 3 http://192.168.56.12:30080/').stdout).toMatch(/^web-[abc] sees /);
});

test('the same seed gives the same run, with every controller running; another seed another one', () => {
  const hash = (seed: number): string => {
    const world = buildCluster(W1, seed);
    const { admin } = world.cluster as NonNullable<ClusterWorld['cluster']>;
    world.sim.runUntil(world.sim.now + 20 * SEC);
    const all = ['pods', 'events', 'nodes', 'endpointslices.discovery.k8s.io', 'leases.coordination.k8s.io'].map((r) =>
      JSON.stringify(admin.list(r)),
    );
    return `${world.sim.steps} ${all.join('')}`;
  };
  const first = hash(1);
  expect(hash(1)).toBe(first);
  expect(hash(2)).not.toBe(first);
});

test.each(Object.keys(clusterWorlds).filter((name) => name !== 'own'))('%s: all pods become ready', (name) => {
  const world = (clusterWorlds[name] as (seed: number) => ClusterWorld)(1);
  expect(world.hosts.size).toBeGreaterThan(1);
});

test('overrides: a list is replaced, or members come and go by name', () => {
  const build = clusterWorlds['w-lin'] as (seed: number, overrides?: unknown) => ClusterWorld;
  const hosts = (overrides: unknown): string[] => [...build(1, overrides).hosts.keys()];
  expect(hosts(undefined)).toEqual(['node-1', 'client', 'internet']);
  expect(hosts({ terminals: ['client'] })).toEqual(['client']);
  expect(hosts({ 'machines-': ['client'] })).toEqual(['node-1', 'internet']);
  expect(hosts({ 'terminals-': ['client'], 'terminals+': ['rtr'] })).toEqual(['node-1', 'internet', 'rtr']);
});

test('of two pods of one name, the old one still ending, exec and probes mean the newest', () => {
  const world = (clusterWorlds['w-000'] as (seed: number, overrides?: unknown) => ClusterWorld)(1, { kubernetes: { dnsReplicas: 0 } });
  const node = world.hosts.get('node-1') as Host;
  const r = runCommand(
    node.machine,
    `kubectl get pod example-pod -o yaml | grep -v -e uid: -e resourceVersion: >p.yaml
    kubectl delete pod example-pod --force 2>/dev/null
    kubectl create -f p.yaml
    kubectl wait --for=condition=Ready pod/example-pod --timeout=20s
    kubectl get pod example-pod -o jsonpath='{.status.podIP}'; echo
    kubectl exec example-pod -c container-2 -- hostname -i`,
    { limits: { micros: 60 * SEC } },
  );
  const [ip, seen] = r.stdout.trim().split('\n').slice(-2);
  expect(ip).toMatch(/^10\.244\.1\.\d+$/);
  expect(ip).not.toBe('10.244.1.5');
  expect(seen).toBe(ip);
  const place = world.kube?.pods('default', 'example-pod')[0];
  expect(place?.ns.devices.size).toBe(2);
  expect(formatIp([...(place?.ns.devices.values() ?? [])].find((d) => d.name === 'eth0')?.addrs4[0]?.local ?? 0)).toBe(ip);
});

test('what comes later need not become ready', () => {
  const spec = { containers: [{ name: 'a', image: 'busybox:1.37', command: ['false'] }] };
  const later = [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'broken', namespace: 'default' }, spec }];
  const build = clusterWorlds['w-000'] as (seed: number, overrides?: unknown) => ClusterWorld;
  const pod = build(1, { kubernetes: { dnsReplicas: 0 }, later }).cluster?.admin.get<Pod>('pods', 'default', 'broken');
  expect(pod?.ok && pod.value.status?.containerStatuses?.[0]?.ready).toBe(false);
  expect(() => build(1, { kubernetes: { dnsReplicas: 0 }, later: [...later, ...later] })).toThrow(
    'Pod broken: pods "broken" already exists',
  );
});

test('what comes later finds what the faults did', () => {
  const faults = [{ on: 'node-1', run: 'kubectl create namespace late' }];
  const later = [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'late' } }];
  const build = clusterWorlds['w-000'] as (seed: number, overrides?: unknown) => ClusterWorld;
  const world = build(1, { kubernetes: { dnsReplicas: 0 }, faults, later });
  expect(world.cluster?.admin.get('configmaps', 'late', 'a').ok).toBe(true);
});

test('kubectl replace --force makes an object anew from standard input', () => {
  const world = (clusterWorlds['w-000'] as (seed: number, overrides?: unknown) => ClusterWorld)(1, { kubernetes: { dnsReplicas: 0 } });
  const node = world.hosts.get('node-1') as Host;
  const script = 'kubectl create cm a --from-literal=k=v >/dev/null; kubectl get cm a -o yaml | sed s/v$/w/ | kubectl replace --force -f -';
  const r = runCommand(node.machine, `${script}\nkubectl get cm a -o jsonpath='{.data.k}'`, { limits: { micros: 60 * SEC } });
  expect(r.stdout).toBe('configmap "a" deleted from default namespace\nconfigmap/a replaced\nw');
});
