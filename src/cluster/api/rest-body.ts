/** What a request brings and wants back: representations, bodies, objects of the right type. Models handlers/negotiation and request decoding. */

import type { ApiResult } from './client.ts';
import { isObject, type Json } from './equal.ts';
import { goQuote } from './field.ts';
import { jsonSyntaxError } from './gojson.ts';
import type { RestRequest } from './http-types.ts';
import type { AnyObject } from './object.ts';
import { groupVersion, type ResourceDef } from './resources.ts';
import type { Handling } from './rest-resource.ts';
import { badRequest, type Failure, failure, unsupportedMedia } from './status.ts';
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

export const notAcceptable = (): Failure =>
  failure(
    406,
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/json;stream=watch, application/yaml, application/vnd.kubernetes.protobuf, application/vnd.kubernetes.protobuf;stream=watch',
  );

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
export function decodeBody(h: Handling): ApiResult<AnyObject> {
  const { def, info } = h;
  const body = bodyOf(h.request);
  if (!body.ok) return body;
  const sub = def.subresources.find((s) => s.name === info.subresource);
  const kind = sub?.kind ?? def.kind;
  const expected = groupVersion({ group: sub?.group ?? def.group, version: sub?.version ?? def.version });
  const json: Json = isObject(body.value) ? body.value : {};
  const given = { apiVersion: String(json.apiVersion ?? '') || expected, kind: String(json.kind ?? '') || kind };
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
