/** How a packet goes on to its real server: rewritten, inside another packet or as it is. Models net/netfilter/ipvs/ip_vs_xmit.c */

import { type Ip4, writeIp4 } from '../../wire/addr.ts';
import { alloc, put16, u16 } from '../../wire/bytes.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_TIME_EXCEEDED } from '../../wire/icmp.ts';
import { refreshIp4Checksum } from '../../wire/ipv4.ts';
import { icmpSend } from '../ip/icmp.ts';
import { addrType, routeOutput } from '../ip/route.ts';
import { manipPacket } from '../netfilter/conntrack/manip.ts';
import type { HookVerdict } from '../netfilter/netfilter.ts';
import type { XtPacket } from '../netfilter/xt/packet.ts';
import type { Skb } from '../skb.ts';
import type { IpvsConn } from './service.ts';

/** Packets that IPVS has been at (skb->ipvs_property), with their connection. */
export const touched = new WeakMap<Skb, IpvsConn>();

/** The connection that a packet belongs to once IPVS has been at it. */
export function ipvsConnOf(skb: Skb): IpvsConn | undefined {
  return touched.get(skb);
}

/** The connection's way of forwarding. Models ip_vs_nat_xmit(), ip_vs_dr_xmit(), ip_vs_tunnel_xmit() */
export function transmit(p: XtPacket, conn: IpvsConn): HookVerdict {
  const { skb, ns } = p;
  if (conn.forward === 'local' || addrType(ns, conn.daddr) === 'local') {
    if (conn.forward !== 'route' && conn.daddr !== conn.vaddr) rewrite(p, conn, 'dst');
    else if (conn.dport !== conn.vport) rewrite(p, conn, 'dst');
    touched.set(skb, conn);
    if (p.hook === 'OUTPUT') skb.dst = null;
    return 'accept';
  }
  const route = routeOutput(ns, { dst: conn.daddr, tos: skb.data[1] as number, mark: skb.mark });
  if (!route.ok) return ns.nf.dropped('NO_ROUTE');
  const overhead = conn.forward === 'tunnel' ? 20 : 0;
  const mtu = route.value.dev.mtu - overhead;
  if (skb.gsoSize === 0 && skb.data.length > mtu && u16(skb.data, 6) & 0x4000) {
    icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
    return ns.nf.dropped('PKT_TOO_BIG');
  }
  if ((skb.data[8] as number) <= 1) {
    icmpSend(skb, ICMP_TIME_EXCEEDED, 0);
    return ns.nf.dropped('TTL_EXCEEDED');
  }
  skb.data[8] = (skb.data[8] as number) - 1;
  refreshIp4Checksum(skb.data);
  touched.set(skb, conn);
  track(skb, conn, conn.forward === 'masq');
  if (conn.forward === 'masq') rewrite(p, conn, 'dst');
  else if (conn.forward === 'tunnel') encapsulate(skb, route.value.src as Ip4, conn.daddr);
  skb.dst = null;
  ns.ip4.sendVia(skb, conn.daddr, null);
  return 'stolen';
}

export function rewrite(p: XtPacket, conn: IpvsConn, side: 'src' | 'dst'): void {
  const to = side === 'dst' ? { addr: conn.daddr, port: conn.dport } : { addr: conn.vaddr, port: conn.vport };
  manipPacket(p.skb.data, 4, 0, p.l4, p.proto, side, to, undefined, p.skb.csumBytes > 0);
  if (side === 'dst') {
    p.dst = to.addr;
    p.dst32 = to.addr | 0;
  } else {
    p.src = to.addr;
    p.src32 = to.addr | 0;
  }
}

/** Tells connection tracking where answers come from, or keeps the packet from it. Models ip_vs_update_conntrack(), ip_vs_notrack() */
export function track(skb: Skb, conn: IpvsConn, alters: boolean): void {
  if (!conn.nfct) {
    skb.ct = null;
    skb.ctInfo = null;
    skb.untracked = true;
  } else if (alters && skb.ct && !skb.ct.confirmed && skb.ctInfo?.dir === 'original') {
    skb.ct.reply = { ...skb.ct.reply, src: conn.daddr, sport: conn.dport };
  }
}

/** The packet inside another one to the server (IPIP). */
function encapsulate(skb: Skb, src: Ip4, dst: Ip4): void {
  skb.checksumHelp();
  const inner = skb.data;
  const b = alloc(inner.length + 20);
  b[0] = 0x45;
  b[1] = inner[1] as number;
  put16(b, 2, b.length);
  put16(b, 4, 1 + skb.sim.rng('ipid').below(65535));
  put16(b, 6, u16(inner, 6) & 0x4000);
  b[8] = inner[8] as number;
  b[9] = 4;
  writeIp4(b, 12, src);
  writeIp4(b, 16, dst);
  b.set(inner, 20);
  refreshIp4Checksum(b);
  skb.data = b;
}
