/** 802.1Q VLAN sub-interface: tags what it sends by the device below. Models net/8021q/vlan_dev.c, vlan_core.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { alloc, put16, u16 } from '../../wire/bytes.ts';
import type { Mac } from '../../wire/mac.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { devQueueXmit } from './core.ts';
import { type LinkAction, NetDevice } from './device.ts';

const ETH_P_8021Q = 0x8100;
const VID_MASK = 0x0fff;

export class Vlan extends NetDevice {
  readonly kind = 'vlan';
  readonly lower: NetDevice;
  readonly vid: number;
  /** Flags as `ip -d link` shows them. */
  reorderHeader = true;
  looseBinding = false;
  private lowerMac: Mac;

  constructor(ns: Netns, name: string, lower: NetDevice, vid: number) {
    super(ns, name);
    this.unicastFilter = true;
    this.lower = lower;
    this.vid = vid;
    this.mac = lower.mac;
    this.lowerMac = lower.mac;
    this.mtu = lower.mtu;
    this.minMtu = 0;
    if (!lower.carrier()) this.carrierOff();
  }

  override register(wantedIndex?: number): Result {
    const vlans = this.lower.vlans ?? new Map<number, NetDevice>();
    if (vlans.has(this.vid)) return fail('EEXIST', 'VLAN device already exists');
    const done = super.register(wantedIndex);
    if (!done.ok) return done;
    vlans.set(this.vid, this);
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
    this.lower.vlans?.delete(this.vid);
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
    if (skb.vlan !== null) pushTag(skb);
    skb.vlan = this.vid;
    skb.dev = this.lower;
    devQueueXmit(skb);
  }
}

/** A second tag goes into the frame, under the one that the skb carries. Models __vlan_insert_tag() */
function pushTag(skb: Skb): void {
  skb.checksumHelp();
  const data = alloc(skb.data.length + 4);
  put16(data, 0, skb.vlan as number);
  put16(data, 2, skb.proto);
  data.set(skb.data, 4);
  skb.data = data;
  skb.proto = ETH_P_8021Q;
}

/** Models skb_vlan_untag() */
function pullTag(skb: Skb): void {
  skb.vlan = u16(skb.data, 0);
  skb.proto = u16(skb.data, 2);
  skb.data = skb.data.slice(4);
}

/** Takes a tagged frame to its sub-interface: true when there is one. Models vlan_do_receive(). */
export function vlanReceive(skb: Skb, lower: NetDevice): boolean {
  const dev = lower.vlans?.get((skb.vlan as number) & VID_MASK);
  if (!dev?.up) return false;
  skb.vlan = null;
  skb.dev = dev;
  skb.type = dev.classify(skb.ethDst);
  dev.stats.rxPackets++;
  dev.stats.rxBytes += skb.data.length;
  if (skb.type === 'multicast') dev.stats.multicast++;
  if (skb.proto === ETH_P_8021Q && skb.data.length >= 4) pullTag(skb);
  return true;
}
