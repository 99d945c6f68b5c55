/** Cron schedules as CronJob reads them: five fields or a descriptor. Models robfig/cron's ParseStandard, its messages included. */

import { goQuote } from '../field.ts';

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const DAYS = 'sun mon tue wed thu fri sat'.split(' ');

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}
const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
];

/** Times at which a schedule fires: sets of minute, hour, day of month, month, day of week; or every so many seconds. */
export interface Schedule {
  readonly fields: readonly ReadonlySet<number>[];
  /** Day of month or of week given as `*`. */
  readonly anyDay: boolean;
  readonly everySeconds?: number;
}

function atom(text: string, b: Bounds): number | string {
  const named = b.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + b.min;
  if (!/^[+-]?\d+$/.test(text)) return `failed to parse int from ${text}: strconv.Atoi: parsing ${goQuote(text)}: invalid syntax`;
  const n = Number(text);
  return n < 0 ? `negative number (${n}) not allowed: ${text}` : n;
}

function range(expr: string, b: Bounds): number[] | string {
  const [span = '', step, extra] = expr.split('/');
  const [low = '', high, more] = span.split('-');
  if (extra !== undefined) return `too many slashes: ${expr}`;
  if (more !== undefined) return `too many hyphens: ${expr}`;
  let start: number;
  let end: number;
  if (low === '*' || low === '?') {
    start = b.min;
    end = b.max;
  } else {
    const from = atom(low, b);
    if (typeof from === 'string') return from;
    const to = high === undefined ? from : atom(high, b);
    if (typeof to === 'string') return to;
    start = from;
    end = high === undefined && step !== undefined ? b.max : to;
  }
  let by = 1;
  if (step !== undefined) {
    const n = atom(step, { min: 0, max: 0 });
    if (typeof n === 'string') return n;
    by = n;
  }
  if (start < b.min) return `beginning of range (${start}) below minimum (${b.min}): ${expr}`;
  if (end > b.max) return `end of range (${end}) above maximum (${b.max}): ${expr}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${expr}`;
  if (by === 0) return `step of range should be a positive number: ${expr}`;
  const out: number[] = [];
  for (let n = start; n <= end; n += by) out.push(n);
  return out;
}

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

/** The schedule, or the message of a bad one. */
export function parseCron(given: string): Schedule | string {
  if (given === '') return 'empty spec string';
  const every = /^@every (\d+)(s|m|h)$/.exec(given);
  if (every)
    return {
      fields: [],
      anyDay: true,
      everySeconds: Math.max(1, Number(every[1]) * { s: 1, m: 60, h: 3600 }[every[2] as 's' | 'm' | 'h']),
    };
  const text = given.startsWith('@') ? DESCRIPTORS[given] : given;
  if (text === undefined) return `unrecognized descriptor: ${given}`;
  const words = text.split(/\s+/).filter((w) => w !== '');
  if (words.length !== 5) return `expected exactly 5 fields, found ${words.length}: [${words.join(' ')}]`;
  const fields: Set<number>[] = [];
  for (let i = 0; i < 5; i++) {
    const set = new Set<number>();
    for (const expr of (words[i] as string).split(',').filter((e) => e !== '')) {
      const found = range(expr, FIELDS[i] as Bounds);
      if (typeof found === 'string') return found;
      for (const n of found) set.add(n);
    }
    fields.push(set);
  }
  return { fields, anyDay: /^[*?]/.test(words[2] as string) || /^[*?]/.test(words[4] as string) };
}
