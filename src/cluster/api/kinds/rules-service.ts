/** Rules of Service, as the API server applies them. */

import { registerKind } from '../kind.ts';
import { nameIsLabel } from '../names.ts';
import type { Service } from '../object.ts';
import { age, columns, labelText } from './columns.ts';
import { withMembers } from './common.ts';
import {
  dropTypeDependent,
  serviceDefaults,
  serviceWarnings,
  specOf,
  validateLoadBalancerStatus,
  validateService,
  validateServiceUpdate,
} from './service.ts';
import { allocateService, releaseService, writeIPAddresses } from './service-alloc.ts';

function externalIP(s: Service): string {
  const spec = specOf(s);
  const external = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.length > 0 ? external.join(',') : '<none>';
    case 'LoadBalancer': {
      const points = (s.status?.loadBalancer?.ingress ?? []).map((i) => i.ip || i.hostname || '').filter((t) => t !== '');
      return [...[...new Set(points)].sort(), ...external].join(',') || '<pending>';
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

function ports(s: Service): string {
  return (
    (specOf(s).ports ?? []).map((p) => (p.nodePort ? `${p.port}:${p.nodePort}/${p.protocol}` : `${p.port}/${p.protocol}`)).join(',') ||
    '<none>'
  );
}

registerKind<Service>('Service', {
  defaults: serviceDefaults,
  prepareForCreate: (s) => ({ ...s, status: { loadBalancer: {} } }),
  prepareForUpdate(given, old, context) {
    if (context.subresource === 'status') return given;
    const s = dropTypeDependent(given, old);
    return s.spec?.type !== 'LoadBalancer' && old.status?.loadBalancer?.ingress
      ? { ...s, status: withMembers(old.status, { loadBalancer: {} }) }
      : s;
  },
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatusUpdate: (s, old) =>
    validateLoadBalancerStatus('status.loadBalancer', s.status?.loadBalancer, old.status?.loadBalancer, s.spec?.type),
  nameCheck: nameIsLabel,
  warnings: serviceWarnings,
  allocate: allocateService,
  stored: writeIPAddresses,
  deleted: releaseService,
  columns: columns('Name|Type|Cluster-IP|External-IP|Port(s)|Age|+Selector'),
  row: (s, now) => [
    s.metadata.name,
    specOf(s).type ?? '',
    specOf(s).clusterIPs?.[0] ?? '<none>',
    externalIP(s),
    ports(s),
    age(s, now),
    labelText(specOf(s).selector),
  ],
  selectableFields: { 'spec.clusterIP': (s) => specOf(s).clusterIP ?? '', 'spec.type': (s) => specOf(s).type ?? '' },
  allowCreateOnUpdate: true,
});
