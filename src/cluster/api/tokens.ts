/** Service account tokens: JSON web tokens that the API server itself hands out and knows. Models serviceaccount/jwt.go. */

import { sha256 } from '../sha256.ts';
import { fromBase64, toBase64Url } from './base64.ts';
import type { ApiResult } from './client.ts';
import type { RequestUser } from './http-types.ts';
import type { AnyObject } from './object.ts';
import type { ApiServer } from './server.ts';
import { failure } from './status.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';

interface Claims {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly iss: string;
  readonly jti: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: { readonly name: string; readonly uid: string };
    readonly pod?: { readonly name: string; readonly uid: string };
  };
  readonly nbf: number;
  readonly sub: string;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The signature is a keyed digest: nobody but this server checks it. */
function seal(server: ApiServer, text: string): string {
  const key = server.state('token key', () => String(server.sim.rng('token key').u32()));
  return toBase64Url(sha256(bytes(`${key}.${text}`)));
}

interface TokenSpec {
  readonly audiences?: readonly string[];
  readonly expirationSeconds?: number;
  readonly boundObjectRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
}

/** A TokenRequest for the service account of its name, answered. */
export function issueToken(server: ApiServer, request: AnyObject): ApiResult<AnyObject> {
  const { name = '', namespace = 'default' } = request.metadata;
  const account = server.peek('serviceaccounts', namespace, name);
  if (!account) return failure(404, 'NotFound', `serviceaccounts "${name}" not found`, { name, kind: 'serviceaccounts' });
  const spec = (request.spec ?? {}) as TokenSpec;
  const seconds = spec.expirationSeconds ?? 3600;
  if (seconds < 600)
    return failure(
      422,
      'Invalid',
      `TokenRequest.authentication.k8s.io "${name}" is invalid: spec.expirationSeconds: Invalid value: ${seconds}: may not specify a duration less than 10 minutes`,
      { name, group: 'authentication.k8s.io', kind: 'TokenRequest' },
    );
  const iat = Math.floor(Date.parse(server.now) / 1000);
  const audiences = spec.audiences?.length ? spec.audiences : [ISSUER];
  const bound = spec.boundObjectRef;
  const claims: Claims = {
    aud: audiences,
    exp: iat + seconds,
    iat,
    iss: ISSUER,
    jti: server.uid(),
    'kubernetes.io': {
      namespace,
      ...(bound?.kind === 'Pod' ? { pod: { name: bound.name ?? '', uid: bound.uid ?? '' } } : {}),
      serviceaccount: { name, uid: account.metadata.uid },
    },
    nbf: iat,
    sub: `system:serviceaccount:${namespace}:${name}`,
  };
  const head = toBase64Url(bytes(JSON.stringify({ alg: 'RS256', kid: server.state('token kid', () => seal(server, 'kid')) })));
  const text = `${head}.${toBase64Url(bytes(JSON.stringify(claims)))}`;
  const expirationTimestamp = `${new Date(claims.exp * 1000).toISOString().slice(0, 19)}Z`;
  return {
    ok: true,
    value: {
      ...request,
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: { name, namespace, creationTimestamp: server.now },
      spec: { audiences, expirationSeconds: seconds, boundObjectRef: bound ?? null },
      status: { token: `${text}.${seal(server, text)}`, expirationTimestamp },
    } as unknown as AnyObject,
  };
}

/** Who a bearer token speaks for; undefined when it is none of this server's, too old, or its account or pod is gone. */
export function tokenUser(server: ApiServer, token: string): RequestUser | undefined {
  const parts = token.split('.');
  if (parts.length !== 3 || seal(server, `${parts[0]}.${parts[1]}`) !== parts[2]) return undefined;
  const claims = JSON.parse(fromBase64(parts[1] as string)) as Claims;
  if (claims.exp * 1000 <= Date.parse(server.now)) return undefined;
  const { namespace, serviceaccount, pod } = claims['kubernetes.io'];
  if (server.peek('serviceaccounts', namespace, serviceaccount.name)?.metadata.uid !== serviceaccount.uid) return undefined;
  if (pod && server.peek('pods', namespace, pod.name)?.metadata.uid !== pod.uid) return undefined;
  return {
    name: claims.sub,
    uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra: {
      'authentication.kubernetes.io/credential-id': [`JTI=${claims.jti}`],
      ...(pod ? { 'authentication.kubernetes.io/pod-name': [pod.name], 'authentication.kubernetes.io/pod-uid': [pod.uid] } : {}),
    },
  };
}
