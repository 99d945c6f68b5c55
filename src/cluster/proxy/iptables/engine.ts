/** iptables mode as a function of what is known: input for `iptables-restore --noflush --counters`. Models syncProxyRules() of pkg/proxy/iptables/proxier.go */

import { isServiceChain } from '../names.ts';
import { isLoopbackText, matchingIPs, type NodePortAddresses } from '../nodeports.ts';
import { categorize, type Place } from '../topology.ts';
import type { Tracker } from '../tracker.ts';
import { chainLine, type Rendered, type RuleConfig, rendered } from './rules.ts';

export interface EngineConfig extends RuleConfig {
  /** As `0x00004000`. */
  readonly mark: string;
  readonly localhostNodePorts: boolean;
  readonly nodePortAddresses: NodePortAddresses;
  /** nf_conntrack_tcp_be_liberal is set: invalid packets are let through. */
  readonly tcpLiberal: boolean;
  /** The kernel counts with nfacct. */
  readonly nfacct: boolean;
  readonly place: Place;
  /** Addresses of the node's interfaces, asked for when node ports are for some of them only. */
  readonly ownIPs: () => readonly string[];
}

export interface Sync {
  readonly input: string;
  readonly counts: { readonly filter: number; readonly nat: number; readonly natWritten: number; readonly endpoints: number };
  readonly noLocal: { readonly internal: number; readonly external: number };
}

/** More endpoints than this, and rules go without comments and old chains are looked for only now and then. */
export const LARGE_CLUSTER = 1000;

/** [table, chain, built-in chain, comment, further words]: each is put before the others. */
export type Jump = readonly ['filter' | 'nat', string, string, string, readonly string[]];

const NEW = ['-m', 'conntrack', '--ctstate', 'NEW'] as const;

export const JUMPS: readonly Jump[] = [
  ['filter', 'KUBE-EXTERNAL-SERVICES', 'INPUT', 'kubernetes externally-visible service portals', NEW],
  ['filter', 'KUBE-EXTERNAL-SERVICES', 'FORWARD', 'kubernetes externally-visible service portals', NEW],
  ['filter', 'KUBE-NODEPORTS', 'INPUT', 'kubernetes health check service ports', []],
  ['filter', 'KUBE-SERVICES', 'FORWARD', 'kubernetes service portals', NEW],
  ['filter', 'KUBE-SERVICES', 'OUTPUT', 'kubernetes service portals', NEW],
  ['filter', 'KUBE-FORWARD', 'FORWARD', 'kubernetes forwarding rules', []],
  ['filter', 'KUBE-PROXY-FIREWALL', 'INPUT', 'kubernetes load balancer firewall', NEW],
  ['filter', 'KUBE-PROXY-FIREWALL', 'OUTPUT', 'kubernetes load balancer firewall', NEW],
  ['filter', 'KUBE-PROXY-FIREWALL', 'FORWARD', 'kubernetes load balancer firewall', NEW],
  ['nat', 'KUBE-SERVICES', 'OUTPUT', 'kubernetes service portals', []],
  ['nat', 'KUBE-SERVICES', 'PREROUTING', 'kubernetes service portals', []],
  ['nat', 'KUBE-POSTROUTING', 'POSTROUTING', 'kubernetes postrouting rules', []],
];

/** Made at the start, never taken away: kubelet has them too. */
export const KUBELET_JUMPS: readonly Jump[] = [
  ['filter', 'KUBE-FIREWALL', 'INPUT', '', []],
  ['filter', 'KUBE-FIREWALL', 'OUTPUT', '', []],
];

export function jumpWords([, chain, , comment, extra]: Jump): string[] {
  return [...extra, ...(comment === '' ? [] : ['-m', 'comment', '--comment', comment]), '-j', chain];
}

const FILTER_CHAINS = ['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-NODEPORTS', 'KUBE-PROXY-FIREWALL'];
const NAT_CHAINS = ['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ'];
export const CANARY = 'KUBE-PROXY-CANARY';

const NODE_PORTS_LAST =
  '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"';

/** Names of a table's chains in the output of iptables-save. Models GetChainsFromTable() */
export function chainsOf(save: string): string[] {
  const names: string[] = [];
  for (let at = 0; at < save.length; ) {
    const end = save.indexOf('\n', at);
    if (save.charCodeAt(at) === 0x3a) names.push(save.slice(at + 1, save.indexOf(' ', at)));
    if (end < 0) break;
    at = end + 1;
  }
  return names;
}

/**
 * One sync. `updated`: the Services whose own chains are to be written, null for all of them. `existing`: chains of nat, null when old ones
 * are not looked for.
 */
export function restoreInput(
  tracker: Tracker,
  config: EngineConfig,
  updated: ReadonlySet<string> | null,
  large: boolean,
  existing: readonly string[] | null,
): Sync {
  const filter: string[] = [];
  const chains: string[] = [];
  const nat: string[] = [];
  const active = existing === null ? null : new Set<string>();
  let filterRules = 0;
  let natRules = 0;
  let natWritten = 0;
  let endpoints = 0;
  let internal = 0;
  let external = 0;
  for (const port of tracker.ports()) {
    const all = tracker.endpointsFor(port);
    endpoints += all.length;
    const c = categorize(all, port, config.place);
    const r: Rendered = rendered(port, c, config, large);
    if (c.any && c.local.length === 0) {
      if (port.internalLocal) internal++;
      if (port.externalLocal) external++;
    }
    filter.push(r.filter);
    filterRules += r.filterRules;
    natRules += r.dispatchRules + r.ruleCount;
    natWritten += r.dispatchRules;
    nat.push(r.dispatch);
    if (active) for (const name of r.names) active.add(name);
    if (updated === null || updated.has(port.service)) {
      chains.push(r.chains);
      nat.push(r.rules);
      natWritten += r.ruleCount;
    }
  }
  for (const name of existing ?? []) {
    if (!isServiceChain(name) || active?.has(name)) continue;
    chains.push(`${chainLine(name)}\n`);
    nat.push(`-X ${name}\n`);
  }
  const last = nodePortJumps(tracker, config);
  const mark = `${config.mark}/${config.mark}`;
  const invalid = config.nfacct ? ' -m nfacct --nfacct-name ct_state_invalid_dropped_pkts' : '';
  const firewall = tracker.family === 4 && config.localhostNodePorts;
  const forward = config.tcpLiberal ? 2 : 3;
  const input = [
    '*filter\n',
    ...FILTER_CHAINS.map((c) => `${chainLine(c)}\n`),
    firewall
      ? `${chainLine('KUBE-FIREWALL')}\n-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP\n`
      : '',
    ...filter,
    config.tcpLiberal ? '' : `-A KUBE-FORWARD -m conntrack --ctstate INVALID${invalid} -j DROP\n`,
    `-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark ${mark} -j ACCEPT\n`,
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n',
    'COMMIT\n*nat\n',
    ...NAT_CHAINS.map((c) => `${chainLine(c)}\n`),
    ...chains,
    `-A KUBE-POSTROUTING -m mark ! --mark ${mark} -j RETURN\n`,
    `-A KUBE-POSTROUTING -j MARK --xor-mark ${config.mark}\n`,
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully\n',
    `-A KUBE-MARK-MASQ -j MARK --or-mark ${config.mark}\n`,
    ...nat,
    ...last,
    'COMMIT\n',
  ].join('');
  return {
    input,
    counts: {
      filter: filterRules + forward + (firewall ? 1 : 0),
      nat: natRules + 4 + last.length,
      natWritten: natWritten + 4 + last.length,
      endpoints,
    },
    noLocal: { internal, external },
  };
}

function nodePortJumps(tracker: Tracker, config: EngineConfig): string[] {
  const npa = config.nodePortAddresses;
  if (npa.matchAll) {
    const not = tracker.family === 6 ? ' ! -d ::1/128' : config.localhostNodePorts ? '' : ' ! -d 127.0.0.0/8';
    return [`${NODE_PORTS_LAST} -m addrtype --dst-type LOCAL${not} -j KUBE-NODEPORTS\n`];
  }
  return matchingIPs(npa, config.ownIPs())
    .filter((ip) => !isLoopbackText(ip) || (tracker.family === 4 && config.localhostNodePorts))
    .map((ip) => `${NODE_PORTS_LAST} -d ${ip} -j KUBE-NODEPORTS\n`);
}
