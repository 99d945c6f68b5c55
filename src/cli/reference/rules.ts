/** The reference cluster's kp.py: kube-proxy's iptables rules for a list of Services, as input for iptables-restore. */

import { chainHash } from '../../cluster/proxy/names.ts';

interface Endpoint {
  readonly addr: string;
  readonly node: string;
}

export interface ReferenceService {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly proto?: 'tcp' | 'udp';
  /** Node port. */
  readonly np?: number;
  readonly etp?: 'Cluster' | 'Local';
  readonly eps: readonly Endpoint[];
}

const POD_CIDR = '10.244.0.0/16';
const LOCAL = '-m addrtype --dst-type LOCAL';

export function referenceRules(services: readonly ReferenceService[], node: string): string {
  const nat: string[] = [];
  const portals: string[] = [];
  const nodePorts: string[] = [];
  const filter: string[] = [];
  const external: string[] = [];
  const chains = new Set<string>();
  for (const s of services) {
    const { name, ip, port, np, proto = 'tcp' } = s;
    const reject = '-j REJECT --reject-with icmp-port-unreachable';
    if (s.eps.length === 0) {
      const why = `-m comment --comment "${name} has no endpoints"`;
      filter.push(`-A KUBE-SERVICES -d ${ip}/32 -p ${proto} ${why} -m ${proto} --dport ${port} ${reject}`);
      if (np) external.push(`-A KUBE-EXTERNAL-SERVICES -p ${proto} ${why} ${LOCAL} -m ${proto} --dport ${np} ${reject}`);
      continue;
    }
    const [svc, ext, svl] = ['SVC', 'EXT', 'SVL'].map((kind) => `KUBE-${kind}-${chainHash(name, proto)}`) as [string, string, string];
    chains.add(svc);
    const portal = `-d ${ip}/32 -p ${proto} -m comment --comment "${name} cluster IP" -m ${proto} --dport ${port}`;
    portals.push(`-A KUBE-SERVICES ${portal} -j ${svc}`);
    nat.push(`-A ${svc} ! -s ${POD_CIDR} ${portal} -j KUBE-MARK-MASQ`);
    const sep = (e: Endpoint): string => `KUBE-SEP-${chainHash(name, proto, e.addr)}`;
    const balance = (chain: string, endpoints: readonly Endpoint[]): void => {
      endpoints.forEach((e, i) => {
        const left = endpoints.length - i;
        const chance = left > 1 ? ` -m statistic --mode random --probability ${(1 / left).toFixed(10)}` : '';
        chains.add(sep(e));
        nat.push(`-A ${chain} -m comment --comment "${name} -> ${e.addr}"${chance} -j ${sep(e)}`);
      });
    };
    balance(svc, s.eps);
    for (const e of s.eps) {
      nat.push(`-A ${sep(e)} -s ${e.addr.split(':')[0]}/32 -m comment --comment "${name}" -j KUBE-MARK-MASQ`);
      nat.push(`-A ${sep(e)} -p ${proto} -m comment --comment "${name}" -m ${proto} -j DNAT --to-destination ${e.addr}`);
    }
    if (!np) continue;
    chains.add(ext);
    nodePorts.push(`-A KUBE-NODEPORTS -p ${proto} -m comment --comment "${name}" -m ${proto} --dport ${np} -j ${ext}`);
    if (s.etp !== 'Local') {
      nat.push(`-A ${ext} -m comment --comment "masquerade traffic for ${name} external destinations" -j KUBE-MARK-MASQ`);
      nat.push(`-A ${ext} -j ${svc}`);
      continue;
    }
    const source = '-m addrtype --src-type LOCAL';
    nat.push(`-A ${ext} -s ${POD_CIDR} -m comment --comment "pod traffic for ${name} external destinations" -j ${svc}`);
    nat.push(`-A ${ext} -m comment --comment "masquerade LOCAL traffic for ${name} external destinations" ${source} -j KUBE-MARK-MASQ`);
    nat.push(`-A ${ext} -m comment --comment "route LOCAL traffic for ${name} external destinations" ${source} -j ${svc}`);
    const here = s.eps.filter((e) => e.node === node);
    if (here.length > 0) {
      chains.add(svl);
      nat.push(`-A ${ext} -j ${svl}`);
      balance(svl, here);
    } else
      external.push(
        `-A KUBE-EXTERNAL-SERVICES -p ${proto} -m comment --comment "${name} has no local endpoints" ${LOCAL} -m ${proto} --dport ${np} -j DROP`,
      );
  }
  const declare = (names: readonly string[]): string[] => names.map((c) => `:${c} - [0:0]`);
  return [
    '*filter',
    ...declare(['KUBE-NODEPORTS', 'KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES', 'KUBE-FORWARD', 'KUBE-PROXY-FIREWALL']),
    ...external,
    ...filter,
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
    '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    'COMMIT',
    '*nat',
    ...declare(['KUBE-SERVICES', 'KUBE-NODEPORTS', 'KUBE-POSTROUTING', 'KUBE-MARK-MASQ', ...[...chains].sort()]),
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000',
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
    '-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000',
    ...nodePorts,
    ...portals,
    `-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" ${LOCAL} -j KUBE-NODEPORTS`,
    ...nat,
    'COMMIT',
    '',
  ].join('\n');
}

const comment = (text: string): string => `-m comment --comment "${text}"`;
const NEW = '-m conntrack --ctstate NEW';

/** What `kp.py jumps` prints: iptables commands, one a line. */
export const REFERENCE_JUMPS = [
  ...['INPUT', 'FORWARD', 'OUTPUT'].flatMap((chain) => {
    const firewall = `filter -A ${chain} ${NEW} ${comment('kubernetes load balancer firewall')} -j KUBE-PROXY-FIREWALL`;
    const portals = `filter -A ${chain} ${NEW} ${comment('kubernetes service portals')} -j KUBE-SERVICES`;
    const external = `filter -A ${chain} ${NEW} ${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`;
    if (chain === 'INPUT')
      return [firewall, `filter -A INPUT ${comment('kubernetes health check service ports')} -j KUBE-NODEPORTS`, external];
    if (chain === 'OUTPUT') return [firewall, portals];
    return [firewall, `filter -A FORWARD ${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`, portals, external];
  }),
  ...['PREROUTING', 'OUTPUT'].map((chain) => `nat -A ${chain} ${comment('kubernetes service portals')} -j KUBE-SERVICES`),
  `nat -A POSTROUTING ${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`,
]
  .map((rule) => `iptables -t ${rule}\n`)
  .join('');
