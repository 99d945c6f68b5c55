/** Runs in the browser under test: grades a log again and again and tells the trace hashes. */

import { clusterWorlds } from '../../lab/cluster.ts';
import { grade } from '../../lab/grade.ts';
import type { Lab } from '../../lab/lab.ts';
import type { SubmissionLog } from '../../lab/log.ts';
import { WORLDS } from '../../lab/world.ts';

Object.assign(WORLDS, clusterWorlds);

declare global {
  var gradeHashes: (lab: Lab, log: SubmissionLog, times: number) => string[];
}

globalThis.gradeHashes = (lab, log, times) => Array.from({ length: times }, () => grade(lab, log).traceHash);
