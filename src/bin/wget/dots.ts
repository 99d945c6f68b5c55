/** wget's progress and its numbers. Models dot_draw() of progress.c, retr_rate() of retr.c */

import type { DotStyle } from './options.ts';

/** `687 KB/s`, or `5.50 Mb/s` in bits. */
export function rate(bytes: number, us: number, bits = false): string {
  const units = bits ? ['b/s', 'Kb/s', 'Mb/s', 'Gb/s'] : ['B/s', 'KB/s', 'MB/s', 'GB/s'];
  const base = bits ? 1000 : 1024;
  let r = (bytes * (bits ? 8 : 1)) / (Math.max(us, 1) / 1e6);
  let i = 0;
  while (r >= base && i < 3) {
    r /= base;
    i++;
  }
  const shown = r === 0 ? '0.00' : r < 99.95 ? r.toPrecision(3) : Math.round(r);
  return `${shown} ${units[i]}`;
}

/** Five characters, as the dots show it: ` 687K`. */
function shortRate(bytes: number, us: number, bits: boolean): string {
  const [number, unit] = rate(bytes, us, bits).split(' ') as [string, string];
  return `${number}${/^b\/s$/i.test(unit) ? ' ' : unit[0]}`.padStart(5);
}

/** `0.4s`, `3s`. Models print_decimal(). */
export function decimal(seconds: number): string {
  return seconds < 0.0005 ? '0' : String(seconds >= 9.5 ? Math.round(seconds) : Number(seconds.toPrecision(seconds < 0.0995 ? 1 : 2)));
}

/** The progress as dots, a row of them for each so many kilobytes. */
export class Dots {
  total = 0;
  private readonly expected: number | null;
  private readonly style: DotStyle;
  private readonly bits: boolean;
  private pending = 0;
  private column = 0;
  private rows = 0;
  private started = false;
  private rowStart = 0;

  constructor(expected: number | null, style: DotStyle, bits: boolean) {
    this.expected = expected;
    this.style = style;
    this.bits = bits;
  }

  private get perRow(): number {
    return this.style.line * this.style.bytes;
  }

  private head(): string {
    return `${String((this.rows * this.perRow) / 1024).padStart(6)}K`;
  }

  add(n: number, us: number): string {
    const { bytes, cluster, line } = this.style;
    this.total += n;
    this.pending += n;
    let out = this.started ? '' : this.head();
    this.started = true;
    for (; this.pending >= bytes; this.pending -= bytes) {
      if (this.column === 0 && this.rows > 0) out += this.head();
      out += `${this.column % cluster === 0 ? ' ' : ''}.`;
      this.column++;
      if (this.column === line) {
        this.rows++;
        this.column = 0;
        out += `${this.percent(this.rows * this.perRow)} ${shortRate(this.perRow, us - this.rowStart, this.bits)} 0s\n`;
        this.rowStart = us;
      }
    }
    return out;
  }

  private percent(done: number): string {
    return this.expected === null
      ? ''
      : `${String(this.expected === 0 ? 100 : Math.floor((Math.min(done, this.expected) * 100) / this.expected)).padStart(3)}%`;
  }

  finish(us: number): string {
    const { cluster, line } = this.style;
    let out = this.started ? '' : this.head();
    if (this.started && this.column === 0 && this.rows > 0) out += this.head();
    for (let i = this.column; i < line; i++) out += `${i % cluster === 0 ? ' ' : ''} `;
    const last = this.total - this.rows * this.perRow || this.total;
    return `${out}${this.percent(this.total)} ${shortRate(last, us - this.rowStart, this.bits)}=${decimal(us / 1e6)}s`;
  }
}
