/** Plain maps of labels as selectors: a Service's, a node selector's. Models labels.SelectorFromSet. */

import type { V1LabelSelector } from '../api/types.ts';

export type Labels = Readonly<Record<string, string>>;

/** All pairs are there. */
export function matchesAll(want: Labels, labels: Labels | undefined): boolean {
  for (const k in want) if (labels?.[k] !== want[k]) return false;
  return true;
}

export function isEmptySelector(s: V1LabelSelector | undefined): boolean {
  return s !== undefined && Object.keys(s.matchLabels ?? {}).length === 0 && (s.matchExpressions ?? []).length === 0;
}
