/** How a process gets the CPU, waits, takes signals and ends. Models kernel/sched, signal.c, exit.c */

import type { Result } from '../sim/errno.ts';
import type { Micros, Sim, Timer } from '../sim/sim.ts';
import { WaitQueue } from '../sim/wait.ts';
import type { OpenFile } from './file.ts';
import type { Machine } from './machine.ts';
import type { PidNamespace } from './pidns.ts';
import type { Process } from './process.ts';
import type { Program, Task, Wait, Wake } from './program.ts';
import { type Disposition, defaultAction, type Signal, signalNumber } from './signal.ts';
import type { Thread } from './thread.ts';

/** CPU time in µs: giving way, starting a program, waking a sleeper. */
const YIELD_COST = 20;
export const EXEC_COST = 300;
const WAKE_COST = 3;
/** CPU time that a process may use up before the clock moves on. */
const QUANTUM = 100;
const NO_QUEUES: readonly WaitQueue[] = [];

/** The scheduler's part of a process. */
export abstract class Scheduled {
  abstract readonly machine: Machine;
  abstract readonly pid: number;
  abstract readonly pidns: PidNamespace | null;
  abstract readonly nspid: number;
  abstract parent: Process | null;
  abstract readonly fds: Map<number, OpenFile>;
  readonly children = new Set<Process>();
  /** Threads beside its own program. */
  readonly threads = new Set<Thread>();
  /** Woken when a child ends, stops or goes on. */
  readonly childEvents = new WaitQueue();
  state: 'ready' | 'waiting' | 'stopped' | 'dead' = 'ready';
  /** Exit status as a shell sees it: 128+n after a signal. Valid once dead. */
  status = 0;
  termSignal: Signal | null = null;
  stopSignal: Signal | null = null;
  endTime: Micros = 0;
  cpuTime: Micros = 0;
  /** Called once, when it has ended. */
  onExit: (() => void) | null = null;

  private task: Task<number> | null = null;
  private running = false;
  protected readonly handlers = new Map<Signal, Disposition>();
  private readonly pending: Signal[] = [];
  /** The queues that it waits on. */
  private waitsOn: readonly WaitQueue[] = NO_QUEUES;
  private readonly woken = (): void => {
    this.leaveQueues();
    this.sim.cancel(this.timer);
    this.timer = this.runAt(this.sim.now + WAKE_COST, 'woken');
  };
  private timer: Timer | null = null;
  /** A wake that came while the process was stopped. */
  private heldWake: Wake | null = null;
  private debt = 0;

  protected abstract get self(): Process;

  get sim(): Sim {
    return this.machine.sim;
  }

  get dead(): boolean {
    return this.state === 'dead';
  }

  // ---- scheduling

  /** Starts the program. The scheduler calls it; programs use spawn(). */
  start(program: Program, cost = EXEC_COST): void {
    this.task = program(this.self);
    this.timer = this.runAt(this.sim.now + cost, 'woken');
  }

  private runAt(time: Micros, wake: Wake): Timer {
    return this.sim.call<Scheduled, Wake>(time, resume, this, wake);
  }

  /** Goes on with the program. Only for the event that `runAt` makes. */
  resume(wake: Wake): void {
    if (this.state === 'dead' || !this.task) return;
    this.cancelPendingWait();
    if (this.state === 'stopped') {
      this.heldWake = wake;
      return;
    }
    this.state = 'ready';
    this.running = true;
    this.machine.current = this.self;
    this.machine.kernel.socketVrf = this.self.vrf;
    let step: IteratorResult<Wait, number>;
    try {
      step = this.task.next(wake);
    } catch (e) {
      // A program that recurses too deeply overflows its stack.
      if (!isOverflow(e)) throw e;
      this.task = null;
      this.finish(139, 'SEGV');
      return;
    } finally {
      this.running = false;
      this.machine.current = null;
    }
    this.after(step);
  }

  private after(step: IteratorResult<Wait, number>): void {
    if (step.done) {
      this.finish(step.value & 0xff, null);
      return;
    }
    this.park(step.value);
    this.deliver();
  }

  private park(wait: Wait): void {
    const { on, until } = wait;
    this.state = 'waiting';
    if ((!on || on.length === 0) && until === undefined) {
      const cost = wait.cost ?? YIELD_COST;
      this.cpuTime += wait.cost === undefined ? cost : 0;
      this.timer = this.runAt(this.sim.now + Math.max(0, Math.round(cost)), 'woken');
      return;
    }
    if (on && on.length > 0) {
      this.waitsOn = on;
      for (const q of on) q.add(this.woken);
    }
    if (until !== undefined) this.timer = this.runAt(Math.max(this.sim.now, Math.round(until)), 'timeout');
  }

  private leaveQueues(): void {
    for (const q of this.waitsOn) q.remove(this.woken);
    this.waitsOn = NO_QUEUES;
  }

  private cancelPendingWait(): void {
    this.leaveQueues();
    this.sim.cancel(this.timer);
    this.timer = null;
  }

  /** Books CPU time; the clock moves when a quantum is used up. */
  *charge(us: Micros): Task<void> {
    this.cpuTime += us;
    this.debt += us;
    if (this.debt >= QUANTUM) {
      const cost = this.debt;
      this.debt = 0;
      yield { cost };
    }
  }

  /** Undoes its making: it never ran, and nobody hears of it. */
  abandon(): void {
    this.state = 'dead';
    for (const file of this.fds.values()) file.close();
    this.fds.clear();
    this.parent?.children.delete(this.self);
    this.machine.reap(this.self);
    this.pidns?.leave(this.self, this.nspid);
  }

  private finish(status: number, signal: Signal | null): void {
    if (this.state === 'dead') return;
    this.cancelPendingWait();
    this.state = 'dead';
    this.endTime = this.sim.now;
    this.status = status;
    this.termSignal = signal;
    this.task = null;
    for (const thread of [...this.threads]) thread.stop();
    for (const file of this.fds.values()) file.close();
    this.fds.clear();
    const { pidns } = this;
    const heir = pidns?.init && !pidns.init.dead ? pidns.init : this.machine.init;
    for (const child of this.children) {
      child.parent = heir && heir !== this.self ? heir : null;
      if (child.parent && !child.dead) child.parent.children.add(child);
    }
    this.children.clear();
    this.machine.reap(this.self);
    pidns?.leave(this.self, this.nspid);
    this.onExit?.();
    if (this.parent) {
      // init waits for all of its children.
      if (this.parent === this.machine.init || this.parent === pidns?.init) this.parent.children.delete(this.self);
      this.parent.childEvents.wakeAll();
      this.parent.raise('CHLD');
    }
  }

  // ---- signals

  onSignal(signal: Signal, handler: Disposition): void {
    if (handler === 'default') this.handlers.delete(signal);
    else this.handlers.set(signal, handler);
  }

  disposition(signal: Signal): Disposition {
    return this.handlers.get(signal) ?? 'default';
  }

  /** Back to defaults, as execve does with handlers. */
  resetHandlers(): void {
    for (const [s, d] of this.handlers) if (typeof d === 'function') this.handlers.delete(s);
  }

  /** Sends a signal to a process (pid > 0), to a process group (pid < 0) or to the own group (0). */
  kill(pid: number, signal: Signal | 0): Result<void> {
    return this.machine.kill(this.self, pid, signal);
  }

  /** A signal arrives at this process. */
  raise(signal: Signal): void {
    if (this.state === 'dead') return;
    const d = this.disposition(signal);
    const action = defaultAction(signal);
    if (signal === 'CONT' && this.state === 'stopped') {
      this.continueFromStop();
      if (!this.running) this.deliver();
    }
    if (signal !== 'KILL' && signal !== 'STOP') {
      if (d === 'ignore') return;
      if (d === 'default' && (action === 'ignore' || action === 'continue')) return;
      // The first process of a PID namespace takes only the signals that it handles, save SIGKILL from outside.
      if (d === 'default' && (this.pid === 1 || this.pidns?.init === this.self)) return;
    }
    if (!this.pending.includes(signal)) this.pending.push(signal);
    if (!this.running) this.deliver();
  }

  private continueFromStop(): void {
    if (this.state !== 'stopped') return;
    this.stopSignal = null;
    const held = this.heldWake;
    this.heldWake = null;
    this.state = 'waiting';
    if (held) this.timer = this.runAt(this.sim.now + WAKE_COST, held);
    this.parent?.childEvents.wakeAll();
    this.parent?.raise('CHLD');
  }

  /** Between two steps: runs handlers, or ends or stops the process. */
  private deliver(): void {
    let handled = false;
    while (this.pending.length > 0 && !this.dead) {
      const kill = this.pending.indexOf('KILL');
      if (kill < 0 && this.state === 'stopped' && !this.pending.includes('CONT')) break;
      const signal = this.pending.splice(Math.max(kill, 0), 1)[0] as Signal;
      const d = signal === 'KILL' || signal === 'STOP' ? 'default' : this.disposition(signal);
      if (typeof d === 'function') {
        this.running = true;
        try {
          d();
        } finally {
          this.running = false;
        }
        handled = true;
        continue;
      }
      if (d === 'ignore') continue;
      const action = defaultAction(signal);
      if (action === 'term' || action === 'core') this.die(signal);
      else if (action === 'stop') this.stop(signal);
    }
    if (handled && !this.dead && this.state === 'waiting') {
      this.cancelPendingWait();
      this.timer = this.runAt(this.sim.now + WAKE_COST, 'signal');
    }
  }

  private stop(signal: Signal): void {
    if (this.state === 'stopped') return;
    // A sleeper that is stopped keeps waiting; what wakes it meanwhile is held back.
    this.state = 'stopped';
    this.stopSignal = signal;
    this.parent?.childEvents.wakeAll();
    this.parent?.raise('CHLD');
  }

  private die(signal: Signal): void {
    const task = this.task;
    this.cancelPendingWait();
    if (task) {
      this.running = true;
      // finally blocks run to their end without giving way.
      for (let i = 0; i < 1000; i++) if (task.return(0).done) break;
      this.running = false;
    }
    this.finish(128 + signalNumber(signal), signal);
  }

  // ---- waiting

  *wait(w: Wait): Task<Wake> {
    return yield w;
  }

  *sleep(us: Micros): Task<Wake> {
    return yield { until: this.sim.now + Math.max(0, Math.round(us)) };
  }

  /** Waits until the child is dead and returns its status; EINTR does not end it. */
  *waitPid(child: Process): Task<number> {
    while (!child.dead) yield { on: [this.childEvents] };
    this.children.delete(child);
    return child.status;
  }
}

function resume(s: Scheduled, wake: Wake): void {
  s.resume(wake);
}

/** V8 and JavaScriptCore throw a RangeError, SpiderMonkey an InternalError. */
function isOverflow(e: unknown): boolean {
  return (
    e instanceof Error &&
    (e.name === 'InternalError' || (e instanceof RangeError && /call stack|string length|allocation/i.test(e.message)))
  );
}
