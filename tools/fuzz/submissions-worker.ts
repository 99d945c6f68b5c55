/** A worker of the submission fuzzer: a seed in, a verdict back. */

import { parentPort, workerData } from 'node:worker_threads';
import type { Outcome } from '../../src/cli/grade/pool.ts';
import { Oracle, type Verdict } from './oracle.ts';

const answer = (outcome: Outcome<Verdict>): void => parentPort?.postMessage(outcome);
const oracle = await Oracle.over(workerData as string[]);

parentPort?.on('message', (seed: number) => {
  oracle.judge(seed).then(
    (value) => answer({ ok: true, value }),
    (e: unknown) => answer({ ok: false, why: e instanceof Error ? (e.stack ?? e.message) : String(e), lost: false }),
  );
});
parentPort?.postMessage('ready');
