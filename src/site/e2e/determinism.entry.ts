/** Runs in the browser under test: grades a log again and again and tells the trace hashes. */

import { grade } from '../../lab/grade.ts';
import type { Lab } from '../../lab/lab.ts';
import type { SubmissionLog } from '../../lab/log.ts';

declare global {
  var gradeHashes: (lab: Lab, log: SubmissionLog, times: number) => string[];
}

globalThis.gradeHashes = (lab, log, times) => Array.from({ length: times }, () => grade(lab, log).traceHash);
