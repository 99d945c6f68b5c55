/** Revisions, annotations, conditions and the arithmetic of rolling updates. Models pkg/controller/deployment/util. */

import { equal } from '../api/equal.ts';
import type { Deployment, ReplicaSet } from '../api/object.ts';
import type { V1DeploymentCondition, V1DeploymentStatus, V1PodTemplateSpec } from '../api/types.ts';
import { parseTime } from './clock.ts';
import { HASH_LABEL } from './pods.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
const DESIRED = 'deployment.kubernetes.io/desired-replicas';
const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';
const NOT_COPIED: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);
const MAX_HISTORY_CHARS = 2000;

export type Annotations = Readonly<Record<string, string>>;

/** A number or a percentage of `total`. */
export function scaledValue(value: number | string | undefined, total: number, roundUp: boolean): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const percent = Number.parseInt(value, 10) || 0;
  return roundUp ? Math.ceil((percent * total) / 100) : Math.floor((percent * total) / 100);
}

export const desiredReplicas = (d: Deployment): number => d.spec?.replicas ?? 1;
export const isRolling = (d: Deployment): boolean => d.spec?.strategy?.type !== 'Recreate';

/** ResolveFenceposts: surge up, unavailable down, not both zero. */
function fenceposts(d: Deployment): readonly [surge: number, unavailable: number] {
  const { maxSurge, maxUnavailable } = d.spec?.strategy?.rollingUpdate ?? {};
  const surge = scaledValue(maxSurge as number | string | undefined, desiredReplicas(d), true);
  const unavailable = scaledValue(maxUnavailable as number | string | undefined, desiredReplicas(d), false);
  return surge === 0 && unavailable === 0 ? [0, 1] : [surge, unavailable];
}

export function maxSurge(d: Deployment): number {
  return isRolling(d) ? fenceposts(d)[0] : 0;
}

export function maxUnavailable(d: Deployment): number {
  if (!isRolling(d) || desiredReplicas(d) === 0) return 0;
  return Math.min(fenceposts(d)[1], desiredReplicas(d));
}

export function sum(sets: readonly (ReplicaSet | undefined)[], of: (rs: ReplicaSet) => number | undefined): number {
  let n = 0;
  for (const rs of sets) if (rs) n += of(rs) ?? 0;
  return n;
}

export const specReplicas = (rs: ReplicaSet): number => rs.spec?.replicas ?? 1;
export const isActive = (rs: ReplicaSet): boolean => specReplicas(rs) > 0;

/** Revision of an object; 0 where there is none. */
export function revisionOf(o: { readonly metadata: { readonly annotations?: Annotations } }): number {
  const text = o.metadata.annotations?.[REVISION];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

export function maxRevision(sets: readonly ReplicaSet[]): number {
  return sets.reduce((most, rs) => Math.max(most, revisionOf(rs)), 0);
}

export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const x = a.metadata.creationTimestamp;
  const y = b.metadata.creationTimestamp;
  if (x !== y) return x < y ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0;
}

export function bySize(newerFirst: boolean): (a: ReplicaSet, b: ReplicaSet) => number {
  return (a, b) => specReplicas(b) - specReplicas(a) || (newerFirst ? byCreation(b, a) : byCreation(a, b));
}

export function withoutHash(template: V1PodTemplateSpec): V1PodTemplateSpec {
  if (template.metadata?.labels?.[HASH_LABEL] === undefined) return template;
  const { [HASH_LABEL]: _hash, ...labels } = template.metadata.labels;
  return { ...template, metadata: { ...template.metadata, labels } };
}

export function sameTemplate(a: V1PodTemplateSpec, b: V1PodTemplateSpec): boolean {
  return equal(a.spec, b.spec) && equal(withoutHash(a).metadata ?? {}, withoutHash(b).metadata ?? {});
}

/** The set with the Deployment's present template, the oldest one if there are several. */
export function findNew(d: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const template = d.spec?.template ?? {};
  return [...sets].sort(byCreation).find((rs) => sameTemplate(rs.spec?.template ?? {}, template));
}

function intOf(text: string | undefined): number {
  return text !== undefined && /^-?\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** Annotations that the new set should have; the same object when nothing changes. */
export function newSetAnnotations(d: Deployment, have: Annotations, revision: number, exists: boolean): Annotations {
  const out: Record<string, string> = { ...have };
  for (const [k, v] of Object.entries(d.metadata.annotations ?? {})) if (!NOT_COPIED.has(k)) out[k] = v;
  const old = have[REVISION];
  if (intOf(old) < revision) {
    out[REVISION] = String(revision);
    if (old !== undefined && intOf(old) > 0) {
      const history = have[REVISION_HISTORY] ? (have[REVISION_HISTORY] as string).split(',') : [];
      history.push(old);
      while (history.join(',').length > MAX_HISTORY_CHARS && history.length > 1) history.shift();
      out[REVISION_HISTORY] = history.join(',');
    }
  }
  if (!exists) Object.assign(out, replicaAnnotations(d));
  return equal(out, have) ? have : out;
}

export function replicaAnnotations(d: Deployment): Annotations {
  return { [DESIRED]: String(desiredReplicas(d)), [MAX_REPLICAS]: String(desiredReplicas(d) + maxSurge(d)) };
}

export function desiredAnnotation(rs: ReplicaSet): number | undefined {
  const text = rs.metadata.annotations?.[DESIRED];
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** How many replicas the new set may have now. */
export function newSetReplicas(d: Deployment, all: readonly (ReplicaSet | undefined)[], have: number): number {
  if (!isRolling(d)) return desiredReplicas(d);
  const current = sum(all, specReplicas);
  const most = desiredReplicas(d) + maxSurge(d);
  if (current >= most) return have;
  return have + Math.min(most - current, desiredReplicas(d) - have);
}

/** A set's part of a scaling that all sets share. */
export function proportion(rs: ReplicaSet, d: Deployment, toAdd: number, added: number): number {
  if (specReplicas(rs) === 0 || toAdd === 0 || toAdd === added) return 0;
  const fraction = fractionOf(rs, d);
  const allowed = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, allowed) : Math.max(fraction, allowed);
}

function fractionOf(rs: ReplicaSet, d: Deployment): number {
  if (desiredReplicas(d) === 0) return -specReplicas(rs);
  const most = desiredReplicas(d) + maxSurge(d);
  const text = rs.metadata.annotations?.[MAX_REPLICAS];
  const before = text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : (d.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((specReplicas(rs) * most) / before) - specReplicas(rs);
}

export function condition(status: V1DeploymentStatus, type: string): V1DeploymentCondition | undefined {
  return status.conditions?.find((c) => c.type === type);
}

export function newCondition(type: string, status: string, reason: string, message: string, now: string): V1DeploymentCondition {
  return { type, status, lastUpdateTime: now, lastTransitionTime: now, reason, message };
}

export function withoutCondition(status: V1DeploymentStatus, type: string): V1DeploymentStatus {
  if (!condition(status, type)) return status;
  return { ...status, conditions: status.conditions?.filter((c) => c.type !== type) };
}

/** Sets a condition unless one of the same status and reason stands; the transition time stays while the status does. */
export function withCondition(status: V1DeploymentStatus, c: V1DeploymentCondition): V1DeploymentStatus {
  const present = condition(status, c.type);
  if (present && present.status === c.status && present.reason === c.reason) return status;
  const next = present?.status === c.status ? { ...c, lastTransitionTime: present.lastTransitionTime } : c;
  return { ...status, conditions: [...(status.conditions ?? []).filter((x) => x.type !== c.type), next] };
}

export function isComplete(d: Deployment, s: V1DeploymentStatus): boolean {
  const want = desiredReplicas(d);
  return (
    (s.updatedReplicas ?? 0) === want &&
    (s.replicas ?? 0) === want &&
    (s.availableReplicas ?? 0) === want &&
    (s.observedGeneration ?? 0) >= (d.metadata.generation ?? 0)
  );
}

/** More updated, ready or available pods than before, or fewer old ones. */
export function isProgressing(d: Deployment, next: V1DeploymentStatus): boolean {
  const old = d.status ?? {};
  const oldOnes = (s: V1DeploymentStatus): number => (s.replicas ?? 0) - (s.updatedReplicas ?? 0);
  return (
    (next.updatedReplicas ?? 0) > (old.updatedReplicas ?? 0) ||
    oldOnes(next) < oldOnes(old) ||
    (next.readyReplicas ?? 0) > (old.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (old.availableReplicas ?? 0)
  );
}

export function hasDeadline(d: Deployment): boolean {
  return d.spec?.progressDeadlineSeconds !== undefined && d.spec.progressDeadlineSeconds !== 2147483647;
}

export function isTimedOut(d: Deployment, status: V1DeploymentStatus, now: number): boolean {
  const c = condition(status, 'Progressing');
  if (!c || c.reason === 'NewReplicaSetAvailable') return false;
  if (c.reason === 'ProgressDeadlineExceeded') return true;
  return parseTime(c.lastUpdateTime) + (d.spec?.progressDeadlineSeconds ?? 0) * 1000 < now;
}
