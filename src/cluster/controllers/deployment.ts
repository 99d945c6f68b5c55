/** Deployments: replica sets by revision, rolled over or recreated. Models pkg/controller/deployment. */

import { SEC } from '../../sim/sim.ts';
import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { controllerOf, type Deployment, type KubeObject, keyOf, type Pod, type ReplicaSet } from '../api/object.ts';
import type { V1DeploymentStatus } from '../api/types.ts';
import { nowMs, nowText, parseTime } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { adopters, claim, ownerKey } from './control.ts';
import {
  byCreation,
  bySize,
  condition,
  desiredAnnotation,
  desiredReplicas,
  findNew,
  hasDeadline,
  isActive,
  isComplete,
  isProgressing,
  isRolling,
  isTimedOut,
  maxRevision,
  maxSurge,
  maxUnavailable,
  newCondition,
  newSetAnnotations,
  newSetReplicas,
  proportion,
  REVISION,
  replicaAnnotations,
  revisionOf,
  sameTemplate,
  specReplicas,
  sum,
  withCondition,
  withoutCondition,
} from './deploymentutil.ts';
import { Recorder } from './events.ts';
import { templateHash } from './hash.ts';
import { HASH_LABEL, isPodTerminal, ownerReference } from './pods.ts';
import { isEmptySelector } from './selector.ts';

const DEPLOYMENTS = 'deployments.apps';
const REPLICA_SETS = 'replicasets.apps';

/** What one look at a Deployment works on; replica sets are replaced here as they are written. */
interface Round {
  d: Deployment;
  newSet: ReplicaSet | undefined;
  old: ReplicaSet[];
  /** A write met a conflict: look again. */
  again: boolean;
}

const all = (r: Round): readonly ReplicaSet[] => (r.newSet ? [...r.old, r.newSet] : r.old);

class DeploymentController implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly events: Recorder;

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'deployment-controller');
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    ctx.informers.byController<ReplicaSet>(REPLICA_SETS);
    ctx.informers.byController<Pod>('pods');
    const enqueue = (o: KubeObject): void => this.queue.add(keyOf(o));
    ctx.informers.of<Deployment>(DEPLOYMENTS).on({ add: enqueue, update: (_, d) => enqueue(d), delete: enqueue });
    ctx.informers.of<ReplicaSet>(REPLICA_SETS).on({
      add: (rs) => this.setSeen(rs),
      update: (old, rs) => {
        const before = ownerKey(ctx, old, 'Deployment', DEPLOYMENTS);
        if (before !== undefined) this.queue.add(before);
        this.setSeen(rs);
      },
      delete: (rs) => this.setSeen(rs),
    });
    ctx.informers.of<Pod>('pods').on({ delete: (pod) => this.podGone(pod) });
  }

  private setSeen(rs: ReplicaSet): void {
    const key = ownerKey(this.ctx, rs, 'Deployment', DEPLOYMENTS);
    if (key !== undefined) this.queue.add(key);
    else if (!controllerOf(rs)) for (const k of adopters(this.ctx, rs, DEPLOYMENTS)) this.queue.add(k);
  }

  /** Recreate waits for the last old pod. */
  private podGone(pod: Pod): void {
    const ref = controllerOf(pod);
    const rs =
      ref?.kind === 'ReplicaSet' ? this.ctx.informers.of<ReplicaSet>(REPLICA_SETS).get(`${pod.metadata.namespace}/${ref.name}`) : undefined;
    const key = rs && ownerKey(this.ctx, rs, 'Deployment', DEPLOYMENTS);
    const d = key === undefined ? undefined : this.ctx.informers.of<Deployment>(DEPLOYMENTS).get(key);
    if (d && key !== undefined && !isRolling(d)) this.queue.add(key);
  }

  private sync(key: string): 'done' | 'again' {
    const d = this.ctx.informers.of<Deployment>(DEPLOYMENTS).get(key);
    if (!d) return 'done';
    if (isEmptySelector(d.spec?.selector)) {
      this.events.event(d, 'Warning', 'SelectingAll', 'This deployment is selecting all pods. A non-empty selector is required.');
      const status = { ...d.status, observedGeneration: d.metadata.generation ?? 0 };
      if ((d.status?.observedGeneration ?? 0) < (d.metadata.generation ?? 0))
        this.ctx.client.update({ ...d, status }, { subresource: 'status' });
      return 'done';
    }
    const sets = claim<ReplicaSet>(this.ctx, REPLICA_SETS, d, d.spec?.selector);
    const round: Round = { d, newSet: undefined, old: [], again: false };
    if (d.metadata.deletionTimestamp !== undefined) {
      this.split(round, sets);
      this.writeStatus(round, this.status(round));
      return round.again ? 'again' : 'done';
    }
    this.pausedCondition(round);
    if (round.d.spec?.paused) this.scaleOnly(round, sets, true);
    else if (sets.some((rs) => isActive(rs) && desiredAnnotation(rs) !== undefined && desiredAnnotation(rs) !== desiredReplicas(d)))
      this.scaleOnly(round, sets, false);
    else if (isRolling(d)) this.rolling(round, sets);
    else this.recreate(round, sets);
    return round.again ? 'again' : 'done';
  }

  private split(r: Round, sets: readonly ReplicaSet[]): void {
    r.newSet = findNew(r.d, sets);
    r.old = sets.filter((rs) => rs.metadata.uid !== r.newSet?.metadata.uid);
  }

  /** Finds the new set and gives it the next revision; makes it when it is not there and `make`. */
  private revise(r: Round, sets: readonly ReplicaSet[], make: boolean): void {
    this.split(r, sets);
    const revision = maxRevision(r.old) + 1;
    const now = nowText(this.ctx.sim);
    if (r.newSet) {
      const rs = r.newSet;
      const have = rs.metadata.annotations ?? {};
      const annotations = newSetAnnotations(r.d, have, revision, true);
      const minReadySeconds = r.d.spec?.minReadySeconds ?? 0;
      if (annotations !== have || (rs.spec?.minReadySeconds ?? 0) !== minReadySeconds) {
        const spec = { ...rs.spec, ...(minReadySeconds > 0 || rs.spec?.minReadySeconds ? { minReadySeconds } : {}) };
        const written = this.ctx.client.update({ ...rs, metadata: { ...rs.metadata, annotations }, spec } as ReplicaSet);
        if (written.ok) r.newSet = written.value;
        else r.again = true;
      }
      this.setRevision(r, revisionOf(r.newSet));
      if (hasDeadline(r.d) && !condition(r.d.status ?? {}, 'Progressing'))
        this.setStatus(
          r,
          withCondition(
            r.d.status ?? {},
            newCondition('Progressing', 'True', 'FoundNewReplicaSet', `Found new replica set "${rs.metadata.name}"`, now),
          ),
        );
      return;
    }
    if (make) this.makeSet(r, revision, now);
  }

  private makeSet(r: Round, revision: number, now: string): void {
    const { d } = r;
    const template = d.spec?.template ?? {};
    const hash = templateHash(template, d.status?.collisionCount);
    const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
    const replicas = newSetReplicas(d, r.old, 0);
    const made = this.ctx.client.create({
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${d.metadata.name}-${hash}`,
        namespace: d.metadata.namespace,
        labels,
        annotations: newSetAnnotations(d, {}, revision, false),
        ownerReferences: [ownerReference(d)],
      },
      spec: {
        replicas,
        ...(d.spec?.minReadySeconds && { minReadySeconds: d.spec.minReadySeconds }),
        selector: { ...d.spec?.selector, matchLabels: { ...d.spec?.selector.matchLabels, [HASH_LABEL]: hash } },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    });
    if (made.ok) {
      r.newSet = made.value as ReplicaSet;
      const name = made.value.metadata.name;
      if (replicas > 0) this.events.event(d, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicas}`);
      this.setRevision(r, revision);
      if (hasDeadline(d))
        this.setStatus(
          r,
          withCondition(
            r.d.status ?? {},
            newCondition('Progressing', 'True', 'NewReplicaSetCreated', `Created new replica set "${name}"`, now),
          ),
        );
      return;
    }
    if (made.status.reason === 'AlreadyExists') {
      const there = this.ctx.client.get<ReplicaSet>(REPLICA_SETS, d.metadata.namespace ?? '', `${d.metadata.name}-${hash}`);
      if (there.ok && controllerOf(there.value)?.uid === d.metadata.uid && sameTemplate(there.value.spec?.template ?? {}, template))
        r.newSet = there.value;
      else this.setStatus(r, { ...r.d.status, collisionCount: (r.d.status?.collisionCount ?? 0) + 1 });
      r.again = true;
      return;
    }
    if (made.status.details?.causes?.some((c) => c.reason === 'NamespaceTerminating')) return;
    const text = `Failed to create new replica set "${d.metadata.name}-${hash}": ${made.status.message}`;
    if (hasDeadline(d))
      this.setStatus(r, withCondition(r.d.status ?? {}, newCondition('Progressing', 'False', 'ReplicaSetCreateError', text, now)));
    this.events.event(d, 'Warning', 'ReplicaSetCreateError', text);
    r.again = true;
  }

  private setRevision(r: Round, revision: number): void {
    if (revision === 0 || r.d.metadata.annotations?.[REVISION] === String(revision)) return;
    const annotations = { ...r.d.metadata.annotations, [REVISION]: String(revision) };
    const written = this.ctx.client.update({ ...r.d, metadata: { ...r.d.metadata, annotations } }, { subresource: 'status' });
    if (written.ok) r.d = written.value as Deployment;
    else r.again = true;
  }

  private setStatus(r: Round, status: V1DeploymentStatus): void {
    const written = this.ctx.client.update({ ...r.d, status }, { subresource: 'status' });
    if (written.ok) r.d = written.value as Deployment;
    else r.again = true;
  }

  private pausedCondition(r: Round): void {
    if (!hasDeadline(r.d)) return;
    const c = condition(r.d.status ?? {}, 'Progressing');
    if (c?.reason === 'ProgressDeadlineExceeded') return;
    const paused = r.d.spec?.paused === true;
    const says = c?.reason === 'DeploymentPaused';
    if (paused === says) return;
    const now = nowText(this.ctx.sim);
    const next = paused
      ? newCondition('Progressing', 'Unknown', 'DeploymentPaused', 'Deployment is paused', now)
      : newCondition('Progressing', 'Unknown', 'DeploymentResumed', 'Deployment is resumed', now);
    this.setStatus(r, withCondition(r.d.status ?? {}, next));
  }

  private scale(r: Round, rs: ReplicaSet, replicas: number): boolean {
    const from = specReplicas(rs);
    const want = replicaAnnotations(r.d);
    const have = rs.metadata.annotations ?? {};
    const stale = Object.entries(want).some(([k, v]) => have[k] !== v);
    if (from === replicas && !stale) return false;
    const written = this.ctx.client.update({
      ...rs,
      metadata: { ...rs.metadata, annotations: { ...have, ...want } },
      spec: { ...rs.spec, replicas },
    } as ReplicaSet);
    if (!written.ok) {
      r.again = true;
      return false;
    }
    if (r.newSet?.metadata.uid === rs.metadata.uid) r.newSet = written.value;
    else r.old = r.old.map((o) => (o.metadata.uid === rs.metadata.uid ? written.value : o));
    if (from === replicas) return false;
    const way = from < replicas ? 'up' : 'down';
    this.events.event(r.d, 'Normal', 'ScalingReplicaSet', `Scaled ${way} replica set ${rs.metadata.name} from ${from} to ${replicas}`);
    return true;
  }

  private scaleOnly(r: Round, sets: readonly ReplicaSet[], paused: boolean): void {
    this.revise(r, sets, false);
    this.scaleAll(r);
    if (paused) this.cleanup(r);
    this.writeStatus(r, this.status(r));
  }

  private scaleAll(r: Round): void {
    const { d } = r;
    const active = all(r).filter(isActive);
    const only = active.length === 0 ? (r.newSet ?? [...r.old].sort(byCreation).at(-1)) : active.length === 1 ? active[0] : undefined;
    if (only) {
      if (specReplicas(only) !== desiredReplicas(d)) this.scale(r, only, desiredReplicas(d));
      else this.scale(r, only, specReplicas(only));
      return;
    }
    const { newSet } = r;
    const saturated =
      newSet &&
      desiredAnnotation(newSet) === desiredReplicas(d) &&
      specReplicas(newSet) === desiredReplicas(d) &&
      (newSet.status?.availableReplicas ?? 0) === desiredReplicas(d);
    if (saturated) {
      for (const rs of r.old.filter(isActive)) this.scale(r, rs, 0);
      return;
    }
    if (!isRolling(d)) return;
    const total = sum(active, specReplicas);
    const allowed = desiredReplicas(d) > 0 ? desiredReplicas(d) + maxSurge(d) : 0;
    const toAdd = allowed - total;
    const sorted = [...active].sort(bySize(toAdd > 0));
    let added = 0;
    const sizes = sorted.map((rs) => {
      const part = toAdd === 0 ? 0 : proportion(rs, d, toAdd, added);
      added += part;
      return specReplicas(rs) + part;
    });
    sorted.forEach((rs, i) => {
      const size = (sizes[i] ?? 0) + (i === 0 && toAdd !== 0 ? toAdd - added : 0);
      this.scale(r, rs, Math.max(0, size));
    });
  }

  private rolling(r: Round, sets: readonly ReplicaSet[]): void {
    this.revise(r, sets, true);
    if (r.newSet && this.reconcileNew(r, r.newSet)) {
      this.rolloutStatus(r);
      return;
    }
    if (r.newSet && this.reconcileOld(r, r.newSet)) {
      this.rolloutStatus(r);
      return;
    }
    if (isComplete(r.d, r.d.status ?? {})) this.cleanup(r);
    this.rolloutStatus(r);
  }

  private reconcileNew(r: Round, rs: ReplicaSet): boolean {
    const have = specReplicas(rs);
    if (have === desiredReplicas(r.d)) return false;
    if (have > desiredReplicas(r.d)) return this.scale(r, rs, desiredReplicas(r.d));
    return this.scale(r, rs, newSetReplicas(r.d, all(r), have));
  }

  private reconcileOld(r: Round, newSet: ReplicaSet): boolean {
    if (sum(r.old, specReplicas) === 0) return false;
    const minAvailable = desiredReplicas(r.d) - maxUnavailable(r.d);
    const newUnavailable = specReplicas(newSet) - (newSet.status?.availableReplicas ?? 0);
    const most = sum(all(r), specReplicas) - minAvailable - newUnavailable;
    if (most <= 0) return false;
    let changed = 0;
    for (const rs of [...r.old].sort(byCreation)) {
      if (changed >= most) break;
      const unhealthy = specReplicas(rs) - (rs.status?.availableReplicas ?? 0);
      if (specReplicas(rs) === 0 || unhealthy <= 0) continue;
      const down = Math.min(most - changed, unhealthy);
      if (this.scale(r, rs, specReplicas(rs) - down)) changed += down;
    }
    const available = sum(all(r), (rs) => rs.status?.availableReplicas);
    const surplus = available - minAvailable;
    let down = 0;
    for (const rs of surplus > 0 ? [...r.old].sort(byCreation) : []) {
      if (down >= surplus) break;
      if (specReplicas(rs) === 0) continue;
      const n = Math.min(specReplicas(rs), surplus - down);
      if (this.scale(r, rs, specReplicas(rs) - n)) down += n;
    }
    return changed + down > 0;
  }

  private recreate(r: Round, sets: readonly ReplicaSet[]): void {
    this.revise(r, sets, false);
    let scaled = false;
    for (const rs of r.old.filter(isActive)) scaled = this.scale(r, rs, 0) || scaled;
    const pods = this.ctx.informers.byController<Pod>('pods');
    const running = r.old.some((rs) => pods.get(rs.metadata.uid).some((p) => !isPodTerminal(p)));
    if (scaled || running) {
      this.rolloutStatus(r);
      return;
    }
    if (!r.newSet) this.revise(r, sets, true);
    if (r.newSet) this.scale(r, r.newSet, desiredReplicas(r.d));
    if (isComplete(r.d, r.d.status ?? {})) this.cleanup(r);
    this.rolloutStatus(r);
  }

  private cleanup(r: Round): void {
    const limit = r.d.spec?.revisionHistoryLimit;
    if (limit === undefined || limit === 2147483647) return;
    const cleanable = r.old
      .filter((rs) => rs.metadata.deletionTimestamp === undefined)
      .sort((a, b) => revisionOf(a) - revisionOf(b) || byCreation(a, b));
    for (const rs of cleanable.slice(0, Math.max(0, cleanable.length - limit))) {
      const busy =
        (rs.status?.replicas ?? 0) !== 0 || specReplicas(rs) !== 0 || (rs.metadata.generation ?? 0) > (rs.status?.observedGeneration ?? 0);
      if (busy) continue;
      this.ctx.client.delete(REPLICA_SETS, rs.metadata.namespace ?? '', rs.metadata.name);
      r.old = r.old.filter((o) => o !== rs);
    }
  }

  private status(r: Round): V1DeploymentStatus {
    const sets = all(r);
    const available = sum(sets, (rs) => rs.status?.availableReplicas);
    const unavailable = Math.max(0, sum(sets, specReplicas) - available);
    const ready = sum(sets, (rs) => rs.status?.readyReplicas);
    const updated = r.newSet?.status?.replicas ?? 0;
    const replicas = sum(sets, (rs) => rs.status?.replicas);
    const { collisionCount, conditions } = r.d.status ?? {};
    const status: V1DeploymentStatus = {
      ...(r.d.metadata.generation !== undefined && { observedGeneration: r.d.metadata.generation }),
      ...(replicas > 0 && { replicas }),
      ...(updated > 0 && { updatedReplicas: updated }),
      ...(ready > 0 && { readyReplicas: ready }),
      ...(available > 0 && { availableReplicas: available }),
      ...(unavailable > 0 && { unavailableReplicas: unavailable }),
      terminatingReplicas: sum(sets, (rs) => rs.status?.terminatingReplicas),
      ...(conditions && { conditions }),
      ...(collisionCount !== undefined && { collisionCount }),
    };
    const enough = available >= desiredReplicas(r.d) - maxUnavailable(r.d);
    const now = nowText(this.ctx.sim);
    return withCondition(
      status,
      enough
        ? newCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.', now)
        : newCondition('Available', 'False', 'MinimumReplicasUnavailable', 'Deployment does not have minimum availability.', now),
    );
  }

  private rolloutStatus(r: Round): void {
    const { d } = r;
    let next = this.status(r);
    if (!hasDeadline(d)) next = withoutCondition(next, 'Progressing');
    const present = condition(d.status ?? {}, 'Progressing');
    const settled = (next.replicas ?? 0) === (next.updatedReplicas ?? 0) && present?.reason === 'NewReplicaSetAvailable';
    const now = nowText(this.ctx.sim);
    const subject = r.newSet ? `ReplicaSet "${r.newSet.metadata.name}"` : `Deployment "${d.metadata.name}"`;
    if (hasDeadline(d) && !settled) {
      if (isComplete(d, next))
        next = withCondition(
          next,
          newCondition('Progressing', 'True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`, now),
        );
      else if (isProgressing(d, next)) {
        const c = newCondition('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`, now);
        const kept = present?.status === 'True' ? { ...c, lastTransitionTime: present.lastTransitionTime } : c;
        next = withCondition(withoutCondition(next, 'Progressing'), kept);
      } else if (isTimedOut(d, next, nowMs(this.ctx.sim)))
        next = withCondition(
          next,
          newCondition('Progressing', 'False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`, now),
        );
    }
    const failing =
      r.newSet?.status?.conditions?.find((c) => c.type === 'ReplicaFailure') ??
      r.old.flatMap((rs) => rs.status?.conditions ?? []).find((c) => c.type === 'ReplicaFailure');
    next = failing
      ? withCondition(next, { ...newCondition('ReplicaFailure', failing.status, failing.reason ?? '', failing.message ?? '', now) })
      : withoutCondition(next, 'ReplicaFailure');
    this.writeStatus(r, next);
  }

  private writeStatus(r: Round, next: V1DeploymentStatus): void {
    if (equal(r.d.status ?? {}, next)) this.requeueStuck(r.d, next);
    else this.setStatus(r, next);
  }

  /** Looks again when the deadline has passed. */
  private requeueStuck(d: Deployment, status: V1DeploymentStatus): void {
    const c = condition(d.status ?? {}, 'Progressing');
    if (!hasDeadline(d) || !c || isComplete(d, status) || c.reason === 'ProgressDeadlineExceeded' || d.spec?.paused) return;
    const left = parseTime(c.lastUpdateTime) + (d.spec?.progressDeadlineSeconds ?? 0) * 1000 - nowMs(this.ctx.sim);
    this.queue.addAfter(keyOf(d), left < 1000 ? SEC : left * 1000 + SEC);
  }

  stop(): void {
    this.queue.stop();
  }
}

export const deployment: Controller = { name: 'deployment-controller', start: (ctx) => new DeploymentController(ctx) };
