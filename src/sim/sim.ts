/** Discrete-event simulation: virtual time, an event queue ordered by (time, sequence), named random streams, the trace. */

import { EventQueue, QueuedTimer, type Timer } from './queue.ts';
import { Rng } from './rng.ts';
import { Trace } from './trace.ts';

export type { Timer } from './queue.ts';

/** Virtual time and durations are whole microseconds since the world began. */
export type Micros = number;
export const MS = 1_000;
export const SEC = 1_000_000;

export class Sim {
  readonly trace: Trace;
  /** What people do: programs started, packets captured. */
  readonly activity: Trace;
  private time: Micros = 0;
  private seq = 0;
  private readonly queue = new EventQueue();
  /** Events run so far: with the time, the exact place in a run at which input came. */
  steps = 0;
  /** Work that one event did beyond the usual, in characters or rows gone through: long logs are bounded by it as by their events. */
  toil = 0;
  /** Packets made so far: the last one's identity in the trace. */
  packets = 0;
  private streams = new Map<string, Rng>();
  private serials = new Map<string, { n: number }>();
  /** Wall-clock epoch of virtual time zero, in ms since 1970: what `date` shows at the start. */
  readonly epochMs: number;
  readonly seed: string;

  constructor(seed: string | number = 1, epochMs: number = Date.UTC(2026, 10, 20, 9, 0, 0)) {
    this.seed = String(seed);
    this.epochMs = epochMs;
    this.trace = new Trace(this);
    this.activity = new Trace(this);
  }

  get now(): Micros {
    return this.time;
  }

  /** Events waiting for their time. */
  get waiting(): number {
    return this.queue.size;
  }

  rng(name: string): Rng {
    let stream = this.streams.get(name);
    if (!stream) {
      stream = new Rng(`${this.seed}/${name}`);
      this.streams.set(name, stream);
    }
    return stream;
  }

  /** 1, 2, 3 … a series per name: inode numbers. */
  serial(name: string): number {
    const c = this.serials.get(name);
    if (c) return ++c.n;
    this.serials.set(name, { n: 1 });
    return 1;
  }

  /** Runs `run` after `delay` µs; delay 0 is "as soon as the present event has ended", in order of scheduling. */
  schedule(delay: Micros, run: () => void): Timer {
    return this.at(this.time + Math.max(0, Math.round(delay)), run);
  }

  at(time: Micros, run: () => void): Timer {
    return this.call(Math.max(this.time, Math.round(time)), run, undefined, undefined);
  }

  /** `run(a, b)` at `time`, whole µs and not past: for hot paths, which need no closure so. */
  call<A, B>(time: Micros, run: (a: A, b: B) => void, a: A, b: B): Timer {
    const timer = new QueuedTimer(time, this.seq++, run as (a: unknown, b: unknown) => void, a, b);
    this.queue.push(timer, this.time);
    return timer;
  }

  cancel(timer: Timer | null | undefined): void {
    if (timer?.run) this.queue.cancel(timer as QueuedTimer);
  }

  /** Time of the next event, or null when nothing is left to happen. */
  nextTime(): Micros | null {
    return this.queue.first()?.time ?? null;
  }

  /** Runs one event. False when there is none, or none that is due by `until`. */
  step(until: Micros = Number.POSITIVE_INFINITY): boolean {
    const timer = this.queue.first();
    if (timer === null || timer.time > until) return false;
    this.queue.shift(timer);
    this.time = timer.time;
    const run = timer.run as (a: unknown, b: unknown) => void;
    timer.run = null;
    this.steps++;
    run(timer.a, timer.b);
    return true;
  }

  /** Runs all events up to and including `time`, then sets the clock to it. Returns the number of events run; stops at `max`. */
  runUntil(until: Micros, max = Number.POSITIVE_INFINITY): number {
    const time = Math.floor(until);
    let count = 0;
    while (count < max && this.step(time)) count++;
    if (count < max && time > this.time) this.time = time;
    return count;
  }

  /** Sets the clock forward without running anything. False when an event lies before `time`. */
  advanceTo(time: Micros): boolean {
    const next = this.nextTime();
    if (next !== null && next < time) return false;
    if (time > this.time) this.time = time;
    return true;
  }
}
