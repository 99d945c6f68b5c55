/** VXLAN: Ethernet over UDP between VTEPs, with or without learning. Models drivers/net/vxlan/vxlan_core.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { hash32 } from '../../sim/rng.ts';
import { type IpAddr, isMulticast } from '../../wire/addr.ts';
import { alloc, fold16, put16, put32, sum16, u16, u32 } from '../../wire/bytes.ts';
import { ETH_HLEN } from '../../wire/ethernet.ts';
import { IPPROTO_UDP } from '../../wire/ipv4.ts';
import { readMac, writeMac } from '../../wire/mac.ts';
import { pseudo } from '../../wire/pseudo.ts';
import { VXLAN_HAS_VNI, VXLAN_HLEN, VXLAN_PORT_LINUX } from '../../wire/vxlan.ts';
import { routeOutput } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import { Skb } from '../skb.ts';
import { netifReceive } from './core.ts';
import { NetDevice } from './device.ts';
import { flowHash, flowPort } from './flowhash.ts';
import { netDrop } from './trace.ts';
import { VxlanFdb, type VxlanRemote } from './vxfdb.ts';
import { holdSocket, releaseSocket, type VxlanSocket, vxlansOf } from './vxsock.ts';

export type { VxlanFdbEntry, VxlanRemote } from './vxfdb.ts';

export interface VxlanOptions {
  vni: number;
  local?: IpAddr | null;
  /** Default destination: unicast, or a multicast group. */
  remote?: IpAddr | null;
  /** Underlay device (`dev`). */
  dev?: NetDevice | null;
  dstport?: number;
  learning?: boolean;
  /** 0 = auto. */
  ttl?: number;
  tos?: number;
  /** Seconds. */
  ageing?: number;
  srcportMin?: number;
  srcportMax?: number;
  udpCsum?: boolean;
  /** `df set`. */
  df?: boolean;
}

/** Outer Ethernet, IPv4, UDP, VXLAN. */
const HEADROOM4 = 50;
const HEADROOM6 = 70;

export class Vxlan extends NetDevice {
  readonly kind = 'vxlan';
  /** As given at creation or changed since; `ip link set … type vxlan` writes here. */
  readonly options: Required<VxlanOptions>;
  /** The namespace whose network carries the outer packets: where the device was created. */
  readonly underlay: Netns;
  readonly fdb: VxlanFdb;
  private socket: VxlanSocket | null = null;
  private readonly hashSeed: number;

  constructor(ns: Netns, name: string, o: VxlanOptions) {
    super(ns, name);
    this.options = {
      vni: o.vni,
      local: o.local ?? null,
      remote: o.remote ?? null,
      dev: o.dev ?? null,
      dstport: o.dstport ?? VXLAN_PORT_LINUX,
      learning: o.learning ?? true,
      ttl: o.ttl ?? 0,
      tos: o.tos ?? 0,
      ageing: o.ageing ?? 300,
      srcportMin: o.srcportMin ?? 0,
      srcportMax: o.srcportMax ?? 0,
      udpCsum: o.udpCsum ?? true,
      df: o.df ?? false,
    };
    this.underlay = ns;
    this.fdb = new VxlanFdb(this);
    // One secret per boot of a machine (net_get_random_once), so that both ends in one kernel agree.
    this.hashSeed = hash32(`${this.sim.seed}/hashrnd/${ns.kernel.hostname}`);
    if (this.lower) this.mtu = Math.max(68, this.lower.mtu - this.headroom());
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

  override register(wantedIndex?: number): Result {
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
    if (this.options.remote !== null)
      this.fdb.add(0, { ip: this.options.remote, port: 0, vni: this.vni, dev: this.lower }, 'permanent', 'append');
    return done;
  }

  protected override open(): Result {
    const socket = holdSocket(this.underlay, this.dstport, this.family);
    if (!socket.ok) return socket;
    this.socket = socket.value;
    this.socket.devices.set(this.vni, this);
    return ok();
  }

  protected override closed(): void {
    if (this.socket) {
      this.socket.devices.delete(this.vni);
      releaseSocket(this.socket);
      this.socket = null;
    }
    this.fdb.flush(false);
  }

  protected override destroyed(): void {
    vxlansOf(this.underlay).delete(this);
    this.lower?.uppers.delete(this);
  }

  protected override changeMtu(mtu: number): Result {
    return this.lower && mtu > this.lower.mtu - this.headroom() ? fail('EINVAL') : ok();
  }

  // ---- sending ----

  xmit(skb: Skb): void {
    const entry = this.fdb.find(skb.ethDst) ?? this.fdb.find(0);
    if (!entry) {
      this.stats.txDropped++;
      netDrop(skb, this, 'VXLAN_NO_REMOTE');
      return;
    }
    for (const remote of entry.remotes) this.sendTo(skb, remote);
  }

  private sendTo(skb: Skb, remote: VxlanRemote): void {
    const ns = this.underlay;
    const group = isMulticast(remote.ip);
    if (remote.ip === 0 || remote.ip === 0n) {
      this.stats.txDropped++;
      netDrop(skb, this, 'VXLAN_NO_REMOTE');
      return;
    }
    const hash = flowHash(skb, this.hashSeed);
    const [lo, hi] = this.sourcePorts();
    const srcPort = flowPort(hash, lo, hi);
    const dstPort = remote.port || this.dstport;
    const { local, tos } = this.options;
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
    const payload = this.encapsulate(skb, remote.vni, srcPort, dstPort, src, remote.ip);
    const ttl = this.options.ttl || (group ? 1 : undefined);
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
            df: this.options.df,
            id: undefined,
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
        : ns.ip6.output({ ...common, src: src as bigint, dst: remote.ip, flowLabel: 0, ...(ttl === undefined ? {} : { hopLimit: ttl }) });
    if (sent.ok) {
      this.stats.txPackets++;
      this.stats.txBytes += skb.data.length;
    } else this.stats.txDropped++;
  }

  private sourcePorts(): readonly [number, number] {
    if (this.options.srcportMin < this.options.srcportMax) return [this.options.srcportMin, this.options.srcportMax];
    return this.underlay.sysctl.portRange;
  }

  /** UDP header, VXLAN header and the inner frame, in one piece. */
  private encapsulate(skb: Skb, vni: number, srcPort: number, dstPort: number, src: IpAddr, dst: IpAddr): Uint8Array {
    const b = alloc(30 + skb.data.length);
    put16(b, 0, srcPort);
    put16(b, 2, dstPort);
    put16(b, 4, b.length);
    b[8] = 0x08;
    put32(b, 12, vni * 256);
    writeMac(b, 16, skb.ethDst);
    writeMac(b, 22, skb.ethSrc);
    put16(b, 28, skb.proto);
    b.set(skb.data, 30);
    if (this.options.udpCsum || typeof dst === 'bigint')
      put16(b, 6, fold16(sum16(b, 0, b.length, pseudo(src, dst, IPPROTO_UDP, b.length))) || 0xffff);
    return b;
  }

  // ---- receiving ----

  /** The inner frame, `at` to `end` in the outer packet from `from`. Models vxlan_rcv(). */
  decapsulate(outer: Skb, at: number, end: number, from: IpAddr): void {
    const b = outer.data;
    if (end - at < ETH_HLEN) {
      this.stats.rxErrors++;
      return;
    }
    const skb = new Skb(this.sim, u16(b, at + 12), b.subarray(at + ETH_HLEN, end), outer.id);
    skb.dev = this;
    skb.ethDst = readMac(b, at);
    skb.ethSrc = readMac(b, at + 6);
    skb.gsoSize = outer.gsoSize;
    skb.csumBytes = outer.csumBytes;
    skb.csumOffset = outer.csumOffset;
    if (skb.ethSrc === this.mac || (this.options.learning && !this.fdb.snoop(skb.ethSrc, from))) {
      netDrop(skb, this, 'VXLAN_INVALID_SOURCE');
      return;
    }
    this.stats.rxPackets++;
    this.stats.rxBytes += skb.data.length;
    skb.type = this.classify(skb.ethDst);
    this.sim.call(this.sim.now + 1, receiveInner, this, skb);
  }
}

/** gro_cells_receive(): the inner frame comes in by the device a moment later. */
function receiveInner(dev: NetDevice, skb: Skb): void {
  if (dev.registered) netifReceive(skb);
}

/** A datagram for a VXLAN socket: finds the device by VNI. */
export function vxlanReceive(socket: VxlanSocket, outer: Skb, at: number, end: number, from: IpAddr): void {
  const b = outer.data;
  const known = end - at >= VXLAN_HLEN && ((b[at] as number) & VXLAN_HAS_VNI) !== 0;
  const dev = known ? socket.devices.get(u32(b, at + 4) >>> 8) : undefined;
  if (dev) dev.decapsulate(outer, at + VXLAN_HLEN, end, from);
  else if (outer.dev) netDrop(outer, outer.dev, 'VXLAN_VNI_NOT_FOUND');
}
