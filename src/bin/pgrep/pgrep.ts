/** pgrep and killall: processes by name. Models procps 4.0 and psmisc 23 */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { parseSignal, SIGNALS, type Signal } from '../../os/signal.ts';
import { strerror } from '../../sim/errno.ts';
import { getopt } from '../getopt.ts';

const comm = (p: Process): string => p.name.slice(0, 15);

/** All but PID 1's own empty shell and the asker, in order of PID. */
function others(p: Process): Process[] {
  return p.visible().filter((x) => x !== p && p.pidOf(x) !== 1);
}

export const pgrep: Command = {
  name: 'pgrep',
  *main(p) {
    const specs = [
      { short: 'a', long: 'list-full' },
      { short: 'c', long: 'count' },
      { short: 'd', long: 'delimiter', arg: 'required' },
      { short: 'f', long: 'full' },
      { short: 'i', long: 'ignore-case' },
      { short: 'l', long: 'list-name' },
      { short: 'n', long: 'newest' },
      { short: 'o', long: 'oldest' },
      { short: 'P', long: 'parent', arg: 'required' },
      { short: 'v', long: 'inverse' },
      { short: 'x', long: 'exact' },
    ] as const;
    const o = getopt(p.argv.slice(1), specs);
    if (o.error !== null) {
      yield* p.err(`pgrep: ${o.error}\n\nUsage:\n pgrep [options] <pattern>\n`);
      return 2;
    }
    const options = new Map(o.options);
    const pattern = o.operands[0];
    const parents = options.get('parent')?.split(',').map(Number);
    if (pattern === undefined && !parents) {
      yield* p.err("pgrep: no matching criteria specified\nTry `pgrep --help' for more information.\n");
      return 2;
    }
    if (o.operands.length > 1) {
      yield* p.err("pgrep: only one pattern can be provided\nTry `pgrep --help' for more information.\n");
      return 2;
    }
    let re: RegExp | null = null;
    if (pattern !== undefined) {
      try {
        re = new RegExp(options.has('exact') ? `^(?:${pattern})$` : pattern, options.has('ignore-case') ? 'i' : '');
      } catch {
        yield* p.err(`pgrep: invalid regular expression\n`);
        return 2;
      }
    }
    const full = (x: Process): string => x.argv.join(' ');
    let found = others(p).filter((x) => {
      const named = re === null || re.test(options.has('full') ? full(x) : comm(x));
      return (named && (!parents || parents.includes(p.numberOf(x, 'parent')))) !== options.has('inverse');
    });
    if (options.has('newest')) found = found.slice(-1);
    if (options.has('oldest')) found = found.slice(0, 1);
    if (options.has('count')) yield* p.out(`${found.length}\n`);
    else if (found.length > 0) {
      const lines = found.map((x) =>
        options.has('list-full') ? `${p.pidOf(x)} ${full(x)}` : options.has('list-name') ? `${p.pidOf(x)} ${comm(x)}` : String(p.pidOf(x)),
      );
      yield* p.out(`${lines.join(options.get('delimiter') ?? '\n')}\n`);
    }
    return found.length > 0 ? 0 : 1;
  },
};

export const killall: Command = {
  name: 'killall',
  *main(p) {
    let signal: Signal = 'TERM';
    let quiet = false;
    const names: string[] = [];
    const args = p.argv.slice(1);
    for (let i = 0; i < args.length; i++) {
      const a = args[i] as string;
      if (a === '-l' || a === '--list') {
        yield* p.out(`${SIGNALS.join(' ')}\n`);
        return 0;
      }
      if (a === '-q' || a === '--quiet') quiet = true;
      else if (a === '-w' || a === '-v' || a === '-e') continue;
      else if (/^-./.test(a)) {
        const spec = a === '-s' || a === '--signal' ? (args[++i] ?? '') : a.slice(1);
        const s = parseSignal(spec);
        if (!s) {
          yield* p.err(`${spec}: unknown signal; killall -l lists signals.\n`);
          return 1;
        }
        signal = s;
      } else names.push(a);
    }
    if (names.length === 0) {
      yield* p.err('Usage: killall [OPTION]... [--] NAME...\n       killall -l, --list\n       killall -V, --version\n');
      return 1;
    }
    let status = 0;
    for (const name of names) {
      const found = others(p).filter((x) => comm(x) === name.slice(0, 15));
      if (found.length === 0) {
        if (!quiet) yield* p.err(`${name}: no process found\n`);
        status = 1;
      }
      for (const x of found) {
        const r = p.kill(p.pidOf(x), signal);
        if (!r.ok) {
          yield* p.err(`${name}(${p.pidOf(x)}): ${strerror(r.errno)}\n`);
          status = 1;
        }
      }
    }
    return status;
  },
};
