/** A caller: a process that is in no table and costs no CPU, within which a probe's system calls are made. */

import { Process } from '../../os/process.ts';
import type { Task, Wait, Wake } from '../../os/program.ts';
import type { Micros, Sim, Timer } from '../../sim/sim.ts';
import type { Spot } from '../place.ts';

/** No real process gets this far. */
const PID = 0x3fffff;
/** Events of the whole simulation while probes run. */
const MAX_EVENTS = 400_000;

export function callerOf(spot: Spot): Process {
  const view = spot.machine.view(spot.ns);
  const env = spot.machine.baseEnv();
  const fds = new Map();
  return new Process(spot.machine, PID, null, ['probe'], { ...view, pidns: null, env, ...spot.view, fds, ns: spot.ns });
}

/** A task under way. */
export class Call<T> {
  readonly sim: Sim;
  readonly process: Process;
  /** Undefined until it has ended. */
  result: T | undefined = undefined;
  ended = false;
  /** When it is given up, virtual µs. */
  deadline: Micros;
  private readonly task: Task<T>;
  private readonly sent: ((first: number, last: number) => void) | null;
  private waits: Wait = {};
  private timer: Timer | null = null;
  private readonly woken = (): void => {
    this.leave();
    this.timer = this.sim.schedule(0, () => this.step('woken'));
  };

  /** `sent` hears of the packets that the task's own system calls have made. */
  constructor(spot: Spot, patience: Micros, body: (p: Process) => Task<T>, sent: ((first: number, last: number) => void) | null = null) {
    this.sim = spot.machine.sim;
    this.process = callerOf(spot);
    this.deadline = this.sim.now + patience;
    this.task = body(this.process);
    this.sent = sent;
    this.step('woken');
  }

  private step(wake: Wake): void {
    if (this.ended) return;
    this.leave();
    const { kernel } = this.process;
    const first = this.sim.packets + 1;
    kernel.socketVrf = null;
    const next = this.task.next(wake);
    if (this.sim.packets >= first) this.sent?.(first, this.sim.packets);
    if (next.done) {
      this.finish(next.value);
      return;
    }
    this.waits = next.value;
    const { on, until, cost } = next.value;
    for (const queue of on ?? []) queue.add(this.woken);
    if (until !== undefined) this.timer = this.sim.at(Math.max(this.sim.now, until), () => this.step('timeout'));
    else if (!on || on.length === 0) this.timer = this.sim.schedule(cost ?? 0, () => this.step('woken'));
  }

  private leave(): void {
    for (const queue of this.waits.on ?? []) queue.remove(this.woken);
    this.waits = {};
    this.sim.cancel(this.timer);
    this.timer = null;
  }

  private finish(result: T | undefined): void {
    this.ended = true;
    this.result = result;
    this.leave();
    for (const fd of [...this.process.fds.keys()]) this.process.close(fd);
  }

  /** Gives it up: what it holds is closed. */
  stop(): void {
    if (this.ended) return;
    for (let i = 0; i < 100; i++) if (this.task.return(undefined as T).done) break;
    this.finish(undefined);
  }
}

/** Runs the simulation until all have ended or are past their deadlines; what is not done then is stopped. */
export function settle(sim: Sim, calls: readonly Call<unknown>[]): void {
  let left = calls.filter((c) => !c.ended);
  let events = MAX_EVENTS;
  while (left.length > 0 && events-- > 0) {
    let until = 0;
    for (const c of left) until = Math.max(until, c.deadline);
    if (!sim.step(until)) {
      sim.runUntil(until);
      break;
    }
    let changed = false;
    for (const c of left) {
      if (!c.ended && sim.now >= c.deadline) c.stop();
      if (c.ended) changed = true;
    }
    if (changed) left = left.filter((c) => !c.ended);
  }
  for (const c of left) c.stop();
}
