/** Create, update and patch: defaults, strategy, admission, validation, storing. Models registry/generic/registry/store.go. */

import type { ApiResult, PatchType, UserInfo, WriteOptions } from './client.ts';
import { finishDeletion } from './deletion.ts';
import { equal, isObject } from './equal.ts';
import type { FieldError } from './field.ts';
import { type KindRules, type RequestContext, rulesOf } from './kind.ts';
import { managedFieldsOf, managersFrom, noteWrite, withManagers } from './managed.ts';
import { metadataErrors, metadataUpdateErrors } from './meta.ts';
import { type AnyObject, type KubeObject, keyOf, type Meta } from './object.ts';
import { applyPatch } from './patch.ts';
import { groupVersion, type ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';
import { alreadyExists, badRequest, conflict, type Failure, failure, forbidden, invalid, modified, notFound } from './status.ts';
import type { V1ObjectMeta } from './types.ts';

/** One request under way. */
export interface Call {
  readonly server: ApiServer;
  readonly user: UserInfo;
  /** Who manages the fields that the request writes. */
  readonly manager: string;
  readonly write: WriteOptions;
  /** The objects came as JSON: what is patched goes through the decoder. */
  readonly typed: boolean;
  context(verb: RequestContext['verb']): RequestContext;
}

export type Draft = KubeObject & Readonly<Record<string, unknown>>;

export function hasSubresource(def: ResourceDef, name: string): boolean {
  return def.subresources.some((s) => s.name === name);
}

/** Why nothing can be created in the namespace. */
function namespaceRefuses(call: Call, def: ResourceDef, namespace: string, name: string): Failure | undefined {
  const ns = call.server.peek('namespaces', '', namespace);
  if (!ns) return notFound({ group: '', plural: 'namespaces' }, namespace);
  if (ns.metadata.deletionTimestamp === undefined) return undefined;
  const refused = forbidden(def, name, `unable to create new content in namespace ${namespace} because it is being terminated`);
  return failure(403, 'Forbidden', refused.status.message ?? '', {
    ...refused.status.details,
    causes: [{ reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' }],
  });
}

export function create(call: Call, def: ResourceDef, object: KubeObject): ApiResult<AnyObject> {
  const { server } = call;
  const rules = rulesOf(def);
  const context = call.context('create');
  const { managedFields: _m, ...given } = object.metadata as V1ObjectMeta;
  let name = given.name ?? '';
  const generated = name === '' && !!given.generateName;
  if (generated) name = `${(given.generateName as string).slice(0, 58)}${server.suffix()}`;
  if (given.resourceVersion !== undefined && given.resourceVersion !== '' && given.resourceVersion !== '0')
    return badRequest('resourceVersion should not be set on objects to be created');
  const namespace = def.namespaced ? (given.namespace ?? 'default') : undefined;
  if (namespace !== undefined) {
    const refused = namespaceRefuses(call, def, namespace, generated ? '' : name);
    if (refused) return refused;
  }
  const {
    namespace: _n,
    resourceVersion: _v,
    uid: _u,
    deletionTimestamp: _d,
    deletionGracePeriodSeconds: _g,
    selfLink: _s,
    generation: _gen,
    ...kept
  } = given;
  const metadata: Meta = {
    ...kept,
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid: server.uid(),
    resourceVersion: '',
    creationTimestamp: context.now,
    ...(def.generation ? { generation: 1 } : {}),
  };
  let draft = { ...object, apiVersion: groupVersion(def), kind: def.kind, metadata } as AnyObject;
  if (rules.defaults) draft = rules.defaults(draft);
  const seen = hasSubresource(def, 'status') && draft.status !== undefined ? without(draft, 'status') : draft;
  const admitted = rules.admit?.(draft, undefined, context);
  if (admitted && !admitted.ok) return admitted;
  if (admitted) draft = admitted.value;
  const allocated = rules.allocate?.(draft, undefined, context);
  if (allocated && !allocated.ok) return allocated;
  if (allocated) draft = allocated.value;
  const result = finishCreate(call, def, draft, generated, context, seen);
  if (result.ok && !context.dryRun) allocated?.commit();
  else allocated?.revert();
  if (result.ok && !context.dryRun) rules.stored?.(result.value, undefined, context);
  return result;
}

function finishCreate(
  call: Call,
  def: ResourceDef,
  object: AnyObject,
  generated: boolean,
  context: RequestContext,
  seen: AnyObject,
): ApiResult<AnyObject> {
  const { server } = call;
  const rules = rulesOf(def);
  const { name } = object.metadata;
  let draft = object;
  if (rules.prepareForCreate) draft = rules.prepareForCreate(draft, context);
  else if (draft.status !== undefined && hasSubresource(def, 'status')) draft = without(draft, 'status');
  const errors = [...metadataErrors(def, rules, draft.metadata), ...(rules.validate?.(draft, context) ?? [])];
  if (errors.length > 0) return invalid(def, name, errors);
  for (const text of rules.warnings?.(draft, undefined) ?? []) context.warn(text);
  if (server.table(def).get(keyOf(draft))) {
    if (!generated) return alreadyExists(def, name);
    const { message, details } = alreadyExists(def, name).status;
    return failure(409, 'AlreadyExists', `${message}, the server was not able to generate a unique name for the object`, details);
  }
  return { ok: true, value: context.dryRun ? withoutVersion(draft) : store(call, def, draft, undefined, seen) };
}

function without(object: AnyObject, field: string): AnyObject {
  const { [field]: _gone, ...rest } = object;
  return rest as AnyObject;
}

function withoutVersion(object: AnyObject): AnyObject {
  const { resourceVersion: _v, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as Meta };
}

/** Gives the object the next version and puts it into its table. */
export function store(
  call: Call,
  def: ResourceDef,
  draft: AnyObject,
  old: AnyObject | undefined,
  seen: AnyObject = draft,
  base: AnyObject | undefined = old,
): AnyObject {
  const { server } = call;
  const version = server.nextVersion();
  const object: AnyObject = { ...draft, metadata: { ...draft.metadata, resourceVersion: String(version) } };
  noteWrite(call, def, object, base, seen);
  server.table(def).put(object, version);
  server.changed(def, object, old);
  return object;
}

const SPECIAL: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);

function specChanged(object: AnyObject, old: AnyObject): boolean {
  for (const k in object) if (!SPECIAL.has(k) && !equal(object[k], old[k])) return true;
  for (const k in old) if (!SPECIAL.has(k) && object[k] === undefined && old[k] !== undefined) return true;
  return false;
}

/** Kinds whose status writers may change labels and annotations along. */
const STATUS_TAKES_METADATA: ReadonlySet<string> = new Set([
  'Deployment',
  'Pod',
  'Node',
  'Namespace',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Service',
  'CustomResourceDefinition',
]);

/** What a write of a status keeps of the old object: all but the status. */
function statusOnly(draft: AnyObject, old: AnyObject, def: ResourceDef): AnyObject {
  const { labels, annotations, finalizers } = draft.metadata;
  const metadata = STATUS_TAKES_METADATA.has(def.kind)
    ? {
        ...withoutKeys(old.metadata, ['labels', 'annotations', 'finalizers']),
        ...(labels ? { labels } : {}),
        ...(annotations ? { annotations } : {}),
        ...(finalizers ? { finalizers } : {}),
      }
    : old.metadata;
  const merged: Record<string, unknown> = { ...old, metadata };
  if (draft.status === undefined) delete merged.status;
  else merged.status = draft.status;
  return merged as unknown as AnyObject;
}

function withoutKeys<T extends object>(o: T, keys: readonly string[]): T {
  return Object.fromEntries(Object.entries(o).filter(([k]) => !keys.includes(k))) as T;
}

export function update(call: Call, def: ResourceDef, object: KubeObject): ApiResult<AnyObject> {
  const { server, write } = call;
  const rules = rulesOf(def);
  const given = object.metadata;
  const name = given.name ?? '';
  const namespace = def.namespaced ? (given.namespace ?? 'default') : '';
  const old = server.table(def).get(namespace === '' ? name : `${namespace}/${name}`);
  if (!old) {
    if (rules.allowCreateOnUpdate && !write.subresource)
      return create(call, def, { ...object, metadata: withoutKeys(given, ['resourceVersion', 'uid']) } as KubeObject);
    return notFound(def, name);
  }
  if (given.uid && given.uid !== old.metadata.uid)
    return conflict(def, name, `Precondition failed: UID in precondition: ${given.uid}, UID in object meta: ${old.metadata.uid}`);
  if (given.resourceVersion && given.resourceVersion !== '0') {
    if (given.resourceVersion !== old.metadata.resourceVersion) return modified(def, name);
  } else if (def.conditional && !write.subresource)
    return invalid(def, name, [
      { type: 'FieldValueInvalid', field: 'metadata.resourceVersion', bad: 0, detail: 'must be specified for an update' },
    ]);
  return replace(call, def, old, object as AnyObject);
}

/** Go leaves these out when there is nothing in them. */
const MAY_BE_EMPTY = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const;

/** The object whose managers a write starts from: the old one, unless the client has written other managers into the new one. */
function managedBase(call: Call, old: AnyObject, object: AnyObject): AnyObject {
  const given = object.metadata.managedFields;
  if (!call.typed || given === undefined || given.length === 0 || equal(given, managedFieldsOf(old))) return old;
  return withManagers(old, managersFrom(given));
}

/** The rest of an update: `draft` is to take the place of `old`. */
export function replace(call: Call, def: ResourceDef, old: AnyObject, object: AnyObject): ApiResult<AnyObject> {
  const base = managedBase(call, old, object);
  const rules: KindRules = rulesOf(def);
  const subresource = call.write.subresource ?? '';
  const context = call.context('update');
  const before = old.metadata;
  const metadata: Meta = {
    ...object.metadata,
    name: object.metadata.name || before.name,
    uid: before.uid,
    creationTimestamp: before.creationTimestamp,
    resourceVersion: before.resourceVersion,
  };
  carry(metadata, before, 'namespace');
  carry(metadata, before, 'generation');
  carry(metadata, before, 'deletionTimestamp');
  carry(metadata, before, 'deletionGracePeriodSeconds');
  carry(metadata, before, 'generateName', object.metadata.generateName === undefined);
  delete (metadata as { managedFields?: unknown }).managedFields;
  for (const field of MAY_BE_EMPTY)
    if (metadata[field] !== undefined && Object.keys(metadata[field]).length === 0)
      delete (metadata as { [K in typeof field]?: unknown })[field];
  let draft = { ...object, apiVersion: old.apiVersion, kind: old.kind, metadata } as AnyObject;
  if (subresource === 'status') draft = statusOnly(draft, old, def);
  else if (hasSubresource(def, 'status'))
    draft =
      old.status === undefined
        ? draft.status === undefined
          ? draft
          : without(draft, 'status')
        : draft.status === old.status
          ? draft
          : { ...draft, status: old.status };
  if (rules.defaults) draft = rules.defaults(draft);
  const seen = draft;
  const admitted = rules.admit?.(draft, old, context);
  if (admitted && !admitted.ok) return admitted;
  if (admitted) draft = admitted.value;
  const allocated = subresource === '' ? rules.allocate?.(draft, old, context) : undefined;
  if (allocated && !allocated.ok) return allocated;
  if (allocated) draft = allocated.value;
  const result = finishReplace(call, def, old, draft, context, { seen, base });
  if (result.ok && !context.dryRun) allocated?.commit();
  else allocated?.revert();
  if (result.ok && !context.dryRun && result.value !== old && result.value.metadata.resourceVersion !== before.resourceVersion)
    rules.stored?.(result.value, old, context);
  return result;
}

function finishReplace(
  call: Call,
  def: ResourceDef,
  old: AnyObject,
  object: AnyObject,
  context: RequestContext,
  { seen, base }: { readonly seen: AnyObject; readonly base: AnyObject },
): ApiResult<AnyObject> {
  const rules = rulesOf(def);
  const { subresource } = context;
  const before = old.metadata;
  let draft = rules.prepareForUpdate ? rules.prepareForUpdate(object, old, context) : object;
  if (
    def.generation &&
    subresource !== 'status' &&
    (rules.generationChanged ? rules.generationChanged(draft, old) : specChanged(draft, old))
  )
    draft = { ...draft, metadata: { ...draft.metadata, generation: (before.generation ?? 0) + 1 } };
  const errors = [...metadataUpdateErrors(draft.metadata, old), ...updateErrors(rules, draft, old, context)];
  if (errors.length > 0) return invalid(def, before.name, errors);
  if (subresource === '') for (const text of rules.warnings?.(draft, old) ?? []) context.warn(text);
  if (base === old && equal(draft, old)) return { ok: true, value: old };
  if (context.dryRun) return { ok: true, value: draft };
  if (before.deletionTimestamp !== undefined && finishDeletion(call, def, old, draft)) return { ok: true, value: draft };
  return { ok: true, value: store(call, def, draft, old, seen, base) };
}

function updateErrors(rules: KindRules, draft: AnyObject, old: AnyObject, context: RequestContext): readonly FieldError[] {
  if (context.subresource === 'status') return rules.validateStatusUpdate?.(draft, old, context) ?? [];
  return rules.validateUpdate ? rules.validateUpdate(draft, old, context) : (rules.validate?.(draft, context) ?? []);
}

function carry(
  to: Meta,
  from: Meta,
  field: 'namespace' | 'generation' | 'deletionTimestamp' | 'deletionGracePeriodSeconds' | 'generateName',
  when = true,
): void {
  if (!when) return;
  const target = to as unknown as Record<string, unknown>;
  if (from[field] === undefined) delete target[field];
  else target[field] = from[field];
}

export function patch(
  call: Call,
  def: ResourceDef,
  namespace: string,
  name: string,
  type: PatchType,
  body: unknown,
  force: boolean,
): ApiResult<AnyObject> {
  const { server } = call;
  const old = server.table(def).get(def.namespaced ? `${namespace}/${name}` : name);
  return applyPatch({ call, def, namespace: def.namespaced ? namespace : '', name, old, type, body, force });
}

/** A patched object on its way back: the same checks as for an update, with what it says of its version. */
export function patched(call: Call, def: ResourceDef, old: AnyObject, result: unknown): ApiResult<AnyObject> {
  const { name } = old.metadata;
  if (!isObject(result) || !isObject(result.metadata)) return badRequest('the patched object has no metadata');
  const object = result as unknown as AnyObject;
  if (object.metadata.name !== name)
    return badRequest(`the name of the object (${object.metadata.name ?? ''}) does not match the name on the URL (${name})`);
  if ((object.metadata.namespace ?? '') !== (old.metadata.namespace ?? ''))
    return badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  if (object.metadata.resourceVersion && object.metadata.resourceVersion !== old.metadata.resourceVersion) return modified(def, name);
  if (object.metadata.uid !== undefined && object.metadata.uid !== old.metadata.uid)
    return conflict(def, name, `Precondition failed: UID in precondition: ${object.metadata.uid}, UID in object meta: ${old.metadata.uid}`);
  return replace(call, def, old, object);
}
