/** Ingress objects as both controllers read them: rules with their backends resolved, certificates. */

import { parsePrivate } from '../../os/tls/keys.ts';
import type { Identity } from '../../os/tls/server.ts';
import { certificatesIn } from '../../os/tls/trust.ts';
import { text } from '../../wire/bytes.ts';
import { fromBase64 } from '../../wire/der.ts';
import type { Ingress, IngressClass, Secret } from '../api/object.ts';
import type { V1IngressBackend } from '../api/types.ts';
import { serviceEndpoints } from '../gateway/backends.ts';
import type { ClusterCache } from '../gateway/inputs.ts';
import type { Backend } from '../l7/route.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

/**
 * Ingresses that a controller serves: by class, by the old annotation, and those that name neither when it takes these. (A default class
 * is nothing to a controller: the API server writes it into Ingresses that are created.)
 */
export function ingressesOf(
  all: Iterable<Ingress>,
  classes: Iterable<IngressClass>,
  controller: string,
  oldName: string,
  without: boolean,
): Ingress[] {
  const names = new Set([...classes].filter((c) => c.spec?.controller === controller).map((c) => c.metadata.name));
  return [...all].filter((i) => {
    const named = i.spec?.ingressClassName;
    if (named !== undefined) return names.has(named);
    const annotation = i.metadata.annotations?.[CLASS_ANNOTATION];
    return annotation === undefined ? without : annotation === oldName;
  });
}

export function annotation(i: Ingress, prefix: string, name: string): string | undefined {
  return i.metadata.annotations?.[`${prefix}/${name}`];
}

export function ingressBackend(cache: ClusterCache, namespace: string, b: V1IngressBackend | undefined): Backend | null {
  const s = b?.service;
  if (!s) return null;
  const port = s.port?.number ?? s.port?.name ?? 0;
  const service = cache.service(namespace, s.name);
  return {
    name: `${namespace}-${s.name}-${port}`,
    endpoints: service ? serviceEndpoints(cache, service, port) : [],
    weight: 1,
    filters: [],
    invalid: false,
    tls: false,
  };
}

export function identityOf(secret: Secret | undefined): Identity | null {
  const pem = (key: string): string => text(fromBase64(secret?.data?.[key] ?? ''));
  const chain = certificatesIn(pem('tls.crt'));
  const key = parsePrivate(pem('tls.key'));
  return chain.length > 0 && key ? { chain: chain.map((c) => c.raw), key } : null;
}
