/** DaemonSets: a pod on every node that fits. Models pkg/controller/daemon. */

import { SEC } from '../../sim/sim.ts';
import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { type ControllerRevision, controllerOf, type DaemonSet, type KubeObject, keyOf, type Node, type Pod } from '../api/object.ts';
import type { V1DaemonSetStatus, V1PodTemplateSpec, V1Toleration } from '../api/types.ts';
import { matchesNodeAffinity, untolerated } from '../scheduler/nodematch.ts';
import { nowMs } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { adopters, claim, Expectations, ownerKey, PodControl, slowStart } from './control.ts';
import { scaledValue } from './deploymentutil.ts';
import { templateHash } from './hash.ts';
import { createRevision, REVISION_HASH_LABEL, REVISIONS, renumber, revisionsOf, sameData, templateData, truncate } from './history.ts';
import { isPodAvailable, isPodReady } from './pods.ts';
import { isEmptySelector } from './selector.ts';

const DAEMON_SETS = 'daemonsets.apps';
const GENERATION_LABEL = 'pod-template-generation';
const BURST = 250;
const BACKOFF = 1 * SEC;
const MAX_BACKOFF = 900 * SEC;

const TAINT = 'node.kubernetes.io/';
const TOLERATIONS: readonly V1Toleration[] = [
  { key: `${TAINT}not-ready`, operator: 'Exists', effect: 'NoExecute' },
  { key: `${TAINT}unreachable`, operator: 'Exists', effect: 'NoExecute' },
  { key: `${TAINT}disk-pressure`, operator: 'Exists', effect: 'NoSchedule' },
  { key: `${TAINT}memory-pressure`, operator: 'Exists', effect: 'NoSchedule' },
  { key: `${TAINT}pid-pressure`, operator: 'Exists', effect: 'NoSchedule' },
  { key: `${TAINT}unschedulable`, operator: 'Exists', effect: 'NoSchedule' },
];
const HOST_NETWORK: V1Toleration = { key: `${TAINT}network-unavailable`, operator: 'Exists', effect: 'NoSchedule' };

const tolerated = new WeakMap<V1PodTemplateSpec, readonly V1Toleration[]>();

/** What every daemon pod tolerates besides what its template says. */
function tolerationsOf(template: V1PodTemplateSpec): readonly V1Toleration[] {
  const known = tolerated.get(template);
  if (known) return known;
  const all = addTolerations(template);
  tolerated.set(template, all);
  return all;
}

function addTolerations(template: V1PodTemplateSpec): readonly V1Toleration[] {
  const own = template.spec?.tolerations ?? [];
  const more = template.spec?.hostNetwork ? [...TOLERATIONS, HOST_NETWORK] : TOLERATIONS;
  return [...own, ...more.filter((m) => !own.some((t) => t.key === m.key && t.effect === m.effect && t.operator === m.operator))];
}

/** Whether the node should have a pod, and whether one that is there may stay. */
export function nodeShouldRun(node: Node, ds: DaemonSet): readonly [run: boolean, stay: boolean] {
  const template = ds.spec?.template ?? {};
  const { nodeName } = template.spec ?? {};
  if (nodeName && nodeName !== node.metadata.name) return [false, false];
  if (!matchesNodeAffinity(template.spec, node)) return [false, false];
  const tolerations = tolerationsOf(template);
  if (untolerated(node.spec?.taints, tolerations, ['NoExecute', 'NoSchedule']) === undefined) return [true, true];
  return [false, untolerated(node.spec?.taints, tolerations, ['NoExecute']) === undefined];
}

/** Pins the pod to the node by its name, as the scheduler then reads it. */
function targetOf(pod: Pod): string {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  for (const t of pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [])
    for (const f of t.matchFields ?? [])
      if (f.key === 'metadata.name' && f.operator === 'In' && f.values?.length === 1) return f.values[0] as string;
  return '';
}

function templateFor(ds: DaemonSet, node: string, hash: string): V1PodTemplateSpec {
  const template = ds.spec?.template ?? {};
  const affinity = template.spec?.affinity;
  const pin = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] };
  const generation = ds.metadata.annotations?.['deprecated.daemonset.template.generation'];
  return {
    ...template,
    metadata: {
      ...template.metadata,
      labels: {
        ...template.metadata?.labels,
        [REVISION_HASH_LABEL]: hash,
        ...(generation !== undefined && { [GENERATION_LABEL]: generation }),
      },
    },
    spec: {
      ...template.spec,
      containers: template.spec?.containers ?? [],
      affinity: { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: pin } },
      tolerations: tolerationsOf(template),
    },
  };
}

class DaemonSets implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly pods: PodControl;
  private readonly expected: Expectations;
  private readonly failed = new Map<string, { count: number; until: number }>();

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.pods = new PodControl(ctx, 'daemonset-controller');
    this.expected = new Expectations(ctx.sim);
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    const { informers } = ctx;
    informers.byController<Pod>('pods');
    informers.byController<ControllerRevision>(REVISIONS);
    const enqueue = (o: KubeObject): void => this.queue.add(keyOf(o));
    informers.of<DaemonSet>(DAEMON_SETS).on({
      add: enqueue,
      update: (_, ds) => enqueue(ds),
      delete: (ds) => {
        this.expected.forget(keyOf(ds));
        enqueue(ds);
      },
    });
    informers.of<Pod>('pods').on({ add: (p) => this.podSeen(p), update: (old, p) => this.podSeen(p, old), delete: (p) => this.podGone(p) });
    informers
      .of<Node>('nodes')
      .on({ add: (n) => this.nodeSeen(undefined, n), update: (old, n) => this.nodeSeen(old, n), delete: () => this.allSets() });
    informers.of<ControllerRevision>(REVISIONS);
  }

  private allSets(): void {
    for (const ds of this.ctx.informers.of<DaemonSet>(DAEMON_SETS).values()) this.queue.add(keyOf(ds));
  }

  private nodeSeen(old: Node | undefined, node: Node): void {
    if (old && equal(old.metadata.labels, node.metadata.labels) && equal(old.spec?.taints, node.spec?.taints)) return;
    for (const ds of this.ctx.informers.of<DaemonSet>(DAEMON_SETS).values()) {
      const [run, stay] = nodeShouldRun(node, ds);
      const [ran, stayed] = old ? nodeShouldRun(old, ds) : [false, false];
      if (run !== ran || stay !== stayed) this.queue.add(keyOf(ds));
    }
  }

  private podSeen(pod: Pod, old?: Pod): void {
    if (pod.metadata.deletionTimestamp !== undefined) {
      this.podGone(pod);
      return;
    }
    const key = ownerKey(this.ctx, pod, 'DaemonSet', DAEMON_SETS);
    if (key !== undefined) {
      if (!old) this.expected.created(key);
      this.queue.add(key);
      const wait = this.ctx.informers.of<DaemonSet>(DAEMON_SETS).get(key)?.spec?.minReadySeconds ?? 0;
      if (wait > 0 && old && !isPodReady(old) && isPodReady(pod)) this.queue.addAfter(key, (wait + 1) * SEC);
    } else if (!controllerOf(pod) && (!old || old.metadata.labels !== pod.metadata.labels))
      for (const k of adopters(this.ctx, pod, DAEMON_SETS)) this.queue.add(k);
  }

  private podGone(pod: Pod): void {
    const key = ownerKey(this.ctx, pod, 'DaemonSet', DAEMON_SETS);
    if (key === undefined) return;
    this.expected.deleted(key, keyOf(pod));
    this.queue.add(key);
  }

  private sync(key: string): 'done' | 'again' {
    const ds = this.ctx.informers.of<DaemonSet>(DAEMON_SETS).get(key);
    if (!ds || ds.metadata.deletionTimestamp !== undefined) return 'done';
    if (isEmptySelector(ds.spec?.selector)) {
      this.pods.events.event(ds, 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.');
      return 'done';
    }
    const revisions = revisionsOf(this.ctx, ds, ds.spec?.selector);
    const hash = this.revise(ds, revisions);
    if (hash === undefined) return 'again';
    const byNode = this.podsByNode(ds);
    const satisfied = this.expected.satisfied(key);
    const nodes = [...this.ctx.informers.of<Node>('nodes').values()].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    let again = false;
    if (satisfied) {
      again = this.manage(key, ds, nodes, byNode, hash);
      if (this.expected.satisfied(key) && ds.spec?.updateStrategy?.type !== 'OnDelete') this.roll(key, ds, nodes, byNode, hash);
      const used = new Set([...byNode.values()].flat().map((p) => `${ds.metadata.name}-${p.metadata.labels?.[REVISION_HASH_LABEL]}`));
      used.add(`${ds.metadata.name}-${hash}`);
      truncate(this.ctx, revisions, used, ds.spec?.revisionHistoryLimit ?? 10);
    }
    this.status(ds, nodes, byNode, hash);
    return again ? 'again' : 'done';
  }

  private podsByNode(ds: DaemonSet): Map<string, Pod[]> {
    const out = new Map<string, Pod[]>();
    for (const pod of claim<Pod>(this.ctx, 'pods', ds, ds.spec?.selector)) {
      const node = targetOf(pod);
      const list = out.get(node);
      if (list) list.push(pod);
      else out.set(node, [pod]);
    }
    return out;
  }

  /** Hash of the present template; its revision is made or brought to the front. */
  private revise(ds: DaemonSet, revisions: readonly ControllerRevision[]): string | undefined {
    const data = templateData(ds.spec?.template ?? {});
    const top = revisions.at(-1)?.revision ?? 0;
    const present = revisions.find((r) => sameData(r, data));
    if (present) {
      if (present.revision < top) renumber(this.ctx, present, top + 1);
      return present.metadata.labels?.[REVISION_HASH_LABEL] ?? '';
    }
    const labels = { ...ds.spec?.template?.metadata?.labels };
    const start = ds.status?.collisionCount;
    const hashOf = (n: number): string => templateHash(ds.spec?.template ?? {}, start === undefined && n === 0 ? undefined : n);
    const made = createRevision(this.ctx, ds, labels, data, top + 1, start ?? 0, hashOf, REVISION_HASH_LABEL);
    return made.revision?.metadata.labels?.[REVISION_HASH_LABEL];
  }

  private manage(key: string, ds: DaemonSet, nodes: readonly Node[], byNode: ReadonlyMap<string, readonly Pod[]>, hash: string): boolean {
    const create: string[] = [];
    const remove: Pod[] = [];
    let again = false;
    const known = new Set(nodes.map((n) => n.metadata.name));
    for (const node of nodes) {
      const { name } = node.metadata;
      const [run, stay] = nodeShouldRun(node, ds);
      const pods = byNode.get(name) ?? [];
      if (run && pods.length === 0) create.push(name);
      else if (stay) {
        const live: Pod[] = [];
        for (const pod of pods) {
          if (pod.metadata.deletionTimestamp !== undefined) continue;
          const phase = pod.status?.phase;
          if (phase !== 'Failed' && phase !== 'Succeeded') {
            live.push(pod);
            continue;
          }
          const id = `${ds.metadata.uid}/${name}`;
          const wait = this.failed.get(id);
          if (wait && wait.until > this.ctx.sim.now) {
            this.queue.addAfter(key, wait.until - this.ctx.sim.now);
            continue;
          }
          const count = (wait?.count ?? 0) + 1;
          this.failed.set(id, { count, until: this.ctx.sim.now + Math.min(MAX_BACKOFF, BACKOFF * 2 ** (count - 1)) });
          const failed = phase === 'Failed';
          const what = failed
            ? `Found failed daemon pod ${keyOf(pod)} on node ${name}, will try to kill it`
            : `Found succeeded daemon pod ${keyOf(pod)} on node ${name}, will try to delete it`;
          this.pods.events.event(ds, failed ? 'Warning' : 'Normal', failed ? 'FailedDaemonPod' : 'SucceededDaemonPod', what);
          remove.push(pod);
        }
        if (live.length > 1) {
          live.sort(
            (a, b) =>
              Number(Boolean(b.spec?.nodeName)) - Number(Boolean(a.spec?.nodeName)) ||
              (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1),
          );
          remove.push(...live.slice(1));
        }
      } else remove.push(...pods.filter((p) => p.metadata.deletionTimestamp === undefined));
    }
    for (const [name, pods] of byNode)
      if (!known.has(name)) remove.push(...pods.filter((p) => p.metadata.deletionTimestamp === undefined && !p.spec?.nodeName));
    let i = 0;
    const wanted = Math.min(create.length, BURST);
    const made = slowStart(wanted, () => {
      const pod = this.pods.create(templateFor(ds, create[i++] as string, hash), ds);
      if (pod) this.expected.expectCreation(key);
      return pod !== undefined;
    });
    if (made < wanted) again = true;
    this.remove(key, ds, remove);
    return again;
  }

  private remove(key: string, ds: DaemonSet, pods: readonly Pod[]): void {
    for (const pod of pods.slice(0, BURST)) if (this.pods.delete(pod, ds)) this.expected.expectDeletion(key, keyOf(pod));
  }

  private roll(key: string, ds: DaemonSet, nodes: readonly Node[], byNode: ReadonlyMap<string, readonly Pod[]>, hash: string): void {
    const now = nowMs(this.ctx.sim);
    const wait = ds.spec?.minReadySeconds ?? 0;
    const desired = nodes.filter((n) => nodeShouldRun(n, ds)[0]);
    const { maxSurge, maxUnavailable } = ds.spec?.updateStrategy?.rollingUpdate ?? {};
    const surge = scaledValue(maxSurge as number | string | undefined, desired.length, true);
    let most = scaledValue((maxUnavailable ?? 1) as number | string, desired.length, true);
    if (most === 0 && surge === 0) most = 1;
    const isNew = (p: Pod): boolean => p.metadata.labels?.[REVISION_HASH_LABEL] === hash;
    const gone: Pod[] = [];
    const candidates: Pod[] = [];
    const extra: string[] = [];
    let unavailable = 0;
    let surging = 0;
    for (const node of desired) {
      const pods = (byNode.get(node.metadata.name) ?? []).filter((p) => p.metadata.deletionTimestamp === undefined);
      const fresh = pods.find(isNew);
      const old = pods.find((p) => !isNew(p));
      if (surge > 0) {
        if (fresh && old) {
          surging++;
          if (isPodAvailable(fresh, wait, now)) gone.push(old);
        } else if (old) extra.push(node.metadata.name);
        continue;
      }
      if (fresh) {
        if (!isPodAvailable(fresh, wait, now)) unavailable++;
      } else if (old) {
        if (isPodAvailable(old, wait, now)) candidates.push(old);
        else {
          unavailable++;
          gone.push(old);
        }
      } else unavailable++;
    }
    if (surge > 0)
      for (const name of extra.slice(0, Math.max(0, surge - surging)))
        if (this.pods.create(templateFor(ds, name, hash), ds)) this.expected.expectCreation(key);
    this.remove(key, ds, [...gone, ...candidates.slice(0, Math.max(0, most - unavailable))]);
  }

  private status(ds: DaemonSet, nodes: readonly Node[], byNode: ReadonlyMap<string, readonly Pod[]>, hash: string): void {
    const now = nowMs(this.ctx.sim);
    let desired = 0;
    let current = 0;
    let missing = 0;
    let ready = 0;
    let available = 0;
    let updated = 0;
    for (const node of nodes) {
      const pods = byNode.get(node.metadata.name) ?? [];
      const scheduled = pods.length > 0;
      if (!nodeShouldRun(node, ds)[0]) {
        if (scheduled) missing++;
        continue;
      }
      desired++;
      if (!scheduled) continue;
      current++;
      const pod = [...pods].sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? 1 : -1))[0] as Pod;
      if (isPodReady(pod)) {
        ready++;
        if (isPodAvailable(pod, ds.spec?.minReadySeconds ?? 0, now)) available++;
      }
      if (pod.metadata.labels?.[REVISION_HASH_LABEL] === hash) updated++;
    }
    const unavailable = desired - available;
    const next: V1DaemonSetStatus = {
      currentNumberScheduled: current,
      desiredNumberScheduled: desired,
      numberMisscheduled: missing,
      numberReady: ready,
      ...(ds.metadata.generation !== undefined && { observedGeneration: ds.metadata.generation }),
      ...(updated > 0 && { updatedNumberScheduled: updated }),
      ...(available > 0 && { numberAvailable: available }),
      ...(unavailable > 0 && { numberUnavailable: unavailable }),
      ...(ds.status?.collisionCount !== undefined && { collisionCount: ds.status.collisionCount }),
    };
    if (equal(ds.status, next)) return;
    const written = this.ctx.client.update({ ...ds, status: next }, { subresource: 'status' });
    if (!written.ok && written.status.code !== 404) this.queue.add(keyOf(ds));
  }

  stop(): void {
    this.queue.stop();
  }
}

export const daemonSet: Controller = { name: 'daemonset-controller', start: (ctx) => new DaemonSets(ctx) };
