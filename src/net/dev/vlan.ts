/** 802.1Q VLAN sub-interface: tags what it sends by the device below. Models net/8021q/vlan_dev.c, vlan_core.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Mac } from '../../wire/mac.ts';
import type { Netns } from '../netns.ts';
import { type Skb, VLAN_S_TAG } from '../skb.ts';
import { devQueueXmit } from './core.ts';
import { type LinkAction, NetDevice } from './device.ts';

const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;
const VID_MASK = 0x0fff;

export class Vlan extends NetDevice {
  readonly kind = 'vlan';
  readonly lower: NetDevice;
  readonly vid: number;
  /** EtherType of the tag: 0x8100, or 0x88a8 for 802.1ad. */
  readonly protocol: number;
  /** What the tags of this device have besides the priority. */
  readonly tag: number;
  gvrp = false;
  mvrp = false;
  bridgeBinding = false;
  /** Priority of a received packet by the tag's; the tag's by the priority of a sent one. 0 where nothing is said. */
  readonly ingressQos = new Map<number, number>();
  readonly egressQos = new Map<number, number>();
  /** Flags as `ip -d link` shows them. */
  reorderHeader = true;
  looseBinding = false;
  private lowerMac: Mac;

  constructor(ns: Netns, name: string, lower: NetDevice, vid: number, protocol: number = ETH_P_8021Q) {
    super(ns, name);
    this.unicastFilter = true;
    this.lower = lower;
    this.vid = vid;
    this.protocol = protocol;
    this.tag = protocol === ETH_P_8021AD ? vid | VLAN_S_TAG : vid;
    this.mac = lower.mac;
    this.lowerMac = lower.mac;
    this.mtu = lower.mtu;
    this.minMtu = 0;
    if (!lower.carrier()) this.carrierOff();
  }

  override register(wantedIndex?: number): Result {
    const vlans = this.lower.vlans ?? new Map<number, NetDevice>();
    if (vlans.has(this.tag)) return fail('EEXIST', 'VLAN device already exists');
    const done = super.register(wantedIndex);
    if (!done.ok) return done;
    vlans.set(this.tag, this);
    this.lower.vlans = vlans;
    this.lower.uppers.add(this);
    if (this.carrier()) {
      this.carrierOff();
      this.carrierOn();
    }
    return done;
  }

  override iflink(): number {
    return this.lower.ifindex;
  }

  override peerNs(): Netns | null {
    return this.lower.ns !== this.ns ? this.lower.ns : null;
  }

  protected override open(): Result {
    return this.lower.up || this.looseBinding ? ok() : fail('ENETDOWN');
  }

  protected override opened(): void {
    if (this.lower.carrier()) this.carrierOn();
  }

  protected override closed(): void {
    this.carrierOff();
  }

  protected override changeMtu(mtu: number): Result {
    return mtu > this.lower.mtu ? fail('ERANGE') : ok();
  }

  protected override destroyed(): void {
    this.lower.vlans?.delete(this.tag);
    if (this.lower.vlans?.size === 0) this.lower.vlans = null;
    this.lower.uppers.delete(this);
  }

  override lowerEvent(lower: NetDevice, action: LinkAction): void {
    switch (action) {
      case 'change':
        if (lower.carrier()) this.carrierOn();
        else this.carrierOff();
        break;
      case 'mtu':
        if (this.mtu > lower.mtu) this.setMtu(lower.mtu);
        break;
      case 'mac':
        if (this.mac === this.lowerMac) this.assignMac(lower.mac);
        this.lowerMac = lower.mac;
        break;
      case 'down':
        if (!this.looseBinding) this.setDown();
        break;
      case 'up':
        if (!this.looseBinding) this.setUp();
        break;
      default:
        break;
    }
  }

  xmit(skb: Skb): void {
    this.stats.txPackets++;
    this.stats.txBytes += skb.data.length + 14;
    // A second tag goes under this one.
    skb.hideTag();
    skb.vlan = this.egressQos.size > 0 ? this.tag | ((this.egressQos.get(skb.priority) ?? 0) << 13) : this.tag;
    skb.dev = this.lower;
    devQueueXmit(skb);
  }
}

/** Takes a tagged frame to its sub-interface: true when there is one. Models vlan_do_receive(). */
export function vlanReceive(skb: Skb, lower: NetDevice): boolean {
  const tag = skb.vlan as number;
  const dev = lower.vlans?.get(tag & (VLAN_S_TAG | VID_MASK));
  if (!dev?.up) return false;
  if (dev instanceof Vlan && dev.ingressQos.size > 0) skb.priority = dev.ingressQos.get((tag >> 13) & 7) ?? 0;
  skb.vlan = null;
  skb.dev = dev;
  skb.type = dev.classify(skb.ethDst);
  dev.stats.rxPackets++;
  dev.stats.rxBytes += skb.data.length;
  if (skb.type === 'multicast') dev.stats.multicast++;
  skb.showTag();
  return true;
}
