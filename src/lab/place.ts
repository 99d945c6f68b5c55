/** Where a probe starts: `host` or `host/netns`. */

import type { Netns } from '../net/netns.ts';
import type { Machine } from '../os/machine.ts';
import type { World } from './world.ts';

export interface Spot {
  readonly machine: Machine;
  readonly ns: Netns;
  readonly world: World;
}

/** How people call a machine's namespace: `pod web-a` rather than its name under /run/netns. */
export function nameOf(world: World, hostname: string, netns: string): string {
  if (netns === '') return hostname;
  for (const h of world.hosts.values())
    if (h.kind === 'pod' && h.machine.kernel.hostname === hostname && h.machine.kernel.nameOf(h.ns) === netns) return h.title;
  return `${hostname}, netns ${netns},`;
}

/** The machine and namespace of a place; a text that says what is missing otherwise. */
export function locate(world: World, place: string): Spot | string {
  const [id = '', netns] = place.split('/');
  const host = world.hosts.get(id);
  if (!host) return `there is no host ${id}`;
  if (netns === undefined) return { machine: host.machine, ns: host.ns, world };
  const ns = host.machine.kernel.named.get(netns);
  return ns ? { machine: host.machine, ns, world } : `there is no network namespace ${netns} on ${id}`;
}
