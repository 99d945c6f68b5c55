/** JSON to an object as the API's Go types take it: wrong types, unknown fields, what is dropped when empty. Models encoding/json, sigs.k8s.io/json. */

import { GoText, goJson, goQuote } from './field.ts';
import type { Decoder } from './kind.ts';
import type { KubeObject } from './object.ts';
import { parseQuantity, quantityText } from './quantity.ts';
import FIELDS from './schema/fields.json' with { type: 'json' };
import GO from './schema/go.json' with { type: 'json' };

type Scalar = 'string' | 'int32' | 'int64' | 'double' | 'boolean' | 'byte' | 'time' | 'micro-time' | 'int-or-string' | 'quantity' | 'any';
type Shape =
  | { readonly is: 'scalar'; readonly scalar: Scalar; readonly go: string }
  | { readonly is: 'struct'; readonly type: string; readonly go: string }
  | { readonly is: 'list' | 'map'; readonly of: Shape; readonly go: string };

interface Field {
  readonly name: string;
  readonly shape: Shape;
  readonly pointer: boolean;
  /** Written even when empty. */
  readonly always: boolean;
  readonly required: boolean;
}

interface Struct {
  /** Go's name. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
  readonly always: readonly Field[];
  /** Names in the order of the source. */
  readonly order: readonly string[];
}

const fieldsOf = FIELDS as Readonly<Record<string, Readonly<Record<string, string>>>>;
const goOf = GO as Readonly<Record<string, string>>;
const structs = new Map<string, Struct>();

const GO_SCALAR: Readonly<Record<string, string>> = {
  boolean: 'bool',
  double: 'float64',
  number: 'float64',
  byte: '[]uint8',
  'date-time': 'string',
  'micro-time': 'string',
  'int-or-string': 'int32',
};

function shapeOf(type: string, go: string): Shape {
  const version = /^[A-Z]?[A-Za-z]*?V2/.test(type.replace(/^(\[\]|map\[string\])+/, '')) ? 'v2' : 'v1';
  if (type.startsWith('[]') && type !== '[]byte') {
    const of = shapeOf(type.slice(2), go.startsWith('[]') ? go.slice(2) : '');
    return { is: 'list', of, go: go || `[]${of.go}` };
  }
  if (go === '[]byte') return { is: 'scalar', scalar: 'byte', go: '[]uint8' };
  if (type.startsWith('map[string]')) {
    if (go === 'map[string][]byte') return { is: 'map', of: shapeOf('byte', '[]byte'), go: 'map[string][]uint8' };
    const item =
      go === 'v1.ResourceList'
        ? { is: 'scalar' as const, scalar: 'quantity' as const, go: 'resource.Quantity' }
        : shapeOf(type.slice(11), '');
    return { is: 'map', of: item, go: go || `map[string]${item.go}` };
  }
  if (Object.hasOwn(fieldsOf, type)) return { is: 'struct', type, go: `${version}.${(goOf[type] ?? type).split(' ')[0]}` };
  if (go === 'resource.Quantity') return { is: 'scalar', scalar: 'quantity', go };
  const scalar: Scalar = type === 'date-time' ? 'time' : type === 'number' ? 'double' : (type as Scalar);
  return { is: 'scalar', scalar, go: go || (GO_SCALAR[type] ?? type) };
}

function structOf(type: string): Struct {
  const known = structs.get(type);
  if (known) return known;
  const types = fieldsOf[type] ?? {};
  const flags = new Map<string, { pointer: boolean; always: boolean; go: string }>();
  const words = (goOf[type] ?? type).split(' ');
  for (const word of words.slice(1)) {
    const m = /^(\*?)([^!:]+)(!?)(?::(.*))?$/.exec(word);
    if (m) flags.set(m[2] as string, { pointer: m[1] === '*', always: m[3] === '!', go: m[4] ?? '' });
  }
  const fields = new Map<string, Field>();
  for (const [name, text] of Object.entries(types)) {
    const f = flags.get(name);
    const shape = shapeOf(text.replace(/!$/, ''), f?.go ?? '');
    fields.set(name, { name, shape, pointer: f?.pointer === true, always: f?.always === true, required: text.endsWith('!') });
  }
  const struct: Struct = {
    name: words[0] as string,
    fields,
    always: [...fields.values()].filter((f) => f.always),
    order: [...flags.keys()],
  };
  structs.set(type, struct);
  return struct;
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);

function jsonKind(value: unknown): string {
  if (typeof value === 'boolean') return 'bool';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** One pass over one document. The first wrong type refuses it; unknown fields are gathered. */
class Reader {
  error: string | undefined;
  readonly strict: string[] = [];
  /** JSON names, without indices: as Go's errors name a field. */
  private readonly stack: string[] = [];
  private owner = '';

  private wrong(what: string, go: string): undefined {
    const where = this.owner === '' ? `Go value of type ${go}` : `Go struct field ${this.owner}.${this.stack.join('.')} of type ${go}`;
    this.error ??= `json: cannot unmarshal ${what} into ${where}`;
    return undefined;
  }

  struct(type: string, value: Json, path: string): Json {
    const struct = structOf(type);
    const owner = this.owner;
    let changed = false;
    const out: Record<string, unknown> = {};
    for (const key of sortedKeys(value)) {
      const field = struct.fields.get(key);
      const raw = value[key];
      if (!field) {
        this.strict.push(`unknown field ${goQuote(path === '' ? key : `${path}.${key}`)}`);
        changed = true;
        continue;
      }
      if (raw === undefined || (raw === null && !field.always)) {
        changed = true;
        continue;
      }
      this.owner = struct.name;
      this.stack.push(key);
      const made = raw === null ? undefined : this.value(field.shape, raw, path === '' ? key : `${path}.${key}`);
      this.stack.pop();
      if (made === undefined || (!field.pointer && !field.always && isEmpty(made))) {
        changed = true;
        continue;
      }
      out[key] = made;
      if (made !== raw) changed = true;
    }
    this.owner = owner;
    for (const field of struct.always)
      if (!Object.hasOwn(out, field.name)) {
        out[field.name] = zero(field);
        changed = true;
      }
    return changed ? out : value;
  }

  value(shape: Shape, raw: unknown, path: string): unknown {
    switch (shape.is) {
      case 'struct':
        return isObject(raw) ? this.struct(shape.type, raw, path) : this.wrong(jsonKind(raw), shape.go);
      case 'list':
        return this.list(shape.of, raw, path, shape.go);
      case 'map':
        return this.map(shape.of, raw, path, shape.go);
      default:
        return this.scalar(shape.scalar, raw, shape.go);
    }
  }

  private list(of: Shape, raw: unknown, path: string, go: string): unknown {
    if (!Array.isArray(raw)) return this.wrong(jsonKind(raw), go);
    let changed = false;
    const out: unknown[] = [];
    for (let i = 0; i < raw.length; i++) {
      const item: unknown = raw[i];
      const made = item === null || item === undefined ? zeroOf(of) : this.value(of, item, `${path}[${i}]`);
      out.push(made);
      if (made !== item) changed = true;
    }
    return changed ? out : raw;
  }

  private map(of: Shape, raw: unknown, path: string, go: string): unknown {
    if (!isObject(raw)) return this.wrong(jsonKind(raw), go);
    let changed = false;
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(raw)) {
      const item = raw[key];
      const made = item === null || item === undefined ? zeroOf(of) : this.value(of, item, `${path}.${key}`);
      out[key] = made;
      if (made !== item) changed = true;
    }
    return changed ? out : raw;
  }

  private scalar(scalar: Scalar, raw: unknown, go: string): unknown {
    switch (scalar) {
      case 'string':
        return typeof raw === 'string' ? raw : this.wrong(jsonKind(raw), go);
      case 'boolean':
        return typeof raw === 'boolean' ? raw : this.wrong(jsonKind(raw), go);
      case 'int32':
      case 'int64':
        return this.integer(raw, scalar === 'int32' ? 2 ** 31 : 2 ** 63, go);
      case 'double':
        return typeof raw === 'number' ? raw : this.wrong(jsonKind(raw), go);
      case 'byte':
        return this.base64(raw, go);
      case 'time':
      case 'micro-time':
        return this.time(raw, scalar === 'time' ? '2006-01-02T15:04:05Z07:00' : '2006-01-02T15:04:05.000000Z07:00');
      case 'int-or-string':
        return typeof raw === 'string' ? raw : this.integer(raw, 2 ** 31, 'int32');
      case 'quantity':
        return this.quantity(raw);
      default:
        return raw;
    }
  }

  private integer(raw: unknown, limit: number, go: string): unknown {
    if (typeof raw !== 'number') return this.wrong(jsonKind(raw), go);
    return Number.isInteger(raw) && raw >= -limit && raw < limit ? raw : this.wrong(`number ${raw}`, go);
  }

  private base64(raw: unknown, go: string): unknown {
    if (typeof raw !== 'string') return this.wrong(jsonKind(raw), go);
    const bad = badBase64(raw.replace(/[\r\n]/g, ''));
    if (bad < 0) return raw;
    this.error ??= `illegal base64 data at input byte ${bad}`;
    return undefined;
  }

  private time(raw: unknown, layout: string): unknown {
    if (typeof raw !== 'string') return this.wrong(jsonKind(raw), 'string');
    if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(raw) && !Number.isNaN(Date.parse(raw))) return raw;
    this.error ??= `parsing time ${goQuote(raw)} as ${goQuote(layout)}: cannot parse ${goQuote(raw)} as "2006"`;
    return undefined;
  }

  private quantity(raw: unknown): unknown {
    const text = typeof raw === 'string' ? raw : JSON.stringify(raw);
    if (text === '') return '0';
    const q = parseQuantity(text.trim());
    if (typeof q !== 'string') return quantityText(q);
    this.error ??= q;
    return undefined;
  }
}

function sortedKeys(value: Json): string[] {
  const keys = Object.keys(value);
  for (let i = 1; i < keys.length; i++) if ((keys[i - 1] as string) > (keys[i] as string)) return keys.sort();
  return keys;
}

function isEmpty(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

function zero(field: Field): unknown {
  if (field.pointer) return null;
  return field.shape.is === 'list' && field.required ? [] : zeroOf(field.shape);
}

function zeroOf(shape: Shape): unknown {
  if (shape.is === 'struct') {
    const out: Record<string, unknown> = {};
    for (const field of structOf(shape.type).always) out[field.name] = zero(field);
    return out;
  }
  if (shape.is !== 'scalar') return null;
  switch (shape.scalar) {
    case 'string':
      return '';
    case 'quantity':
      return '0';
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
    case 'double':
    case 'int-or-string':
      return 0;
    default:
      return null;
  }
}

/** Offset of the first character that base64 cannot have there, or -1. */
function badBase64(text: string): number {
  const bad = text.search(/[^A-Za-z0-9+/=]/);
  const pad = text.indexOf('=');
  if (bad >= 0 && (pad < 0 || bad < pad)) return bad;
  if (pad < 0) return text.length % 4 === 0 ? -1 : text.length - (text.length % 4 === 1 ? 1 : text.length % 4);
  if (pad % 4 < 2) return pad;
  const needed = 4 - (pad % 4);
  const tail = text.slice(pad);
  if (tail === '='.repeat(needed)) return -1;
  return tail.length < needed ? text.length : pad + (/^=+/.exec(tail) as RegExpExecArray)[0].length;
}

/**
 * Paths of fields that stand twice in a JSON text. The text is known to be JSON, so that a scan of strings, brackets and colons is
 * enough.
 */
export function duplicateFields(text: string): string[] {
  const out: string[] = [];
  interface Level {
    readonly keys: Set<string> | undefined;
    readonly path: string;
    index: number;
    key: string;
  }
  const levels: Level[] = [];
  let expectKey = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    const top = levels[levels.length - 1];
    if (c === '"') {
      let j = i + 1;
      while (j < text.length && text[j] !== '"') j += text[j] === '\\' ? 2 : 1;
      if (expectKey && top?.keys) {
        const key = JSON.parse(text.slice(i, j + 1)) as string;
        top.key = key;
        const path = top.path === '' ? key : `${top.path}.${key}`;
        if (top.keys.has(key)) {
          const line = `duplicate field ${goQuote(path)}`;
          if (!out.includes(line)) out.push(line);
        }
        top.keys.add(key);
        expectKey = false;
      }
      i = j;
    } else if (c === '{' || c === '[') {
      const path = top === undefined ? '' : top.keys ? (top.path === '' ? top.key : `${top.path}.${top.key}`) : `${top.path}[${top.index}]`;
      levels.push({ keys: c === '{' ? new Set() : undefined, path, index: 0, key: '' });
      expectKey = c === '{';
    } else if (c === '}' || c === ']') {
      levels.pop();
      expectKey = false;
    } else if (c === ',' && top) {
      if (top.keys) expectKey = true;
      else top.index++;
    }
  }
  return out;
}

/** A value of a type of schema/fields.json as Go writes its JSON: fields in the order of the source. */
export function goText(schema: string, value: unknown): GoText {
  return new GoText(goOrdered({ is: 'struct', type: schema, go: '' }, value));
}

function goOrdered(shape: Shape, value: unknown): string {
  if (value === undefined || value === null) return 'null';
  if (shape.is === 'list' && Array.isArray(value)) return `[${value.map((v) => goOrdered(shape.of, v)).join(',')}]`;
  if (shape.is === 'map' && isObject(value))
    return `{${Object.keys(value)
      .sort()
      .map((k) => `${goJson(k)}:${goOrdered(shape.of, value[k])}`)
      .join(',')}}`;
  if (shape.is !== 'struct' || !isObject(value)) return goJson(value);
  const struct = structOf(shape.type);
  const parts: string[] = [];
  for (const name of struct.order) {
    const field = struct.fields.get(name);
    if (field && value[name] !== undefined) parts.push(`${goJson(name)}:${goOrdered(field.shape, value[name])}`);
  }
  return `{${parts.join(',')}}`;
}

export interface Decoded {
  readonly object: Json;
  readonly error?: string;
  readonly strict: readonly string[];
}

/** `schema` names a type of schema/fields.json. */
export function decodeAs(schema: string, json: unknown): Decoded {
  if (!isObject(json))
    return { object: {}, error: `json: cannot unmarshal ${jsonKind(json)} into Go value of type v1.${structOf(schema).name}`, strict: [] };
  const reader = new Reader();
  const object = reader.struct(schema, json, '');
  return { object, ...(reader.error ? { error: reader.error } : {}), strict: reader.strict };
}

export const decoder: Decoder = {
  decode(def, kind, apiVersion, json, text) {
    const schema = Object.hasOwn(fieldsOf, def.schema) ? def.schema : undefined;
    if (schema === undefined) return { object: json as KubeObject, strict: [] };
    const { object, error, strict } = decodeAs(schema, json);
    const typed = (object.kind === kind && object.apiVersion === apiVersion
      ? object
      : { ...object, kind, apiVersion }) as unknown as KubeObject;
    const doubles = text === '' ? [] : duplicateFields(text);
    return { object: typed, ...(error ? { error } : {}), strict: [...doubles, ...strict] };
  },
};

/** Whether an empty object of the type has the field in its JSON all the same: structs by value, and fields without omitempty. */
export function isAlwaysThere(type: string, field: string): boolean {
  if (!Object.hasOwn(fieldsOf, type)) return false;
  const found = structOf(type).fields.get(field);
  return found !== undefined && (found.always || (found.shape.is === 'struct' && !found.pointer));
}
