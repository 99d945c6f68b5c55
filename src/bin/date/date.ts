/** date: the machine's virtual wall clock, in UTC. */

import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { getopt, specs } from '../getopt.ts';
import { strftime } from '../strftime.ts';

/** GNU date's own conversions beside the C library's: `%N`, `%3N`, `%:z`; `us` is microseconds since 1970. */
export function dateText(format: string, us: number): string {
  const nanoseconds = `${String(us % 1_000_000).padStart(6, '0')}000`;
  const c = format.replace(/%(?:%|:z|[-_0]?(\d*)N)/g, (all, width: string | undefined) => {
    if (all.endsWith('N')) return width ? nanoseconds.slice(0, Number(width)) : nanoseconds;
    return all === '%:z' ? '+00:00' : all;
  });
  return strftime(c, us / 1_000_000);
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
    yield* p.out(`${dateText(format, us)}\n`);
    return 0;
  },
};
