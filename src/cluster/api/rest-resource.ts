/** Requests for resources: lists, watches, objects and their writes. Models apiserver's endpoints/handlers. */

import { fromBase64, toBase64Url } from './base64.ts';
import type { ApiResult, DeleteOptions, ListOptions, WriteOptions } from './client.ts';
import { collect, removeObject } from './deletion.ts';
import { isObject, type Json } from './equal.ts';
import { goQuote } from './field.ts';
import { jsonSyntaxError } from './gojson.ts';
import { parameter, type RestRequest, type RestResult } from './http-types.ts';
import type { AnyObject, KubeObject } from './object.ts';
import { patchSubresource, readPatch } from './patch.ts';
import { proxyRequest } from './proxy.ts';
import { type IncludeObject, type ListMeta, listText, objectText, partialListText, partialText, tableText, toJson } from './render.ts';
import { groupVersion, type ResourceDef, resourceName } from './resources.ts';
import { jsonResponse, type RequestInfo, refuse } from './rest.ts';
import { watchRequest } from './rest-watch.ts';
import { reviewOf } from './reviews.ts';
import type { ApiServer } from './server.ts';
import { badRequest, type Failure, failure, notFound, success, unsupportedMedia } from './status.ts';
import { createSubresource, rescale, scaleOf } from './subresources.ts';
import { issueToken } from './tokens.ts';
import { type Call, create, hasSubresource, patch, replace, update } from './write.ts';
import { parseYaml } from './yaml.ts';

export interface Accepted {
  readonly as: 'object' | 'table' | 'partial';
  /** `v1` or `v1beta1` of meta.k8s.io. */
  readonly version: string;
}

/** The first representation of Accept that the server has. */
export function accepted(header: string | undefined): Accepted | undefined {
  for (const part of (header ?? '*/*').split(',')) {
    const [type = '', ...parameters] = part.split(';').map((p) => p.trim());
    const get = (name: string): string | undefined => parameters.find((p) => p.startsWith(`${name}=`))?.slice(name.length + 1);
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*' && type !== '') continue;
    const as = get('as');
    const version = get('v') ?? 'v1';
    if (as === undefined) return { as: 'object', version: 'v1' };
    if (get('g') !== 'meta.k8s.io') continue;
    if (as === 'Table') return { as: 'table', version };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList') return { as: 'partial', version };
  }
  return undefined;
}

const notAcceptable = (): Failure =>
  failure(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/json;stream=watch, application/yaml, application/vnd.kubernetes.protobuf, application/vnd.kubernetes.protobuf;stream=watch',
  );

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

/** The body as JSON, or why not. */
export function bodyOf(request: RestRequest): { readonly ok: true; readonly value: unknown; readonly text: string } | Failure {
  const type = (request.headers.get('content-type') ?? 'application/json').split(';')[0]?.trim() ?? '';
  if (type === 'application/yaml' || type === 'application/apply-patch+yaml') {
    const parsed = parseYaml(request.body);
    return parsed.ok ? { ok: true, value: parsed.value, text: '' } : badRequest(`error converting YAML to JSON: ${parsed.error}`);
  }
  if (type !== 'application/json' && !type.endsWith('+json') && type !== '')
    return unsupportedMedia(
      'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    );
  try {
    return { ok: true, value: JSON.parse(request.body) as unknown, text: request.body };
  } catch {
    return badRequest(jsonSyntaxError(request.body));
  }
}

/** An object of the request's body: decoded, of the right type, with the path's name and namespace. */
function decodeBody(h: Handling): ApiResult<AnyObject> {
  const { def, info } = h;
  const body = bodyOf(h.request);
  if (!body.ok) return body;
  const sub = def.subresources.find((s) => s.name === info.subresource);
  const kind = sub?.kind ?? def.kind;
  const expected = groupVersion({ group: sub?.group ?? def.group, version: sub?.version ?? def.version });
  const json: Json = isObject(body.value) ? body.value : {};
  const given = { apiVersion: String(json['apiVersion'] ?? '') || expected, kind: String(json['kind'] ?? '') || kind };
  const bindings = info.subresource === 'eviction' && given.apiVersion === 'policy/v1beta1';
  if (given.kind !== kind || (given.apiVersion !== expected && !bindings)) {
    if (given.kind === kind)
      return badRequest(`the API version in the data (${given.apiVersion}) does not match the expected API version (${expected})`);
    return badRequest(
      `${kind} in version ${goQuote(def.version)} cannot be handled as a ${kind}: no kind ${goQuote(given.kind)} is registered for version ${goQuote(given.apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    );
  }
  const target: ResourceDef = sub && sub.kind !== def.kind ? { ...def, kind, schema: SUBRESOURCE_SCHEMA[sub.kind] ?? '' } : def;
  const decoded = h.server.decode(target, kind, expected, body.value, body.text);
  const refused = `${kind} in version ${goQuote(sub?.version ?? def.version)} cannot be handled as a ${kind}`;
  if (decoded.error !== undefined) return badRequest(`${refused}: ${decoded.error}`);
  const mode = h.call.write.fieldValidation;
  if (decoded.strict.length > 0 && mode === 'Strict') return badRequest(`${refused}: strict decoding error: ${decoded.strict.join(', ')}`);
  if (mode === 'Warn') for (const text of decoded.strict) h.call.write.warn?.(text);
  const object = decoded.object as AnyObject;
  const metadata = { ...object.metadata };
  if (def.namespaced && info.namespace !== '') {
    if (metadata.namespace !== undefined && metadata.namespace !== '' && metadata.namespace !== info.namespace)
      return badRequest('the namespace of the provided object does not match the namespace sent on the request');
    metadata.namespace = info.namespace;
  } else if (!def.namespaced) delete (metadata as { namespace?: string }).namespace;
  if (info.name !== '') {
    if (!metadata.name) {
      if (info.verb === 'update') return badRequest('name must be provided');
      metadata.name = info.name;
    } else if (metadata.name !== info.name)
      return badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${info.name})`);
  }
  return { ok: true, value: { ...object, apiVersion: given.apiVersion, kind: given.kind, metadata } as AnyObject };
}

const SUBRESOURCE_SCHEMA: Readonly<Record<string, string>> = {
  Scale: 'V1Scale',
  Binding: 'V1Binding',
  Eviction: 'V1Eviction',
  TokenRequest: 'AuthenticationV1TokenRequest',
};

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
      ? answer(h, 200, replace(h.call, def, old, { ...old, spec: body.value['spec'] } as AnyObject))
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
    given['gracePeriodSeconds'] ??
    (parameter(request, 'gracePeriodSeconds') === undefined ? undefined : Number(parameter(request, 'gracePeriodSeconds')));
  let policy = (given['propagationPolicy'] ?? parameter(request, 'propagationPolicy')) as string | undefined;
  const orphan = given['orphanDependents'] ?? parameter(request, 'orphanDependents');
  if (policy === undefined && (orphan === true || orphan === 'true')) policy = 'Orphan';
  if (policy !== undefined && policy !== 'Orphan' && policy !== 'Background' && policy !== 'Foreground')
    return failure(
      422,
      'Invalid',
      `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${goQuote(policy)}: supported values: "Background", "Foreground", "Orphan", "nil"`,
      { group: 'meta.k8s.io', kind: 'DeleteOptions' },
    );
  const dry = h.call.write.dryRun === true || (Array.isArray(given['dryRun']) && given['dryRun'].includes('All'));
  const preconditions = isObject(given['preconditions']) ? (given['preconditions'] as DeleteOptions['preconditions']) : undefined;
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
