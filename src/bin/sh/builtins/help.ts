/** help, and --help of builtins: the list and the synopses are bash's; the long texts are not emulated. */

import type { Task } from '../../../os/process.ts';
import { patternRegExp } from '../pattern.ts';
import { BASH_VERSION, type Shell } from '../state.ts';
import { SYNOPSES } from './synopses.ts';
import { type Builtin, complain, options, output } from './types.ts';

const HEAD = `GNU bash, version ${BASH_VERSION} (x86_64-pc-linux-gnu)
These shell commands are defined internally.  Type \`help' to see this list.
Type \`help name' to find out more about the function \`name'.
Use \`info bash' to find out more about the shell in general.
Use \`man -k' or \`info' to find out more about commands not in this list.

A star (*) next to a name means that the command is disabled.

`;

/** Two columns, each cut with a > at half the width. Models show_builtin_command_help(). */
function list(cols: number): string {
  const width = Math.min(Math.floor(cols / 2), 128);
  const height = Math.ceil(SYNOPSES.length / 2);
  const cell = (i: number, room: number): string => {
    const text = ` ${(SYNOPSES[i] as (typeof SYNOPSES)[number])[1]}`;
    return text.length > room ? `${text.slice(0, room - 1)}>` : text;
  };
  let out = '';
  for (let i = 0; i < height; i++)
    out += i + height < SYNOPSES.length ? `${cell(i, width - 1).padEnd(width)}${cell(i + height, width - 2)}\n` : `${cell(i, width - 1)}\n`;
  return out;
}

const NOT_EMULATED = '    The long help texts are not emulated; see bash(1).\n';

/** The text of one builtin, or null when there is none of that name. */
export function helpText(name: string): string | null {
  const row = SYNOPSES.find(([n]) => n === name);
  return row ? `${row[0]}: ${row[1]}\n    ${row[2]}\n    \n${NOT_EMULATED}` : null;
}

function* help(sh: Shell, argv: readonly string[]): Task<number> {
  const o = yield* options(sh, argv, 'dms', 'help [-dms] [pattern ...]');
  if (!o) return 2;
  if (o.rest.length === 0) return yield* output(sh, 'help', HEAD + list(sh.p.winsize(1)?.cols ?? 80));
  let status = 1;
  for (const pattern of o.rest) {
    const glob = /[*?]|\[.*\]/.test(pattern);
    const exact = SYNOPSES.filter(([n]) => n === pattern);
    const re = patternRegExp([{ text: pattern, quoted: false }], { extglob: false, nocase: false }, 'start');
    const found = exact.length > 0 ? exact : SYNOPSES.filter(([n]) => re.test(n));
    if (glob && found.length > 0) yield* output(sh, 'help', `Shell commands matching keyword \`${pattern}'\n\n`);
    for (const [name, synopsis, description] of found) {
      status = 0;
      yield* output(
        sh,
        'help',
        o.flags.has('d') ? `${name} - ${description}\n` : o.flags.has('s') ? `${name}: ${synopsis}\n` : (helpText(name) ?? ''),
      );
    }
  }
  const last = o.rest[o.rest.length - 1] as string;
  if (status !== 0)
    yield* complain(sh, 'help', `no help topics match \`${last}'.  Try \`help help' or \`man -k ${last}' or \`info ${last}'.`);
  return status;
}

export const helpBuiltins: readonly (readonly [string, Builtin])[] = [['help', help]];
