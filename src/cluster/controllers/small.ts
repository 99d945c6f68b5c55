/** Small keepers: the ttl annotation of nodes, finished Jobs, leftover pods. Models pkg/controller/{ttl,ttlafterfinished,podgc}. */

import { SEC } from '../../sim/sim.ts';
import { WorkQueue } from '../api/informer.ts';
import { type Job, keyOf, type Node, type Pod } from '../api/object.ts';
import { untolerated } from '../scheduler/nodematch.ts';
import { nowText, untilAfter } from './clock.ts';
import type { Controller } from './context.ts';
import { isPodTerminal } from './pods.ts';
import { setPodCondition } from './podstatus.ts';

const TTL = 'node.alpha.kubernetes.io/ttl';
/** Up to so many nodes, kubelets may keep secrets for so many seconds. */
const TTL_STEPS: readonly (readonly [nodes: number, seconds: number])[] = [
  [100, 0],
  [500, 15],
  [1000, 30],
  [2000, 60],
];
const TTL_MOST = 300;
const POD_GC = 20;

export const ttl: Controller = {
  name: 'ttl-controller',
  start: (ctx) => {
    const nodes = ctx.informers.of<Node>('nodes');
    const queue = new WorkQueue(ctx.sim, (name) => {
      const node = nodes.get(name);
      const seconds = TTL_STEPS.find(([n]) => nodes.store.size <= n)?.[1] ?? TTL_MOST;
      if (!node || node.metadata.annotations?.[TTL] === String(seconds)) return 'done';
      const written = ctx.client.patch('nodes', '', name, 'merge', { metadata: { annotations: { [TTL]: String(seconds) } } });
      return written.ok || written.status.code === 404 ? 'done' : 'again';
    });
    nodes.on({
      add: (n) => queue.add(keyOf(n)),
      update: (old, n) => {
        if (old.metadata.annotations?.[TTL] !== n.metadata.annotations?.[TTL]) queue.add(keyOf(n));
      },
    });
    return { stop: () => queue.stop() };
  },
};

export const ttlAfterFinished: Controller = {
  name: 'ttl-after-finished-controller',
  start: (ctx) => {
    const jobs = ctx.informers.of<Job>('jobs.batch');
    const finished = (job: Job) =>
      job.status?.conditions?.find((c) => (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True');
    const queue = new WorkQueue(ctx.sim, (key) => {
      const job = jobs.get(key);
      const done = job && finished(job);
      const seconds = job?.spec?.ttlSecondsAfterFinished;
      if (!job || !done || seconds === undefined || job.metadata.deletionTimestamp !== undefined) return 'done';
      const left = untilAfter(ctx.sim, done.lastTransitionTime, seconds);
      if (left > 0) return left;
      const { namespace = '', name, uid } = job.metadata;
      ctx.client.delete('jobs.batch', namespace, name, { propagationPolicy: 'Foreground', preconditions: { uid } });
      return 'done';
    });
    const seen = (job: Job): void => {
      if (job.spec?.ttlSecondsAfterFinished !== undefined && finished(job)) queue.add(keyOf(job));
    };
    jobs.on({ add: seen, update: (_, job) => seen(job) });
    return { stop: () => queue.stop() };
  },
};

export const podGC: Controller = {
  name: 'pod-garbage-collector-controller',
  start: (ctx) => {
    let stopped = false;
    const missing = new Map<string, number>();
    const remove = (pod: Pod, message?: string): void => {
      const { namespace = '', name, uid } = pod.metadata;
      if (message !== undefined && !isPodTerminal(pod)) {
        const condition = {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'DeletionByPodGC',
          message,
          lastTransitionTime: nowText(ctx.sim),
        };
        setPodCondition(ctx.client, pod, condition, { phase: 'Failed' });
      }
      ctx.client.delete('pods', namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } });
    };
    const nodes = ctx.informers.of<Node>('nodes');
    const byNode = ctx.informers.podsByNode();
    const pods = ctx.informers.of<Pod>('pods');
    const round = (): void => {
      if (stopped) return;
      const threshold = ctx.options.terminatedPodThreshold ?? 12500;
      const terminated: Pod[] = [];
      for (const pod of pods.values()) {
        const node = pod.spec?.nodeName;
        if (isPodTerminal(pod)) terminated.push(pod);
        if (node && !nodes.get(node)) {
          const since = missing.get(node) ?? ctx.sim.now;
          missing.set(node, since);
          if (ctx.sim.now - since >= 40 * SEC) remove(pod, 'PodGC: node no longer exists');
        } else if (!node && pod.metadata.deletionTimestamp !== undefined) remove(pod);
        else if (
          node &&
          pod.metadata.deletionTimestamp !== undefined &&
          untolerated(nodes.get(node)?.spec?.taints, [], ['NoExecute', 'NoSchedule'])?.key === 'node.kubernetes.io/out-of-service'
        )
          remove(pod, 'PodGC: node is out of service');
      }
      for (const name of missing.keys()) if (nodes.get(name) || byNode.count(name) === 0) missing.delete(name);
      if (threshold > 0 && terminated.length > threshold) {
        terminated.sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1));
        for (const pod of terminated.slice(0, terminated.length - threshold)) remove(pod);
      }
      ctx.sim.schedule(POD_GC * SEC, round);
    };
    ctx.sim.schedule(POD_GC * SEC, round);
    return {
      stop: () => {
        stopped = true;
      },
    };
  },
};
