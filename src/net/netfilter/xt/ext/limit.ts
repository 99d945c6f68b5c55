/** -m limit: a token bucket. Models libxt_limit.c and xt_limit.c */

import { type MatchExt, Problem } from '../ext.ts';
import { uint } from '../parse.ts';

interface Limit {
  /** Microseconds between tokens, times 10 as the tool keeps them (XT_LIMIT_SCALE 10000 a second). */
  avg: number;
  burst: number;
}

const SCALE = 10000;
const UNITS: readonly (readonly [string, number])[] = [
  ['second', 1],
  ['minute', 60],
  ['hour', 3600],
  ['day', 86400],
];

/** `5/min`: time between tokens in units of 1/10000 s; null when bad. */
export function parseRate(text: string): number | null {
  const m = /^(-?\d+)(?:\/([a-z]+))?/i.exec(text);
  if (!m) return null;
  let mult = 1;
  if (text.includes('/')) {
    const unit = text.slice(text.indexOf('/') + 1).toLowerCase();
    const hit = unit === '' ? undefined : UNITS.find(([name]) => name.startsWith(unit));
    if (!hit) return null;
    mult = hit[1];
  }
  const r = Number(m[1]);
  if (r === 0) return null;
  if (r < 0) return 0;
  return Math.floor((SCALE * mult) / r);
}

const NAMES: readonly (readonly [string, number])[] = [
  ['day', SCALE * 86400],
  ['hour', SCALE * 3600],
  ['min', SCALE * 60],
  ['sec', SCALE],
];

export function rateText(period: number): string {
  let i = 1;
  for (; i < NAMES.length; i++) {
    const mult = (NAMES[i] as readonly [string, number])[1];
    if (period > mult || mult / period < mult % period) break;
  }
  const [name, mult] = NAMES[i - 1] as readonly [string, number];
  return `${Math.floor(mult / period)}/${name}`;
}

/** Tokens grow by one every `avg`/10000 s up to `burst`. */
export class Bucket {
  private credit: number;
  private last: number;
  private readonly cost: number;
  private readonly cap: number;

  constructor(avg: number, burst: number, now: number) {
    this.cost = avg * 100;
    this.cap = this.cost * burst;
    this.credit = this.cap;
    this.last = now;
  }

  take(now: number): boolean {
    this.credit = Math.min(this.cap, this.credit + now - this.last);
    this.last = now;
    if (this.credit < this.cost) return false;
    this.credit -= this.cost;
    return true;
  }
}

export const limit: MatchExt<Limit> = {
  kind: 'match',
  name: 'limit',
  init: () => ({ avg: (SCALE * 3600) / 3, burst: 5 }),
  options: [
    {
      name: 'limit',
      set: (o, arg) => {
        const avg = parseRate(arg);
        if (avg === 0) throw new Problem(`Rate too fast "${arg}"`);
        if (avg === null) throw new Problem(`bad rate "${arg}"'`);
        o.avg = avg;
      },
    },
    {
      name: 'limit-burst',
      set: (o, arg) => {
        // 0 is as if nothing had been said.
        o.burst = uint('limit', 'limit-burst', arg, 0, 10000) || 5;
      },
    },
  ],
  save: (o) => ` --limit ${rateText(o.avg)}${o.burst !== 5 ? ` --limit-burst ${o.burst}` : ''}`,
  list: (o) => ` limit: avg ${rateText(o.avg)} burst ${o.burst}`,
  native: true,
  nft: (o) => {
    const [rate, unit] = rateText(o.avg).split('/');
    const long = { sec: 'second', min: 'minute', hour: 'hour', day: 'day' }[unit as string] ?? unit;
    return `limit rate ${rate}/${long} burst ${o.burst} packets`;
  },
  run: (o, ns) => {
    const { sim } = ns.kernel;
    const bucket = new Bucket(o.avg, o.burst, sim.now);
    return () => bucket.take(sim.now);
  },
};
