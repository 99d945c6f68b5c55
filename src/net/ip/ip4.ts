/** IPv4: receive, forward, deliver, output. Models net/ipv4/ip_input.c, ip_forward.c, ip_output.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Rng } from '../../sim/rng.ts';
import { formatIp4, type Ip4, readIp4, writeIp4 } from '../../wire/addr.ts';
import { alloc, checksum, put16, u16 } from '../../wire/bytes.ts';
import { ETH_P_IP } from '../../wire/ethernet.ts';
import {
  ICMP_DEST_UNREACH,
  ICMP_FRAG_NEEDED,
  ICMP_HOST_UNREACH,
  ICMP_NET_UNREACH,
  ICMP_PKT_FILTERED,
  ICMP_PROT_UNREACH,
  ICMP_REDIRECT,
  ICMP_TIME_EXCEEDED,
} from '../../wire/icmp.ts';
import { IP_DF, IPPROTO_TCP, IPPROTO_UDP, ip4HeaderLen, refreshIp4Checksum } from '../../wire/ipv4.ts';
import { IFF_LOOPBACK, type NetDevice } from '../dev/device.ts';
import { netDrop } from '../dev/trace.ts';
import type { Netns } from '../netns.ts';
import { Skb } from '../skb.ts';
import { rawReceive } from '../sock/raw.ts';
import type { Sock } from '../sock/sock.ts';
import { RT_SCOPE_UNIVERSE } from './fib.ts';
import { fragment4, isFragment, Reassembly } from './frag.ts';
import { icmpSend } from './icmp.ts';
import { watchLinks4 } from './ifroutes.ts';
import { recordRoute } from './options.ts';
import { IcmpPeers } from './peers.ts';
import { dstMtu, forwardMtu, mtuLocked, packetMtu } from './pmtu.ts';
import { inetProtos } from './protocols.ts';
import { addrType, type Dst, type RouteFail, routeOutput, selectAddr } from './route.ts';
import { RouteCache, traceRoute } from './routecache.ts';

declare module '../../sim/trace.ts' {
  interface TraceEvents {
    /** A packet was handed to a protocol of this host. */
    'net.deliver': { skb: number; host: string; ns: string; dev: string; proto: number };
  }
}

/** One packet to send: the L4 bytes are complete (checksum included). */
export interface Ip4Out {
  /** null: the route chooses. With it chosen by the route, take `routeOutput` first: L4 checksums need the address. */
  src: Ip4 | null;
  dst: Ip4;
  proto: number;
  payload: Uint8Array;
  ttl?: number;
  tos?: number;
  /** true: don't fragment; false: may be fragmented anywhere; absent: DF when it fits the path MTU, else fragmented here (IP_PMTUDISC_WANT). */
  df?: boolean;
  /** Identification; default: chosen by the kernel. */
  id?: number;
  oif?: NetDevice | null;
  mark?: number;
  priority?: number;
  sk?: Sock | null;
  /** A routing result that the caller keeps; looked up anew when it is stale. */
  route?: Dst | null;
  /** TCP super-packet: payload size of a segment. */
  gsoSize?: number;
  /** CHECKSUM_PARTIAL: where in the payload the checksum is to go; 0 or absent when it is there. */
  csumOffset?: number;
  /** Bytes that the checksum covers, when they are not the whole payload (an encapsulated packet). */
  csumBytes?: number;
  options?: Uint8Array;
  /** Trace: the packet that caused this one. */
  parent?: number;
  /** The packet that this one answers (ICMP error, REJECT): conntrack takes it as related to that one's connection. */
  cause?: Skb | null;
  /** IP_PMTUDISC_PROBE: learned path MTUs do not count. */
  probe?: boolean;
}

export interface Ip4RawOut {
  /** CHECKSUM_PARTIAL, as in Ip4Out. */
  csumOffset?: number;
  csumBytes?: number;
  oif?: NetDevice | null;
  mark?: number;
  sk?: Sock | null;
  parent?: number;
  /** The packet that this one answers (ICMP error, REJECT): conntrack takes it as related to that one's connection. */
  cause?: Skb | null;
  priority?: number;
}

export class Ip4Stack {
  readonly ns: Netns;
  readonly reassembly: Reassembly;
  /** Rate limits by destination. */
  readonly peers: IcmpPeers;
  readonly routes: RouteCache;
  private readonly defaultTtl: { readonly n: number };
  private readonly ids: Rng;
  private readonly mib: {
    readonly inOctets: { n: number };
    readonly outOctets: { n: number };
    readonly outTransmits: { n: number };
    /** By the ECN bits of a packet. */
    readonly ecn: readonly { n: number }[];
  };

  constructor(ns: Netns) {
    this.ns = ns;
    this.reassembly = new Reassembly(ns);
    this.peers = new IcmpPeers(ns);
    this.routes = new RouteCache(ns);
    this.defaultTtl = ns.sysctl.cell('net.ipv4.ip_default_ttl');
    this.ids = ns.kernel.sim.rng('ipid');
    const { snmp } = ns;
    this.mib = {
      inOctets: snmp.cell('IpExtInOctets'),
      outOctets: snmp.cell('IpExtOutOctets'),
      outTransmits: snmp.cell('IpOutTransmits'),
      ecn: ['NoECT', 'ECT1', 'ECT0', 'CE'].map((name) => snmp.cell(`IpExtIn${name}Pkts`)),
    };
    watchLinks4(ns);
  }

  // ---- in ----

  /** ip_rcv(): from the device. skb.dev is the input device, skb.data the packet. */
  receive(skb: Skb): void {
    const dev = skb.dev as NetDevice;
    const { snmp } = this.ns;
    if (skb.type === 'otherhost') {
      netDrop(skb, dev, 'OTHERHOST');
      return;
    }
    snmp.inc('IpInReceives');
    const b = skb.data;
    const { mib } = this;
    mib.inOctets.n += b.length;
    const hlen = b.length >= 20 ? ip4HeaderLen(b) : 0;
    const total = b.length >= 20 ? u16(b, 2) : 0;
    if (hlen < 20 || (b[0] as number) >> 4 !== 4 || total < hlen || total > b.length) {
      snmp.inc('IpInHdrErrors');
      netDrop(skb, dev, 'IP_INHDR');
      return;
    }
    if (checksum(b, 0, hlen) !== 0) {
      snmp.inc('IpInHdrErrors');
      netDrop(skb, dev, 'IP_CSUM');
      return;
    }
    (mib.ecn[(b[1] as number) & 3] as { n: number }).n += skb.gsoSize > 0 ? Math.ceil((total - hlen) / skb.gsoSize) : 1;
    if (total < b.length) skb.data = b.subarray(0, total);
    if (skb.iif === null) skb.iif = dev;
    const { nf, ct } = this.ns;
    // nf_defrag_ipv4: connection tracking sees whole packets only; they are cut again on the way out.
    if (isFragment(b) && ct.active(4) && !this.reassembly.add(skb, 'conntrack')) return;
    if (nf.v4.PREROUTING !== null && nf.hook(4, 'PREROUTING', skb, dev, null) !== 'accept') return;
    this.receiveFinish(skb);
  }

  /** ip_rcv_finish(): the routing decision; also for who re-injects a packet after PREROUTING. */
  receiveFinish(skb: Skb): void {
    const dev = skb.dev as NetDevice;
    let dst = skb.dst;
    if (!dst) {
      const b = skb.data;
      const found = this.routes.input(skb, readIp4(b, 12), readIp4(b, 16), dev);
      if (!found.ok) {
        this.inputError(skb, dev, found);
        return;
      }
      dst = found.value;
      skb.dst = dst;
    }
    if (dst.type === 'multicast' || dst.type === 'broadcast') this.countGroup('In', dst.type, skb.data.length);
    if (skb.sim.trace.on) traceRoute(skb, dst);
    if (dst.kind === 'forward') this.forward(skb, dst);
    else if (dst.kind === 'output' && dst.type === 'unicast') netDrop(skb, dev, 'NOT_FOR_ME');
    else this.deliver(skb);
  }

  /** IpExtInMcastPkts, IpExtOutBcastOctets and their like. */
  private countGroup(way: 'In' | 'Out', type: 'multicast' | 'broadcast', bytes: number): void {
    const name = `IpExt${way}${type === 'multicast' ? 'Mcast' : 'Bcast'}`;
    this.ns.snmp.inc(`${name}Pkts`);
    this.ns.snmp.inc(`${name}Octets`, bytes);
  }

  private inputError(skb: Skb, dev: NetDevice, { errno, reason: msg }: RouteFail): void {
    const { ns } = this;
    if (errno === 'EXDEV') ns.snmp.inc('TcpExtIPReversePathFilter');
    if ((errno === 'EXDEV' || msg?.startsWith('MARTIAN')) && ns.sysctl.or4(dev, 'log_martians')) {
      const b = skb.data;
      const who = `${formatIp4(readIp4(b, 16))} from ${formatIp4(readIp4(b, 12))}`;
      if (msg === 'MARTIAN_DESTINATION') ns.kernel.printk(`IPv4: martian destination ${who}, dev ${dev.name}`);
      else {
        ns.kernel.printk(`IPv4: martian source ${who}, on dev ${dev.name}`);
        const header = [...skb.frame().subarray(0, 14)].map((x) => x.toString(16).padStart(2, '0'));
        if (dev.hardware === 'ether') ns.kernel.printk(`ll header: 00000000: ${header.join(' ')}`);
      }
    }
    if (errno === 'EXDEV' || errno === 'EINVAL') {
      netDrop(skb, dev, msg ?? 'BLACKHOLE');
      return;
    }
    netDrop(skb, dev, msg ?? (errno === 'EACCES' ? 'ROUTE_PROHIBIT' : errno === 'EHOSTUNREACH' ? 'ROUTE_UNREACHABLE' : 'NO_ROUTE'));
    const forwards = ns.sysctl.conf4(dev, 'forwarding') !== 0;
    if (errno === 'ENETUNREACH') ns.snmp.inc('IpExtInNoRoutes');
    else if (errno === 'EHOSTUNREACH' && !forwards) ns.snmp.inc('IpInAddrErrors');
    if (!forwards) return;
    // ip_error(): five at once, then one a second, whatever icmp_ratelimit says.
    if (!this.peers.allowRouteError(readIp4(skb.data, 12))) return;
    const code = errno === 'EACCES' ? ICMP_PKT_FILTERED : errno === 'EHOSTUNREACH' ? ICMP_HOST_UNREACH : ICMP_NET_UNREACH;
    icmpSend(skb, ICMP_DEST_UNREACH, code);
  }

  private forward(skb: Skb, dst: Dst): void {
    const dev = skb.dev as NetDevice;
    const b = skb.data;
    if (skb.type !== 'host') {
      netDrop(skb, dev, 'NOT_FOR_ME');
      return;
    }
    if ((b[8] as number) <= 1) {
      this.ns.snmp.inc('IpInHdrErrors');
      netDrop(skb, dev, 'TTL_EXCEEDED');
      icmpSend(skb, ICMP_TIME_EXCEEDED, 0);
      return;
    }
    const mtu = forwardMtu(dst, readIp4(b, 16));
    if (tooBig(skb, mtu) && (u16(b, 6) & IP_DF) !== 0) {
      this.ns.snmp.inc('IpFragFails');
      netDrop(skb, dev, 'PKT_TOO_BIG');
      icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
      return;
    }
    this.ns.snmp.inc('IpForwDatagrams');
    // ip_decrease_ttl(): RFC 1141, the checksum is mended and not computed again.
    b[8] = (b[8] as number) - 1;
    let sum = u16(b, 10) + 0x0100;
    if (sum >= 0xffff) sum -= 0xffff;
    put16(b, 10, sum);
    if (dst.redirect) this.redirect(skb, dst);
    if ((b[0] as number) > 0x45) recordRoute(b, this.outAddr(dst, readIp4(b, 16)));
    const { nf } = this.ns;
    if (nf.v4.FORWARD !== null && nf.hook(4, 'FORWARD', skb, dev, dst.dev) !== 'accept') return;
    this.postRouting(skb, (skb.dst as Dst | null) ?? dst, dev);
  }

  /** ip_rt_get_source(): the address by which the packet leaves. */
  private outAddr(dst: Dst, to: Ip4): Ip4 {
    const picked = dst.route?.prefsrc ?? selectAddr(dst.dev, dst.gateway ?? to, RT_SCOPE_UNIVERSE);
    return (picked as Ip4 | null) ?? 0;
  }

  /** ip_rt_send_redirect() */
  private redirect(skb: Skb, dst: Dst): void {
    // nf_nat_icmp_reply_translation() lets no redirect out before it knows what becomes of the connection.
    if (this.ns.ct.nat.undecided(4, skb)) return;
    const src = readIp4(skb.data, 12);
    if (!this.peers.allowRedirect(src)) return;
    const gateway = (dst.gateway as Ip4 | null) ?? readIp4(skb.data, 16);
    icmpSend(skb, ICMP_REDIRECT, 1, gateway);
  }

  /** ip_local_deliver() */
  deliver(skb: Skb): void {
    let packet = skb;
    if (isFragment(skb.data)) {
      const whole = this.reassembly.add(skb, 'deliver');
      if (!whole) return;
      packet = whole;
    }
    const dev = packet.dev as NetDevice;
    const { nf } = this.ns;
    if ((packet.data[0] as number) > 0x45) recordRoute(packet.data, readIp4(packet.data, 16));
    if (nf.v4.INPUT !== null && nf.hook(4, 'INPUT', packet, dev, null) !== 'accept') return;
    const proto = packet.data[9] as number;
    if (packet.sim.trace.on) {
      const { kernel } = this.ns;
      const at = { host: kernel.hostname, ns: kernel.nameOf(this.ns) ?? '', dev: dev.name };
      packet.sim.trace.emit('net.deliver', { skb: packet.id, ...at, proto }, packet, this.ns);
    }
    const taken = rawReceive(packet);
    const handler = inetProtos[proto];
    if (handler) {
      this.ns.snmp.inc('IpInDelivers');
      handler.receive(packet);
      return;
    }
    if (taken) return;
    this.ns.snmp.inc('IpInUnknownProtos');
    netDrop(packet, dev, 'IP_NOPROTO');
    icmpSend(packet, ICMP_DEST_UNREACH, ICMP_PROT_UNREACH);
  }

  // ---- out ----

  /** ip_queue_xmit() / ip_send_skb(): EMSGSIZE when DF and larger than the path MTU, EPERM when OUTPUT drops it, or the routing error. */
  output(p: Ip4Out): Result {
    const { ns } = this;
    if (!ns.alive) return fail('ENETUNREACH');
    let dst = p.route ?? null;
    if (!dst || dst.generation !== ns.fib.generation) {
      const ports = p.proto === IPPROTO_TCP || p.proto === IPPROTO_UDP;
      const sport = ports ? u16(p.payload, 0) : 0;
      const dport = ports ? u16(p.payload, 2) : 0;
      const found = this.routes.output(p.dst, p.src, p.oif ?? null, p.mark ?? 0, p.tos ?? 0, p.proto, sport, dport, p.sk?.uid ?? 0);
      if (!found.ok) {
        if (p.sk?.kind === 'tcp') ns.snmp.inc('IpOutNoRoutes');
        return found;
      }
      dst = found.value;
    }
    const optLen = p.options?.length ?? 0;
    const size = 20 + optLen + p.payload.length;
    const gso = p.gsoSize ?? 0;
    if (size > 65535) return fail('EMSGSIZE');
    const mtu = p.probe ? dst.dev.mtu : dstMtu(dst, p.dst);
    const fits = gso > 0 || size <= mtu;
    if (p.df === true && !fits) return fail('EMSGSIZE');
    const df = p.df === true || (p.df === undefined && fits && !mtuLocked(dst, p.dst));
    const b = alloc(size);
    b[0] = 0x45 + optLen / 4;
    b[1] = p.tos ?? 0;
    put16(b, 2, size);
    put16(b, 4, p.id ?? (p.df === true && p.proto !== IPPROTO_TCP ? 0 : this.ids.u32() & 0xffff));
    put16(b, 6, df ? IP_DF : 0);
    b[8] = p.ttl ?? (dst.type === 'multicast' ? 1 : (dst.route?.metrics.hoplimit ?? this.defaultTtl.n));
    b[9] = p.proto;
    writeIp4(b, 12, p.src ?? (dst.src as Ip4));
    writeIp4(b, 16, p.dst);
    if (p.options) {
      b.set(p.options, 20);
      recordRoute(b, p.src ?? (dst.src as Ip4));
    }
    b.set(p.payload, 20 + optLen);
    refreshIp4Checksum(b);
    return this.send(b, dst, p);
  }

  /** A whole packet made by the caller (IP_HDRINCL, REJECT): source and id are filled in when 0, the checksum always. */
  outputRaw(packet: Uint8Array, p: Ip4RawOut): Result {
    const { ns } = this;
    if (!ns.alive || packet.length < 20) return fail('EINVAL');
    const b = packet.slice();
    const src = readIp4(b, 12);
    const own = addrType(ns, src) === 'local' ? src : null;
    const found = routeOutput(ns, {
      dst: readIp4(b, 16),
      src: own,
      oif: p.oif ?? null,
      mark: p.mark ?? 0,
      tos: b[1] as number,
      proto: b[9] as number,
    });
    if (!found.ok) return found;
    if (b.length > found.value.dev.mtu) return fail('EMSGSIZE');
    if (src === 0) writeIp4(b, 12, found.value.src as Ip4);
    put16(b, 2, b.length);
    if (u16(b, 4) === 0) put16(b, 4, ns.kernel.sim.rng('ipid').u32() & 0xffff);
    refreshIp4Checksum(b);
    return this.send(b, found.value, p);
  }

  private send(b: Uint8Array, dst: Dst, p: Ip4RawOut & { gsoSize?: number; payload?: Uint8Array }): Result {
    const { ns } = this;
    const skb = new Skb(ns.kernel.sim, ETH_P_IP, b, p.parent ?? 0);
    skb.mark = p.mark ?? 0;
    skb.priority = p.priority ?? 0;
    skb.sk = p.sk ?? null;
    skb.hash = p.sk?.txHash ?? 0;
    skb.gsoSize = p.gsoSize ?? 0;
    if (p.csumOffset) {
      skb.csumOffset = p.csumOffset;
      skb.csumBytes = p.csumBytes ?? p.payload?.length ?? 0;
    }
    skb.dst = dst;
    skb.dev = dst.dev;
    if (p.cause) ns.ct.attach(skb, p.cause);
    ns.snmp.inc('IpOutRequests');
    if (skb.sim.trace.on) traceRoute(skb, dst);
    if (ns.nf.v4.OUTPUT !== null) {
      const verdict = ns.nf.hook(4, 'OUTPUT', skb, null, dst.dev);
      if (verdict === 'drop') return this.discarded(p.sk ?? null);
      if (verdict === 'stolen') return ok();
      if (!skb.dst) return this.reroute(skb, p.oif ?? null);
    }
    if (!this.postRouting(skb, dst, null).ok) return this.discarded(p.sk ?? null);
    return skb.refused && p.sk?.opt.recvErr && p.sk.kind !== 'tcp' ? fail('ENOBUFS') : ok();
  }

  /** ip_send_skb() counts what netfilter drops, ip_queue_xmit() does not. */
  private discarded(sk: Sock | null): Result {
    if (sk?.kind !== 'tcp') this.ns.snmp.inc('IpOutDiscards');
    return fail('EPERM');
  }

  /** nf_dup_ipv4(): sends a ready packet to the next hop `gateway`, whatever its destination, through OUTPUT and POSTROUTING. */
  sendVia(skb: Skb, gateway: Ip4, oif: NetDevice | null): void {
    const { ns } = this;
    if (!ns.alive) return;
    const found = routeOutput(ns, { dst: gateway, oif, tos: skb.data[1] as number, mark: skb.mark });
    if (!found.ok) return;
    const dst: Dst = { ...found.value, gateway: found.value.gateway ?? gateway };
    skb.dst = dst;
    skb.dev = dst.dev;
    if (ns.nf.active(4, 'OUTPUT') && ns.nf.hook(4, 'OUTPUT', skb, null, dst.dev) !== 'accept') return;
    this.postRouting(skb, dst, null);
  }

  /** ip_route_me_harder(): DNAT or a mark in OUTPUT asks for another route. */
  private reroute(skb: Skb, oif: NetDevice | null): Result {
    const b = skb.data;
    const src = readIp4(b, 12);
    const found = routeOutput(this.ns, {
      dst: readIp4(b, 16),
      src: addrType(this.ns, src) === 'local' ? src : null,
      oif,
      mark: skb.mark,
      tos: b[1] as number,
      proto: b[9] as number,
    });
    if (!found.ok) {
      netDrop(skb, skb.dev ?? this.ns.lo, 'NO_ROUTE');
      return fail('EPERM');
    }
    const dst = found.value;
    skb.dst = dst;
    skb.dev = dst.dev;
    if (skb.sim.trace.on) traceRoute(skb, dst);
    return this.postRouting(skb, dst, null);
  }

  /** ip_output(), ip_mc_output(): POSTROUTING, then out. EPERM: it was dropped there, and who sent it hears of it. */
  private postRouting(skb: Skb, dst: Dst, inDev: NetDevice | null): Result {
    skb.dev = dst.dev;
    if (dst.kind === 'output' && (dst.type === 'broadcast' || dst.type === 'multicast')) this.loopBack(skb, dst);
    const { nf } = this.ns;
    if (nf.v4.POSTROUTING !== null) {
      const verdict = nf.hook(4, 'POSTROUTING', skb, inDev, dst.dev);
      if (verdict !== 'accept') return verdict === 'drop' ? fail('EPERM') : ok();
    }
    this.finishOutput(skb, (skb.dst as Dst | null) ?? dst);
    return ok();
  }

  /** A broadcast reaches the sender's own sockets as well, a multicast where it listens to the group (IP_MULTICAST_LOOP). */
  private loopBack(skb: Skb, dst: Dst): void {
    if (dst.dev.flags & IFF_LOOPBACK) return;
    if (
      dst.type === 'multicast' &&
      (skb.sk?.opt.multicastLoop === false || !dst.dev.mc.has(0x01005e000000 + (readIp4(skb.data, 16) & 0x7fffff)))
    )
      return;
    const copy = skb.clone();
    copy.type = dst.type === 'broadcast' ? 'broadcast' : 'multicast';
    skb.sim.schedule(0, () => {
      if (!this.ns.alive || !dst.dev.up) return;
      copy.iif = dst.dev;
      copy.dst = dst;
      this.deliver(copy);
    });
  }

  /** ip_finish_output(): fragments when needed, then the neighbour. Also where br_netfilter and tunnels hand packets back. */
  finishOutput(skb: Skb, dst: Dst): void {
    const mtu = packetMtu(skb, dst, readIp4(skb.data, 16));
    if (!tooBig(skb, mtu)) {
      this.transmit(skb, dst);
      return;
    }
    if (u16(skb.data, 6) & IP_DF) {
      this.ns.snmp.inc('IpFragFails');
      netDrop(skb, dst.dev, 'PKT_TOO_BIG');
      icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
      return;
    }
    skb.checksumHelp();
    for (const piece of fragment4(skb.data, mtu)) {
      const part = new Skb(skb.sim, ETH_P_IP, piece, skb.id);
      part.mark = skb.mark;
      part.priority = skb.priority;
      part.sk = skb.sk;
      part.hash = skb.hash;
      part.ct = skb.ct;
      part.ctInfo = skb.ctInfo;
      part.iif = skb.iif;
      part.dst = dst;
      part.dev = dst.dev;
      this.transmit(part, dst);
      // The rest is of no use without it.
      if (part.refused) {
        skb.refused = true;
        this.ns.snmp.inc('IpFragFails');
        return;
      }
      this.ns.snmp.inc('IpFragCreates');
    }
    this.ns.snmp.inc('IpFragOKs');
  }

  private transmit(skb: Skb, dst: Dst): void {
    this.mib.outTransmits.n++;
    this.mib.outOctets.n += skb.data.length;
    if (dst.type === 'multicast' || dst.type === 'broadcast') this.countGroup('Out', dst.type, skb.data.length);
    skb.type = 'host';
    const next = dst.gateway ?? readIp4(skb.data, 16);
    let n = dst.neigh;
    if (n === null || n.dead || n.ip !== next) {
      n = this.ns.neigh.get(next, dst.dev);
      dst.neigh = n;
    }
    skb.dev = dst.dev;
    if (n) n.output(skb);
    else netDrop(skb, dst.dev, 'NEIGH_CREATEFAIL');
  }
}

/** ip_exceeds_mtu(): a GSO packet counts by its segments. */
function tooBig(skb: Skb, mtu: number): boolean {
  if (skb.data.length <= mtu) return false;
  if (skb.gsoSize === 0) return true;
  const hlen = ip4HeaderLen(skb.data);
  const l4 = skb.data[9] === IPPROTO_TCP ? ((skb.data[hlen + 12] as number) >> 4) * 4 : 8;
  return hlen + l4 + skb.gsoSize > mtu;
}
