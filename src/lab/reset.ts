/** What is forgotten and put right before probes: caches, learned entries, and whatever the cluster's own components would overwrite. */

import { Bridge } from '../net/dev/bridge.ts';
import { flushCache } from '../net/ip/route.ts';
import { NUD_NOARP, NUD_PERMANENT } from '../net/neigh/nud.ts';
import type { World } from './world.ts';

/** Forgets neighbour, conntrack and path MTU caches and learned bridge entries, so that nothing passes only because it did before. */
export function forgetCaches(world: World): void {
  const kernels = new Set([...world.hosts.values()].map((h) => h.machine.kernel));
  for (const kernel of kernels) {
    for (const ns of new Set([kernel.init, ...kernel.named.values()])) {
      for (const n of ns.neigh.list()) if (!(n.state & (NUD_PERMANENT | NUD_NOARP))) ns.neigh.del(n.dev, n.ip);
      ns.ct.flush(0);
      flushCache(ns, 4);
      flushCache(ns, 6);
      for (const dev of ns.devices.values()) if (dev instanceof Bridge) dev.fdb.flush((e) => !e.local && !e.static);
    }
  }
}

/** The reset before every grade: components finish what they are at and write what is theirs anew, then nobody remembers anything. */
export function reset(world: World): void {
  const operations = world.kube?.operations;
  operations?.settle();
  operations?.resync(true);
  forgetCaches(world);
}
