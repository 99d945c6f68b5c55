/** Jobs over worker threads: one that crashes or never ends is one failed job and not the end of the run. */

import { Worker } from 'node:worker_threads';
import type { TestAnswer, TestJob } from './worker.ts';

/** Wall-clock seconds of one job. */
const PATIENCE = 600;
const HEAP_MB = 1500;

function ask(worker: Worker, job: TestJob): Promise<TestAnswer & { dead?: boolean }> {
  return new Promise((resolve) => {
    const done = (answer: TestAnswer & { dead?: boolean }): void => {
      clearTimeout(timer);
      worker.off('message', done).off('error', failed).off('exit', ended);
      resolve(answer);
    };
    const failed = (e: unknown): void => done({ ok: false, why: e instanceof Error ? (e.stack ?? e.message) : String(e), dead: true });
    const ended = (code: number): void => done({ ok: false, why: `the worker ended with ${code}`, dead: true });
    const timer = setTimeout(() => done({ ok: false, why: `no end after ${PATIENCE} s`, dead: true }), PATIENCE * 1000);
    worker.on('message', done).on('error', failed).on('exit', ended);
    worker.postMessage(job);
  });
}

/** One answer for each job, in their order; `told` hears of each as it comes. */
export async function inWorkers(
  jobs: readonly TestJob[],
  lanes: number,
  told: (done: number, answer: TestAnswer) => void,
): Promise<TestAnswer[]> {
  const answers: TestAnswer[] = [];
  let next = 0;
  let count = 0;
  const lane = async (): Promise<void> => {
    let worker: Worker | null = null;
    while (next < jobs.length) {
      const i = next++;
      worker ??= new Worker(new URL('./worker.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
      const { dead, ...answer } = await ask(worker, jobs[i] as TestJob);
      answers[i] = answer as TestAnswer;
      told(++count, answer as TestAnswer);
      if (dead) {
        await worker.terminate();
        worker = null;
      }
    }
    await worker?.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(jobs.length, lanes) }, lane));
  return answers;
}
