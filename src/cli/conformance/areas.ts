/** Which area of the score a recording belongs to: by its name, else by its tags. */

/** The first row whose pattern fits the name wins. */
const AREAS: readonly (readonly [area: string, name: RegExp])[] = [
  ['Kubernetes-like topologies', /^(k8s|calico|flannel|cni|service|pod|node)-|^vxlan-flannel/],
  ['ip link', /^(more-)?ip-link|^ip-(link|vlan|tunnel)|vlan-subif|other-links|ip-types/],
  ['ip addr', /ip-addr|more-addr/],
  ['ip route', /ip-(route|nexthop)|polroute|routes/],
  ['ip rule', /ip-rule/],
  ['ip neigh', /ip-neigh|ndisc/],
  ['ip netns', /netns/],
  ['ip monitor, json, stats, help', /ip-/],
  ['tunnels', /geneve|ipip|gre|tunnel|vrf|bond/],
  ['bridge', /bridge|brctl|brfrag/],
  ['vxlan', /vxlan/],
  ['macvlan', /macvlan|ipvlan/],
  ['iptables errors', /iptables.*error/],
  ['iptables save and restore', /iptables.*(save|restore)/],
  ['iptables legacy', /iptables.*legacy/],
  ['iptables listing', /iptables.*(list|basic|chain|view|policy|counter)/],
  ['iptables matches', /iptables.*(match|limit|recent|stat|mark|set|state)/],
  ['iptables targets', /iptables|reject|masq/],
  ['nft', /nft/],
  ['ipset', /ipset/],
  ['ipvs', /ipvs/],
  ['conntrack', /conntrack|^more-ct/],
  ['icmp', /icmp/],
  ['ping', /ping/],
  ['traceroute', /trace|mtr/],
  ['arping', /arp/],
  ['tcpdump', /tcpdump|pcap|capture/],
  ['tc', /(^|-)tc(-|$)|netem|tbf|qdisc/],
  ['curl', /curl/],
  ['wget', /wget/],
  ['nginx', /nginx|http/],
  ['tls', /tls|openssl/],
  ['nc', /(^|-)nc(-|$)|telnet/],
  ['ss', /(^|-)ss(-|$)/],
  ['dns', /dns|resolv|dig|getent/],
  ['sysctl', /sys/],
  ['ethtool', /ethtool/],
  ['net-tools', /net-?tools|netstat|ifconfig|nstat/],
  ['ipv6', /v6/],
  ['tcp, udp', /tcp|udp|sock/],
];

export function areaOf(name: string, tags: readonly string[] = []): string {
  for (const [area, pattern] of AREAS) if (pattern.test(name)) return area;
  for (const tag of tags) for (const [area, pattern] of AREAS) if (pattern.test(tag)) return area;
  return 'other';
}

export interface AreaScore {
  readonly area: string;
  readonly recordings: number;
  readonly matched: number;
  readonly total: number;
}

/** Sums in the order of the table. */
export function byArea(scores: readonly { name: string; tags: readonly string[]; matched: number; total: number }[]): AreaScore[] {
  const sums = new Map<string, { recordings: number; matched: number; total: number }>();
  for (const s of scores) {
    const area = areaOf(s.name, s.tags);
    const sum = sums.get(area) ?? { recordings: 0, matched: 0, total: 0 };
    sums.set(area, { recordings: sum.recordings + 1, matched: sum.matched + s.matched, total: sum.total + s.total });
  }
  const order = [...AREAS.map(([area]) => area), 'other'];
  return [...sums].map(([area, sum]) => ({ area, ...sum })).sort((a, b) => order.indexOf(a.area) - order.indexOf(b.area));
}
