/** kube-proxy's iptables mode: Services and their endpoints as input for iptables-restore. Models pkg/proxy/iptables/proxier.go */

import { base32, sha256 } from '../sha256.ts';

export interface ServicePort {
  /** `namespace/name:portname`, the way kube-proxy writes it in comments. */
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly clusterIP: string;
  readonly port: number;
  readonly nodePort?: number;
  /** `ip:port`. */
  readonly endpoints: readonly string[];
}

export interface ProxyConfig {
  readonly clusterCIDR: string;
  readonly services: readonly ServicePort[];
}

/** The 16 characters after KUBE-SVC-, KUBE-EXT- and, with an endpoint, KUBE-SEP-. */
export function chainHash(name: string, protocol: string, endpoint = ''): string {
  return base32(sha256(name + protocol + endpoint)).slice(0, 16);
}

/** Rules that jump from the built-in chains, in the order in which they end up there: [table, chain, rule]. */
const JUMPS: readonly (readonly [string, string, string])[] = [
  ['filter', 'INPUT', '-m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL'],
  ['filter', 'INPUT', '-m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS'],
  [
    'filter',
    'INPUT',
    '-m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES',
  ],
  ['filter', 'INPUT', '-j KUBE-FIREWALL'],
  ['filter', 'FORWARD', '-m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL'],
  ['filter', 'FORWARD', '-m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD'],
  ['filter', 'FORWARD', '-m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES'],
  [
    'filter',
    'FORWARD',
    '-m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES',
  ],
  ['filter', 'OUTPUT', '-m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL'],
  ['filter', 'OUTPUT', '-m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES'],
  ['filter', 'OUTPUT', '-j KUBE-FIREWALL'],
  ['nat', 'PREROUTING', '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES'],
  ['nat', 'OUTPUT', '-m comment --comment "kubernetes service portals" -j KUBE-SERVICES'],
  ['nat', 'POSTROUTING', '-m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING'],
];

const FILTER_CHAINS = ['KUBE-NODEPORTS', 'KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-FIREWALL', 'KUBE-PROXY-FIREWALL'];
const NAT_CHAINS = ['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ', 'KUBE-KUBELET-CANARY'];

/** Input for `iptables-restore --noflush` on a node that has no KUBE- chain yet. */
export function restoreInput(config: ProxyConfig): string {
  const filter: string[] = [];
  const nat: string[] = [];
  const nodePorts: string[] = [];
  const portals: string[] = [];
  const chains = new Set<string>();
  for (const s of config.services) {
    const hash = chainHash(s.name, s.protocol);
    const dport = `-m ${s.protocol} --dport`;
    const vip = `-d ${s.clusterIP}/32 -p ${s.protocol}`;
    if (s.endpoints.length === 0) {
      const reject = '-j REJECT --reject-with icmp-port-unreachable';
      filter.push(`-A KUBE-SERVICES ${vip} -m comment --comment "${s.name} has no endpoints" ${dport} ${s.port} ${reject}`);
      if (s.nodePort !== undefined)
        filter.push(
          `-A KUBE-EXTERNAL-SERVICES -p ${s.protocol} -m comment --comment "${s.name} has no endpoints" -m addrtype --dst-type LOCAL ${dport} ${s.nodePort} ${reject}`,
        );
      continue;
    }
    const svc = `KUBE-SVC-${hash}`;
    chains.add(svc);
    portals.push(`-A KUBE-SERVICES ${vip} -m comment --comment "${s.name} cluster IP" ${dport} ${s.port} -j ${svc}`);
    if (s.nodePort !== undefined) {
      const ext = `KUBE-EXT-${hash}`;
      chains.add(ext);
      nodePorts.push(`-A KUBE-NODEPORTS -p ${s.protocol} -m comment --comment "${s.name}" ${dport} ${s.nodePort} -j ${ext}`);
      nat.push(`-A ${ext} -m comment --comment "masquerade traffic for ${s.name} external destinations" -j KUBE-MARK-MASQ`);
      nat.push(`-A ${ext} -j ${svc}`);
    }
    nat.push(
      `-A ${svc} ! -s ${config.clusterCIDR} ${vip} -m comment --comment "${s.name} cluster IP" ${dport} ${s.port} -j KUBE-MARK-MASQ`,
    );
    s.endpoints.forEach((endpoint, i) => {
      const sep = `KUBE-SEP-${chainHash(s.name, s.protocol, endpoint)}`;
      chains.add(sep);
      const left = s.endpoints.length - i;
      const chance = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : '';
      nat.push(`-A ${svc} -m comment --comment "${s.name} -> ${endpoint}"${chance} -j ${sep}`);
    });
    for (const endpoint of s.endpoints) {
      const sep = `KUBE-SEP-${chainHash(s.name, s.protocol, endpoint)}`;
      nat.push(`-A ${sep} -s ${endpoint.split(':')[0]}/32 -m comment --comment "${s.name}" -j KUBE-MARK-MASQ`);
      nat.push(`-A ${sep} -p ${s.protocol} -m comment --comment "${s.name}" -m ${s.protocol} -j DNAT --to-destination ${endpoint}`);
    }
  }
  const jumps = (table: string): string[] => JUMPS.filter(([t]) => t === table).map(([, chain, rule]) => `-A ${chain} ${rule}`);
  return [
    '*filter',
    ...FILTER_CHAINS.map((c) => `:${c} - [0:0]`),
    ...jumps('filter'),
    ...filter,
    '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    'COMMIT',
    '*nat',
    ...[...NAT_CHAINS, ...[...chains].sort()].map((c) => `:${c} - [0:0]`),
    ...jumps('nat'),
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000',
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
    ...nodePorts,
    ...portals,
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    ...nat,
    'COMMIT',
    '',
  ].join('\n');
}

/** flannel's own rules (ip-masq on): pod traffic that leaves the cluster is masqueraded. Models pkg/trafficmngr/iptables */
export function flannelRestoreInput(clusterCIDR: string, podCIDR: string): string {
  const c = '-m comment --comment "flanneld masq"';
  const f = '-m comment --comment "flanneld forward"';
  return [
    '*filter',
    ':FLANNEL-FWD - [0:0]',
    `-A FORWARD ${f} -j FLANNEL-FWD`,
    `-A FLANNEL-FWD -s ${clusterCIDR} ${f} -j ACCEPT`,
    `-A FLANNEL-FWD -d ${clusterCIDR} ${f} -j ACCEPT`,
    'COMMIT',
    '*nat',
    ':FLANNEL-POSTRTG - [0:0]',
    `-A POSTROUTING ${c} -j FLANNEL-POSTRTG`,
    `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${c} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${podCIDR} -d ${clusterCIDR} ${c} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${clusterCIDR} -d ${podCIDR} ${c} -j RETURN`,
    `-A FLANNEL-POSTRTG ! -s ${clusterCIDR} -d ${podCIDR} ${c} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${clusterCIDR} ! -d 224.0.0.0/4 ${c} -j MASQUERADE --random-fully`,
    `-A FLANNEL-POSTRTG ! -s ${clusterCIDR} -d ${clusterCIDR} ${c} -j MASQUERADE --random-fully`,
    'COMMIT',
    '',
  ].join('\n');
}
