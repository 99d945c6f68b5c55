/** The rules of one service port, as lines for iptables-restore. Models syncProxyRules() of pkg/proxy/iptables/proxier.go */

import type { LocalDetector } from '../detect.ts';
import type { Endpoint } from '../endpoints.ts';
import { contains } from '../family.ts';
import { chainHash } from '../names.ts';
import type { ServicePort } from '../serviceport.ts';
import type { Categorized } from '../topology.ts';

export interface RuleConfig {
  readonly masqueradeAll: boolean;
  readonly detector: LocalDetector | null;
  /** Node ports answer on 127.0.0.0/8, with a counter where the kernel has nfacct. */
  readonly countLocalhost: boolean;
  readonly nodeIP: string;
}

/** Lines of a service port; every text ends with a newline or is empty. */
export interface Rendered {
  readonly filter: string;
  readonly filterRules: number;
  /** Rules of KUBE-SERVICES and KUBE-NODEPORTS in nat: written at every sync. */
  readonly dispatch: string;
  readonly dispatchRules: number;
  /** The port's own chains and their rules: written when it has changed. */
  readonly chains: string;
  readonly rules: string;
  readonly ruleCount: number;
  readonly names: readonly string[];
}

export const chainLine = (name: string): string => `:${name} - [0:0]`;

const comment = (text: string): string => `-m comment --comment "${text}"`;

class Lines {
  private readonly lines: string[] = [];

  add(line: string): void {
    this.lines.push(line);
  }

  get count(): number {
    return this.lines.length;
  }

  get text(): string {
    return this.lines.length === 0 ? '' : `${this.lines.join('\n')}\n`;
  }
}

export function render(s: ServicePort, c: Categorized, config: RuleConfig, large: boolean): Rendered {
  const { nameString: name, protocol } = s;
  const filter = new Lines();
  const dispatch = new Lines();
  const rules = new Lines();
  const chains: string[] = [];
  const hash = chainHash(name, protocol);
  const [svc, svl, ext, fw] = [`KUBE-SVC-${hash}`, `KUBE-SVL-${hash}`, `KUBE-EXT-${hash}`, `KUBE-FW-${hash}`];
  const proto = `-m ${protocol} -p ${protocol}`;
  const to = (ip: string): string => `${proto} -d ${ip} --dport ${s.port}`;

  const internalChain = s.internalLocal ? svl : svc;
  const hasInternal = c.any && !(s.internalLocal && c.local.length === 0);
  const externalPolicyChain = s.externalLocal ? svl : svc;
  const hasExternal = c.any && !(s.externalLocal && c.local.length === 0);
  const usesExternalChain = c.any && s.externallyAccessible;
  const usesFirewall = c.any && s.loadBalancerVIPs.length > 0 && s.sourceRanges.length > 0;
  const why = comment(c.any ? `${name} has no local endpoints` : `${name} has no endpoints`);
  const end = c.any ? 'DROP' : 'REJECT';

  if (hasInternal) dispatch.add(`-A KUBE-SERVICES ${comment(`${name} cluster IP`)} ${to(s.clusterIP)} -j ${internalChain}`);
  else filter.add(`-A KUBE-SERVICES ${why} ${to(s.clusterIP)} -j ${end}`);
  for (const ip of s.externalIPs) {
    if (c.any) dispatch.add(`-A KUBE-SERVICES ${comment(`${name} external IP`)} ${to(ip)} -j ${ext}`);
    if (!hasExternal) filter.add(`-A KUBE-EXTERNAL-SERVICES ${why} ${to(ip)} -j ${end}`);
  }
  for (const ip of s.loadBalancerVIPs) {
    if (c.any) dispatch.add(`-A KUBE-SERVICES ${comment(`${name} loadbalancer IP`)} ${to(ip)} -j ${usesFirewall ? fw : ext}`);
    if (usesFirewall) filter.add(`-A KUBE-PROXY-FIREWALL ${comment(`${name} traffic not accepted by ${fw}`)} ${to(ip)} -j DROP`);
  }
  if (!hasExternal) for (const ip of s.loadBalancerVIPs) filter.add(`-A KUBE-EXTERNAL-SERVICES ${why} ${to(ip)} -j ${end}`);
  if (s.nodePort !== 0) {
    if (c.any) {
      const begin = `-A KUBE-NODEPORTS -m comment --comment ${name} ${proto}`;
      if (config.countLocalhost)
        dispatch.add(`${begin} -d 127.0.0.0/8 --dport ${s.nodePort} -m nfacct --nfacct-name localhost_nps_accepted_pkts -j ${ext}`);
      dispatch.add(`${begin} --dport ${s.nodePort} -j ${ext}`);
    }
    if (!hasExternal) filter.add(`-A KUBE-EXTERNAL-SERVICES ${why} -m addrtype --dst-type LOCAL ${proto} --dport ${s.nodePort} -j ${end}`);
  }
  if (s.healthCheckNodePort !== 0)
    filter.add(`-A KUBE-NODEPORTS ${comment(`${name} health check node port`)} -m tcp -p tcp --dport ${s.healthCheckNodePort} -j ACCEPT`);

  if (hasInternal) {
    const begin = `-A ${internalChain} ${comment(`${name} cluster IP`)} ${to(s.clusterIP)}`;
    if (config.masqueradeAll) rules.add(`${begin} -j KUBE-MARK-MASQ`);
    else if (config.detector) rules.add(`${begin} ${config.detector.ifNotLocal} -j KUBE-MARK-MASQ`);
  }
  if (usesExternalChain) {
    chains.push(ext);
    const about = (what: string): string => `-A ${ext} ${comment(`${what} for ${name} external destinations`)}`;
    if (!s.externalLocal) rules.add(`${about('masquerade traffic')} -j KUBE-MARK-MASQ`);
    else {
      if (config.detector) rules.add(`${about('pod traffic')} ${config.detector.ifLocal} -j ${svc}`);
      rules.add(`${about('masquerade LOCAL traffic')} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`);
      rules.add(`${about('route LOCAL traffic')} -m addrtype --src-type LOCAL -j ${svc}`);
    }
    if (hasExternal) rules.add(`-A ${ext} -j ${externalPolicyChain}`);
  }
  if (usesFirewall) {
    chains.push(fw);
    const begin = `-A ${fw} ${comment(`${name} loadbalancer IP`)}`;
    for (const range of s.sourceRanges) rules.add(`${begin} -s ${range.text} -j ${ext}`);
    // A load balancer's address is often an address of the node too, and then its own requests come from it.
    if (s.sourceRanges.some((r) => contains(r, config.nodeIP)))
      for (const ip of s.loadBalancerVIPs) rules.add(`${begin} -s ${ip} -j ${ext}`);
    rules.add(`-A ${fw} ${comment(`other traffic to ${name} will be dropped by KUBE-PROXY-FIREWALL`)}`);
  }
  if (c.cluster.length > 0 && s.usesClusterEndpoints) {
    chains.push(svc);
    balance(rules, s, svc, c.cluster, large);
  }
  if (c.local.length > 0 && s.usesLocalEndpoints) {
    chains.push(svl);
    balance(rules, s, svl, c.local, large);
  }
  for (const e of c.reachable) {
    const sep = endpointChain(s, e);
    chains.push(sep);
    const begin = large ? `-A ${sep}` : `-A ${sep} -m comment --comment ${name}`;
    rules.add(`${begin} -s ${e.ip} -j KUBE-MARK-MASQ`);
    const recent = s.stickySeconds > 0 ? ` -m recent --name ${sep} --set` : '';
    rules.add(`${begin}${recent} ${proto} -j DNAT --to-destination ${e.text}`);
  }
  return {
    filter: filter.text,
    filterRules: filter.count,
    dispatch: dispatch.text,
    dispatchRules: dispatch.count,
    chains: chains.length === 0 ? '' : `${chains.map(chainLine).join('\n')}\n`,
    rules: rules.text,
    ruleCount: rules.count,
    names: chains,
  };
}

function endpointChain(s: ServicePort, e: Endpoint): string {
  return `KUBE-SEP-${chainHash(s.nameString, s.protocol, e.text)}`;
}

/** Clients go to where they went before; the others to each endpoint with the same chance. */
function balance(rules: Lines, s: ServicePort, chain: string, endpoints: readonly Endpoint[], large: boolean): void {
  const begin = (e: Endpoint): string => (large ? `-A ${chain}` : `-A ${chain} ${comment(`${s.nameString} -> ${e.text}`)}`);
  if (s.stickySeconds > 0)
    for (const e of endpoints) {
      const sep = endpointChain(s, e);
      rules.add(`${begin(e)} -m recent --name ${sep} --rcheck --seconds ${s.stickySeconds} --reap -j ${sep}`);
    }
  for (const [i, e] of endpoints.entries()) {
    const left = endpoints.length - i;
    const chance = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : '';
    rules.add(`${begin(e)}${chance} -j ${endpointChain(s, e)}`);
  }
}

interface Remembered {
  readonly config: RuleConfig;
  readonly large: boolean;
  readonly cluster: readonly Endpoint[];
  readonly rendered: Rendered;
}

/** Nodes that see a port alike share its text. */
const remembered = new WeakMap<ServicePort, Remembered[]>();
const MAX_VIEWS = 8;

export function rendered(s: ServicePort, c: Categorized, config: RuleConfig, large: boolean): Rendered {
  if (s.usesLocalEndpoints || s.sourceRanges.length > 0) return render(s, c, config, large);
  let views = remembered.get(s);
  if (!views) {
    views = [];
    remembered.set(s, views);
  }
  const hit = views.find((v) => v.cluster === c.cluster && v.large === large && sameConfig(v.config, config));
  if (hit) return hit.rendered;
  const made = render(s, c, config, large);
  if (views.length >= MAX_VIEWS) views.shift();
  views.push({ config, large, cluster: c.cluster, rendered: made });
  return made;
}

function sameConfig(a: RuleConfig, b: RuleConfig): boolean {
  return (
    a.masqueradeAll === b.masqueradeAll &&
    a.countLocalhost === b.countLocalhost &&
    a.detector?.ifLocal === b.detector?.ifLocal &&
    a.detector?.ifNotLocal === b.detector?.ifNotLocal
  );
}
