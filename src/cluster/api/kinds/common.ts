/** Checks that many kinds share: labels, selectors, numbers, references. Models apimachinery's meta/v1/validation and api/validation. */

import { goText } from '../decode.ts';
import { equal } from '../equal.ts';
import { type FieldError, forbidden, GoText, goJson, invalid, required } from '../field.ts';
import { IMMUTABLE, labelValue, NEGATIVE, qualifiedName } from '../names.ts';
import type { V1LabelSelector, V1LabelSelectorRequirement } from '../types.ts';

export type Errors = FieldError[];
type StringMap = Readonly<Record<string, string>> | undefined;

/** One Invalid error a message. */
export function bad(field: string, value: unknown, messages: readonly string[]): Errors {
  return messages.map((m) => invalid(field, value, m));
}

export function nonNegative(field: string, value: number | undefined): Errors {
  return value !== undefined && value < 0 ? [invalid(field, value, NEGATIVE)] : [];
}

/** `is` may not change. */
export function immutable(field: string, now: unknown, before: unknown): Errors {
  return equal(now, before) ? [] : [invalid(field, now === undefined ? null : now, IMMUTABLE)];
}

const entries = (map: StringMap): (readonly [string, string])[] => Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

export function labels(field: string, map: StringMap): Errors {
  const out: Errors = [];
  for (const [k, v] of entries(map)) out.push(...bad(field, k, qualifiedName(k)), ...bad(field, v, labelValue(v)));
  return out;
}

export function annotations(field: string, map: StringMap): Errors {
  const out: Errors = [];
  let size = 0;
  for (const [k, v] of entries(map)) {
    out.push(...bad(field, k, qualifiedName(k.toLowerCase())));
    size += k.length + v.length;
  }
  if (size > 262144) out.push({ type: 'FieldValueTooLong', field, detail: 'may not be more than 262144 bytes' });
  return out;
}

/** `spec.selector.matchExpressions[0]` and the like. */
function selectorRequirement(field: string, r: V1LabelSelectorRequirement): Errors {
  const out: Errors = [];
  const values = r.values ?? [];
  if (r.operator === 'In' || r.operator === 'NotIn') {
    if (values.length === 0) out.push(required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (r.operator === 'Exists' || r.operator === 'DoesNotExist') {
    if (values.length > 0) out.push(forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  } else out.push(invalid(`${field}.operator`, r.operator, 'not a valid selector operator'));
  out.push(...bad(`${field}.key`, r.key, qualifiedName(r.key)));
  values.forEach((v, i) => {
    out.push(...bad(`${field}.values[${i}]`, v, labelValue(v)));
  });
  return out;
}

export function labelSelector(field: string, selector: V1LabelSelector | undefined): Errors {
  if (!selector) return [];
  const out = labels(`${field}.matchLabels`, selector.matchLabels);
  (selector.matchExpressions ?? []).forEach((r, i) => {
    out.push(...selectorRequirement(`${field}.matchExpressions[${i}]`, r));
  });
  return out;
}

export const selectorText = (selector: V1LabelSelector | undefined): GoText => goText('V1LabelSelector', selector ?? {});
/** Neither labels nor expressions: selects everything, and where a workload has it, it is refused. */
export const isEmptySelector = (s: V1LabelSelector): boolean =>
  Object.keys(s.matchLabels ?? {}).length + (s.matchExpressions ?? []).length === 0;

/** Whether the selector can be used at all (LabelSelectorAsSelector gives no error). */
export function usableSelector(s: V1LabelSelector | undefined): boolean {
  if (!s) return true;
  if (labels('', s.matchLabels).length > 0) return false;
  return (s.matchExpressions ?? []).every((r) => selectorRequirement('', r).length === 0);
}

/** As LabelSelectorAsSelector: none selects nothing, an empty one everything. */
export function selects(selector: V1LabelSelector | undefined, map: StringMap): boolean {
  if (!selector) return false;
  const of = map ?? {};
  for (const [k, v] of Object.entries(selector.matchLabels ?? {})) if (of[k] !== v) return false;
  for (const r of selector.matchExpressions ?? []) {
    const value = of[r.key];
    const values = r.values ?? [];
    const held =
      r.operator === 'In'
        ? value !== undefined && values.includes(value)
        : r.operator === 'NotIn'
          ? value === undefined || !values.includes(value)
          : r.operator === 'Exists'
            ? value !== undefined
            : value === undefined;
    if (!held) return false;
  }
  return true;
}

/** A struct without JSON names as encoding/json writes it: the internal types behind the API. */
export const internalText = (fields: readonly (readonly [string, unknown])[]): GoText =>
  new GoText(`{${fields.map(([k, v]) => `${goJson(k)}:${v instanceof GoText ? v.text : goJson(v ?? null)}`).join(',')}}`);

/** The object with those members set; undefined takes one away. The same object when nothing changes. */
export function withMembers<T extends object>(object: T, members: Readonly<Record<string, unknown>>): T {
  const from = object as Readonly<Record<string, unknown>>;
  let out: Record<string, unknown> | undefined;
  for (const k in members) {
    const v = members[k];
    if (from[k] === v) continue;
    out ??= { ...from };
    if (v === undefined) delete out[k];
    else out[k] = v;
  }
  return (out ?? object) as T;
}

/** Array.map that gives the same array back when no item changed. */
export function mapSame<T>(list: readonly T[] | undefined, f: (item: T, index: number) => T): readonly T[] | undefined {
  if (!list) return list;
  let out: T[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const item = list[i] as T;
    const made = f(item, i);
    if (made === item) continue;
    out ??= [...list];
    out[i] = made;
  }
  return out ?? list;
}
