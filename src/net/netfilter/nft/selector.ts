/** What a rule may look at, by the words that name it. Models nftables' payload, meta and ct expressions */

import { u16 } from '../../../wire/bytes.ts';
import { addrType } from '../../ip/route.ts';
import { tosOf } from '../xt/ext/dscp.ts';
import { hasL4, type XtPacket } from '../xt/packet.ts';
import { type DataType, TYPES, type Value } from './datatype.ts';

export interface Selector {
  /** As nft lists it. */
  readonly text: string;
  /** Other ways to write it. */
  readonly aliases?: readonly string[];
  readonly type: DataType;
  /** Needs connection tracking. */
  readonly conntrack?: boolean;
  /** Layer 4 protocol that it implies, for NAT ports and resets. */
  readonly l4?: boolean;
  /** Null: the packet has no such thing, the rule does not match. */
  get(p: XtPacket): Value | null;
}

const v4 = (p: XtPacket): boolean => p.family === 4;
const l4 =
  (proto: number, at: number, size = 2) =>
  (p: XtPacket): number | null => {
    if (p.proto !== proto || !hasL4(p, at + size)) return null;
    return size === 1 ? (p.skb.data[p.l4 + at] as number) : u16(p.skb.data, p.l4 + at);
  };
const anyPort =
  (at: number) =>
  (p: XtPacket): number | null =>
    (p.proto === 6 || p.proto === 17 || p.proto === 132 || p.proto === 33) && hasL4(p, 4) ? u16(p.skb.data, p.l4 + at) : null;

const STATE_BITS = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8 } as const;
const FIB_TYPES: Readonly<Record<string, number>> = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
};

export const SELECTORS: readonly Selector[] = [
  { text: 'ip saddr', type: TYPES.ipv4_addr, get: (p) => (v4(p) ? p.src : null) },
  { text: 'ip daddr', type: TYPES.ipv4_addr, get: (p) => (v4(p) ? p.dst : null) },
  { text: 'ip protocol', type: TYPES.inet_proto, l4: true, get: (p) => (v4(p) ? p.proto : null) },
  { text: 'ip ttl', type: TYPES.integer, get: (p) => (v4(p) ? (p.skb.data[8] as number) : null) },
  { text: 'ip length', type: TYPES.integer, get: (p) => (v4(p) ? p.len : null) },
  { text: 'ip dscp', type: TYPES.integer, get: (p) => (v4(p) ? tosOf(p) >> 2 : null) },
  { text: 'ip6 saddr', type: TYPES.ipv6_addr, get: (p) => (v4(p) ? null : p.src) },
  { text: 'ip6 daddr', type: TYPES.ipv6_addr, get: (p) => (v4(p) ? null : p.dst) },
  { text: 'ip6 nexthdr', type: TYPES.inet_proto, l4: true, get: (p) => (v4(p) ? null : p.proto) },
  { text: 'ip6 hoplimit', type: TYPES.integer, get: (p) => (v4(p) ? null : (p.skb.data[7] as number)) },
  { text: 'tcp sport', type: TYPES.inet_service, l4: true, get: l4(6, 0) },
  { text: 'tcp dport', type: TYPES.inet_service, l4: true, get: l4(6, 2) },
  { text: 'tcp flags', type: TYPES.tcp_flag, l4: true, get: l4(6, 13, 1) },
  { text: 'udp sport', type: TYPES.inet_service, l4: true, get: l4(17, 0) },
  { text: 'udp dport', type: TYPES.inet_service, l4: true, get: l4(17, 2) },
  { text: 'udp length', type: TYPES.integer, l4: true, get: l4(17, 4) },
  { text: 'sctp sport', type: TYPES.inet_service, l4: true, get: l4(132, 0) },
  { text: 'sctp dport', type: TYPES.inet_service, l4: true, get: l4(132, 2) },
  { text: 'th sport', type: TYPES.inet_service, l4: true, get: anyPort(0) },
  { text: 'th dport', type: TYPES.inet_service, l4: true, get: anyPort(2) },
  { text: 'icmp type', type: TYPES.icmp_type, get: l4(1, 0, 1) },
  { text: 'icmp code', type: TYPES.integer, get: l4(1, 1, 1) },
  { text: 'icmpv6 type', type: TYPES.icmpv6_type, get: l4(58, 0, 1) },
  { text: 'iifname', aliases: ['meta iifname'], type: TYPES.ifname, get: (p) => p.in?.name ?? null },
  { text: 'oifname', aliases: ['meta oifname'], type: TYPES.ifname, get: (p) => p.out?.name ?? null },
  { text: 'iif', aliases: ['meta iif'], type: TYPES.iface_index, get: (p) => p.in?.name ?? null },
  { text: 'oif', aliases: ['meta oif'], type: TYPES.iface_index, get: (p) => p.out?.name ?? null },
  { text: 'meta l4proto', type: TYPES.inet_proto, l4: true, get: (p) => p.proto },
  { text: 'meta mark', aliases: ['mark'], type: TYPES.mark, get: (p) => p.skb.mark },
  { text: 'meta nfproto', type: TYPES.nfproto, get: (p) => (v4(p) ? 2 : 10) },
  { text: 'meta length', type: TYPES.integer, get: (p) => p.len },
  { text: 'meta skuid', aliases: ['skuid'], type: TYPES.uid, get: (p) => p.skb.sk?.uid ?? null },
  { text: 'meta skgid', aliases: ['skgid'], type: TYPES.uid, get: (p) => p.skb.sk?.gid ?? null },
  {
    text: 'meta pkttype',
    aliases: ['pkttype'],
    type: TYPES.pkt_type,
    get: (p) => (p.skb.type === 'broadcast' ? 1 : p.skb.type === 'multicast' ? 2 : p.skb.type === 'otherhost' ? 3 : 0),
  },
  {
    text: 'ct state',
    type: TYPES.ct_state,
    conntrack: true,
    get: (p) => (p.skb.ctInfo ? STATE_BITS[p.skb.ctInfo.state] : p.skb.untracked ? 64 : 1),
  },
  {
    text: 'ct status',
    type: TYPES.ct_status,
    conntrack: true,
    get: (p) => {
      const { ct } = p.skb;
      if (!ct) return null;
      return (ct.seenReply ? 2 : 0) | (ct.assured ? 4 : 0) | (ct.confirmed ? 8 : 0) | (ct.srcNat ? 16 : 0) | (ct.dstNat ? 32 : 0);
    },
  },
  { text: 'ct mark', type: TYPES.mark, conntrack: true, get: (p) => p.skb.ct?.mark ?? null },
  { text: 'fib daddr type', type: TYPES.fib_addrtype, get: (p) => FIB_TYPES[addrType(p.ns, p.dst)] ?? 0 },
  { text: 'fib saddr type', type: TYPES.fib_addrtype, get: (p) => FIB_TYPES[addrType(p.ns, p.src)] ?? 0 },
];

/** The selector whose words stand at `at`, and how many they are. */
export function selectorAt(words: readonly string[], at: number): { selector: Selector; words: number } | null {
  for (const selector of SELECTORS) {
    for (const text of [selector.text, ...(selector.aliases ?? [])]) {
      const parts = text.split(' ');
      if (parts.every((w, i) => words[at + i] === w)) return { selector, words: parts.length };
    }
  }
  return null;
}
