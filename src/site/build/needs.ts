/** Which programs run while a world is made, before anybody has typed: only those have to be there before the prompt. */

import { commands } from '../../bin/index.ts';
import { late, provideEngine } from '../../bin/sh/late.ts';
import { labIds, loadLab } from '../../cli/labs.ts';
import { PROGRAM_HORIZON } from '../../host/protocol.ts';
import { createSession } from '../../lab/session.ts';
import { loadWorld } from '../../lab/world.ts';

/** Stands for what bash runs commands with. */
export const ENGINE = 'bash engine';

const SEEDS = [1, 2, 3];

/** By lab: names of programs, and ENGINE where a script ran. */
export async function neededAtStart(): Promise<Record<string, string[]>> {
  let seen = new Set<string>();
  const restore = commands.map((command) => {
    const { main } = command;
    const open = command as { main: typeof main };
    open.main = (p) => {
      seen.add(command.name);
      return main(p);
    };
    return () => {
      open.main = main;
    };
  });
  const engine = late();
  provideEngine(
    new Proxy(engine, {
      get(target, name) {
        seen.add(ENGINE);
        return Reflect.get(target, name);
      },
    }),
  );
  const needed: Record<string, string[]> = {};
  for (const id of labIds()) {
    const lab = loadLab(id);
    await loadWorld(lab);
    seen = new Set();
    for (const seed of SEEDS) {
      const session = createSession({ lab, seed });
      for (const host of session.info.hosts) session.openTerminal(host.id, { cols: 80, rows: 24, onData: () => undefined });
      session.run(session.now + PROGRAM_HORIZON, () => true);
    }
    needed[id] = [...seen].sort();
  }
  for (const back of restore) back();
  provideEngine(engine);
  return needed;
}
