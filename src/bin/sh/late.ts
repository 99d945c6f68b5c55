/** What bash does not need for its first prompt, only for the first command: parser, expansions, builtins. engine.ts brings it. */

import type { stoppedJobs } from './builtins/control.ts';
import type { notifyJobs } from './builtins/jobs.ts';
import type { setOption } from './builtins/settings.ts';
import type { completeLine } from './complete.ts';
import type { expandQuotedText, tildeHome } from './expand.ts';
import type { editText, expandHistory, remember, saveHistory } from './history.ts';
import type { reportFault, runStatement, runText } from './interpret.ts';
import type { LineEditor } from './line/editor.ts';
import type { LineContext } from './line/types.ts';
import type { parseSource } from './source.ts';

export interface Engine {
  readonly completeLine: typeof completeLine;
  readonly editText: typeof editText;
  readonly expandHistory: typeof expandHistory;
  readonly expandQuotedText: typeof expandQuotedText;
  readonly lineEditor: (ctx: LineContext) => LineEditor;
  readonly notifyJobs: typeof notifyJobs;
  readonly parseSource: typeof parseSource;
  readonly remember: typeof remember;
  readonly reportFault: typeof reportFault;
  readonly runStatement: typeof runStatement;
  readonly runText: typeof runText;
  readonly saveHistory: typeof saveHistory;
  readonly setOption: typeof setOption;
  readonly stoppedJobs: typeof stoppedJobs;
  readonly tildeHome: typeof tildeHome;
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
