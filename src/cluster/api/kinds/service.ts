/** Service: defaults, validation, what follows a change of type. Models pkg/apis/core/validation and pkg/registry/core/service. */

import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from '../field.ts';
import { endpointIP, isIPv4Text, isIPv6Text, legacyCIDR, legacyIP, warningsForCIDR, warningsForIP } from '../ip.ts';
import { dns1123Label, dns1123Subdomain, portName, portNumber, qualifiedName } from '../names.ts';
import type { Service } from '../object.ts';
import type { V1LoadBalancerStatus, V1Service, V1ServicePort, V1ServiceSpec } from '../types.ts';
import { bad, type Errors, internalText, labels, mapSame, withMembers } from './common.ts';

export const specOf = (s: V1Service): V1ServiceSpec => s.spec ?? {};
const isHeadless = (spec: V1ServiceSpec): boolean => spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
export const externallyAccessible = (spec: V1ServiceSpec): boolean =>
  spec.type === 'LoadBalancer' || spec.type === 'NodePort' || (spec.type === 'ClusterIP' && (spec.externalIPs?.length ?? 0) > 0);
export const needsHealthCheck = (spec: V1ServiceSpec): boolean => spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
export const needsClusterIP = (spec: V1ServiceSpec): boolean =>
  spec.type === 'ClusterIP' || spec.type === 'NodePort' || spec.type === 'LoadBalancer';
const needsNodePort = (spec: V1ServiceSpec): boolean => spec.type === 'NodePort' || spec.type === 'LoadBalancer';

export function serviceDefaults(service: Service): Service {
  const spec = specOf(service);
  const affinity = spec.sessionAffinity ?? 'None';
  const type = spec.type ?? 'ClusterIP';
  const typed: V1ServiceSpec = spec.type === type ? spec : { ...spec, type };
  const timeout = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const ports = mapSame(spec.ports, portDefaults);
  const made = withMembers(typed, {
    sessionAffinity: affinity,
    sessionAffinityConfig:
      affinity === 'None'
        ? undefined
        : affinity === 'ClientIP' && timeout === undefined
          ? { clientIP: { timeoutSeconds: 10800 } }
          : spec.sessionAffinityConfig,
    ports,
    externalTrafficPolicy: spec.externalTrafficPolicy || (externallyAccessible(typed) ? 'Cluster' : undefined),
    internalTrafficPolicy: spec.internalTrafficPolicy ?? (needsClusterIP(typed) ? 'Cluster' : undefined),
    allocateLoadBalancerNodePorts: spec.allocateLoadBalancerNodePorts ?? (type === 'LoadBalancer' ? true : undefined),
  });
  const ingress = service.status?.loadBalancer?.ingress;
  const moded = type === 'LoadBalancer' ? mapSame(ingress, (i) => (i.ip && i.ipMode === undefined ? { ...i, ipMode: 'VIP' } : i)) : ingress;
  const status =
    moded === ingress ? service.status : { ...service.status, loadBalancer: { ...service.status?.loadBalancer, ingress: moded } };
  return withMembers(service, { spec: made === service.spec ? service.spec : made, status });
}

function portDefaults(port: V1ServicePort): V1ServicePort {
  const unset = port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '';
  return withMembers(port, { protocol: port.protocol || 'TCP', targetPort: unset ? port.port : port.targetPort });
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

/** clusterIP and clusterIPs say the same; old clients manage the one, new clients both. */
export function syncClusterIPs(service: Service, old: Service | undefined): Service {
  let spec = specOf(service);
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) return { ...service, spec: { ...spec, clusterIPs: [spec.clusterIP] } };
    return service;
  }
  const before = specOf(old);
  const unchanged = (before.clusterIP ?? '') === (spec.clusterIP ?? '');
  if (before.clusterIPs?.length && !spec.clusterIPs?.length && unchanged) spec = { ...spec, clusterIPs: before.clusterIPs };
  if (!unchanged && same(before.clusterIPs, spec.clusterIPs))
    spec = withMembers(spec, { clusterIPs: before.clusterIP && !spec.clusterIP ? undefined : [spec.clusterIP] });
  return spec === service.spec ? service : { ...service, spec };
}

/** What an update leaves out and the server had chosen stays: addresses and node ports. */
export function keepAllocated(service: Service, old: Service): Service {
  let spec = specOf(service);
  const before = specOf(old);
  if (needsClusterIP(before) && needsClusterIP(spec)) {
    if (!spec.clusterIP && before.clusterIP) spec = { ...spec, clusterIP: before.clusterIP };
    if (!spec.clusterIPs?.length && spec.clusterIP === before.clusterIP && before.clusterIPs)
      spec = { ...spec, clusterIPs: before.clusterIPs };
  }
  if (needsNodePort(before) && needsNodePort(spec)) {
    const had = new Map((before.ports ?? []).map((p) => [p.name ?? '', p.nodePort ?? 0] as const));
    const used = new Set(nodePorts(before).filter((n) => n !== 0 && nodePorts(spec).includes(n)));
    const ports = mapSame(spec.ports, (p) => {
      const keep = p.nodePort ? undefined : had.get(p.name ?? '');
      if (!keep || used.has(keep)) return p;
      used.add(keep);
      return { ...p, nodePort: keep };
    });
    spec = withMembers(spec, { ports });
  }
  if (needsHealthCheck(before) && needsHealthCheck(spec) && !spec.healthCheckNodePort)
    spec = withMembers(spec, { healthCheckNodePort: before.healthCheckNodePort });
  return spec === service.spec ? service : { ...service, spec };
}

const nodePorts = (spec: V1ServiceSpec): readonly number[] => (spec.ports ?? []).map((p) => p.nodePort ?? 0);

/** Fields that no longer apply after a change of type and that the user did not touch go. */
export function dropTypeDependent(service: Service, old: Service): Service {
  let spec = specOf(service);
  const before = specOf(old);
  if (needsClusterIP(before) && !needsClusterIP(spec)) {
    if (same(before.clusterIPs, spec.clusterIPs)) spec = withMembers(spec, { clusterIP: undefined, clusterIPs: undefined });
    if (same(before.ipFamilies, spec.ipFamilies)) spec = withMembers(spec, { ipFamilies: undefined });
    if (before.ipFamilyPolicy === spec.ipFamilyPolicy) spec = withMembers(spec, { ipFamilyPolicy: undefined });
    if (before.internalTrafficPolicy === spec.internalTrafficPolicy) spec = withMembers(spec, { internalTrafficPolicy: undefined });
  }
  if (needsNodePort(before) && !needsNodePort(spec) && same(nodePorts(before), nodePorts(spec)))
    spec = withMembers(spec, { ports: mapSame(spec.ports, (p) => withMembers(p, { nodePort: undefined })) });
  if (needsHealthCheck(before) && !needsHealthCheck(spec) && before.healthCheckNodePort === spec.healthCheckNodePort)
    spec = withMembers(spec, { healthCheckNodePort: undefined });
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (before.allocateLoadBalancerNodePorts === spec.allocateLoadBalancerNodePorts)
      spec = withMembers(spec, { allocateLoadBalancerNodePorts: undefined });
    if (before.loadBalancerClass === spec.loadBalancerClass) spec = withMembers(spec, { loadBalancerClass: undefined });
  }
  if (externallyAccessible(before) && !externallyAccessible(spec) && before.externalTrafficPolicy === spec.externalTrafficPolicy)
    spec = withMembers(spec, { externalTrafficPolicy: undefined });
  return spec === service.spec ? service : { ...service, spec };
}

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'] as const;
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'] as const;
const HINTS = 'service.kubernetes.io/topology-aware-hints';
const MODE = 'service.kubernetes.io/topology-mode';
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';

/** Number or name of a port. */
export function portNumberOrName(field: string, port: number | string): Errors {
  return bad(field, port, typeof port === 'number' ? portNumber(port) : portName(port));
}

function validatePort(port: V1ServicePort, field: string, needName: boolean, names: Set<string>): Errors {
  const out: Errors = [];
  const name = port.name ?? '';
  if (needName && name === '') out.push(required(`${field}.name`));
  else if (name !== '') {
    out.push(...bad(`${field}.name`, name, dns1123Label(name)));
    if (names.has(name)) out.push(duplicate(`${field}.name`, name));
    names.add(name);
  }
  out.push(...bad(`${field}.port`, port.port, portNumber(port.port)));
  if (!port.protocol) out.push(required(`${field}.protocol`));
  else if (!(PROTOCOLS as readonly string[]).includes(port.protocol)) out.push(notSupported(`${field}.protocol`, port.protocol, PROTOCOLS));
  out.push(...portNumberOrName(`${field}.targetPort`, port.targetPort ?? 0));
  if (port.appProtocol !== undefined) out.push(...bad(`${field}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol)));
  return out;
}

function byType(spec: V1ServiceSpec): Errors {
  if (spec.type === 'LoadBalancer' || spec.type === 'NodePort')
    return isHeadless(spec) ? [invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`)] : [];
  if (spec.type !== 'ExternalName') return [];
  const out: Errors = [];
  if (spec.clusterIPs?.length) out.push(forbidden('spec.clusterIPs', 'may not be set for ExternalName services'));
  if (spec.ipFamilies?.length) out.push(forbidden('spec.ipFamilies', 'may not be set for ExternalName services'));
  if (spec.ipFamilyPolicy !== undefined) out.push(forbidden('spec.ipFamilyPolicy', 'may not be set for ExternalName services'));
  const cname = (spec.externalName ?? '').replace(/\.$/, '');
  out.push(...(cname === '' ? [required('spec.externalName')] : bad('spec.externalName', cname, dns1123Subdomain(cname))));
  return out;
}

function affinity(spec: V1ServiceSpec): Errors {
  const value = spec.sessionAffinity ?? '';
  if (value === '') return [required('spec.sessionAffinity')];
  const field = 'spec.sessionAffinityConfig';
  if (value === 'None')
    return spec.sessionAffinityConfig === undefined ? [] : [forbidden(field, 'must not be set when session affinity is None')];
  if (value !== 'ClientIP') return [notSupported('spec.sessionAffinity', value, ['ClientIP', 'None'])];
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds === undefined) return [required(field, 'when session affinity type is ClientIP')];
  return seconds > 0 && seconds <= 86400
    ? []
    : [invalid(`${field}.clientIP.timeoutSeconds`, seconds, 'must be greater than 0 and less than 86400')];
}

/** clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy. Also asked by the allocator before anything else is validated. */
export function validateClusterIPs(spec: V1ServiceSpec, old: V1ServiceSpec | undefined): Errors {
  if (spec.type === 'ExternalName') return [];
  const out: Errors = [];
  const ips = spec.clusterIPs ?? [];
  const families = spec.ipFamilies ?? [];
  if (spec.clusterIP) {
    if (ips.length === 0) out.push(required('spec.clusterIPs'));
    else if (ips[0] !== spec.clusterIP) out.push(invalid('spec.clusterIPs', ips, 'first value must match `clusterIP`'));
  } else if (ips.length > 0) out.push(invalid('spec.clusterIPs', ips, 'must be empty when `clusterIP` is not specified'));
  const seen = new Set<string>();
  families.forEach((family, i) => {
    if (family !== 'IPv4' && family !== 'IPv6') out.push(notSupported(`spec.ipFamilies[${i}]`, family, ['IPv4', 'IPv6']));
    if (seen.has(family)) out.push(duplicate(`spec.ipFamilies[${i}]`, family));
    seen.add(family);
  });
  const policy = spec.ipFamilyPolicy;
  if (policy !== undefined && !['SingleStack', 'PreferDualStack', 'RequireDualStack'].includes(policy))
    out.push(notSupported('spec.ipFamilyPolicy', policy, ['PreferDualStack', 'RequireDualStack', 'SingleStack']));
  let broken = false;
  ips.forEach((ip, i) => {
    if (i === 0 && ip === 'None') {
      if (ips.length === 1) return;
      broken = true;
      out.push(invalid('spec.clusterIPs', ips, "'None' must be the first and only value"));
      return;
    }
    const errors = legacyIP(`spec.clusterIPs[${i}]`, ip, old?.clusterIPs);
    if (errors.length > 0) broken = true;
    out.push(...errors);
  });
  if (ips.length > 2) out.push(invalid('spec.clusterIPs', ips, 'may only hold up to 2 values'));
  if (broken) return out;
  if (ips.length > 1 && !(ips.some(isIPv4Text) && ips.some(isIPv6Text)))
    out.push(invalid('spec.clusterIPs', ips, 'may specify no more than one IP for each IP family'));
  if (!isHeadless(spec))
    ips.slice(0, families.length).forEach((ip, i) => {
      const family = families[i];
      if ((family === 'IPv4' && isIPv6Text(ip)) || (family === 'IPv6' && !isIPv6Text(ip)))
        out.push(invalid(`spec.clusterIPs[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
    });
  return out;
}

function externalIPs(spec: V1ServiceSpec, old: V1ServiceSpec | undefined): Errors {
  return (spec.externalIPs ?? []).flatMap((ip, i) => {
    const field = `spec.externalIPs[${i}]`;
    const errors = legacyIP(field, ip, old?.externalIPs);
    return errors.length > 0 ? errors : endpointIP(field, ip);
  });
}

function doublePorts(spec: V1ServiceSpec): Errors {
  const out: Errors = [];
  const ports = spec.ports ?? [];
  const seen = new Set<string>();
  ports.forEach((p, i) => {
    if (!p.nodePort) return;
    const key = `${p.protocol}/${p.nodePort}`;
    if (seen.has(key)) out.push(duplicate(`spec.ports[${i}].nodePort`, p.nodePort));
    seen.add(key);
  });
  seen.clear();
  ports.forEach((p, i) => {
    const key = `${p.protocol}/${p.port}`;
    const text = internalText([
      ['Name', ''],
      ['Protocol', p.protocol],
      ['AppProtocol', null],
      ['Port', p.port],
      ['TargetPort', 0],
      ['NodePort', 0],
    ]);
    if (seen.has(key)) out.push(duplicate(`spec.ports[${i}]`, text));
    seen.add(key);
  });
  return out;
}

function sourceRanges(service: V1Service, old: V1Service | undefined): Errors {
  const spec = specOf(service);
  const only = (field: string): Errors =>
    spec.type === 'LoadBalancer' ? [] : [forbidden(field, "may only be used when `type` is 'LoadBalancer'")];
  const ranges = spec.loadBalancerSourceRanges ?? [];
  if (ranges.length > 0) {
    const field = 'spec.LoadBalancerSourceRanges';
    const known = (old?.spec?.loadBalancerSourceRanges ?? []).map((r) => r.trim());
    return [...only(field), ...ranges.flatMap((r, i) => legacyCIDR(`${field}[${i}]`, r.trim(), known))];
  }
  const text = service.metadata?.annotations?.[SOURCE_RANGES];
  if (text === undefined) return [];
  const field = `metadata.annotations[${SOURCE_RANGES}]`;
  const fresh = old?.metadata?.annotations?.[SOURCE_RANGES] !== text && text.trim() !== '';
  return [...only(field), ...(fresh ? text.split(',').flatMap((r) => legacyCIDR(field, r.trim())) : [])];
}

function loadBalancerClass(spec: V1ServiceSpec, old: V1ServiceSpec | undefined): Errors {
  const field = 'spec.loadBalancerClass';
  const value = spec.loadBalancerClass;
  if (spec.type !== 'LoadBalancer') return value === undefined ? [] : [forbidden(field, "may only be used when `type` is 'LoadBalancer'")];
  const out: Errors = [];
  if (old?.type === 'LoadBalancer' && old.loadBalancerClass !== value) out.push(invalid(field, value ?? null, 'may not change once set'));
  return value === undefined ? out : [...out, ...bad(field, value, qualifiedName(value))];
}

function trafficPolicies(spec: V1ServiceSpec): Errors {
  const out: Errors = [];
  const external = spec.externalTrafficPolicy ?? '';
  const field = 'spec.externalTrafficPolicy';
  if (!externallyAccessible(spec)) {
    if (external !== '') out.push(invalid(field, external, 'may only be set for externally-accessible services'));
  } else if (external === '') out.push(required(field));
  else if (external !== 'Cluster' && external !== 'Local') out.push(notSupported(field, external, ['Cluster', 'Local']));
  const check = spec.healthCheckNodePort ?? 0;
  if (!needsHealthCheck(spec)) {
    if (check !== 0)
      out.push(
        invalid('spec.healthCheckNodePort', check, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"),
      );
  } else if (check === 0) out.push(required('spec.healthCheckNodePort'));
  else out.push(...bad('spec.healthCheckNodePort', check, portNumber(check)));
  const internal = spec.internalTrafficPolicy;
  if (internal === undefined) {
    if (needsClusterIP(spec)) out.push(required('spec.internalTrafficPolicy'));
  } else if (internal !== 'Cluster' && internal !== 'Local')
    out.push(notSupported('spec.internalTrafficPolicy', internal, ['Cluster', 'Local']));
  const near = spec.trafficDistribution;
  const distributions = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
  if (near !== undefined && !distributions.includes(near)) out.push(notSupported('spec.trafficDistribution', near, distributions));
  return out;
}

function validate(service: V1Service, old: V1Service | undefined): FieldError[] {
  const spec = specOf(service);
  const before = old?.spec;
  const notes = service.metadata?.annotations ?? {};
  const out: Errors = [];
  const hints = notes[HINTS];
  const mode = notes[MODE];
  if (hints !== undefined && mode !== undefined && hints !== mode)
    out.push(invalid(`metadata.annotations[${MODE}]`, mode, `must match annotations[${HINTS}] when both are specified`));
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') out.push(required('spec.ports'));
  out.push(...byType(spec));
  const names = new Set<string>();
  ports.forEach((p, i) => {
    out.push(...validatePort(p, `spec.ports[${i}]`, ports.length > 1, names));
  });
  out.push(...labels('spec.selector', spec.selector), ...affinity(spec), ...validateClusterIPs(spec, before), ...externalIPs(spec, before));
  const type = spec.type ?? '';
  if (type === '') out.push(required('spec.type'));
  else if (!(TYPES as readonly string[]).includes(type)) out.push(notSupported('spec.type', type, TYPES));
  if (type === 'ClusterIP')
    ports.forEach((p, i) => {
      if (p.nodePort) out.push(forbidden(`spec.ports[${i}].nodePort`, "may not be used when `type` is 'ClusterIP'"));
    });
  out.push(...doublePorts(spec), ...sourceRanges(service, old));
  const allocate = spec.allocateLoadBalancerNodePorts;
  if (allocate !== undefined && type !== 'LoadBalancer')
    out.push(forbidden('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"));
  if (allocate === undefined && type === 'LoadBalancer') out.push(required('allocateLoadBalancerNodePorts'));
  return [...out, ...loadBalancerClass(spec, undefined), ...trafficPolicies(spec)];
}

export const validateService = (service: V1Service): FieldError[] => validate(service, undefined);

function fixedClusterIPs(spec: V1ServiceSpec, before: V1ServiceSpec): Errors {
  const ips = spec.clusterIPs ?? [];
  const had = before.clusterIPs ?? [];
  const out: Errors = [];
  const first = 'spec.clusterIPs[0]';
  if (ips.length === had.length) {
    had.forEach((ip, i) => {
      if (ip !== ips[i]) out.push(invalid(`spec.clusterIPs[${i}]`, ips, 'may not change once set'));
    });
    return out;
  }
  if (had.length > ips.length && ips.length === 0) out.push(invalid(first, spec.clusterIPs ?? null, 'primary clusterIP can not be unset'));
  if (had.length > 0 && ips.length > 0 && ips[0] !== had[0]) out.push(invalid(first, ips, 'may not change once set'));
  if (had.length > ips.length && ips.length === 1 && spec.ipFamilyPolicy !== 'SingleStack')
    out.push(
      invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, "must be set to 'SingleStack' when releasing the secondary clusterIP"),
    );
  return out;
}

function fixedFamilies(spec: V1ServiceSpec, before: V1ServiceSpec): Errors {
  const families = spec.ipFamilies ?? [];
  const had = before.ipFamilies ?? [];
  const out: Errors = [];
  const first = 'spec.ipFamilies[0]';
  if (families.length === had.length) {
    had.forEach((family, i) => {
      if (family !== families[i]) out.push(invalid(first, families, 'may not change once set'));
    });
    return out;
  }
  if (had.length > families.length && !spec.clusterIPs?.length)
    out.push(invalid(first, spec.ipFamilies ?? null, 'primary ipFamily can not be unset'));
  if (had.length > 0 && families.length > 0 && families[0] !== had[0])
    out.push(invalid(first, spec.clusterIPs ?? null, 'may not change once set'));
  if (had.length > families.length && families.length === 1 && spec.ipFamilyPolicy !== 'SingleStack')
    out.push(
      invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? null, "must be set to 'SingleStack' when releasing the secondary ipFamily"),
    );
  return out;
}

export function validateServiceUpdate(service: V1Service, old: V1Service): FieldError[] {
  const spec = specOf(service);
  const before = specOf(old);
  const out: Errors = [];
  if (spec.type !== 'ExternalName' && before.type !== 'ExternalName') {
    const headless = isHeadless(spec);
    const was = isHeadless(before);
    if (!(headless && was)) out.push(...fixedClusterIPs(spec, before));
    if (!headless && !was) out.push(...fixedFamilies(spec, before));
  }
  out.push(...loadBalancerClass(spec, before));
  if (needsHealthCheck(before) && needsHealthCheck(spec) && before.healthCheckNodePort !== spec.healthCheckNodePort)
    out.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
  return [...out, ...validate(service, old)];
}

export function validateLoadBalancerStatus(
  field: string,
  status: V1LoadBalancerStatus | undefined,
  old: V1LoadBalancerStatus | undefined,
  type: string | undefined,
): Errors {
  const ingress = status?.ingress ?? [];
  if (ingress.length > 0 && type !== 'LoadBalancer')
    return [forbidden(`${field}.ingress`, "may only be used when `spec.type` is 'LoadBalancer'")];
  const known = (old?.ingress ?? []).map((i) => i.ip ?? '');
  return ingress.flatMap((point, i) => {
    const at = `${field}.ingress[${i}]`;
    const out: Errors = point.ip ? legacyIP(`${at}.ip`, point.ip, known) : [];
    if (point.ipMode === undefined) {
      if (point.ip) out.push(required(`${at}.ipMode`, 'must be specified when `ip` is set'));
    } else if (!point.ip) out.push(forbidden(`${at}.ipMode`, 'may not be specified when `ip` is not set'));
    else if (point.ipMode !== 'VIP' && point.ipMode !== 'Proxy') out.push(notSupported(`${at}.ipMode`, point.ipMode, ['Proxy', 'VIP']));
    if (point.hostname) {
      out.push(...bad(`${at}.hostname`, point.hostname, dns1123Subdomain(point.hostname)));
      if (isIPv4Text(point.hostname) || isIPv6Text(point.hostname))
        out.push(invalid(`${at}.hostname`, point.hostname, 'must be a DNS name, not an IP address'));
    }
    return out;
  });
}

export function serviceWarnings(service: V1Service): string[] {
  const spec = specOf(service);
  const out: string[] = [];
  if (service.metadata?.annotations?.[HINTS] !== undefined) out.push(`annotation ${HINTS} is deprecated, please use ${MODE} instead`);
  const headless = spec.type === 'ClusterIP' && spec.clusterIP === 'None';
  if (spec.clusterIP && !headless) out.push(...(spec.clusterIPs ?? []).flatMap((ip, i) => warningsForIP(`spec.clusterIPs[${i}]`, ip)));
  if (headless) {
    if (spec.loadBalancerIP) out.push('spec.loadBalancerIP is ignored for headless services');
    if (spec.externalIPs?.length) out.push('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity === 'ClientIP') out.push('spec.SessionAffinity is ignored for headless services');
  } else if (spec.type !== 'ExternalName' && spec.externalIPs?.length)
    out.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  out.push(...(spec.externalIPs ?? []).flatMap((ip, i) => warningsForIP(`spec.externalIPs[${i}]`, ip)));
  if (spec.loadBalancerIP) out.push(...warningsForIP('spec.loadBalancerIP', spec.loadBalancerIP));
  out.push(...(spec.loadBalancerSourceRanges ?? []).flatMap((r, i) => warningsForCIDR(`spec.loadBalancerSourceRanges[${i}]`, r)));
  if (spec.type === 'ExternalName' && spec.externalIPs?.length) out.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (spec.type !== 'ExternalName' && spec.externalName) out.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  return out;
}
