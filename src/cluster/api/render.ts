/** Objects, lists and tables as they leave the server. Models handlers/response.go and the table convertors. */

import { fromVersion } from './convert.ts';
import { type Column, rulesOf } from './kind.ts';
import { managedFieldsOf } from './managed.ts';
import type { AnyObject } from './object.ts';
import { groupVersion, type ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';

const BODIES = new WeakMap<AnyObject, string>();

/** The object as it is to be seen from outside: with managed fields and what is worked out on read. */
export function outward(def: ResourceDef, object: AnyObject): AnyObject {
  const decorated = rulesOf(def).decorate?.(object) ?? object;
  const managedFields = managedFieldsOf(object);
  if (managedFields.length === 0) return decorated;
  return { ...decorated, metadata: { ...decorated.metadata, managedFields } };
}

/** JSON without the opening brace, kind and apiVersion; of stored objects it is kept. */
function bodyText(def: ResourceDef, object: AnyObject): string {
  const known = BODIES.get(object);
  if (known !== undefined) return known;
  const { kind: _k, apiVersion: _v, ...rest } = outward(def, object);
  const text = escapeHtml(JSON.stringify(rest)).slice(1);
  if (object.metadata.resourceVersion) BODIES.set(object, text);
  return text;
}

/** encoding/json escapes these in every text. */
export function escapeHtml(json: string): string {
  return /[<>&\u2028\u2029]/.test(json)
    ? json.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
    : json;
}

export function toJson(value: unknown): string {
  return escapeHtml(JSON.stringify(value));
}

export function objectText(def: ResourceDef, object: AnyObject): string {
  return `{"kind":${JSON.stringify(def.kind)},"apiVersion":${JSON.stringify(groupVersion(def))},${bodyText(def, object)}`;
}

export interface ListMeta {
  readonly resourceVersion: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export function listText(def: ResourceDef, items: readonly AnyObject[], metadata: ListMeta): string {
  const custom = def.schema === '';
  const texts = items.map((o) => (custom ? objectText(def, o) : `{${bodyText(def, o)}`));
  return `{"kind":"${def.kind}List","apiVersion":${JSON.stringify(groupVersion(def))},"metadata":${JSON.stringify(metadata)},"items":[${texts.join(',')}]}`;
}

const NAME_HELP =
  'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names';
const CREATED_HELP =
  'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.';

/** Columns of a kind that has none of its own. */
const PLAIN: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', description: NAME_HELP, priority: 0 },
  { name: 'Created At', type: 'date', description: CREATED_HELP, priority: 0 },
];

export interface TableSource {
  readonly columns: readonly Column[];
  row(object: AnyObject, now: string): readonly unknown[];
}

export function tableSource(server: ApiServer, def: ResourceDef): TableSource {
  const custom = server.customTable(def);
  if (custom) return custom;
  const rules = rulesOf(def);
  if (rules.columns && rules.row) return { columns: rules.columns, row: (o, now) => rules.row?.(o, now) ?? [] };
  return { columns: PLAIN, row: (o) => [o.metadata.name, o.metadata.creationTimestamp] };
}

export type IncludeObject = 'None' | 'Metadata' | 'Object';

function partial(def: ResourceDef, object: AnyObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: outward(def, object).metadata };
}

export function tableText(
  server: ApiServer,
  def: ResourceDef,
  objects: readonly AnyObject[],
  metadata: ListMeta,
  include: IncludeObject,
  version: string,
  header = true,
): string {
  const storage = server.storage(def);
  const source = tableSource(server, storage);
  const { now } = server;
  const rows = objects.map((o) => {
    const cells = toJson(source.row(fromVersion(def, storage, o), now));
    if (include === 'None') return `{"cells":${cells},"object":null}`;
    return `{"cells":${cells},"object":${include === 'Object' ? objectText(def, o) : toJson(partial(def, o))}}`;
  });
  const columns = header
    ? toJson(
        source.columns.map((c) => ({
          name: c.name,
          type: c.type,
          format: c.format ?? '',
          description: c.description ?? '',
          priority: c.priority,
        })),
      )
    : 'null';
  return `{"kind":"Table","apiVersion":"meta.k8s.io/${version}","metadata":${JSON.stringify(metadata)},"columnDefinitions":${columns},"rows":[${rows.join(',')}]}`;
}

export function partialText(def: ResourceDef, object: AnyObject): string {
  return toJson(partial(def, object));
}

export function partialListText(def: ResourceDef, objects: readonly AnyObject[], metadata: ListMeta): string {
  return `{"kind":"PartialObjectMetadataList","apiVersion":"meta.k8s.io/v1","metadata":${JSON.stringify(metadata)},"items":[${objects.map((o) => partialText(def, o)).join(',')}]}`;
}
