/** Carrier changes reach operstate and the routing tables late: urgent ones at once, others at most once a second. Models net/core/link_watch.c */

import { SEC, type Timer } from '../../sim/sim.ts';
import type { Kernel } from '../kernel.ts';
import type { NetDevice } from './device.ts';

interface Watch {
  pending: Set<NetDevice>;
  timer: Timer | null;
  nextEvent: number;
}

const watches = new WeakMap<Kernel, Watch>();

/** Scheduling latency of the kernel worker that handles an urgent event. */
const WORKER_DELAY = 30;

/** linkwatch_urgent_event(): stacked devices, and such as have their queue since they came up and may use it now that they have carrier. */
function isUrgent(dev: NetDevice): boolean {
  return dev.up && (dev.iflink() !== dev.ifindex || (dev.everUp && dev.carrier() && !dev.active));
}

export function linkwatchFire(dev: NetDevice): void {
  const kernel = dev.ns.kernel;
  let watch = watches.get(kernel);
  if (!watch) {
    watch = { pending: new Set(), timer: null, nextEvent: 0 };
    watches.set(kernel, watch);
  }
  const w = watch;
  w.pending.add(dev);
  const now = kernel.sim.now;
  const urgent = isUrgent(dev);
  let at = urgent ? now : Math.max(w.nextEvent, now);
  if (at - now > SEC) at = now;
  at += WORKER_DELAY;
  if (w.timer?.run) {
    if (w.timer.time <= at) return;
    kernel.sim.cancel(w.timer);
  }
  w.timer = kernel.sim.at(at, () => {
    w.timer = null;
    const urgentOnly = kernel.sim.now < w.nextEvent;
    if (!urgentOnly) w.nextEvent = kernel.sim.now + SEC;
    const devices = [...w.pending];
    w.pending.clear();
    const later: NetDevice[] = [];
    for (const d of devices) {
      if (!d.registered) continue;
      if (urgentOnly && !isUrgent(d)) later.push(d);
      else d.linkwatchDo();
    }
    for (const d of later) linkwatchFire(d);
  });
}

/** linkwatch_sync_dev(): who asks for one device by RTM_GETLINK gets its settled state (Linux 6.8). */
export function linkwatchSync(dev: NetDevice): void {
  const w = watches.get(dev.ns.kernel);
  if (w?.pending.delete(dev) && dev.registered) dev.linkwatchDo();
}
