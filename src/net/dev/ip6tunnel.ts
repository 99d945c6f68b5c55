/** Tunnels over IPv6: IPv6-in-IPv6, IPv4-in-IPv6, GRE over IPv6. Models net/ipv6/ip6_tunnel.c, ip6_gre.c */

import { fail, type Result } from '../../sim/errno.ts';
import { formatIp, type Ip6, readIp6 } from '../../wire/addr.ts';
import { put16, put32, u16, u32 } from '../../wire/bytes.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED } from '../../wire/icmp.ts';
import { IPPROTO_GRE, IPPROTO_IPIP, IPPROTO_IPV6 } from '../../wire/ipv4.ts';
import { icmpSend } from '../ip/icmp.ts';
import { icmp6Send } from '../ip/icmp6.ts';
import { dstMtu } from '../ip/pmtu.ts';
import { inet6Protos } from '../ip/protocols.ts';
import { routeOutput } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { IFF_NOARP, IFF_POINTOPOINT, NetDevice } from './device.ts';
import { netDrop } from './trace.ts';
import { ETH_P_TEB, innerFrame, innerPacket, receiveInner, tunnelSets, writeEther } from './tunnel.ts';

export type Tunnel6Kind = 'ip6tnl' | 'ip6gre' | 'ip6gretap';

const NEXTHDR_DEST = 60;
const ICMPV6_UNREACH = 1;
const ICMPV6_PORT_UNREACH = 4;
const ICMPV6_PKT_TOOBIG = 2;
const ICMPV6_PARAMPROB = 4;
const ICMPV6_UNK_NEXTHDR = 1;

export interface Tunnel6Parms {
  local: Ip6;
  remote: Ip6;
  link: NetDevice | null;
  hopLimit: number;
  /** null: none. */
  encapLimit: number | null;
  /** 'inherit': the inner packet's. */
  trafficClass: number | 'inherit';
  flowLabel: number | 'inherit';
  dscpInherit: boolean;
  allowLocalRemote: boolean;
  fwmark: number;
  /** 41, 4 or 0 for any. */
  proto: number;
  ikey: number | null;
  okey: number | null;
  external: boolean;
}

export function tunnel6Defaults(): Tunnel6Parms {
  return {
    local: 0n,
    remote: 0n,
    link: null,
    hopLimit: 64,
    encapLimit: 4,
    trafficClass: 0,
    flowLabel: 0,
    dscpInherit: false,
    allowLocalRemote: false,
    fwmark: 0,
    proto: IPPROTO_IPV6,
    ikey: null,
    okey: null,
    external: false,
  };
}

const tunnels6Of = tunnelSets<Ip6Tunnel>();

export class Ip6Tunnel extends NetDevice {
  readonly kind: Tunnel6Kind;
  parms: Tunnel6Parms;
  readonly underlay: Netns;

  constructor(ns: Netns, name: string, kind: Tunnel6Kind, parms: Tunnel6Parms) {
    super(ns, name);
    this.kind = kind;
    this.underlay = ns;
    this.parms = parms;
    this.hardware = kind === 'ip6tnl' ? 'tunnel6' : kind === 'ip6gre' ? 'gre6' : 'ether';
    if (kind !== 'ip6gretap') this.flags = IFF_NOARP;
    this.minMtu = 68;
    this.maxMtu = 65535 - 40;
    this.bind();
  }

  private get greLen(): number {
    return this.kind === 'ip6tnl' ? 0 : this.parms.okey === null ? 4 : 8;
  }

  private get headroom(): number {
    return 40 + (this.parms.encapLimit === null ? 0 : 8) + this.greLen + (this.kind === 'ip6gretap' ? 14 : 0);
  }

  /** ip6_tnl_link_config() */
  private bind(): void {
    const { remote, local, link } = this.parms;
    let below = link;
    if (remote !== 0n) {
      const route = routeOutput(this.underlay, { dst: remote, src: local || null, oif: link });
      if (route.ok) below = route.value.dev;
    }
    if (this.kind !== 'ip6gretap' && local !== 0n && remote !== 0n) this.flags |= IFF_POINTOPOINT;
    this.mtu = Math.max(1280, (below?.mtu ?? 1500) - this.headroom);
  }

  reconfigure(parms: Tunnel6Parms): void {
    this.parms = parms;
    this.bind();
    this.notify('change');
  }

  override get llAddress(): string | null {
    return this.hardware === 'ether' ? super.llAddress : formatIp(this.parms.local);
  }

  override get llBroadcast(): string | null {
    return this.hardware === 'ether' ? super.llBroadcast : formatIp(this.parms.remote);
  }

  override iflink(): number {
    return this.parms.link?.ifindex ?? 0;
  }

  override register(wantedIndex?: number): Result {
    const { local, remote } = this.parms;
    for (const t of tunnels6Of(this.underlay))
      if (t.kind === this.kind && t.parms.local === local && t.parms.remote === remote) return fail('EEXIST');
    const done = super.register(wantedIndex);
    if (done.ok) tunnels6Of(this.underlay).add(this);
    return done;
  }

  protected override destroyed(): void {
    tunnels6Of(this.underlay).delete(this);
  }

  /** ip6_tnl_xmit() */
  xmit(skb: Skb): void {
    skb.hideTag();
    const ns = this.underlay;
    const p = this.parms;
    const v4 = skb.proto === ETH_P_IP;
    const wanted = v4 ? IPPROTO_IPIP : skb.proto === ETH_P_IPV6 ? IPPROTO_IPV6 : 0;
    if (p.external || p.remote === 0n || (this.kind === 'ip6tnl' && (wanted === 0 || (p.proto !== 0 && p.proto !== wanted)))) {
      this.stats.txErrors++;
      netDrop(skb, this, 'TUNNEL_PROTOCOL');
      return;
    }
    const route = routeOutput(ns, { dst: p.remote, src: p.local || null, oif: p.link, mark: p.fwmark || skb.mark });
    if (!route.ok || route.value.dev === this) {
      this.stats.txCarrier++;
      this.stats.txErrors++;
      netDrop(skb, this, 'NO_ROUTE');
      return;
    }
    const mtu = Math.max(dstMtu(route.value, p.remote) - this.headroom, v4 ? 576 : 1280);
    if (skb.gsoSize === 0 && skb.data.length > mtu) {
      if (v4) icmpSend(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
      else icmp6Send(skb, ICMPV6_PKT_TOOBIG, 0, mtu);
      this.stats.txErrors++;
      netDrop(skb, this, 'PKT_TOO_BIG');
      return;
    }
    const inner = this.kind === 'ip6tnl' ? wanted : IPPROTO_GRE;
    const innerClass = v4 ? (skb.data[1] as number) : wanted === IPPROTO_IPV6 ? (u16(skb.data, 0) >> 4) & 0xff : 0;
    const { gsoSize, csumOffset, csumBytes, id: parent, mark } = skb;
    const sent = ns.ip6.output({
      src: p.local || (route.value.src as Ip6),
      dst: p.remote,
      proto: p.encapLimit === null ? inner : NEXTHDR_DEST,
      payload: this.encapsulate(skb, inner),
      hopLimit: p.hopLimit || 64,
      trafficClass: p.trafficClass === 'inherit' ? innerClass : p.trafficClass | (innerClass & 3),
      flowLabel: p.flowLabel === 'inherit' ? 0 : p.flowLabel,
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
    this.stats.txBytes += skb.data.length;
  }

  /** The tunnel encapsulation limit (RFC 2473) in a destination option, GRE where it is, the inner packet. */
  private encapsulate(skb: Skb, inner: number): Uint8Array {
    const p = this.parms;
    const opt = p.encapLimit === null ? 0 : 8;
    const gre = this.greLen;
    const eth = this.kind === 'ip6gretap' ? 14 : 0;
    const b = new Uint8Array(opt + gre + eth + skb.data.length);
    if (p.encapLimit !== null) b.set([inner, 0, 4, 1, p.encapLimit, 1, 1, 0]);
    if (gre > 0) {
      b[opt] = p.okey === null ? 0 : 0x20;
      put16(b, opt + 2, eth ? ETH_P_TEB : skb.proto);
      if (p.okey !== null) put32(b, opt + 4, p.okey);
    }
    if (eth) writeEther(b, opt + gre, skb);
    b.set(skb.data, opt + gre + eth);
    return b;
  }

  /** ip6_tnl_rcv() */
  deliver(outer: Skb, at: number, proto: number): void {
    const b = outer.data;
    const eth = this.kind === 'ip6gretap' ? 14 : 0;
    if (b.length < at + eth) {
      this.stats.rxErrors++;
      return;
    }
    const skb = eth ? innerFrame(this, outer, at, b.length) : innerPacket(this, outer, proto, at, b.length);
    this.stats.rxPackets++;
    this.stats.rxBytes += b.length - at;
    receiveInner(this, skb);
  }
}

/** A packet of protocol 4, 41, 47, or with destination options before one of them. */
export function ip6tnlReceive(outer: Skb): void {
  const dev = outer.dev as NetDevice;
  const b = outer.data;
  let next = b[6] as number;
  let at = 40;
  if (next === NEXTHDR_DEST && b.length >= 48) {
    next = b[40] as number;
    at += ((b[41] as number) + 1) * 8;
  }
  const [src, dst] = [readIp6(b, 8), readIp6(b, 24)];
  let proto = next === IPPROTO_IPIP ? ETH_P_IP : next === IPPROTO_IPV6 ? ETH_P_IPV6 : 0;
  let key: number | null = null;
  if (next === IPPROTO_GRE && b.length >= at + 4) {
    const flags = b[at] as number;
    proto = u16(b, at + 2);
    at += 4 + (flags & 0x80 ? 4 : 0);
    if (flags & 0x20 && b.length >= at + 4) {
      key = u32(b, at);
      at += 4;
    }
    if (flags & 0x10) at += 4;
  }
  const kind: Tunnel6Kind = next !== IPPROTO_GRE ? 'ip6tnl' : proto === ETH_P_TEB ? 'ip6gretap' : 'ip6gre';
  for (const t of tunnels6Of(dev.ns)) {
    const p = t.parms;
    if (t.kind !== kind || !t.up || p.external || (p.remote !== 0n && p.remote !== src) || (p.local !== 0n && p.local !== dst)) continue;
    if (kind === 'ip6tnl' ? p.proto !== 0 && p.proto !== next : p.ikey !== key) continue;
    t.deliver(outer, at, proto);
    return;
  }
  netDrop(outer, dev, 'NO_TUNNEL');
  if (tunnels6Of(dev.ns).size > 0) icmp6Send(outer, ICMPV6_UNREACH, ICMPV6_PORT_UNREACH);
  else icmp6Send(outer, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, 6);
}

/** Destination options before the inner packet: the encapsulation limit. */
const IPPROTO_DSTOPTS = 60;

for (const proto of [IPPROTO_IPIP, IPPROTO_IPV6, IPPROTO_GRE, IPPROTO_DSTOPTS]) inet6Protos[proto] = { receive: ip6tnlReceive };
