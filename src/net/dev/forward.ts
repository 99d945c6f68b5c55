/** Handing a frame to another device of the same machine: a few microseconds later, in order. Models dev_forward_skb() and netif_rx() */

import type { Skb } from '../skb.ts';
import { netifReceive } from './core.ts';
import type { NetDevice } from './device.ts';
import { netDrop } from './trace.ts';

/** One direction of a cable or pair: later frames never overtake earlier ones. */
export class Lane {
  private last = 0;

  /** Delivers `skb` to `to` after `delay` µs; the skb belongs to the lane from here on. */
  deliver(skb: Skb, to: NetDevice, delay: number): void {
    const sim = skb.sim;
    const at = Math.max(sim.now + delay, this.last);
    this.last = at;
    sim.call(at, receiveAt, skb, to);
  }
}

/** A frame longer than MTU, header and one tag is refused, unless it is a TCP super-packet. */
export function isForwardable(skb: Skb, to: NetDevice): boolean {
  return skb.data.length <= to.mtu + 4 || skb.gsoSize > 0;
}

function receiveAt(skb: Skb, to: NetDevice): void {
  if (!to.registered || !to.up) {
    netDrop(skb, to, 'DEV_DOWN');
    return;
  }
  skb.dev = to;
  skb.type = to.classify(skb.ethDst);
  netifReceive(skb);
}
