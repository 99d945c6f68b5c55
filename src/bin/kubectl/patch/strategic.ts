/** Strategic merge patches: made from two or three objects. Models apimachinery/pkg/util/strategicpatch/patch.go */

import { isArray, isObject, type Json, type JsonObject, sortedKeys } from '../json.ts';
import { equal, shapeOf } from './equal.ts';
import type { FieldMeta, PatchMeta } from './meta.ts';

interface Options {
  readonly ignoreDeletions: boolean;
  readonly ignoreChanges: boolean;
  readonly retainKeys: boolean;
}

type Draft = Record<string, Json | undefined>;

/** A list of maps without its merge key, or what else cannot be compared. */
export class PatchError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

const NONE: FieldMeta = {};
/** `fmt.Sprintf("%v")` of a merge key's value. */
const keyText = (v: Json | undefined): string => (typeof v === 'string' ? v : JSON.stringify(v ?? null));

class Differ {
  error: PatchError | null = null;

  maps(from: JsonObject, to: JsonObject, meta: PatchMeta, o: Options): Draft {
    const patch: Draft = {};
    for (const k of sortedKeys(from)) {
      const [a, b] = [from[k] as Json, to[k]];
      if (b === undefined) {
        if (!o.ignoreDeletions) patch[k] = null;
      } else if (shapeOf(a) !== shapeOf(b)) {
        if (!o.ignoreChanges) patch[k] = b;
      } else this.field(patch, k, a, b, meta[k] ?? NONE, o);
    }
    if (!o.ignoreChanges) for (const k of sortedKeys(to)) if (from[k] === undefined) patch[k] = to[k];
    if (o.retainKeys) {
      const keys = sortedKeys(to);
      const more = sortedKeys(from).some((k) => to[k] === undefined);
      if (keys.length > 0 && (Object.keys(patch).length > 0 || more)) patch.$retainKeys = keys;
    }
    return patch;
  }

  private field(patch: Draft, k: string, a: Json, b: Json, f: FieldMeta, o: Options): void {
    const inner: Options = { ...o, retainKeys: f.retainKeys === true };
    if (isObject(a) && isObject(b) && !f.replace) {
      const d = this.maps(a, b, f.of ?? {}, inner);
      if (Object.keys(d).length > 0) patch[k] = d;
      return;
    }
    if (isArray(a) && isArray(b) && f.merge) {
      this.lists(patch, k, a, b, f, inner);
      return;
    }
    if (!o.ignoreChanges && !equal(a, b)) patch[k] = b;
  }

  private lists(patch: Draft, k: string, a: readonly Json[], b: readonly Json[], f: FieldMeta, o: Options): void {
    if (a.length === 0) {
      if (b.length > 0 && !o.ignoreChanges) patch[k] = b;
      return;
    }
    if (f.key === undefined) this.scalars(patch, k, a, b, o);
    else this.elements(patch, k, a, b, f, f.key, o);
  }

  private scalars(patch: Draft, k: string, a: readonly Json[], b: readonly Json[], o: Options): void {
    const had = new Set(a.map(keyText));
    const has = new Set(b.map(keyText));
    const added = o.ignoreChanges ? [] : b.filter((v) => !had.has(keyText(v)));
    const removed = o.ignoreDeletions ? [] : a.filter((v) => !has.has(keyText(v)));
    if (added.length > 0) patch[k] = added;
    if (removed.length > 0) patch[`$deleteFromPrimitiveList/${k}`] = removed;
    if ((added.length > 0 || removed.length > 0 || !equal(a, b)) && b.length > 0) patch[`$setElementOrder/${k}`] = b;
  }

  private elements(patch: Draft, k: string, a: readonly Json[], b: readonly Json[], f: FieldMeta, key: string, o: Options): void {
    const before = this.keyed(a, key);
    const after = this.keyed(b, key);
    if (!before || !after) return;
    const out: Json[] = [];
    for (const [name, to] of after) {
      const from = before.get(name);
      if (!from) {
        if (!o.ignoreChanges) out.push(to);
        continue;
      }
      const d = this.maps(from, to, f.of ?? {}, o);
      if (Object.keys(d).length > 0) out.push({ ...d, [key]: to[key] });
    }
    if (!o.ignoreDeletions) for (const [name, from] of before) if (!after.has(name)) out.push({ $patch: 'delete', [key]: from[key] });
    if (out.length > 0) patch[k] = out;
    const same = a.length === b.length && a.every((v, i) => equal((v as JsonObject)[key], (b[i] as JsonObject)[key]));
    if ((out.length > 0 || !same) && b.length > 0) patch[`$setElementOrder/${k}`] = b.map((v) => ({ [key]: (v as JsonObject)[key] }));
  }

  private keyed(items: readonly Json[], key: string): Map<string, JsonObject> | null {
    const out = new Map<string, JsonObject>();
    for (const v of items) {
      if (!isObject(v)) {
        this.error ??= new PatchError('invalid element type in a list of maps');
        return null;
      }
      if (v[key] === undefined) {
        this.error ??= new PatchError(`map: ${goMap(v)} does not contain declared merge key: ${key}`);
        return null;
      }
      out.set(keyText(v[key]), v);
    }
    return out;
  }
}

/** `fmt.Sprintf("%v")` of a decoded value. */
export function goMap(v: Json | undefined): string {
  if (v === null || v === undefined) return '<nil>';
  if (isArray(v)) return `[${v.map(goMap).join(' ')}]`;
  if (isObject(v))
    return `map[${sortedKeys(v)
      .map((k) => `${k}:${goMap(v[k])}`)
      .join(' ')}]`;
  return String(v);
}

/** CreateTwoWayMergePatch(): what makes `to` of `from`. */
export function twoWay(from: JsonObject, to: JsonObject, meta: PatchMeta): JsonObject | PatchError {
  const d = new Differ();
  const patch = d.maps(from, to, meta, { ignoreDeletions: false, ignoreChanges: false, retainKeys: false });
  return d.error ?? patch;
}

/** CreateThreeWayMergePatch(): additions and changes against the live object, deletions against what was applied last. */
export function threeWay(original: JsonObject, modified: JsonObject, current: JsonObject, meta: PatchMeta): JsonObject | PatchError {
  const d = new Differ();
  const delta = d.maps(current, modified, meta, { ignoreDeletions: true, ignoreChanges: false, retainKeys: false });
  const deletions = d.maps(original, modified, meta, { ignoreDeletions: false, ignoreChanges: true, retainKeys: false });
  return d.error ?? joinPatches(deletions, delta, meta);
}

/** mergeMap() of two patches, with MergeParallelList off: directives of both stay, the second's values win. */
function joinPatches(a: JsonObject, b: JsonObject, meta: PatchMeta): JsonObject {
  const out: Draft = { ...a };
  for (const k of sortedKeys(b)) {
    const [x, y] = [out[k], b[k] as Json];
    const f = meta[k] ?? NONE;
    if (isObject(x) && isObject(y) && !f.replace) out[k] = joinPatches(x, y, f.of ?? {});
    else if (isArray(x) && isArray(y) && f.merge && f.key !== undefined) out[k] = joinLists(x, y, f.key, f.of ?? {});
    else if (isArray(x) && isArray(y) && f.merge) out[k] = [...x, ...y.filter((v) => !x.some((w) => equal(v, w)))];
    else out[k] = y;
  }
  return out;
}

function joinLists(a: readonly Json[], b: readonly Json[], key: string, meta: PatchMeta): Json[] {
  const out = [...a];
  for (const v of b) {
    const at = out.findIndex((w) => isObject(w) && isObject(v) && equal(w[key], v[key]) && w.$patch === undefined);
    if (at < 0) out.push(v);
    else out[at] = joinPatches(out[at] as JsonObject, v as JsonObject, meta);
  }
  return out;
}

/** mergepatch.HasConflicts() for --overwrite=false: both patches touch a field and do not agree. */
export function hasConflicts(a: Json | undefined, b: Json | undefined): boolean {
  if (isObject(a) && isObject(b)) return Object.keys(a).some((k) => k in b && hasConflicts(a[k], b[k]));
  if (isArray(a) && isArray(b)) return a.length !== b.length || a.some((v, i) => hasConflicts(v, b[i]));
  return !equal(a, b);
}
