/** Server-side apply: merge of a configuration, conflicts, what its manager no longer wants. Models fieldmanager/structuredmerge.go. */

import type { ApiResult } from './client.ts';
import { equal, isObject, type Json } from './equal.ts';
import { goJson, goQuote } from './field.ts';
import {
  common,
  compare,
  EMPTY,
  ensureNamed,
  type FieldSet,
  isEmpty,
  itemKey,
  minus,
  pathsOf,
  setOfApplied,
  union,
  without,
} from './fieldset.ts';
import { childType, isAtomic, isAtomicType, listRule, typeOf } from './listtypes.ts';
import { type Manager, managersOf, noteWrite } from './managed.ts';
import type { AnyObject, KubeObject } from './object.ts';
import type { PatchRequest } from './patch.ts';
import { groupVersion, typingOf } from './resources.ts';
import { badRequest, failure, notFound } from './status.ts';
import { create, replace, store } from './write.ts';

/** `config` over `live`, list items by their keys. */
function mergeStruct(type: string, live: Json, config: Json): Json {
  const out: Record<string, unknown> = { ...live };
  for (const [k, v] of Object.entries(config)) {
    if (v === null) continue;
    const before = live[k];
    if (isObject(v) && isObject(before) && !isAtomic(type, k)) out[k] = mergeStruct(typeOf(type, k), before, v);
    else if (Array.isArray(v) && Array.isArray(before)) out[k] = mergeList(type, k, before, v);
    else out[k] = v;
  }
  return out;
}

function mergeList(type: string, field: string, live: readonly unknown[], config: readonly unknown[]): readonly unknown[] {
  const rule = listRule(type, field);
  if (rule?.set) return [...config, ...live.filter((v) => !config.some((c) => equal(c, v)))];
  if (!rule?.keys) return config;
  const keys = rule.keys;
  const item = childType(type, field);
  const left = new Map(live.map((v) => [itemKey(keys, v), v]));
  const out: unknown[] = [];
  const mine = new Map(config.map((v) => [itemKey(keys, v), v]));
  // Items keep the live order; new ones stand where the configuration has them.
  for (const [key, v] of left) {
    const given = mine.get(key);
    out.push(given === undefined ? v : isAtomicType(item) ? given : mergeStruct(item, v as Json, given as Json));
  }
  for (const [key, v] of mine) if (!left.has(key)) out.push(v);
  return out;
}

function managerText(m: Manager): string {
  const name = `${goQuote(m.manager)}${m.subresource ? ` with subresource ${goQuote(m.subresource)}` : ''}`;
  return m.operation === 'Update' ? `${name} using ${m.apiVersion}` : name;
}

interface Conflict {
  readonly manager: Manager;
  readonly paths: readonly string[];
}

function conflictFailure(conflicts: readonly Conflict[]): ReturnType<typeof failure> {
  const count = conflicts.reduce((n, c) => n + c.paths.length, 0);
  const parts = [...conflicts]
    .sort((a, b) => (managerText(a.manager) < managerText(b.manager) ? -1 : 1))
    .map((c) => {
      const who = managerText(c.manager);
      return c.paths.length === 1
        ? `conflict with ${who}: ${c.paths[0]}`
        : `conflicts with ${who}:\n${c.paths.map((p) => `- ${p}`).join('\n')}`;
    });
  const message = `Apply failed with ${count} conflict${count === 1 ? '' : 's'}: ${parts.join('\n')}`;
  const causes = conflicts.flatMap((c) =>
    c.paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${managerText(c.manager)}`, field })),
  );
  return failure(409, 'Conflict', message, { causes });
}

const KUBECTL = 'kubectl';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

const annotationsOf = (o: Json): Json => {
  const metadata = o.metadata;
  const found = isObject(metadata) ? metadata.annotations : undefined;
  return isObject(found) ? found : {};
};

/** Fields of kubectl's client-side apply that nobody has changed since: kubectl may take them over without force. */
function unchangedSinceApply(schema: string, live: AnyObject): FieldSet {
  const text = annotationsOf(live as unknown as Json)[LAST_APPLIED];
  if (typeof text !== 'string') return EMPTY;
  let last: unknown;
  try {
    last = JSON.parse(text);
  } catch {
    return EMPTY;
  }
  if (!isObject(last)) return EMPTY;
  const { written, removed } = compare(schema, last, live as unknown as Json);
  return minus(minus(setOfApplied(schema, last), written), removed);
}

/** An object that has kubectl's annotation of client-side apply keeps it in step. */
function withLastApplied(merged: Json, config: Json): Json {
  const annotations = annotationsOf(merged);
  if (annotations[LAST_APPLIED] === undefined) return merged;
  const own = annotationsOf(config);
  const { [LAST_APPLIED]: _last, ...kept } = own;
  const metadata = config.metadata as Json;
  const bare = own[LAST_APPLIED] === undefined ? config : { ...config, metadata: { ...metadata, annotations: kept } };
  return { ...merged, metadata: { ...(merged.metadata as Json), annotations: { ...annotations, [LAST_APPLIED]: `${goJson(bare)}\n` } } };
}

export function applyConfiguration(request: PatchRequest): ApiResult<AnyObject> {
  const { call, def, old, body, name, namespace, force } = request;
  if (!isObject(body)) return badRequest('error decoding YAML: the configuration is no object');
  const expected = groupVersion(def);
  const typing = typingOf(def);
  if (body.apiVersion !== expected || body.kind !== def.kind)
    return badRequest(`invalid object type: ${String(body.apiVersion ?? '')}, Kind=${String(body.kind ?? '')}`);
  const given = isObject(body.metadata) ? body.metadata : {};
  if (given.managedFields !== undefined) return badRequest('metadata.managedFields must be nil');
  const config: Json = { ...body, metadata: { ...given, name, ...(namespace ? { namespace } : {}) } };
  if (call.typed) {
    const decoded = call.server.decode(def, def.kind, expected, config, '');
    if (decoded.error !== undefined) return badRequest(decoded.error);
    if (decoded.strict.length > 0) {
      const what = `${namespace ? `${namespace}/` : ''}${name}; ${expected}, Kind=${def.kind}`;
      return failure(
        500,
        '',
        `failed to create typed patch object (${what}): ${decoded.strict.map((s) => `.${fieldPath(s)}: field not declared in schema`).join('\n')}`,
      );
    }
  }
  const set = setOfApplied(typing, config);
  const subresource = call.write.subresource ?? '';
  const mine: Manager = { manager: call.manager, operation: 'Apply', subresource, apiVersion: expected, time: call.server.now, set };
  if (!old) {
    if (subresource) return notFound(def, name);
    const made = create(call, def, config as unknown as KubeObject);
    if (made.ok && !call.write.dryRun) noteWrite(call, def, made.value, undefined, made.value, [mine]);
    return made;
  }
  const before = managersOf(old);
  const isMe = (m: Manager): boolean => m.manager === mine.manager && m.operation === 'Apply' && m.subresource === subresource;
  const previous: FieldSet = before.find(isMe)?.set ?? EMPTY;
  const others = before.filter((m) => !isMe(m));
  const live = old as unknown as Json;
  const { resourceVersion: _rv, ...wanted } = config.metadata as Json;
  let merged = mergeStruct(typing, live, { ...config, metadata: wanted });
  const owned = others.reduce<FieldSet>((s, m) => union(s, m.set), EMPTY);
  const dropped = minus(minus(ensureNamed(previous), ensureNamed(set)), ensureNamed(owned));
  if (!isEmpty(dropped)) merged = without(typing, merged, dropped);
  const changed = compare(typing, live, merged);
  const conflicts: Conflict[] = [];
  const allowed = call.manager === KUBECTL ? unchangedSinceApply(typing, old) : EMPTY;
  for (const m of others) {
    const paths = pathsOf(minus(common(common(m.set, changed.written), set), allowed));
    if (paths.length > 0) conflicts.push({ manager: m, paths });
  }
  if (conflicts.length > 0 && !force) return conflictFailure(conflicts);
  const rv = given.resourceVersion;
  if (typeof rv === 'string' && rv !== '' && rv !== old.metadata.resourceVersion)
    return failure(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${def.plural}${def.group ? `.${def.group}` : ''} ${goQuote(name)}: the object has been modified; please apply your changes to the latest version and try again`,
    );
  if (call.manager === KUBECTL) merged = withLastApplied(merged, config);
  const result = replace(call, def, old, merged as unknown as AnyObject);
  if (!result.ok || call.write.dryRun) return result;
  const left = others.flatMap((m) => {
    const kept = minus(minus(m.set, common(m.set, common(changed.written, set))), changed.removed);
    return isEmpty(kept) ? [] : [{ ...m, set: kept }];
  });
  const unchanged = before.find(isMe);
  const sameSet = unchanged !== undefined && isEmpty(minus(unchanged.set, set)) && isEmpty(minus(set, unchanged.set));
  // Nothing but the managers changed: that is a new version too.
  const value = result.value === old && !sameSet ? store(call, def, { ...old }, old) : result.value;
  if (value !== old) noteWrite(call, def, value, undefined, value, [...left, sameSet ? { ...unchanged, time: mine.time } : mine]);
  return { ok: true, value };
}

function fieldPath(strict: string): string {
  return /^unknown field "(.*)"$/.exec(strict)?.[1] ?? strict;
}
