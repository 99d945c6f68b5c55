/** nftables mode as a function of what is known: transactions for `nft -f -`. Models setupNFTables() and syncProxyRules() of pkg/proxy/nftables/proxier.go (1.36) */

import type { Micros } from '../../../sim/sim.ts';
import { isLoopbackText, matchingIPs, type NodePortAddresses } from '../nodeports.ts';
import { categorize } from '../topology.ts';
import type { Tracker } from '../tracker.ts';
import { CONTAINERS, type Container, type NftElement, type NftRuleConfig, renderedNft } from './rules.ts';

export interface NftConfig extends NftRuleConfig {
  readonly masqueradeAll: boolean;
  readonly nodePortAddresses: NodePortAddresses;
  readonly ownIPs: () => readonly string[];
}

export const NFT_TABLE = 'kube-proxy';

/** [name, type, hook, priority] */
const BASE_CHAINS = [
  ['filter-prerouting-pre-dnat', 'filter', 'prerouting', '-110'],
  ['filter-output-pre-dnat', 'filter', 'output', '-110'],
  ['filter-input', 'filter', 'input', '0'],
  ['filter-forward', 'filter', 'forward', '0'],
  ['filter-output', 'filter', 'output', '0'],
  ['nat-prerouting', 'nat', 'prerouting', '-100'],
  ['nat-output', 'nat', 'output', '-100'],
  ['nat-postrouting', 'nat', 'postrouting', '100'],
] as const;

/** [chain, base chain, condition] */
const JUMPS = [
  ['nodeport-endpoints-check', 'filter-input', 'ct state new '],
  ['service-endpoints-check', 'filter-input', 'ct state new '],
  ['service-endpoints-check', 'filter-forward', 'ct state new '],
  ['service-endpoints-check', 'filter-output', 'ct state new '],
  ['firewall-check', 'filter-prerouting-pre-dnat', 'ct state new '],
  ['firewall-check', 'filter-output-pre-dnat', 'ct state new '],
  ['services', 'nat-output', ''],
  ['services', 'nat-prerouting', ''],
  ['masquerading', 'nat-postrouting', ''],
  ['cluster-ips-check', 'filter-forward', 'ct state new '],
  ['cluster-ips-check', 'filter-output', 'ct state new '],
] as const;

const IS_SET: ReadonlySet<Container> = new Set(['hairpin-connections', 'cluster-ips']);

/** A chain that nothing uses any more waits this long before it goes: elements that pointed to it are freed late. */
const STALE: Micros = 1_000_000;

export class NftEngine {
  private readonly tracker: Tracker;
  config: NftConfig;
  serviceCIDRs: readonly string[] = [];
  private readonly elements = new Map<Container, Map<string, NftElement>>();
  private readonly chains = new Set<string>();
  private readonly affinity = new Set<string>();
  private readonly stale = new Map<string, Micros>();
  private flushed = false;

  constructor(tracker: Tracker, config: NftConfig) {
    this.tracker = tracker;
    this.config = config;
    for (const c of CONTAINERS) this.elements.set(c, new Map());
  }

  private get ip(): 'ip' | 'ip6' {
    return this.tracker.family === 4 ? 'ip' : 'ip6';
  }

  private get table(): string {
    return `${this.ip} ${NFT_TABLE}`;
  }

  /** What `nft list table` had when kube-proxy started. */
  found(chains: readonly string[], sets: readonly string[]): void {
    for (const c of chains) if (c.includes('/')) this.chains.add(c);
    for (const s of sets) if (s.startsWith('affinity-')) this.affinity.add(s);
  }

  /** After a transaction that failed nothing is known of the table. */
  failed(): void {
    this.stale.clear();
  }

  /** Deletes chains that have been of no use for a while; empty when there are none. */
  cleanup(now: Micros): string {
    let tx = '';
    for (const [chain, since] of this.stale) {
      if (now - since < STALE) continue;
      tx += `delete chain ${this.table} ${chain}\n`;
      this.stale.delete(chain);
      this.chains.delete(chain);
    }
    return tx;
  }

  /** The transaction of one sync. `updated`: the Services whose own chains are to be written, null for all of them. */
  sync(updated: ReadonlySet<string> | null, now: Micros): { tx: string; noLocal: { internal: number; external: number } } {
    const out: string[] = [];
    if (updated === null) this.setup(out);
    const wanted = new Map<Container, Map<string, NftElement>>(CONTAINERS.map((c) => [c, new Map()]));
    const active = new Set<string>();
    const sets = new Set<string>();
    const noLocal = { internal: 0, external: 0 };
    const { table } = this;
    const declared: string[] = [];
    const rules: string[] = [];
    for (const port of this.tracker.ports()) {
      const c = categorize(this.tracker.endpointsFor(port), port, this.config.place);
      const r = renderedNft(port, c, this.config, this.tracker.family);
      if (c.any && c.local.length === 0) {
        if (port.internalLocal) noLocal.internal++;
        if (port.externalLocal) noLocal.external++;
      }
      for (const e of r.elements) wanted.get(e.container)?.set(e.key, e);
      for (const chain of r.chains) active.add(chain.name);
      for (const set of r.affinitySets) sets.add(set);
      if (updated !== null && !updated.has(port.service)) continue;
      const type = this.tracker.family === 4 ? 'ipv4_addr' : 'ipv6_addr';
      for (const set of r.affinitySets)
        declared.push(`add set ${table} ${set} { type ${type} ; flags dynamic,timeout ; timeout ${port.stickySeconds}s ; }\n`);
      for (const chain of r.chains) declared.push(`add chain ${table} ${chain.name}\nflush chain ${table} ${chain.name}\n`);
      for (const chain of r.chains) for (const rule of chain.rules) rules.push(`add rule ${table} ${chain.name} ${rule}\n`);
    }
    out.push(...declared, ...rules);
    for (const name of CONTAINERS) this.diff(out, name, wanted.get(name) as Map<string, NftElement>);
    for (const chain of this.chains) {
      if (active.has(chain)) this.stale.delete(chain);
      else if (!this.stale.has(chain)) {
        out.push(`flush chain ${table} ${chain}\n`);
        this.stale.set(chain, now);
      }
    }
    for (const chain of active) this.chains.add(chain);
    for (const set of this.affinity) if (!sets.has(set)) out.push(`delete set ${table} ${set}\n`);
    this.affinity.clear();
    for (const set of sets) this.affinity.add(set);
    return { tx: out.join(''), noLocal };
  }

  private diff(out: string[], name: Container, wanted: Map<string, NftElement>): void {
    const have = this.elements.get(name) as Map<string, NftElement>;
    const add: string[] = [];
    const remove: string[] = [];
    for (const [key, e] of wanted) {
      const old = have.get(key);
      if (old && old.value === e.value) continue;
      if (old) remove.push(key);
      const comment = e.comment === '' ? '' : ` comment "${e.comment}"`;
      add.push(`${key}${comment}${e.value === '' ? '' : ` : ${e.value}`}`);
    }
    for (const key of have.keys()) if (!wanted.has(key)) remove.push(key);
    if (remove.length > 0) out.push(`delete element ${this.table} ${name} { ${remove.join(', ')} }\n`);
    if (add.length > 0) out.push(`add element ${this.table} ${name} { ${add.join(', ')} }\n`);
    this.elements.set(name, wanted);
  }

  private setup(out: string[]): void {
    const { table, ip } = this;
    const { mark, masqueradeAll, detector, nodePortAddresses: npa } = this.config;
    const addr = ip === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
    const notLocalhost = ip === 'ip' ? 'ip daddr != 127.0.0.0/8' : 'ip6 daddr != ::1';
    const rule = (chain: string, text: string): void => {
      out.push(`add rule ${table} ${chain} ${text}\n`);
    };
    out.push(`add table ${table} { comment "rules for kube-proxy" ; }\n`);
    if (!this.flushed) for (const [name] of BASE_CHAINS) out.push(`add chain ${table} ${name}\ndelete chain ${table} ${name}\n`);
    this.flushed = true;
    for (const [name, type, hook, priority] of BASE_CHAINS)
      out.push(`add chain ${table} ${name} { type ${type} hook ${hook} priority ${priority} ; }\nflush chain ${table} ${name}\n`);
    const made = new Set<string>();
    const ensure = (chain: string): void => {
      if (made.has(chain)) return;
      made.add(chain);
      out.push(`add chain ${table} ${chain}\nflush chain ${table} ${chain}\n`);
    };
    for (const [chain, base, condition] of JUMPS) {
      ensure(chain);
      rule(base, `${condition}jump ${chain}`);
    }
    const set = (name: string, type: string, comment: string, kind = 'set'): void => {
      out.push(`add ${kind} ${table} ${name} { type ${type} ; comment "${comment}" ; }\n`);
    };
    set('hairpin-connections', `${addr} . ${addr} . inet_proto . inet_service`, 'service hairpin connections');
    rule('masquerading', `mark and ${mark} != 0 meta mark set mark xor ${mark} masquerade fully-random`);
    rule('masquerading', `ct status dnat ${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random`);
    set('cluster-ips', addr, 'Active ClusterIPs');
    const marked = `meta mark set mark or ${mark}`;
    if (masqueradeAll) rule('services', `${ip} daddr @cluster-ips ${marked} comment "masquerade all clusterIP traffic"`);
    else if (detector)
      rule(
        'services',
        `${ip} daddr @cluster-ips ${detector.ifNotLocalNft} ${marked} comment "masquerade clusterIP traffic from outside cluster"`,
      );
    rule('cluster-ips-check', `${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`);
    const cidrs = this.serviceCIDRs.filter((c) => c.includes(':') === (ip === 'ip6'));
    if (cidrs.length > 0)
      rule('cluster-ips-check', `${ip} daddr { ${cidrs.join(', ')} } drop comment "Drop traffic to unallocated ClusterIPs"`);
    set('nodeport-ips', addr, 'IPs that accept NodePort traffic');
    if (npa.matchAll) out.push(`delete set ${table} nodeport-ips\n`);
    else {
      out.push(`flush set ${table} nodeport-ips\n`);
      const ips = matchingIPs(npa, this.config.ownIPs()).filter((a) => !isLoopbackText(a));
      if (ips.length > 0) out.push(`add element ${table} nodeport-ips { ${ips.join(', ')} }\n`);
    }
    const serviceKey = `${addr} . inet_proto . inet_service : verdict`;
    const portKey = 'inet_proto . inet_service : verdict';
    set('no-endpoint-services', serviceKey, 'vmap to drop or reject packets to services with no endpoints', 'map');
    set('no-endpoint-nodeports', portKey, 'vmap to drop or reject packets to service nodeports with no endpoints', 'map');
    out.push(
      `add chain ${table} reject-chain { comment "helper for @no-endpoint-services / @no-endpoint-nodeports" ; }\nflush chain ${table} reject-chain\n`,
    );
    rule('reject-chain', 'reject');
    const to = `${ip} daddr . meta l4proto . th dport vmap`;
    const toNode = npa.matchAll ? notLocalhost : `${ip} daddr @nodeport-ips`;
    rule('service-endpoints-check', `${to} @no-endpoint-services`);
    rule('nodeport-endpoints-check', `${toNode} meta l4proto . th dport vmap @no-endpoint-nodeports`);
    set('firewall-ips', serviceKey, 'destinations that are subject to LoadBalancerSourceRanges', 'map');
    rule('firewall-check', `${to} @firewall-ips`);
    set('service-ips', serviceKey, 'ClusterIP, ExternalIP and LoadBalancer IP traffic', 'map');
    set('service-nodeports', portKey, 'NodePort traffic', 'map');
    rule('services', `${to} @service-ips`);
    rule('services', `${npa.matchAll ? 'fib daddr type local ' : ''}${toNode} meta l4proto . th dport vmap @service-nodeports`);
    for (const name of CONTAINERS) {
      out.push(`flush ${IS_SET.has(name) ? 'set' : 'map'} ${table} ${name}\n`);
      this.elements.set(name, new Map());
    }
  }
}
