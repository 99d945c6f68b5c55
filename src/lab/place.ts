/** Where a probe starts: `host` or `host/netns`. */

import type { Netns } from '../net/netns.ts';
import type { Machine } from '../os/machine.ts';
import type { World } from './world.ts';

export interface Spot {
  readonly machine: Machine;
  readonly ns: Netns;
}

/** The machine and namespace of a place; a text that says what is missing otherwise. */
export function locate(world: World, place: string): Spot | string {
  const [id = '', netns] = place.split('/');
  const host = world.hosts.get(id);
  if (!host) return `there is no host ${id}`;
  if (netns === undefined) return { machine: host.machine, ns: host.ns };
  const ns = host.machine.kernel.named.get(netns);
  return ns ? { machine: host.machine, ns } : `there is no network namespace ${netns} on ${id}`;
}
