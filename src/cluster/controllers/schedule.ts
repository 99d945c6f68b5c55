/** Cron expressions: five fields, names, steps, @hourly and its like, @every. Models robfig/cron's standard parser. */

import { parseTime } from './clock.ts';

export interface Schedule {
  /** The first time after `ms` since 1970, or undefined when there is none within five years. */
  next(ms: number): number | undefined;
}

const NAMED: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const BOUNDS: readonly (readonly [low: number, high: number, names: readonly string[], base: number])[] = [
  [0, 59, [], 0],
  [0, 23, [], 0],
  [1, 31, [], 0],
  [1, 12, MONTHS, 1],
  [0, 6, DAYS, 0],
];
const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const YEARS = 5;
const DAY = 86_400_000;

interface Field {
  readonly set: ReadonlySet<number>;
  readonly star: boolean;
}

function field(text: string, i: number): Field | string {
  const [low, high, names, base] = BOUNDS[i] as (typeof BOUNDS)[number];
  const set = new Set<number>();
  let star = false;
  const number = (t: string): number | undefined => {
    const n = names.indexOf(t.toLowerCase());
    if (n >= 0) return n + base;
    return /^\d{1,3}$/.test(t) ? Number(t) : undefined;
  };
  for (const part of text.split(',')) {
    const [range = '', step, more] = part.split('/');
    if (more !== undefined) return `too many slashes: ${part}`;
    const [a = '', b, extra] = range.split('-');
    if (extra !== undefined) return `too many hyphens: ${part}`;
    let from: number | undefined;
    let to: number | undefined;
    if (a === '*' || a === '?') {
      from = low;
      to = high;
      star = step === undefined || step === '1';
    } else {
      from = number(a);
      if (from === undefined) return `failed to parse int from ${a}: strconv.Atoi: parsing "${a}": invalid syntax`;
      to = b === undefined ? from : number(b);
      if (to === undefined) return `failed to parse int from ${b}: strconv.Atoi: parsing "${b}": invalid syntax`;
    }
    let by = 1;
    if (step !== undefined) {
      if (!/^\d{1,3}$/.test(step)) return `failed to parse int from ${step}: strconv.Atoi: parsing "${step}": invalid syntax`;
      by = Number(step);
      if (b === undefined && a !== '*' && a !== '?') to = high;
    }
    if (from < low) return `beginning of range (${from}) below minimum (${low}): ${part}`;
    if (to > high) return `end of range (${to}) above maximum (${high}): ${part}`;
    if (from > to) return `beginning of range (${from}) beyond end of range (${to}): ${part}`;
    if (by === 0) return `step of range should be a positive number: ${part}`;
    for (let n = from; n <= to; n += by) set.add(n);
  }
  return { set, star };
}

function everyOf(text: string): Schedule | string {
  let total = 0;
  const rest = text.replace(/(\d+(?:\.\d+)?)(ms|h|m|s)/g, (_, n: string, unit: string) => {
    total += Number(n) * (UNITS[unit] ?? 0);
    return '';
  });
  if (rest !== '' || total <= 0) return `failed to parse duration @every ${text}: time: invalid duration "${text}"`;
  const step = Math.max(1000, Math.floor(total / 1000) * 1000);
  return { next: (ms) => Math.floor(ms / 1000) * 1000 + step };
}

/** `offset`: minutes that local time is ahead of UTC at a time (ms since 1970, UTC). */
export function parseSchedule(text: string, offset: (ms: number) => number = () => 0): Schedule | string {
  if (text.startsWith('@every ')) return everyOf(text.slice(7).trim());
  if (text.startsWith('@') && NAMED[text] === undefined) return `unrecognized descriptor: ${text}`;
  const parts = (NAMED[text] ?? text).trim().split(/\s+/);
  if (parts.length !== 5 || parts[0] === '')
    return `expected exactly 5 fields, found ${text.trim() === '' ? 0 : parts.length}: [${text.trim()}]`;
  const fields: Field[] = [];
  for (let i = 0; i < 5; i++) {
    const f = field(parts[i] as string, i);
    if (typeof f === 'string') return f;
    fields.push(f);
  }
  const [minute, hour, dom, month, dow] = fields as [Field, Field, Field, Field, Field];
  return {
    next: (ms) => {
      const shift = offset(ms) * 60_000;
      let t = Math.floor((ms + shift) / 60_000) * 60_000 + 60_000;
      const end = t + YEARS * 366 * DAY;
      while (t < end) {
        const d = new Date(t);
        const day = dom.set.has(d.getUTCDate());
        const week = dow.set.has(d.getUTCDay());
        const fits = dom.star || dow.star ? day && week : day || week;
        if (!month.set.has(d.getUTCMonth() + 1) || !fits) t = (Math.floor(t / DAY) + 1) * DAY;
        else if (!hour.set.has(d.getUTCHours())) t = (Math.floor(t / 3_600_000) + 1) * 3_600_000;
        else if (!minute.set.has(d.getUTCMinutes())) t += 60_000;
        else return t - shift;
      }
      return undefined;
    },
  };
}

/** The newest time of the schedule in (earliest, now], and how many were missed (at most 101 are counted). */
export function mostRecent(
  schedule: Schedule,
  earliest: string,
  now: number,
): { readonly time: number | undefined; readonly missed: number } {
  let time: number | undefined;
  let missed = 0;
  for (let t = schedule.next(parseTime(earliest)); t !== undefined && t <= now && missed <= 100; t = schedule.next(t)) {
    time = t;
    missed++;
  }
  if (missed > 100) {
    const first = time as number;
    const gap = (schedule.next(first) ?? first) - first;
    time = first + Math.floor((now - first) / Math.max(gap, 1000)) * gap;
  }
  return { time, missed };
}
