/** Trace events of frames at devices. */

import type { Skb } from '../skb.ts';
import type { NetDevice } from './device.ts';

declare module '../../sim/trace.ts' {
  interface TraceEvents {
    /** A frame left by a device / came in at one; `bytes` is the whole Ethernet frame. */
    'net.tx': { skb: number; parent: number; host: string; ns: string; dev: string; bytes: Uint8Array };
    'net.rx': { skb: number; parent: number; host: string; ns: string; dev: string; bytes: Uint8Array };
    /** The packet ended here; the reason is the lesson (`NO_ROUTE`, `NEIGH_FAILED` …). */
    'net.drop': { skb: number; parent: number; host: string; ns: string; dev: string; reason: string };
  }
}

/** Reports a dropped packet at a device. */
export function netDrop(skb: Skb, dev: NetDevice, reason: string): void {
  const trace = skb.sim.trace;
  if (!trace.on) return;
  const kernel = dev.ns.kernel;
  trace.emit(
    'net.drop',
    { skb: skb.id, parent: skb.parent, host: kernel.hostname, ns: kernel.nameOf(dev.ns) ?? '', dev: dev.name, reason },
    skb,
    dev.ns,
  );
}
