/** How far a bulk run has come: a bar on a terminal, a line now and then elsewhere. */

import type { WriteStream } from 'node:tty';

const WIDTH = 30;
/** Milliseconds between two pictures, on a terminal and elsewhere. */
const REDRAW = { tty: 100, lines: 10_000 };

export class Progress {
  private readonly total: number;
  private readonly stream: Pick<WriteStream, 'write' | 'isTTY'>;
  private readonly start: number;
  private readonly now: () => number;
  private last = Number.NEGATIVE_INFINITY;
  private done = 0;

  constructor(total: number, stream: Pick<WriteStream, 'write' | 'isTTY'> = process.stderr, now: () => number = () => performance.now()) {
    this.total = total;
    this.stream = stream;
    this.now = now;
    this.start = now();
    if (!stream.isTTY) this.last = this.start;
  }

  step(note = ''): void {
    this.done++;
    const now = this.now();
    const { isTTY } = this.stream;
    if (now - this.last < (isTTY ? REDRAW.tty : REDRAW.lines) && !(isTTY && this.done === this.total)) return;
    this.last = now;
    const seconds = (now - this.start) / 1000;
    const left = Math.ceil((seconds / this.done) * (this.total - this.done));
    const filled = Math.round((WIDTH * this.done) / this.total);
    const state = `${this.done} of ${this.total}${seconds > 0 ? `, ${(this.done / seconds).toFixed(1)} a second, ${clock(left)} left` : ''}${note}`;
    this.stream.write(isTTY ? `\r\u001b[K[${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${state}` : `${state}\n`);
  }

  /** Takes the bar away. */
  end(): void {
    if (this.stream.isTTY) this.stream.write('\r\u001b[K');
  }
}

function clock(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
