/** Gives bash what it runs commands with. The browser loads it with the other programs, after the first prompt. */

import { stoppedJobs } from './builtins/control.ts';
import { notifyJobs } from './builtins/jobs.ts';
import { setOption } from './builtins/settings.ts';
import { askProgram, completeLine } from './complete.ts';
import { expandQuotedText } from './expand.ts';
import { reportFault, runStatement, runText } from './interpret.ts';
import { provideEngine } from './late.ts';
import { parseSource } from './source.ts';

provideEngine({
  askProgram,
  completeLine,
  expandQuotedText,
  notifyJobs,
  parseSource,
  reportFault,
  runStatement,
  runText,
  setOption,
  stoppedJobs,
});
