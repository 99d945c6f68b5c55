/** Patches applied to an object: strategic merge, JSON merge, JSON patch (RFC 6902), for what kubectl patches itself (--local, client dry runs). */

import { isArray, isObject, type Json, type JsonObject } from '../json.ts';
import { equal } from './equal.ts';
import type { FieldMeta, PatchMeta } from './meta.ts';
import { PatchError } from './strategic.ts';

type Draft = Record<string, Json | undefined>;
const NONE: FieldMeta = {};

/** StrategicMergePatch() */
export function applyStrategic(target: JsonObject, patch: JsonObject, meta: PatchMeta): JsonObject {
  if (patch.$patch === 'replace') return plain({ ...patch, $patch: undefined });
  if (patch.$patch === 'delete') return {};
  let out: Draft = { ...target };
  const retain = patch.$retainKeys;
  if (isArray(retain)) out = Object.fromEntries(Object.entries(out).filter(([k]) => retain.includes(k)));
  for (const [k, v] of Object.entries(patch)) {
    if (v === undefined || k === '$retainKeys' || k === '$patch') continue;
    const removed = /^\$deleteFromPrimitiveList\/(.*)$/.exec(k)?.[1];
    if (removed !== undefined) {
      const list = out[removed];
      if (isArray(list) && isArray(v)) out[removed] = list.filter((x) => !v.some((y) => equal(x, y)));
      continue;
    }
    if (k.startsWith('$setElementOrder/')) continue;
    const f = meta[k] ?? NONE;
    if (v === null) delete out[k];
    else if (isObject(v)) {
      const inner = out[k];
      out[k] = f.replace || !isObject(inner) ? applyStrategic({}, v, f.of ?? {}) : applyStrategic(inner, v, f.of ?? {});
    } else if (isArray(v) && f.merge) out[k] = mergeList(listOf(out[k]), v, f);
    else out[k] = isArray(v) ? v.map(plain) : v;
  }
  for (const [k, order] of Object.entries(patch)) {
    const name = /^\$setElementOrder\/(.*)$/.exec(k)?.[1];
    if (name === undefined || !isArray(order)) continue;
    const list = out[name];
    if (isArray(list)) out[name] = inOrder(list, order, (meta[name] ?? NONE).key);
  }
  return out;
}

const listOf = (v: Json | undefined): readonly Json[] => (isArray(v) ? v : []);

/** Takes directives out of a value that is added as it is. */
function plain<T extends Json>(v: T): T {
  if (isArray(v)) return v.map(plain) as unknown as T;
  if (!isObject(v)) return v;
  return Object.fromEntries(
    Object.entries(v)
      .filter(([k, x]) => x !== undefined && x !== null && !/^\$(patch$|retainKeys$|setElementOrder\/|deleteFromPrimitiveList\/)/.test(k))
      .map(([k, x]) => [k, plain(x as Json)]),
  ) as unknown as T;
}

function mergeList(have: readonly Json[], patch: readonly Json[], f: FieldMeta): Json[] {
  const { key } = f;
  if (key === undefined) return [...have, ...patch.filter((v) => !have.some((w) => equal(v, w)))];
  if (patch.some((v) => isObject(v) && v.$patch === 'replace')) return patch.filter((v) => isObject(v) && v.$patch === undefined);
  const out = [...have];
  for (const v of patch) {
    if (!isObject(v)) continue;
    const at = out.findIndex((w) => isObject(w) && equal(w[key], v[key]));
    if (v.$patch === 'delete') {
      if (at >= 0) out.splice(at, 1);
    } else if (at < 0) out.push(plain(v));
    else out[at] = applyStrategic(out[at] as JsonObject, v, f.of ?? {});
  }
  return out;
}

/** Elements that the order names come in that order; the others keep their place among them. */
function inOrder(list: readonly Json[], order: readonly Json[], key: string | undefined): Json[] {
  const same = (a: Json, b: Json): boolean => (key === undefined ? equal(a, b) : isObject(a) && isObject(b) && equal(a[key], b[key]));
  const known = order.flatMap((o) => list.filter((v) => same(v, o)));
  const out: Json[] = [];
  let next = 0;
  for (const v of list) {
    if (!order.some((o) => same(v, o))) {
      out.push(v);
      continue;
    }
    const w = known[next++];
    if (w !== undefined) out.push(w);
  }
  return out;
}

const unescaped = (s: string): string => s.replaceAll('~1', '/').replaceAll('~0', '~');

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: Json;
}

/** Applies a JSON patch; texts of errors are those of evanphx/json-patch. */
export function applyJsonPatch(target: Json, patch: Json): Json | PatchError {
  if (!isArray(patch)) return new PatchError('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  let doc = target;
  for (const raw of patch) {
    const op: Operation = {
      op: textOf(raw, 'op'),
      path: textOf(raw, 'path'),
      from: textOf(raw, 'from'),
      value: (isObject(raw) ? raw.value : undefined) ?? null,
    };
    const next = one(doc, op);
    if (next instanceof PatchError) return next;
    doc = next;
  }
  return doc;
}

const textOf = (v: Json, k: string): string => (isObject(v) && typeof v[k] === 'string' ? (v[k] as string) : '');
const steps = (path: string): string[] => path.split('/').slice(1).map(unescaped);

function one(doc: Json, o: Operation): Json | PatchError {
  const path = steps(o.path);
  switch (o.op) {
    case 'add':
      return change(doc, path, o, 'add', o.value ?? null);
    case 'replace':
      return change(doc, path, o, 'replace', o.value ?? null);
    case 'remove':
      return change(doc, path, o, 'remove', null);
    case 'test': {
      const v = find(doc, path);
      return equal(v ?? null, o.value ?? null) ? doc : new PatchError(`testing value ${o.path} failed: test failed`);
    }
    case 'copy':
    case 'move': {
      const v = find(doc, steps(o.from ?? ''));
      if (v === undefined) return missing(o.op, o.from ?? '');
      const base = o.op === 'move' ? change(doc, steps(o.from ?? ''), { ...o, path: o.from ?? '' }, 'remove', null) : doc;
      return base instanceof PatchError ? base : change(base, path, o, 'add', v);
    }
    default:
      return new PatchError(`Unexpected kind: ${o.op}`);
  }
}

const missing = (op: string, path: string): PatchError =>
  new PatchError(`${op} operation does not apply: doc is missing path: ${path}: missing value`);

function find(doc: Json, path: readonly string[]): Json | undefined {
  let here: Json | undefined = doc;
  for (const step of path) here = isArray(here) ? here[Number(step)] : isObject(here) ? here[step] : undefined;
  return here;
}

function change(doc: Json, path: readonly string[], o: Operation, how: 'add' | 'replace' | 'remove', value: Json): Json | PatchError {
  const [head, ...rest] = path;
  if (head === undefined) return how === 'remove' ? null : value;
  if (isArray(doc)) {
    const i = head === '-' ? doc.length : Number(head);
    if (!Number.isInteger(i) || i < 0 || i > doc.length || (i === doc.length && (how !== 'add' || rest.length > 0)))
      return new PatchError(`${how} operation does not apply: doc is missing path: ${o.path}: invalid index referenced`);
    if (rest.length > 0) {
      const inner = change(doc[i] as Json, rest, o, how, value);
      return inner instanceof PatchError ? inner : doc.with(i, inner);
    }
    return how === 'add' ? doc.toSpliced(i, 0, value) : how === 'remove' ? doc.toSpliced(i, 1) : doc.with(i, value);
  }
  if (!isObject(doc)) return missing(how, o.path);
  const inner = doc[head];
  if (rest.length > 0) {
    if (inner === undefined) return missing(how, o.path);
    const changed = change(inner, rest, o, how, value);
    return changed instanceof PatchError ? changed : { ...doc, [head]: changed };
  }
  if (how !== 'add' && inner === undefined) {
    return how === 'remove'
      ? new PatchError(`remove operation does not apply: doc is missing path: ${o.path}: missing value`)
      : missing(how, o.path);
  }
  if (how === 'remove') {
    const { [head]: _, ...others } = doc;
    return others;
  }
  return { ...doc, [head]: value };
}
