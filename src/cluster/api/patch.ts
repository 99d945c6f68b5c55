/** Patches of all four types. Models apiserver's endpoints/handlers/patch.go. */

import type { ApiResult, PatchType } from './client.ts';
import { isObject } from './equal.ts';
import { jsonPatch } from './jsonpatch.ts';
import { mergePatch } from './merge.ts';
import type { AnyObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import { badRequest, failure, notFound } from './status.ts';
import { type Call, patched } from './write.ts';

export interface PatchRequest {
  readonly call: Call;
  readonly def: ResourceDef;
  readonly namespace: string;
  readonly name: string;
  readonly old: AnyObject | undefined;
  readonly type: PatchType;
  readonly body: unknown;
  readonly force: boolean;
}

export function applyPatch(request: PatchRequest): ApiResult<AnyObject> {
  const { call, def, name, old, type, body } = request;
  if (!old) return notFound(def, name);
  if (type === 'json') {
    const result = jsonPatch(old, body);
    return result.ok ? patched(call, def, old, result.value) : failure(422, 'Invalid', result.error);
  }
  if (!isObject(body)) return badRequest('error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}');
  return patched(call, def, old, mergePatch(old, body));
}
