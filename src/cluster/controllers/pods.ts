/** What controllers ask of pods: ready, available, active, which to delete first; and pods made from templates. Models pkg/api/v1/pod and controller_utils.go. */

import { type KubeObject, keyOf, type Pod } from '../api/object.ts';
import type { V1ObjectMeta, V1OwnerReference, V1Pod, V1PodCondition, V1PodTemplateSpec } from '../api/types.ts';
import { parseTime } from './clock.ts';

export const HASH_LABEL = 'pod-template-hash';

export function podCondition(pod: V1Pod, type: string): V1PodCondition | undefined {
  return pod.status?.conditions?.find((c) => c.type === type);
}

export function isPodReady(pod: V1Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

export function isPodTerminal(pod: V1Pod): boolean {
  const phase = pod.status?.phase;
  return phase === 'Succeeded' || phase === 'Failed';
}

export function isPodActive(pod: V1Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata?.deletionTimestamp === undefined;
}

export function isPodTerminating(pod: V1Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata?.deletionTimestamp !== undefined;
}

/** When the pod became ready, in ms since 1970; NaN when it is not. */
export function readyTime(pod: V1Pod): number {
  const c = podCondition(pod, 'Ready');
  return c?.status === 'True' ? parseTime(c.lastTransitionTime) : Number.NaN;
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: V1Pod, minReadySeconds: number, now: number): boolean {
  if (!isPodReady(pod)) return false;
  if (minReadySeconds === 0) return true;
  const since = readyTime(pod);
  return Number.isFinite(since) && since + minReadySeconds * 1000 <= now;
}

export function ownerReference(owner: KubeObject): V1OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name ?? '',
    uid: owner.metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The pod that a controller makes of its template. */
export function podFromTemplate(template: V1PodTemplateSpec, owner: KubeObject, metadata: V1ObjectMeta = {}): V1Pod & KubeObject {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(metadata.name === undefined && { generateName: `${owner.metadata.name}-` }),
      namespace: owner.metadata.namespace,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ...metadata,
      ownerReferences: [ownerReference(owner)],
    },
    ...(template.spec && { spec: template.spec }),
  };
}

function restarts(pod: Pod): number {
  let most = 0;
  for (const c of pod.status?.containerStatuses ?? []) most = Math.max(most, c.restartCount);
  return most;
}

const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** log2 of how long ago in ns: times of the same power of two count as the same. */
function ageRank(at: number, now: number): number {
  return now > at ? Math.floor(Math.log2((now - at) * 1e6)) : -1;
}

function byAge(x: number, y: number, a: Pod, b: Pod, now: number): number {
  if (x === y || Number.isNaN(x) || Number.isNaN(y)) return 0;
  const d = ageRank(x, now) - ageRank(y, now);
  return d !== 0 ? d : a.metadata.uid < b.metadata.uid ? -1 : 1;
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'];
  return text !== undefined && /^-?\d{1,10}$/.test(text) ? Number(text) : 0;
}

/** ActivePodsWithRanks: which pod a scale-down takes first. `rank` counts related pods on the same node. */
export function deletionOrder(rank: ReadonlyMap<string, number>, now: number): (a: Pod, b: Pod) => number {
  return (a, b) => {
    const nodeA = a.spec?.nodeName ?? '';
    const nodeB = b.spec?.nodeName ?? '';
    if ((nodeA === '') !== (nodeB === '')) return nodeA === '' ? -1 : 1;
    const phase = (PHASES[a.status?.phase ?? ''] ?? 0) - (PHASES[b.status?.phase ?? ''] ?? 0);
    if (phase !== 0) return phase;
    const readyA = isPodReady(a);
    const readyB = isPodReady(b);
    if (readyA !== readyB) return readyA ? 1 : -1;
    const cost = deletionCost(a) - deletionCost(b);
    if (cost !== 0) return cost;
    const doubled = (rank.get(keyOf(b)) ?? 0) - (rank.get(keyOf(a)) ?? 0);
    if (doubled !== 0) return doubled;
    const ready = readyA && readyB ? byAge(readyTime(a), readyTime(b), a, b, now) : 0;
    if (ready !== 0) return ready;
    const again = restarts(b) - restarts(a);
    if (again !== 0) return again;
    return byAge(parseTime(a.metadata.creationTimestamp), parseTime(b.metadata.creationTimestamp), a, b, now);
  };
}
