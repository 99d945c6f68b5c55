/** Equality and shape of JSON values, and JSON merge patches (RFC 7396). Models apimachinery's jsonmergepatch */

import { isArray, isObject, type Json, type JsonObject, sortedKeys } from '../json.ts';

export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (isArray(a)) return isArray(b) && a.length === b.length && a.every((v, i) => equal(v, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const [ka, kb] = [sortedKeys(a), sortedKeys(b)];
  return ka.length === kb.length && ka.every((k) => k in b && equal(a[k], b[k]));
}

/** Go's reflect.TypeOf() of a decoded value, as far as patches compare it. */
export function shapeOf(v: Json | undefined): string {
  return isArray(v) ? 'slice' : isObject(v) ? 'map' : v === null ? 'null' : typeof v;
}

/** What a JSON merge patch makes of a value. */
export function applyMerge(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const out: Record<string, Json | undefined> = isObject(target) ? { ...target } : {};
  for (const k of Object.keys(patch)) {
    const v = patch[k];
    if (v === undefined) continue;
    if (v === null) delete out[k];
    else out[k] = applyMerge(out[k], v);
  }
  return out;
}

/** The JSON merge patch that makes `to` of `from`. */
export function diffMerge(from: JsonObject, to: JsonObject): JsonObject {
  const out: Record<string, Json> = {};
  for (const k of sortedKeys(from)) if (!(k in to)) out[k] = null;
  for (const k of sortedKeys(to)) {
    const [a, b] = [from[k], to[k] as Json];
    if (a === undefined) out[k] = b;
    else if (isObject(a) && isObject(b)) {
      const inner = diffMerge(a, b);
      if (Object.keys(inner).length > 0) out[k] = inner;
    } else if (!equal(a, b)) out[k] = b;
  }
  return out;
}

/** Keeps what a patch deletes (`nulls`), or what it adds and changes. */
function keep(patch: JsonObject, nulls: boolean): JsonObject {
  const out: Record<string, Json> = {};
  for (const k of sortedKeys(patch)) {
    const v = patch[k] as Json;
    if (isObject(v)) {
      const inner = keep(v, nulls);
      if (Object.keys(inner).length > 0 || (!nulls && Object.keys(v).length === 0)) out[k] = inner;
    } else if ((v === null) === nulls) out[k] = v;
  }
  return out;
}

/** Joins two patches; the second wins. */
function join(a: JsonObject, b: JsonObject): JsonObject {
  const out: Record<string, Json | undefined> = { ...a };
  for (const k of Object.keys(b)) {
    const [x, y] = [out[k], b[k]];
    out[k] = isObject(x) && isObject(y) ? join(x, y) : y;
  }
  return out;
}

/** CreateThreeWayJSONMergePatch() */
export function threeWayMerge(original: JsonObject, modified: JsonObject, current: JsonObject): JsonObject {
  const changed = keep(diffMerge(current, modified), false);
  const deleted = keep(diffMerge(original, modified), true);
  return join(deleted, changed);
}
