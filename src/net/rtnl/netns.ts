/** Named namespaces as under /run/netns: made, deleted. Models ip/ipnetns.c's use of the kernel */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { MS } from '../../sim/sim.ts';
import type { Kernel } from '../kernel.ts';
import type { Netns } from '../netns.ts';
import { forgetNetns } from './nsid.ts';

/** Every namespace that has a name, and the first one. */
function allNetns(kernel: Kernel): Netns[] {
  return [...new Set([kernel.init, ...kernel.named.values()])];
}

export function addNetns(kernel: Kernel, name: string): Result<Netns> {
  if (kernel.named.has(name)) return fail('EEXIST');
  const ns = kernel.newNetns();
  kernel.named.set(name, ns);
  return ok(ns);
}

/** cleanup_net() runs in a work queue: links of a namespace are seen for some milliseconds after it was left. */
const CLEANUP_DELAY = 6 * MS;

/** Takes the name away; the namespace ends when nothing else holds it (`held` processes, another name). */
export function delNetns(kernel: Kernel, name: string, held: (ns: Netns) => boolean): Result {
  const ns = kernel.named.get(name);
  if (!ns) return fail('ENOENT');
  kernel.named.delete(name);
  if (ns === kernel.init || held(ns) || [...kernel.named.values()].includes(ns)) return ok();
  kernel.sim.schedule(CLEANUP_DELAY, () => {
    if (held(ns)) return;
    ns.destroy();
    forgetNetns(allNetns(kernel), ns);
  });
  return ok();
}
