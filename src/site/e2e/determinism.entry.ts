/** Runs in the browser under test: grades a log and tells the report, with the hash of its trace. */

import { grade } from '../../lab/grade.ts';
import type { LabSource } from '../../lab/lab.ts';
import type { SubmissionLog } from '../../lab/log.ts';
import { loadWorld } from '../../lab/world.ts';

declare global {
  var gradeReports: (lab: LabSource, log: SubmissionLog, times: number) => Promise<string[]>;
}

globalThis.gradeReports = async (lab, log, times) => {
  await loadWorld(lab);
  return Array.from({ length: times }, () => JSON.stringify(grade(lab, log, { hash: true })));
};
