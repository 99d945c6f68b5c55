/** Which world a simulation runs, for programs that ask about it. */

import type { Sim } from '../sim/sim.ts';
import type { World } from './world.ts';

const worlds = new WeakMap<Sim, World>();

/** Remembers a world that has been built. */
export function built<W extends World>(world: W): W {
  worlds.set(world.sim, world);
  return world;
}

/** Undefined while it is being built. */
export const worldOf = (sim: Sim): World | undefined => worlds.get(sim);
