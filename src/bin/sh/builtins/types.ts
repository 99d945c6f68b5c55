/** What a builtin is, and the helpers that all of them use. */

import type { Assignment } from 'unbash';
import type { Task } from '../../../os/process.ts';
import { strerror } from '../../../sim/errno.ts';
import type { Shell } from '../state.ts';

export interface BuiltinContext {
  /** Array assignments among the arguments, by index in argv (declare -a x=(1 2)). */
  arrays: readonly (Assignment | null | undefined)[];
  /** Nothing follows in this process. */
  last: boolean;
  /** The command's redirections stay (exec). */
  keep: () => void;
}

export type Builtin = (sh: Shell, argv: readonly string[], ctx: BuiltinContext) => Task<number>;

/** `bash: line 1: NAME: TEXT`. */
export function* complain(sh: Shell, name: string, text: string): Task<void> {
  yield* sh.p.err(`${sh.where()}${name}: ${text}\n`);
}

/** Writes to standard output in one piece; a failed write is reported. */
export function* output(sh: Shell, name: string, text: string | Uint8Array): Task<number> {
  if (text.length === 0) return 0;
  const r = yield* sh.p.out(text);
  if (r.ok) return 0;
  yield* complain(sh, name, `write error: ${strerror(r.errno)}`);
  return 1;
}

export function* usage(sh: Shell, name: string, option: string, text: string): Task<number> {
  yield* complain(sh, name, `${option}: invalid option`);
  yield* sh.p.err(`${name}: usage: ${text}\n`);
  return 2;
}

/** Single-letter options before the operands. Null after an error, which is told. */
export function* options(
  sh: Shell,
  argv: readonly string[],
  letters: string,
  help: string,
): Task<{ flags: Map<string, string>; rest: string[]; at: number } | null> {
  const name = argv[0] as string;
  const flags = new Map<string, string>();
  let i = 1;
  for (; i < argv.length; i++) {
    const a = argv[i] as string;
    if (a === '--') {
      i++;
      break;
    }
    if (!/^-./.test(a)) break;
    for (let k = 1; k < a.length; k++) {
      const c = a[k] as string;
      const at = letters.indexOf(c);
      if (c === ':' || at < 0) {
        yield* usage(sh, name, `-${c}`, help);
        return null;
      }
      if (letters[at + 1] === ':') {
        const value = a.slice(k + 1) || argv[++i];
        if (value === undefined) {
          yield* complain(sh, name, `-${c}: option requires an argument`);
          yield* sh.p.err(`${name}: usage: ${help}\n`);
          return null;
        }
        flags.set(c, value);
        break;
      }
      flags.set(c, '');
    }
  }
  return { flags, rest: argv.slice(i), at: i };
}
