/** A lab's world as the learner finds it: built, files in place, set up, and broken as the lab says. */

import { startCommand } from '../os/run.ts';
import type { Lab, Preparation } from './lab.ts';
import { holds } from './parameters.ts';
import { WORLDS, type World } from './world.ts';

export class PrepareError extends Error {
  override readonly name = 'PrepareError';
}

/** @throws PrepareError naming the lab and the step: a fault of the lab, never of a learner. */
export function prepare(lab: Lab): World {
  const build = WORLDS[lab.world];
  if (!build) throw new PrepareError(`lab ${lab.id}: there is no world "${lab.world}"; there are: ${Object.keys(WORLDS).join(', ')}`);
  const world = build(lab.seed, lab.overrides);
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
  const run = (list: readonly Preparation[], what: string): void => {
    list.forEach((step, i) => {
      if (!holds(step.when)) return;
      const host = hostOf(step.on, `${what} ${i + 1}`);
      const r = startCommand(host.machine, step.run, { ns: host.ns, enter: host.enter }).finish();
      if (r.exitCode !== 0)
        throw new PrepareError(`lab ${lab.id}: ${what} ${i + 1} on ${step.on} ended with ${r.exitCode}: ${r.stderr || r.stdout}`);
    });
  };
  run(lab.setup, 'setup');
  run(lab.faults, 'faults');
  return world;
}
