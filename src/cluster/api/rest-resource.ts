/** Requests for resources: lists, watches, objects and their writes. Models apiserver's endpoints/handlers. */

import { fromBase64, toBase64Url } from './base64.ts';
import type { ApiResult, DeleteOptions, ListOptions, WriteOptions } from './client.ts';
import { collect, removeObject } from './deletion.ts';
import { isObject, type Json } from './equal.ts';
import { goQuote } from './field.ts';
import { parameter, type RestRequest, type RestResult } from './http-types.ts';
import type { AnyObject, KubeObject } from './object.ts';
import { patchSubresource, readPatch } from './patch.ts';
import { proxyRequest } from './proxy.ts';
import { type IncludeObject, type ListMeta, listText, objectText, partialListText, partialText, tableText, toJson } from './render.ts';
import { type ResourceDef, resourceName } from './resources.ts';
import { jsonResponse, type RequestInfo, refuse } from './rest.ts';
import { type Accepted, accepted, bodyOf, decodeBody, notAcceptable } from './rest-body.ts';
import { watchRequest } from './rest-watch.ts';
import { reviewOf } from './reviews.ts';
import type { ApiServer } from './server.ts';
import { badRequest, type Failure, failure, notFound, success } from './status.ts';
import { createSubresource, rescale, scaleOf } from './subresources.ts';
import { issueToken } from './tokens.ts';
import { type Call, create, hasSubresource, patch, replace, update } from './write.ts';

/** Warning headers, as they are collected. */
class Warnings {
  readonly headers: (readonly [string, string])[] = [];
  readonly add = (text: string): void => {
    const value = `299 - "${text.replace(/[\\"]/g, '\\$&')}"`;
    if (!this.headers.some(([, v]) => v === value)) this.headers.push(['Warning', value]);
  };
}

/** Versions and kinds that a read or write warns of. */
const DEPRECATED: Readonly<Record<string, string>> = {
  endpoints: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  componentstatuses: 'v1 ComponentStatus is deprecated in v1.19+',
};

export interface Handling {
  readonly server: ApiServer;
  readonly request: RestRequest;
  readonly info: RequestInfo;
  readonly def: ResourceDef;
  readonly accept: Accepted;
  readonly call: Call;
  readonly warnings: readonly (readonly [string, string])[];
}

function includeOf(request: RestRequest): IncludeObject {
  const asked = parameter(request, 'includeObject');
  return asked === 'None' || asked === 'Object' ? asked : 'Metadata';
}

export function send(h: Handling, status: number, object: AnyObject): RestResult {
  if (object.kind === 'Status')
    return jsonResponse((object as unknown as { code?: number }).code ?? status, `${toJson(object)}\n`, h.warnings);
  if (h.accept.as === 'table')
    return jsonResponse(
      status,
      `${tableText(h.server, h.def, [object], { resourceVersion: object.metadata.resourceVersion ?? '' }, includeOf(h.request), h.accept.version)}\n`,
      h.warnings,
    );
  if (h.accept.as === 'partial') return jsonResponse(status, `${partialText(h.def, object)}\n`, h.warnings);
  const foreign = object.kind !== h.def.kind;
  return jsonResponse(status, `${foreign ? toJson(object) : objectText(h.def, object)}\n`, h.warnings);
}

const answer = (h: Handling, status: number, result: ApiResult<AnyObject>): RestResult =>
  result.ok ? send(h, status, result.value) : refuse(result as Failure, h.warnings);

/** fieldValidation, dryRun and fieldManager of the query. */
function writeOptions(request: RestRequest, info: RequestInfo, warn: (text: string) => void): WriteOptions | Failure {
  const dryRun = request.query.filter(([k]) => k === 'dryRun').map(([, v]) => v);
  const kind = info.verb === 'patch' ? 'PatchOptions' : info.verb === 'update' ? 'UpdateOptions' : 'CreateOptions';
  for (const v of dryRun)
    if (v !== 'All')
      return failure(
        422,
        'Invalid',
        `${kind}.meta.k8s.io "" is invalid: dryRun: Unsupported value: ${goQuote(v)}: supported values: "All"`,
      );
  const validation = parameter(request, 'fieldValidation') || 'Warn';
  if (validation !== 'Ignore' && validation !== 'Warn' && validation !== 'Strict')
    return failure(
      422,
      'Invalid',
      `${kind}.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: ${goQuote(validation)}: supported values: "Ignore", "Strict", "Warn"`,
    );
  const manager = parameter(request, 'fieldManager') ?? managerOf(request.headers.get('user-agent') ?? '');
  return {
    dryRun: dryRun.length > 0,
    fieldValidation: validation,
    warn,
    fieldManager: manager,
    ...(info.subresource ? { subresource: info.subresource } : {}),
  };
}

/** The program's name out of its User-Agent. */
function managerOf(agent: string): string {
  return (agent.split('/')[0] as string).slice(0, 128) || 'unknown';
}

export function resourceRequest(server: ApiServer, request: RestRequest, info: RequestInfo, def: ResourceDef): RestResult {
  const warnings = new Warnings();
  const deprecated = DEPRECATED[resourceName(def)];
  if (deprecated !== undefined && info.subresource === '') warnings.add(deprecated);
  const accept = accepted(request.headers.get('accept'));
  const proxied = proxyRequest(server, request, info, def);
  if (proxied) return proxied;
  if (!accept) return refuse(notAcceptable());
  const namespaced = info.namespace !== '' && info.resource !== 'namespaces';
  if (def.namespaced !== namespaced && (namespaced || info.name !== '' || info.verb === 'create'))
    return jsonResponse(404, '404 page not found\n');
  if (info.subresource !== '' && !hasSubresource(def, info.subresource))
    return refuse(failure(404, 'NotFound', 'the server could not find the requested resource', {}));
  const verbs = info.subresource === '' ? def.verbs : (def.subresources.find((s) => s.name === info.subresource)?.verbs ?? []);
  if (!verbs.includes(info.verb)) return refuse(methodNotAllowed(info));
  const options = writeOptions(request, info, warnings.add);
  if ('ok' in options) return refuse(options);
  const call = server.call(request.user, options.fieldManager ?? '', options, true);
  const h: Handling = { server, request, info, def, accept, call, warnings: warnings.headers };
  switch (info.verb) {
    case 'list':
      return list(h);
    case 'watch':
      return watchRequest(h);
    case 'get':
      return read(h);
    case 'create':
      return post(h);
    case 'update':
      return put(h);
    case 'patch':
      return patchRequest(h);
    default:
      return removal(h);
  }
}

function methodNotAllowed(info: RequestInfo): Failure {
  return failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', { kind: info.resource });
}

export function listOptions(h: Handling): ListOptions {
  const labelSelector = parameter(h.request, 'labelSelector');
  let fieldSelector = parameter(h.request, 'fieldSelector') ?? '';
  if (h.info.name !== '') fieldSelector = [fieldSelector, `metadata.name=${h.info.name}`].filter((s) => s !== '').join(',');
  return {
    ...(h.def.namespaced && h.info.namespace !== '' ? { namespace: h.info.namespace } : {}),
    ...(labelSelector ? { labelSelector } : {}),
    ...(fieldSelector ? { fieldSelector } : {}),
  };
}

interface Continue {
  readonly v: string;
  readonly rv: number;
  readonly start: string;
}

const keyText = (o: AnyObject): string =>
  o.metadata.namespace === undefined ? o.metadata.name : `${o.metadata.namespace}/${o.metadata.name}`;

function readContinue(token: string): Continue | undefined {
  try {
    const value = JSON.parse(fromBase64(token)) as Continue;
    return typeof value.start === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function list(h: Handling): RestResult {
  const { server, def, request } = h;
  const options = listOptions(h);
  const filter = server.filter(def, options);
  if (!filter.ok) return refuse(filter);
  let items = server.converted(def, server.table(def).select(filter.value));
  const token = parameter(request, 'continue');
  if (token) {
    const from = readContinue(token);
    if (!from) return refuse(badRequest(`continue key is not valid: ${token}`));
    items = items.filter((o) => keyText(o) >= from.start);
  }
  const limit = Number(parameter(request, 'limit') ?? '0') || 0;
  let meta: ListMeta = { resourceVersion: String(server.resourceVersion) };
  if (limit > 0 && items.length > limit) {
    const next: Continue = { v: 'meta.k8s.io/v1', rv: server.resourceVersion, start: keyText(items[limit] as AnyObject) };
    const plain = options.labelSelector === undefined && options.fieldSelector === undefined;
    meta = {
      ...meta,
      continue: toBase64Url(new TextEncoder().encode(JSON.stringify(next))),
      ...(plain ? { remainingItemCount: items.length - limit } : {}),
    };
    items = items.slice(0, limit);
  }
  if (h.accept.as === 'table')
    return jsonResponse(200, `${tableText(server, def, items, meta, includeOf(request), h.accept.version)}\n`, h.warnings);
  if (h.accept.as === 'partial') return jsonResponse(200, `${partialListText(def, items, meta)}\n`, h.warnings);
  return jsonResponse(200, `${listText(def, items, meta)}\n`, h.warnings);
}

function present(h: Handling): AnyObject | undefined {
  const found = h.server.table(h.def).get(h.def.namespaced ? `${h.info.namespace}/${h.info.name}` : h.info.name);
  return found && (h.server.converted(h.def, [found])[0] as AnyObject);
}

function read(h: Handling): RestResult {
  const object = present(h);
  if (!object) return refuse(notFound(h.def, h.info.name), h.warnings);
  return send(h, 200, h.info.subresource === 'scale' ? scaleOf(object) : object);
}

function post(h: Handling): RestResult {
  const body = decodeBody(h);
  if (!body.ok) return refuse(body as Failure, h.warnings);
  const { def, info, server } = h;
  const object = body.value;
  if (info.subresource === 'token') return answer(h, 201, issueToken(server, object));
  if (info.subresource !== '') return answer(h, 201, createSubresource(h.call, object as KubeObject, info.subresource));
  if (resourceName(def) === 'bindings') return answer(h, 201, createSubresource(h.call, object as KubeObject, 'binding'));
  if (def.virtual) return answer(h, 201, reviewOf(server, h.request.user, def, object));
  if (object.metadata.name === undefined && !object.metadata.generateName && !def.virtual)
    return answer(h, 201, create(h.call, def, object));
  return answer(h, 201, server.back(def, create(h.call, server.storage(def), server.toStorage(def, object))));
}

function put(h: Handling): RestResult {
  const body = decodeBody(h);
  if (!body.ok) return refuse(body as Failure, h.warnings);
  const { def, info, server } = h;
  if (info.subresource === 'scale') {
    const old = present(h);
    return old ? answer(h, 200, rescale(h.call, def, old, body.value)) : refuse(notFound(def, info.name));
  }
  if (info.subresource === 'finalize') {
    const old = present(h);
    return old
      ? answer(h, 200, replace(h.call, def, old, { ...old, spec: body.value.spec } as AnyObject))
      : refuse(notFound(def, info.name));
  }
  const existed = present(h) !== undefined;
  return answer(h, existed ? 200 : 201, server.back(def, update(h.call, server.storage(def), server.toStorage(def, body.value))));
}

function patchRequest(h: Handling): RestResult {
  const read = readPatch(h.request, h.def);
  if (!read.ok) return refuse(read);
  const { def, info, server } = h;
  const force = parameter(h.request, 'force') === 'true';
  if (read.type === 'apply' && !parameter(h.request, 'fieldManager'))
    return refuse(
      failure(422, 'Invalid', 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch', {
        group: 'meta.k8s.io',
        kind: 'PatchOptions',
      }),
    );
  if (read.type !== 'apply' && force)
    return refuse(
      failure(422, 'Invalid', 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch', {
        group: 'meta.k8s.io',
        kind: 'PatchOptions',
      }),
    );
  if (info.subresource === 'scale') {
    const old = present(h);
    return old ? answer(h, 200, patchSubresource(h.call, def, old, read.type, read.body)) : refuse(notFound(def, info.name));
  }
  const existed = present(h) !== undefined;
  const result = patch(h.call, server.storage(def), info.namespace, info.name, read.type, read.body, force);
  return answer(h, existed || !result.ok ? 200 : 201, server.back(def, result));
}

function deleteOptions(h: Handling): DeleteOptions | Failure {
  const { request } = h;
  let given: Json = {};
  if (request.body.trim() !== '') {
    const body = bodyOf(request);
    if (!body.ok) return body;
    if (isObject(body.value)) given = body.value;
  }
  const seconds =
    given.gracePeriodSeconds ??
    (parameter(request, 'gracePeriodSeconds') === undefined ? undefined : Number(parameter(request, 'gracePeriodSeconds')));
  let policy = (given.propagationPolicy ?? parameter(request, 'propagationPolicy')) as string | undefined;
  const orphan = given.orphanDependents ?? parameter(request, 'orphanDependents');
  if (policy === undefined && (orphan === true || orphan === 'true')) policy = 'Orphan';
  if (policy !== undefined && policy !== 'Orphan' && policy !== 'Background' && policy !== 'Foreground')
    return failure(
      422,
      'Invalid',
      `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${goQuote(policy)}: supported values: "Background", "Foreground", "Orphan", "nil"`,
      { group: 'meta.k8s.io', kind: 'DeleteOptions' },
    );
  const dry = h.call.write.dryRun === true || (Array.isArray(given.dryRun) && given.dryRun.includes('All'));
  const preconditions = isObject(given.preconditions) ? (given.preconditions as DeleteOptions['preconditions']) : undefined;
  return {
    ...(typeof seconds === 'number' && Number.isFinite(seconds) ? { gracePeriodSeconds: seconds } : {}),
    ...(policy === undefined ? {} : { propagationPolicy: policy as NonNullable<DeleteOptions['propagationPolicy']> }),
    ...(preconditions === undefined ? {} : { preconditions }),
    ...(dry ? { dryRun: true } : {}),
  };
}

function removal(h: Handling): RestResult {
  const { def, info, server } = h;
  const options = deleteOptions(h);
  if ('ok' in options) return refuse(options);
  const call = server.call(h.request.user, h.call.manager, { ...h.call.write, ...(options.dryRun ? { dryRun: true } : {}) });
  const storage = server.storage(def);
  if (info.verb === 'deletecollection') {
    const result = collect(call, storage, listOptions(h), options);
    if (!result.ok) return refuse(result as Failure, h.warnings);
    return jsonResponse(200, `${listText(def, result.value, { resourceVersion: String(server.resourceVersion) })}\n`, h.warnings);
  }
  const old = server.table(def).get(def.namespaced ? `${info.namespace}/${info.name}` : info.name);
  if (!old) return refuse(notFound(def, info.name), h.warnings);
  const result = removeObject(call, storage, old, options);
  if (!result.ok) return refuse(result as Failure, h.warnings);
  const still: AnyObject | undefined = server.table(def).get(def.namespaced ? `${info.namespace}/${info.name}` : info.name);
  if (still || RETURNS_DELETED.has(resourceName(def))) return send(h, 200, server.converted(def, [result.value])[0] as AnyObject);
  return jsonResponse(
    200,
    `${toJson(success({ name: info.name, ...(def.group ? { group: def.group } : {}), kind: def.plural, uid: old.metadata.uid }))}\n`,
    h.warnings,
  );
}

/** Resources whose deletion answers with the object even when it is gone. */
const RETURNS_DELETED: ReadonlySet<string> = new Set([
  'pods',
  'services',
  'persistentvolumes',
  'persistentvolumeclaims',
  'podtemplates',
  'serviceaccounts',
  'resourcequotas',
  'storageclasses.storage.k8s.io',
  'volumeattachments.storage.k8s.io',
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'podsecuritypolicies.policy',
]);
