/** Threads that are scheduled each on its own, within one process. Models clone(CLONE_THREAD) as Go's and Java's servers use it; threads.ts runs them in turn */

import type { Timer } from '../sim/sim.ts';
import type { WaitQueue } from '../sim/wait.ts';
import type { Process } from './process.ts';
import type { Task, Wait, Wake } from './program.ts';

const YIELD_COST = 20;
const NO_QUEUES: readonly WaitQueue[] = [];

export class Thread {
  private readonly p: Process;
  private readonly task: Task<void>;
  private queues: readonly WaitQueue[] = NO_QUEUES;
  private timer: Timer | null = null;
  private over = false;
  private readonly woken = (): void => {
    this.leave();
    this.timer = this.p.sim.schedule(0, () => this.step('woken'));
  };

  constructor(p: Process, task: Task<void>) {
    this.p = p;
    this.task = task;
    p.threads.add(this);
    this.timer = p.sim.schedule(0, () => this.step('woken'));
  }

  get ended(): boolean {
    return this.over;
  }

  /** Ends it where it waits; its finally blocks run to their end without giving way. */
  stop(): void {
    if (this.over) return;
    this.leave();
    this.end();
    for (let i = 0; i < 1000; i++) if (this.task.return().done) break;
  }

  private end(): void {
    this.over = true;
    this.p.threads.delete(this);
  }

  private leave(): void {
    for (const q of this.queues) q.remove(this.woken);
    this.queues = NO_QUEUES;
    this.p.sim.cancel(this.timer);
    this.timer = null;
  }

  private step(wake: Wake): void {
    this.leave();
    if (this.over) return;
    const { machine } = this.p;
    const before = machine.current;
    machine.current = this.p;
    machine.kernel.socketVrf = this.p.vrf;
    let r: IteratorResult<Wait, void>;
    try {
      r = this.task.next(wake);
    } finally {
      machine.current = before;
    }
    if (r.done) this.end();
    else if (!this.over) this.park(r.value);
  }

  private park({ on, until, cost }: Wait): void {
    const { sim } = this.p;
    if ((!on || on.length === 0) && until === undefined) {
      this.timer = sim.schedule(cost ?? YIELD_COST, () => this.step('woken'));
      return;
    }
    if (on && on.length > 0) {
      this.queues = on;
      for (const q of on) q.add(this.woken);
    }
    if (until !== undefined) this.timer = sim.at(until, () => this.step('timeout'));
  }
}

/** Runs `task` beside the process's own program until it ends or the process does. */
export function startThread(p: Process, task: Task<void>): Thread {
  return new Thread(p, task);
}
