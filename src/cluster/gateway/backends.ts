/** What a backendRef leads to: a Service's ready endpoints, or nothing that may be used. Models Gateway API's BackendRef and ReferenceGrant */

import type { EndpointSlice, Service } from '../api/object.ts';
import type { Backend, Endpoint, Filter } from '../l7/route.ts';
import type { BackendRef, ReferenceGrant } from './objects.ts';

/** What the translation looks things up in. */
export interface Cluster {
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): readonly EndpointSlice[];
  readonly grants: readonly ReferenceGrant[];
}

/** Null when the reference may be followed, else reason and message of the ResolvedRefs condition. */
export function refProblem(
  c: Cluster,
  from: { kind: string; namespace: string },
  ref: BackendRef,
): { reason: string; message: string } | null {
  const kind = ref.kind ?? 'Service';
  const group = ref.group ?? '';
  if (kind !== 'Service' || group !== '')
    return {
      reason: 'InvalidKind',
      message: `Group is invalid, only the core API group (specified by omitting the group field or setting it to an empty string) and kind Service are supported`,
    };
  const namespace = ref.namespace ?? from.namespace;
  if (
    namespace !== from.namespace &&
    !granted(c.grants, { ...from, group: 'gateway.networking.k8s.io' }, { group, kind, namespace, name: ref.name })
  )
    return { reason: 'RefNotPermitted', message: `Backend ref to Service ${namespace}/${ref.name} not permitted by any ReferenceGrant.` };
  const service = c.service(namespace, ref.name);
  if (!service) return { reason: 'BackendNotFound', message: `Service ${namespace}/${ref.name} not found` };
  if (ref.port === undefined)
    return { reason: 'PortNotSpecified', message: 'A valid port number corresponding to a port on the Service must be specified' };
  if (!service.spec?.ports?.some((p) => p.port === ref.port))
    return { reason: 'PortNotFound', message: `TCP Port ${ref.port} not found on Service ${namespace}/${ref.name}` };
  return null;
}

export function granted(
  grants: readonly ReferenceGrant[],
  from: { group: string; kind: string; namespace: string },
  to: { group: string; kind: string; namespace: string; name: string },
): boolean {
  return grants.some(
    (g) =>
      g.metadata.namespace === to.namespace &&
      g.spec.from.some((f) => f.group === from.group && f.kind === from.kind && f.namespace === from.namespace) &&
      g.spec.to.some((t) => t.group === to.group && t.kind === to.kind && (t.name === undefined || t.name === '' || t.name === to.name)),
  );
}

/** Ready addresses behind a Service's port, in the slices' order, each once. */
export function serviceEndpoints(c: Pick<Cluster, 'slices'>, service: Service, port: number | string): Endpoint[] {
  const wanted = service.spec?.ports?.find((p) => p.port === port || p.name === port);
  if (!wanted) return [];
  const out = new Map<string, Endpoint>();
  for (const slice of c.slices(service.metadata.namespace ?? '', service.metadata.name)) {
    const own = slice.ports?.find((p) => (p.name ?? '') === (wanted.name ?? ''));
    if (own?.port === undefined) continue;
    for (const e of slice.endpoints ?? []) {
      if (e.conditions?.ready === false) continue;
      for (const ip of e.addresses) out.set(`${ip}:${own.port}`, { ip, port: own.port });
    }
  }
  return [...out.values()];
}

export function backendOf(c: Cluster, from: { kind: string; namespace: string }, ref: BackendRef, filters: readonly Filter[]): Backend {
  const namespace = ref.namespace ?? from.namespace;
  const invalid = refProblem(c, from, ref) !== null;
  const service = invalid ? undefined : c.service(namespace, ref.name);
  return {
    name: `${namespace}/${ref.name}:${ref.port ?? ''}`,
    endpoints: service ? serviceEndpoints(c, service, ref.port as number) : [],
    weight: ref.weight ?? 1,
    filters,
    invalid,
    tls: false,
  };
}
