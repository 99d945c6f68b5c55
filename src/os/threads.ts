/** Threads within a process: several tasks that share its descriptors, run in turn. Models clone(CLONE_THREAD) as pthreads use it */

import type { WaitQueue } from '../sim/wait.ts';
import type { Process } from './process.ts';
import type { Task, Wait, Wake } from './program.ts';

interface Thread {
  task: Task<void>;
  /** Null: to be run at once. */
  wait: Wait | null;
}

export class Threads {
  private readonly p: Process;
  private readonly threads = new Set<Thread>();

  constructor(p: Process) {
    this.p = p;
  }

  start(task: Task<void>): void {
    this.threads.add({ task, wait: null });
  }

  get size(): number {
    return this.threads.size;
  }

  /** Runs until every thread has ended. A thread may be woken without need: it must look at its condition again. */
  *run(): Task<void> {
    let wake: Wake = 'woken';
    while (this.threads.size > 0) {
      const now = this.p.sim.now;
      for (const t of [...this.threads]) {
        const due = t.wait?.until !== undefined && t.wait.until <= now;
        const queued = (t.wait?.on?.length ?? 0) > 0;
        if (t.wait && !due && !queued && wake !== 'signal') continue;
        this.step(t, t.wait === null ? 'woken' : wake === 'signal' ? 'signal' : due ? 'timeout' : 'woken');
      }
      const on: WaitQueue[] = [];
      let until: number | undefined;
      let ready = false;
      for (const { wait } of this.threads) {
        if (wait === null) ready = true;
        else {
          if (wait.on) on.push(...wait.on);
          if (wait.until !== undefined && (until === undefined || wait.until < until)) until = wait.until;
        }
      }
      if (ready) continue;
      if (on.length === 0 && until === undefined) return;
      wake = yield { on, until };
    }
  }

  private step(t: Thread, wake: Wake): void {
    const r = t.task.next(wake);
    if (r.done) {
      this.threads.delete(t);
      return;
    }
    const w = r.value;
    const giveWay = w.until === undefined && (w.on?.length ?? 0) === 0;
    t.wait = giveWay ? { until: this.p.sim.now + (w.cost ?? 20) } : w;
  }
}

/** Runs a task up to a point in time; null when it had not ended by then (its finally blocks have run). */
export function* timeLimit<T>(p: Process, task: Task<T>, deadline: number | undefined): Task<T | null> {
  if (deadline === undefined) return yield* task;
  let wake: Wake = 'woken';
  for (;;) {
    const r = task.next(wake);
    if (r.done) return r.value;
    const w = r.value;
    const giveWay = w.until === undefined && (w.on?.length ?? 0) === 0;
    const own = giveWay ? p.sim.now + (w.cost ?? 20) : w.until;
    wake = yield { on: w.on ?? [], until: own === undefined ? deadline : Math.min(own, deadline) };
    if (p.sim.now >= deadline && wake === 'timeout') {
      task.return(undefined as T);
      return null;
    }
  }
}
