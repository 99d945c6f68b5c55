/** IPv6: receive, forward, deliver, output; of extension headers only hop-by-hop options are skipped. Models net/ipv6/ip6_input.c, ip6_output.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { type Ip6, type IpAddr, isLinkLocal, isMulticast, readIp6 } from '../../wire/addr.ts';
import { put32, u16, u32 } from '../../wire/bytes.ts';
import { ETH_P_IPV6 } from '../../wire/ethernet.ts';
import {
  ICMPV6_ADM_PROHIBITED,
  ICMPV6_DEST_UNREACH,
  ICMPV6_NOROUTE,
  ICMPV6_PARAMPROB,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
  multicastMac6,
  solicitedNode,
} from '../../wire/icmp6.ts';
import { IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ipv4.ts';
import { emitIpv6 } from '../../wire/ipv6.ts';
import { IFF_LOOPBACK, type NetDevice } from '../dev/device.ts';
import { skbHash } from '../dev/flowhash.ts';
import { netDrop } from '../dev/trace.ts';
import type { Netns } from '../netns.ts';
import { Skb } from '../skb.ts';
import { rawReceive } from '../sock/raw.ts';
import type { Sock } from '../sock/sock.ts';
import { confChanged, watchLinks6 } from './addrconf.ts';
import { fragment6, NEXTHDR_FRAGMENT, Reassembly6 } from './frag6.ts';
import { icmp6Send } from './icmp6.ts';
import { countIcmp6 } from './icmp6stat.ts';
import { dstMtu, forwardMtu, packetMtu } from './pmtu.ts';
import { inet6Protos } from './protocols.ts';
import { type Dst, type Flow, type RouteFail, routeInput, routeOutput } from './route.ts';
import { traceRoute } from './routecache.ts';

export interface Ip6Out {
  src: Ip6 | null;
  dst: Ip6;
  proto: number;
  payload: Uint8Array;
  hopLimit?: number;
  trafficClass?: number;
  /** Absent: chosen from the flow (RFC 6437), as net.ipv6.auto_flowlabels asks for. */
  flowLabel?: number;
  oif?: NetDevice | null;
  mark?: number;
  priority?: number;
  sk?: Sock | null;
  route?: Dst | null;
  gsoSize?: number;
  /** CHECKSUM_PARTIAL, as in Ip4Out. */
  csumOffset?: number;
  csumBytes?: number;
  /** IPV6_DONTFRAG, IPV6_PMTUDISC_DO: EMSGSIZE instead of fragments. */
  dontFrag?: boolean;
  parent?: number;
  cause?: Skb | null;
}

const HOP_BY_HOP = 0;
const ICMPV6_NOT_NEIGHBOUR = 2;
const ALL_NODES: Ip6 = (0xff02n << 112n) | 1n;
const ALL_NODES_INTERFACE: Ip6 = (0xff01n << 112n) | 1n;
const ALL_ROUTERS: Ip6 = (0xff02n << 112n) | 2n;

export class Ip6Stack {
  readonly ns: Netns;
  readonly reassembly: Reassembly6;

  constructor(ns: Netns) {
    this.ns = ns;
    this.reassembly = new Reassembly6(ns);
    watchLinks6(ns);
  }

  confChanged(where: NetDevice | 'all' | 'default', name: string, value: number): void {
    confChanged(this.ns, where, name, value);
  }

  /** Does the device listen to this group? */
  joined(dev: NetDevice, group: Ip6): boolean {
    if (group === ALL_NODES || group === ALL_NODES_INTERFACE) return true;
    if (group === ALL_ROUTERS) return this.ns.sysctl.conf6(dev, 'forwarding') !== 0;
    if (dev.addrs6.some((a) => solicitedNode(a.local as Ip6) === group)) return true;
    if (group >> 24n === ((0xff02n << 112n) | (0x1ffn << 24n)) >> 24n) {
      return this.ns.neigh.listProxy().some((p) => p.family === 6 && p.dev === dev && solicitedNode(p.ip as Ip6) === group);
    }
    return dev.mc.has(multicastMac6(group)) && (group & 0xffffffffn) !== 1n;
  }

  // ---- in ----

  receive(skb: Skb): void {
    const dev = skb.dev as NetDevice;
    const { ns } = this;
    const b = skb.data;
    if (skb.type === 'otherhost') {
      netDrop(skb, dev, 'OTHERHOST');
      return;
    }
    ns.snmp.inc('Ip6InReceives');
    ns.snmp.inc('Ip6InOctets', b.length);
    if (ns.sysctl.conf6(dev, 'disable_ipv6') !== 0) {
      netDrop(skb, dev, 'IPV6DISABLED');
      return;
    }
    if (b.length < 40 || (b[0] as number) >> 4 !== 6 || 40 + u16(b, 4) > b.length) {
      netDrop(skb, dev, 'IP_INHDR');
      return;
    }
    ns.snmp.inc(ECN_COUNTERS[((b[1] as number) >> 4) & 3] as string, skb.gsoSize > 0 ? Math.ceil((b.length - 40) / skb.gsoSize) : 1);
    if (isMulticast(readIp6(b, 24))) this.countGroup('In', b.length);
    const total = 40 + u16(b, 4);
    if (total < b.length && skb.gsoSize === 0) skb.data = b.subarray(0, total);
    if (skb.iif === null) skb.iif = dev;
    if (b[6] === NEXTHDR_FRAGMENT && ns.ct.active(6) && !this.reassembly.add(skb, 'conntrack')) return;
    if (ns.nf.active(6, 'PREROUTING') && ns.nf.hook(6, 'PREROUTING', skb, dev, null) !== 'accept') return;
    this.receiveFinish(skb);
  }

  receiveFinish(skb: Skb): void {
    const dev = skb.dev as NetDevice;
    let dst = skb.dst;
    if (!dst) {
      const b = skb.data;
      const found = routeInput(this.ns, flowOf(b, { dst: readIp6(b, 24), src: readIp6(b, 8), iif: dev, mark: skb.mark }));
      if (!found.ok) {
        const { reason } = found as RouteFail;
        netDrop(
          skb,
          dev,
          reason ?? (found.errno === 'ENETUNREACH' ? 'NO_ROUTE' : found.errno === 'EACCES' ? 'ROUTE_PROHIBIT' : 'ROUTE_UNREACHABLE'),
        );
        if (found.errno === 'ENETUNREACH') this.ns.snmp.inc('Ip6InNoRoutes');
        if (found.errno === 'EINVAL' || reason === 'NOT_FORWARDING' || this.ns.sysctl.conf6(dev, 'forwarding') === 0) return;
        icmp6Send(skb, ICMPV6_DEST_UNREACH, found.errno === 'EACCES' ? ICMPV6_ADM_PROHIBITED : ICMPV6_NOROUTE);
        return;
      }
      dst = found.value;
      skb.dst = dst;
    }
    if (skb.sim.trace.on) traceRoute(skb, dst);
    if (dst.kind === 'forward') this.forward(skb, dst);
    else this.deliver(skb);
  }

  private forward(skb: Skb, dst: Dst): void {
    const dev = skb.dev as NetDevice;
    const b = skb.data;
    if (skb.type !== 'host') {
      netDrop(skb, dev, 'NOT_FOR_ME');
      return;
    }
    if (isLinkLocal(readIp6(b, 8))) {
      netDrop(skb, dev, 'BEYOND_SCOPE');
      icmp6Send(skb, ICMPV6_DEST_UNREACH, ICMPV6_NOT_NEIGHBOUR);
      return;
    }
    if ((b[7] as number) <= 1) {
      this.ns.snmp.inc('Ip6InHdrErrors');
      netDrop(skb, dev, 'TTL_EXCEEDED');
      icmp6Send(skb, ICMPV6_TIME_EXCEED, 0);
      return;
    }
    this.ns.snmp.inc('Ip6OutForwDatagrams');
    const mtu = Math.max(1280, forwardMtu(dst, readIp6(b, 24)));
    if (tooBig(skb, mtu)) {
      this.ns.snmp.inc('Ip6InTooBigErrors');
      this.ns.snmp.inc('Ip6FragFails');
      netDrop(skb, dev, 'PKT_TOO_BIG');
      icmp6Send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
      return;
    }
    b[7] = (b[7] as number) - 1;
    const { nf } = this.ns;
    if (nf.active(6, 'FORWARD') && nf.hook(6, 'FORWARD', skb, dev, dst.dev) !== 'accept') return;
    this.postRouting(skb, (skb.dst as Dst | null) ?? dst, dev);
  }

  deliver(skb: Skb): void {
    const dev = skb.dev as NetDevice;
    const { ns } = this;
    if (skb.data[6] === NEXTHDR_FRAGMENT && !this.reassembly.add(skb, 'deliver')) return;
    if (ns.nf.active(6, 'INPUT') && ns.nf.hook(6, 'INPUT', skb, dev, null) !== 'accept') return;
    // ipv6_rcv(): what was sent to an own address counts as received by the interface that has the address.
    if (dev.flags & IFF_LOOPBACK && skb.dst?.nh?.dev) skb.dev = skb.dst.nh.dev;
    let proto = skb.data[6] as number;
    if (proto === HOP_BY_HOP) {
      const len = ((skb.data[41] ?? 0) + 1) * 8;
      proto = skb.data[40] ?? 59;
      const b = new Uint8Array(Math.max(40, skb.data.length - len));
      b.set(skb.data.subarray(0, 40));
      b.set(skb.data.subarray(40 + len), 40);
      b[6] = proto;
      skb.data = b;
    }
    if (skb.sim.trace.on) {
      const at = { host: ns.kernel.hostname, ns: ns.kernel.nameOf(ns) ?? '', dev: dev.name };
      skb.sim.trace.emit('net.deliver', { skb: skb.id, ...at, proto }, skb, ns);
    }
    const taken = rawReceive(skb);
    const handler = inet6Protos[proto];
    if (handler) {
      ns.snmp.inc('Ip6InDelivers');
      handler.receive(skb);
      return;
    }
    if (taken) return;
    netDrop(skb, dev, 'IP_NOPROTO');
    icmp6Send(skb, ICMPV6_PARAMPROB, 1, 6);
  }

  // ---- out ----

  /** EMSGSIZE when larger than the path MTU, EPERM when OUTPUT drops it, or the routing error. */
  output(p: Ip6Out): Result {
    const { ns } = this;
    if (!ns.alive) return fail('ENETUNREACH');
    let dst = p.route ?? null;
    if (!dst || dst.generation !== ns.fib.generation) {
      const found = routeOutput(ns, { dst: p.dst, src: p.src, oif: p.oif ?? null, mark: p.mark ?? 0, proto: p.proto, uid: p.sk?.uid ?? 0 });
      if (!found.ok) return found;
      dst = found.value;
    }
    const large = 40 + p.payload.length > Math.max(1280, dstMtu(dst, p.dst)) && !p.gsoSize;
    if (large && (p.dontFrag || p.proto === IPPROTO_TCP)) return fail('EMSGSIZE');
    if (p.payload.length > 65535) return fail('EMSGSIZE');
    const hopLimit = p.hopLimit ?? (dst.type === 'multicast' ? 1 : (dst.route?.metrics.hoplimit ?? ns.sysctl.conf6(dst.dev, 'hop_limit')));
    const data = emitIpv6({
      trafficClass: p.trafficClass ?? 0,
      flowLabel: p.flowLabel ?? 0,
      proto: p.proto,
      hopLimit,
      src: p.src ?? (dst.src as Ip6),
      dst: p.dst,
      payload: p.payload,
    });
    const skb = new Skb(ns.kernel.sim, ETH_P_IPV6, data, p.parent ?? 0);
    skb.hash = p.sk?.txHash ?? 0;
    if (p.flowLabel === undefined && ns.sysctl.int('net.ipv6.auto_flowlabels') > 0) put32(data, 0, u32(data, 0) | flowLabel(skb));
    if (p.cause) ns.ct.attach(skb, p.cause);
    skb.mark = p.mark ?? 0;
    skb.priority = p.priority ?? 0;
    skb.sk = p.sk ?? null;
    skb.gsoSize = p.gsoSize ?? 0;
    if (p.csumOffset) {
      skb.csumOffset = p.csumOffset;
      skb.csumBytes = p.csumBytes ?? p.payload.length;
    }
    skb.dst = dst;
    skb.dev = dst.dev;
    ns.snmp.inc('Ip6OutRequests');
    if (p.proto === IPPROTO_ICMPV6) countIcmp6(ns.snmp, 'Out', p.payload[0] as number);
    if (skb.sim.trace.on) traceRoute(skb, dst);
    if (ns.nf.active(6, 'OUTPUT')) {
      const verdict = ns.nf.hook(6, 'OUTPUT', skb, null, dst.dev);
      if (verdict === 'drop') return fail('EPERM');
      if (verdict === 'stolen') return ok();
      if (!skb.dst) {
        const again = routeOutput(ns, {
          dst: readIp6(skb.data, 24),
          src: readIp6(skb.data, 8),
          oif: p.oif ?? null,
          mark: skb.mark,
          proto: p.proto,
        });
        if (!again.ok) {
          netDrop(skb, dst.dev, 'NO_ROUTE');
          return fail('EPERM');
        }
        dst = again.value;
        skb.dst = dst;
      }
    }
    return this.postRouting(skb, dst, null);
  }

  /** nf_dup_ipv6(): sends a ready packet to the next hop `gateway`, whatever its destination, through OUTPUT and POSTROUTING. */
  sendVia(skb: Skb, gateway: bigint, oif: NetDevice | null): void {
    const { ns } = this;
    if (!ns.alive) return;
    const found = routeOutput(ns, { dst: gateway, oif, mark: skb.mark });
    if (!found.ok) return;
    const dst: Dst = { ...found.value, gateway: found.value.gateway ?? gateway };
    skb.dst = dst;
    skb.dev = dst.dev;
    if (ns.nf.active(6, 'OUTPUT') && ns.nf.hook(6, 'OUTPUT', skb, null, dst.dev) !== 'accept') return;
    this.postRouting(skb, dst, null);
  }

  /** EPERM: POSTROUTING dropped it, and who sent it hears of it. */
  private postRouting(skb: Skb, dst: Dst, inDev: NetDevice | null): Result {
    skb.dev = dst.dev;
    if (dst.type === 'multicast' && dst.kind === 'output') this.loopBack(skb, dst);
    const { nf } = this.ns;
    if (nf.active(6, 'POSTROUTING')) {
      const verdict = nf.hook(6, 'POSTROUTING', skb, inDev, dst.dev);
      if (verdict !== 'accept') return verdict === 'drop' ? fail('EPERM') : ok();
    }
    this.finishOutput(skb, (skb.dst as Dst | null) ?? dst);
    return ok();
  }

  /** ip6_finish_output2(): the sender hears its own multicast when it listens to the group (IPV6_MULTICAST_LOOP). */
  private loopBack(skb: Skb, dst: Dst): void {
    const { dev } = dst;
    if (dev.flags & IFF_LOOPBACK || skb.sk?.opt.multicastLoop === false || !this.joined(dev, readIp6(skb.data, 24))) return;
    const copy = skb.clone();
    copy.type = 'multicast';
    copy.iif = dev;
    skb.sim.schedule(0, () => {
      if (!this.ns.alive || !dev.up) return;
      copy.dev = dev;
      this.deliver(copy);
    });
  }

  finishOutput(skb: Skb, dst: Dst): void {
    const to = readIp6(skb.data, 24);
    const next = dst.gateway ?? to;
    const mtu = Math.max(1280, packetMtu(skb, dst, to));
    skb.type = 'host';
    if (skb.gsoSize > 0 || skb.data.length <= mtu) {
      this.transmit(skb, dst, next);
      return;
    }
    skb.checksumHelp();
    for (const piece of fragment6(skb.data, mtu, skb.sim.rng('ipid').u32())) {
      const part = new Skb(skb.sim, ETH_P_IPV6, piece, skb.id);
      part.mark = skb.mark;
      part.sk = skb.sk;
      part.hash = skb.hash;
      part.ct = skb.ct;
      part.ctInfo = skb.ctInfo;
      part.iif = skb.iif;
      part.dst = dst;
      this.transmit(part, dst, next);
      if (part.refused) {
        skb.refused = true;
        this.ns.snmp.inc('Ip6FragFails');
        return;
      }
      this.ns.snmp.inc('Ip6FragCreates');
    }
    this.ns.snmp.inc('Ip6FragOKs');
  }

  private transmit(skb: Skb, dst: Dst, next: IpAddr): void {
    const { snmp } = this.ns;
    snmp.inc('Ip6OutTransmits');
    snmp.inc('Ip6OutOctets', skb.data.length);
    if (dst.type === 'multicast') this.countGroup('Out', skb.data.length);
    this.ns.neigh.output(skb, dst.dev, next);
  }

  /** Multicast packets are counted once more. */
  countGroup(way: 'In' | 'Out', bytes: number): void {
    this.ns.snmp.inc(`Ip6${way}McastPkts`);
    this.ns.snmp.inc(`Ip6${way}McastOctets`, bytes);
  }
}

/** By the two ECN bits of the traffic class. */
const ECN_COUNTERS = ['Ip6InNoECTPkts', 'Ip6InECT1Pkts', 'Ip6InECT0Pkts', 'Ip6InCEPkts'];

/** ip6_pkt_too_big(): a super-packet counts by its segments. */
function tooBig(skb: Skb, mtu: number): boolean {
  if (skb.data.length <= mtu) return false;
  if (skb.gsoSize === 0) return true;
  const l4 = skb.data[6] === IPPROTO_TCP ? ((skb.data[52] as number) >> 4) * 4 : 8;
  return 40 + l4 + skb.gsoSize > mtu;
}

/** ip6_make_flowlabel(): 20 bits that are the same for all packets of a flow. */
function flowLabel(skb: Skb): number {
  const hash = skbHash(skb, u32(skb.data, 20));
  return ((hash << 16) | (hash >>> 16)) & 0xfffff;
}

/** Adds the ports for rules that look at them. */
function flowOf(b: Uint8Array, flow: Flow & { iif: NetDevice; src: Ip6 }): Flow & { iif: NetDevice; src: Ip6 } {
  const proto = b[6] as number;
  flow.proto = proto;
  if ((proto === IPPROTO_TCP || proto === IPPROTO_UDP) && b.length >= 44) {
    flow.sport = u16(b, 40);
    flow.dport = u16(b, 42);
  }
  return flow;
}
