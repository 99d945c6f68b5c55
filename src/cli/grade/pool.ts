/** Worker threads that may crash, hang or run out of memory: then one item is lost, and a fresh worker takes the next. */

import { Worker } from 'node:worker_threads';

export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  /** `lost`: the worker itself was lost, and not only its item. */
  | { readonly ok: false; readonly why: string; readonly lost: boolean };

export interface PoolOptions {
  /** Module that answers each message with an Outcome, after a first message that says that it is loaded. */
  readonly script: URL;
  readonly workers: number;
  /** Wall-clock limit of one item in seconds. */
  readonly seconds: number;
  /** Heap of a worker in MB. */
  readonly heap: number;
  /** What every worker is given at its start. */
  readonly data: unknown;
}

/** Hands items to workers and tells each outcome as it comes, with the index of its item. @throws what keeps workers from loading. */
export async function pool<In, Out>(
  items: readonly In[],
  opts: PoolOptions,
  done: (index: number, outcome: Outcome<Out>) => void,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    let worker: Worker | null = null;
    while (next < items.length) {
      const i = next++;
      const fresh: boolean = worker === null;
      worker ??= await started(opts);
      let outcome: Outcome<Out> = await ask(worker, items[i], opts.seconds);
      if (!outcome.ok && outcome.lost) {
        await worker.terminate();
        worker = null;
        // What earlier items left behind may have killed it: on its own the item has a second chance, unless it took too long.
        if (!fresh && !outcome.why.startsWith('no end')) {
          worker = await started(opts);
          outcome = await ask(worker, items[i], opts.seconds);
          if (!outcome.ok && outcome.lost) {
            await worker.terminate();
            worker = null;
          }
        }
      }
      done(i, outcome);
    }
    await worker?.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(items.length, opts.workers) }, lane));
}

function started({ script, heap, data }: PoolOptions): Promise<Worker> {
  const worker = new Worker(script, { workerData: data, resourceLimits: { maxOldGenerationSizeMb: heap }, stdout: true, stderr: true });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', () => {
      worker.off('error', reject);
      resolve(worker);
    });
  });
}

function ask<Out>(worker: Worker, item: unknown, seconds: number): Promise<Outcome<Out>> {
  return new Promise((resolve) => {
    const end = (outcome: Outcome<Out>): void => {
      clearTimeout(timer);
      worker.off('message', end).off('error', failed).off('exit', ended);
      resolve(outcome);
    };
    const lost = (why: string): void => end({ ok: false, why, lost: true });
    const failed = (e: unknown): void => lost(e instanceof Error ? `the grader broke down: ${e.message}` : String(e));
    const ended = (code: number): void => lost(`the grader ended with ${code}`);
    const timer = setTimeout(() => lost(`no end after ${seconds} s`), seconds * 1000);
    worker.on('message', end).on('error', failed).on('exit', ended);
    worker.postMessage(item);
  });
}
