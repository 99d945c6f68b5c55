/** Patches of all four types. Models apiserver's endpoints/handlers/patch.go. */

import { applyConfiguration } from './apply.ts';
import type { ApiResult, PatchType } from './client.ts';
import { isObject, type Json } from './equal.ts';
import { goJson, goQuote } from './field.ts';
import { jsonSyntaxError } from './gojson.ts';
import { goMapText } from './gomap.ts';
import type { RestRequest } from './http-types.ts';
import { jsonPatch } from './jsonpatch.ts';
import { mergePatch } from './merge.ts';
import type { AnyObject } from './object.ts';
import { outward } from './render.ts';
import type { ResourceDef } from './resources.ts';
import { badRequest, type Failure, failure, notFound, unsupportedMedia } from './status.ts';
import { strategicPatch } from './strategic.ts';
import { rescale, scaleOf } from './subresources.ts';
import { type Call, patched } from './write.ts';
import { parseYaml } from './yaml.ts';

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

const TYPES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
  'application/apply-patch+cbor': 'apply',
};

export function readPatch(
  request: RestRequest,
  def: ResourceDef,
): { readonly ok: true; readonly type: PatchType; readonly body: unknown } | Failure {
  const content = (request.headers.get('content-type') ?? '').split(';')[0]?.trim() ?? '';
  const type = TYPES[content];
  const custom = def.schema === '';
  if (type === undefined || (custom && type === 'strategic')) {
    const list = [
      'application/json-patch+json',
      'application/merge-patch+json',
      ...(custom ? [] : ['application/strategic-merge-patch+json']),
      'application/apply-patch+yaml',
    ];
    return unsupportedMedia(`the body of the request was in an unknown format - accepted media types include: ${list.join(', ')}`);
  }
  if (type === 'apply') {
    const parsed = parseYaml(request.body);
    return parsed.ok ? { ok: true, type, body: parsed.value } : badRequest(`error decoding YAML: ${parsed.error}`);
  }
  try {
    return { ok: true, type, body: JSON.parse(request.body) as unknown };
  } catch {
    return badRequest(jsonSyntaxError(request.body));
  }
}

const invalidPatch = (text: string, error: string): Failure =>
  failure(422, 'Invalid', ` "" is invalid: patch: Invalid value: ${goQuote(text)}: ${error}`, {
    causes: [{ reason: 'FieldValueInvalid', message: `Invalid value: ${goQuote(text)}: ${error}`, field: 'patch' }],
  });

/** Why a JSON patch does not apply stays with the server. */
const rejected = (): Failure => failure(422, 'Invalid', 'the server rejected our request due to an error in our request', {});

/** The result of a patch through the decoder, when the request came by HTTP. */
function typed(request: PatchRequest, result: Json, body: Json): { readonly ok: true; readonly value: Json } | Failure {
  const { call, def, type } = request;
  if (!call.typed) return { ok: true, value: result };
  const decoded = call.server.decode(def, def.kind, String(result.apiVersion ?? ''), result, '');
  const shown = type === 'strategic' ? goMapText(body) : goJson(result);
  if (decoded.error !== undefined) return invalidPatch(shown, decoded.error);
  if (decoded.strict.length > 0) {
    const mode = call.write.fieldValidation;
    if (mode === 'Strict')
      return type === 'strategic'
        ? badRequest(`strict decoding error: ${decoded.strict.join(', ')}`)
        : invalidPatch(shown, `strict decoding error: ${decoded.strict.join(', ')}`);
    if (mode === 'Warn') for (const text of decoded.strict) call.write.warn?.(text);
  }
  return { ok: true, value: decoded.object as unknown as Json };
}

export function applyPatch(request: PatchRequest): ApiResult<AnyObject> {
  const { call, def, name, old, type, body } = request;
  if (type === 'apply') return applyConfiguration(request);
  if (!old) return notFound(def, name);
  const shown = call.typed ? outward(def, old) : old;
  let result: unknown;
  if (type === 'json') {
    const done = jsonPatch(shown, body);
    if (!done.ok) return rejected();
    result = done.value;
  } else {
    if (!isObject(body)) return badRequest('json: cannot unmarshal array into Go value of type map[string]interface {}');
    if (type === 'strategic' && def.schema !== '') {
      const done = strategicPatch(def.schema, shown, body);
      if (!done.ok) return badRequest(done.error);
      result = done.value;
    } else result = mergePatch(shown, body);
  }
  if (!isObject(result)) return badRequest('the patched object is no object');
  const decoded = typed(request, result, isObject(body) ? body : {});
  return decoded.ok ? patched(call, def, old, decoded.value) : decoded;
}

/** A patch of the Scale of a workload. */
export function patchSubresource(call: Call, def: ResourceDef, old: AnyObject, type: PatchType, body: unknown): ApiResult<AnyObject> {
  const scale = scaleOf(old);
  if (type === 'json') {
    const done = jsonPatch(scale, body);
    return done.ok ? rescale(call, def, old, done.value as AnyObject) : rejected();
  }
  return rescale(call, def, old, mergePatch(scale, body) as AnyObject);
}
