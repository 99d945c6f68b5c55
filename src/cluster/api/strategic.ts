/** Strategic merge patch: lists by their merge key, $patch, $retainKeys, $setElementOrder, $deleteFromPrimitiveList. Models util/strategicpatch. */

import { equal, isObject, type Json } from './equal.ts';
import { goMapText } from './gomap.ts';
import { childType, listRule } from './listtypes.ts';

const DIRECTIVE = '$patch';
const RETAIN = '$retainKeys';
const ORDER = '$setElementOrder/';
const DELETE_FROM = '$deleteFromPrimitiveList/';
const MAX_DEPTH = 100;

class Bad extends Error {}

export type StrategicResult = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string };

export function strategicPatch(schema: string, original: unknown, patch: Json): StrategicResult {
  try {
    return { ok: true, value: mergeMap(schema, isObject(original) ? original : {}, patch, 0) };
  } catch (e) {
    if (e instanceof Bad) return { ok: false, error: e.message };
    throw e;
  }
}

/** Without directives and nulls: what a patch becomes where nothing was. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((v) => !(isObject(v) && v[DIRECTIVE] !== undefined)).map(bare);
  if (!isObject(value)) return value;
  const out: Record<string, unknown> = {};
  for (const [k, v] of Object.entries(value)) if (v !== null && !k.startsWith('$')) out[k] = bare(v);
  return out;
}

function mergeMap(type: string, original: Json, patch: Json, depth: number): Json {
  if (depth > MAX_DEPTH) throw new Bad('patch is nested too deeply');
  const directive = patch[DIRECTIVE];
  if (directive === 'replace') {
    const { [DIRECTIVE]: _d, ...rest } = patch;
    return rest;
  }
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw new Bad(`Unknown patch type found: ${goMapText(directive)}`);
  const out: Record<string, unknown> = { ...original };
  const retain = patch[RETAIN];
  if (retain !== undefined) {
    if (!Array.isArray(retain)) throw new Bad('invalid patch format of retainKeys');
    for (const key of Object.keys(out)) if (!retain.includes(key)) delete out[key];
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key === DIRECTIVE || key === RETAIN || key.startsWith(ORDER)) continue;
    if (key.startsWith(DELETE_FROM)) {
      const field = key.slice(DELETE_FROM.length);
      const gone = Array.isArray(value) ? value : [];
      if (Array.isArray(out[field])) out[field] = (out[field] as readonly unknown[]).filter((v) => !gone.some((g) => equal(g, v)));
      continue;
    }
    if (value === null) {
      delete out[key];
      continue;
    }
    const inner = childType(type, key);
    const before = out[key];
    if (isObject(value))
      out[key] = isObject(before)
        ? mergeMap(inner, before, value, depth + 1)
        : isObject(value) && value[DIRECTIVE] === undefined
          ? bare(value)
          : mergeMap(inner, {}, value, depth + 1);
    else if (Array.isArray(value))
      out[key] = mergeList(type, key, inner, Array.isArray(before) ? before : [], value, patch[`${ORDER}${key}`], depth + 1);
    else out[key] = value;
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER)) continue;
    const field = key.slice(ORDER.length);
    if (patch[field] === undefined && Array.isArray(out[field]) && Array.isArray(order))
      out[field] = ordered(out[field] as readonly unknown[], out[field] as readonly unknown[], order, listRule(type, field)?.mergeKey);
  }
  return out;
}

function mergeList(
  type: string,
  field: string,
  item: string,
  original: readonly unknown[],
  patch: readonly unknown[],
  order: unknown,
  depth: number,
): readonly unknown[] {
  const rule = listRule(type, field);
  if (!rule?.merge) return patch;
  if (rule.mergeKey === undefined) {
    const merged = [...original];
    for (const v of patch) if (!merged.some((m) => equal(m, v))) merged.push(v);
    return Array.isArray(order) ? ordered(merged, original, order, undefined) : merged;
  }
  const key = rule.mergeKey;
  let out = [...original];
  if (patch.some((p) => isObject(p) && p[DIRECTIVE] === 'replace'))
    return patch
      .filter((p) => !(isObject(p) && p[DIRECTIVE] === 'replace' && Object.keys(p).length === 1))
      .map((p) => bare(isObject(p) ? { ...p, [DIRECTIVE]: null } : p));
  for (const p of patch) {
    if (!isObject(p)) throw new Bad(`expected a map for list ${field}`);
    if (p[key] === undefined) throw new Bad(`map: ${goMapText(p)} does not contain declared merge key: ${key}`);
    const at = out.findIndex((o) => isObject(o) && equal(o[key], p[key]));
    if (p[DIRECTIVE] === 'delete') out = out.filter((o) => !(isObject(o) && equal(o[key], p[key])));
    else if (at < 0) out.push(bare(p));
    else out[at] = mergeMap(item, out[at] as Json, p, depth);
  }
  return Array.isArray(order) ? ordered(out, original, order, key) : out;
}

/** Items that the order names in its order; the others stay where they stood among the server's. */
function ordered(
  items: readonly unknown[],
  original: readonly unknown[],
  order: readonly unknown[],
  key: string | undefined,
): readonly unknown[] {
  const id = (v: unknown): unknown => (key !== undefined && isObject(v) ? v[key] : v);
  const rank = (v: unknown): number => order.findIndex((o) => equal(id(o), id(v)));
  const named = items.filter((v) => rank(v) >= 0).sort((a, b) => rank(a) - rank(b));
  const others = items.filter((v) => rank(v) < 0);
  const place = (v: unknown): number => original.findIndex((o) => equal(id(o), id(v)));
  const out: unknown[] = [];
  let i = 0;
  let j = 0;
  while (i < named.length || j < others.length) {
    const a = named[i];
    const b = others[j];
    if (j >= others.length) {
      out.push(a);
      i++;
    } else if (i >= named.length) {
      out.push(b);
      j++;
    } else if (place(b) >= 0 && (place(a) < 0 || place(b) < place(a))) {
      out.push(b);
      j++;
    } else {
      out.push(a);
      i++;
    }
  }
  return out;
}
