/** exit, return, loops, eval, source, exec, trap, command, builtin, shift, getopts, let … */

import { findExecutable } from '../../../os/exec.ts';
import type { Task } from '../../../os/process.ts';
import { parseSignal, SIGNALS, type Signal, signalByNumber } from '../../../os/signal.ts';
import { strerror } from '../../../sim/errno.ts';
import { ArithError } from '../arith.ts';
import { rawArithmetic } from '../arithmetic.ts';
import { runText } from '../interpret.ts';
import { state } from '../jobs.ts';
import { waitForeground } from '../pipeline.ts';
import { replace, startProgram } from '../simple.ts';
import { ExitShell, LoopControl, ReturnFrom, type Shell } from '../state.ts';
import { builtins } from './index.ts';
import { describeCommand } from './lookup.ts';
import { type Builtin, complain, options, output } from './types.ts';

const loop = (kind: 'break' | 'continue'): Builtin =>
  function* (sh, argv) {
    if (sh.loopDepth === 0) {
      yield* complain(sh, kind, "only meaningful in a `for', `while', or `until' loop");
      return 0;
    }
    const n = argv[1] === undefined ? 1 : Number(argv[1]);
    if (!Number.isInteger(n)) {
      yield* complain(sh, kind, `${argv[1]}: numeric argument required`);
      throw new ExitShell(128);
    }
    if (n < 1) {
      yield* complain(sh, kind, `${argv[1]}: loop count out of range`);
      throw new LoopControl('break', sh.loopDepth);
    }
    throw new LoopControl(kind, Math.min(n, sh.loopDepth));
  };

const source: Builtin = function* (sh, argv) {
  const name = argv[0] as string;
  const file = argv[1];
  if (file === undefined) {
    yield* complain(sh, name, 'filename argument required');
    yield* sh.p.err(`${name}: usage: ${name} filename [arguments]\n`);
    return 2;
  }
  let path = file;
  if (!file.includes('/')) {
    for (const dir of (sh.vars.get('PATH') ?? '').split(':')) {
      const s = sh.p.stat(`${dir}/${file}`);
      if (s.ok && s.value.kind === 'file') {
        path = `${dir}/${file}`;
        break;
      }
    }
  }
  const r = sh.p.readFile(path);
  if (!r.ok) {
    yield* sh.warn(r.errno === 'EISDIR' ? `${name}: ${file}: is a directory` : `${file}: ${strerror(r.errno)}`);
    return 1;
  }
  const args = sh.args;
  if (argv.length > 2) sh.args = argv.slice(2);
  sh.sourceDepth++;
  const saved = sh.sourceName;
  sh.sourceName = path;
  try {
    return yield* runText(sh, new TextDecoder().decode(r.value), file);
  } catch (e) {
    if (e instanceof ReturnFrom) return e.status;
    throw e;
  } finally {
    sh.sourceDepth--;
    sh.sourceName = saved;
    if (argv.length > 2) sh.args = args;
  }
};

/** A signal's spelling in trap: EXIT, ERR, INT, SIGINT, 2. */
function trapName(text: string): string | null {
  const upper = text.toUpperCase().replace(/^SIG/, '');
  if (text === '0' || upper === 'EXIT') return 'EXIT';
  if (['ERR', 'DEBUG', 'RETURN'].includes(upper)) return upper;
  return parseSignal(text) ?? null;
}

const shown = (name: string): string => (['EXIT', 'ERR', 'DEBUG', 'RETURN'].includes(name) ? name : `SIG${name}`);

/** Lets the process do what the trap table says. */
export function armSignal(sh: Shell, signal: Signal): void {
  const action = sh.traps.get(signal);
  if (action === undefined) sh.resetSignal(signal);
  else if (action === '') sh.p.onSignal(signal, 'ignore');
  else sh.p.onSignal(signal, () => sh.pendingTraps.push(signal));
}

const trap: Builtin = function* (sh, argv) {
  const args = argv.slice(1);
  if (args[0] === '-l') return yield* output(sh, 'trap', signalList());
  if (args[0] === '--') args.shift();
  if (args.length === 0 || args[0] === '-p') {
    const wanted = args.slice(1).map(trapName);
    const order = ['EXIT', ...SIGNALS, 'DEBUG', 'ERR', 'RETURN'];
    const rows = [...sh.traps]
      .filter(([n]) => wanted.length === 0 || wanted.includes(n))
      .sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
    return yield* output(sh, 'trap', rows.map(([n, a]) => `trap -- '${a.replace(/'/g, "'\\''")}' ${shown(n)}\n`).join(''));
  }
  const first = args[0] as string;
  // One argument alone that is a signal (or a number): back to the default.
  const reset = first === '-' || (args.length === 1 && trapName(first) !== null) || /^\d+$/.test(first);
  const names = reset && first !== '-' ? args : args.slice(1);
  if (names.length === 0) {
    yield* sh.p.err('trap: usage: trap [-lp] [[arg] signal_spec ...]\n');
    return 2;
  }
  let status = 0;
  for (const text of names) {
    const name = trapName(text);
    if (!name) {
      yield* complain(sh, 'trap', `${text}: invalid signal specification`);
      status = 1;
      continue;
    }
    if (reset) sh.traps.delete(name);
    else sh.traps.set(name, first);
    if (!['EXIT', 'ERR', 'DEBUG', 'RETURN'].includes(name)) armSignal(sh, name as Signal);
  }
  return status;
};

export function signalList(): string {
  let out = '';
  for (let n = 1; n <= 31; n++) out += `${String(n).padStart(2)}) SIG${(signalByNumber(n) ?? '').padEnd(8)}${n % 5 === 0 ? '\n' : '\t'}`;
  return `${out.trimEnd()}\n`;
}

const getopts: Builtin = function* (sh, argv) {
  const [, spec, name, ...given] = argv;
  if (spec === undefined || name === undefined) {
    yield* sh.p.err('getopts: usage: getopts optstring name [arg ...]\n');
    return 2;
  }
  const args = argv.length > 3 ? given : sh.args;
  const silent = spec.startsWith(':');
  let index = Number(sh.vars.get('OPTIND') ?? 1) || 1;
  if (sh.getoptsIndex !== index) sh.getoptsAt = 0;
  const finish = function* (value: string, arg: string | null, status: number) {
    sh.getoptsIndex = index;
    yield* sh.assign('OPTIND', String(index));
    yield* sh.assign(name, value);
    if (arg === null) sh.vars.unset('OPTARG');
    else yield* sh.assign('OPTARG', arg);
    return status;
  };
  const word = args[index - 1];
  if (sh.getoptsAt === 0) {
    if (word === undefined || !/^-./.test(word)) return yield* finish('?', null, 1);
    if (word === '--') {
      index++;
      return yield* finish('?', null, 1);
    }
    sh.getoptsAt = 1;
  }
  const letter = (word as string)[sh.getoptsAt++] as string;
  const wordDone = sh.getoptsAt >= (word as string).length;
  const at = letter === ':' ? -1 : spec.indexOf(letter);
  const leave = (): void => {
    index++;
    sh.getoptsAt = 0;
  };
  if (at < 0) {
    if (wordDone) leave();
    if (!silent) yield* sh.p.err(`${sh.arg0}: illegal option -- ${letter}\n`);
    return yield* finish('?', silent ? letter : null, 0);
  }
  if (spec[at + 1] !== ':') {
    if (wordDone) leave();
    return yield* finish(letter, null, 0);
  }
  let value: string | undefined = wordDone ? undefined : (word as string).slice(sh.getoptsAt);
  leave();
  if (value === undefined) {
    value = args[index - 1];
    if (value === undefined) {
      if (!silent) yield* sh.p.err(`${sh.arg0}: option requires an argument -- ${letter}\n`);
      return yield* finish(silent ? ':' : '?', silent ? letter : null, 0);
    }
    index++;
  }
  return yield* finish(letter, value, 0);
};

const succeed: Builtin = function* (sh) {
  yield* sh.p.charge(1);
  return 0;
};

const refuse: Builtin = function* (sh) {
  yield* sh.p.charge(1);
  return 1;
};

export const controlBuiltins: readonly (readonly [string, Builtin])[] = [
  [':', succeed],
  ['true', succeed],
  ['false', refuse],
  ['break', loop('break')],
  ['continue', loop('continue')],
  ['source', source],
  ['.', source],
  ['trap', trap],
  ['getopts', getopts],
  ['exit', exit],
  ['logout', exit],
  [
    'return',
    function* (sh, argv) {
      if (sh.frames.length === 0 && sh.sourceDepth === 0) {
        yield* complain(sh, 'return', "can only `return' from a function or sourced script");
        return 2;
      }
      if (argv[1] !== undefined && !/^-?\d+$/.test(argv[1])) {
        yield* complain(sh, 'return', `${argv[1]}: numeric argument required`);
        throw new ReturnFrom(2);
      }
      throw new ReturnFrom(argv[1] === undefined ? sh.status : Number(argv[1]) & 255);
    },
  ],
  [
    'eval',
    function* (sh, argv) {
      const args = argv[1] === '--' ? argv.slice(2) : argv.slice(1);
      if (args.length === 0) return 0;
      return yield* runText(sh, args.join(' '));
    },
  ],
  [
    'exec',
    function* (sh, argv, ctx) {
      let args = argv.slice(1);
      let arg0: string | null = null;
      for (;;) {
        if (args[0] === '-a') {
          arg0 = args[1] ?? '';
          args = args.slice(2);
        } else if (args[0] === '-c' || args[0] === '-l') args = args.slice(1);
        else break;
      }
      if (args[0] === '--') args = args.slice(1);
      if (args.length === 0) {
        ctx.keep();
        return 0;
      }
      void arg0;
      const found = findExecutable(sh.p, args[0] as string, sh.vars.get('PATH'));
      if (!found.ok) {
        yield* complain(sh, 'exec', `${args[0]}: ${found.errno === 'ENOENT' ? 'not found' : `cannot execute: ${strerror(found.errno)}`}`);
        if (!sh.interactive && !sh.opt('execfail')) throw new ExitShell(found.errno === 'ENOENT' ? 127 : 126);
        return found.errno === 'ENOENT' ? 127 : 126;
      }
      const status = yield* replace(sh, args);
      if (!sh.interactive && !sh.opt('execfail')) throw new ExitShell(status);
      return status;
    },
  ],
  [
    'command',
    function* (sh, argv, ctx) {
      const o = yield* options(sh, argv, 'pvV', 'command [-pVv] command [arg ...]');
      if (!o) return 2;
      if (o.flags.has('v') || o.flags.has('V')) {
        let status = o.rest.length === 0 ? 0 : 1;
        for (const name of o.rest) {
          const lines = describeCommand(sh, name, o.flags.has('V') ? 'long' : 'short', false);
          if (lines.length > 0) {
            status = 0;
            yield* output(sh, 'command', lines.join(''));
          } else if (o.flags.has('V')) yield* complain(sh, 'command', `${name}: not found`);
        }
        return status;
      }
      const name = o.rest[0];
      if (name === undefined) return 0;
      const builtin = builtins.get(name);
      if (builtin) return yield* builtin(sh, o.rest, ctx);
      const child = yield* startProgram(sh, o.rest, false);
      if (typeof child === 'number') return child;
      return yield* waitForeground(sh, [child], child.pgid, () => o.rest.join(' '));
    },
  ],
  [
    'builtin',
    function* (sh, argv, ctx) {
      const name = argv[1];
      if (name === undefined) return 0;
      const builtin = builtins.get(name);
      if (!builtin) {
        yield* complain(sh, 'builtin', `${name}: not a shell builtin`);
        return 1;
      }
      return yield* builtin(sh, argv.slice(1), ctx);
    },
  ],
  [
    'shift',
    function* (sh, argv) {
      const n = argv[1] === undefined ? 1 : Number(argv[1]);
      if (!Number.isInteger(n)) {
        yield* complain(sh, 'shift', `${argv[1]}: numeric argument required`);
        return 1;
      }
      if (n < 0) {
        yield* complain(sh, 'shift', `${argv[1]}: shift count out of range`);
        return 1;
      }
      if (n > sh.args.length) return 1;
      sh.args = sh.args.slice(n);
      return 0;
    },
  ],
  [
    'let',
    function* (sh, argv) {
      if (argv.length < 2) {
        yield* complain(sh, 'let', 'expression expected');
        return 1;
      }
      let value = 0n;
      for (const e of argv.slice(1)) {
        try {
          value = yield* rawArithmetic(sh, e);
        } catch (error) {
          if (!(error instanceof ArithError)) throw error;
          yield* complain(sh, 'let', error.text);
          return 1;
        }
      }
      return value === 0n ? 1 : 0;
    },
  ],
  [
    'times',
    function* (sh) {
      const t = `0m${(sh.p.cpuTime / 1e6).toFixed(3)}s 0m0.000s\n`;
      return yield* output(sh, 'times', `${t}0m0.000s 0m0.000s\n`);
    },
  ],
];

/** Leaving with stopped jobs is refused once. */
export function* stoppedJobs(sh: Shell): Task<boolean> {
  if (sh.exitWarned || !sh.jobs.list.some((j) => state(j) === 'Stopped')) return false;
  yield* sh.p.err('There are stopped jobs.\n');
  sh.exitWarned = true;
  return true;
}

function* exit(sh: Shell, argv: readonly string[]) {
  const arg = argv[1];
  if (sh.interactive && sh.subshellLevel === 0) yield* sh.p.err(argv[0] === 'logout' ? '' : 'exit\n');
  if (sh.interactive && sh.subshellLevel === 0 && (yield* stoppedJobs(sh))) return 1;
  if (arg !== undefined && !/^\s*-?\d+\s*$/.test(arg)) {
    yield* complain(sh, 'exit', `${arg}: numeric argument required`);
    throw new ExitShell(2);
  }
  if (argv.length > 2) {
    yield* complain(sh, 'exit', 'too many arguments');
    return 1;
  }
  throw new ExitShell(arg === undefined ? sh.status : Number(arg) & 255);
}
