/** Geneve: Ethernet over UDP to one remote. Models drivers/net/geneve.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { hash32 } from '../../sim/rng.ts';
import type { IpAddr } from '../../wire/addr.ts';
import { u16, u32 } from '../../wire/bytes.ts';
import { ETH_HLEN } from '../../wire/ethernet.ts';
import { IPPROTO_UDP } from '../../wire/ipv4.ts';
import { routeOutput } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { UdpSocket } from '../sock/udp.ts';
import { NetDevice } from './device.ts';
import { flowPort, skbHash } from './flowhash.ts';
import { netDrop } from './trace.ts';
import { ETH_P_TEB, innerFrame, receiveInner } from './tunnel.ts';
import { HEADROOM4, HEADROOM6, udpFrame } from './udptunnel.ts';

export const GENEVE_PORT = 6081;
const GENEVE_HLEN = 8;

export interface GeneveOptions {
  /** Null with `external`. */
  vni: number | null;
  remote: IpAddr | null;
  dstport: number;
  /** 0 = auto, 'inherit' = the inner packet's. */
  ttl: number | 'inherit';
  tos: number;
  df: 'unset' | 'set' | 'inherit';
  label: number;
  external: boolean;
  udpCsum: boolean;
  zeroCsum6Tx: boolean;
  zeroCsum6Rx: boolean;
  innerProtoInherit: boolean;
}

interface Port {
  readonly udp: UdpSocket;
  readonly devices: Set<Geneve>;
}

interface State {
  readonly ports: Map<string, Port>;
  readonly devices: Set<Geneve>;
}

const states = new WeakMap<Netns, State>();

function stateOf(ns: Netns): State {
  let s = states.get(ns);
  if (!s) {
    s = { ports: new Map(), devices: new Set() };
    states.set(ns, s);
  }
  return s;
}

export class Geneve extends NetDevice {
  readonly kind = 'geneve';
  readonly options: GeneveOptions;
  readonly underlay: Netns;
  private readonly hashSeed: number;
  private held: { key: string; port: Port }[] = [];

  constructor(ns: Netns, name: string, options: GeneveOptions) {
    super(ns, name);
    this.options = options;
    this.underlay = ns;
    this.hashSeed = hash32(`${this.sim.seed}/hashrnd/${ns.kernel.hostname}`);
    this.maxMtu = 65535 - 8 - GENEVE_HLEN - ETH_HLEN - (options.remote === null ? 0 : this.family === 6 ? 40 : 20);
    if (options.remote === null) return;
    const route = routeOutput(ns, { dst: options.remote, proto: IPPROTO_UDP });
    if (route.ok) this.mtu = Math.max(68, route.value.dev.mtu - (this.family === 6 ? HEADROOM6 : HEADROOM4));
  }

  get family(): 4 | 6 {
    return typeof this.options.remote === 'bigint' ? 6 : 4;
  }

  override register(wantedIndex?: number): Result {
    const { devices } = stateOf(this.underlay);
    const { options: o } = this;
    for (const other of devices) {
      const p = other.options;
      if (p.dstport !== o.dstport) continue;
      if (p.external || o.external) return fail(p.external && o.external ? 'EEXIST' : 'EPERM');
      if (p.vni === o.vni && p.remote === o.remote) return fail('EBUSY');
    }
    const done = super.register(wantedIndex);
    if (done.ok) devices.add(this);
    return done;
  }

  protected override destroyed(): void {
    stateOf(this.underlay).devices.delete(this);
  }

  protected override open(): Result {
    for (const family of this.options.external ? ([6, 4] as const) : [this.family]) {
      const opened = this.hold(family);
      if (opened.ok) continue;
      this.release();
      return opened;
    }
    return ok();
  }

  private hold(family: 4 | 6): Result {
    const { ports } = stateOf(this.underlay);
    const key = `${family}/${this.options.dstport}`;
    let port = ports.get(key);
    if (!port) {
      const udp = new UdpSocket(this.underlay, family);
      if (family === 6) udp.opt.v6only = true;
      const bound = udp.bind(family === 4 ? 0 : 0n, this.options.dstport);
      if (!bound.ok) {
        udp.close();
        return bound;
      }
      const made: Port = { udp, devices: new Set() };
      udp.encapReceive = (skb, at, end, from) => receive(made, skb, at, end, from);
      ports.set(key, made);
      port = made;
    }
    port.devices.add(this);
    this.held.push({ key, port });
    return ok();
  }

  protected override closed(): void {
    this.release();
  }

  private release(): void {
    for (const { key, port } of this.held) {
      port.devices.delete(this);
      if (port.devices.size > 0) continue;
      port.udp.close();
      stateOf(this.underlay).ports.delete(key);
    }
    this.held = [];
  }

  /** geneve_xmit_skb() */
  xmit(skb: Skb): void {
    skb.hideTag();
    const o = this.options;
    const ns = this.underlay;
    if (o.remote === null || o.vni === null) {
      this.stats.txErrors++;
      netDrop(skb, this, 'TUNNEL_NO_REMOTE');
      return;
    }
    const [lo, hi] = ns.sysctl.portRange;
    const sport = flowPort(skbHash(skb, this.hashSeed), lo, hi);
    const v4 = skb.proto === 0x0800;
    const innerTos = v4 ? (skb.data[1] as number) : 0;
    const tos = o.tos === 1 ? innerTos : o.tos;
    const route = routeOutput(ns, { dst: o.remote, tos, proto: IPPROTO_UDP, sport, dport: o.dstport });
    if (!route.ok || route.value.dev === this) {
      this.stats.txErrors++;
      if (!route.ok && route.errno === 'ENETUNREACH') this.stats.txCarrier++;
      netDrop(skb, this, 'NO_ROUTE');
      return;
    }
    const payload = udpFrame(skb, ETH_P_TEB, o.vni, sport, o.dstport, route.value.src, o.remote, o);
    const innerTtl = v4 ? (skb.data[8] as number) : skb.proto === 0x86dd ? (skb.data[7] as number) : 64;
    const ttl = o.ttl === 'inherit' ? innerTtl : o.ttl;
    const { gsoSize, csumOffset, csumBytes, id: parent, mark } = skb;
    const common = { proto: IPPROTO_UDP, payload, mark, route: route.value, gsoSize, csumOffset, csumBytes, parent };
    const df = o.df === 'set' || (o.df === 'inherit' && v4 && (u16(skb.data, 6) & 0x4000) !== 0);
    const sent =
      typeof o.remote === 'number'
        ? ns.ip4.output({ ...common, src: route.value.src as number, dst: o.remote, df, tos, ...(ttl ? { ttl } : {}) })
        : ns.ip6.output({
            ...common,
            src: route.value.src as bigint,
            dst: o.remote,
            flowLabel: o.label,
            trafficClass: tos,
            ...(ttl ? { hopLimit: ttl } : {}),
          });
    if (!sent.ok) {
      this.stats.txDropped++;
      return;
    }
    this.stats.txPackets++;
    this.stats.txBytes += skb.data.length + ETH_HLEN;
  }

  /** geneve_rx(): the inner frame. */
  deliver(outer: Skb, at: number, end: number): void {
    if (end - at < ETH_HLEN) {
      this.stats.rxErrors++;
      return;
    }
    const skb = innerFrame(this, outer, at, end);
    // A frame of our own that came back.
    if (skb.ethSrc === this.mac) {
      this.stats.rxErrors++;
      netDrop(skb, this, 'TUNNEL_LOOP');
      return;
    }
    this.stats.rxPackets++;
    this.stats.rxBytes += end - at;
    receiveInner(this, skb);
  }
}

/** geneve_udp_encap_recv(): by VNI and sender. */
function receive(port: Port, outer: Skb, at: number, end: number, from: IpAddr): void {
  const b = outer.data;
  const options = ((b[at] ?? 0) & 0x3f) * 4;
  if (end - at >= GENEVE_HLEN + options && (b[at] as number) >> 6 === 0 && u16(b, at + 2) === ETH_P_TEB) {
    const vni = u32(b, at + 4) >>> 8;
    for (const dev of port.devices) {
      if (!dev.options.external && (dev.options.vni !== vni || dev.options.remote !== from)) continue;
      dev.deliver(outer, at + GENEVE_HLEN + options, end);
      return;
    }
  }
  if (outer.dev) netDrop(outer, outer.dev, 'GENEVE_VNI_NOT_FOUND');
}
