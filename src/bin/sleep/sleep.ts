/** sleep: waits for the sum of its arguments. */

import type { Command } from '../../os/program.ts';
import { SEC } from '../../sim/sim.ts';
import { options } from '../text.ts';

const UNITS: Record<string, number> = { '': 1, s: 1, m: 60, h: 3600, d: 86400 };

/** Seconds of `1.5`, `2m`, `infinity`; null when it is no time. */
export function parseDuration(text: string): number | null {
  if (/^inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
  const m = /^(\d+\.?\d*|\.\d+)([smhd]?)$/.exec(text);
  return m ? Number(m[1]) * (UNITS[m[2] as string] as number) : null;
}

export const sleep: Command = {
  name: 'sleep',
  *main(p) {
    const o = yield* options(p, { specs: [], help: 'Usage: sleep NUMBER[SUFFIX]...\nPause for NUMBER seconds.\n' });
    if (typeof o === 'number') return o;
    const hint = "Try 'sleep --help' for more information.\n";
    if (o.operands.length === 0) {
      yield* p.err(`sleep: missing operand\n${hint}`);
      return 1;
    }
    let total = 0;
    for (const a of o.operands) {
      const s = parseDuration(a);
      if (s === null) {
        yield* p.err(`sleep: invalid time interval ‘${a}’\n${hint}`);
        return 1;
      }
      total += s;
    }
    const until = p.sim.now + Math.min(total, 1e9) * SEC;
    while (p.sim.now < until) yield* p.sleep(until - p.sim.now);
    return 0;
  },
};
