/** --overrides of generated objects. Models kubectl/pkg/cmd/util/override_options.go */

import { type Failure, failure } from './errors.ts';
import { isObject, type Json, type JsonObject } from './json.ts';
import { applyJsonPatch, applyStrategic } from './patch/apply.ts';
import { applyMerge } from './patch/equal.ts';
import { patchMetaOf } from './patch/meta.ts';
import { PatchError } from './patch/strategic.ts';
import { parseJson } from './rest.ts';
import type { Ctx } from './verb.ts';

export function overridden(ctx: Ctx, o: JsonObject, kind: string): JsonObject | Failure {
  const text = ctx.str('overrides');
  if (text === '') return o;
  const patch = parseJson(text);
  if (patch === undefined) return failure('Invalid JSON Patch');
  const type = ctx.str('override-type');
  if (type === 'json') {
    const r = applyJsonPatch(o, patch as Json);
    return r instanceof PatchError ? failure(r.message) : (r as JsonObject);
  }
  if (!isObject(patch)) return failure('Invalid JSON Patch');
  if (type === 'merge' || type === '') return applyMerge(o, patch) as JsonObject;
  if (type === 'strategic') return applyStrategic(o, patch, patchMetaOf('', kind) ?? {});
  return failure(`invalid override type: ${type}`);
}
