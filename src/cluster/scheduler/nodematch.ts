/** Whether a pod may be on a node: node affinity, node selector, taints. Models component-helpers/scheduling/corev1. */

import type {
  V1Node,
  V1NodeSelector,
  V1NodeSelectorRequirement,
  V1NodeSelectorTerm,
  V1PodSpec,
  V1Taint,
  V1Toleration,
} from '../api/types.ts';

function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^[+-]?\d{1,18}$/.test(text) ? Number(text) : undefined;
}

function matches(r: V1NodeSelectorRequirement, value: string | undefined): boolean {
  const values = r.values ?? [];
  switch (r.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default: {
      const have = integer(value);
      const want = integer(values[0]);
      if (have === undefined || want === undefined) return false;
      return r.operator === 'Gt' ? have > want : have < want;
    }
  }
}

/** An empty term matches nothing. */
export function matchesTerm(term: V1NodeSelectorTerm, node: V1Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  return (
    expressions.every((e) => matches(e, node.metadata?.labels?.[e.key])) &&
    fields.every((f) => matches(f, f.key === 'metadata.name' ? node.metadata?.name : undefined))
  );
}

export function matchesNodeSelector(selector: V1NodeSelector, node: V1Node): boolean {
  return selector.nodeSelectorTerms.some((t) => matchesTerm(t, node));
}

/** nodeSelector and required node affinity. */
export function matchesNodeAffinity(spec: V1PodSpec | undefined, node: V1Node): boolean {
  for (const [k, v] of Object.entries(spec?.nodeSelector ?? {})) if (node.metadata?.labels?.[k] !== v) return false;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || matchesNodeSelector(required, node);
}

export function tolerates(t: V1Toleration, taint: V1Taint): boolean {
  if (t.effect && t.effect !== taint.effect) return false;
  if (t.key && t.key !== taint.key) return false;
  switch (t.operator ?? 'Equal') {
    case 'Exists':
      return true;
    case 'Equal':
    case '':
      return (t.value ?? '') === (taint.value ?? '');
    case 'Gt':
    case 'Lt': {
      const have = integer(taint.value);
      const want = integer(t.value);
      if (have === undefined || want === undefined) return false;
      return t.operator === 'Gt' ? have > want : have < want;
    }
    default:
      return false;
  }
}

/** The first taint of these effects that nothing tolerates. */
export function untolerated(
  taints: readonly V1Taint[] | undefined,
  tolerations: readonly V1Toleration[] | undefined,
  effects: readonly string[],
): V1Taint | undefined {
  return taints?.find((taint) => effects.includes(taint.effect) && !tolerations?.some((t) => tolerates(t, taint)));
}
