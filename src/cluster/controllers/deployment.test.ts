import { expect, test } from 'vitest';
import { MS, SEC } from '../../sim/sim.ts';
import type { Deployment, Pod, ReplicaSet } from '../api/object.ts';
import { deploymentObject, Fixture } from './fixture.ts';
import { isPodActive, isPodReady } from './pods.ts';

const replicaSets = (f: Fixture): readonly ReplicaSet[] => f.list<ReplicaSet>('replicasets.apps');
const deployment = (f: Fixture, name = 'web'): Deployment => f.must(f.client.get<Deployment>('deployments.apps', 'default', name));

test('a deployment comes up with status, conditions and events as the real one has them', () => {
  const f = new Fixture();
  f.create(deploymentObject('web', 2));
  f.run(5);
  const d = deployment(f);
  const rs = replicaSets(f)[0] as ReplicaSet;
  expect(d.status).toMatchObject({
    observedGeneration: 1,
    replicas: 2,
    updatedReplicas: 2,
    readyReplicas: 2,
    availableReplicas: 2,
    terminatingReplicas: 0,
  });
  expect(d.status?.conditions?.map((c) => `${c.type} ${c.status} ${c.reason} ${c.message}`)).toEqual([
    'Available True MinimumReplicasAvailable Deployment has minimum availability.',
    `Progressing True NewReplicaSetAvailable ReplicaSet "${rs.metadata.name}" has successfully progressed.`,
  ]);
  expect(d.metadata.annotations).toEqual({ 'deployment.kubernetes.io/revision': '1' });
  expect(rs.metadata.annotations).toEqual({
    'deployment.kubernetes.io/desired-replicas': '2',
    'deployment.kubernetes.io/max-replicas': '3',
    'deployment.kubernetes.io/revision': '1',
  });
  expect(rs.status).toMatchObject({ replicas: 2, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 2, observedGeneration: 1 });
  const pods = f.list<Pod>('pods').map((p) => p.metadata.name);
  expect(pods.every((p) => new RegExp(`^${rs.metadata.name}-[bcdfghjklmnpqrstvwxz2456789]{5}$`).test(p))).toBe(true);
  const events = f.events();
  expect(events).toContain(`Normal ScalingReplicaSet Deployment/web: Scaled up replica set ${rs.metadata.name} from 0 to 2`);
  expect(events).toContain(`Normal SuccessfulCreate ReplicaSet/${rs.metadata.name}: Created pod: ${pods[0]}`);
  expect(
    events.some((e) => new RegExp(`^Normal Scheduled Pod/${pods[0]}: Successfully assigned default/${pods[0]} to node-[123]$`).test(e)),
  ).toBe(true);
});

test.each([
  { replicas: 10, surge: '25%', unavailable: '25%', least: 8, most: 13 },
  { replicas: 3, surge: 1, unavailable: 0, least: 3, most: 4 },
  { replicas: 4, surge: 0, unavailable: 1, least: 3, most: 4 },
  { replicas: 7, surge: '50%', unavailable: '30%', least: 5, most: 11 },
  { replicas: 1, surge: '25%', unavailable: '25%', least: 1, most: 2 },
])(
  'rolling $replicas with surge $surge and unavailable $unavailable never leaves [$least, $most]',
  ({ replicas, surge, unavailable, least, most }) => {
    for (let seed = 1; seed <= 3; seed++) {
      let watching = false;
      let low = Number.POSITIVE_INFINITY;
      let high = 0;
      const f: Fixture = new Fixture({
        seed,
        readyAfter: (pod) => (100 + (pod.metadata.uid.charCodeAt(0) % 7) * 300) * MS,
        onPods: (pods) => {
          if (!watching) return;
          const active = [...pods.values()].filter(isPodActive);
          low = Math.min(low, active.filter(isPodReady).length);
          high = Math.max(high, active.length);
        },
      });
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } };
      f.create(deploymentObject('web', replicas, 'nginx:1', { strategy }));
      f.run(20);
      watching = true;
      for (const image of ['nginx:2', 'nginx:3']) {
        f.setImage('deployments.apps', 'web', image);
        f.run(image === 'nginx:2' ? 1 : 60);
      }
      expect(low).toBeGreaterThanOrEqual(least);
      expect(high).toBeLessThanOrEqual(most);
      const pods = f.list<Pod>('pods');
      expect(pods.map((p) => p.spec?.containers[0]?.image)).toEqual(Array.from({ length: replicas }, () => 'nginx:3'));
      expect(deployment(f).status).toMatchObject({ updatedReplicas: replicas, availableReplicas: replicas });
      expect(deployment(f).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
    }
  },
);

test('going back to an old template takes the old replica set with a new revision', () => {
  const f = new Fixture();
  f.create(deploymentObject('web', 2, 'nginx:1'));
  f.run(5);
  const set = (image: string): void => {
    f.setImage('deployments.apps', 'web', image);
    f.run(10);
  };
  set('nginx:2');
  set('nginx:1');
  const byRevision = replicaSets(f).map((rs) => [
    rs.spec?.replicas,
    rs.metadata.annotations?.['deployment.kubernetes.io/revision'],
    rs.metadata.annotations?.['deployment.kubernetes.io/revision-history'],
  ]);
  expect(byRevision).toContainEqual([2, '3', '1']);
  expect(byRevision).toContainEqual([0, '2', undefined]);
});

test('a rollout that does not come up times out, keeps what is available and can be paused', () => {
  const f = new Fixture({ readyAfter: (pod) => (pod.spec?.containers[0]?.image === 'bad' ? undefined : 100 * MS) });
  f.create(deploymentObject('web', 4, 'good', { progressDeadlineSeconds: 30 }));
  f.run(5);
  f.setImage('deployments.apps', 'web', 'bad');
  f.run(60);
  const d = deployment(f);
  expect(d.status?.conditions?.find((c) => c.type === 'Progressing')).toMatchObject({
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
  });
  expect(d.status?.availableReplicas).toBe(3);
  f.setImage('deployments.apps', 'web', 'good', { paused: true });
  f.run(5);
  expect(deployment(f).status?.availableReplicas).toBe(3);
  f.must(f.client.patch('deployments.apps', 'default', 'web', 'merge', { spec: { paused: false } }));
  f.run(20);
  expect(deployment(f).status).toMatchObject({ updatedReplicas: 4, availableReplicas: 4 });
});

test('recreate: no old and new pods together; history is cut', () => {
  let mixed = false;
  const f = new Fixture({
    onPods: (pods) => {
      const images = new Set([...pods.values()].map((p) => p.spec?.containers[0]?.image));
      if (images.size > 1) mixed = true;
    },
  });
  f.create(deploymentObject('web', 3, 'v0', { strategy: { type: 'Recreate' }, revisionHistoryLimit: 1 }));
  for (const image of ['v1', 'v2', 'v3']) {
    f.run(10);
    f.setImage('deployments.apps', 'web', image);
  }
  f.run(20);
  expect(mixed).toBe(false);
  expect(
    replicaSets(f)
      .map((rs) => rs.spec?.template?.spec?.containers[0]?.image)
      .sort(),
  ).toEqual(['v2', 'v3']);
});

test('scaling, self-healing and adoption', () => {
  const f = new Fixture();
  f.create(deploymentObject('web', 3));
  f.run(5);
  f.must(f.client.patch('deployments.apps', 'default', 'web', 'merge', { spec: { replicas: 6 } }));
  f.run(5);
  expect(f.list('pods')).toHaveLength(6);
  const first = f.list<Pod>('pods')[0] as Pod;
  f.must(f.client.delete('pods', 'default', first.metadata.name));
  f.run(5);
  expect(f.list('pods')).toHaveLength(6);
  f.must(f.client.patch('deployments.apps', 'default', 'web', 'merge', { spec: { replicas: 1 } }));
  f.run(5);
  expect(f.list('pods')).toHaveLength(1);
  const pod = f.list<Pod>('pods')[0] as Pod;
  f.must(f.client.patch('pods', 'default', pod.metadata.name, 'merge', { metadata: { labels: { app: 'other' } } }));
  f.run(5);
  expect(
    f
      .list<Pod>('pods')
      .map((p) => p.metadata.ownerReferences?.length ?? 0)
      .sort(),
  ).toEqual([0, 1]);
  expect(f.sim.now).toBeGreaterThan(10 * SEC);
});
