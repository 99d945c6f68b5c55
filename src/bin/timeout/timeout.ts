/** timeout: runs a command with a time limit. */

import type { Command } from '../../os/program.ts';
import { parseSignal } from '../../os/signal.ts';
import { strerror } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import { specs } from '../getopt.ts';
import { parseDuration } from '../sleep/sleep.ts';
import { options } from '../text.ts';

export const timeout: Command = {
  name: 'timeout',
  *main(p) {
    const o = yield* options(p, {
      specs: specs('k:kill-after s:signal v.verbose .foreground .preserve-status'),
      help: 'Usage: timeout [OPTION] DURATION COMMAND [ARG]...\nStart COMMAND, and kill it if still running after DURATION.\n',
      status: 125,
      posix: true,
    });
    if (typeof o === 'number') return o;
    const [time, ...argv] = o.operands;
    if (time === undefined || argv.length === 0) {
      yield* p.err("timeout: missing operand\nTry 'timeout --help' for more information.\n");
      return 125;
    }
    const on = new Map(o.options);
    const seconds = parseDuration(time);
    if (seconds === null) {
      yield* p.err(`timeout: invalid time interval ‘${time}’\nTry 'timeout --help' for more information.\n`);
      return 125;
    }
    const signal = parseSignal(on.get('signal') ?? 'TERM') ?? 'TERM';
    const child = p.spawn(argv);
    if (!child.ok) {
      yield* p.err(`timeout: failed to run command ‘${argv[0]}’: ${strerror(child.errno)}\n`);
      return child.errno === 'ENOENT' ? 127 : 126;
    }
    const until = seconds === 0 ? Number.POSITIVE_INFINITY : p.sim.now + seconds * SEC;
    while (!child.value.dead && p.sim.now < until) yield* p.wait({ on: [p.childEvents], ...(Number.isFinite(until) ? { until } : {}) });
    if (child.value.dead) return yield* p.waitPid(child.value);
    if (on.has('verbose')) yield* p.err(`timeout: sending signal ${signal} to command ‘${argv[0]}’\n`);
    p.kill(p.pidOf(child.value), signal);
    const grace = on.has('kill-after') ? p.sim.now + (parseDuration(on.get('kill-after') as string) ?? 0) * SEC : undefined;
    while (!child.value.dead && (grace === undefined || p.sim.now < grace)) yield* p.wait({ on: [p.childEvents], until: grace });
    if (!child.value.dead) {
      if (on.has('verbose')) yield* p.err(`timeout: sending signal KILL to command ‘${argv[0]}’\n`);
      p.kill(p.pidOf(child.value), 'KILL');
    }
    const status = yield* p.waitPid(child.value);
    return on.has('preserve-status') || status === 137 ? status : 124;
  },
};
