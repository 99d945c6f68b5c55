/** Pieces of server-side tables: column lists, ages, selectors, container lists. Models pkg/printers/internalversion. */

import type { Column } from '../kind.ts';
import { humanDuration } from '../time.ts';
import type { V1Container, V1LabelSelector } from '../types.ts';

const INTEGERS: ReadonlySet<string> = new Set([
  'Desired',
  'Current',
  'Up-to-date',
  'Allowed Disruptions',
  'Active',
  'Value',
  'Webhooks',
  'Validations',
  'Mutations',
  'Drivers',
]);
const BOOLEANS: ReadonlySet<string> = new Set([
  'Suspend',
  'Global-Default',
  'AttachRequired',
  'PodInfoOnMount',
  'StorageCapacity',
  'RequiresRepublish',
  'Attached',
]);

/** `Name|Status|Age`; a name that begins with `+` is shown with -o wide only. */
export function columns(text: string): readonly Column[] {
  return text.split('|').map((word) => {
    const name = word.replace(/^\+/, '');
    const type = INTEGERS.has(name) ? 'integer' : BOOLEANS.has(name) ? 'boolean' : 'string';
    return { name, type, ...(name === 'Name' ? { format: 'name' } : {}), priority: word.startsWith('+') ? 1 : 0 };
  });
}

/** Time since a timestamp. */
export function since(time: string | null | undefined, now: string): string {
  return time === undefined || time === null || time === '' ? '<unknown>' : humanDuration((Date.parse(now) - Date.parse(time)) / 1000);
}

export const age = (o: { readonly metadata: { readonly creationTimestamp?: string } }, now: string): string =>
  since(o.metadata.creationTimestamp, now);

/** `a=b,c=d`, sorted, or `<none>`. */
export function labelText(map: Readonly<Record<string, string>> | undefined): string {
  const pairs = Object.entries(map ?? {})
    .map(([k, v]) => `${k}=${v}`)
    .sort();
  return pairs.length === 0 ? '<none>' : pairs.join(',');
}

/** A label selector as labels.Selector prints it: sorted by key. '' of one that selects everything. */
export function selectorString(selector: V1LabelSelector | undefined): string {
  const parts: { key: string; text: string }[] = Object.entries(selector?.matchLabels ?? {}).map(([key, v]) => ({
    key,
    text: `${key}=${v}`,
  }));
  for (const r of selector?.matchExpressions ?? []) {
    const values = `(${[...(r.values ?? [])].sort().join(',')})`;
    const text =
      r.operator === 'In'
        ? `${r.key} in ${values}`
        : r.operator === 'NotIn'
          ? `${r.key} notin ${values}`
          : r.operator === 'Exists'
            ? r.key
            : `!${r.key}`;
    parts.push({ key: r.key, text });
  }
  return parts
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map((p) => p.text)
    .join(',');
}

/** As metav1.FormatLabelSelector: `<none>` of none and of an empty one. */
export const formatSelector = (selector: V1LabelSelector | undefined): string => selectorString(selector) || '<none>';

export const containerNames = (list: readonly V1Container[] | undefined): string => (list ?? []).map((c) => c.name).join(',');
export const containerImages = (list: readonly V1Container[] | undefined): string => (list ?? []).map((c) => c.image ?? '').join(',');

/** The first `max` of them and how many more there are; `<unset>` of none. */
export function listWithMore(all: readonly string[], max: number): string {
  if (all.length === 0) return '<unset>';
  const shown = all.slice(0, max).join(',');
  return all.length > max ? `${shown} + ${all.length - max} more...` : shown;
}
