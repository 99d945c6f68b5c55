/** Virtual Ethernet pair: what goes in at one end comes out at the other. Models drivers/net/veth.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { NetDevice } from './device.ts';
import { isForwardable, Lane } from './forward.ts';
import { netDrop } from './trace.ts';

export class Veth extends NetDevice {
  readonly kind = 'veth';
  peer: Veth | null = null;
  private readonly lane = new Lane();

  constructor(ns: Netns, name: string) {
    super(ns, name);
    this.maxMtu = 65535;
  }

  /** Registers both ends, the peer first, as `ip link add A type veth peer name B` does: so the peer has the lower index. */
  static pair(dev: Veth, peer: Veth, index?: number, peerIndex?: number): Result {
    const first = peer.register(peerIndex);
    if (!first.ok) return first;
    peer.carrierOff();
    dev.peer = peer;
    const second = dev.register(index);
    if (!second.ok) {
      dev.peer = null;
      peer.unregister();
      return second;
    }
    peer.peer = dev;
    dev.carrierOff();
    return ok();
  }

  override iflink(): number {
    return this.peer?.ifindex ?? 0;
  }

  override peerNs(): Netns | null {
    return this.peer && this.peer.ns !== this.ns ? this.peer.ns : null;
  }

  xmit(skb: Skb): void {
    const peer = this.peer;
    if (!peer?.up || !isForwardable(skb, peer)) {
      this.stats.txDropped++;
      skb.refused = true;
      netDrop(skb, this, peer?.up ? 'PKT_TOO_BIG' : 'DEV_DOWN');
      return;
    }
    const bytes = skb.data.length + 14;
    this.stats.txPackets++;
    this.stats.txBytes += bytes;
    peer.stats.rxPackets++;
    peer.stats.rxBytes += bytes;
    skb.scrub(peer.ns !== this.ns);
    this.lane.deliver(skb, peer, this.hopDelay());
  }

  protected override open(): Result {
    const peer = this.peer;
    if (!peer) return fail('ENOTCONN');
    return ok();
  }

  protected override opened(): void {
    if (this.peer?.up) {
      this.carrierOn();
      this.peer.carrierOn();
    }
  }

  protected override closed(): void {
    this.carrierOff();
    this.peer?.carrierOff();
  }

  /** The two ends let go of each other first, then both leave. Models veth_dellink(). */
  override unregister(): void {
    if (!this.registered) return;
    const peer = this.peer;
    this.peer = null;
    if (peer) peer.peer = null;
    super.unregister();
    peer?.unregister();
  }
}
