/** A network card with a cable to another card, across machines. */

import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { NetDevice } from './device.ts';
import { isForwardable, Lane } from './forward.ts';
import { netDrop } from './trace.ts';

export interface Cable {
  /** One-way delay in microseconds. */
  delay: number;
}

export class Ether extends NetDevice {
  readonly kind = 'ether';
  private other: Ether | null = null;
  private delay = 0;
  private readonly lane = new Lane();

  constructor(ns: Netns, name: string) {
    super(ns, name);
    this.maxMtu = 9000;
    this.qdisc = 'fq_codel';
    this.carrierOff();
  }

  /** The card at the other end, null without a cable. */
  get far(): Ether | null {
    return this.other;
  }

  xmit(skb: Skb): void {
    const to = this.other;
    const bytes = skb.data.length + 14;
    this.stats.txPackets++;
    this.stats.txBytes += bytes;
    if (!to?.up) {
      netDrop(skb, to ?? this, 'DEV_DOWN');
      return;
    }
    if (!isForwardable(skb, to)) {
      to.stats.rxErrors++;
      netDrop(skb, to, 'PKT_TOO_BIG');
      return;
    }
    to.stats.rxPackets++;
    to.stats.rxBytes += bytes;
    skb.scrub(true);
    this.lane.deliver(skb, to, this.delay + this.hopDelay());
  }

  plug(other: Ether, delay: number): void {
    this.other = other;
    this.delay = delay;
    this.link();
    other.link();
  }

  unplug(): void {
    const other = this.other;
    this.other = null;
    this.carrierOff();
    if (other) {
      other.other = null;
      other.carrierOff();
    }
  }

  private link(): void {
    if (this.other) this.carrierOn();
  }

  override leaveDyingNetns(): void {
    this.moveTo(this.ns.kernel.init, this.ns.kernel.init.device(this.name) ? 'dev%d' : undefined);
  }
}

/** Plugs a cable into two cards. */
export function connect(a: Ether, b: Ether, cable: Cable = { delay: 50 }): void {
  a.unplug();
  b.unplug();
  a.plug(b, cable.delay);
  b.plug(a, cable.delay);
}
