/** Gives bash what it runs commands with. The browser loads it with the other programs, after the first prompt. */

import { stoppedJobs } from './builtins/control.ts';
import { notifyJobs } from './builtins/jobs.ts';
import { setOption } from './builtins/settings.ts';
import { completeLine } from './complete.ts';
import { expandQuotedText, tildeHome } from './expand.ts';
import { editText, expandHistory, remember, saveHistory } from './history.ts';
import { reportFault, runStatement, runText } from './interpret.ts';
import { provideEngine } from './late.ts';
import { LineEditor } from './line/editor.ts';
import { parseSource } from './source.ts';

provideEngine({
  completeLine,
  editText,
  expandHistory,
  expandQuotedText,
  lineEditor: (ctx) => new LineEditor(ctx),
  notifyJobs,
  parseSource,
  remember,
  reportFault,
  runStatement,
  runText,
  saveHistory,
  setOption,
  stoppedJobs,
  tildeHome,
});
