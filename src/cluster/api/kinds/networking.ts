/** Ingress, IngressClass, NetworkPolicy, ServiceCIDR, IPAddress: validation. Models pkg/apis/networking/validation. */

import { forbidden, invalid, notSupported, required, tooLong } from '../field.ts';
import { canonicalCIDR, canonicalIP, contains, isIPv4Text, isIPv6Text, legacyCIDR, legacyIP, parseCidr } from '../ip.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  IMMUTABLE,
  pathSegmentName,
  portName,
  portNumber,
  regexError,
  wildcardDns1123Subdomain,
} from '../names.ts';
import type {
  V1HTTPIngressPath,
  V1Ingress,
  V1IngressBackend,
  V1IngressClass,
  V1IngressClassParametersReference,
  V1IngressRule,
  V1IngressSpec,
  V1IPAddress,
  V1IPBlock,
  V1NetworkPolicy,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
  V1NetworkPolicySpec,
  V1ServiceCIDR,
} from '../types.ts';
import { bad, type Errors, immutable, internalText, labelSelector } from './common.ts';

const CLASS = 'kubernetes.io/ingress.class';
const isIP = (text: string): boolean => isIPv4Text(text) || isIPv6Text(text);
const hostForm = (host: string): string[] => (host.includes('*') ? wildcardDns1123Subdomain(host) : dns1123Subdomain(host));

function reference(field: string, ref: { readonly apiGroup?: string; readonly kind: string; readonly name: string }): Errors {
  const segment = (key: 'kind' | 'name'): Errors =>
    ref[key] ? bad(`${field}.${key}`, ref[key], pathSegmentName(ref[key])) : [required(`${field}.${key}`)];
  return [
    ...(ref.apiGroup === undefined ? [] : bad(`${field}.apiGroup`, ref.apiGroup, dns1123Subdomain(ref.apiGroup))),
    ...segment('kind'),
    ...segment('name'),
  ];
}

function backend(field: string, b: V1IngressBackend): Errors {
  const { service, resource } = b;
  if (service && resource) return [invalid(field, '', 'cannot set both resource and service backends')];
  if (resource) return reference(`${field}.resource`, resource);
  if (!service) return [invalid(field, '', 'resource or service backend is required')];
  const out: Errors = service.name
    ? bad(`${field}.service.name`, service.name, dns1123Label(service.name))
    : [required(`${field}.service.name`)];
  const { name = '', number = 0 } = service.port ?? {};
  if (name !== '' && number !== 0) out.push(invalid(field, '', 'cannot set both port name & port number'));
  else if (name !== '') out.push(...bad(`${field}.service.port.name`, name, portName(name)));
  else if (number !== 0) out.push(...bad(`${field}.service.port.number`, number, portNumber(number)));
  else out.push(required(field, 'port name or number is required'));
  return out;
}

const SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const SUFFIXES = ['/..', '/.'];
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];

function ingressPath(field: string, p: V1HTTPIngressPath): Errors {
  const out: Errors = [];
  const path = p.path ?? '';
  const at = `${field}.path`;
  // Absent or null; an empty one is an unknown type.
  if (p.pathType === undefined || p.pathType === null) return [required(`${field}.pathType`, 'pathType must be specified')];
  if (p.pathType === 'Exact' || p.pathType === 'Prefix') {
    if (!path.startsWith('/')) out.push(invalid(at, path, 'must be an absolute path'));
    for (const s of SEQUENCES) if (path.includes(s)) out.push(invalid(at, path, `must not contain '${s}'`));
    for (const s of SUFFIXES) if (path.endsWith(s)) out.push(invalid(at, path, `cannot end with '${s}'`));
  } else if (p.pathType === 'ImplementationSpecific') {
    if (path !== '' && !path.startsWith('/')) out.push(invalid(at, path, 'must be an absolute path'));
  } else out.push(notSupported(`${field}.pathType`, p.pathType, PATH_TYPES));
  return [...out, ...backend(`${field}.backend`, p.backend ?? {})];
}

function ingressRule(field: string, rule: V1IngressRule): Errors {
  const out: Errors = [];
  if (rule.host) {
    if (isIP(rule.host)) out.push(invalid(`${field}.host`, rule.host, 'must be a DNS name, not an IP address'));
    out.push(...bad(`${field}.host`, rule.host, hostForm(rule.host)));
  }
  if (!rule.http) return out;
  const paths = rule.http.paths ?? [];
  if (paths.length === 0) out.push(required(`${field}.http.paths`));
  return [...out, ...paths.flatMap((p, i) => ingressPath(`${field}.http.paths[${i}]`, p))];
}

function ingressSpec(spec: V1IngressSpec): Errors {
  const rules = spec.rules ?? [];
  const out: Errors = [];
  if (rules.length === 0 && !spec.defaultBackend) out.push(invalid('spec', null, 'either `defaultBackend` or `rules` must be specified'));
  if (spec.defaultBackend) out.push(...backend('spec.defaultBackend', spec.defaultBackend));
  out.push(...rules.flatMap((r, i) => ingressRule(`spec.rules[${i}]`, r)));
  (spec.tls ?? []).forEach((tls, i) => {
    out.push(...(tls.hosts ?? []).flatMap((h, j) => bad(`spec.tls[${i}].hosts[${j}]`, h, hostForm(h))));
    if (tls.secretName) out.push(...bad(`spec.tls[${i}].secretName`, tls.secretName, dns1123Subdomain(tls.secretName)));
  });
  if (spec.ingressClassName !== undefined)
    out.push(...bad('spec.ingressClassName', spec.ingressClassName, dns1123Subdomain(spec.ingressClassName)));
  return out;
}

export function validateIngress(ingress: V1Ingress): Errors {
  const spec = ingress.spec ?? {};
  const out = ingressSpec(spec);
  const named = ingress.metadata?.annotations?.[CLASS];
  if (named !== undefined && spec.ingressClassName !== undefined && named !== spec.ingressClassName)
    out.push(invalid(`annotations.${CLASS}`, named, 'must match `ingressClassName` when both are specified'));
  return out;
}
export const validateIngressUpdate = (ingress: V1Ingress): Errors => ingressSpec(ingress.spec ?? {});

export function validateIngressStatus(ingress: V1Ingress, old: V1Ingress): Errors {
  const known = (old.status?.loadBalancer?.ingress ?? []).map((i) => i.ip ?? '');
  return (ingress.status?.loadBalancer?.ingress ?? []).flatMap((point, i) => {
    const at = `status.loadBalancer.ingress[${i}]`;
    const out: Errors = point.ip ? legacyIP(`${at}.ip`, point.ip, known) : [];
    if (point.hostname) {
      out.push(...bad(`${at}.hostname`, point.hostname, dns1123Subdomain(point.hostname)));
      if (isIP(point.hostname)) out.push(invalid(`${at}.hostname`, point.hostname, 'must be a DNS name, not an IP address'));
    }
    return out;
  });
}

export function ingressWarnings(ingress: V1Ingress): string[] {
  const named = ingress.metadata?.annotations?.[CLASS];
  return named === undefined ? [] : [`annotation "${CLASS}" is deprecated, please use 'spec.ingressClassName' instead`];
}

function parameters(field: string, p: V1IngressClassParametersReference | undefined): Errors {
  if (!p) return [];
  const out = reference(field, p);
  if (p.scope === undefined) return [...out, required(`${field}.scope`)];
  if (p.scope === 'Namespace') {
    if (p.namespace === undefined) out.push(required(`${field}.namespace`, "`parameters.scope` is set to 'Namespace'"));
    else out.push(...bad(`${field}.namespace`, p.namespace, dns1123Label(p.namespace)));
  } else if (p.scope !== 'Cluster') out.push(notSupported(`${field}.scope`, p.scope, ['Cluster', 'Namespace']));
  else if (p.namespace !== undefined) out.push(forbidden(`${field}.namespace`, "`parameters.scope` is set to 'Cluster'"));
  return out;
}

const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

/** `acme.io/foo` */
export function domainPrefixedPath(field: string, value: string): Errors {
  const slash = value.indexOf('/');
  const host = value.slice(0, slash);
  const path = value.slice(slash + 1);
  if (slash < 1 || path === '') return [invalid(field, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const out = bad(field, host, dns1123Subdomain(host));
  if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(path)) out.push(invalid(field, path, regexError('Invalid path', HTTP_PATH)));
  return out;
}

export function validateIngressClass(c: V1IngressClass): Errors {
  const controller = c.spec?.controller ?? '';
  const field = 'spec.controller';
  const out: Errors = [];
  if (controller === '') out.push(required(field));
  else {
    if (controller.length > 250) out.push(tooLong(field, 250));
    out.push(...domainPrefixedPath(field, controller));
  }
  return [...out, ...parameters('spec.parameters', c.spec?.parameters)];
}
export const validateIngressClassUpdate = (c: V1IngressClass, old: V1IngressClass): Errors => [
  ...immutable('spec.controller', c.spec?.controller ?? '', old.spec?.controller ?? ''),
  ...validateIngressClass(c),
];

function policyPort(field: string, p: V1NetworkPolicyPort): Errors {
  const out: Errors = [];
  const protocols = ['TCP', 'UDP', 'SCTP'];
  if (p.protocol !== undefined && !protocols.includes(p.protocol)) out.push(notSupported(`${field}.protocol`, p.protocol, protocols));
  const end = p.endPort;
  const at = `${field}.endPort`;
  if (typeof p.port === 'number') {
    out.push(...bad(`${field}.port`, p.port, portNumber(p.port)));
    if (end !== undefined) {
      if (end < p.port) out.push(invalid(at, p.port, 'must be greater than or equal to `port`'));
      out.push(...bad(at, end, portNumber(end)));
    }
  } else if (p.port !== undefined) {
    if (end !== undefined) out.push(invalid(at, end, 'may not be specified when `port` is non-numeric'));
    out.push(...bad(`${field}.port`, p.port, portName(p.port)));
  } else if (end !== undefined) out.push(invalid(at, end, 'may not be specified when `port` is not specified'));
  return out;
}

function ipBlock(field: string, block: V1IPBlock, known: readonly string[]): Errors {
  if (!block.cidr) return [required(`${field}.cidr`)];
  const out = legacyCIDR(`${field}.cidr`, block.cidr, known);
  const whole = parseCidr(block.cidr);
  if (!whole) return out;
  (block.except ?? []).forEach((text, i) => {
    const at = `${field}.except[${i}]`;
    out.push(...legacyCIDR(at, text, known));
    const part = parseCidr(text);
    if (part && (!contains(whole, { ...part.address, value: part.network }) || whole.bits >= part.bits))
      out.push(invalid(at, text, 'must be a strict subset of `cidr`'));
  });
  return out;
}

function peer(field: string, p: V1NetworkPolicyPeer, known: readonly string[]): Errors {
  const out = [
    ...labelSelector(`${field}.podSelector`, p.podSelector),
    ...labelSelector(`${field}.namespaceSelector`, p.namespaceSelector),
  ];
  if (p.ipBlock) out.push(...ipBlock(`${field}.ipBlock`, p.ipBlock, known));
  const selectors = p.podSelector !== undefined || p.namespaceSelector !== undefined;
  if (!p.ipBlock && !selectors) out.push(required(field, 'must specify a peer'));
  else if (p.ipBlock && selectors) out.push(forbidden(field, 'may not specify both ipBlock and another peer'));
  return out;
}

function policySpec(spec: V1NetworkPolicySpec, known: readonly string[]): Errors {
  const out = labelSelector('spec.podSelector', spec.podSelector);
  (spec.ingress ?? []).forEach((rule, i) => {
    out.push(...(rule.ports ?? []).flatMap((p, j) => policyPort(`spec.ingress[${i}].ports[${j}]`, p)));
    out.push(...(rule.from ?? []).flatMap((p, j) => peer(`spec.ingress[${i}].from[${j}]`, p, known)));
  });
  (spec.egress ?? []).forEach((rule, i) => {
    out.push(...(rule.ports ?? []).flatMap((p, j) => policyPort(`spec.egress[${i}].ports[${j}]`, p)));
    out.push(...(rule.to ?? []).flatMap((p, j) => peer(`spec.egress[${i}].to[${j}]`, p, known)));
  });
  const types = spec.policyTypes ?? [];
  if (types.length > 2) return [...out, invalid('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  types.forEach((t, i) => {
    if (t !== 'Ingress' && t !== 'Egress') out.push(notSupported(`spec.policyTypes[${i}]`, t, ['Ingress', 'Egress']));
  });
  return out;
}

export const validateNetworkPolicy = (np: V1NetworkPolicy): Errors => policySpec(np.spec ?? { podSelector: {} }, []);

export function validateNetworkPolicyUpdate(np: V1NetworkPolicy, old: V1NetworkPolicy): Errors {
  const peers = [...(old.spec?.ingress ?? []).flatMap((r) => r.from ?? []), ...(old.spec?.egress ?? []).flatMap((r) => r.to ?? [])];
  const known = peers.flatMap((p) => (p.ipBlock ? [p.ipBlock.cidr, ...(p.ipBlock.except ?? [])] : []));
  return policySpec(np.spec ?? { podSelector: {} }, known);
}

export function validateServiceCIDR(o: V1ServiceCIDR): Errors {
  const cidrs = o.spec?.cidrs ?? [];
  const field = 'spec.cidrs';
  if (cidrs.length === 0) return [required(field, 'at least one CIDR required')];
  if (cidrs.length > 2) return [invalid(field, internalText([['CIDRs', cidrs]]), 'may only hold up to 2 values')];
  const out = cidrs.flatMap((c, i) => canonicalCIDR(`${field}[${i}]`, c));
  const [a, b] = cidrs.map((c) => parseCidr(c)?.address.family);
  if (cidrs.length === 2 && a !== undefined && a === b)
    out.push(invalid(field, cidrs, 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'));
  return out;
}

export function validateServiceCIDRUpdate(o: V1ServiceCIDR, old: V1ServiceCIDR): Errors {
  const cidrs = o.spec?.cidrs ?? [];
  const had = old.spec?.cidrs ?? [];
  const field = 'spec.cidrs';
  const changed = had.flatMap((c, i) => (i < cidrs.length && c !== cidrs[i] ? [invalid(`${field}[${i}]`, cidrs[i], IMMUTABLE)] : []));
  if (cidrs.length === had.length) return changed;
  if (had.length === 1 && cidrs.length === 2) return [...changed, ...validateServiceCIDR(o)];
  return [invalid(field, cidrs, IMMUTABLE)];
}

export const ipAddressName = (name: string): string[] => canonicalIP('', name).map((e) => e.detail);

export function validateIPAddress(o: V1IPAddress): Errors {
  const ref = o.spec?.parentRef;
  const field = 'spec.parentRef';
  if (!ref) return [required(field)];
  const segment = (key: 'resource' | 'name'): Errors => {
    const value = ref[key] ?? '';
    return value ? bad(`${field}.${key}`, value, pathSegmentName(value)) : [required(`${field}.${key}`)];
  };
  return [
    ...(ref.group ? bad(`${field}.group`, ref.group, dns1123Subdomain(ref.group)) : []),
    ...segment('resource'),
    ...segment('name'),
    ...(ref.namespace ? bad(`${field}.namespace`, ref.namespace, pathSegmentName(ref.namespace)) : []),
  ];
}
