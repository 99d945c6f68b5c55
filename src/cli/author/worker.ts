/** A worker of `lab test` and `lab mutate`: one job after the other. */

import { parentPort } from 'node:worker_threads';
import { Trial, type Verdict } from '../../lab/mutate.ts';
import { type Proof, proveSeed } from '../../lab/prove.ts';
import { loadWorld } from '../../lab/world.ts';
import { loadLab } from '../labs.ts';

export type TestJob =
  | { readonly kind: 'prove'; readonly lab: string; readonly seed: number; readonly only: string }
  /** Every `parts`-th variant, from `part` on. */
  | {
      readonly kind: 'mutate';
      readonly lab: string;
      readonly seed: number;
      readonly part: number;
      readonly parts: number;
      readonly all: boolean;
    };

export type TestResult = { readonly proofs: readonly Proof[] } | { readonly verdicts: readonly Verdict[] };
export type TestAnswer = { readonly ok: true; readonly result: TestResult } | { readonly ok: false; readonly why: string };

async function run(job: TestJob): Promise<TestResult> {
  const source = loadLab(job.lab);
  await loadWorld(source);
  if (job.kind === 'prove') return { proofs: proveSeed(source, job.seed, job.only) };
  const trial = new Trial(source, job.seed, job.all);
  const mine = trial.mutants.flatMap((_, i) => (i % job.parts === job.part ? [i] : []));
  return { verdicts: mine.map((i) => trial.judge(i)) };
}

parentPort?.on('message', async (job: TestJob) => {
  let answer: TestAnswer;
  try {
    answer = { ok: true, result: await run(job) };
  } catch (e) {
    answer = { ok: false, why: e instanceof Error ? (e.name === 'LabError' ? e.message : (e.stack ?? e.message)) : String(e) };
  }
  parentPort?.postMessage(answer);
});
