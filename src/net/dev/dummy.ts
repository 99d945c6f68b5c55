/** Dummy device: swallows what is sent. Models drivers/net/dummy.c */

import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { IFF_BROADCAST, IFF_NOARP, NetDevice } from './device.ts';

export class Dummy extends NetDevice {
  readonly kind = 'dummy';

  constructor(ns: Netns, name: string) {
    super(ns, name);
    this.flags = IFF_BROADCAST | IFF_NOARP;
    this.minMtu = 0;
    this.maxMtu = 0;
  }

  xmit(skb: Skb): void {
    this.stats.txPackets++;
    this.stats.txBytes += skb.data.length + 14;
  }
}
