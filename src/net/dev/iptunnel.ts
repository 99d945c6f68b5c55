/** IPv4 tunnels: IPIP, SIT, GRE and GRETAP devices. Models net/ipv4/ip_tunnel.c, ipip.c, ip_gre.c, net/ipv6/sit.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { formatIp4, type Ip4, isMulticast, readIp4 } from '../../wire/addr.ts';
import { checksum, put16, put32, u16, u32 } from '../../wire/bytes.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, ICMP_PROT_UNREACH } from '../../wire/icmp.ts';
import { IP_DF, IPPROTO_GRE, IPPROTO_IPIP, IPPROTO_IPV6, ip4HeaderLen } from '../../wire/ipv4.ts';
import { icmpSend } from '../ip/icmp.ts';
import { icmp6Send } from '../ip/icmp6.ts';
import { dstMtu } from '../ip/pmtu.ts';
import { inetProtos } from '../ip/protocols.ts';
import { type Dst, routeOutput } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { type HardwareType, IFF_NOARP, IFF_POINTOPOINT, NetDevice } from './device.ts';
import { netDrop } from './trace.ts';
import { ETH_P_TEB, innerFrame, innerPacket, receiveInner, tunnelSets, writeEther } from './tunnel.ts';

export type TunnelKind = 'ipip' | 'sit' | 'gre' | 'gretap';

const ICMPV6_PKT_TOOBIG = 2;
const ICMP_PORT_UNREACH = 3;

/** struct ip_tunnel_parm: addresses are 0 for any. */
export interface TunnelParms {
  local: Ip4;
  remote: Ip4;
  /** Device that outer packets must leave by. */
  link: NetDevice | null;
  /** 0: the inner packet's. */
  ttl: number;
  /** 1 in the lowest bit: the inner packet's. */
  tos: number;
  pmtudisc: boolean;
  ignoreDf: boolean;
  fwmark: number;
  /** Inner protocol of ipip and sit: 4, 41 or 0 for any. */
  proto: number;
  /** GRE: keys as addresses, null when none is used. */
  ikey: number | null;
  okey: number | null;
  iseq: boolean;
  oseq: boolean;
  icsum: boolean;
  ocsum: boolean;
  isatap: boolean;
  /** `external`: metadata decides; nothing is sent without it. */
  external: boolean;
}

export function tunnelDefaults(kind: TunnelKind): TunnelParms {
  return {
    local: 0,
    remote: 0,
    link: null,
    ttl: 0,
    tos: 0,
    pmtudisc: true,
    ignoreDf: false,
    fwmark: 0,
    proto: kind === 'sit' ? IPPROTO_IPV6 : 0,
    ikey: null,
    okey: null,
    iseq: false,
    oseq: false,
    icsum: false,
    ocsum: false,
    isatap: false,
    external: false,
  };
}

const HARDWARE: Readonly<Record<TunnelKind, HardwareType>> = { ipip: 'ipip', sit: 'sit', gre: 'gre', gretap: 'ether' };
/** Devices that the kernel makes by itself in the first namespace, for what no other tunnel wants. */
export const FALLBACK: Readonly<Record<TunnelKind, string>> = { ipip: 'tunl0', sit: 'sit0', gre: 'gre0', gretap: 'gretap0' };

/** Tunnels by the namespace that carries their outer packets. */
const tunnelsOf = tunnelSets<IpTunnel>();

export class IpTunnel extends NetDevice {
  readonly kind: TunnelKind;
  parms: TunnelParms;
  readonly underlay: Netns;
  readonly fallback: boolean;
  private sequence = 0;

  constructor(ns: Netns, name: string, kind: TunnelKind, parms: TunnelParms, fallback = false) {
    super(ns, name);
    this.kind = kind;
    this.hardware = HARDWARE[kind];
    this.underlay = ns;
    this.parms = parms;
    this.fallback = fallback;
    this.netnsImmutable = fallback;
    this.minMtu = kind === 'gretap' ? 68 : kind === 'sit' ? 1280 : 0;
    this.maxMtu = 0;
    if (kind !== 'gretap') this.flags = IFF_NOARP;
    this.bind();
  }

  /** Bytes of GRE header. */
  private get greLen(): number {
    if (this.kind === 'ipip' || this.kind === 'sit') return 0;
    const p = this.parms;
    return 4 + (p.ocsum ? 4 : 0) + (p.okey !== null ? 4 : 0) + (p.oseq ? 4 : 0);
  }

  private get headroom(): number {
    return 20 + this.greLen + (this.kind === 'gretap' ? 14 : 0);
  }

  /** ip_tunnel_bind_dev(): MTU after the device that the remote is reached by. */
  private bind(): void {
    const { remote, local, link } = this.parms;
    let below = link;
    if (remote !== 0) {
      const route = routeOutput(this.underlay, { dst: remote, src: local || null, oif: link, tos: this.parms.tos & 0x1e });
      if (route.ok) below = route.value.dev;
      if (this.kind !== 'gretap') this.flags |= IFF_POINTOPOINT;
    } else this.flags &= ~IFF_POINTOPOINT;
    this.mtu = Math.max(68, (below?.mtu ?? 1500) - this.headroom);
  }

  /** `ip link set X type …`, `ip tunnel change`. */
  reconfigure(parms: TunnelParms): void {
    const rebind = parms.remote !== this.parms.remote || parms.local !== this.parms.local || parms.link !== this.parms.link;
    this.parms = parms;
    if (rebind) this.bind();
    this.notify('change');
  }

  override get llAddress(): string | null {
    return this.kind === 'gretap' ? super.llAddress : formatIp4(this.parms.local);
  }

  override get llBroadcast(): string | null {
    return this.kind === 'gretap' ? super.llBroadcast : formatIp4(this.parms.remote);
  }

  override iflink(): number {
    return this.parms.link?.ifindex ?? 0;
  }

  override peerNs(): Netns | null {
    return this.underlay !== this.ns ? this.underlay : null;
  }

  override register(wantedIndex?: number): Result {
    for (const t of tunnelsOf(this.underlay)) if (t.kind === this.kind && t.sameEnds(this)) return fail('EEXIST');
    const done = super.register(wantedIndex);
    if (done.ok) tunnelsOf(this.underlay).add(this);
    return done;
  }

  private sameEnds(o: IpTunnel): boolean {
    const [a, b] = [this.parms, o.parms];
    return a.local === b.local && a.remote === b.remote && a.link === b.link && a.ikey === b.ikey && a.external === b.external;
  }

  protected override destroyed(): void {
    tunnelsOf(this.underlay).delete(this);
  }

  protected override changeMtu(mtu: number): Result {
    return mtu > 0xfff8 - this.headroom ? fail('EINVAL') : ok();
  }

  protected override changeMac(): Result {
    return this.kind === 'gretap' ? ok() : fail('EOPNOTSUPP');
  }

  // ---- out ----

  /** ip_tunnel_xmit() */
  xmit(skb: Skb): void {
    skb.hideTag();
    const ns = this.underlay;
    const p = this.parms;
    const v4 = skb.proto === ETH_P_IP;
    const carries = this.kind === 'ipip' ? v4 : this.kind === 'sit' ? v4 || skb.proto === ETH_P_IPV6 : true;
    if (!carries || p.external) {
      this.refuse(skb, 'TUNNEL_PROTOCOL');
      return;
    }
    const b = skb.data;
    const dst = p.remote || this.nextHop(skb);
    if (dst === 0) {
      this.refuse(skb, 'TUNNEL_NO_REMOTE');
      return;
    }
    const innerTos = v4 ? (b[1] as number) : skb.proto === ETH_P_IPV6 ? (u16(b, 0) >> 4) & 0xff : 0;
    const wanted = p.tos & 1 ? innerTos : p.tos;
    const tos = (wanted & ~3) | (innerTos & 3);
    const proto = this.greLen > 0 ? IPPROTO_GRE : v4 ? IPPROTO_IPIP : IPPROTO_IPV6;
    const route = routeOutput(ns, { dst, src: p.local || null, oif: p.link, tos: tos & 0x1e, mark: p.fwmark || skb.mark, proto });
    if (!route.ok || route.value.dev === this) {
      if (route.ok) this.stats.txErrors++;
      else this.stats.txCarrier++;
      this.refuse(skb, 'NO_ROUTE', !route.ok);
      return;
    }
    const innerDf = v4 && (u16(b, 6) & IP_DF) !== 0;
    if (this.tooBig(skb, route.value, dst, innerDf)) return;
    const payload = this.encapsulate(skb);
    const ttl = p.ttl || (v4 ? (b[8] as number) : skb.proto === ETH_P_IPV6 ? (b[7] as number) : 64);
    const { gsoSize, csumOffset, csumBytes, id: parent, mark } = skb;
    const sent = ns.ip4.output({
      src: p.local || (route.value.src as Ip4),
      dst,
      proto,
      payload,
      ttl,
      tos,
      df: p.pmtudisc || (innerDf && !p.ignoreDf),
      // iptunnel_xmit() gives every packet an id, DF or not.
      id: 1 + this.sim.rng('ipid').below(65535),
      mark: p.fwmark || mark,
      route: route.value,
      gsoSize,
      csumOffset,
      csumBytes,
      parent,
    });
    if (!sent.ok) {
      this.stats.txDropped++;
      return;
    }
    this.stats.txPackets++;
    this.stats.txBytes += skb.data.length + (this.kind === 'gretap' ? 14 : 0);
  }

  private refuse(skb: Skb, reason: string, counted = false): void {
    if (!counted) this.stats.txErrors++;
    netDrop(skb, this, reason);
  }

  /** A tunnel without a remote sends to the route's gateway. */
  private nextHop(skb: Skb): Ip4 {
    const dst = skb.dst;
    if (!dst || skb.proto !== ETH_P_IP) return 0;
    return typeof dst.gateway === 'number' ? dst.gateway : readIp4(skb.data, 16);
  }

  /** tnl_update_pmtu(): tells the sender when the inner packet may not be cut. */
  private tooBig(skb: Skb, route: Dst, dst: Ip4, innerDf: boolean): boolean {
    const mtu = this.parms.pmtudisc ? dstMtu(route, dst) - this.headroom : this.mtu;
    const size = skb.data.length;
    if (skb.gsoSize > 0 || size <= mtu) return false;
    if (skb.proto === ETH_P_IP && innerDf) icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
    else if (skb.proto === ETH_P_IPV6 && mtu >= 1280) icmp6Send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
    else return false;
    this.refuse(skb, 'PKT_TOO_BIG');
    return true;
  }

  /** The outer payload: the inner packet, behind a GRE header where there is one. */
  private encapsulate(skb: Skb): Uint8Array {
    const gre = this.greLen;
    if (gre === 0) return skb.data;
    const p = this.parms;
    const eth = this.kind === 'gretap' ? 14 : 0;
    const b = new Uint8Array(gre + eth + skb.data.length);
    b[0] = (p.ocsum ? 0x80 : 0) | (p.okey !== null ? 0x20 : 0) | (p.oseq ? 0x10 : 0);
    put16(b, 2, eth ? ETH_P_TEB : skb.proto);
    let at = p.ocsum ? 8 : 4;
    if (p.okey !== null) {
      put32(b, at, p.okey);
      at += 4;
    }
    if (p.oseq) put32(b, at, this.sequence++);
    if (eth) writeEther(b, gre, skb);
    b.set(skb.data, gre + eth);
    if (p.ocsum) put16(b, 4, checksum(b));
    return b;
  }

  // ---- in ----

  /** ip_tunnel_rcv(): the inner packet, from `at` on. */
  deliver(outer: Skb, at: number, proto: number): void {
    const b = outer.data;
    const eth = this.kind === 'gretap' ? 14 : 0;
    if (!this.up || b.length < at + eth) {
      this.stats.rxErrors++;
      return;
    }
    const skb = eth ? innerFrame(this, outer, at, b.length) : innerPacket(this, outer, proto, at, b.length);
    skb.mark = this.underlay === this.ns ? outer.mark : 0;
    this.stats.rxPackets++;
    this.stats.rxBytes += b.length - at;
    receiveInner(this, skb);
  }
}

/** ip_tunnel_lookup(): both ends, then the remote, then the local end, then the fallback device. */
function lookup(ns: Netns, kinds: readonly TunnelKind[], outer: Skb, key: number | null): IpTunnel | null {
  const [src, dst] = [readIp4(outer.data, 12), readIp4(outer.data, 16)];
  let best: IpTunnel | null = null;
  let score = 0;
  for (const t of tunnelsOf(ns)) {
    const p = t.parms;
    if (!kinds.includes(t.kind) || !t.up || p.external) continue;
    if (t.kind.startsWith('gre') && !t.fallback && p.ikey !== key) continue;
    if (p.link && p.link !== outer.dev) continue;
    const local = p.local === dst || (isMulticast(p.remote) && p.remote === dst);
    const remote = p.remote === src;
    if ((p.local !== 0 && !local) || (p.remote !== 0 && !remote && !isMulticast(p.remote))) continue;
    const s = 1 + (remote ? 4 : 0) + (p.local !== 0 && local ? 2 : 0) + (p.link ? 1 : 0);
    if (s > score) [best, score] = [t, s];
  }
  return best;
}

/** A packet of protocol 4 or 41. Models tunnel4_rcv(). */
export function ipipReceive(outer: Skb): void {
  const dev = outer.dev as NetDevice;
  const at = ip4HeaderLen(outer.data);
  const six = outer.data[9] === IPPROTO_IPV6;
  const t = lookup(dev.ns, six ? ['sit'] : ['ipip', 'sit'], outer, null);
  const wanted = six ? IPPROTO_IPV6 : IPPROTO_IPIP;
  if (t && (t.parms.proto === 0 || t.parms.proto === wanted || t.fallback)) t.deliver(outer, at, six ? ETH_P_IPV6 : ETH_P_IP);
  else unwanted(outer, dev);
}

/** A packet of protocol 47. Models gre_rcv(). */
export function greReceive(outer: Skb): void {
  const dev = outer.dev as NetDevice;
  const b = outer.data;
  const at = ip4HeaderLen(b);
  if (b.length < at + 4 || ((b[at + 1] as number) & 7) !== 0) {
    unwanted(outer, dev);
    return;
  }
  const flags = b[at] as number;
  let end = at + 4;
  if (flags & 0x80) {
    if (checksum(b, at) !== 0) {
      netDrop(outer, dev, 'GRE_CSUM');
      return;
    }
    end += 4;
  }
  const key = flags & 0x20 && b.length >= end + 4 ? u32(b, end) : null;
  if (flags & 0x20) end += 4;
  if (flags & 0x10) end += 4;
  const proto = u16(b, at + 2);
  const t = lookup(dev.ns, proto === ETH_P_TEB ? ['gretap'] : ['gre'], outer, key);
  if (t && b.length >= end) t.deliver(outer, end, proto);
  else unwanted(outer, dev);
}

/** Without any tunnel the module is not there, and the protocol is unknown. */
function unwanted(outer: Skb, dev: NetDevice): void {
  netDrop(outer, dev, 'NO_TUNNEL');
  icmpSend(outer, ICMP_DEST_UNREACH, tunnelsOf(dev.ns).size > 0 ? ICMP_PORT_UNREACH : ICMP_PROT_UNREACH);
}

for (const proto of [IPPROTO_IPIP, IPPROTO_IPV6]) inetProtos[proto] = { receive: ipipReceive };
inetProtos[IPPROTO_GRE] = { receive: greReceive };
