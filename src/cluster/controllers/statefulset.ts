/** StatefulSets: pods with names that stay, in order. Models pkg/controller/statefulset. */

import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { type ControllerRevision, controllerOf, type KubeObject, keyOf, type Pod, type StatefulSet } from '../api/object.ts';
import type { V1PersistentVolumeClaim, V1Pod, V1PodTemplateSpec, V1StatefulSetStatus, V1Volume } from '../api/types.ts';
import { nowMs, readyLeft } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { adopters, claim, ownerKey } from './control.ts';
import { scaledValue } from './deploymentutil.ts';
import { Recorder } from './events.ts';
import { createRevision, REVISION_HASH_LABEL, REVISIONS, renumber, revisionsOf, sameData, templateData, truncate } from './history.ts';
import { isPodAvailable, isPodReady, isPodTerminal, podFromTemplate, readyTime } from './pods.ts';

const STATEFUL_SETS = 'statefulsets.apps';
const CLAIMS = 'persistentvolumeclaims';
const POD_NAME = 'statefulset.kubernetes.io/pod-name';
const POD_INDEX = 'apps.kubernetes.io/pod-index';

/** Ordinal of a pod's name; -1 when it is not of this set. */
export function ordinalOf(set: StatefulSet, pod: Pod): number {
  const m = /^(.*)-(\d{1,9})$/.exec(pod.metadata.name);
  return m?.[1] === set.metadata.name ? Number(m[2]) : -1;
}

const created = (p: Pod | undefined): p is Pod => p !== undefined;
const terminating = (p: Pod): boolean => p.metadata.deletionTimestamp !== undefined;

class StatefulSets implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly events: Recorder;
  /** Version of the last write of each pod's key, until the watch brings it. */
  private readonly pending = new Map<string, Set<string>>();

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'statefulset-controller');
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    const { informers } = ctx;
    informers.byController<Pod>('pods');
    informers.byController<ControllerRevision>(REVISIONS);
    const enqueue = (o: KubeObject): void => this.queue.add(keyOf(o));
    informers.of<StatefulSet>(STATEFUL_SETS).on({
      add: enqueue,
      update: (_, s) => enqueue(s),
      delete: (s) => {
        this.pending.delete(keyOf(s));
      },
    });
    const seen = (pod: Pod): void => {
      const key = ownerKey(ctx, pod, 'StatefulSet', STATEFUL_SETS);
      if (key !== undefined) {
        this.pending.get(key)?.delete(keyOf(pod));
        this.queue.add(key);
      } else if (!controllerOf(pod)) for (const k of adopters(ctx, pod, STATEFUL_SETS)) this.queue.add(k);
    };
    informers.of<Pod>('pods').on({ add: seen, update: (_, p) => seen(p), delete: seen });
  }

  private sync(key: string): 'done' | 'again' {
    const set = this.ctx.informers.of<StatefulSet>(STATEFUL_SETS).get(key);
    if (!set || set.metadata.deletionTimestamp !== undefined) return 'done';
    if ((this.pending.get(key)?.size ?? 0) > 0) return 'done';
    const pods = claim<Pod>(this.ctx, 'pods', set, set.spec?.selector, (p) => ordinalOf(set, p) >= 0).filter((p) => ordinalOf(set, p) >= 0);
    const revisions = revisionsOf(this.ctx, set, set.spec?.selector);
    const data = templateData(set.spec?.template ?? {});
    const top = revisions.at(-1)?.revision ?? 0;
    let collisions = set.status?.collisionCount ?? 0;
    let update = revisions.find((r) => sameData(r, data));
    if (update && update.revision < top) update = renumber(this.ctx, update, top + 1);
    if (!update) {
      const labels = { ...set.spec?.template?.metadata?.labels };
      const made = createRevision(this.ctx, set, labels, data, top + 1, collisions);
      if (!made.revision) return 'again';
      update = made.revision;
      collisions = made.collisions;
    }
    const current = revisions.find((r) => r.metadata.name === set.status?.currentRevision) ?? update;
    const status = this.reconcile(key, set, pods, current, update, collisions);
    const used = new Set([current.metadata.name, update.metadata.name, ...pods.map((p) => p.metadata.labels?.[REVISION_HASH_LABEL] ?? '')]);
    truncate(this.ctx, revisions, used, set.spec?.revisionHistoryLimit ?? 10);
    if (equal(set.status, status)) return 'done';
    const written = this.ctx.client.update({ ...set, status }, { subresource: 'status' });
    return written.ok || written.status.code === 404 ? 'done' : 'again';
  }

  private note(key: string, pod: string): void {
    const set = this.pending.get(key) ?? new Set<string>();
    set.add(pod);
    this.pending.set(key, set);
  }

  private statusOf(set: StatefulSet, pods: readonly Pod[], current: string, update: string, collisions: number): V1StatefulSetStatus {
    const now = nowMs(this.ctx.sim);
    const count = (test: (p: Pod) => boolean): number => pods.filter(test).length;
    const of = (p: Pod, revision: string): boolean => p.metadata.labels?.[REVISION_HASH_LABEL] === revision && !terminating(p);
    let currentReplicas = count((p) => of(p, current));
    const updatedReplicas = count((p) => of(p, update));
    const replicas = pods.length;
    const readyReplicas = count((p) => p.status?.phase === 'Running' && isPodReady(p));
    let currentRevision = current;
    const complete = updatedReplicas === replicas && readyReplicas === replicas && replicas === (set.spec?.replicas ?? 1);
    if (set.spec?.updateStrategy?.type !== 'OnDelete' && complete) {
      currentReplicas = updatedReplicas;
      currentRevision = update;
    }
    const available = count((p) => isPodAvailable(p, set.spec?.minReadySeconds ?? 0, now));
    return {
      ...(set.metadata.generation !== undefined && { observedGeneration: set.metadata.generation }),
      replicas,
      ...(readyReplicas > 0 && { readyReplicas }),
      ...(currentReplicas > 0 && { currentReplicas }),
      ...(updatedReplicas > 0 && { updatedReplicas }),
      currentRevision,
      updateRevision: update,
      collisionCount: collisions,
      availableReplicas: available,
    };
  }

  /** The template that ordinal `i` is made from. */
  private revisionFor(set: StatefulSet, i: number, current: ControllerRevision, update: ControllerRevision): ControllerRevision {
    const start = set.spec?.ordinals?.start ?? 0;
    const partition = set.spec?.updateStrategy?.rollingUpdate?.partition;
    if (set.spec?.updateStrategy?.type === 'OnDelete') return update;
    if (partition === undefined) return i - start < (set.status?.currentReplicas ?? 0) ? current : update;
    return i - start < partition ? current : update;
  }

  private newPod(set: StatefulSet, i: number, revision: ControllerRevision): V1Pod & KubeObject {
    const stored = (revision.data as { readonly spec: { readonly template: V1PodTemplateSpec & { readonly $patch?: string } } }).spec
      .template;
    const { $patch: _patch, ...template } = stored;
    const name = `${set.metadata.name}-${i}`;
    const labels = {
      ...template.metadata?.labels,
      [REVISION_HASH_LABEL]: revision.metadata.name,
      [POD_NAME]: name,
      [POD_INDEX]: String(i),
    };
    const pod = podFromTemplate(template, set, { name, labels });
    const claims: V1Volume[] = (set.spec?.volumeClaimTemplates ?? []).map((c) => ({
      name: c.metadata?.name ?? '',
      persistentVolumeClaim: { claimName: `${c.metadata?.name}-${name}` },
    }));
    const others = (pod.spec?.volumes ?? []).filter((v) => !claims.some((c) => c.name === v.name));
    const volumes = [...claims, ...others];
    return {
      ...pod,
      spec: {
        ...pod.spec,
        containers: pod.spec?.containers ?? [],
        hostname: name,
        ...(set.spec?.serviceName && { subdomain: set.spec.serviceName }),
        ...(volumes.length > 0 && { volumes }),
      },
    };
  }

  private claims(set: StatefulSet, i: number): boolean {
    for (const template of set.spec?.volumeClaimTemplates ?? []) {
      const name = `${template.metadata?.name}-${set.metadata.name}-${i}`;
      const namespace = set.metadata.namespace ?? '';
      if (this.ctx.client.get(CLAIMS, namespace, name).ok) continue;
      const claimed: V1PersistentVolumeClaim & KubeObject = {
        ...template,
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { ...template.metadata, name, namespace, labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels } },
      };
      const made = this.ctx.client.create(claimed);
      if (!made.ok) {
        this.events.event(
          set,
          'Warning',
          'FailedCreate',
          `create Claim ${name} for Pod ${set.metadata.name}-${i} in StatefulSet ${set.metadata.name} failed error: ${made.status.message}`,
        );
        return false;
      }
      this.events.event(
        set,
        'Normal',
        'SuccessfulCreate',
        `create Claim ${name} Pod ${set.metadata.name}-${i} in StatefulSet ${set.metadata.name} success`,
      );
    }
    return true;
  }

  private createPod(key: string, set: StatefulSet, i: number, revision: ControllerRevision): Pod | undefined {
    if (!this.claims(set, i)) return undefined;
    const made = this.ctx.client.create(this.newPod(set, i, revision));
    const name = `${set.metadata.name}-${i}`;
    if (made.ok) {
      this.note(key, keyOf(made.value));
      this.events.event(set, 'Normal', 'SuccessfulCreate', `create Pod ${name} in StatefulSet ${set.metadata.name} successful`);
      return made.value as Pod;
    }
    if (made.status.reason !== 'AlreadyExists' && made.status.code !== 403)
      this.events.event(
        set,
        'Warning',
        'FailedCreate',
        `create Pod ${name} in StatefulSet ${set.metadata.name} failed error: ${made.status.message}`,
      );
    return undefined;
  }

  private deletePod(key: string, set: StatefulSet, pod: Pod): void {
    const gone = this.ctx.client.delete('pods', pod.metadata.namespace ?? '', pod.metadata.name, {
      preconditions: { uid: pod.metadata.uid },
    });
    if (gone.ok) {
      this.note(key, keyOf(pod));
      this.events.event(
        set,
        'Normal',
        'SuccessfulDelete',
        `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`,
      );
    } else if (gone.status.code !== 404)
      this.events.event(
        set,
        'Warning',
        'FailedDelete',
        `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} failed error: ${gone.status.message}`,
      );
  }

  private reconcile(
    key: string,
    set: StatefulSet,
    pods: readonly Pod[],
    current: ControllerRevision,
    update: ControllerRevision,
    collisions: number,
  ): V1StatefulSetStatus {
    const now = nowMs(this.ctx.sim);
    const wait = set.spec?.minReadySeconds ?? 0;
    const start = set.spec?.ordinals?.start ?? 0;
    const end = start + (set.spec?.replicas ?? 1);
    const monotonic = set.spec?.podManagementPolicy !== 'Parallel';
    const replicas: (Pod | undefined)[] = Array.from({ length: end - start });
    const condemned: Pod[] = [];
    for (const pod of pods) {
      const i = ordinalOf(set, pod);
      if (i >= start && i < end) replicas[i - start] = pod;
      else condemned.push(pod);
    }
    condemned.sort((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
    const status = (list: readonly Pod[]): V1StatefulSetStatus =>
      this.statusOf(set, list, current.metadata.name, update.metadata.name, collisions);
    const healthy = (p: Pod): boolean => isPodReady(p) && p.status?.phase === 'Running' && !terminating(p);
    const waitFor = (p: Pod): void => {
      if (isPodReady(p)) this.queue.addAfter(key, readyLeft(now, readyTime(p), wait));
    };
    const made: Pod[] = [];
    const result = (): V1StatefulSetStatus => status([...pods, ...made]);
    for (let n = 0; n < replicas.length; n++) {
      const pod = replicas[n];
      if (pod && isPodTerminal(pod)) {
        if (!terminating(pod)) {
          const reason = pod.status?.phase === 'Failed' ? 'RecreatingFailedPod' : 'RecreatingTerminatedPod';
          this.events.event(
            set,
            'Warning',
            reason,
            `StatefulSet ${set.metadata.namespace}/${set.metadata.name} is recreating ${reason === 'RecreatingFailedPod' ? 'failed' : 'terminated'} Pod ${pod.metadata.name}`,
          );
          this.deletePod(key, set, pod);
        }
        if (monotonic) return result();
        continue;
      }
      if (!created(pod)) {
        const fresh = this.createPod(key, set, n + start, this.revisionFor(set, n + start, current, update));
        if (fresh) made.push(fresh);
        if (monotonic) return result();
        continue;
      }
      if (!monotonic) continue;
      if (terminating(pod) || !isPodReady(pod) || pod.status?.phase !== 'Running') return result();
      if (!isPodAvailable(pod, wait, now)) {
        waitFor(pod);
        return result();
      }
    }
    const unhealthy = [...replicas.filter(created), ...condemned].find((p) => !healthy(p));
    for (const pod of condemned) {
      if (terminating(pod)) {
        if (monotonic) return result();
        continue;
      }
      if (monotonic && unhealthy && unhealthy !== pod && !isPodReady(pod)) return result();
      this.deletePod(key, set, pod);
      if (monotonic) return result();
    }
    if (set.spec?.updateStrategy?.type === 'OnDelete') return result();
    this.rollout(key, set, replicas, update, healthy);
    return result();
  }

  /** From the highest ordinal down to the partition, as many at once as may be unavailable. */
  private rollout(
    key: string,
    set: StatefulSet,
    replicas: readonly (Pod | undefined)[],
    update: ControllerRevision,
    healthy: (p: Pod) => boolean,
  ): void {
    const rolling = set.spec?.updateStrategy?.rollingUpdate;
    const start = set.spec?.ordinals?.start ?? 0;
    const least = Math.max(0, (rolling?.partition ?? 0) - start);
    const most =
      rolling?.maxUnavailable === undefined
        ? 1
        : Math.max(1, scaledValue(rolling.maxUnavailable as number | string, set.spec?.replicas ?? 1, true));
    const now = nowMs(this.ctx.sim);
    const available = (p: Pod | undefined): boolean =>
      p !== undefined && healthy(p) && isPodAvailable(p, set.spec?.minReadySeconds ?? 0, now);
    let unavailable = replicas.filter((p) => !available(p)).length;
    for (let i = replicas.length - 1; i >= least; i--) {
      const pod = replicas[i];
      if (!pod) return;
      const isNew = pod.metadata.labels?.[REVISION_HASH_LABEL] === update.metadata.name;
      if (!isNew && !terminating(pod)) {
        if (available(pod) && unavailable >= most) return;
        if (available(pod)) unavailable++;
        this.deletePod(key, set, pod);
        if (most === 1) return;
        continue;
      }
      if (!available(pod) && most === 1) return;
    }
  }

  stop(): void {
    this.queue.stop();
  }
}

export const statefulSet: Controller = { name: 'statefulset-controller', start: (ctx) => new StatefulSets(ctx) };
