/** IPVLAN: devices with IP addresses of their own behind one MAC address. Models drivers/net/ipvlan */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { type IpAddr, readIp4, readIp6 } from '../../wire/addr.ts';
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { isMulticastMac } from '../../wire/mac.ts';
import { routeOutput } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { devQueueXmit, netifReceive } from './core.ts';
import { IFF_NOARP, type LinkAction, NetDevice } from './device.ts';
import { Lane } from './forward.ts';
import { netDrop } from './trace.ts';

export type IpvlanMode = 'l2' | 'l3' | 'l3s';
export type IpvlanFlag = 'bridge' | 'private' | 'vepa';

/** Who a packet is for (`to`) or from, by the address that the protocol carries. */
function address(skb: Skb, to: boolean): IpAddr | null {
  const b = skb.data;
  if (skb.proto === ETH_P_IP && b.length >= 20) return readIp4(b, to ? 16 : 12);
  if (skb.proto === ETH_P_IPV6 && b.length >= 40) return readIp6(b, to ? 24 : 8);
  if (skb.proto === ETH_P_ARP && b.length >= 28) return readIp4(b, to ? 24 : 14);
  return null;
}

/** What a lower device knows of the ipvlans on it. */
class IpvlanPort {
  readonly lower: NetDevice;
  readonly devices = new Set<Ipvlan>();
  readonly lane = new Lane();
  mode: IpvlanMode = 'l3';
  flag: IpvlanFlag = 'bridge';

  constructor(lower: NetDevice) {
    this.lower = lower;
  }

  /** The device that has this address. */
  owner(ip: IpAddr | null): Ipvlan | undefined {
    if (ip === null) return undefined;
    for (const d of this.devices) {
      if (!d.up) continue;
      if (typeof ip === 'number' ? d.addrs4.some((a) => a.local === ip) : d.addrs6.some((a) => a.local === ip)) return d;
    }
    return undefined;
  }

  broadcast(skb: Skb, from: Ipvlan | null): void {
    for (const d of this.devices) {
      if (d === from || !d.up) continue;
      const copy = skb.clone();
      d.count(copy);
      this.lane.deliver(copy, d, 1);
    }
  }

  /** ipvlan_handle_frame() */
  handle(skb: Skb): boolean {
    if (this.mode === 'l2' && isMulticastMac(skb.ethDst)) {
      this.broadcast(skb, null);
      return false;
    }
    const to = this.owner(address(skb, true));
    if (!to) return false;
    to.count(skb);
    skb.scrub(to.ns !== this.lower.ns);
    skb.dev = to;
    skb.type = 'host';
    netifReceive(skb);
    return true;
  }
}

const ports = new WeakMap<NetDevice, IpvlanPort>();

export class Ipvlan extends NetDevice {
  readonly kind = 'ipvlan';
  readonly lower: NetDevice;
  private port: IpvlanPort | null = null;
  private readonly wanted: { mode: IpvlanMode; flag: IpvlanFlag };

  constructor(ns: Netns, name: string, lower: NetDevice, mode: IpvlanMode = 'l3', flag: IpvlanFlag = 'bridge') {
    super(ns, name);
    this.unicastFilter = true;
    this.lower = lower instanceof Ipvlan ? lower.lower : lower;
    this.wanted = { mode, flag };
    this.mac = this.lower.mac;
    this.mtu = this.lower.mtu;
    this.maxMtu = 65535;
    if (mode !== 'l2') this.flags |= IFF_NOARP;
    if (!this.lower.carrier()) this.carrierOff();
  }

  get mode(): IpvlanMode {
    return this.port?.mode ?? this.wanted.mode;
  }

  get flag(): IpvlanFlag {
    return this.port?.flag ?? this.wanted.flag;
  }

  override register(wantedIndex?: number): Result {
    let port = ports.get(this.lower);
    if (!port) {
      if (this.lower.hardware !== 'ether') return fail('EINVAL');
      if (this.lower.rxHandler) return fail('EBUSY');
      port = new IpvlanPort(this.lower);
    }
    const done = super.register(wantedIndex);
    if (!done.ok) return done;
    const p = port;
    ports.set(this.lower, p);
    this.lower.rxHandler = (skb) => p.handle(skb);
    p.devices.add(this);
    this.port = p;
    this.setMode(this.wanted.mode, this.wanted.flag);
    this.lower.uppers.add(this);
    if (this.carrier()) {
      this.carrierOff();
      this.carrierOn();
    }
    return done;
  }

  /** The mode is that of all devices on the lower one. */
  setMode(mode: IpvlanMode, flag: IpvlanFlag): void {
    const { port } = this;
    if (!port) return;
    port.mode = mode;
    port.flag = flag;
    for (const d of port.devices) {
      if (mode === 'l2') d.flags &= ~IFF_NOARP;
      else d.flags |= IFF_NOARP;
    }
  }

  override iflink(): number {
    return this.lower.ifindex;
  }

  override peerNs(): Netns | null {
    return this.lower.ns !== this.ns ? this.lower.ns : null;
  }

  protected override destroyed(): void {
    const { port } = this;
    if (!port) return;
    port.devices.delete(this);
    this.lower.uppers.delete(this);
    if (port.devices.size > 0) return;
    this.lower.rxHandler = null;
    ports.delete(this.lower);
  }

  protected override changeMac(): Result {
    return fail('EOPNOTSUPP');
  }

  override lowerEvent(lower: NetDevice, action: LinkAction): void {
    if (action === 'mtu') this.setMtu(lower.mtu);
    else if (action === 'mac') this.assignMac(lower.mac);
    else if (action === 'up' || action === 'down' || action === 'change') {
      if (lower.carrier()) this.carrierOn();
      else this.carrierOff();
    }
  }

  count(skb: Skb): void {
    this.stats.rxPackets++;
    this.stats.rxBytes += skb.data.length + 14;
    if (isMulticastMac(skb.ethDst)) this.stats.multicast++;
  }

  /** ipvlan_queue_xmit() */
  xmit(skb: Skb): void {
    const { port } = this;
    if (!port) return;
    this.stats.txPackets++;
    this.stats.txBytes += skb.data.length + 14;
    if (port.mode === 'l2') this.xmit2(skb, port);
    else this.xmit3(skb, port);
  }

  /** Among siblings by IP address, to the lower device's own stack, or out. */
  private xmit2(skb: Skb, port: IpvlanPort): void {
    if (port.flag !== 'vepa' && skb.ethDst === skb.ethSrc) {
      const to = port.flag === 'private' ? undefined : port.owner(address(skb, true));
      if (to) this.handOver(skb, to, port);
      else {
        skb.scrub(this.lower.ns !== this.ns);
        port.lane.deliver(skb, this.lower, this.hopDelay());
      }
      return;
    }
    if (isMulticastMac(skb.ethDst) && port.flag === 'bridge') port.broadcast(skb, this);
    skb.dev = this.lower;
    devQueueXmit(skb);
  }

  private handOver(skb: Skb, to: Ipvlan, port: IpvlanPort): void {
    to.count(skb);
    skb.scrub(to.ns !== this.ns);
    skb.ethDst = to.mac;
    port.lane.deliver(skb, to, this.hopDelay());
  }

  /** By routes of the lower device's namespace. Models ipvlan_process_outbound(). */
  private xmit3(skb: Skb, port: IpvlanPort): void {
    const dst = address(skb, true);
    const to = port.flag === 'bridge' ? port.owner(dst) : undefined;
    if (to) {
      this.handOver(skb, to, port);
      return;
    }
    if (dst === null || skb.proto === ETH_P_ARP || isMulticastMac(skb.ethDst)) {
      netDrop(skb, this, 'IPVLAN_NO_ROUTE');
      return;
    }
    const { ns } = this.lower;
    const route = routeOutput(ns, { dst, oif: this.lower, mark: skb.mark });
    if (!route.ok || route.value.type !== 'unicast') {
      this.stats.txErrors++;
      netDrop(skb, this, 'NO_ROUTE');
      return;
    }
    skb.scrub(ns !== this.ns);
    skb.dst = route.value;
    ns.neigh.output(skb, this.lower, route.value.gateway ?? dst);
  }

  protected override changeMtu(mtu: number): Result {
    return mtu > this.lower.mtu ? fail('EINVAL') : ok();
  }
}
