/** ICMPv6: errors, echo, and the way to neighbour discovery. Models net/ipv6/icmp.c */

import { MS } from '../../sim/sim.ts';
import { type Ip6, isLinkLocal, isMulticast, readIp6 } from '../../wire/addr.ts';
import { u32 } from '../../wire/bytes.ts';
import {
  emitIcmp6,
  ICMPV6_DEST_UNREACH,
  ICMPV6_ECHO_REPLY,
  ICMPV6_ECHO_REQUEST,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
  isIcmp6Error,
  NDISC_REDIRECT,
  NDISC_ROUTER_SOLICITATION,
  parseIcmp6,
} from '../../wire/icmp6.ts';
import { IPPROTO_ICMPV6 } from '../../wire/ipv4.ts';
import { IFF_LOOPBACK } from '../dev/device.ts';
import { netDrop } from '../dev/trace.ts';
import { ndiscReceive } from '../neigh/ndisc.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { rawError } from '../sock/raw.ts';
import { countIcmp6 } from './icmp6stat.ts';
import { updatePmtu } from './pmtu.ts';
import { type IcmpErrorInfo, inet6Protos } from './protocols.ts';
import { addrType, routeOutput, selectAddr } from './route.ts';

/** RFC 4443 2.4(c): an error quotes as much as fits in the minimum MTU. */
const ERROR_SIZE = 1280;

/** Sends an ICMPv6 error about `skb` (whole IPv6 packet). `info` is the second word (MTU for packet too big). */
export function icmp6Send(skb: Skb, type: number, code: number, info = 0): void {
  const ns = skb.dst?.ns ?? skb.dev?.ns;
  const b = skb.data;
  if (!ns?.alive || b.length < 40) return;
  const from = readIp6(b, 8);
  const to = readIp6(b, 24);
  if (from === 0n || isMulticast(from)) return;
  if ((isMulticast(to) || skb.type !== 'host') && type !== ICMPV6_PKT_TOOBIG) return;
  if (b[6] === IPPROTO_ICMPV6 && (b.length < 48 || isIcmp6Error(b[40] as number))) return;
  const oif = isLinkLocal(from) ? (skb.iif ?? skb.dev) : null;
  const own = addrType(ns, to) === 'local' ? to : null;
  const mark = ns.sysctl.int('net.ipv6.fwmark_reflect') !== 0 ? skb.mark : 0;
  const route = routeOutput(ns, {
    dst: from,
    src: own,
    oif: oif && addrType(ns, from) !== 'local' ? oif : null,
    mark,
    proto: IPPROTO_ICMPV6,
  });
  if (!route.ok) return;
  if (!(route.value.dev.flags & IFF_LOOPBACK) && type !== ICMPV6_PKT_TOOBIG) {
    const limit = ns.sysctl.int('net.ipv6.icmp.ratelimit') * MS;
    if (limit > 0 && !ns.ip4.peers.allow(from, limit)) return;
  }
  const src = own ?? (route.value.src as Ip6);
  const payload = emitIcmp6({ type, code, rest: info >>> 0, payload: b.slice(0, ERROR_SIZE - 48) }, src, from);
  const parent = skb.id;
  ns.kernel.sim.schedule(0, () => {
    ns.ip6.output({ src, dst: from, proto: IPPROTO_ICMPV6, payload, mark, parent, cause: skb, route: route.value });
  });
}

/** icmpv6_rcv(): handler for next header 58. */
export function icmp6Receive(skb: Skb): void {
  const { dev, data: b } = skb;
  if (!dev) return;
  const { ns } = dev;
  const src = readIp6(b, 8);
  const dst = readIp6(b, 24);
  const m = parseIcmp6(b.subarray(40), src, dst);
  ns.snmp.inc('Icmp6InMsgs');
  if (!m) {
    ns.snmp.inc('Icmp6InCsumErrors');
    ns.snmp.inc('Icmp6InErrors');
    netDrop(skb, dev, 'ICMP_CSUM');
    return;
  }
  countIcmp6(ns.snmp, 'In', m.type);
  if (m.type >= NDISC_ROUTER_SOLICITATION && m.type <= NDISC_REDIRECT) ndiscReceive(skb);
  else if (m.type === ICMPV6_ECHO_REQUEST) echo(ns, skb, src, dst);
  else if (m.type === ICMPV6_DEST_UNREACH || m.type === ICMPV6_TIME_EXCEED || m.type === ICMPV6_PARAMPROB || m.type === ICMPV6_PKT_TOOBIG) {
    errorIn(ns, skb, { family: 6, type: m.type, code: m.code, info: m.rest, from: src }, m.payload);
  }
}

function echo(ns: Netns, skb: Skb, from: Ip6, to: Ip6): void {
  const dev = skb.dev ?? ns.lo;
  const many = isMulticast(to);
  if (ns.sysctl.int('net.ipv6.icmp.echo_ignore_all') !== 0 || (many && ns.sysctl.int('net.ipv6.icmp.echo_ignore_multicast') !== 0)) {
    netDrop(skb, dev, 'ICMP_ECHO_IGNORED');
    return;
  }
  const src = many ? (selectAddr(dev, from, 0) as Ip6 | null) : to;
  if (src === null) return;
  const b = skb.data;
  const payload = emitIcmp6({ type: ICMPV6_ECHO_REPLY, code: 0, rest: u32(b, 44), payload: b.subarray(48) }, src, from);
  const mark = ns.sysctl.int('net.ipv6.fwmark_reflect') !== 0 ? skb.mark : 0;
  const oif = isLinkLocal(from) && dev !== ns.lo ? dev : null;
  const parent = skb.id;
  ns.kernel.sim.schedule(0, () => {
    ns.ip6.output({ src, dst: from, proto: IPPROTO_ICMPV6, payload, mark, oif, parent });
  });
}

function errorIn(ns: Netns, skb: Skb, info: IcmpErrorInfo, quoted: Uint8Array): void {
  if (quoted.length < 48) return;
  if (info.type === ICMPV6_PKT_TOOBIG) updatePmtu(ns, readIp6(quoted, 24), info.info);
  rawError(skb, quoted, info);
  inet6Protos[quoted[6] as number]?.error?.(skb, quoted, info);
}
