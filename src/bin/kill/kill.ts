/** /bin/kill: sends a signal to processes (procps). */

import type { Command } from '../../os/program.ts';
import { parseSignal, SIGNALS, type Signal } from '../../os/signal.ts';
import { strerror } from '../../sim/errno.ts';

export const kill: Command = {
  name: 'kill',
  path: '/bin/kill',
  *main(p) {
    const args = p.argv.slice(1);
    let signal: Signal | 0 = 'TERM';
    const first = args[0] ?? '';
    if (first === '-l' || first === '-L') {
      yield* p.out(`${SIGNALS.join(' ')}\n`);
      return 0;
    }
    if (/^-/.test(first) && first !== '--') {
      const name = first === '-s' ? (args[1] ?? '') : first.slice(1);
      args.splice(0, first === '-s' ? 2 : 1);
      const found = name === '0' ? 0 : parseSignal(name);
      if (found === undefined) {
        yield* p.err(`kill: unknown signal ${name}\n`);
        return 1;
      }
      signal = found;
    } else if (first === '--') args.shift();
    if (args.length === 0) {
      yield* p.err('\nUsage:\n kill [options] <pid> [...]\n');
      return 1;
    }
    let status = 0;
    for (const arg of args) {
      if (!/^-?\d+$/.test(arg)) {
        yield* p.err(`kill: failed to parse argument: '${arg}'\n`);
        return 1;
      }
      const r = p.kill(Number(arg), signal);
      if (r.ok) continue;
      yield* p.err(`kill: (${arg}): ${strerror(r.errno)}\n`);
      status = 1;
    }
    return status;
  },
};

export const pkill: Command = {
  name: 'pkill',
  *main(p) {
    const args = p.argv.slice(1);
    const full = args.includes('-f');
    const named = args.find((a) => /^-[A-Z0-9]+$/.test(a));
    const signal = (named && parseSignal(named.slice(1))) || 'TERM';
    const pattern = args.find((a) => !a.startsWith('-'));
    if (pattern === undefined) {
      yield* p.err("pkill: no matching criteria specified\nTry `pkill --help' for more information.\n");
      return 2;
    }
    let hit = false;
    for (const q of p.visible()) {
      if (q === p || p.pidOf(q) === 1 || !(full ? q.argv.join(' ') : q.name).includes(pattern)) continue;
      if (p.kill(p.pidOf(q), signal).ok) hit = true;
    }
    return hit ? 0 : 1;
  },
};

export const pidof: Command = {
  name: 'pidof',
  *main(p) {
    const names = p.argv.slice(1).filter((a) => !a.startsWith('-'));
    const pids = p
      .visible()
      .filter((q) => names.includes(q.name))
      .map((q) => p.pidOf(q));
    if (pids.length === 0) return 1;
    yield* p.out(`${pids.reverse().join(' ')}\n`);
    return 0;
  },
};
