/** Elements and chains of one service port in nftables mode. Models syncProxyRules() of pkg/proxy/nftables/proxier.go (1.36) */

import type { LocalDetector } from '../detect.ts';
import type { Endpoint } from '../endpoints.ts';
import { contains, type Family } from '../family.ts';
import { nftEndpointBase, nftServiceBase } from '../names.ts';
import type { ServicePort } from '../serviceport.ts';
import type { Categorized, Place } from '../topology.ts';

/** Sets and maps of the table that hold what the service ports bring. */
export const CONTAINERS = [
  'hairpin-connections',
  'cluster-ips',
  'no-endpoint-services',
  'no-endpoint-nodeports',
  'firewall-ips',
  'service-ips',
  'service-nodeports',
] as const;
export type Container = (typeof CONTAINERS)[number];

export interface NftElement {
  readonly container: Container;
  readonly key: string;
  /** Verdict of a map's element, empty for a set's. */
  readonly value: string;
  readonly comment: string;
}

export interface NftChainRules {
  readonly name: string;
  readonly rules: readonly string[];
}

export interface NftRendered {
  readonly elements: readonly NftElement[];
  readonly chains: readonly NftChainRules[];
  readonly affinitySets: readonly string[];
}

export interface NftRuleConfig {
  readonly mark: string;
  readonly detector: LocalDetector | null;
  readonly nodeIP: string;
  readonly place: Place;
}

export function renderNft(s: ServicePort, c: Categorized, config: NftRuleConfig, family: Family): NftRendered {
  const ip = family === 4 ? 'ip' : 'ip6';
  const elements: NftElement[] = [];
  const chains: NftChainRules[] = [];
  const affinitySets: string[] = [];
  const put = (container: Container, key: string, value = '', comment = ''): void => {
    elements.push({ container, key, value, comment });
  };
  const base = nftServiceBase(s.namespace, s.name, s.protocol, s.portName);
  const [service, local, external, firewall] = [`service-${base}`, `local-${base}`, `external-${base}`, `firewall-${base}`];
  const at = (addr: string): string => `${addr} . ${s.protocol} . ${s.port}`;
  const marked = `meta mark set mark or ${config.mark}`;

  const hasInternal = c.any && !(s.internalLocal && c.local.length === 0);
  const hasExternal = c.any && !(s.externalLocal && c.local.length === 0);
  const verdict = c.any ? 'drop' : 'goto reject-chain';
  const usesFirewall = s.loadBalancerVIPs.length > 0 && s.sourceRanges.length > 0;

  put('cluster-ips', s.clusterIP);
  if (hasInternal) put('service-ips', at(s.clusterIP), `goto ${s.internalLocal ? local : service}`);
  else put('no-endpoint-services', at(s.clusterIP), verdict, s.nameString);
  for (const addr of [...s.externalIPs, ...s.loadBalancerVIPs]) {
    if (c.any) put('service-ips', at(addr), `goto ${external}`);
    if (!hasExternal) put('no-endpoint-services', at(addr), verdict, s.nameString);
  }
  if (usesFirewall) for (const addr of s.loadBalancerVIPs) put('firewall-ips', at(addr), `goto ${firewall}`);
  if (s.nodePort !== 0) {
    const key = `${s.protocol} . ${s.nodePort}`;
    if (c.any) put('service-nodeports', key, `goto ${external}`);
    if (!hasExternal) put('no-endpoint-nodeports', key, verdict, s.nameString);
  }
  for (const e of c.reachable)
    if (e.nodeName === config.place.node && e.nodeName !== '') put('hairpin-connections', `${e.ip} . ${e.ip} . ${s.protocol} . ${e.port}`);

  if (s.stickySeconds > 0)
    for (const e of c.reachable) {
      const own = endpointBase(s, e);
      affinitySets.push(`affinity-${own}`);
      chains.push({
        name: `endpoint-${own}`,
        rules: [`update @affinity-${own} { ${ip} saddr }`, `meta l4proto ${s.protocol} dnat to ${e.text}`],
      });
    }
  if (c.cluster.length > 0 && s.usesClusterEndpoints) chains.push({ name: service, rules: balance(s, c.cluster, ip) });
  if (c.local.length > 0 && s.usesLocalEndpoints) chains.push({ name: local, rules: balance(s, c.local, ip) });
  if (c.any && s.externallyAccessible) {
    const rules: string[] = [];
    if (!s.externalLocal) rules.push(`${marked} comment "masquerade"`);
    else {
      if (config.detector) rules.push(`${config.detector.ifLocalNft} goto ${service} comment "short-circuit pod traffic"`);
      rules.push(`fib saddr type local ${marked} comment "masquerade local traffic"`);
      rules.push(`fib saddr type local goto ${service} comment "short-circuit local traffic"`);
    }
    if (hasExternal) rules.push(`goto ${s.externalLocal ? local : service}`);
    chains.push({ name: external, rules });
  }
  if (usesFirewall) {
    const sources = s.sourceRanges.map((r) => r.text);
    if (s.sourceRanges.some((r) => contains(r, config.nodeIP))) sources.push(...s.loadBalancerVIPs);
    chains.push({ name: firewall, rules: [`${ip} saddr != { ${sources.join(', ')} } drop`] });
  }
  return { elements, chains, affinitySets };
}

function endpointBase(s: ServicePort, e: Endpoint): string {
  return nftEndpointBase(s.namespace, s.name, s.protocol, s.portName, e.ip, e.port);
}

function balance(s: ServicePort, endpoints: readonly Endpoint[], ip: string): string[] {
  const n = endpoints.length;
  if (s.stickySeconds > 0)
    return [
      ...endpoints.map((e) => `${ip} saddr @affinity-${endpointBase(s, e)} goto endpoint-${endpointBase(s, e)}`),
      `numgen random mod ${n} vmap { ${endpoints.map((e, i) => `${i} : goto endpoint-${endpointBase(s, e)}`).join(', ')} }`,
    ];
  const map = endpoints.map((e, i) => `${i} : ${e.ip} . ${e.port}`).join(', ');
  return [`meta l4proto ${s.protocol} dnat ${ip} addr . port to numgen random mod ${n} map { ${map} }`];
}

interface Remembered {
  readonly config: NftRuleConfig;
  readonly cluster: readonly Endpoint[];
  readonly rendered: NftRendered;
}

/** Nodes that see a port alike share its text. */
const remembered = new WeakMap<ServicePort, Remembered[]>();
const MAX_VIEWS = 4;

export function renderedNft(s: ServicePort, c: Categorized, config: NftRuleConfig, family: Family): NftRendered {
  const node = config.place.node;
  if (s.usesLocalEndpoints || s.sourceRanges.length > 0 || c.reachable.some((e) => e.nodeName === node))
    return remember(s, c, config, family, node);
  return remember(s, c, config, family, '');
}

const own = new WeakMap<ServicePort, Map<string, Remembered & { readonly local: readonly Endpoint[] }>>();

function remember(s: ServicePort, c: Categorized, config: NftRuleConfig, family: Family, node: string): NftRendered {
  const alike = (r: Remembered): boolean =>
    r.cluster === c.cluster && r.config.mark === config.mark && r.config.detector?.ifLocalNft === config.detector?.ifLocalNft;
  if (node !== '') {
    let nodes = own.get(s);
    if (!nodes) {
      nodes = new Map();
      own.set(s, nodes);
    }
    const hit = nodes.get(node);
    if (hit && alike(hit) && sameList(hit.local, c.local) && hit.config.nodeIP === config.nodeIP) return hit.rendered;
    const made = renderNft(s, c, config, family);
    nodes.set(node, { config, cluster: c.cluster, local: c.local, rendered: made });
    return made;
  }
  let views = remembered.get(s);
  if (!views) {
    views = [];
    remembered.set(s, views);
  }
  const hit = views.find(alike);
  if (hit) return hit.rendered;
  const made = renderNft(s, c, config, family);
  if (views.length >= MAX_VIEWS) views.shift();
  views.push({ config, cluster: c.cluster, rendered: made });
  return made;
}

function sameList(a: readonly Endpoint[], b: readonly Endpoint[]): boolean {
  return a === b || (a.length === b.length && a.every((e, i) => e === b[i]));
}
