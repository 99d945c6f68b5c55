import { expect, test } from 'vitest';
import { MS } from '../../sim/sim.ts';
import type { ControllerRevision, DaemonSet, Job, KubeObject, Pod, StatefulSet } from '../api/object.ts';
import type { V1PersistentVolumeClaim } from '../api/types.ts';
import { Fixture } from './fixture.ts';
import { compressIndexes, parseIndexes } from './job.ts';
import { isPodReady } from './pods.ts';
import { parseSchedule } from './schedule.ts';

const template = (labels: object, image = 'i:1', spec: object = {}): object => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image }], ...spec },
});
const names = (f: Fixture): string[] =>
  f
    .list<Pod>('pods')
    .map((p) => p.metadata.name)
    .sort();

test('a daemon set has a pod on each node that fits, follows taints and nodes, and rolls one by one', () => {
  let least = 99;
  let watching = false;
  const f = new Fixture({
    nodes: 4,
    onPods: (pods) => {
      if (watching)
        least = Math.min(least, [...pods.values()].filter((p) => isPodReady(p) && p.metadata.deletionTimestamp === undefined).length);
    },
  });
  f.must(f.client.patch('nodes', '', 'node-4', 'merge', { spec: { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] } }));
  f.create({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'ds', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'ds' } }, template: template({ app: 'ds' }) },
  });
  f.run(3);
  const ds = (): DaemonSet => f.must(f.client.get<DaemonSet>('daemonsets.apps', 'default', 'ds'));
  expect(ds().status).toMatchObject({
    desiredNumberScheduled: 3,
    currentNumberScheduled: 3,
    numberReady: 3,
    numberAvailable: 3,
    updatedNumberScheduled: 3,
    numberMisscheduled: 0,
    observedGeneration: 1,
  });
  expect(
    f
      .list<Pod>('pods')
      .map((p) => p.spec?.nodeName)
      .sort(),
  ).toEqual(['node-1', 'node-2', 'node-3']);
  f.must(f.client.patch('nodes', '', 'node-4', 'merge', { spec: { taints: null } }));
  f.addNode('node-5', 'zone-a');
  f.run(3);
  expect(ds().status).toMatchObject({ desiredNumberScheduled: 5, numberReady: 5 });
  watching = true;
  f.setImage('daemonsets.apps', 'ds', 'i:2');
  f.run(60);
  expect(least).toBe(4);
  expect(ds().status).toMatchObject({ updatedNumberScheduled: 5, numberAvailable: 5 });
  expect(
    f
      .list<ControllerRevision>('controllerrevisions.apps')
      .map((r) => r.revision)
      .sort(),
  ).toEqual([1, 2]);
});

const statefulSet = (spec: object = {}): KubeObject & Readonly<Record<string, unknown>> => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'default' },
  spec: { serviceName: 'db', replicas: 3, selector: { matchLabels: { app: 'db' } }, template: template({ app: 'db' }), ...spec },
});

test('a stateful set comes up in order, keeps names, goes down from the end', () => {
  const order: string[] = [];
  const f = new Fixture({
    onPods: (pods) => {
      for (const p of pods.values()) if (!order.includes(p.metadata.name)) order.push(p.metadata.name);
    },
  });
  f.create(statefulSet());
  f.run(0.1);
  expect(names(f)).toEqual(['db-0']);
  f.run(5);
  expect(order).toEqual(['db-0', 'db-1', 'db-2']);
  const pod = f.list<Pod>('pods')[1] as Pod;
  expect(pod.spec).toMatchObject({ hostname: 'db-1', subdomain: 'db' });
  expect(pod.metadata.labels).toMatchObject({ 'statefulset.kubernetes.io/pod-name': 'db-1', 'apps.kubernetes.io/pod-index': '1' });
  f.must(f.client.delete('pods', 'default', 'db-1'));
  f.run(5);
  expect(names(f)).toEqual(['db-0', 'db-1', 'db-2']);
  f.must(f.client.patch('statefulsets.apps', 'default', 'db', 'merge', { spec: { replicas: 1 } }));
  f.run(0.2);
  expect(
    f
      .list<Pod>('pods')
      .filter((p) => p.metadata.deletionTimestamp !== undefined)
      .map((p) => p.metadata.name),
  ).toEqual(['db-2']);
  f.run(10);
  expect(names(f)).toEqual(['db-0']);
  const set = f.must(f.client.get<StatefulSet>('statefulsets.apps', 'default', 'db'));
  expect(set.status).toMatchObject({
    replicas: 1,
    readyReplicas: 1,
    availableReplicas: 1,
    currentReplicas: 1,
    updatedReplicas: 1,
    collisionCount: 0,
  });
});

test('a stateful set rolls from the end down to its partition; parallel ones come at once', () => {
  const f = new Fixture();
  f.create(statefulSet({ podManagementPolicy: 'Parallel', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } }));
  f.run(0.1);
  expect(names(f)).toEqual(['db-0', 'db-1', 'db-2']);
  f.run(3);
  f.setImage('statefulsets.apps', 'db', 'i:2');
  f.run(20);
  const images = (): (string | undefined)[] =>
    [...f.list<Pod>('pods')].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)).map((p) => p.spec?.containers[0]?.image);
  expect(images()).toEqual(['i:1', 'i:2', 'i:2']);
  f.must(f.client.patch('statefulsets.apps', 'default', 'db', 'merge', { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } }));
  f.run(20);
  expect(images()).toEqual(['i:2', 'i:2', 'i:2']);
  const { status } = f.must(f.client.get<StatefulSet>('statefulsets.apps', 'default', 'db'));
  expect(status?.currentRevision).toBe(status?.updateRevision);
});

test('claims of a stateful set wait for volumes that somebody makes, and the pods for them', () => {
  const f = new Fixture();
  f.create(
    statefulSet({
      replicas: 1,
      volumeClaimTemplates: [
        { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
      ],
    }),
  );
  f.run(5);
  const claim = (): KubeObject & V1PersistentVolumeClaim =>
    f.must(f.client.get<KubeObject & V1PersistentVolumeClaim>('persistentvolumeclaims', 'default', 'data-db-0'));
  expect(f.events()).toContain(
    'Normal FailedBinding PersistentVolumeClaim/data-db-0: no persistent volumes available for this claim and no storage class is set',
  );
  expect(f.events()).toContain(
    'Warning FailedScheduling Pod/db-0: 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
  );
  f.create({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'pv' },
    spec: { capacity: { storage: '2Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/d' } },
  });
  f.run(20);
  expect(claim()).toMatchObject({ spec: { volumeName: 'pv' }, status: { phase: 'Bound', capacity: { storage: '2Gi' } } });
  expect(f.list<Pod>('pods')[0]?.spec?.nodeName).toMatch(/^node-/);
});

function jobObject(spec: object): KubeObject & Readonly<Record<string, unknown>> {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', namespace: 'default' },
    spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } }, ...spec },
  };
}

/** Ends each pod a second after it was placed. */
function ending(outcome: (pod: Pod, n: number) => 'Succeeded' | 'Failed'): Fixture {
  let n = 0;
  const f: Fixture = new Fixture({
    readyAfter: (pod) => {
      const phase = outcome(pod, n++);
      f.sim.schedule(1000 * MS, () => f.setStatus(pod, { phase }, { type: 'Ready', status: 'False' }));
      return undefined;
    },
  });
  return f;
}

test('a job runs its completions, so many at a time, and is complete', () => {
  const f = ending(() => 'Succeeded');
  f.create(jobObject({ completions: 5, parallelism: 2 }));
  f.run(0.5);
  expect(f.list('pods')).toHaveLength(2);
  f.run(30);
  const job = f.must(f.client.get<Job>('jobs.batch', 'default', 'j'));
  expect(job.status).toMatchObject({ succeeded: 5, ready: 0, terminating: 0 });
  expect(job.status?.conditions?.map((c) => `${c.type} ${c.reason}`)).toEqual([
    'SuccessCriteriaMet CompletionsReached',
    'Complete CompletionsReached',
  ]);
  expect(f.list<Pod>('pods').every((p) => p.metadata.finalizers === undefined)).toBe(true);
  expect(
    f
      .events()
      .filter((e) => e.includes('Job/j'))
      .at(-1),
  ).toBe('Normal Completed Job/j: Job completed');
});

test('an indexed job gives each index a pod and tries again after a failure; too many failures end a job', () => {
  const f = ending((_, n) => (n === 0 ? 'Failed' : 'Succeeded'));
  f.create(jobObject({ completions: 3, parallelism: 3, completionMode: 'Indexed' }));
  f.run(60);
  const job = f.must(f.client.get<Job>('jobs.batch', 'default', 'j'));
  expect(job.status).toMatchObject({ succeeded: 3, failed: 1, completedIndexes: '0-2' });
  const g = ending(() => 'Failed');
  g.create(jobObject({ backoffLimit: 1, ttlSecondsAfterFinished: 100 }));
  g.run(60);
  const bad = g.must(g.client.get<Job>('jobs.batch', 'default', 'j'));
  expect(bad.status).toMatchObject({
    failed: 2,
    conditions: [
      { type: 'FailureTarget' },
      { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' },
    ],
  });
  g.run(120);
  expect(g.list('jobs.batch')).toEqual([]);
  expect(g.list('pods')).toEqual([]);
});

test('a cron job makes a job each minute, keeps three, and skips while one runs', () => {
  const f = ending(() => 'Succeeded');
  const cron = {
    schedule: '* * * * *',
    concurrencyPolicy: 'Forbid',
    jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } } },
  };
  f.create({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'c', namespace: 'default' }, spec: cron });
  f.run(330);
  const jobs = f.list<Job>('jobs.batch');
  expect(jobs).toHaveLength(3);
  const epoch = Math.floor((f.sim.epochMs + 300_000) / 60_000);
  expect(jobs.map((j) => j.metadata.name)).toEqual([`c-${epoch - 2}`, `c-${epoch - 1}`, `c-${epoch}`]);
});

test('schedules', () => {
  const at = (s: string, from: string): string => {
    const schedule = parseSchedule(s);
    return typeof schedule === 'string' ? schedule : new Date(schedule.next(Date.parse(from)) ?? 0).toISOString();
  };
  expect(at('*/15 * * * *', '2026-11-20T09:16:00Z')).toBe('2026-11-20T09:30:00.000Z');
  expect(at('0 0 1 * mon', '2026-11-20T09:16:00Z')).toBe('2026-11-23T00:00:00.000Z');
  expect(at('5 4 29 2 *', '2026-11-20T09:16:00Z')).toBe('2028-02-29T04:05:00.000Z');
  expect(at('@hourly', '2026-11-20T09:16:00Z')).toBe('2026-11-20T10:00:00.000Z');
  expect(at('61 * * * *', '2026-11-20T09:16:00Z')).toBe('end of range (61) above maximum (59): 61');
  expect(compressIndexes([0, 1, 2, 5, 7, 8])).toBe('0-2,5,7,8');
  expect([...parseIndexes('0-2,5')]).toEqual([0, 1, 2, 5]);
});
