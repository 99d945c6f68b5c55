/** Structural schemas of custom resources: defaults, pruning, validation. Models apiextensions-apiserver/pkg/apiserver/schema and validation. */

import { equal } from './equal.ts';
import { duplicate, type FieldError, goJson, goQuote, invalid, notSupported, required, tooLong, tooMany, typeInvalid } from './field.ts';

/** A validation rule of a schema: upstream writes it in CEL, a kind of our own as a function. */
export interface SchemaRule {
  readonly message: string;
  /** `old` is undefined on creation and where the value is new. */
  holds(self: unknown, old: unknown): boolean;
  /** Compares with the old value: not asked without one. */
  readonly transition?: boolean;
}

export interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly default?: unknown;
  readonly nullable?: boolean;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly uniqueItems?: boolean;
  readonly allOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly description?: string;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly rules?: readonly SchemaRule[];
}

type Json = Readonly<Record<string, unknown>>;
const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);
const child = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

const ROOT = new Set(['apiVersion', 'kind', 'metadata']);

/** Without the fields that the schema does not know, whose paths go to `unknown`. The same value when there are none. */
export function prune(schema: Schema, value: unknown, unknown: string[], path = ''): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    const made = value.map((v, i) => prune(items, v, unknown, `${path}[${i}]`));
    return made.some((v, i) => v !== value[i]) ? made : value;
  }
  if (!isObject(value)) return value;
  const keep = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const rest = schema.additionalProperties;
  let changed = false;
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value).sort()) {
    const v = value[key];
    if ((path === '' || schema['x-kubernetes-embedded-resource']) && ROOT.has(key)) out[key] = v;
    else if (schema.properties && Object.hasOwn(schema.properties, key))
      out[key] = prune(schema.properties[key] as Schema, v, unknown, child(path, key));
    else if (isObject(rest)) out[key] = prune(rest as Schema, v, unknown, child(path, key));
    else if (keep || rest === true) out[key] = v;
    else {
      unknown.push(child(path, key));
      changed = true;
      continue;
    }
    if (out[key] !== v) changed = true;
  }
  return changed ? out : value;
}

/** With the defaults of properties that are absent, or null where null is none of their values. */
export function withDefaults(schema: Schema, value: unknown): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    if (!items) return value;
    const made = value.map((v) => withDefaults(items, v));
    return made.some((v, i) => v !== value[i]) ? made : value;
  }
  if (!isObject(value)) return value;
  let out: Record<string, unknown> | undefined;
  const set = (key: string, v: unknown): void => {
    out ??= { ...value };
    out[key] = v;
  };
  for (const [key, of] of Object.entries(schema.properties ?? {})) {
    let v = value[key];
    const absent = v === undefined || (v === null && of.nullable !== true);
    if (absent && of.default !== undefined) v = of.default;
    if (v === undefined || v === null) continue;
    const made = withDefaults(of, v);
    if (made !== value[key]) set(key, made);
  }
  if (isObject(schema.additionalProperties))
    for (const [key, v] of Object.entries(value)) {
      if (schema.properties && Object.hasOwn(schema.properties, key)) continue;
      const made = withDefaults(schema.additionalProperties as Schema, v);
      if (made !== v) set(key, made);
    }
  return out ?? value;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function fits(type: string, value: unknown): boolean {
  const name = typeName(value);
  return name === type || (type === 'number' && name === 'integer');
}

const FORMATS: Readonly<Record<string, RegExp>> = {
  'date-time': /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/,
  date: /^\d{4}-\d\d-\d\d$/,
  ipv4: /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}$/,
  ipv6: /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/,
  uuid: /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/,
  email: /^[^@\s]+@[^@\s]+$/,
  byte: /^[A-Za-z0-9+/]*={0,2}$/,
};

const patterns = new Map<string, RegExp | undefined>();
function patternOf(text: string): RegExp | undefined {
  if (!patterns.has(text)) {
    let made: RegExp | undefined;
    const caseless = text.includes('(?i)');
    try {
      made = new RegExp(text.replace('(?i)', '').replace(/\\x60/g, '`'), caseless ? 'i' : '');
    } catch {
      made = undefined;
    }
    patterns.set(text, made);
  }
  return patterns.get(text);
}

const body = (path: string): string => (path === '' ? '' : `${path} in body `);

function scalarErrors(schema: Schema, value: unknown, path: string): FieldError[] {
  const out: FieldError[] = [];
  const wrong = (text: string): void => {
    out.push(invalid(path, value, `${body(path)}${text}`));
  };
  if (typeof value === 'string') {
    const length = [...value].length;
    if (schema.maxLength !== undefined && length > schema.maxLength) out.push(tooLong(path, schema.maxLength));
    if (schema.minLength !== undefined && length < schema.minLength) wrong(`should be at least ${schema.minLength} chars long`);
    if (schema.pattern !== undefined && patternOf(schema.pattern)?.test(value) === false) wrong(`should match '${schema.pattern}'`);
    const format = schema.format === undefined ? undefined : FORMATS[schema.format];
    if (format && !format.test(value)) wrong(`must be of type ${schema.format}: ${goQuote(value)}`);
  }
  if (typeof value === 'number') {
    const { maximum, minimum, multipleOf } = schema;
    if (multipleOf !== undefined && value % multipleOf !== 0) wrong(`should be a multiple of ${multipleOf}`);
    if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum))
      wrong(schema.exclusiveMaximum ? `should be less than ${maximum}` : `should be less than or equal to ${maximum}`);
    if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum))
      wrong(schema.exclusiveMinimum ? `should be greater than ${minimum}` : `should be greater than or equal to ${minimum}`);
  }
  return out;
}

function listErrors(schema: Schema, value: readonly unknown[], path: string): FieldError[] {
  const out: FieldError[] = [];
  if (schema.minItems !== undefined && value.length < schema.minItems)
    out.push(invalid(path, value.length, `${body(path)}should have at least ${schema.minItems} items`));
  if (schema.maxItems !== undefined && value.length > schema.maxItems) out.push(tooMany(path, value.length, schema.maxItems));
  if (schema.uniqueItems && value.some((v, i) => value.slice(0, i).some((o) => equal(o, v))))
    out.push(invalid(path, value, `${body(path)}shouldn't contain duplicates`));
  if (schema.items) for (let i = 0; i < value.length; i++) out.push(...schemaErrors(schema.items, value[i], `${path}[${i}]`));
  return out;
}

function objectErrors(schema: Schema, value: Json, path: string): FieldError[] {
  const out: FieldError[] = [];
  const keys = Object.keys(value);
  if (schema.maxProperties !== undefined && keys.length > schema.maxProperties) out.push(tooMany(path, keys.length, schema.maxProperties));
  if (schema.minProperties !== undefined && keys.length < schema.minProperties)
    out.push(invalid(path, value, `${body(path)}should have at least ${schema.minProperties} properties`));
  for (const name of schema.required ?? []) if (value[name] === undefined) out.push(required(child(path, name)));
  for (const key of keys.sort()) {
    if (path === '' && ROOT.has(key)) continue;
    const of = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    if (of) out.push(...schemaErrors(of, value[key], child(path, key)));
    else if (isObject(schema.additionalProperties))
      out.push(...schemaErrors(schema.additionalProperties as Schema, value[key], child(path, key)));
  }
  return out;
}

/** What the value has against the schema, in the words of kube-openapi. */
export function schemaErrors(schema: Schema, value: unknown, path: string): FieldError[] {
  if (value === undefined || (value === null && schema.nullable)) return [];
  if (schema['x-kubernetes-int-or-string'] && (typeof value === 'string' || Number.isInteger(value))) return [];
  if (schema.type && !fits(schema.type, value)) {
    const name = typeName(value);
    return [typeInvalid(path, name, `${body(path)}must be of type ${schema.type}: ${goQuote(name)}`)];
  }
  const out: FieldError[] = [];
  if (schema.enum && !schema.enum.some((e) => equal(e, value)))
    out.push(
      notSupported(
        path,
        value,
        schema.enum.map((e) => (typeof e === 'string' ? e : goJson(e))),
      ),
    );
  out.push(...scalarErrors(schema, value, path));
  if (Array.isArray(value)) out.push(...listErrors(schema, value, path));
  else if (isObject(value)) out.push(...objectErrors(schema, value, path));
  const holds = (s: Schema): boolean => schemaErrors(s, value, path).length === 0;
  for (const s of schema.allOf ?? []) out.push(...schemaErrors(s, value, path));
  const said = goQuote(path);
  if (schema.anyOf && !schema.anyOf.some(holds)) out.push(invalid(path, '', `${said} must validate at least one schema (anyOf)`));
  if (schema.oneOf) {
    const n = schema.oneOf.filter(holds).length;
    if (n !== 1)
      out.push(
        invalid(
          path,
          '',
          `${said} must validate one and only one schema (oneOf). Found ${n === 0 ? 'none valid' : `${n} valid alternatives`}`,
        ),
      );
  }
  if (schema.not && holds(schema.not)) out.push(invalid(path, '', `${said} must not validate the schema (not)`));
  return out;
}

/** Lists that are sets or maps may hold nothing twice. */
export function listTypeErrors(schema: Schema, value: unknown, path: string): FieldError[] {
  const out: FieldError[] = [];
  if (Array.isArray(value)) {
    const kind = schema['x-kubernetes-list-type'];
    const keys = schema['x-kubernetes-list-map-keys'] ?? [];
    const identity = (v: unknown): unknown => (kind === 'map' && isObject(v) ? Object.fromEntries(keys.map((k) => [k, v[k] ?? null])) : v);
    if (kind === 'set' || kind === 'map')
      value.forEach((v, i) => {
        if (value.slice(0, i).some((o) => equal(identity(o), identity(v)))) out.push(duplicate(`${path}[${i}]`, identity(v)));
      });
    if (schema.items) for (let i = 0; i < value.length; i++) out.push(...listTypeErrors(schema.items, value[i], `${path}[${i}]`));
  } else if (isObject(value))
    for (const [key, of] of Object.entries(schema.properties ?? {}))
      if (value[key] !== undefined) out.push(...listTypeErrors(of, value[key], child(path, key)));
  return out;
}

function ruleErrors(schema: Schema, value: unknown, old: unknown, path: string): FieldError[] {
  if (value === undefined || value === null) return [];
  const out: FieldError[] = [];
  const shown = Array.isArray(value) || isObject(value) ? undefined : value;
  for (const rule of schema.rules ?? [])
    if (!(rule.transition && old === undefined) && !rule.holds(value, old)) out.push(invalid(path, shown, rule.message));
  if (Array.isArray(value)) {
    if (schema.items) for (let i = 0; i < value.length; i++) out.push(...ruleErrors(schema.items, value[i], undefined, `${path}[${i}]`));
  } else if (isObject(value))
    for (const [key, of] of Object.entries(schema.properties ?? {}))
      out.push(...ruleErrors(of, value[key], isObject(old) ? old[key] : undefined, child(path, key)));
  return out;
}

const BLOCKING: ReadonlySet<string> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);

/** All of it, in upstream's order: schema, lists, rules; rules are skipped where the schema failed in a way that would mislead them. */
export function customErrors(schema: Schema, object: unknown, old: unknown): FieldError[] {
  const out = [...schemaErrors(schema, object, ''), ...listTypeErrors(schema, object, '')];
  if (!out.some((e) => BLOCKING.has(e.type))) return [...out, ...ruleErrors(schema, object, old, '')];
  if (!hasRules(schema)) return out;
  return [
    ...out,
    invalid(
      '<nil>',
      null,
      'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
    ),
  ];
}

const ruled = new WeakMap<Schema, boolean>();
function hasRules(schema: Schema): boolean {
  const known = ruled.get(schema);
  if (known !== undefined) return known;
  const inner = [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])];
  const found = (schema.rules?.length ?? 0) > 0 || inner.some(hasRules);
  ruled.set(schema, found);
  return found;
}
