/** Sending and receiving frames: taps, rx handlers, hand-over to the protocols. Models net/core/dev.c */

import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { arpReceive } from '../neigh/arp.ts';
import type { Stack } from '../sched/sched.ts';
import type { Skb } from '../skb.ts';
import type { NetDevice } from './device.ts';
import { runProgram } from './tcx.ts';
import { netDrop } from './trace.ts';
import { vlanReceive } from './vlan.ts';
import { vrfReceive } from './vrf.ts';

/** A tunnel's packet may go into a tunnel again, but not for ever. */
const XMIT_RECURSION_LIMIT = 8;

/** Sends a frame whose `dev` and Ethernet fields are set. Models __dev_queue_xmit(). */
export function devQueueXmit(skb: Skb): void {
  const dev = skb.dev as NetDevice;
  if (dev.nfEgress !== null && dev.ns.nf.hookFrame(dev.nfEgress, skb, null, dev) !== 'accept') return;
  if (dev.tcx !== null && dev.tcx.egress !== null && !runProgram(dev.tcx.egress, skb, dev)) return;
  if (!dev.up || !dev.registered) {
    netDrop(skb, dev, 'DEV_DOWN');
    return;
  }
  if (!dev.active) {
    netDrop(skb, dev, 'NO_CARRIER');
    return;
  }
  if (dev.sched !== null) {
    dev.sched.transmit(skb);
    return;
  }
  const { kernel } = dev.ns;
  if (kernel.xmitDepth > XMIT_RECURSION_LIMIT) {
    kernel.printk(`Dead loop on virtual device ${dev.name}, fix it urgently!`);
    dev.stats.txDropped++;
    netDrop(skb, dev, 'RECURSION');
    return;
  }
  kernel.xmitDepth++;
  startXmit(skb);
  kernel.xmitDepth--;
}

/** Past the queues: shows the frame to packet sockets and hands it to the device. Models dev_hard_start_xmit() */
function startXmit(skb: Skb): void {
  const dev = skb.dev as NetDevice;
  const ns = dev.ns;
  if (skb.csumBytes > 0 && dev.noTxChecksum) skb.checksumHelp();
  if (ns.taps.size > 0) {
    const type = skb.type;
    skb.type = 'outgoing';
    for (const tap of ns.taps) if (tap.dev === null || tap.dev === dev) tap.receive(skb);
    skb.type = type;
  }
  const trace = skb.sim.trace;
  if (trace.on) {
    const at = { host: ns.kernel.hostname, ns: ns.kernel.nameOf(ns) ?? '', dev: dev.name };
    trace.emit('net.tx', { skb: skb.id, parent: skb.parent, ...at, bytes: skb.frame() }, skb, ns);
  }
  dev.xmit(skb);
}

/** A frame has arrived at `skb.dev`, with Ethernet fields and `type` set. Models __netif_receive_skb_core(). */
export function netifReceive(skb: Skb): void {
  const dev = skb.dev as NetDevice;
  const ns = dev.ns;
  if (!dev.up || !ns.alive) {
    netDrop(skb, dev, 'DEV_DOWN');
    return;
  }
  skb.iif = dev;
  const trace = skb.sim.trace;
  if (trace.on) {
    const at = { host: ns.kernel.hostname, ns: ns.kernel.nameOf(ns) ?? '', dev: dev.name };
    trace.emit('net.rx', { skb: skb.id, parent: skb.parent, ...at, bytes: skb.frame() }, skb, ns);
  }
  if (ns.taps.size > 0) for (const tap of ns.taps) if (tap.dev === null || tap.dev === dev) tap.receive(skb);
  if (dev.tcx !== null && dev.tcx.ingress !== null && !runProgram(dev.tcx.ingress, skb, dev)) return;
  if (dev.sched === null || dev.sched.receive(skb)) deliver(skb);
}

/** Past taps and filters: who takes the frame. */
function deliver(skb: Skb): void {
  const dev = skb.dev as NetDevice;
  const ns = dev.ns;
  if (dev.nfIngress !== null && ns.nf.hookFrame(dev.nfIngress, skb, dev, null) !== 'accept') return;
  if (skb.vlan !== null && dev.vlans !== null && vlanReceive(skb, dev)) {
    netifReceive(skb);
    return;
  }
  if (dev.rxHandler?.(skb)) return;
  if (skb.vlan !== null) {
    dev.stats.rxDropped++;
    netDrop(skb, dev, 'OTHERHOST');
    return;
  }
  if (dev.master !== null && dev.master.l3table !== 0 && skb.proto !== ETH_P_ARP) {
    vrfReceive(skb, dev.master);
    return;
  }
  switch (skb.proto) {
    case ETH_P_IP:
      ns.ip4.receive(skb);
      return;
    case ETH_P_ARP:
      arpReceive(skb);
      return;
    case ETH_P_IPV6:
      ns.ip6.receive(skb);
      return;
    default:
      dev.stats.rxDropped++;
      netDrop(skb, dev, 'UNHANDLED_PROTO');
  }
}

/** How queueing disciplines go on with a packet. */
export const schedStack: Stack = { xmit: startXmit, queueXmit: devQueueXmit, receive: netifReceive, resume: deliver };
