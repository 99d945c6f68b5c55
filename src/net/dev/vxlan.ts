/** VXLAN: Ethernet over UDP between VTEPs, with or without learning. Models drivers/net/vxlan/vxlan_core.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { hash32 } from '../../sim/rng.ts';
import { type IpAddr, isMulticast, readIp6 } from '../../wire/addr.ts';
import { alloc, fold16, put16, sum16, u16, u32 } from '../../wire/bytes.ts';
import { ETH_HLEN, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { IPPROTO_UDP } from '../../wire/ipv4.ts';
import { isMulticastMac, type Mac, writeMac } from '../../wire/mac.ts';
import { pseudo } from '../../wire/pseudo.ts';
import { VXLAN_HAS_VNI, VXLAN_HLEN, VXLAN_PORT_LINUX } from '../../wire/vxlan.ts';
import { igmpJoined, igmpLeft } from '../ip/igmp.ts';
import { routeOutput } from '../ip/route.ts';
import { NUD_CONNECTED } from '../neigh/nud.ts';
import type { Netns } from '../netns.ts';
import { Skb } from '../skb.ts';
import { NetDevice } from './device.ts';
import { flowPort, skbHash } from './flowhash.ts';
import { netDrop } from './trace.ts';
import { innerFrame, receiveInner } from './tunnel.ts';
import { HEADROOM4, HEADROOM6, udpFrame } from './udptunnel.ts';
import { VxlanFdb, type VxlanRemote } from './vxfdb.ts';
import { holdSocket, releaseSocket, type VxlanSocket, vxlansOf } from './vxsock.ts';

export type { VxlanFdbEntry, VxlanRemote } from './vxfdb.ts';

export interface VxlanOptions {
  vni: number;
  local: IpAddr | null;
  /** Default destination: unicast, or a multicast group. */
  remote: IpAddr | null;
  /** Underlay device (`dev`). */
  dev: NetDevice | null;
  dstport: number;
  learning: boolean;
  /** 0 = auto. */
  ttl: number;
  /** The inner packet's instead. */
  ttlInherit: boolean;
  /** 1 = the inner packet's. */
  tos: number;
  df: 'unset' | 'set' | 'inherit';
  /** IPv6 flow label. */
  label: number;
  /** Seconds. */
  ageing: number;
  /** Most entries of the forwarding database, 0 = any number. */
  limit: number;
  srcportMin: number;
  srcportMax: number;
  udpCsum: boolean;
  zeroCsum6Tx: boolean;
  zeroCsum6Rx: boolean;
  remcsumTx: boolean;
  remcsumRx: boolean;
  /** Answers ARP requests and neighbour solicitations from the neighbour table. */
  proxy: boolean;
  /** `rsc`: kept and shown only. */
  rsc: boolean;
  /** Tells of addresses that neither database nor neighbour table knows. */
  l2miss: boolean;
  l3miss: boolean;
  /** VNI and remote come with each packet. */
  external: boolean;
  vnifilter: boolean;
  gbp: boolean;
  gpe: boolean;
}

export const VXLAN_DEFAULTS: Omit<VxlanOptions, 'vni'> = {
  local: null,
  remote: null,
  dev: null,
  dstport: VXLAN_PORT_LINUX,
  learning: true,
  ttl: 0,
  ttlInherit: false,
  tos: 0,
  df: 'unset',
  label: 0,
  ageing: 300,
  limit: 0,
  srcportMin: 0,
  srcportMax: 0,
  udpCsum: true,
  zeroCsum6Tx: false,
  zeroCsum6Rx: false,
  remcsumTx: false,
  remcsumRx: false,
  proxy: false,
  rsc: false,
  l2miss: false,
  l3miss: false,
  external: false,
  vnifilter: false,
  gbp: false,
  gpe: false,
};

const IPPROTO_ICMPV6 = 58;
const ND_SOLICITATION = 135;
const ND_ADVERTISEMENT = 136;
/** The first word of the header: a VNI is there. */
const VXLAN_HEAD = VXLAN_HAS_VNI * 2 ** 24;

export class Vxlan extends NetDevice {
  readonly kind = 'vxlan';
  /** As given at creation or changed since; `ip link set … type vxlan` writes here. */
  readonly options: VxlanOptions;
  /** The namespace whose network carries the outer packets: where the device was created. */
  readonly underlay: Netns;
  readonly fdb: VxlanFdb;
  private socket: VxlanSocket | null = null;
  private readonly hashSeed: number;

  constructor(ns: Netns, name: string, o: Partial<VxlanOptions> & { vni: number }) {
    super(ns, name);
    this.options = { ...VXLAN_DEFAULTS, ...o };
    this.protoDown = false;
    this.underlay = ns;
    this.fdb = new VxlanFdb(this);
    // One secret per boot of a machine (net_get_random_once), so that both ends in one kernel agree.
    this.hashSeed = hash32(`${this.sim.seed}/hashrnd/${ns.kernel.hostname}`);
    // vxlan_config_apply(): what fits, not 1500, unless somebody asks for less.
    if (this.lower) this.mtu = this.mostMtu();
  }

  get vni(): number {
    return this.options.vni;
  }

  get dstport(): number {
    return this.options.dstport;
  }

  /** Underlay device (`dev`). */
  get lower(): NetDevice | null {
    return this.options.dev;
  }

  get family(): 4 | 6 {
    return typeof this.options.remote === 'bigint' || typeof this.options.local === 'bigint' ? 6 : 4;
  }

  private headroom(): number {
    return this.family === 6 ? HEADROOM6 : HEADROOM4;
  }

  /** What the underlay device leaves for the inner packet. */
  mostMtu(): number {
    return this.lower ? Math.max(68, this.lower.mtu - this.headroom()) : 65535;
  }

  override register(wantedIndex?: number): Result {
    this.mtu = Math.min(this.mtu, this.mostMtu());
    if (this.ns.device(this.name)) return fail('EEXIST');
    const others = vxlansOf(this.underlay);
    for (const v of others) {
      if (v.vni === this.vni && v.dstport === this.dstport && v.family === this.family) {
        return fail('EEXIST', 'A VXLAN device with the specified VNI already exists');
      }
    }
    const done = super.register(wantedIndex);
    if (!done.ok) return done;
    others.add(this);
    this.lower?.uppers.add(this);
    if (this.options.remote) this.fdb.add(0, { ip: this.options.remote, port: 0, vni: this.vni, dev: this.lower }, 'permanent', 'append');
    return done;
  }

  protected override open(): Result {
    const socket = holdSocket(this.underlay, this.dstport, this.family);
    if (!socket.ok) return socket;
    this.socket = socket.value;
    this.socket.devices.set(this.vni, this);
    this.join(true);
    return ok();
  }

  /** Group of the default destination that is listened to, by which device. */
  private joined: { group: IpAddr; dev: NetDevice } | null = null;

  /** Models vxlan_multicast_join() and vxlan_multicast_leave() */
  private join(on: boolean): void {
    if (this.joined) {
      const { group, dev } = this.joined;
      this.joined = null;
      dev.mc.del(groupMac(group));
      dev.groups = dev.groups.filter((g) => g !== group);
      if (typeof group === 'number') igmpLeft(dev, group);
    }
    const { remote, dev } = this.options;
    if (!on || remote === null || !isMulticast(remote) || !dev) return;
    this.joined = { group: remote, dev };
    dev.mc.add(groupMac(remote));
    if (!dev.groups.includes(remote)) dev.groups = [remote, ...dev.groups];
    if (typeof remote === 'number') igmpJoined(dev, remote);
  }

  /** The default destination or its device changed. */
  rejoin(): void {
    if (this.up) this.join(true);
  }

  protected override closed(): void {
    this.join(false);
    if (this.socket) {
      this.socket.devices.delete(this.vni);
      releaseSocket(this.socket);
      this.socket = null;
    }
    this.fdb.flush(false);
  }

  /** `ip link set … type vxlan dev DEV`: the underlay device of the default destination. */
  setLower(lower: NetDevice): void {
    const before = this.lower;
    if (before === lower) return;
    this.options.dev = lower;
    if (before) before.uppers.delete(this);
    lower.uppers.add(this);
    if (this.mtu > this.mostMtu()) this.setMtu(this.mostMtu());
  }

  protected override destroyed(): void {
    vxlansOf(this.underlay).delete(this);
    this.lower?.uppers.delete(this);
  }

  protected override changeMtu(mtu: number): Result {
    return this.lower && mtu > this.mostMtu() ? fail('EINVAL') : ok();
  }

  // ---- sending ----

  xmit(skb: Skb): void {
    skb.hideTag();
    const o = this.options;
    const vni = skb.tunnelId ?? 0;
    if (o.external && skb.tunnelId === null) {
      this.stats.txDropped++;
      netDrop(skb, this, 'TUNNEL_NO_METADATA');
      return;
    }
    if (o.proxy && this.answer(skb)) return;
    const known = this.fdb.find(skb.ethDst, vni);
    const entry = known ?? this.fdb.find(0, vni);
    if (!entry) {
      if (o.l2miss && !isMulticastMac(skb.ethDst)) this.fdb.miss({ mac: skb.ethDst });
      this.stats.txDropped++;
      netDrop(skb, this, 'VXLAN_NO_REMOTE');
      return;
    }
    if (entry.nhid) this.sendByNexthop(skb, entry.nhid);
    else for (const remote of entry.remotes) this.sendTo(skb, remote);
  }

  /** One member of a group of next hop objects, by the flow's hash and the weights. Models vxlan_xmit_nh() */
  private sendByNexthop(skb: Skb, id: number): void {
    const { nexthops } = this.ns.fib;
    const members = (nexthops.get(id)?.group ?? []).flatMap(({ id: member, weight }) => {
      const gateway = nexthops.get(member)?.hop?.gateway ?? null;
      return gateway === null ? [] : [{ gateway, weight }];
    });
    const total = members.reduce((n, m) => n + m.weight, 0);
    let at = ((skbHash(skb, this.hashSeed) & 0x7fffffff) / 0x80000000) * total;
    const chosen = members.find((m) => {
      at -= m.weight;
      return at < 0;
    });
    if (chosen) this.sendTo(skb, { ip: chosen.gateway, port: 0, vni: this.vni, dev: null });
    else {
      this.stats.txDropped++;
      netDrop(skb, this, 'VXLAN_NO_REMOTE');
    }
  }

  /** Answers what resolves an address from the neighbour table; true when the frame ends here. Models arp_reduce() and neigh_reduce() */
  private answer(skb: Skb): boolean {
    const b = skb.data;
    let ip: IpAddr;
    if (skb.proto === ETH_P_ARP) {
      if (b.length < 28 || u16(b, 6) !== 1) return true;
      ip = u32(b, 24);
    } else if (skb.proto === ETH_P_IPV6 && b.length >= 64 && b[6] === IPPROTO_ICMPV6 && b[40] === ND_SOLICITATION) ip = readIp6(b, 48);
    else return false;
    const known = this.ns.neigh.lookup(ip, this);
    if (!known && this.options.l3miss) this.fdb.miss({ ip });
    const mac = known && known.state & NUD_CONNECTED ? known.mac : null;
    if (mac === null) return true;
    const remote = this.fdb.peek(mac)?.remotes[0];
    // Local to this end: its owner answers.
    if (remote && (remote.ip === 0 || remote.ip === 0n)) return true;
    const data = typeof ip === 'number' ? arpReply(b, mac) : advertisement(b, mac);
    const reply = new Skb(this.sim, skb.proto, data, skb.id);
    reply.ethSrc = mac;
    reply.ethDst = skb.ethSrc;
    reply.dev = this;
    reply.type = this.classify(reply.ethDst);
    receiveInner(this, reply);
    return true;
  }

  private sendTo(skb: Skb, remote: VxlanRemote): void {
    const ns = this.underlay;
    const group = isMulticast(remote.ip);
    if (remote.ip === 0 || remote.ip === 0n) {
      this.stats.txDropped++;
      netDrop(skb, this, 'VXLAN_NO_REMOTE');
      return;
    }
    const hash = skbHash(skb, this.hashSeed);
    const [lo, hi] = this.sourcePorts();
    const srcPort = flowPort(hash, lo, hi);
    const dstPort = remote.port || this.dstport;
    const o = this.options;
    const { local } = o;
    const inner4 = skb.proto === ETH_P_IP;
    const innerIp = inner4 || skb.proto === ETH_P_IPV6;
    const innerTos = innerIp ? skb.tos() : 0;
    // The inner packet's ECN bits are the outer one's too (INET_ECN_encapsulate).
    const ecn = (innerTos & 3) === 3 ? 2 : innerTos & 3;
    const tos = ((o.tos === 1 ? innerTos : o.tos) & ~3) | ecn;
    const route =
      typeof remote.ip === 'number' && typeof local !== 'bigint'
        ? ns.ip4.routes.output(remote.ip, local, remote.dev, 0, tos, IPPROTO_UDP, srcPort, dstPort, 0)
        : routeOutput(ns, { dst: remote.ip, src: local, oif: remote.dev, tos, proto: IPPROTO_UDP, sport: srcPort, dport: dstPort });
    if (!route.ok || route.value.dev === this) {
      this.stats.txErrors++;
      if (!route.ok && route.errno === 'ENETUNREACH') this.stats.txCarrier++;
      netDrop(skb, this, 'NO_ROUTE');
      return;
    }
    const src = this.options.local ?? route.value.src;
    const payload = udpFrame(skb, VXLAN_HEAD, remote.vni || (skb.tunnelId ?? 0), srcPort, dstPort, src, remote.ip, o);
    const inherited = o.ttlInherit && innerIp ? (skb.data[inner4 ? 8 : 7] as number) : 0;
    const ttl = inherited || o.ttl || (group ? 1 : undefined);
    const df = o.df === 'set' || (o.df === 'inherit' && (inner4 ? (u16(skb.data, 6) & 0x4000) !== 0 : innerIp));
    const { mark, gsoSize, csumOffset, csumBytes, id: parent } = skb;
    const common = { proto: IPPROTO_UDP, payload, mark, route: route.value, gsoSize, csumOffset, csumBytes, parent };
    const sent =
      typeof remote.ip === 'number'
        ? ns.ip4.output({
            src: src as number,
            dst: remote.ip,
            proto: IPPROTO_UDP,
            payload,
            ttl,
            tos,
            df,
            id: df ? 1 + this.sim.rng('ipid').below(65535) : undefined,
            oif: null,
            mark,
            priority: 0,
            sk: null,
            route: route.value,
            gsoSize,
            csumOffset,
            csumBytes,
            options: undefined,
            parent,
            cause: null,
            probe: false,
          })
        : ns.ip6.output({
            ...common,
            src: src as bigint,
            dst: remote.ip,
            flowLabel: o.label,
            trafficClass: tos,
            ...(ttl === undefined ? {} : { hopLimit: ttl }),
          });
    if (sent.ok) {
      this.stats.txPackets++;
      this.stats.txBytes += skb.data.length;
    } else this.stats.txDropped++;
  }

  private sourcePorts(): readonly [number, number] {
    if (this.options.srcportMin < this.options.srcportMax) return [this.options.srcportMin, this.options.srcportMax];
    return this.underlay.sysctl.portRange;
  }

  // ---- receiving ----

  /** The inner frame, `at` to `end` in the outer packet from `from`. Models vxlan_rcv(). */
  decapsulate(outer: Skb, at: number, end: number, from: IpAddr, vni: number): void {
    if (end - at < ETH_HLEN) {
      this.stats.rxErrors++;
      return;
    }
    const skb = innerFrame(this, outer, at, end);
    if (this.options.external) skb.tunnelId = vni;
    if (skb.ethSrc === this.mac || (this.options.learning && !this.options.external && !this.fdb.snoop(skb.ethSrc, from))) {
      netDrop(skb, this, 'VXLAN_INVALID_SOURCE');
      return;
    }
    this.stats.rxPackets++;
    this.stats.rxBytes += skb.data.length;
    receiveInner(this, skb);
  }
}

function groupMac(group: IpAddr): Mac {
  return typeof group === 'number' ? 0x01005e000000 + (group & 0x7fffff) : 0x333300000000 + Number(group & 0xffffffffn);
}

function arpReply(request: Uint8Array, mac: Mac): Uint8Array {
  const b = alloc(28);
  b.set(request.subarray(0, 6));
  put16(b, 6, 2);
  writeMac(b, 8, mac);
  b.set(request.subarray(24, 28), 14);
  b.set(request.subarray(8, 18), 18);
  return b;
}

/** Neighbour advertisement for a solicitation, from its target. */
function advertisement(request: Uint8Array, mac: Mac): Uint8Array {
  const b = alloc(72);
  b[0] = 0x60;
  put16(b, 4, 32);
  b[6] = IPPROTO_ICMPV6;
  b[7] = 255;
  b.set(request.subarray(48, 64), 8);
  b.set(request.subarray(8, 24), 24);
  b[40] = ND_ADVERTISEMENT;
  // Solicited, override.
  b[44] = 0x60;
  b.set(request.subarray(48, 64), 48);
  b[64] = 2;
  b[65] = 1;
  writeMac(b, 66, mac);
  put16(b, 42, fold16(sum16(b, 40, 72, pseudo(readIp6(b, 8), readIp6(b, 24), IPPROTO_ICMPV6, 32))));
  return b;
}

/** The device that takes every network. */
function externalOf(socket: VxlanSocket): Vxlan | undefined {
  const dev = socket.devices.get(0);
  return dev?.options.external ? dev : undefined;
}

/** A datagram for a VXLAN socket: finds the device by VNI. */
export function vxlanReceive(socket: VxlanSocket, outer: Skb, at: number, end: number, from: IpAddr): void {
  const b = outer.data;
  const known = end - at >= VXLAN_HLEN && ((b[at] as number) & VXLAN_HAS_VNI) !== 0;
  const vni = known ? u32(b, at + 4) >>> 8 : 0;
  const dev = known ? (socket.devices.get(vni) ?? externalOf(socket)) : undefined;
  if (dev) dev.decapsulate(outer, at + VXLAN_HLEN, end, from, vni);
  else if (outer.dev) netDrop(outer, outer.dev, 'VXLAN_VNI_NOT_FOUND');
}
