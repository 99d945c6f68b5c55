/** Label selectors of objects (matchLabels, matchExpressions) as predicates. Models apimachinery's LabelSelectorAsSelector. */

import type { V1LabelSelector, V1LabelSelectorRequirement } from '../api/types.ts';

export type Labels = Readonly<Record<string, string>>;
export type Matcher = (labels: Labels | undefined) => boolean;

const NONE: Labels = {};
const cache = new WeakMap<object, Matcher>();

function requirement(r: V1LabelSelectorRequirement): Matcher {
  const { key } = r;
  const values = new Set(r.values ?? []);
  switch (r.operator) {
    case 'In':
      return (l) => l?.[key] !== undefined && values.has(l[key]);
    case 'NotIn':
      return (l) => l?.[key] === undefined || !values.has(l[key]);
    case 'Exists':
      return (l) => l?.[key] !== undefined;
    case 'DoesNotExist':
      return (l) => l?.[key] === undefined;
    default:
      return () => false;
  }
}

/** No selector matches nothing, an empty one everything. Objects are immutable, so a selector is compiled once. */
export function matcherOf(selector: V1LabelSelector | undefined): Matcher {
  if (selector === undefined) return () => false;
  const known = cache.get(selector);
  if (known) return known;
  const pairs = Object.entries(selector.matchLabels ?? {});
  const rest = (selector.matchExpressions ?? []).map(requirement);
  const made: Matcher = (labels) => {
    const l = labels ?? NONE;
    for (const [k, v] of pairs) if (l[k] !== v) return false;
    for (const r of rest) if (!r(l)) return false;
    return true;
  };
  cache.set(selector, made);
  return made;
}

/** A Service's or node's plain map: all pairs there. */
export function matchesAll(want: Labels, labels: Labels | undefined): boolean {
  for (const k in want) if (labels?.[k] !== want[k]) return false;
  return true;
}

export function isEmptySelector(s: V1LabelSelector | undefined): boolean {
  return s !== undefined && Object.keys(s.matchLabels ?? {}).length === 0 && (s.matchExpressions ?? []).length === 0;
}
