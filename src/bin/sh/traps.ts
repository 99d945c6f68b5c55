/** Traps: EXIT, ERR, DEBUG and signals. Models trap.c of bash */

import type { Task } from '../../os/process.ts';
import { late } from './late.ts';
import { ExitShell, Interrupted, type Shell } from './state.ts';

/** Runs the commands of traps whose signals came in. */
export function* runPendingTraps(sh: Shell): Task<void> {
  while (sh.pendingTraps.length > 0) {
    const name = sh.pendingTraps.shift() as string;
    yield* runTrap(sh, name);
  }
}

/** $? is what it was before the trap. */
export function* runTrap(sh: Shell, name: string): Task<void> {
  const action = sh.traps.get(name);
  if (!action) return;
  const { status } = sh;
  const wasIn = sh.inTrap;
  sh.inTrap = true;
  try {
    yield* late().runText(sh, action);
  } finally {
    sh.inTrap = wasIn;
  }
  sh.status = status;
}

/** The end of a shell: its EXIT trap may change the status by `exit`. */
export function* runExitTrap(sh: Shell): Task<number> {
  const action = sh.traps.get('EXIT');
  if (!action) return sh.status;
  sh.traps.delete('EXIT');
  const { status } = sh;
  try {
    yield* late().runText(sh, action);
    return status;
  } catch (e) {
    if (e instanceof ExitShell) return e.status;
    if (e instanceof Interrupted) return 130;
    return status;
  }
}
