/** Pods of lower priority that would have to go for another. Models scheduler/framework/preemption. */

import { keyOf, type Pod } from '../api/object.ts';
import { matchesSelector } from '../api/selectors.ts';
import type { V1PodDisruptionBudget } from '../api/types.ts';
import { type Refusal, unavailable } from './filters.ts';
import type { NodeInfo } from './resources.ts';

export const priorityOf = (pod: Pod): number => pod.spec?.priority ?? 0;

export interface Candidate {
  readonly node: string;
  readonly victims: readonly Pod[];
  readonly violations: number;
}

export type Outcome = { readonly candidate: Candidate } | { readonly message: string };

/** More important first: priority, then the longer running. */
function moreImportant(a: Pod, b: Pod): number {
  return priorityOf(b) - priorityOf(a) || ((a.status?.startTime ?? '') < (b.status?.startTime ?? '') ? -1 : 1);
}

function violates(pods: readonly Pod[], budgets: readonly V1PodDisruptionBudget[]): ReadonlySet<string> {
  const left = budgets.map((b) => b.status?.disruptionsAllowed ?? 0);
  const out = new Set<string>();
  for (const pod of pods)
    budgets.forEach((b, i) => {
      if (b.metadata?.namespace !== pod.metadata.namespace || !matchesSelector(b.spec?.selector, pod.metadata.labels)) return;
      if (b.status?.disruptedPods?.[pod.metadata.name] !== undefined) return;
      left[i] = (left[i] as number) - 1;
      if ((left[i] as number) < 0) out.add(keyOf(pod));
    });
  return out;
}

function better(a: Candidate, b: Candidate): boolean {
  if (a.violations !== b.violations) return a.violations < b.violations;
  const top = (c: Candidate): number => priorityOf(c.victims[0] as Pod);
  if (top(a) !== top(b)) return top(a) < top(b);
  const sum = (c: Candidate): number => c.victims.reduce((n, v) => n + priorityOf(v) + 2147483648, 0);
  if (sum(a) !== sum(b)) return sum(a) < sum(b);
  if (a.victims.length !== b.victims.length) return a.victims.length < b.victims.length;
  const start = (c: Candidate): string =>
    c.victims
      .filter((v) => priorityOf(v) === top(c))
      .reduce((t, v) => ((v.status?.startTime ?? '') < t ? (v.status?.startTime ?? '') : t), '9');
  return start(a) > start(b);
}

/** `fits` answers for a node in another state. */
export function preempt(
  pod: Pod,
  nodes: readonly NodeInfo[],
  refusals: ReadonlyMap<string, Refusal>,
  budgets: readonly V1PodDisruptionBudget[],
  fits: (info: NodeInfo) => boolean,
): Outcome {
  if (pod.spec?.preemptionPolicy === 'Never') return { message: 'not eligible due to preemptionPolicy=Never.' };
  const reasons: string[] = [];
  let best: Candidate | undefined;
  const priority = priorityOf(pod);
  for (const info of nodes) {
    if (refusals.get(info.node.metadata.name)?.hopeless !== false) {
      reasons.push('Preemption is not helpful for scheduling');
      continue;
    }
    const lower = [...info.pods.values()].filter((p) => priorityOf(p) < priority).sort(moreImportant);
    if (lower.length === 0) {
      reasons.push('No preemption victims found for incoming pod');
      continue;
    }
    const trial = info.without(lower.map(keyOf));
    if (!fits(trial)) {
      reasons.push('No preemption victims found for incoming pod');
      continue;
    }
    const violating = violates(lower, budgets);
    const victims: Pod[] = [];
    for (const p of [...lower.filter((x) => violating.has(keyOf(x))), ...lower.filter((x) => !violating.has(keyOf(x)))]) {
      trial.add(p);
      if (fits(trial)) continue;
      trial.remove(keyOf(p));
      victims.push(p);
    }
    if (victims.length === 0) continue;
    victims.sort(moreImportant);
    const candidate: Candidate = {
      node: info.node.metadata.name,
      victims,
      violations: victims.filter((v) => violating.has(keyOf(v))).length,
    };
    if (!best || better(candidate, best)) best = candidate;
  }
  return best ? { candidate: best } : { message: unavailable(nodes.length, reasons) };
}
