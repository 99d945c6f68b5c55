/** Runs in the browser under test: grades a log again and again and tells the reports, trace hashes in them. */

import { clusterWorlds } from '../../lab/cluster.ts';
import { grade } from '../../lab/grade.ts';
import type { LabSource } from '../../lab/lab.ts';
import type { SubmissionLog } from '../../lab/log.ts';
import { WORLDS } from '../../lab/world.ts';

Object.assign(WORLDS, clusterWorlds);

declare global {
  var gradeReports: (lab: LabSource, log: SubmissionLog, times: number) => string[];
}

globalThis.gradeReports = (lab, log, times) => Array.from({ length: times }, () => JSON.stringify(grade(lab, log, { hash: true })));
