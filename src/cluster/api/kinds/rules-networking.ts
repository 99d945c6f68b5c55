/** Rules of the kinds of networking.k8s.io. Models pkg/registry/networking, the DefaultIngressClass admission, printers. */

import { type Admitted, type RequestContext, registerKind } from '../kind.ts';
import type { Ingress, IngressClass, NetworkPolicy, Stored } from '../object.ts';
import type { V1IPAddress, V1ServiceCIDR } from '../types.ts';
import { age, columns, formatSelector } from './columns.ts';
import { immutable, mapSame, withMembers } from './common.ts';
import * as rules from './networking.ts';

const DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class';
export const isDefaultClass = (o: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }): boolean =>
  o.metadata.annotations?.[DEFAULT_CLASS] === 'true';

/** An Ingress that names no class gets the default one, the newest where there are several. */
function defaultClass(ingress: Ingress, old: Ingress | undefined, context: RequestContext): Admitted<Ingress> {
  const spec = ingress.spec ?? {};
  const named = spec.ingressClassName !== undefined || ingress.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined;
  if (old || named || context.subresource !== '') return { ok: true, value: ingress };
  const classes = context.list<IngressClass>('ingressclasses.networking.k8s.io').filter(isDefaultClass);
  const newest = [...classes].sort(
    (a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) || (a.metadata.name < b.metadata.name ? -1 : 1),
  )[0];
  return { ok: true, value: newest ? { ...ingress, spec: { ...spec, ingressClassName: newest.metadata.name } } : ingress };
}

function hosts(ingress: Ingress): string {
  const list = ingress.spec?.rules ?? [];
  const shown: string[] = [];
  let more = false;
  for (const rule of list) {
    if (shown.length === 3) more = true;
    if (!more && rule.host) shown.push(rule.host);
  }
  if (shown.length === 0) return '*';
  return more ? `${shown.join(',')} + ${list.length - 3} more...` : shown.join(',');
}

registerKind<Ingress>('Ingress.networking.k8s.io', {
  admit: defaultClass,
  prepareForCreate: (o) => ({ ...o, status: { loadBalancer: {} } }),
  validate: rules.validateIngress,
  validateUpdate: rules.validateIngressUpdate,
  validateStatusUpdate: rules.validateIngressStatus,
  warnings: (o, old) => (old ? [] : rules.ingressWarnings(o)),
  columns: columns('Name|Class|Hosts|Address|Ports|Age'),
  row(o, now) {
    const points = (o.status?.loadBalancer?.ingress ?? []).map((i) => i.ip || i.hostname || '').filter((t) => t !== '');
    return [
      o.metadata.name,
      o.spec?.ingressClassName ?? '<none>',
      hosts(o),
      [...new Set(points)].sort().join(','),
      o.spec?.tls?.length ? '80, 443' : '80',
      age(o, now),
    ];
  },
});

registerKind<IngressClass>('IngressClass.networking.k8s.io', {
  defaults(o) {
    const parameters = o.spec?.parameters;
    return parameters && parameters.scope === undefined
      ? { ...o, spec: { ...o.spec, parameters: { ...parameters, scope: 'Cluster' } } }
      : o;
  },
  validate: rules.validateIngressClass,
  validateUpdate: rules.validateIngressClassUpdate,
  columns: columns('Name|Controller|Parameters|Age'),
  row(o, now) {
    const p = o.spec?.parameters;
    const name = isDefaultClass(o) ? `${o.metadata.name} (default)` : o.metadata.name;
    return [
      name,
      o.spec?.controller ?? '',
      p ? `${p.kind}${p.apiGroup === undefined ? '' : `.${p.apiGroup}`}/${p.name}` : '<none>',
      age(o, now),
    ];
  },
});

registerKind<NetworkPolicy>('NetworkPolicy.networking.k8s.io', {
  defaults(o) {
    const spec = o.spec ?? { podSelector: {} };
    const ports = <T extends { readonly protocol?: string }>(list: readonly T[] | undefined): readonly T[] | undefined =>
      mapSame(list, (p) => withMembers(p, { protocol: p.protocol ?? 'TCP' }));
    const made = withMembers(spec, {
      podSelector: spec.podSelector ?? {},
      ingress: mapSame(spec.ingress, (r) => withMembers(r, { ports: ports(r.ports) })),
      egress: mapSame(spec.egress, (r) => withMembers(r, { ports: ports(r.ports) })),
      policyTypes: spec.policyTypes?.length ? spec.policyTypes : spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'],
    });
    return made === o.spec ? o : { ...o, spec: made };
  },
  validate: rules.validateNetworkPolicy,
  validateUpdate: rules.validateNetworkPolicyUpdate,
  columns: columns('Name|Pod-Selector|Age'),
  row: (o, now) => [o.metadata.name, formatSelector(o.spec?.podSelector), age(o, now)],
});

registerKind<Stored<V1ServiceCIDR>>('ServiceCIDR.networking.k8s.io', {
  prepareForCreate: ({ status: _status, ...rest }) => rest as Stored<V1ServiceCIDR>,
  validate: rules.validateServiceCIDR,
  validateUpdate: rules.validateServiceCIDRUpdate,
  columns: columns('Name|CIDRs|Age'),
  row: (o, now) => [o.metadata.name, (o.spec?.cidrs ?? []).join(','), age(o, now)],
});

registerKind<Stored<V1IPAddress>>('IPAddress.networking.k8s.io', {
  nameCheck: rules.ipAddressName,
  validate: rules.validateIPAddress,
  validateUpdate: (o, old) => immutable('spec.parentRef', o.spec?.parentRef, old.spec?.parentRef),
  columns: columns('Name|ParentRef|Age'),
  row(o, now) {
    const ref = o.spec?.parentRef;
    const text =
      ref &&
      [`${ref.resource}${ref.group ? `.${ref.group}` : ''}`.toLowerCase(), ...(ref.namespace ? [ref.namespace] : []), ref.name].join('/');
    return [o.metadata.name, text ?? '<none>', age(o, now)];
  },
});
