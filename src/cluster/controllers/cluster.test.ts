import { expect, test } from 'vitest';
import { MS, SEC } from '../../sim/sim.ts';
import { parseCidr } from '../api/ip.ts';
import type { AnyObject, ConfigMap, KubeObject, Namespace, Node, Pod, Service, Stored } from '../api/object.ts';
import type { V1PodDisruptionBudget, V2HorizontalPodAutoscaler } from '../api/types.ts';
import { deploymentObject, Fixture } from './fixture.ts';
import { startControllers } from './index.ts';
import { CidrSet } from './ipam.ts';
import { metallbDefinitions, NAMESPACE, poolManifests } from './metallb.ts';

test('a deployment goes in the background, in the foreground, or leaves orphans', () => {
  for (const policy of ['Background', 'Foreground', 'Orphan'] as const) {
    const f = new Fixture();
    f.create(deploymentObject('web', 2));
    f.run(5);
    f.must(f.client.delete('deployments.apps', 'default', 'web', { propagationPolicy: policy }));
    f.run(0.02);
    const still = f.client.get<AnyObject>('deployments.apps', 'default', 'web');
    expect(still.ok).toBe(policy === 'Foreground');
    if (still.ok) expect(still.value.metadata.finalizers).toEqual(['foregroundDeletion']);
    f.run(10);
    const left = ['deployments.apps', 'replicasets.apps', 'pods'].map((r) => f.list(r).length);
    expect([policy, left]).toEqual([policy, policy === 'Orphan' ? [0, 1, 2] : [0, 0, 0]]);
    if (policy === 'Orphan') expect((f.list<AnyObject>('replicasets.apps')[0] as AnyObject).metadata.ownerReferences ?? []).toEqual([]);
  }
});

test('random owner graphs: nothing stays whose owners are all gone, nothing goes that still has one', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const f = new Fixture({ seed, nodes: 0 });
    const rng = f.sim.rng('graph');
    const made: Stored<KubeObject>[] = [];
    for (let i = 0; i < 40; i++) {
      const owners = i < 5 ? [] : Array.from({ length: 1 + rng.below(2) }, () => made[rng.below(made.length)] as Stored<KubeObject>);
      const ownerReferences = [...new Set(owners)].map((o) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: o.metadata.name,
        uid: o.metadata.uid,
      }));
      made.push(
        f.must(
          f.client.create({
            apiVersion: 'v1',
            kind: 'ConfigMap',
            metadata: { name: `c${i}`, namespace: 'default', ...(ownerReferences.length > 0 && { ownerReferences }) },
          } as KubeObject),
        ),
      );
    }
    f.run(2);
    for (let n = 0; n < 2; n++)
      f.client.delete('configmaps', 'default', `c${rng.below(5)}`, { propagationPolicy: rng.below(2) === 0 ? 'Background' : 'Foreground' });
    f.run(20);
    const left = new Map(f.list<ConfigMap>('configmaps').map((c) => [c.metadata.uid, c]));
    const alive = new Set<string>();
    for (const o of made) {
      const refs = o.metadata.ownerReferences ?? [];
      if (refs.length === 0 ? left.has(o.metadata.uid) : refs.some((r) => alive.has(r.uid))) alive.add(o.metadata.uid);
    }
    const present = made.filter((o) => left.has(o.metadata.uid)).map((o) => o.metadata.name);
    expect(present).toEqual(made.filter((o) => alive.has(o.metadata.uid)).map((o) => o.metadata.name));
    for (const c of left.values()) for (const r of c.metadata.ownerReferences ?? []) expect(left.has(r.uid)).toBe(true);
  }
});

test('a namespace takes its contents along and says what it waits for', () => {
  const f = new Fixture();
  f.must(f.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } } as KubeObject));
  f.run(1);
  expect(f.list('serviceaccounts', 'shop')).toHaveLength(1);
  expect(f.list<ConfigMap>('configmaps', 'shop').map((c) => c.metadata.name)).toEqual(['kube-root-ca.crt']);
  const d = deploymentObject('web', 2);
  f.create({ ...d, metadata: { ...d.metadata, namespace: 'shop' } });
  f.run(5);
  f.must(f.client.delete('namespaces', '', 'shop'));
  f.run(6.5);
  const ns = f.must(f.client.get<Namespace>('namespaces', '', 'shop'));
  expect(ns.status?.phase).toBe('Terminating');
  expect(ns.status?.conditions?.find((c) => c.type === 'NamespaceContentRemaining')).toMatchObject({
    status: 'True',
    reason: 'SomeResourcesRemain',
    message: 'Some resources are remaining: pods. has 2 resource instances',
  });
  f.run(40);
  expect(f.client.get('namespaces', '', 'shop').ok).toBe(false);
  expect(f.list('pods', 'shop')).toEqual([]);
});

test('nodes get ranges; one that falls silent is tainted and its pods leave after five minutes', () => {
  const set = new CidrSet(parseCidr('10.244.0.0/16') as NonNullable<ReturnType<typeof parseCidr>>, 24);
  expect([set.allocate(), set.allocate()]).toEqual(['10.244.0.0/24', '10.244.1.0/24']);
  set.occupy('10.244.2.0/24');
  expect(set.allocate()).toBe('10.244.3.0/24');

  const f = new Fixture({ options: { clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/56'], nodeMonitorGraceSeconds: 40 } });
  const beat = (name: string): void => {
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'kube-node-lease' } };
    const have = f.client.get<AnyObject>('leases.coordination.k8s.io', 'kube-node-lease', name);
    const renewTime = `${new Date(f.sim.epochMs + f.sim.now / 1000).toISOString().slice(0, -1)}000Z`;
    const spec = { holderIdentity: name, renewTime };
    f.must(have.ok ? f.client.update({ ...have.value, spec }) : f.client.create({ ...lease, spec } as KubeObject));
  };
  let silent = '';
  for (const name of ['node-1', 'node-2', 'node-3']) {
    const loop = (): void => {
      if (silent !== name) beat(name);
      f.sim.schedule(10 * SEC, loop);
    };
    loop();
  }
  f.create(deploymentObject('web', 3));
  f.run(100);
  const node = (name: string): Node => f.must(f.client.get<Node>('nodes', '', name));
  expect(['node-1', 'node-2', 'node-3'].map((n) => node(n).spec?.podCIDRs)).toEqual([
    ['10.244.0.0/24', 'fd00:10:244::/64'],
    ['10.244.1.0/24', 'fd00:10:244:1::/64'],
    ['10.244.2.0/24', 'fd00:10:244:2::/64'],
  ]);
  expect(node('node-1').metadata.annotations).toMatchObject({ 'node.alpha.kubernetes.io/ttl': '0' });
  const victim = f.list<Pod>('pods')[0] as Pod;
  silent = victim.spec?.nodeName ?? '';
  f.run(60);
  expect(node(silent).status?.conditions?.find((c) => c.type === 'Ready')).toMatchObject({
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
  });
  expect(node(silent).spec?.taints?.map((t) => `${t.key}:${t.effect}`)).toEqual([
    'node.kubernetes.io/unreachable:NoSchedule',
    'node.kubernetes.io/unreachable:NoExecute',
  ]);
  expect(f.pods.get(`default/${victim.metadata.name}`)?.status?.conditions?.find((c) => c.type === 'Ready')?.status).toBe('False');
  f.run(200);
  expect(f.pods.get(`default/${victim.metadata.name}`)?.metadata.deletionTimestamp).toBeUndefined();
  f.run(120);
  expect(f.pods.get(`default/${victim.metadata.name}`)).toBeUndefined();
  expect(f.events()).toContain(
    `Normal TaintManagerEviction Pod/${victim.metadata.name}: Marking for deletion Pod default/${victim.metadata.name}`,
  );
  silent = '';
  f.run(20);
  const g = new Fixture({ nodes: 2, options: { nodeMonitorGraceSeconds: 40 } });
  g.create(deploymentObject('web', 2));
  g.run(400);
  const left = g.list<Node>('nodes', '').map((n) => n.spec?.taints?.map((t) => `${t.key}:${t.effect}`));
  expect(left).toEqual([['node.kubernetes.io/unreachable:NoSchedule'], ['node.kubernetes.io/unreachable:NoSchedule']]);
  expect(g.list<Pod>('pods').filter((p) => p.metadata.deletionTimestamp !== undefined)).toEqual([]);
});

test('a disruption budget counts, and evictions keep to it', () => {
  const f = new Fixture();
  f.create(deploymentObject('web', 3));
  f.create({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'b', namespace: 'default' },
    spec: { minAvailable: 2, selector: { matchLabels: { app: 'web' } } },
  });
  f.run(5);
  const budget = (): V1PodDisruptionBudget => f.must(f.client.get<V1PodDisruptionBudget>('poddisruptionbudgets.policy', 'default', 'b'));
  expect(budget().status).toMatchObject({
    currentHealthy: 3,
    desiredHealthy: 2,
    disruptionsAllowed: 1,
    expectedPods: 3,
    conditions: [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods' }],
  });
  const evict = (pod: Pod | undefined): boolean =>
    f.client.create(
      { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod?.metadata.name, namespace: 'default' } },
      { subresource: 'eviction' },
    ).ok;
  const pods = f.list<Pod>('pods');
  expect(evict(pods[0])).toBe(true);
  f.run(0.05);
  expect(evict(pods[1])).toBe(false);
  f.run(5);
  expect(evict(pods[1])).toBe(true);
});

test('load balancer addresses come from the pool, and go back', () => {
  const f = new Fixture({ options: { loadBalancers: true } });
  f.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  for (const o of [...metallbDefinitions(), ...poolManifests(['172.16.1.240-172.16.1.241'], [])])
    f.create(o as Parameters<Fixture['create']>[0]);
  const make = (name: string): void =>
    f.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { type: 'LoadBalancer', selector: { a: 'b' }, ports: [{ port: 80 }] },
    });
  const ip = (name: string): string | undefined =>
    f.must(f.client.get<Service>('services', 'default', name)).status?.loadBalancer?.ingress?.[0]?.ip;
  for (const n of ['a', 'b', 'c']) make(n);
  f.run(2);
  expect([ip('a'), ip('b'), ip('c')]).toEqual(['172.16.1.240', '172.16.1.241', undefined]);
  expect(f.events()).toContain('Warning AllocationFailed Service/c: Failed to allocate IP for "default/c": no available IPs');
  f.must(f.client.delete('services', 'default', 'a'));
  f.run(2);
  expect(ip('c')).toBe('172.16.1.240');
});

test('an autoscaler follows the load, at once up and after five minutes down', () => {
  let load = 50;
  const f = new Fixture({ options: { metrics: { pod: () => ({ containers: [{ name: 'c', cpuMillis: load, memoryBytes: 0 }] }) } } });
  const d = deploymentObject('web', 2);
  const template = {
    metadata: { labels: { app: 'web' } },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '100m' } } }] },
  };
  f.create({ ...d, spec: { ...(d.spec as object), template } });
  const metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }];
  f.create({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h', namespace: 'default' },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, minReplicas: 2, maxReplicas: 5, metrics },
  });
  const replicas = (): number | undefined =>
    f.must(f.client.get<{ spec?: { replicas?: number } }>('deployments.apps', 'default', 'web')).spec?.replicas;
  const hpa = (): V2HorizontalPodAutoscaler =>
    f.must(f.client.get<V2HorizontalPodAutoscaler>('horizontalpodautoscalers.autoscaling', 'default', 'h'));
  const conditions = (): string[] => (hpa().status?.conditions ?? []).map((c) => `${c.type} ${c.status} ${c.reason}`);
  f.run(40);
  expect(replicas()).toBe(2);
  expect(conditions()).toEqual([
    'AbleToScale True ReadyForNewScale',
    'ScalingActive True ValidMetricFound',
    'ScalingLimited False DesiredWithinRange',
  ]);
  expect(hpa().status?.currentMetrics).toEqual([
    { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 50, averageValue: '50m' } } },
  ]);
  load = 100;
  f.run(20);
  expect(replicas()).toBe(4);
  expect(f.events()).toContain(
    'Normal SuccessfulRescale HorizontalPodAutoscaler/h: New size: 4; reason: cpu resource utilization (percentage of request) above target',
  );
  f.run(60);
  expect(replicas()).toBe(5);
  expect(conditions()).toContain('ScalingLimited True TooManyReplicas');
  load = 10;
  f.run(200);
  expect(replicas()).toBe(5);
  expect(conditions()).toContain('AbleToScale True ScaleDownStabilized');
  f.run(150);
  expect(replicas()).toBe(2);
});

test('managers that start anew change nothing', () => {
  const f = new Fixture({ nodes: 2 });
  f.create(deploymentObject('web', 3));
  f.create({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'ds', namespace: 'default' },
    spec: {
      selector: { matchLabels: { a: 'ds' } },
      template: { metadata: { labels: { a: 'ds' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  });
  f.create({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', namespace: 'default' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { a: 'db' } },
      template: { metadata: { labels: { a: 'db' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  });
  f.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
  f.run(20);
  const versions = (): string[] =>
    [
      'pods',
      'replicasets.apps',
      'deployments.apps',
      'daemonsets.apps',
      'statefulsets.apps',
      'controllerrevisions.apps',
      'endpointslices.discovery.k8s.io',
      'endpoints',
    ].flatMap((r) => f.list<AnyObject>(r).map((o) => `${r}/${o.metadata.name} ${o.metadata.resourceVersion}`));
  const before = versions();
  expect(before.length).toBeGreaterThan(12);
  startControllers({
    sim: f.sim,
    client: f.server.client(),
    options: { nodeMonitorGraceSeconds: 1e6 },
    resources: () => f.server.scheme.all(),
  });
  f.run(20);
  expect(versions()).toEqual(before);
});

test('the same seed gives the same cluster', () => {
  const run = (): string => {
    const f = new Fixture({ seed: 5, readyAfter: () => 100 * MS });
    f.create(deploymentObject('a', 7));
    f.run(3);
    f.setImage('deployments.apps', 'a', 'x');
    f.run(9);
    return JSON.stringify([f.list('pods'), f.list('events'), f.sim.steps]);
  };
  expect(run()).toBe(run());
});
