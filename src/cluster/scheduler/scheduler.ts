/** kube-scheduler: a queue of pods, one node for each. Models pkg/scheduler with the default profile. */

import { MS, SEC, type Sim } from '../../sim/sim.ts';
import type { Client } from '../api/client.ts';
import {
  controllerOf,
  type KubeObject,
  keyOf,
  type Namespace,
  type Node,
  type Pod,
  type ReplicaSet,
  type Service,
  type StatefulSet,
} from '../api/object.ts';
import type { V1LabelSelector, V1PersistentVolumeClaim, V1PodCondition, V1PodDisruptionBudget } from '../api/types.ts';
import { nowText } from '../controllers/clock.ts';
import { Informers, type Running } from '../controllers/context.ts';
import { reportEvent } from '../controllers/events.ts';
import { isPodTerminal, podCondition } from '../controllers/pods.ts';
import { setPodCondition } from '../controllers/podstatus.ts';
import { servicesOf } from '../controllers/servicepods.ts';
import { filterState, type Refusal, refuses, unavailable } from './filters.ts';
import { type Candidate, preempt, priorityOf } from './preemption.ts';
import { NodeInfo, needsOf } from './resources.ts';
import { scoreNodes } from './scores.ts';

const NAME = 'default-scheduler';
/** Pods looked at in one event. */
const BATCH = 32;
const FLUSH = 300 * SEC;
const MIN_NODES = 100;

export interface SchedulerContext {
  readonly sim: Sim;
  readonly client: Client;
  /** Name of the machine: who reports. */
  readonly host: string;
}

class Scheduler implements Running {
  private readonly sim: Sim;
  private readonly client: Client;
  private readonly host: string;
  private readonly informers: Informers;
  private readonly nodes = new Map<string, NodeInfo>();
  private order: NodeInfo[] | undefined;
  private readonly active = new Set<string>();
  private readonly waiting = new Map<string, { attempts: number; until: number }>();
  private readonly assumed = new Map<string, string>();
  private readonly nominated = new Map<string, string>();
  private withAffinity = 0;
  private start = 0;
  private armed = false;
  private stopped = false;

  constructor(ctx: SchedulerContext) {
    this.sim = ctx.sim;
    this.client = ctx.client;
    this.host = ctx.host;
    this.informers = new Informers(ctx.client);
    const { informers } = this;
    informers.of<Namespace>('namespaces');
    informers.of('poddisruptionbudgets.policy');
    informers.of('services');
    informers.of('replicasets.apps');
    informers.of('statefulsets.apps');
    informers.of<KubeObject>('persistentvolumeclaims').on({ add: () => this.wake(), update: () => this.wake() });
    informers.of<Node>('nodes').on({
      add: (n) => this.nodeSeen(undefined, n),
      update: (old, n) => this.nodeSeen(old, n),
      delete: (n) => {
        this.nodes.delete(n.metadata.name);
        this.order = undefined;
      },
    });
    informers.of<Pod>('pods').on({
      add: (p) => this.podSeen(undefined, p),
      update: (old, p) => this.podSeen(old, p),
      delete: (p) => this.podGone(p),
    });
  }

  private nodeSeen(old: Node | undefined, node: Node): void {
    const { name } = node.metadata;
    const info = this.nodes.get(name);
    if (info) info.setNode(node);
    else {
      const made = new NodeInfo(node);
      for (const pod of this.informers.podsByNode().get(name)) if (!isPodTerminal(pod)) made.add(pod);
      this.nodes.set(name, made);
      this.order = undefined;
    }
    const same =
      old &&
      old.spec?.unschedulable === node.spec?.unschedulable &&
      JSON.stringify(old.spec?.taints) === JSON.stringify(node.spec?.taints) &&
      JSON.stringify(old.metadata.labels) === JSON.stringify(node.metadata.labels) &&
      JSON.stringify(old.status?.allocatable) === JSON.stringify(node.status?.allocatable);
    if (!same) this.wake();
  }

  private podSeen(old: Pod | undefined, pod: Pod): void {
    const key = keyOf(pod);
    const on = pod.spec?.nodeName;
    if (on) {
      this.drop(key);
      if (isPodTerminal(pod)) {
        if (old && !isPodTerminal(old)) this.release(pod);
        return;
      }
      this.place(key, on, pod);
      if (old && !old.spec?.nodeName && needsOf(pod).affinity) this.wake();
      return;
    }
    if (pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod) || (pod.spec?.schedulerName ?? NAME) !== NAME) {
      this.drop(key);
      return;
    }
    if ((pod.spec?.schedulingGates?.length ?? 0) > 0) {
      this.gated(pod);
      return;
    }
    const same = old && old.spec === pod.spec && old.metadata.labels === pod.metadata.labels;
    if (!same || !this.waiting.has(key)) this.push(key);
  }

  private place(key: string, node: string, pod: Pod): void {
    const before = this.assumed.get(key);
    if (before !== undefined && before !== node) this.nodes.get(before)?.remove(key);
    this.assumed.delete(key);
    const info = this.nodes.get(node);
    if (!info) return;
    const had = info.withAffinity.has(key);
    info.add(pod);
    if (!had && info.withAffinity.has(key)) this.withAffinity++;
  }

  private release(pod: Pod): void {
    const key = keyOf(pod);
    const info = this.nodes.get(pod.spec?.nodeName ?? '');
    if (info?.withAffinity.has(key)) this.withAffinity--;
    info?.remove(key);
    this.wake();
  }

  private podGone(pod: Pod): void {
    this.drop(keyOf(pod));
    if (pod.spec?.nodeName) this.release(pod);
  }

  private drop(key: string): void {
    this.active.delete(key);
    this.waiting.delete(key);
    this.nominated.delete(key);
  }

  private push(key: string): void {
    this.active.add(key);
    this.arm(1 * MS);
  }

  private arm(delay: number): void {
    if (this.armed || this.stopped) return;
    this.armed = true;
    this.sim.schedule(delay, () => {
      this.armed = false;
      this.run();
    });
  }

  /** Something changed that may help: pods that found no place are tried again, each not before its back-off ends. */
  private wake(): void {
    for (const [key, w] of this.waiting) {
      const left = w.until - this.sim.now;
      if (left <= 0) this.push(key);
      else
        this.sim.schedule(left, () => {
          if (this.waiting.get(key) === w) this.push(key);
        });
    }
  }

  private gated(pod: Pod): void {
    const c = podCondition(pod, 'PodScheduled');
    if (c?.reason === 'SchedulingGated') return;
    this.condition(pod, 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates');
  }

  private run(): void {
    if (this.stopped) return;
    const pods = this.informers.of<Pod>('pods');
    const keys = [...this.active];
    const batch = keys
      .map((k) => pods.get(k))
      .filter((p): p is Pod => p !== undefined)
      .sort(
        (a, b) =>
          priorityOf(b) - priorityOf(a) ||
          (a.metadata.creationTimestamp < b.metadata.creationTimestamp
            ? -1
            : a.metadata.creationTimestamp > b.metadata.creationTimestamp
              ? 1
              : 0),
      )
      .slice(0, BATCH);
    if (batch.length < BATCH) this.active.clear();
    for (const pod of batch) {
      const key = keyOf(pod);
      this.active.delete(key);
      if (pod.spec?.nodeName || this.assumed.has(key)) continue;
      this.schedule(pod);
    }
    if (this.active.size > 0) this.arm(1 * MS);
  }

  private sorted(): readonly NodeInfo[] {
    this.order ??= [...this.nodes.values()].sort((a, b) => (a.node.metadata.name < b.node.metadata.name ? -1 : 1));
    return this.order;
  }

  private enough(total: number): number {
    if (total < MIN_NODES) return total;
    const percent = Math.max(5, 50 - Math.floor(total / 125));
    return Math.max(MIN_NODES, Math.floor((total * percent) / 100));
  }

  private schedule(pod: Pod): void {
    const all = this.sorted();
    if (all.length === 0) {
      this.fail(pod, 'no nodes available to schedule pods');
      return;
    }
    const missing = this.missingClaim(pod);
    if (missing !== undefined) {
      this.fail(
        pod,
        `0/${all.length} nodes are available: ${missing}. preemption: ${unavailable(
          all.length,
          all.map(() => 'Preemption is not helpful for scheduling'),
        )}`,
      );
      return;
    }
    const namespaces = (name: string): Namespace | undefined => this.informers.of<Namespace>('namespaces').get(name);
    const anyAffinity = this.withAffinity > 0;
    const state = filterState(pod, all, namespaces, anyAffinity);
    const refusals = new Map<string, Refusal>();
    const fit: NodeInfo[] = [];
    const wanted = this.enough(all.length);
    let looked = 0;
    for (; looked < all.length && fit.length < wanted; looked++) {
      const info = all[(this.start + looked) % all.length] as NodeInfo;
      const no = refuses(state, this.withNominated(info, pod));
      if (no) refusals.set(info.node.metadata.name, no);
      else fit.push(info);
    }
    this.start = (this.start + looked) % all.length;
    if (fit.length === 0) {
      this.preempt(pod, all, refusals);
      return;
    }
    let chosen = fit[0] as NodeInfo;
    if (fit.length > 1) {
      const scores = scoreNodes({
        pod,
        nodes: fit,
        all,
        namespaces,
        ownSelector: this.ownSelector(pod),
        podsMatching: (selector) => this.informers.selected<Pod>('pods', pod.metadata.namespace ?? '', selector).map((p) => this.seated(p)),
        anyAffinity,
      });
      const best = Math.max(...scores);
      const ties = fit.filter((_, i) => scores[i] === best);
      chosen = ties[ties.length > 1 ? this.sim.rng('scheduler').below(ties.length) : 0] as NodeInfo;
    }
    this.bind(pod, chosen);
  }

  /** A pod that was bound a moment ago, with its node. */
  private seated(pod: Pod): Pod {
    const node = this.assumed.get(keyOf(pod));
    return node === undefined || pod.spec?.nodeName
      ? pod
      : { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName: node } };
  }

  /** Room that a pod which made others go is waiting for counts as taken. */
  private withNominated(info: NodeInfo, pod: Pod): NodeInfo {
    if (this.nominated.size === 0) return info;
    let out = info;
    for (const [key, node] of this.nominated) {
      if (node !== info.node.metadata.name || key === keyOf(pod)) continue;
      const other = this.informers.of<Pod>('pods').get(key);
      if (!other || priorityOf(other) < priorityOf(pod)) continue;
      if (out === info) out = info.without([]);
      out.add(other);
    }
    return out;
  }

  private missingClaim(pod: Pod): string | undefined {
    for (const v of pod.spec?.volumes ?? []) {
      const name = v.persistentVolumeClaim?.claimName;
      if (name === undefined) continue;
      const claim = this.client.get<V1PersistentVolumeClaim>('persistentvolumeclaims', pod.metadata.namespace ?? '', name);
      if (!claim.ok) return `persistentvolumeclaim "${name}" not found`;
      if (claim.value.status?.phase !== 'Bound') return 'pod has unbound immediate PersistentVolumeClaims';
    }
    return undefined;
  }

  private ownSelector(pod: Pod): V1LabelSelector | undefined {
    const services = this.informers.of<Service>('services');
    const pairs: Record<string, string> = {};
    for (const key of servicesOf({ informers: this.informers }, pod)) Object.assign(pairs, services.get(key)?.spec?.selector);
    const ref = controllerOf(pod);
    const ownerKey = `${pod.metadata.namespace}/${ref?.name}`;
    const owner =
      ref?.kind === 'ReplicaSet'
        ? this.informers.of<ReplicaSet>('replicasets.apps').get(ownerKey)
        : ref?.kind === 'StatefulSet'
          ? this.informers.of<StatefulSet>('statefulsets.apps').get(ownerKey)
          : undefined;
    const own = owner?.metadata.uid === ref?.uid ? owner?.spec?.selector : undefined;
    if (Object.keys(pairs).length === 0) return own;
    return { ...own, matchLabels: { ...pairs, ...own?.matchLabels } };
  }

  private bind(pod: Pod, info: NodeInfo): void {
    const { namespace, name, uid } = pod.metadata;
    const node = info.node.metadata.name;
    const binding: KubeObject & { readonly target: object } = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, uid },
      target: { kind: 'Node', name: node },
    };
    const bound = this.client.create(binding, { subresource: 'binding' });
    const key = keyOf(pod);
    if (!bound.ok) {
      if (bound.status.code === 404) return;
      this.fail(pod, `binding rejected: ${bound.status.message}`);
      return;
    }
    const seat: Pod = { ...pod, spec: { ...pod.spec, containers: pod.spec?.containers ?? [], nodeName: node } };
    this.place(key, node, seat);
    this.assumed.set(key, node);
    this.waiting.delete(key);
    this.nominated.delete(key);
    this.report(pod, 'Normal', 'Scheduled', 'Binding', `Successfully assigned ${namespace}/${name} to ${node}`);
  }

  private report(about: KubeObject, type: 'Normal' | 'Warning', reason: string, action: string, message: string): void {
    reportEvent(this.sim, this.client, { controller: NAME, instance: `${NAME}-${this.host}`, action }, about, type, reason, message);
  }

  private preempt(pod: Pod, all: readonly NodeInfo[], refusals: ReadonlyMap<string, Refusal>): void {
    const why = unavailable(
      all.length,
      [...refusals.values()].flatMap((r) => r.reasons),
    );
    const wait = this.nominated.get(keyOf(pod));
    if (
      wait !== undefined &&
      [...(this.nodes.get(wait)?.pods.values() ?? [])].some(
        (p) => p.metadata.deletionTimestamp !== undefined && priorityOf(p) < priorityOf(pod),
      )
    ) {
      this.fail(pod, `${why} preemption: not eligible due to a terminating pod on the nominated node.`);
      return;
    }
    const budgets = [...this.informers.of<KubeObject & V1PodDisruptionBudget>('poddisruptionbudgets.policy').values()];
    const namespaces = (name: string): Namespace | undefined => this.informers.of<Namespace>('namespaces').get(name);
    const outcome = preempt(pod, all, refusals, budgets, (trial) => {
      const others = all.map((n) => (n.node.metadata.name === trial.node.metadata.name ? trial : n));
      return refuses(filterState(pod, others, namespaces, this.withAffinity > 0), trial) === undefined;
    });
    if ('message' in outcome) {
      this.fail(pod, `${why} preemption: ${outcome.message}`);
      return;
    }
    this.evict(pod, outcome.candidate);
    this.fail(pod, why, outcome.candidate.node);
  }

  private evict(pod: Pod, candidate: Candidate): void {
    this.nominated.set(keyOf(pod), candidate.node);
    for (const victim of candidate.victims) {
      const { namespace = '', name } = victim.metadata;
      const condition: V1PodCondition = {
        type: 'DisruptionTarget',
        status: 'True',
        lastTransitionTime: nowText(this.sim),
        reason: 'PreemptionByScheduler',
        message: `${NAME}: preempting to accommodate a higher priority pod`,
      };
      setPodCondition(this.client, victim, condition);
      this.client.delete('pods', namespace, name);
      this.report(victim, 'Normal', 'Preempted', 'Preempting', `Preempted by pod ${pod.metadata.uid} on node ${candidate.node}`);
    }
  }

  private fail(pod: Pod, message: string, nominated?: string): void {
    const key = keyOf(pod);
    const attempts = (this.waiting.get(key)?.attempts ?? 0) + 1;
    const entry = { attempts, until: this.sim.now + Math.min(10, 2 ** (attempts - 1)) * SEC };
    this.waiting.set(key, entry);
    this.sim.schedule(FLUSH, () => {
      if (this.waiting.get(key) === entry && !this.stopped) this.push(key);
    });
    this.report(pod, 'Warning', 'FailedScheduling', 'Scheduling', message);
    this.condition(pod, 'Unschedulable', message, nominated);
  }

  private condition(pod: Pod, reason: string, message: string, nominated?: string): void {
    const had = podCondition(pod, 'PodScheduled');
    if (had?.status === 'False' && had.reason === reason && had.message === message && nominated === undefined) return;
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      lastProbeTime: null,
      lastTransitionTime: had?.status === 'False' ? had.lastTransitionTime : nowText(this.sim),
      reason,
      message,
      ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    } as unknown as V1PodCondition;
    setPodCondition(this.client, pod, condition, nominated === undefined ? {} : { nominatedNodeName: nominated });
  }

  stop(): void {
    this.stopped = true;
    this.informers.stop();
  }
}

export function startScheduler(ctx: SchedulerContext): Running {
  return new Scheduler(ctx);
}
