/** What of Linux networking is emulated, as a table that the site prints. A row names kernel features in the kernel's words. */

export type Level = 'emulated' | 'partly' | 'absent';

export interface Feature {
  readonly area: string;
  readonly feature: string;
  readonly level: Level;
  /** What is missing, and why. */
  readonly note?: string;
}

const rows =
  (area: string) =>
  (...list: readonly (readonly [feature: string, level: Level, note?: string])[]): Feature[] =>
    list.map(([feature, level, note]) => ({ area, feature, level, ...(note === undefined ? {} : { note }) }));

export const FEATURES: readonly Feature[] = [
  ...rows('Links')(
    ['veth, bridge, VXLAN, macvlan, dummy, VLAN sub-interfaces, loopback, network cards with cables', 'emulated'],
    ['bridge: learning, ageing, hairpin, isolation, VLAN filtering, VLAN tunnels, spanning tree', 'emulated'],
    ['bridge: IGMP snooping, groups set by hand', 'partly', 'programs here join no groups, so MLD is not read; a querier sends no queries'],
    [
      'IPIP, GRE, SIT, tunnels over IPv6, Geneve, VRF, bond, ipvlan, tun and tap',
      'partly',
      'measured only against recordings of an older kernel or none',
    ],
    [
      'queueing disciplines (netem, tbf, htb, prio, fq_codel), filters u32 and matchall',
      'partly',
      'netem, prio and fq_codel follow the source: no recording kernel had them',
    ],
    ['offloads', 'partly', 'large segments cross veth and bridges whole; there is no hardware'],
    ['XDP, AF_XDP, BPF programs on devices', 'absent', 'would need a BPF machine'],
    ['WireGuard, MACsec, L2TP, PPP', 'absent'],
  ),
  ...rows('IPv4 and IPv6')(
    ['addresses, routes, rules, nexthop objects, multipath, source address choice', 'emulated'],
    ['neighbours: ARP, neighbour discovery, proxies, garbage collection', 'emulated'],
    ['path MTU discovery, fragments, reassembly, redirects, ICMP and its limits', 'emulated'],
    ['reverse path filter, martians, forwarding switches', 'emulated'],
    ['router advertisements and autoconfiguration', 'partly', 'a host asks; no program here advertises'],
    ['multicast listener reports (MLD)', 'absent', 'a link with IPv6 shows neighbour discovery and router solicitations only'],
    ['multicast routing', 'absent'],
    ['segment routing, IOAM, MPLS, IPsec', 'absent'],
  ),
  ...rows('Transport')(
    ['TCP: states, options, windows, retransmission, keep-alive, resets, time stamps, SACK, ECN', 'emulated'],
    ['congestion control', 'partly', 'slow start and Reno-like growth whatever the name says'],
    ['UDP, ICMP and raw sockets, packet sockets, Unix sockets', 'emulated'],
    ['SCTP, DCCP, MPTCP', 'absent', 'rules that match them can be written and listed'],
  ),
  ...rows('Netfilter')(
    ['hooks and tables of iptables; nftables chains, sets, maps, objects', 'emulated'],
    ['connection tracking and NAT for TCP, UDP, ICMP', 'emulated'],
    ['helpers (FTP, SIP …)', 'absent', 'a rule that assigns one is accepted; nothing follows the data connection'],
    ['br_netfilter', 'emulated'],
    ['ipset', 'emulated'],
    ['queues to programs (NFQUEUE)', 'partly', 'without a listener packets are dropped or bypassed, as on Linux'],
    ['flow tables', 'partly', 'listed, never offloaded'],
    ['IPVS', 'partly', 'over IPv4; measured only against recordings of an older kernel; ICMP errors of its connections are not followed'],
  ),
  ...rows('Processes and files')(
    ['processes, pipes, signals, terminals, job control', 'emulated'],
    ['network, mount and UTS namespaces', 'emulated'],
    ['user, PID and time namespaces, cgroups, capabilities', 'absent', 'exercises run as root on a machine of their own'],
    ['memory use of processes', 'absent', 'shown as 0'],
    ['time', 'partly', 'virtual: it passes only when something happens, and programs take a few microseconds'],
  ),
];
