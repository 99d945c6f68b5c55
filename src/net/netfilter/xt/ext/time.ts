/** -m time: clock, weekday, day of the month, dates; UTC. Models libxt_time.c */

import { type MatchExt, Problem } from '../ext.ts';

interface Time {
  start: number;
  stop: number;
  contiguous: boolean;
  /** Bit n = day n: Monday 1 … Sunday 7. */
  weekdays: number;
  monthdays: number;
  /** Seconds since 1970. */
  dateStart: number;
  dateStop: number;
  kerneltz: boolean;
}

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const DAY = 86400;
const MAX_DATE = 0x7fffffff;
const ALL_WEEKDAYS = 0xfe;
const ALL_MONTHDAYS = 0xfffffffe;

function clock(text: string): number {
  const m = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?$/.exec(text);
  const [h, min, s] = m ? [Number(m[1]), Number(m[2]), Number(m[3] ?? 0)] : [99, 0, 0];
  if (h > 23 || min > 59 || s > 59)
    throw new Problem(`invalid time "${text}" specified, should be hh:mm[:ss] format and within the boundaries`);
  return h * 3600 + min * 60 + s;
}

const two = (n: number): string => String(n).padStart(2, '0');
const clockText = (s: number): string => `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;

/** Days since 1970 of a civil date (proleptic Gregorian). */
function civil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yoe = y - era * 400;
  const doy = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719468;
}

function fromDays(days: number): [number, number, number] {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return [yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - Math.floor((153 * mp + 2) / 5) + 1];
}

function date(text: string): number {
  const m = /^(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:T(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?)?)?)?$/.exec(text);
  const part = (i: number, low: number, high: number): boolean => {
    const v = m?.[i];
    return v === undefined || (Number(v) >= low && Number(v) <= high);
  };
  if (!m || !part(1, 1970, 2038) || !part(2, 1, 12) || !part(3, 1, 31) || !part(4, 0, 23) || !part(5, 0, 59) || !part(6, 0, 59))
    throw new Problem(`Invalid date "${text}" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`);
  const n = (i: number, d: number): number => (m?.[i] === undefined ? d : Number(m[i]));
  return civil(n(1, 1970), n(2, 1), n(3, 1)) * DAY + n(4, 0) * 3600 + n(5, 0) * 60 + n(6, 0);
}

function dateText(seconds: number): string {
  const [y, m, d] = fromDays(Math.floor(seconds / DAY));
  return `${y}-${two(m)}-${two(d)}T${clockText(seconds % DAY)}`;
}

function bits(mask: number, from: number, to: number): number[] {
  const out: number[] = [];
  for (let i = from; i <= to; i++) if ((mask >>> i) & 1) out.push(i);
  return out;
}

const weekdayText = (mask: number): string =>
  bits(mask, 1, 7)
    .map((i) => DAYS[i - 1])
    .join(',');

/** The tool's own English: 11st, 12nd, 13rd. */
const ordinal = (n: number): string => `${n}${['th', 'st', 'nd', 'rd'][n % 10] ?? 'th'}`;

export const time: MatchExt<Time> = {
  kind: 'match',
  name: 'time',
  init: () => ({
    start: 0,
    stop: DAY - 1,
    contiguous: false,
    weekdays: ALL_WEEKDAYS,
    monthdays: ALL_MONTHDAYS,
    dateStart: 0,
    dateStop: MAX_DATE,
    kerneltz: false,
  }),
  options: [
    { name: 'datestart', set: (o, arg) => Object.assign(o, { dateStart: date(arg) }) },
    { name: 'datestop', set: (o, arg) => Object.assign(o, { dateStop: date(arg) }) },
    { name: 'timestart', set: (o, arg) => Object.assign(o, { start: clock(arg) }) },
    { name: 'timestop', set: (o, arg) => Object.assign(o, { stop: clock(arg) }) },
    { name: 'contiguous', arg: 'none', set: (o) => Object.assign(o, { contiguous: true }) },
    {
      name: 'weekdays',
      invert: true,
      set: (o, arg, invert) => {
        let mask = 0;
        for (const word of arg.split(',')) {
          if (word === '0') throw new Problem('No, the week does NOT begin with Sunday.');
          const n = /^\d+$/.test(word) ? Number(word) : DAYS.findIndex((d) => d.slice(0, 2) === word.slice(0, 2)) + 1;
          if (n > 7) continue;
          if (n < 1) throw new Problem(`${word} is not a valid day specifier`);
          mask |= 1 << n;
        }
        o.weekdays = invert ? ALL_WEEKDAYS & ~mask : mask;
      },
    },
    {
      name: 'monthdays',
      invert: true,
      set: (o, arg, invert) => {
        let mask = 0;
        for (const word of arg.split(',')) {
          const n = Number(word);
          if (!(n >= 0 && n <= 31)) throw new Problem(`${word} is not a valid day for --monthdays`);
          if (n > 0) mask |= 1 << n;
        }
        o.monthdays = (invert ? ALL_MONTHDAYS & ~mask : mask) >>> 0;
      },
    },
    { name: 'kerneltz', arg: 'none', set: (o) => Object.assign(o, { kerneltz: true }) },
    {
      name: 'localtz',
      arg: 'none',
      set: (o, _arg, _invert, cx) => {
        cx.warn(
          'WARNING: --localtz is being replaced by --kerneltz, since "local" is ambiguous. Note the kernel timezone has caveats - see manpage for details.\n',
        );
        o.kerneltz = true;
      },
    },
    { name: 'utc', arg: 'none', excludes: ['kerneltz'], set: () => {} },
  ],
  check: (o) => {
    if (o.contiguous && o.start <= o.stop) throw new Problem('time: --contiguous only makes sense when stoptime is smaller than starttime');
  },
  save: (o) =>
    (o.start !== 0 || o.stop !== DAY - 1 ? ` --timestart ${clockText(o.start)} --timestop ${clockText(o.stop)}` : '') +
    (o.monthdays !== ALL_MONTHDAYS ? ` --monthdays ${bits(o.monthdays, 1, 31).join(',')}` : '') +
    (o.weekdays !== ALL_WEEKDAYS ? ` --weekdays ${weekdayText(o.weekdays)}` : '') +
    (o.dateStart !== 0 ? ` --datestart ${dateText(o.dateStart)}` : '') +
    ` --datestop ${dateText(o.dateStop)}` +
    (o.kerneltz ? ' --kerneltz' : '') +
    (o.contiguous ? ' --contiguous' : ''),
  list: (o) =>
    ' TIME' +
    (o.start !== 0 || o.stop !== DAY - 1 ? ` from ${clockText(o.start)} to ${clockText(o.stop)}` : '') +
    (o.weekdays !== ALL_WEEKDAYS ? ` on ${weekdayText(o.weekdays)}` : '') +
    (o.monthdays !== ALL_MONTHDAYS ? ` on ${bits(o.monthdays, 1, 31).map(ordinal).join(',')}` : '') +
    (o.dateStart !== 0 ? ` starting from ${dateText(o.dateStart).replace('T', ' ')}` : '') +
    (o.dateStop !== MAX_DATE ? ` until date ${dateText(o.dateStop).replace('T', ' ')}` : '') +
    (o.kerneltz ? '' : ' UTC') +
    (o.contiguous ? ' contiguous' : ''),
  run: (o, ns) => {
    const { sim } = ns.kernel;
    return () => {
      let now = Math.floor((sim.epochMs + sim.now / 1000) / 1000);
      if (now < o.dateStart || now > o.dateStop) return false;
      const s = now % DAY;
      if (o.start < o.stop) {
        if (s < o.start || s > o.stop) return false;
      } else {
        if (s < o.start && s > o.stop) return false;
        if (o.contiguous && s <= o.stop) now -= DAY;
      }
      const days = Math.floor(now / DAY);
      const weekday = ((days + 3) % 7) + 1;
      if (((o.weekdays >>> weekday) & 1) === 0) return false;
      return ((o.monthdays >>> fromDays(days)[2]) & 1) === 1;
    };
  },
};
