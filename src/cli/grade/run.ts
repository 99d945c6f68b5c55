/** Bulk grading: all submissions on all cores, each result on disk as soon as it is there. */

import { type Result, ungraded } from '../../lab/result/result.ts';
import { parseSubmission } from '../../lab/submission-file.ts';
import { type Brief, briefOf, fileHash, type GradeSettings, type Item, readBytes, writeResult } from './one.ts';
import { pool } from './pool.ts';
import type { Progress } from './progress.ts';

export interface BulkSettings extends GradeSettings {
  readonly jobs: number;
  /** Wall-clock limit of one submission. */
  readonly seconds: number;
  /** Heap of a worker in MB. */
  readonly heap: number;
}

export const HEAP = 1024;

/** Grades every item; what breaks a worker down is that item's result. */
export async function bulk(items: readonly Item[], settings: BulkSettings, progress: Progress | null = null): Promise<Brief[]> {
  const briefs: Brief[] = [];
  const { jobs, seconds, heap, ...data } = settings;
  const script = new URL('./worker.ts', import.meta.url);
  let bad = 0;
  await pool<Item, Brief>(items, { script, workers: jobs, seconds, heap, data }, (i, outcome) => {
    const item = items[i] as Item;
    if (outcome.ok) briefs[i] = outcome.value;
    else {
      const result = lost(item, outcome.why);
      writeResult(item.out, result);
      briefs[i] = briefOf(result);
    }
    if (briefs[i]?.status !== 'graded') bad++;
    progress?.step(bad > 0 ? `, ${bad} not graded` : '');
  });
  progress?.end();
  return briefs;
}

/** The result of a submission that broke its worker down; whose it is can be told without grading it. */
function lost({ path }: Item, why: string): Result {
  const bytes = readBytes(path);
  const submission = fileHash(bytes);
  try {
    return ungraded({ submission, parsed: parseSubmission(bytes) }, 'failed', why);
  } catch {
    return ungraded({ submission }, 'failed', why);
  }
}

/** What came of it, in a line. */
export function summary(briefs: readonly Brief[], seconds: number, jobs: number): string {
  const count = (is: (b: Brief) => boolean): number => briefs.filter(is).length;
  const graded = briefs.filter((b) => b.status === 'graded');
  const mean = graded.reduce((n, b) => n + b.score, 0) / graded.length;
  const kept = count((b) => b.kept);
  const parts = [
    `${graded.length} graded`,
    ...(kept > 0 ? [`${kept} of them before`] : []),
    `${count((b) => b.passed)} passed`,
    ...(graded.length > 0 ? [`mean ${(mean * 100).toFixed(1)} %`] : []),
    `${count((b) => b.status === 'graded' && !b.intact)} not intact`,
    `${count((b) => b.status === 'refused')} refused`,
    `${count((b) => b.status === 'failed')} failed`,
  ];
  return `${briefs.length} submissions: ${parts.join(', ')}; ${seconds.toFixed(1)} s with ${jobs} ${jobs === 1 ? 'worker' : 'workers'}`;
}
