/** Whether a pod fits a node, and the words why not. Models the filter plugins of the default profile, in their order. */

import type { Pod } from '../api/object.ts';
import { matchesNodeAffinity, untolerated } from './nodematch.ts';
import { type NodeInfo, needsOf, portsConflict } from './resources.ts';
import {
  AFFINITY,
  type AffinityState,
  affinityRefuses,
  affinityState,
  hardSpreads,
  type Namespaces,
  SPREAD_LABEL,
  type Spread,
  spreadRefuses,
} from './terms.ts';

export interface Refusal {
  readonly reasons: readonly string[];
  /** No pod's going away would help. */
  readonly hopeless: boolean;
}

/** What the filters know of all nodes together. */
export interface FilterState {
  readonly pod: Pod;
  readonly affinity: AffinityState | undefined;
  readonly spreads: readonly Spread[];
}

export function filterState(pod: Pod, nodes: readonly NodeInfo[], namespaces: Namespaces, anyAffinity: boolean): FilterState {
  const concerns = anyAffinity || needsOf(pod).affinity;
  return { pod, affinity: concerns ? affinityState(pod, nodes, namespaces) : undefined, spreads: hardSpreads(pod, nodes) };
}

const UNSCHEDULABLE = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' } as const;

function resources(pod: Pod, info: NodeInfo): Refusal | undefined {
  const reasons: string[] = [];
  let hopeless = false;
  if (info.pods.size + 1 > (info.allocatable.get('pods') ?? 0)) reasons.push('Too many pods');
  for (const [name, want] of needsOf(pod).requests) {
    const all = info.allocatable.get(name) ?? 0;
    if (want === 0 || want <= all - (info.requested.get(name) ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    if (want > all) hopeless = true;
  }
  return reasons.length > 0 ? { reasons, hopeless } : undefined;
}

const no = (reason: string, hopeless: boolean): Refusal => ({ reasons: [reason], hopeless });

export function refuses(state: FilterState, info: NodeInfo): Refusal | undefined {
  const { pod } = state;
  const { spec } = info.node;
  if (spec?.unschedulable && untolerated([UNSCHEDULABLE], pod.spec?.tolerations, ['NoSchedule']))
    return no('node(s) were unschedulable', true);
  if (pod.spec?.nodeName && pod.spec.nodeName !== info.node.metadata.name) return no("node(s) didn't match the requested node name", true);
  if (untolerated(spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute'])) return no('node(s) had untolerated taint(s)', true);
  if (!matchesNodeAffinity(pod.spec, info.node)) return no("node(s) didn't match Pod's node affinity/selector", true);
  if (portsConflict(pod, info)) return no("node(s) didn't have free ports for the requested pod ports", false);
  const lack = resources(pod, info);
  if (lack) return lack;
  const spread = state.spreads.length > 0 ? spreadRefuses(info, state.spreads) : undefined;
  if (spread) return no(spread, spread === SPREAD_LABEL);
  const affinity = state.affinity && affinityRefuses(pod, info, state.affinity);
  return affinity ? no(affinity, affinity === AFFINITY) : undefined;
}

/** `1 Insufficient cpu, 2 node(s) had untolerated taint(s)` */
export function histogram(reasons: Iterable<string>): string {
  const counts = new Map<string, number>();
  for (const r of reasons) counts.set(r, (counts.get(r) ?? 0) + 1);
  return [...counts]
    .map(([r, n]) => `${n} ${r}`)
    .sort()
    .join(', ');
}

export function unavailable(total: number, reasons: Iterable<string>): string {
  const text = histogram(reasons);
  return `0/${total} nodes are available${text ? `: ${text}.` : ''}`;
}
