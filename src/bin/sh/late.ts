/** What bash does not need for its first prompt, only for the first command: parser, expansions, builtins. engine.ts brings it. */

import type { stoppedJobs } from './builtins/control.ts';
import type { notifyJobs } from './builtins/jobs.ts';
import type { setOption } from './builtins/settings.ts';
import type { askProgram, completeLine } from './complete.ts';
import type { expandQuotedText } from './expand.ts';
import type { reportFault, runStatement, runText } from './interpret.ts';
import type { parseSource } from './source.ts';

export interface Engine {
  readonly askProgram: typeof askProgram;
  readonly completeLine: typeof completeLine;
  readonly expandQuotedText: typeof expandQuotedText;
  readonly notifyJobs: typeof notifyJobs;
  readonly parseSource: typeof parseSource;
  readonly reportFault: typeof reportFault;
  readonly runStatement: typeof runStatement;
  readonly runText: typeof runText;
  readonly setOption: typeof setOption;
  readonly stoppedJobs: typeof stoppedJobs;
}

let engine: Engine | null = null;

export function provideEngine(given: Engine): void {
  engine = given;
}

/** @throws Error when a command runs before engine.ts is loaded: a bug of the host. */
export function late(): Engine {
  if (!engine)
    throw new Error('bash is to run something, but only its prompt is loaded: import bin/sh/engine.ts (or all of bin/index.ts) before');
  return engine;
}
