/** A worker thread of bulk grading: a file in, its result on disk, a word about it back. */

import { parentPort, workerData } from 'node:worker_threads';
import { type Brief, type GradeSettings, gradeFile, type Item } from './one.ts';
import type { Outcome } from './pool.ts';

const answer = (outcome: Outcome<Brief>): void => parentPort?.postMessage(outcome);

parentPort?.on('message', (item: Item) => {
  gradeFile(item, workerData as GradeSettings).then(
    (value) => answer({ ok: true, value }),
    (e: unknown) => answer({ ok: false, why: e instanceof Error ? e.message : String(e), lost: false }),
  );
});
parentPort?.postMessage('ready');
