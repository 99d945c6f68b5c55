/** date: the machine's virtual wall clock, in UTC. */

import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { getopt, specs } from '../getopt.ts';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];

const two = (n: number): string => String(n).padStart(2, '0');

/** strftime for UTC; `us` is microseconds since 1970. */
export function strftime(format: string, us: number): string {
  const d = new Date(Math.floor(us / 1000));
  const day = d.getUTCDay();
  const year = d.getUTCFullYear();
  const yday = Math.floor((Date.UTC(year, d.getUTCMonth(), d.getUTCDate()) - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
  const hour12 = d.getUTCHours() % 12 || 12;
  const f: Record<string, () => string> = {
    Y: () => String(year),
    y: () => two(year % 100),
    m: () => two(d.getUTCMonth() + 1),
    d: () => two(d.getUTCDate()),
    e: () => String(d.getUTCDate()).padStart(2),
    H: () => two(d.getUTCHours()),
    I: () => two(hour12),
    M: () => two(d.getUTCMinutes()),
    S: () => two(d.getUTCSeconds()),
    N: () => `${String(us % 1_000_000).padStart(6, '0')}000`,
    p: () => (d.getUTCHours() < 12 ? 'AM' : 'PM'),
    s: () => String(Math.floor(us / 1_000_000)),
    a: () => (DAYS[day] as string).slice(0, 3),
    A: () => DAYS[day] as string,
    b: () => (MONTHS[d.getUTCMonth()] as string).slice(0, 3),
    h: () => (MONTHS[d.getUTCMonth()] as string).slice(0, 3),
    B: () => MONTHS[d.getUTCMonth()] as string,
    j: () => String(yday).padStart(3, '0'),
    u: () => String(day || 7),
    w: () => String(day),
    Z: () => 'UTC',
    z: () => '+0000',
    n: () => '\n',
    t: () => '\t',
    '%': () => '%',
    F: () => strftime('%Y-%m-%d', us),
    T: () => strftime('%H:%M:%S', us),
    R: () => strftime('%H:%M', us),
    D: () => strftime('%m/%d/%y', us),
    r: () => strftime('%I:%M:%S %p', us),
    c: () => strftime('%a %b %e %H:%M:%S %Y', us),
    x: () => strftime('%m/%d/%y', us),
    X: () => strftime('%H:%M:%S', us),
  };
  return format.replace(/%([-_0]?)(\d*):?([a-zA-Z%])/g, (all, pad: string, width: string, c: string) => {
    if (c === 'N' && width) return (f.N as () => string)().slice(0, Number(width));
    const text = f[c]?.();
    if (text === undefined) return all;
    return pad === '-' ? text.replace(/^[0 ]+(?=.)/, '') : text;
  });
}

export const date: Command = {
  name: 'date',
  path: '/bin/date',
  *main(p) {
    const o = getopt(p.argv.slice(1), specs('u.utc d:date I?iso-8601 R.rfc-email s:set r:reference .help :rfc-3339'));
    if (o.error !== null) {
      yield* p.err(`date: ${o.error}\nTry 'date --help' for more information.\n`);
      return 1;
    }
    let us = p.sim.epochMs * 1000 + p.sim.now;
    let format = '%a %b %e %H:%M:%S %Z %Y';
    for (const [k, v] of o.options) {
      if (k === 'date') {
        const m = /^@(\d+)$/.exec(v);
        const parsed = m
          ? Number(m[1]) * 1000
          : v === 'now'
            ? Math.floor(us / 1000)
            : Date.parse(/[zZ]|[+-]\d\d:?\d\d$/.test(v) ? v : `${v.replace(' ', 'T')}${v.includes(':') ? 'Z' : ''}`);
        if (Number.isNaN(parsed)) {
          yield* p.err(`date: invalid date ‘${v}’\n`);
          return 1;
        }
        us = parsed * 1000;
      } else if (k === 'reference') {
        const s = p.stat(v);
        if (!s.ok) {
          yield* p.err(`date: ${v}: ${strerror(s.errno)}\n`);
          return 1;
        }
        us = p.sim.epochMs * 1000 + s.value.mtime;
      } else if (k === 'iso-8601') format = v.startsWith('s') ? '%Y-%m-%dT%H:%M:%S+00:00' : '%Y-%m-%d';
      else if (k === 'rfc-email') format = '%a, %d %b %Y %H:%M:%S +0000';
      else if (k === 'rfc-3339') format = '%Y-%m-%d %H:%M:%S+00:00';
      else if (k === 'set') {
        yield* p.err('date: cannot set date: Operation not permitted\n');
        return 1;
      }
    }
    const operand = o.operands[0];
    if (operand !== undefined) {
      if (!operand.startsWith('+')) {
        yield* p.err(`date: invalid date ‘${operand}’\n`);
        return 1;
      }
      format = operand.slice(1);
    }
    yield* p.out(`${strftime(format, us)}\n`);
    return 0;
  },
};
