/** Discrete-event simulation: virtual time, an event queue ordered by (time, sequence), named random streams, the trace. */

import { Rng } from './rng.ts';
import { Trace } from './trace.ts';

/** Virtual time and durations are whole microseconds since the world began. */
export type Micros = number;
export const MS = 1_000;
export const SEC = 1_000_000;

export interface Timer {
  readonly time: Micros;
  readonly seq: number;
  run: (() => void) | null;
}

export class Sim {
  readonly trace: Trace;
  private time: Micros = 0;
  private seq = 0;
  private heap: Timer[] = [];
  private cancelled = 0;
  /** Events run so far: with the time, the exact place in a run at which input came. */
  steps = 0;
  private streams = new Map<string, Rng>();
  private serials = new Map<string, { n: number }>();
  /** Wall-clock epoch of virtual time zero, in ms since 1970: what `date` shows at the start. */
  readonly epochMs: number;
  readonly seed: string;

  constructor(seed: string | number = 1, epochMs: number = Date.UTC(2026, 10, 20, 9, 0, 0)) {
    this.seed = String(seed);
    this.epochMs = epochMs;
    this.trace = new Trace(this);
  }

  get now(): Micros {
    return this.time;
  }

  rng(name: string): Rng {
    let stream = this.streams.get(name);
    if (!stream) {
      stream = new Rng(`${this.seed}/${name}`);
      this.streams.set(name, stream);
    }
    return stream;
  }

  /** 1, 2, 3 … a series per name: packet ids, inode numbers. */
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
    const timer: Timer = { time: Math.max(this.time, Math.round(time)), seq: this.seq++, run };
    this.push(timer);
    return timer;
  }

  cancel(timer: Timer | null | undefined): void {
    if (!timer?.run) return;
    timer.run = null;
    if (++this.cancelled > 1024 && this.cancelled > this.heap.length / 2) this.compact();
  }

  /** Time of the next event, or null when nothing is left to happen. */
  nextTime(): Micros | null {
    while (this.heap.length > 0 && (this.heap[0] as Timer).run === null) this.drop();
    return this.heap.length > 0 ? (this.heap[0] as Timer).time : null;
  }

  /** Runs one event. False when there is none. */
  step(): boolean {
    const time = this.nextTime();
    if (time === null) return false;
    const timer = this.pop();
    this.time = timer.time;
    const run = timer.run as () => void;
    timer.run = null;
    this.steps++;
    run();
    return true;
  }

  /** Runs all events up to and including `time`, then sets the clock to it. Returns the number of events run; stops at `max`. */
  runUntil(until: Micros, max = Number.POSITIVE_INFINITY): number {
    const time = Math.floor(until);
    let count = 0;
    while (count < max) {
      const next = this.nextTime();
      if (next === null || next > time) break;
      this.step();
      count++;
    }
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

  private drop(): void {
    this.pop();
    this.cancelled--;
  }

  private compact(): void {
    const live = this.heap.filter((t) => t.run !== null);
    this.heap = [];
    this.cancelled = 0;
    for (const t of live) this.push(t);
  }

  private push(timer: Timer): void {
    const heap = this.heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const p = heap[parent] as Timer;
      if (!before(timer, p)) break;
      heap[i] = p;
      i = parent;
    }
    heap[i] = timer;
  }

  private pop(): Timer {
    const heap = this.heap;
    const top = heap[0] as Timer;
    const last = heap.pop() as Timer;
    const n = heap.length;
    if (n > 0) {
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= n) break;
        if (child + 1 < n && before(heap[child + 1] as Timer, heap[child] as Timer)) child++;
        const c = heap[child] as Timer;
        if (!before(c, last)) break;
        heap[i] = c;
        i = child;
      }
      heap[i] = last;
    }
    return top;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.time < b.time || (a.time === b.time && a.seq < b.seq);
}
