/** Requests that change one object. Models cli-runtime's resource.Helper */

import type { Task } from '../../os/program.ts';
import type { Info } from './builder.ts';
import type { Failure } from './errors.ts';
import { type Json, type JsonObject, obj, str } from './json.ts';
import { type Mapping, pathOf, type Query } from './rest.ts';
import type { Ctx } from './verb.ts';

export const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;
export type PatchType = keyof typeof PATCH_TYPES;

/** PATCH of an object (or of what `sub` names of it). A text is sent as it is. */
export function patchObject(
  ctx: Ctx,
  info: Info,
  type: PatchType,
  body: Json | { readonly text: string },
  query: Query,
  sub = '',
): Task<JsonObject | Failure> {
  const text = typeof body === 'object' && body !== null && 'text' in body ? String(body.text) : JSON.stringify(body);
  return ctx.rest.json('PATCH', info.path(sub), { body: text, headers: { 'Content-Type': PATCH_TYPES[type] }, query });
}

export function createObject(ctx: Ctx, m: Mapping, namespace: string, object: JsonObject, query: Query): Task<JsonObject | Failure> {
  return ctx.rest.json('POST', pathOf(m, namespace), { json: object, query });
}

/** PUT; without a resource version that of the server is put in first. */
export function* replaceObject(ctx: Ctx, info: Info, object: JsonObject, query: Query, sub = ''): Task<JsonObject | Failure> {
  let body = object;
  if (str(body, 'metadata', 'resourceVersion') === '') {
    const live = yield* ctx.rest.json('GET', info.path(sub));
    // What cannot be read is put as it is: the server has the last word.
    if (!isFailure(live))
      body = { ...body, metadata: { ...obj(body, 'metadata'), resourceVersion: str(live, 'metadata', 'resourceVersion') } };
  }
  return yield* ctx.rest.json('PUT', info.path(sub), { json: body, query });
}

const isFailure = (r: JsonObject | Failure): r is Failure => 'notFound' in r;
