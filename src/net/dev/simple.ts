/** Devices with little or no packet path of their own: ifb, nlmon, tun and tap, WireGuard without peers. */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { IFF_BROADCAST, IFF_MULTICAST, IFF_NOARP, IFF_POINTOPOINT, NetDevice } from './device.ts';
import { netDrop } from './trace.ts';

/** Intermediate functional block: a queue for what tc redirects to it. What is sent there directly is lost. Models drivers/net/ifb.c */
export class Ifb extends NetDevice {
  readonly kind = 'ifb';
  private readonly origins = new WeakMap<Skb, { from: NetDevice; back: (() => void) | null }>();

  constructor(ns: Netns, name: string) {
    super(ns, name);
    this.flags = IFF_BROADCAST | IFF_NOARP;
    this.minMtu = 0;
    this.maxMtu = 0;
    this.txqlen = 32;
    this.qdisc = 'pfifo_fast';
  }

  /** A packet that tc redirects here, from `from`; `back` takes up one that was on its way in. */
  redirected(skb: Skb, from: NetDevice, back: (() => void) | null): void {
    this.origins.set(skb, { from, back });
  }

  xmit(skb: Skb): void {
    const origin = this.origins.get(skb);
    const bytes = skb.data.length + 14;
    this.stats.rxPackets++;
    this.stats.rxBytes += bytes;
    if (!origin?.from.registered) {
      this.stats.rxDropped++;
      netDrop(skb, this, 'IFB_NOT_REDIRECTED');
      return;
    }
    this.origins.delete(skb);
    this.stats.txPackets++;
    this.stats.txBytes += bytes;
    if (origin.back) origin.back();
    else {
      skb.dev = origin.from;
      origin.from.xmit(skb);
    }
  }
}

/** Netlink monitor: shows netlink messages to packet sockets. Models drivers/net/nlmon.c */
export class Nlmon extends NetDevice {
  readonly kind = 'nlmon';

  constructor(ns: Netns, name: string) {
    super(ns, name);
    this.hardware = 'netlink';
    this.flags = IFF_NOARP;
    this.mtu = 3776;
    this.minMtu = 16;
    this.maxMtu = 0;
  }

  override get llAddress(): string | null {
    return null;
  }

  xmit(): void {}
}

/** WireGuard without keys and peers: every packet is refused. Models drivers/net/wireguard/device.c */
export class Wireguard extends NetDevice {
  readonly kind = 'wireguard';

  constructor(ns: Netns, name: string) {
    super(ns, name);
    this.hardware = 'none';
    this.flags = IFF_POINTOPOINT | IFF_NOARP;
    this.mtu = 1420;
    this.minMtu = 0;
    this.maxMtu = 2147483552;
  }

  override get llAddress(): string | null {
    return null;
  }

  xmit(skb: Skb): void {
    this.stats.txErrors++;
    netDrop(skb, this, 'WIREGUARD_NO_PEER');
  }
}

export interface TunOptions {
  readonly type: 'tun' | 'tap';
  readonly pi: boolean;
  readonly vnetHdr: boolean;
  readonly multiQueue: boolean;
  /** Obsolete, kept as a flag. */
  readonly oneQueue: boolean;
  /** -1: anybody. */
  readonly owner: number;
  readonly group: number;
}

/** A persistent TUN or TAP device that no program has opened: never any carrier. Models drivers/net/tun.c */
export class Tun extends NetDevice {
  readonly kind = 'tun';
  readonly options: TunOptions;

  constructor(ns: Netns, name: string, options: TunOptions) {
    super(ns, name);
    this.options = options;
    this.qdisc = 'pfifo_fast';
    if (options.type === 'tun') {
      this.hardware = 'none';
      this.flags = IFF_POINTOPOINT | IFF_NOARP | IFF_MULTICAST;
      this.txqlen = 500;
      this.maxMtu = 65535;
    } else this.maxMtu = 65535 - 14;
    if (options.multiQueue) this.numTxQueues = this.numRxQueues = 256;
  }

  override get llAddress(): string | null {
    return this.options.type === 'tun' ? null : super.llAddress;
  }

  protected override opened(): void {
    this.carrierOff();
  }

  xmit(skb: Skb): void {
    this.stats.txDropped++;
    netDrop(skb, this, 'TUN_NOT_OPEN');
  }

  protected override changeMac(): Result {
    return this.options.type === 'tun' ? fail('EOPNOTSUPP') : ok();
  }
}
