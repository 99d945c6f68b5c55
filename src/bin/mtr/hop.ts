/** What mtr counts of one hop, and the columns that show it. Models mtr 0.95 ui/net.c, ui/mtr.c data_fields[] */

import type { IpAddr } from '../../wire/addr.ts';

export class Hop {
  addrs: IpAddr[] = [];
  sent = 0;
  returned = 0;
  failed = false;
  last = 0;
  best = 0;
  worst = 0;
  avg = 0;
  /** Sum of squared deviations (Welford). */
  ssd = 0;
  jitter = 0;
  jitterAvg = 0;
  jitterMax = 0;
  jitterInt = 0;
  geometric = 0;

  take(us: number): void {
    const before = this.last;
    this.returned++;
    this.last = us;
    this.best = this.returned === 1 ? us : Math.min(this.best, us);
    this.worst = Math.max(this.worst, us);
    const old = this.avg;
    this.avg += (us - this.avg) / this.returned;
    this.ssd += (us - old) * (us - this.avg);
    this.jitter = this.returned === 1 ? 0 : Math.abs(us - before);
    this.jitterMax = Math.max(this.jitterMax, this.jitter);
    this.jitterAvg += (this.jitter - this.jitterAvg) / this.returned;
    this.jitterInt += this.jitter - (this.jitterInt + 8) / 16;
    this.geometric = this.returned === 1 ? us : this.geometric ** ((this.returned - 1) / this.returned) * us ** (1 / this.returned);
  }

  /** Per cent; what is still under way at the end counts as lost. */
  get loss(): number {
    return this.sent === 0 ? 0 : 100 - (100 * Math.min(this.returned, this.sent)) / this.sent;
  }

  get deviation(): number {
    return this.returned > 1 ? Math.sqrt(this.ssd / (this.returned - 1)) : 0;
  }
}

/** Letter of -o, title, width, and a hop's value. Models data_fields[] of mtr.c */
export const FIELDS: readonly (readonly [string, string, number, (h: Hop) => string])[] = [
  [' ', ' ', 1, () => ' '],
  ['L', 'Loss%', 6, (h) => ` ${h.loss.toFixed(1).padStart(4)}%`],
  ['D', 'Drop', 5, (h) => ` ${String(h.sent - h.returned).padStart(4)}`],
  ['R', 'Rcv', 6, (h) => ` ${String(h.returned).padStart(5)}`],
  ['S', 'Snt', 6, (h) => ` ${String(h.sent).padStart(5)}`],
  ['N', 'Last', 6, (h) => ms(h.last)],
  ['B', 'Best', 6, (h) => ms(h.best)],
  ['A', 'Avg', 6, (h) => ms(h.avg)],
  ['W', 'Wrst', 6, (h) => ms(h.worst)],
  ['V', 'StDev', 6, (h) => ms(h.deviation)],
  ['G', 'Gmean', 6, (h) => ms(h.geometric)],
  ['J', 'Jttr', 5, (h) => ms(h.jitter, 4)],
  ['M', 'Javg', 5, (h) => ms(h.jitterAvg, 4)],
  ['X', 'Jmax', 5, (h) => ms(h.jitterMax, 4)],
  ['I', 'Jint', 5, (h) => ms(h.jitterInt, 4)],
];
export type Field = (typeof FIELDS)[number];

export function fieldsOf(order: string): Field[] {
  return [...order].map((c) => FIELDS.find((f) => f[0] === c)).filter((f): f is Field => f !== undefined);
}

export const DEFAULT_ORDER = 'LS NABWV';

export function ms(us: number, width = 5): string {
  return ` ${(us / 1000).toFixed(1).padStart(width)}`;
}

/** µs of a field that is a time. */
export function timeOf(h: Hop, letter: string): number {
  const values: Readonly<Record<string, number>> = {
    N: h.last,
    B: h.best,
    A: h.avg,
    W: h.worst,
    V: h.deviation,
    G: h.geometric,
    J: h.jitter,
    M: h.jitterAvg,
    X: h.jitterMax,
    I: h.jitterInt,
  };
  return values[letter] ?? 0;
}
