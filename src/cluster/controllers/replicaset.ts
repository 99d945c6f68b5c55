/** ReplicaSets and ReplicationControllers keep a number of pods. Models pkg/controller/replicaset. */

import { SEC } from '../../sim/sim.ts';
import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { type KubeObject, keyOf, type Pod, type Stored } from '../api/object.ts';
import type { V1LabelSelector, V1PodTemplateSpec, V1ReplicaSetCondition, V1ReplicaSetStatus } from '../api/types.ts';
import { nowMs, nowText } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { adopters, claim, Expectations, type Owner, ownerKey, PodControl, slowStart } from './control.ts';
import { deletionOrder, isPodActive, isPodAvailable, isPodReady, isPodTerminating, readyTime } from './pods.ts';
import { matchesAll } from './selector.ts';

const BURST = 500;

interface Kind {
  readonly kind: string;
  readonly resource: string;
  readonly component: string;
}

const REPLICA_SET: Kind = { kind: 'ReplicaSet', resource: 'replicasets.apps', component: 'replicaset-controller' };
const REPLICATION_CONTROLLER: Kind = {
  kind: 'ReplicationController',
  resource: 'replicationcontrollers',
  component: 'replication-controller',
};

interface Workload extends Owner {
  readonly spec?: {
    readonly replicas?: number;
    readonly minReadySeconds?: number;
    readonly selector?: V1LabelSelector | Readonly<Record<string, string>>;
    readonly template?: V1PodTemplateSpec;
  };
  readonly status?: V1ReplicaSetStatus;
}

/** A ReplicationController's selector is a plain map. */
const asSelector = new WeakMap<object, V1LabelSelector>();
function selectorOf(rs: Workload): V1LabelSelector | undefined {
  const s = rs.spec?.selector;
  if (s === undefined || rs.kind === 'ReplicaSet') return s as V1LabelSelector | undefined;
  const known = asSelector.get(s);
  if (known) return known;
  const made: V1LabelSelector = { matchLabels: s as Readonly<Record<string, string>> };
  asSelector.set(s, made);
  return made;
}

class ReplicaSetController implements Running {
  private readonly ctx: ControllerContext;
  private readonly of: Kind;
  private readonly queue: WorkQueue;
  private readonly expected: Expectations;
  private readonly pods: PodControl;

  constructor(ctx: ControllerContext, of: Kind) {
    this.ctx = ctx;
    this.of = of;
    this.expected = new Expectations(ctx.sim);
    this.pods = new PodControl(ctx, of.component);
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    ctx.informers.byController<Pod>('pods');
    ctx.informers.of<Workload & Stored<KubeObject>>(of.resource).on({
      add: (rs) => this.queue.add(keyOf(rs)),
      update: (_, rs) => this.queue.add(keyOf(rs)),
      delete: (rs) => {
        this.expected.forget(keyOf(rs));
        this.queue.add(keyOf(rs));
      },
    });
    ctx.informers.of<Pod>('pods').on({
      add: (pod) => this.podAdded(pod),
      update: (old, pod) => this.podChanged(old, pod),
      delete: (pod) => this.podGone(pod),
    });
  }

  private podAdded(pod: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.podGone(pod);
      return;
    }
    const key = ownerKey(this.ctx, pod, this.of.kind, this.of.resource);
    if (key !== undefined) {
      this.expected.created(key);
      this.queue.add(key);
    } else this.orphan(pod);
  }

  private podChanged(old: Pod, pod: Pod): void {
    const key = ownerKey(this.ctx, pod, this.of.kind, this.of.resource);
    const before = ownerKey(this.ctx, old, this.of.kind, this.of.resource);
    if (before !== undefined && before !== key) this.queue.add(before);
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.podGone(pod);
      return;
    }
    if (key === undefined) {
      if (before !== undefined || old.metadata.labels !== pod.metadata.labels) this.orphan(pod);
      return;
    }
    this.queue.add(key);
    const rs = this.ctx.informers.of<Workload & Stored<KubeObject>>(this.of.resource).get(key);
    const wait = rs?.spec?.minReadySeconds ?? 0;
    if (wait > 0 && !isPodReady(old) && isPodReady(pod)) this.queue.addAfter(key, (wait + 1) * SEC);
  }

  private podGone(pod: Pod): void {
    const key = ownerKey(this.ctx, pod, this.of.kind, this.of.resource);
    if (key === undefined) return;
    this.expected.deleted(key, keyOf(pod));
    this.queue.add(key);
  }

  private orphan(pod: Pod): void {
    if (this.of.kind === 'ReplicaSet') for (const key of adopters(this.ctx, pod, this.of.resource)) this.queue.add(key);
    else if (pod.metadata.ownerReferences === undefined && pod.metadata.labels)
      for (const rc of this.ctx.informers.byNamespace<Workload & Stored<KubeObject>>(this.of.resource).get(pod.metadata.namespace ?? '')) {
        const want = rc.spec?.selector as Readonly<Record<string, string>> | undefined;
        if (want && Object.keys(want).length > 0 && matchesAll(want, pod.metadata.labels)) this.queue.add(keyOf(rc));
      }
  }

  private sync(key: string): 'done' | 'again' {
    const rs = this.ctx.informers.of<Workload & Stored<KubeObject>>(this.of.resource).get(key);
    if (!rs) {
      this.expected.forget(key);
      return 'done';
    }
    const needsSync = this.expected.satisfied(key);
    const all = claim<Pod>(this.ctx, 'pods', rs, selectorOf(rs), isPodActive);
    const active = all.filter(isPodActive);
    let failure: readonly [reason: string, message: string] | undefined;
    if (needsSync && rs.metadata.deletionTimestamp === undefined) failure = this.manage(key, rs, active);
    this.status(rs, active, all.filter(isPodTerminating).length, failure);
    return failure ? 'again' : 'done';
  }

  private manage(key: string, rs: Workload, active: readonly Pod[]): readonly [string, string] | undefined {
    const diff = active.length - (rs.spec?.replicas ?? 1);
    if (diff < 0) {
      const count = Math.min(-diff, BURST);
      const made = slowStart(count, () => {
        const pod = this.pods.create(rs.spec?.template ?? {}, rs);
        if (pod) this.expected.expectCreation(key);
        return pod !== undefined;
      });
      return made < count ? ['FailedCreate', this.pods.error] : undefined;
    }
    if (diff === 0) return undefined;
    const doomed = this.toDelete(rs, active, Math.min(diff, BURST));
    let failed = false;
    for (const pod of doomed) {
      if (this.pods.delete(pod, rs)) this.expected.expectDeletion(key, keyOf(pod));
      else failed = this.pods.error !== '';
    }
    return failed ? ['FailedDelete', this.pods.error] : undefined;
  }

  private toDelete(rs: Workload, active: readonly Pod[], count: number): readonly Pod[] {
    if (count >= active.length) return active;
    const onNode = new Map<string, number>();
    for (const pod of this.related(rs, active)) {
      const node = pod.spec?.nodeName ?? '';
      if (isPodActive(pod)) onNode.set(node, (onNode.get(node) ?? 0) + 1);
    }
    const rank = new Map(active.map((p) => [keyOf(p), onNode.get(p.spec?.nodeName ?? '') ?? 0]));
    return [...active].sort(deletionOrder(rank, nowMs(this.ctx.sim))).slice(0, count);
  }

  /** Pods of all sets with the same owner: those of a Deployment's other revisions. */
  private related(rs: Workload, own: readonly Pod[]): readonly Pod[] {
    const owner = rs.metadata.ownerReferences?.find((r) => r.controller === true);
    if (!owner) return own;
    const out: Pod[] = [];
    for (const other of this.ctx.informers.byController<Workload & Stored<KubeObject>>(this.of.resource).get(owner.uid))
      out.push(...this.ctx.informers.byController<Pod>('pods').get(other.metadata.uid));
    return out;
  }

  private status(rs: Workload, active: readonly Pod[], terminating: number, failure: readonly [string, string] | undefined): void {
    const now = nowMs(this.ctx.sim);
    const wait = rs.spec?.minReadySeconds ?? 0;
    const labels = rs.spec?.template?.metadata?.labels ?? {};
    let labeled = 0;
    let ready = 0;
    let available = 0;
    let soonest = Number.POSITIVE_INFINITY;
    for (const pod of active) {
      if (matchesAll(labels, pod.metadata.labels)) labeled++;
      if (!isPodReady(pod)) continue;
      ready++;
      if (isPodAvailable(pod, wait, now)) available++;
      else soonest = Math.min(soonest, readyTime(pod) + wait * 1000 - now);
    }
    const old = rs.status ?? { replicas: 0 };
    const others = (old.conditions ?? []).filter((c) => c.type !== 'ReplicaFailure');
    const had = old.conditions?.find((c) => c.type === 'ReplicaFailure');
    const failed: V1ReplicaSetCondition | undefined = failure && {
      type: 'ReplicaFailure',
      status: 'True',
      lastTransitionTime: nowText(this.ctx.sim),
      reason: failure[0],
      message: failure[1],
    };
    const conditions = failed ? [...others, had && had.reason === failed.reason ? had : failed] : others;
    const next: V1ReplicaSetStatus = {
      replicas: active.length,
      ...(labeled > 0 && { fullyLabeledReplicas: labeled }),
      ...(ready > 0 && { readyReplicas: ready }),
      ...(available > 0 && { availableReplicas: available }),
      ...(this.of.kind === 'ReplicaSet' && { terminatingReplicas: terminating }),
      ...(conditions.length > 0 && { conditions }),
      ...(rs.metadata.generation !== undefined && { observedGeneration: rs.metadata.generation }),
    };
    if (!equal(old, next)) {
      const written = this.ctx.client.update({ ...rs, status: next }, { subresource: 'status' });
      if (!written.ok && written.status.code !== 404) this.queue.add(keyOf(rs));
    }
    if (Number.isFinite(soonest)) this.queue.addAfter(keyOf(rs), Math.max(soonest, 1) * 1000);
  }

  stop(): void {
    this.queue.stop();
  }
}

export const replicaSet: Controller = { name: 'replicaset-controller', start: (ctx) => new ReplicaSetController(ctx, REPLICA_SET) };
export const replicationController: Controller = {
  name: 'replicationcontroller-controller',
  start: (ctx) => new ReplicaSetController(ctx, REPLICATION_CONTROLLER),
};
