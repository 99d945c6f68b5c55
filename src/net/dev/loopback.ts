/** The loopback device: what is sent comes back. Models drivers/net/loopback.c */

import { ok, type Result } from '../../sim/errno.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { netifReceive } from './core.ts';
import { IFF_LOOPBACK, NetDevice } from './device.ts';

export class Loopback extends NetDevice {
  readonly kind = 'loopback';
  private lastArrival = 0;

  constructor(ns: Netns) {
    super(ns, 'lo');
    this.hardware = 'loopback';
    this.flags = IFF_LOOPBACK;
    this.mtu = 65536;
    this.minMtu = 0;
    this.maxMtu = 0;
    this.broadcast = 0;
    this.netnsImmutable = true;
  }

  xmit(skb: Skb): void {
    const len = skb.data.length;
    this.stats.txPackets++;
    this.stats.txBytes += len;
    const dst = skb.dst;
    skb.ethSrc = 0;
    skb.ethDst = 0;
    const sim = this.sim;
    const at = Math.max(sim.now + this.hopDelay(), this.lastArrival);
    this.lastArrival = at;
    sim.at(at, () => {
      if (!this.up) return;
      this.stats.rxPackets++;
      this.stats.rxBytes += len;
      skb.dev = this;
      skb.type = 'host';
      skb.dst = dst;
      netifReceive(skb);
    });
  }

  override iflink(): number {
    return this.ifindex;
  }

  protected override changeMtu(): Result {
    return ok();
  }
}
