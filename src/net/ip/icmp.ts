/** ICMP: errors about a packet, echo, what sockets are told. Models net/ipv4/icmp.c */

import { MS } from '../../sim/sim.ts';
import { isMulticast, readIp4 } from '../../wire/addr.ts';
import { checksum, u16, u32 } from '../../wire/bytes.ts';
import {
  emitIcmp,
  ICMP_DEST_UNREACH,
  ICMP_ECHO,
  ICMP_ECHOREPLY,
  ICMP_FRAG_NEEDED,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
  isIcmpError,
} from '../../wire/icmp.ts';
import { IPPROTO_ICMP, ip4HeaderLen } from '../../wire/ipv4.ts';
import { IFF_LOOPBACK } from '../dev/device.ts';
import { netDrop } from '../dev/trace.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { rawError } from '../sock/raw.ts';
import { RT_SCOPE_LINK, RT_SCOPE_UNIVERSE } from './fib.ts';
import { countIcmp } from './icmpstat.ts';
import { echoOptions } from './options.ts';
import { acceptRedirect, dstMtu, updatePmtu } from './pmtu.ts';
import { type IcmpErrorInfo, inetProtos } from './protocols.ts';
import { addrType, type Dst, routeOutput, selectAddr } from './route.ts';

/** RFC 1812 4.3.2.3: an error quotes as much as fits in 576 bytes. */
const ERROR_SIZE = 576;
const IPTOS_PREC_INTERNETCONTROL = 0xc0;

/**
 * Sends an ICMP error about `skb` (skb.data whole IPv4 packet as it came). `info` is the header's second word (next-hop MTU for
 * fragmentation needed). No error about errors, broadcasts, fragments but the first; rate limits apply.
 * The packet may be on its way in, through or out: skb.dst says whose it is, skb.dev in which namespace.
 */
export function icmpSend(skb: Skb, type: number, code: number, info = 0): void {
  const ns = skb.dst?.ns ?? skb.dev?.ns;
  const b = skb.data;
  if (!ns?.alive || b.length < 20 || skb.type !== 'host') return;
  const from = readIp4(b, 12);
  const to = readIp4(b, 16);
  if (skb.dst && (skb.dst.type === 'broadcast' || skb.dst.type === 'multicast')) return;
  if (isMulticast(to) || to === 0xffffffff || from === 0 || (u16(b, 6) & 0x1fff) !== 0) return;
  const hlen = ip4HeaderLen(b);
  if (b[9] === IPPROTO_ICMP && (b.length <= hlen || isIcmpError(b[hlen] as number))) return;
  const limited =
    type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED ? false : ((1 << type) & ns.sysctl.int('net.ipv4.icmp_ratemask')) !== 0;
  if (limited && !ns.ip4.peers.allowGlobal()) {
    ns.snmp.inc('IcmpOutRateLimitGlobal');
    return;
  }
  const ours = skb.dst ? skb.dst.type === 'local' : addrType(ns, to) === 'local';
  let src: number | null = ours ? to : null;
  if (src === null && skb.iif && ns.sysctl.int('net.ipv4.icmp_errors_use_inbound_ifaddr') !== 0)
    src = selectAddr(skb.iif, from, RT_SCOPE_LINK) as number | null;
  const tos = ((b[1] as number) & 0x1e) | IPTOS_PREC_INTERNETCONTROL;
  const mark = ns.sysctl.int('net.ipv4.fwmark_reflect') !== 0 ? skb.mark : 0;
  const route = routeOutput(ns, { dst: from, src, oif: skb.dev?.l3master ?? null, mark, tos, proto: IPPROTO_ICMP });
  if (!route.ok) return;
  if (limited && !hostAllows(ns, route.value, from)) return;
  const room = Math.min(dstMtu(route.value, from), ERROR_SIZE) - 28;
  const payload = emitIcmp({ type, code, rest: info >>> 0, payload: b.slice(0, Math.max(28, room)) });
  const parent = skb.id;
  countIcmp(ns.snmp, 'Out', type);
  ns.kernel.sim.schedule(0, () => {
    ns.ip4.output({
      src: src ?? (route.value.src as number),
      dst: from,
      proto: IPPROTO_ICMP,
      payload,
      tos,
      df: false,
      mark,
      parent,
      cause: skb,
      route: route.value,
    });
  });
}

/** icmpv4_xrlim_allow(): the limit of one destination. Loopback has none. */
function hostAllows(ns: Netns, dst: Dst, to: number): boolean {
  if (!(dst.dev.flags & IFF_LOOPBACK) && !ns.ip4.peers.allow(to, ns.sysctl.int('net.ipv4.icmp_ratelimit') * MS)) {
    ns.snmp.inc('IcmpOutRateLimitHost');
    return false;
  }
  ns.ip4.peers.consumeGlobal();
  return true;
}

/** icmp_rcv(): handler for protocol 1. */
export function icmpReceive(skb: Skb): void {
  const dev = skb.dev;
  if (!dev) return;
  const { ns } = dev;
  const b = skb.data;
  const hlen = ip4HeaderLen(b);
  ns.snmp.inc('IcmpInMsgs');
  if (b.length < hlen + 8 || checksum(b, hlen) !== 0) {
    ns.snmp.inc('IcmpInCsumErrors');
    netDrop(skb, dev, 'ICMP_CSUM');
    return;
  }
  countIcmp(ns.snmp, 'In', b[hlen] as number);
  switch (b[hlen]) {
    case ICMP_ECHO:
      echo(ns, skb, hlen);
      break;
    case ICMP_DEST_UNREACH:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETERPROB:
      errorIn(ns, skb, hlen);
      break;
    case ICMP_REDIRECT:
      if (b.length >= hlen + 28) acceptRedirect(ns, dev, readIp4(b, 12), readIp4(b, hlen + 24), u32(b, hlen + 4));
      break;
    default:
  }
}

/** icmp_echo(), icmp_reply() */
function echo(ns: Netns, skb: Skb, hlen: number): void {
  const b = skb.data;
  const from = readIp4(b, 12);
  const to = readIp4(b, 16);
  const many = isMulticast(to) || skb.dst?.type === 'broadcast';
  if (ns.sysctl.int('net.ipv4.icmp_echo_ignore_all') !== 0 || (many && ns.sysctl.int('net.ipv4.icmp_echo_ignore_broadcasts') !== 0)) {
    netDrop(skb, skb.dev ?? ns.lo, 'ICMP_ECHO_IGNORED');
    return;
  }
  const src = many ? ((selectAddr(skb.dev ?? ns.lo, from, RT_SCOPE_UNIVERSE) as number | null) ?? null) : to;
  const payload = emitIcmp({ type: ICMP_ECHOREPLY, code: 0, rest: u32(b, hlen + 4), payload: b.subarray(hlen + 8) });
  const mark = ns.sysctl.int('net.ipv4.fwmark_reflect') !== 0 ? skb.mark : 0;
  const tos = b[1] as number;
  const oif = skb.dev?.l3master ?? null;
  const parent = skb.id;
  const options = echoOptions(b);
  if ((ns.sysctl.int('net.ipv4.icmp_ratemask') & (1 << ICMP_ECHOREPLY)) !== 0) {
    const route = routeOutput(ns, { dst: from, src, oif, mark, tos, proto: IPPROTO_ICMP });
    if (!ns.ip4.peers.allowGlobal() || !route.ok || !hostAllows(ns, route.value, from)) return;
  }
  ns.kernel.sim.schedule(0, () => {
    const sent = ns.ip4.output({
      src,
      dst: from,
      proto: IPPROTO_ICMP,
      payload,
      ttl: undefined,
      tos,
      df: false,
      id: undefined,
      oif,
      mark,
      priority: 0,
      sk: null,
      route: null,
      gsoSize: 0,
      csumOffset: 0,
      csumBytes: undefined,
      options,
      parent,
      cause: null,
      probe: false,
    });
    if (sent.ok || sent.errno === 'EPERM') countIcmp(ns.snmp, 'Out', ICMP_ECHOREPLY);
  });
}

/** icmp_unreach(): what the quoted packet's sender is told. */
function errorIn(ns: Netns, skb: Skb, hlen: number): void {
  const b = skb.data;
  const type = b[hlen] as number;
  const code = b[hlen + 1] as number;
  const quoted = b.subarray(hlen + 8);
  if (quoted.length < 20 || ip4HeaderLen(quoted) < 20 || quoted.length < ip4HeaderLen(quoted) + 8) return;
  // A host that could not put our fragments together tells us, and we do not listen.
  if (type === ICMP_TIME_EXCEEDED && code === 1) return;
  let info = u32(b, hlen + 4);
  if (type === ICMP_DEST_UNREACH) {
    info = 0;
    if (code === ICMP_FRAG_NEEDED) {
      const policy = ns.sysctl.int('net.ipv4.ip_no_pmtu_disc');
      if (policy === 2 || (policy === 3 && quoted[9] !== 6)) return;
      if (policy !== 1) info = u16(b, hlen + 6);
      if (info > 0) updatePmtu(ns, readIp4(quoted, 16), info);
    }
  }
  const error: IcmpErrorInfo = { family: 4, type, code, info, from: readIp4(b, 12) };
  rawError(skb, quoted, error);
  inetProtos[quoted[9] as number]?.error?.(skb, quoted, error);
}
