/** Fields that kubectl applied by itself become those of server-side apply. Models client-go/util/csaupgrade and apply.go */

import type { Task } from '../../../os/program.ts';
import type { Info } from '../builder.ts';
import { type DryRun, LAST_APPLIED, writeQuery } from '../common.ts';
import { errorText, Failure } from '../errors.ts';
import { patchObject } from '../helper.ts';
import { at, isObject, type Json, type JsonObject, list, obj, str } from '../json.ts';
import { apiVersionOf, type Mapping } from '../rest.ts';
import type { Ctx } from '../verb.ts';

const RETRIES = 5;

const ownsAnnotation = (e: Json): boolean => at(e, 'fieldsV1', 'f:metadata', 'f:annotations', `f:${LAST_APPLIED}`) !== undefined;

/** Set union of field sets. */
function union(a: JsonObject, b: JsonObject): JsonObject {
  const out: Record<string, Json | undefined> = { ...a };
  for (const [k, v] of Object.entries(b)) {
    const have = out[k];
    out[k] = isObject(have) && isObject(v) ? union(have, v) : v;
  }
  return out;
}

/** Managed fields with `from` (an updater) merged into the applier `to`. */
function upgraded(fields: readonly Json[], from: string, to: string): readonly Json[] {
  const is = (e: Json, manager: string, operation: string): boolean =>
    str(e, 'manager') === manager && str(e, 'operation') === operation && str(e, 'subresource') === '';
  let out = [...fields];
  let index = out.findIndex((e) => is(e, to, 'Apply'));
  if (index < 0) {
    index = out.findIndex((e) => is(e, from, 'Update'));
    if (index < 0) return fields;
    out[index] = { ...(out[index] as JsonObject), manager: to, operation: 'Apply' };
  }
  const target = out[index] as JsonObject;
  let set = obj(target, 'fieldsV1');
  for (const e of out)
    if (is(e, from, 'Update') && str(e, 'apiVersion') === str(target, 'apiVersion')) set = union(set, obj(e, 'fieldsV1'));
  out[index] = { ...target, fieldsV1: set };
  out = out.filter((e) => !is(e, from, 'Update'));
  return out;
}

/** The annotation is kept by a manager of its own. */
function* saveAnnotation(ctx: Ctx, info: Info, manager: string, dry: DryRun): Task<Failure | null> {
  const value = str(info.object, 'metadata', 'annotations', LAST_APPLIED);
  if (manager !== 'kubectl' || value === '') return null;
  const fields = list(info.object, 'metadata', 'managedFields');
  if (fields.some((e) => str(e, 'operation') === 'Apply' && ownsAnnotation(e))) return null;
  const m = info.mapping as Mapping;
  const body = {
    apiVersion: apiVersionOf(m),
    kind: m.kind,
    metadata: {
      name: info.name,
      ...(info.namespaced ? { namespace: info.namespace } : {}),
      annotations: { [LAST_APPLIED]: value },
    },
  };
  const r = yield* patchObject(ctx, info, 'apply', body, writeQuery(dry, 'kubectl-last-applied'));
  if (r instanceof Failure) return r;
  info.refresh(r);
  return null;
}

/** Whether fields have moved, so that what was applied has to be sent once more. */
export function* migrate(ctx: Ctx, info: Info, manager: string, dry: DryRun): Task<boolean> {
  const kept = yield* saveAnnotation(ctx, info, manager, dry);
  if (kept) {
    yield* ctx.err(
      `Warning: failed to migrate ${LAST_APPLIED} for Server-Side Apply. This is non-fatal and will be retried next time you apply. Error: ${errorText(kept)}\n`,
    );
    return false;
  }
  const fields = list(info.object, 'metadata', 'managedFields');
  const names = [...new Set(fields.filter((e) => str(e, 'operation') === 'Update' && ownsAnnotation(e)).map((e) => str(e, 'manager')))];
  for (let i = 0; i < RETRIES; i++) {
    const present = list(info.object, 'metadata', 'managedFields');
    const next = names.reduce((f, name) => upgraded(f, name, manager), present);
    if (next === present) return false;
    const body: Json = [
      { op: 'replace', path: '/metadata/managedFields', value: next },
      { op: 'replace', path: '/metadata/resourceVersion', value: str(info.object, 'metadata', 'resourceVersion') },
    ];
    const r = yield* patchObject(ctx, info, 'json', body, writeQuery(dry, manager));
    if (!(r instanceof Failure)) {
      info.refresh(r);
      return true;
    }
    const wrong = r.reason === 'Conflict' ? yield* info.get(ctx.rest) : r;
    if (!wrong) continue;
    yield* ctx.err(
      `Warning: server rejected managed fields migration to Server-Side Apply. This is non-fatal and will be retried next time you apply. Error: ${errorText(wrong)}\n`,
    );
    return false;
  }
  return false;
}
