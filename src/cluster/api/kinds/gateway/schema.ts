/** Schemas of the Gateway API (v1, standard channel) from small words. Models sigs.k8s.io/gateway-api/apis/v1. */

import type { Schema, SchemaRule } from '../../structural.ts';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const PATH = "[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+";
const TOKEN = "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$";

export const text = (maxLength?: number, more: Partial<Schema> = {}): Schema => ({
  type: 'string',
  ...(maxLength === undefined ? {} : { maxLength }),
  ...more,
});
const form = (pattern: string, maxLength: number, more: Partial<Schema> = {}): Schema => ({
  type: 'string',
  minLength: 1,
  maxLength,
  pattern,
  ...more,
});
export const oneOf = (values: readonly unknown[], more: Partial<Schema> = {}): Schema => ({
  type: typeof values[0] === 'number' ? 'integer' : 'string',
  enum: values,
  ...more,
});
export const integer = (minimum?: number, maximum?: number, more: Partial<Schema> = {}): Schema => ({
  type: 'integer',
  format: 'int32',
  ...(minimum === undefined ? {} : { minimum }),
  ...(maximum === undefined ? {} : { maximum }),
  ...more,
});
export const list = (items: Schema, maxItems: number, more: Partial<Schema> = {}): Schema => ({
  type: 'array',
  items,
  maxItems,
  'x-kubernetes-list-type': 'atomic',
  ...more,
});
export const listMap = (items: Schema, maxItems: number, key: string, more: Partial<Schema> = {}): Schema =>
  list(items, maxItems, { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key], ...more });
export const set = (items: Schema, maxItems: number, more: Partial<Schema> = {}): Schema =>
  list(items, maxItems, { 'x-kubernetes-list-type': 'set', ...more });
/** A `!` behind a name makes the property a required one. */
export function object(properties: Readonly<Record<string, Schema>>, more: Partial<Schema> = {}): Schema {
  const names = Object.keys(properties);
  const required = names.filter((n) => n.endsWith('!')).map((n) => n.slice(0, -1));
  return {
    type: 'object',
    properties: Object.fromEntries(names.map((n) => [n.replace(/!$/, ''), properties[n] as Schema])),
    ...(required.length > 0 ? { required: required.sort() } : {}),
    ...more,
  };
}
export const map = (values: Schema, maxProperties: number, more: Partial<Schema> = {}): Schema => ({
  type: 'object',
  additionalProperties: values,
  maxProperties,
  ...more,
});
export const rule = (message: string, holds: SchemaRule['holds']): SchemaRule => ({ message, holds });

export type Value = Readonly<Record<string, unknown>>;
export const of = (self: unknown): Value => (typeof self === 'object' && self !== null ? (self as Value) : {});
export const items = (self: unknown): readonly Value[] => (Array.isArray(self) ? (self as readonly Value[]) : []);

export const GROUP = 'gateway.networking.k8s.io';
export const group = (more: Partial<Schema> = {}): Schema => ({ type: 'string', maxLength: 253, pattern: `^$|^${SUBDOMAIN}$`, ...more });
export const kind = (more: Partial<Schema> = {}): Schema => form('^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$', 63, more);
export const objectName = (): Schema => ({ type: 'string', minLength: 1, maxLength: 253 });
export const namespace = (): Schema => form(`^${LABEL}$`, 63);
export const sectionName = (): Schema => form(`^${SUBDOMAIN}$`, 253);
export const hostname = (): Schema => form(`^(\\*\\.)?${SUBDOMAIN}$`, 253);
export const preciseHostname = (): Schema => form(`^${SUBDOMAIN}$`, 253);
export const port = (): Schema => integer(1, 65535);
export const controller = (): Schema => form(`^${SUBDOMAIN}\\/${PATH}$`, 253);
export const headerName = (): Schema => form(TOKEN, 256);
export const duration = (): Schema => text(undefined, { pattern: '^([0-9]{1,5}(h|m|s|ms)){1,4}$' });
export const protocol = (): Schema => form(`^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|${SUBDOMAIN}\\/[A-Za-z0-9]+$`, 255);
export const addressType = (): Schema => form(`^Hostname|IPAddress|NamedAddress|${SUBDOMAIN}\\/${PATH}$`, 253, { default: 'IPAddress' });
export const LABEL_SELECTOR = (): Schema =>
  object({
    matchExpressions: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      items: object({ 'key!': text(), 'operator!': text(), values: { type: 'array', items: text(), 'x-kubernetes-list-type': 'atomic' } }),
    },
    matchLabels: { type: 'object', additionalProperties: text() },
  });

export const conditions = (more: Partial<Schema> = {}): Schema =>
  listMap(
    object({
      'lastTransitionTime!': { type: 'string', format: 'date-time' },
      'message!': text(32768),
      observedGeneration: { type: 'integer', format: 'int64', minimum: 0 },
      'reason!': form('^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$', 1024),
      'status!': oneOf(['True', 'False', 'Unknown']),
      'type!': text(316, { pattern: `^(${SUBDOMAIN}/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$` }),
    }),
    8,
    'type',
    more,
  );

/** A condition that stands there until a controller has looked. */
export const pending = (type: string): Value => ({
  type,
  status: 'Unknown',
  reason: 'Pending',
  message: 'Waiting for controller',
  lastTransitionTime: '1970-01-01T00:00:00Z',
});

const same = (a: unknown, b: unknown): boolean => (a ?? '') === (b ?? '');
const sameParent = (a: Value, b: Value): boolean => ['group', 'kind', 'name', 'namespace'].every((k) => same(a[k], b[k]));

const parentRef = (): Schema =>
  object({
    group: group({ default: GROUP }),
    kind: kind({ default: 'Gateway' }),
    'name!': objectName(),
    namespace: namespace(),
    port: port(),
    sectionName: sectionName(),
  });

export const parentRefs = (): Schema =>
  list(parentRef(), 32, {
    rules: [
      rule('sectionName must be specified when parentRefs includes 2 or more references to the same parent', (self) =>
        items(self).every((a) => items(self).every((b) => !sameParent(a, b) || same(a['sectionName'], '') === same(b['sectionName'], ''))),
      ),
      rule('sectionName must be unique when parentRefs includes 2 or more references to the same parent', (self) =>
        items(self).every((a) => items(self).filter((b) => sameParent(a, b) && same(a['sectionName'], b['sectionName'])).length === 1),
      ),
    ],
  });

export const routeStatus = (): Schema =>
  object({
    'parents!': list(
      object({ 'conditions!': conditions({ minItems: 1 }), 'controllerName!': controller(), 'parentRef!': parentRef() }),
      32,
    ),
  });

const NEEDS_PORT = rule('Must have port for Service reference', (self) => {
  const ref = of(self);
  return !(ref['group'] === '' && ref['kind'] === 'Service') || ref['port'] !== undefined;
});

export const backendRef = (more: Readonly<Record<string, Schema>> = {}): Schema =>
  object(
    {
      ...more,
      group: group({ default: '' }),
      kind: kind({ default: 'Service' }),
      'name!': objectName(),
      namespace: namespace(),
      port: port(),
    },
    { rules: [NEEDS_PORT] },
  );
export const weight = (): Schema => integer(0, 1000000, { default: 1 });

export const secretRef = (): Schema =>
  object({ group: group({ default: '' }), kind: kind({ default: 'Secret' }), 'name!': objectName(), namespace: namespace() });
export const localRef = (): Schema => object({ 'group!': group(), 'kind!': kind(), 'name!': objectName() });
