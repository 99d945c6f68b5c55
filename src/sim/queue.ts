/**
 * The event queue: what is to happen, in order of (time, sequence). Packets under way and programs about to run are due within
 * microseconds and are few; time-outs are many and mostly taken back. So there are two heaps, and only the second one remembers
 * where its timers are, to take them out at once.
 */

export interface Timer {
  readonly time: number;
  readonly seq: number;
  /** Null once it has run or was cancelled. */
  readonly run: unknown;
}

/** Delays below this, in µs, go into the first heap. */
const SOON = 256;

/** A timer with its function's arguments. */
export class QueuedTimer implements Timer {
  readonly time: number;
  readonly seq: number;
  run: ((a: unknown, b: unknown) => void) | null;
  readonly a: unknown;
  readonly b: unknown;
  /** Place in the second heap; -1 in the first one and when it is in none. */
  at = -1;

  constructor(time: number, seq: number, run: (a: unknown, b: unknown) => void, a: unknown, b: unknown) {
    this.time = time;
    this.seq = seq;
    this.run = run;
    this.a = a;
    this.b = b;
  }
}

function before(a: QueuedTimer, b: QueuedTimer): boolean {
  return a.time < b.time || (a.time === b.time && a.seq < b.seq);
}

export class EventQueue {
  private readonly soon: QueuedTimer[] = [];
  private readonly later: QueuedTimer[] = [];

  /** Events that are still to come; cancelled ones may count until their time. */
  get size(): number {
    return this.soon.length + this.later.length;
  }

  push(timer: QueuedTimer, now: number): void {
    if (timer.time - now < SOON) this.pushSoon(timer);
    else {
      this.later.push(timer);
      this.up(timer, this.later.length - 1);
    }
  }

  cancel(timer: QueuedTimer): void {
    timer.run = null;
    if (timer.at >= 0) this.removeLater(timer.at);
  }

  /** The next event, which stays in the queue; null when there is none. */
  first(): QueuedTimer | null {
    const { soon } = this;
    while (soon.length > 0 && (soon[0] as QueuedTimer).run === null) this.popSoon();
    const a = soon[0];
    const b = this.later[0];
    if (a === undefined) return b ?? null;
    return b === undefined || before(a, b) ? a : b;
  }

  /** Takes out what `first` returned. */
  shift(timer: QueuedTimer): void {
    if (timer.at < 0) this.popSoon();
    else this.removeLater(timer.at);
  }

  private pushSoon(timer: QueuedTimer): void {
    const heap = this.soon;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const p = heap[parent] as QueuedTimer;
      if (!before(timer, p)) break;
      heap[i] = p;
      i = parent;
    }
    heap[i] = timer;
  }

  private popSoon(): void {
    const heap = this.soon;
    const last = heap.pop() as QueuedTimer;
    const n = heap.length;
    if (n === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && before(heap[child + 1] as QueuedTimer, heap[child] as QueuedTimer)) child++;
      const c = heap[child] as QueuedTimer;
      if (!before(c, last)) break;
      heap[i] = c;
      i = child;
    }
    heap[i] = last;
  }

  private removeLater(at: number): void {
    const heap = this.later;
    (heap[at] as QueuedTimer).at = -1;
    const last = heap.pop() as QueuedTimer;
    if (at === heap.length) return;
    if (at > 0 && before(last, heap[(at - 1) >> 1] as QueuedTimer)) this.up(last, at);
    else this.down(last, at);
  }

  private up(timer: QueuedTimer, from: number): void {
    const heap = this.later;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const p = heap[parent] as QueuedTimer;
      if (!before(timer, p)) break;
      heap[i] = p;
      p.at = i;
      i = parent;
    }
    heap[i] = timer;
    timer.at = i;
  }

  private down(timer: QueuedTimer, from: number): void {
    const heap = this.later;
    const n = heap.length;
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= n) break;
      if (child + 1 < n && before(heap[child + 1] as QueuedTimer, heap[child] as QueuedTimer)) child++;
      const c = heap[child] as QueuedTimer;
      if (!before(c, timer)) break;
      heap[i] = c;
      c.at = i;
      i = child;
    }
    heap[i] = timer;
    timer.at = i;
  }
}
