/** Sets of fields: of a value, of a difference, and as FieldsV1. Models sigs.k8s.io/structured-merge-diff. */

import { isAlwaysThere } from './decode.ts';
import { equal, isObject, type Json } from './equal.ts';
import { childType, isAtomic, isAtomicType, isCustomRoot, listRule, typeOf } from './listtypes.ts';

/** Path elements as FieldsV1 writes them: `f:name`, `k:{"name":"c"}`, `v:"x"`. */
export interface FieldSet {
  /** The path itself is a member. */
  readonly self: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
}

export const EMPTY: FieldSet = { self: false, children: new Map() };
const LEAF: FieldSet = { self: true, children: new Map() };

const isEmptySet = (s: FieldSet): boolean => !s.self && s.children.size === 0;

function sortedJson(key: Json): string {
  return JSON.stringify(Object.fromEntries(Object.entries(key).sort(([a], [b]) => (a < b ? -1 : 1))));
}

const DEFAULTS: Readonly<Record<string, unknown>> = { protocol: 'TCP' };

/** The path element of a list's item. */
export function itemKey(keys: readonly string[], item: unknown): string {
  const value = isObject(item) ? item : {};
  return `k:${sortedJson(Object.fromEntries(keys.map((k) => [k, value[k] ?? DEFAULTS[k]]).filter(([, v]) => v !== undefined)))}`;
}

const alwaysThere = (parent: string, field: string): boolean =>
  isCustomRoot(parent) ? field === 'metadata' : isAlwaysThere(parent, field);

/** `type` names a struct, `map[string]…` or nothing that is known. */
function setOfValue(parent: string, field: string, type: string, value: unknown, applied: boolean): FieldSet {
  if (Array.isArray(value)) {
    const rule = listRule(parent, field);
    if (value.length === 0 || !(rule?.keys || rule?.set)) return LEAF;
    const children = new Map<string, FieldSet>();
    const item = childType(parent, field);
    for (const v of value) {
      if (rule.keys) children.set(itemKey(rule.keys, v), isAtomicType(item) ? LEAF : withSelf(setOfStruct(item, v as Json, applied)));
      else children.set(`v:${JSON.stringify(v)}`, LEAF);
    }
    return { self: !applied && !alwaysThere(parent, field), children };
  }
  if (!isObject(value) || Object.keys(value).length === 0 || isAtomic(parent, field)) return LEAF;
  const inner = setOfStruct(type, value, applied);
  return !applied && !alwaysThere(parent, field) ? withSelf(inner) : inner;
}

const withSelf = (s: FieldSet): FieldSet => ({ self: true, children: s.children });

function setOfStruct(type: string, value: Json, applied: boolean): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [k, v] of Object.entries(value)) if (v !== undefined) children.set(`f:${k}`, setOfValue(type, k, typeOf(type, k), v, applied));
  return { self: false, children };
}

/** What nobody manages. */
const UNMANAGED: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'generation',
  'managedFields',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'selfLink',
]);

export function managedPart(object: Json): Json {
  const { apiVersion: _a, kind: _k, metadata, ...rest } = object;
  const kept = isObject(metadata) ? Object.fromEntries(Object.entries(metadata).filter(([k]) => !UNMANAGED.has(k))) : {};
  return { ...(Object.keys(kept).length > 0 ? { metadata: kept } : {}), ...rest };
}

/** Fields of a configuration that is applied. */
export const setOfApplied = (schema: string, object: Json): FieldSet => setOfStruct(schema, managedPart(object), true);

export interface Difference {
  /** Added or changed. */
  readonly written: FieldSet;
  readonly removed: FieldSet;
}

interface Builder {
  self: boolean;
  children: Map<string, Builder>;
}
const builder = (): Builder => ({ self: false, children: new Map() });

function put(root: Builder, path: readonly string[], set: FieldSet): void {
  let at = root;
  for (const p of path) {
    const next = at.children.get(p) ?? builder();
    at.children.set(p, next);
    at = next;
  }
  merge(at, set);
}

function merge(into: Builder, set: FieldSet): void {
  if (set.self) into.self = true;
  for (const [k, v] of set.children) {
    const next = into.children.get(k) ?? builder();
    into.children.set(k, next);
    merge(next, v);
  }
}

export function compare(schema: string, old: Json, now: Json): Difference {
  const written = builder();
  const removed = builder();
  const struct = (type: string, a: Json, b: Json, path: readonly string[]): void => {
    for (const k of Object.keys({ ...a, ...b })) {
      const [x, y] = [a[k], b[k]];
      if (x === y || equal(x, y)) continue;
      const at = [...path, `f:${k}`];
      const inner = typeOf(type, k);
      if (x === undefined) put(written, at, setOfValue(type, k, inner, y, false));
      else if (y === undefined) put(removed, at, withSelf(setOfValue(type, k, inner, x, false)));
      else value(type, k, inner, x, y, at);
    }
  };
  const value = (parent: string, field: string, type: string, x: unknown, y: unknown, at: readonly string[]): void => {
    const rule = Array.isArray(x) || Array.isArray(y) ? listRule(parent, field) : undefined;
    if (Array.isArray(x) && Array.isArray(y) && (rule?.keys || rule?.set) && x.length > 0 && y.length > 0) {
      const id = (v: unknown): string => (rule.keys ? itemKey(rule.keys, v) : `v:${JSON.stringify(v)}`);
      const before = new Map(x.map((v) => [id(v), v as unknown]));
      const after = new Map(y.map((v) => [id(v), v as unknown]));
      const item = childType(parent, field);
      for (const [k, v] of after) {
        if (!before.has(k))
          put(written, [...at, k], rule.keys && !isAtomicType(item) ? withSelf(setOfStruct(item, v as Json, false)) : LEAF);
        else if (rule.keys && isAtomicType(item)) {
          if (!equal(before.get(k), v)) put(written, [...at, k], LEAF);
        } else if (rule.keys) struct(item, before.get(k) as Json, v as Json, [...at, k]);
      }
      for (const [k, v] of before)
        if (!after.has(k)) put(removed, [...at, k], rule.keys && isObject(v) ? withSelf(setOfStruct(item, v, false)) : LEAF);
      return;
    }
    if (isObject(x) && isObject(y) && !isAtomic(parent, field) && Object.keys(x).length > 0 && Object.keys(y).length > 0)
      struct(type, x, y, at);
    else if (Array.isArray(x) || isObject(x)) {
      put(removed, at, setOfValue(parent, field, type, x, false));
      put(written, at, setOfValue(parent, field, type, y, false));
    } else put(written, at, Array.isArray(y) || isObject(y) ? setOfValue(parent, field, type, y, false) : LEAF);
  };
  struct(schema, managedPart(old), managedPart(now), []);
  return { written, removed };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const out = builder();
  merge(out, a);
  merge(out, b);
  return out;
}

/** Members of a that are no members of b. */
export function minus(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [k, v] of a.children) {
    const other = b.children.get(k);
    const left = other ? minus(v, other) : v;
    if (!isEmptySet(left)) children.set(k, left);
  }
  return { self: a.self && !b.self, children };
}

export function common(a: FieldSet, b: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [k, v] of a.children) {
    const other = b.children.get(k);
    if (!other) continue;
    const both = common(v, other);
    if (!isEmptySet(both)) children.set(k, both);
  }
  return { self: a.self && b.self, children };
}

/** Every named field above a member counts as a member: what has parts that stay stays itself. */
export function ensureNamed(s: FieldSet): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [k, v] of s.children) {
    const inner = ensureNamed(v);
    children.set(k, k.startsWith('f:') && inner.children.size > 0 ? withSelf(inner) : inner);
  }
  return { self: s.self, children };
}

export const isEmpty = isEmptySet;

export function toFieldsV1(set: FieldSet): Json {
  const out: Record<string, unknown> = {};
  if (set.self && set.children.size > 0) out['.'] = {};
  for (const [k, v] of [...set.children].sort(([a], [b]) => (a < b ? -1 : 1))) out[k] = toFieldsV1(v);
  return out;
}

export function fromFieldsV1(fields: Json): FieldSet {
  const children = new Map<string, FieldSet>();
  for (const [k, v] of Object.entries(fields))
    if (k !== '.' && isObject(v))
      children.set(k, { ...fromFieldsV1(v), ...(Object.keys(v).length === 0 || '.' in v ? { self: true } : {}) });
  return { self: false, children };
}

/** `.spec.containers[name="c"].image`, every member. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
  const out: string[] = set.self && prefix !== '' ? [prefix] : [];
  for (const [k, v] of [...set.children].sort(([a], [b]) => (a < b ? -1 : 1))) out.push(...pathsOf(v, prefix + elementText(k)));
  return out;
}

function elementText(element: string): string {
  const rest = element.slice(2);
  if (element.startsWith('f:')) return `.${rest}`;
  if (element.startsWith('v:')) return `[=${rest}]`;
  const key = JSON.parse(rest) as Json;
  return `[${Object.entries(key)
    .map(([k, v]) => `${k}=${JSON.stringify(v)}`)
    .join(',')}]`;
}

/** The object without what the set names. */
export function without(schema: string, object: Json, set: FieldSet): Json {
  const struct = (type: string, value: Json, s: FieldSet): Json => {
    const out: Record<string, unknown> = {};
    for (const [k, v] of Object.entries(value)) {
      const own = s.children.get(`f:${k}`);
      if (!own) {
        out[k] = v;
        continue;
      }
      if (own.children.size === 0) continue;
      const left = strip(type, k, v, own);
      if (left !== undefined) out[k] = left;
    }
    return out;
  };
  const strip = (parent: string, field: string, v: unknown, s: FieldSet): unknown => {
    if (Array.isArray(v)) {
      const rule = listRule(parent, field);
      const kept = v.flatMap((item: unknown) => {
        const own = s.children.get(rule?.keys ? itemKey(rule.keys, item) : `v:${JSON.stringify(item)}`);
        if (!own) return [item];
        return own.self || !isObject(item) ? [] : [struct(childType(parent, field), item, own)];
      });
      return kept.length === 0 && v.length > 0 ? undefined : kept;
    }
    if (!isObject(v)) return undefined;
    const left = struct(typeOf(parent, field), v, s);
    return Object.keys(left).length === 0 && s.self ? undefined : left;
  };
  return struct(schema, object, set);
}
