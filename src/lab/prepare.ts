/** A lab's world as the learner finds it: built, files in place, set up, and broken as the lab says. */

import { drive, startCommand } from '../os/run.ts';
import { SEC } from '../sim/sim.ts';
import type { Lab, Preparation } from './lab.ts';
import { holds } from './parameters.ts';
import { GROWING, WORLDS, type World } from './world.ts';

export class PrepareError extends Error {
  override readonly name = 'PrepareError';
}

/** Events of a part. */
const EVENTS_PER_PART = 64;
/** Virtual time for one step, as for any command that is run from outside. */
const STEP_TIME = 90 * SEC;

/** The world part by part. @throws PrepareError naming the lab and the step: a fault of the lab, never of a learner. */
export function* preparing(lab: Lab): Generator<void, World> {
  const build = WORLDS[lab.world];
  if (!build) throw new PrepareError(`lab ${lab.id}: there is no world "${lab.world}"; there are: ${Object.keys(WORLDS).join(', ')}`);
  const grow = GROWING[lab.world];
  const world = grow ? yield* grow(lab.seed, lab.overrides) : build(lab.seed, lab.overrides);
  const hostOf = (id: string, what: string) => {
    const host = world.hosts.get(id);
    if (!host) throw new PrepareError(`lab ${lab.id}: ${what}: there is no host "${id}"; there are: ${[...world.hosts.keys()].join(', ')}`);
    return host;
  };
  for (const { from, on, to } of lab.place) {
    const { machine } = hostOf(on, `place ${from}`);
    machine.directory(to.slice(0, to.lastIndexOf('/')));
    machine.init.writeFile(to, lab.files[from] ?? '');
  }
  const run = function* (list: readonly Preparation[], what: string): Generator<void> {
    for (const [i, step] of list.entries()) {
      if (!holds(step.when)) continue;
      const host = hostOf(step.on, `${what} ${i + 1}`);
      const job = startCommand(host.machine, step.run, { ns: host.ns, enter: host.enter });
      const until = world.sim.now + STEP_TIME;
      while (world.sim.now < until && !drive(world.sim, () => job.done, { micros: until - world.sim.now, steps: EVENTS_PER_PART })) yield;
      const r = job.finish();
      if (r.exitCode !== 0)
        throw new PrepareError(`lab ${lab.id}: ${what} ${i + 1} on ${step.on} ended with ${r.exitCode}: ${r.stderr || r.stdout}`);
    }
  };
  yield* run(lab.setup, 'setup');
  yield* run(lab.faults, 'faults');
  return world;
}
