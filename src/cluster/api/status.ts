/** The Status objects with which the API refuses. Models apimachinery/pkg/api/errors. */

import { aggregateText, errorBody, type FieldError, goQuote } from './field.ts';
import type { V1Status, V1StatusCause } from './types.ts';

export interface Failure {
  readonly ok: false;
  readonly status: V1Status;
}

/** `services`, `deployments.apps`: how messages name a resource. */
export interface GroupResource {
  readonly group: string;
  readonly plural: string;
}

export const resourceText = (r: GroupResource): string => (r.group === '' ? r.plural : `${r.plural}.${r.group}`);

export function failure(code: number, reason: string, message: string, details?: V1Status['details']): Failure {
  const status: V1Status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason ? { reason } : {}),
    ...(details ? { details } : {}),
    code,
  };
  return { ok: false, status };
}

function about(r: GroupResource, name: string): NonNullable<V1Status['details']> {
  return { ...(name ? { name } : {}), ...(r.group ? { group: r.group } : {}), kind: r.plural };
}

export const notFound = (r: GroupResource, name: string): Failure =>
  failure(404, 'NotFound', `${resourceText(r)} ${goQuote(name)} not found`, about(r, name));

/** No such path. */
export const noSuchResource = (): Failure => failure(404, 'NotFound', 'the server could not find the requested resource', {});

export const alreadyExists = (r: GroupResource, name: string): Failure =>
  failure(409, 'AlreadyExists', `${resourceText(r)} ${goQuote(name)} already exists`, about(r, name));

export const conflict = (r: GroupResource, name: string, text: string): Failure =>
  failure(409, 'Conflict', `Operation cannot be fulfilled on ${resourceText(r)} ${goQuote(name)}: ${text}`, about(r, name));

export const modified = (r: GroupResource, name: string): Failure =>
  conflict(r, name, 'the object has been modified; please apply your changes to the latest version and try again');

export function forbidden(r: GroupResource, name: string, text: string): Failure {
  const what =
    r.plural === ''
      ? `forbidden: ${text}`
      : name === ''
        ? `${resourceText(r)} is forbidden: ${text}`
        : `${resourceText(r)} ${goQuote(name)} is forbidden: ${text}`;
  return failure(403, 'Forbidden', what, about(r, name));
}

export const badRequest = (text: string): Failure => failure(400, 'BadRequest', text);
export const unauthorized = (): Failure => failure(401, 'Unauthorized', 'Unauthorized');
export const methodNotSupported = (r: GroupResource, verb: string): Failure =>
  failure(405, 'MethodNotAllowed', `${verb} is not supported on resources of kind ${goQuote(resourceText(r))}`, about(r, ''));
export const gone = (text: string): Failure => failure(410, 'Expired', text);
export const internal = (text: string): Failure =>
  failure(500, 'InternalError', `Internal error occurred: ${text}`, { causes: [{ message: text }] });
export const tooManyRequests = (text: string, details: V1Status['details'] = {}): Failure => failure(429, 'TooManyRequests', text, details);
export const unsupportedMedia = (text: string): Failure => failure(415, 'UnsupportedMediaType', text);

/** `Service "a" is invalid: spec.ports[0].port: Invalid value: …` */
export function invalid(type: { readonly group: string; readonly kind: string }, name: string, errors: readonly FieldError[]): Failure {
  const causes: V1StatusCause[] = errors.map((e) => ({ reason: e.type, message: errorBody(e), field: e.field }));
  const of = type.group === '' ? type.kind : `${type.kind}.${type.group}`;
  const text = errors.length > 0 ? `: ${aggregateText(errors)}` : '';
  return failure(422, 'Invalid', `${of} ${goQuote(name)} is invalid${text}`, {
    ...(name ? { name } : {}),
    ...(type.group ? { group: type.group } : {}),
    kind: type.kind,
    causes,
  });
}

/** With several errors kubectl sees one cause each; a generic failure carries its reason in the message. */
export const success = (details?: V1Status['details']): V1Status => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  ...(details ? { details } : {}),
});
