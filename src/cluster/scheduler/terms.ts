/** Pod affinity, anti-affinity and topology spread: who counts where. Models scheduler/framework/plugins/{interpodaffinity,podtopologyspread}. */

import type { Namespace, Pod } from '../api/object.ts';
import { matchesSelector } from '../api/selectors.ts';
import type { V1LabelSelector, V1PodAffinityTerm, V1TopologySpreadConstraint } from '../api/types.ts';
import { matchesNodeAffinity, untolerated } from './nodematch.ts';
import type { NodeInfo } from './resources.ts';

export const SPREAD = "node(s) didn't match pod topology spread constraints";
export const SPREAD_LABEL = `${SPREAD} (missing required label)`;
export const AFFINITY = "node(s) didn't match pod affinity rules";
export const ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules";
export const EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules";

export type Namespaces = (name: string) => Namespace | undefined;

/** A selector with the incoming pod's own values of matchLabelKeys. */
function withKeys(
  selector: V1LabelSelector | undefined,
  pod: Pod,
  keys: readonly string[] | undefined,
  not: readonly string[] | undefined,
): V1LabelSelector | undefined {
  const extra = [
    ...(keys ?? []).map((key) => ({ key, operator: 'In', value: pod.metadata.labels?.[key] })),
    ...(not ?? []).map((key) => ({ key, operator: 'NotIn', value: pod.metadata.labels?.[key] })),
  ].filter((e) => e.value !== undefined);
  if (extra.length === 0 || !selector) return selector;
  return {
    ...selector,
    matchExpressions: [
      ...(selector.matchExpressions ?? []),
      ...extra.map((e) => ({ key: e.key, operator: e.operator, values: [e.value as string] })),
    ],
  };
}

/** Whether `term` of `owner` speaks of `other`. */
export function termMatches(term: V1PodAffinityTerm, owner: Pod, other: Pod, namespaces: Namespaces): boolean {
  const ns = other.metadata.namespace ?? '';
  const named = term.namespaces ?? [];
  const inNamespace =
    named.includes(ns) ||
    (term.namespaceSelector !== undefined && matchesSelector(term.namespaceSelector, namespaces(ns)?.metadata.labels ?? {})) ||
    (named.length === 0 && term.namespaceSelector === undefined && ns === owner.metadata.namespace);
  return (
    inNamespace && matchesSelector(withKeys(term.labelSelector, owner, term.matchLabelKeys, term.mismatchLabelKeys), other.metadata.labels)
  );
}

export const required = (terms: readonly V1PodAffinityTerm[] | undefined): readonly V1PodAffinityTerm[] => terms ?? [];

const label = (info: NodeInfo, key: string): string | undefined => info.node.metadata.labels?.[key];

/** What required affinity needs to know of the whole cluster. */
export interface AffinityState {
  /** `key=value` of topologies where an existing pod forbids this one. */
  readonly forbidden: ReadonlySet<string>;
  /** Per anti-affinity term of the pod: topologies with a matching pod. */
  readonly anti: ReadonlySet<string>;
  /** Topologies with pods that match all affinity terms, with how many. */
  readonly affinity: ReadonlyMap<string, number>;
  readonly selfMatch: boolean;
}

export function affinityState(pod: Pod, nodes: readonly NodeInfo[], namespaces: Namespaces): AffinityState {
  const forbidden = new Set<string>();
  const anti = new Set<string>();
  const affinity = new Map<string, number>();
  const wants = required(pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution);
  const avoids = required(pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution);
  for (const info of nodes) {
    for (const other of info.withAffinity.values())
      for (const term of required(other.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution)) {
        const value = label(info, term.topologyKey);
        if (value !== undefined && termMatches(term, other, pod, namespaces)) forbidden.add(`${term.topologyKey}=${value}`);
      }
    if (wants.length === 0 && avoids.length === 0) continue;
    for (const other of info.pods.values()) {
      for (const term of avoids) {
        const value = label(info, term.topologyKey);
        if (value !== undefined && termMatches(term, pod, other, namespaces)) anti.add(`${term.topologyKey}=${value}`);
      }
      if (wants.length > 0 && wants.every((t) => termMatches(t, pod, other, namespaces)))
        for (const t of wants) {
          const value = label(info, t.topologyKey);
          if (value !== undefined) affinity.set(`${t.topologyKey}=${value}`, (affinity.get(`${t.topologyKey}=${value}`) ?? 0) + 1);
        }
    }
  }
  return { forbidden, anti, affinity, selfMatch: wants.length > 0 && wants.every((t) => termMatches(t, pod, pod, namespaces)) };
}

/** The reason why not, in the order in which upstream looks. */
export function affinityRefuses(pod: Pod, info: NodeInfo, state: AffinityState): string | undefined {
  const wants = required(pod.spec?.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution);
  if (wants.length > 0) {
    let exist = true;
    for (const t of wants) {
      const value = label(info, t.topologyKey);
      if (value === undefined) return AFFINITY;
      if ((state.affinity.get(`${t.topologyKey}=${value}`) ?? 0) <= 0) exist = false;
    }
    if (!exist && !(state.affinity.size === 0 && state.selfMatch)) return AFFINITY;
  }
  for (const t of required(pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution)) {
    const value = label(info, t.topologyKey);
    if (value !== undefined && state.anti.has(`${t.topologyKey}=${value}`)) return ANTI_AFFINITY;
  }
  if (state.forbidden.size > 0) {
    const labels = info.node.metadata.labels ?? {};
    for (const k in labels) if (state.forbidden.has(`${k}=${labels[k]}`)) return EXISTING_ANTI_AFFINITY;
  }
  return undefined;
}

export interface Spread {
  readonly constraint: V1TopologySpreadConstraint;
  readonly selector: V1LabelSelector | undefined;
  /** Matching pods by topology value; only topologies that count. */
  readonly counts: ReadonlyMap<string, number>;
  readonly self: number;
}

function countsNode(c: V1TopologySpreadConstraint, pod: Pod, info: NodeInfo): boolean {
  if (c.nodeAffinityPolicy !== 'Ignore' && !matchesNodeAffinity(pod.spec, info.node)) return false;
  return (
    c.nodeTaintsPolicy !== 'Honor' || untolerated(info.node.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute']) === undefined
  );
}

export function spreadSelector(c: V1TopologySpreadConstraint, pod: Pod): V1LabelSelector | undefined {
  return withKeys(c.labelSelector, pod, c.matchLabelKeys, undefined);
}

/** Counts for DoNotSchedule constraints. */
export function hardSpreads(pod: Pod, nodes: readonly NodeInfo[]): readonly Spread[] {
  const constraints = (pod.spec?.topologySpreadConstraints ?? []).filter((c) => c.whenUnsatisfiable === 'DoNotSchedule');
  return constraints.map((constraint) => {
    const selector = spreadSelector(constraint, pod);
    const counts = new Map<string, number>();
    for (const info of nodes) {
      if (!constraints.every((c) => label(info, c.topologyKey) !== undefined) || !countsNode(constraint, pod, info)) continue;
      const value = label(info, constraint.topologyKey) ?? '';
      let n = 0;
      for (const other of info.pods.values())
        if (
          other.metadata.namespace === pod.metadata.namespace &&
          other.metadata.deletionTimestamp === undefined &&
          matchesSelector(selector, other.metadata.labels)
        )
          n++;
      counts.set(value, (counts.get(value) ?? 0) + n);
    }
    return { constraint, selector, counts, self: matchesSelector(selector, pod.metadata.labels) ? 1 : 0 };
  });
}

export function spreadRefuses(info: NodeInfo, spreads: readonly Spread[]): string | undefined {
  for (const s of spreads) {
    const value = label(info, s.constraint.topologyKey);
    if (value === undefined) return SPREAD_LABEL;
    let least = s.counts.size === 0 ? 0 : Number.POSITIVE_INFINITY;
    for (const n of s.counts.values()) least = Math.min(least, n);
    if (s.counts.size < (s.constraint.minDomains ?? 1)) least = 0;
    const skew = (s.counts.get(value) ?? 0) + s.self - least;
    if (skew > s.constraint.maxSkew) return SPREAD;
  }
  return undefined;
}
