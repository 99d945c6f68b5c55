/** JSON patch, RFC 6902, with the texts of evanphx/json-patch. */

import { equal, isObject } from './equal.ts';

export type Patched = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string };

const MAX_OPERATIONS = 10_000;

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
  readonly has: boolean;
}

const unescaped = (part: string): string => part.replace(/~1/g, '/').replace(/~0/g, '~');

class Failed {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const missingText = (op: string, path: string): string =>
  `${op} operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`;

/** A new document with `change` made at the parent of the path's last part. */
function at(
  doc: unknown,
  parts: readonly string[],
  change: (parent: unknown, key: string) => unknown | Failed,
  missing: string,
): unknown | Failed {
  const [head, ...rest] = parts as [string, ...string[]];
  if (rest.length === 0) return change(doc, head);
  if (Array.isArray(doc)) {
    const i = /^-?\d+$/.test(head) ? Number(head) : Number.NaN;
    if (!(i >= 0 && i < doc.length)) return new Failed(missing);
    const next = at(doc[i], rest, change, missing);
    return next instanceof Failed ? next : doc.with(i, next);
  }
  if (!isObject(doc) || !(head in doc)) return new Failed(missing);
  const next = at(doc[head], rest, change, missing);
  return next instanceof Failed ? next : { ...doc, [head]: next };
}

function read(doc: unknown, parts: readonly string[]): unknown {
  let value = doc;
  for (const part of parts) value = Array.isArray(value) ? value[Number(part)] : isObject(value) ? value[part] : undefined;
  return value;
}

function add(value: unknown, op: Operation) {
  return (parent: unknown, key: string): unknown | Failed => {
    if (Array.isArray(parent)) {
      if (key === '-') return [...parent, value];
      const i = /^-?\d+$/.test(key) ? Number(key) : Number.NaN;
      if (Number.isNaN(i))
        return new Failed(
          `add operation does not apply: doc is missing key: ${op.path}: strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`,
        );
      const index = i < 0 ? i + parent.length + 1 : i;
      if (index < 0 || index > parent.length)
        return new Failed(
          `add operation does not apply: doc is missing path: ${JSON.stringify(op.path)}: Unable to access invalid index: ${i}: invalid index referenced`,
        );
      return parent.toSpliced(index, 0, value);
    }
    return isObject(parent) ? { ...parent, [key]: value } : new Failed(missingText('add', op.path));
  };
}

function removeAt(op: Operation, verb: string) {
  return (parent: unknown, key: string): unknown | Failed => {
    if (Array.isArray(parent)) {
      const i = /^-?\d+$/.test(key) ? Number(key) : Number.NaN;
      const index = i < 0 ? i + parent.length : i;
      if (!(index >= 0 && index < parent.length))
        return new Failed(
          `${verb} operation does not apply: doc is missing key: ${op.path}: Unable to access invalid index: ${key}: invalid index referenced`,
        );
      return parent.toSpliced(index, 1);
    }
    if (!isObject(parent) || !(key in parent))
      return new Failed(`error in ${verb} for path: '${op.path}': Unable to remove nonexistent key: ${key}: missing value`);
    const { [key]: _gone, ...rest } = parent;
    return rest;
  };
}

function step(doc: unknown, op: Operation): unknown | Failed {
  const parts = op.path === '' ? [] : op.path.split('/').slice(1).map(unescaped);
  const missing = missingText(op.op, op.path);
  switch (op.op) {
    case 'add':
      return parts.length === 0 ? op.value : at(doc, parts, add(op.value, op), missing);
    case 'remove':
      return at(doc, parts, removeAt(op, 'remove'), missing);
    case 'replace': {
      if (parts.length === 0) return op.value;
      return at(
        doc,
        parts,
        (parent, key) => {
          if (Array.isArray(parent)) {
            const i = /^\d+$/.test(key) ? Number(key) : Number.NaN;
            if (!(i < parent.length)) return new Failed(`replace operation does not apply: doc is missing key: ${op.path}: missing value`);
            return parent.with(i, op.value);
          }
          if (!isObject(parent) || !(key in parent))
            return new Failed(`replace operation does not apply: doc is missing key: ${op.path}: missing value`);
          return { ...parent, [key]: op.value };
        },
        missing,
      );
    }
    case 'test': {
      const value = read(doc, parts);
      return equal(value ?? null, op.value ?? null) ? doc : new Failed(`testing value ${op.path} failed: test failed`);
    }
    case 'move':
    case 'copy': {
      const from = (op.from ?? '').split('/').slice(1).map(unescaped);
      const value = read(doc, from);
      if (value === undefined)
        return new Failed(`${op.op} operation does not apply: doc is missing from path: ${op.from ?? ''}: missing value`);
      const base = op.op === 'copy' ? doc : at(doc, from, removeAt({ ...op, path: op.from ?? '' }, 'move'), missing);
      return base instanceof Failed ? base : at(base, parts, add(value, op), missing);
    }
    default:
      return new Failed(`Unexpected kind: ${op.op}`);
  }
}

export function jsonPatch(document: unknown, body: unknown): Patched {
  if (!Array.isArray(body)) return { ok: false, error: 'json: cannot unmarshal object into Go value of type jsonpatch.Patch' };
  if (body.length > MAX_OPERATIONS)
    return { ok: false, error: `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${body.length}` };
  let doc = document;
  for (const raw of body as readonly unknown[]) {
    if (!isObject(raw)) return { ok: false, error: 'json: cannot unmarshal into Go value of type jsonpatch.Operation' };
    const from = typeof raw.from === 'string' ? { from: raw.from } : {};
    const op: Operation = {
      op: String(raw.op ?? ''),
      path: String(raw.path ?? ''),
      ...from,
      value: raw.value,
      has: 'value' in raw,
    };
    const next = step(doc, op);
    if (next instanceof Failed) return { ok: false, error: next.text };
    doc = next;
  }
  return { ok: true, value: doc };
}
