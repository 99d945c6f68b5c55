/** How an object that is there becomes what was applied: the patch, its retries, --force. Models kubectl/pkg/cmd/apply/patcher.go */

import type { Task } from '../../../os/program.ts';
import type { Info } from '../builder.ts';
import { type DryRun, LAST_APPLIED, unversioned, type Validation, writeQuery } from '../common.ts';
import { type Cascade, deleteOne } from '../delete.ts';
import { errorText, Failure, failure, sourced } from '../errors.ts';
import { createObject, patchObject } from '../helper.ts';
import { goJson, isObject, type Json, type JsonObject, str } from '../json.ts';
import { applyStrategic } from '../patch/apply.ts';
import { applyMerge, threeWayMerge } from '../patch/equal.ts';
import { type PatchMeta, patchMetaOf } from '../patch/meta.ts';
import { hasConflicts, PatchError, threeWay, twoWay } from '../patch/strategic.ts';
import { type Mapping, parseJson } from '../rest.ts';
import { sleep } from '../until.ts';
import type { Ctx } from '../verb.ts';

const RETRIES = 5;
const SECOND = 1_000_000;

export interface PatcherOptions {
  readonly dry: DryRun;
  readonly overwrite: boolean;
  readonly force: boolean;
  readonly cascade: Cascade;
  readonly gracePeriod: number;
  readonly timeout: number;
  readonly fieldManager: string;
  readonly validation: Validation;
}

export interface Patched {
  /** As it was sent; `{}` when there was nothing to do. */
  readonly patch: string;
  readonly object: JsonObject;
}

type Built = { readonly type: 'strategic' | 'merge'; readonly patch: JsonObject; readonly meta: PatchMeta };

/** What was applied last, from the annotation. */
export function originalOf(live: JsonObject): JsonObject {
  const v = parseJson(str(live, 'metadata', 'annotations', LAST_APPLIED) || '{}');
  return isObject(v) ? v : {};
}

const changedIdentity = (patch: JsonObject): boolean =>
  'apiVersion' in patch || 'kind' in patch || (isObject(patch.metadata) && 'name' in patch.metadata);

/** The three-way patch of a kind. */
export function build(m: Mapping, modified: JsonObject, live: JsonObject, overwrite: boolean): Built | string {
  const original = originalOf(live);
  const meta = patchMetaOf(m.group, m.kind);
  if (meta === null) {
    const patch = threeWayMerge(original, modified, live);
    return changedIdentity(patch) ? 'At least one of apiVersion, kind and name was changed' : { type: 'merge', patch, meta: {} };
  }
  const patch = threeWay(original, modified, live, meta);
  if (patch instanceof PatchError) return patch.message;
  if (!overwrite) {
    const changed = twoWay(original, live, meta);
    if (!(changed instanceof PatchError) && hasConflicts(changed, patch))
      return `patch:\n${goJson(patch)}\nconflicts with changes made from original to current:\n${goJson(changed)}\n`;
  }
  return { type: 'strategic', patch, meta };
}

/** The object with a patch applied by kubectl itself. */
export const patchLocally = (live: JsonObject, b: Built): JsonObject =>
  b.type === 'strategic' ? applyStrategic(live, b.patch, b.meta) : (applyMerge(live, b.patch as Json) as JsonObject);

/** The patch that was tried last, for the error's text. */
interface Tried {
  patch: string;
}

function* once(ctx: Ctx, info: Info, modified: JsonObject, live: JsonObject, o: PatcherOptions, tried: Tried): Task<Patched | Failure> {
  const b = build(info.mapping as Mapping, modified, live, o.overwrite);
  if (typeof b === 'string')
    return failure(
      `creating patch with:\noriginal:\n${goJson(originalOf(live))}\nmodified:\n${goJson(modified)}\n\ncurrent:\n${goJson(live)}\n\nfor: ${b}`,
    );
  const patch = goJson(b.patch);
  tried.patch = patch;
  if (patch === '{}') return { patch, object: live };
  if (o.dry === 'client') return { patch, object: patchLocally(live, b) };
  const r = yield* patchObject(ctx, info, b.type, b.patch, writeQuery(o.dry, o.fieldManager, o.validation));
  return r instanceof Failure ? r : { patch, object: r };
}

export function* patch(ctx: Ctx, info: Info, modified: JsonObject, o: PatcherOptions): Task<Patched | Failure> {
  const tried: Tried = { patch: '' };
  const r = yield* attempts(ctx, info, modified, o, tried);
  return r instanceof Failure ? sourced(`applying patch:\n${tried.patch}\nto:\n${info}\nfor:`, info.source, r) : r;
}

function* attempts(ctx: Ctx, info: Info, modified: JsonObject, o: PatcherOptions, tried: Tried): Task<Patched | Failure> {
  let r = yield* once(ctx, info, modified, info.object as JsonObject, o, tried);
  for (let i = 1; i <= RETRIES && r instanceof Failure && r.reason === 'Conflict'; i++) {
    if (i > 1) yield* sleep(ctx, 1);
    const wrong = yield* info.get(ctx.rest);
    if (wrong) return wrong;
    r = yield* once(ctx, info, modified, info.object as JsonObject, o, tried);
  }
  if (!(r instanceof Failure)) return r;
  if (o.force && (r.reason === 'Conflict' || r.reason === 'Invalid')) return yield* deleteAndCreate(ctx, info, modified, o);
  return sourced('patching', info.source, r);
}

function* deleteAndCreate(ctx: Ctx, info: Info, modified: JsonObject, o: PatcherOptions): Task<Patched | Failure> {
  const text = goJson(modified);
  const original = info.object as JsonObject;
  const gone = yield* deleteOne(ctx, info, { cascade: o.cascade, gracePeriod: o.gracePeriod, dry: 'none' });
  if (gone instanceof Failure) return gone;
  const deadline = ctx.p.sim.now + (o.timeout || 0) * SECOND;
  for (;;) {
    const r = yield* ctx.rest.json('GET', info.path(''));
    if (r instanceof Failure) {
      if (r.notFound) break;
      return r;
    }
    if (o.timeout > 0 && ctx.p.sim.now >= deadline) return failure('timed out waiting for the condition');
    yield* sleep(ctx, 1);
  }
  const m = info.mapping as Mapping;
  const query = writeQuery('none', o.fieldManager, o.validation);
  const made = yield* createObject(ctx, m, info.namespace, unversioned(modified), query);
  if (!(made instanceof Failure)) return { patch: text, object: made };
  const again = yield* createObject(ctx, m, info.namespace, unversioned(original), query);
  if (!(again instanceof Failure)) return made;
  return failure(
    `An error occurred force-replacing the existing object with the newly provided one:\n\n${errorText(made)}.\n\nAdditionally, an error occurred attempting to restore the original object:\n\n${errorText(again)}`,
  );
}
