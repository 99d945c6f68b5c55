/** Runs tasks in worker threads, so that one that crashes, hangs or eats the memory is one failed task and not the end of the run. */

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Task, Tasks } from './worker.ts';

export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export interface Isolation {
  /** Wall-clock limit of one item in seconds. */
  readonly seconds: number;
  /** Heap of a worker in MB. */
  readonly heap?: number;
  readonly workers?: number;
}

type Item<K extends Task> = Parameters<Tasks[K]>[0];
type Value<K extends Task> = ReturnType<Tasks[K]>;

/** One outcome for each item, in their order. */
export async function isolated<K extends Task>(task: K, items: readonly Item<K>[], limits: Isolation): Promise<Outcome<Value<K>>[]> {
  const outcomes: Outcome<Value<K>>[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    let worker: Worker | null = null;
    while (next < items.length) {
      const i = next++;
      worker ??= await started(limits.heap ?? 1500);
      const outcome: Outcome<Value<K>> & { dead?: boolean } = await ask(worker, task, items[i] as Item<K>, limits.seconds);
      outcomes[i] = outcome;
      if (outcome.dead) {
        await worker.terminate();
        worker = null;
      }
    }
    await worker?.terminate();
  };
  await Promise.all(Array.from({ length: Math.min(items.length, limits.workers ?? availableParallelism()) }, lane));
  return outcomes;
}

/** @throws what kept the worker from loading: that is no item's fault. */
function started(heap: number): Promise<Worker> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: heap } });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', () => {
      worker.off('error', reject);
      resolve(worker);
    });
  });
}

function ask<K extends Task>(worker: Worker, task: K, item: Item<K>, seconds: number): Promise<Outcome<Value<K>> & { dead?: boolean }> {
  return new Promise((resolve) => {
    const done = (outcome: Outcome<Value<K>> & { dead?: boolean }): void => {
      clearTimeout(timer);
      worker.off('message', done).off('error', failed).off('exit', ended);
      resolve(outcome);
    };
    const failed = (e: unknown): void => done({ ok: false, why: e instanceof Error ? (e.stack ?? e.message) : String(e), dead: true });
    const ended = (code: number): void => done({ ok: false, why: `worker ended with ${code}`, dead: true });
    const timer = setTimeout(() => done({ ok: false, why: `no end after ${seconds} s`, dead: true }), seconds * 1000);
    worker.on('message', done).on('error', failed).on('exit', ended);
    worker.postMessage({ task, item });
  });
}
