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
const DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class';

/** Ingresses that a controller serves: by class, by the old annotation, or without class when its class is the default. */
export function ingressesOf(all: Iterable<Ingress>, classes: Iterable<IngressClass>, controller: string, oldName: string): Ingress[] {
  const own = [...classes].filter((c) => c.spec?.controller === controller);
  const names = new Set(own.map((c) => c.metadata.name));
  const byDefault = own.some((c) => c.metadata.annotations?.[DEFAULT_CLASS] === 'true');
  return [...all].filter((i) => {
    const annotation = i.metadata.annotations?.[CLASS_ANNOTATION];
    if (annotation !== undefined) return annotation === oldName;
    const named = i.spec?.ingressClassName;
    return named === undefined ? byDefault : names.has(named);
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
