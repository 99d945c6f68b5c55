/** Macvlan: several addresses on one device. Models drivers/net/macvlan.c */

import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { NetDevice } from './device.ts';

export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';

export class Macvlan extends NetDevice {
  readonly kind = 'macvlan';
  readonly lower: NetDevice;
  mode: MacvlanMode;

  constructor(ns: Netns, name: string, lower: NetDevice, mode: MacvlanMode = 'vepa') {
    super(ns, name);
    this.lower = lower;
    this.mode = mode;
    this.mtu = lower.mtu;
  }

  override iflink(): number {
    return this.lower.ifindex;
  }

  override peerNs(): Netns | null {
    return this.lower.ns !== this.ns ? this.lower.ns : null;
  }

  xmit(_skb: Skb): void {}
}
