/** Subshells: a copy of the shell in a child process. Models execute_in_subshell of bash */

import type { OpenFile } from '../../os/file.ts';
import type { Process, Task } from '../../os/process.ts';
import { SEC } from '../../sim/sim.ts';
import { Abandon, ExitShell, Interrupted, LoopControl, ReturnFrom, type Shell } from './state.ts';
import { runExitTrap } from './traps.ts';
import { OutOfMemory } from './vars.ts';

export interface ForkOptions {
  fds?: Map<number, OpenFile>;
  /** Process group: 0 founds one, a number joins it. */
  group?: number;
  /** Runs asynchronously without job control: SIGINT and SIGQUIT are ignored. */
  ignoreKeyboard?: boolean;
}

/** Runs `body` in a child. Tries again for a while when there are too many processes, as bash does. */
export function* forkShell(sh: Shell, body: (child: Shell) => Task<number>, opts: ForkOptions = {}): Task<Process> {
  for (let attempt = 0; ; attempt++) {
    const child = sh.clone(sh.jobs.copy());
    const r = sh.p.fork((p) => subshell(child, p, body), {
      fds: opts.fds ?? sh.p.fds,
      ...(opts.group !== undefined ? { newGroup: opts.group } : {}),
    });
    if (r.ok) {
      const p = r.value;
      child.p = p;
      if (opts.ignoreKeyboard) {
        p.onSignal('INT', 'ignore');
        p.onSignal('QUIT', 'ignore');
      }
      sh.releaseSignals(p);
      return p;
    }
    if (attempt >= 4) {
      yield* sh.p.err(`${sh.shortName}: fork: Resource temporarily unavailable\n`);
      throw new Abandon(254, true);
    }
    yield* sh.p.err(`${sh.shortName}: fork: retry: Resource temporarily unavailable\n`);
    yield* sh.p.sleep((1 << attempt) * SEC);
    if (sh.interrupted) throw new Interrupted();
  }
}

function* subshell(sh: Shell, p: Process, body: (child: Shell) => Task<number>): Task<number> {
  sh.p = p;
  sh.noErrexit = 0;
  return yield* guarded(sh, body(sh));
}

/** Runs a whole shell: exits, stray returns and abandoned commands become its status; then the EXIT trap. */
export function* guarded(sh: Shell, task: Task<number>): Task<number> {
  try {
    sh.status = yield* task;
  } catch (e) {
    if (e instanceof OutOfMemory) yield* outOfMemory(sh, e);
    sh.status = e instanceof OutOfMemory ? 2 : statusOf(e);
  }
  return yield* runExitTrap(sh);
}

/** The shell cannot go on. */
export function* outOfMemory(sh: Shell, e: OutOfMemory): Task<void> {
  yield* sh.warn(`xrealloc: cannot allocate ${e.bytes} bytes`);
}

/** The exit status that an unwinding stands for; other exceptions are bugs and go on. */
export function statusOf(e: unknown): number {
  if (e instanceof ExitShell || e instanceof ReturnFrom || e instanceof Abandon) return e.status;
  if (e instanceof LoopControl) return 0;
  if (e instanceof Interrupted) return 130;
  throw e;
}
