/** Programs that complete their own command line (`NAME __complete WORDS`), as their scripts for bash-completion ask them. Models cobra's bash_completionsV2.go */

import type { Task } from '../../os/program.ts';
import { timeLimit } from '../../os/threads.ts';
import { SEC } from '../../sim/sim.ts';
import type { Shell } from './state.ts';

const ANSWER_TIME = 5 * SEC;
const SCRIPTS = '/usr/share/bash-completion/completions';
/** cobra.ShellCompDirective */
const ERROR = 1;
const NO_SPACE = 2;
const NO_FILES = 4;
const DIRECTORIES = 16;
const KEEP_ORDER = 32;

export interface Told {
  readonly words: readonly string[];
  readonly shown: readonly string[];
  readonly suffix: string;
  readonly files: 'all' | 'dir' | null;
  readonly ordered: boolean;
}

/** A descriptor's text, or null when the program took too long. */
export function* outputOf(sh: Shell, argv: readonly string[], both = false): Task<string | null> {
  const { p } = sh;
  const [r, w] = p.pipe();
  const none = p.open('/dev/null', 'rw');
  const [input, output] = [none.ok ? p.file(none.value) : undefined, p.file(w)];
  const child =
    input && output
      ? p.spawn([...argv], {
          env: sh.vars.exported(),
          fds: new Map([
            [0, input],
            [1, output],
            [2, both ? output : input],
          ]),
        })
      : null;
  if (none.ok) p.close(none.value);
  p.close(w);
  if (!child?.ok) {
    p.close(r);
    return null;
  }
  const said = yield* timeLimit(p, p.readAll(r), p.sim.now + ANSWER_TIME);
  p.close(r);
  if (said === null) child.value.raise('KILL');
  yield* p.waitPid(child.value);
  return said?.ok ? new TextDecoder().decode(said.value) : null;
}

export function completesItself(sh: Shell, name: string): boolean {
  return /^[\w.-]+$/.test(name) && sh.p.readText(`${SCRIPTS}/${name}`)?.includes('__complete') === true;
}

export function* askProgram(sh: Shell, words: readonly string[]): Task<Told> {
  const text = (yield* outputOf(sh, [words[0] as string, '__complete', ...words.slice(1)])) ?? '';
  const lines = text.split('\n');
  const directive = Number(lines.find((l) => /^:\d+$/.test(l))?.slice(1) ?? 0);
  const rows = lines.filter((l) => l !== '' && !/^:\d+$/.test(l) && !l.startsWith('_activeHelp_')).map((l) => l.split('\t'));
  const none: Told = { words: [], shown: [], suffix: ' ', files: null, ordered: false };
  if ((directive & ERROR) !== 0) return none;
  return {
    words: rows.map(([w]) => w as string),
    shown: described(sh, rows),
    suffix: (directive & NO_SPACE) !== 0 ? '' : ' ',
    files: (directive & DIRECTORIES) !== 0 ? 'dir' : (directive & NO_FILES) !== 0 ? null : 'all',
    ordered: (directive & KEEP_ORDER) !== 0,
  };
}

/** `name   (what it is)`, cut to the screen's width. */
function described(sh: Shell, rows: readonly string[][]): string[] {
  const longest = Math.max(0, ...rows.map(([w]) => (w as string).length));
  const cols = Number(sh.vars.get('COLUMNS') ?? 80) || 80;
  return rows.map(([word, about]) => {
    if (!about) return word as string;
    const room = longest <= cols ? cols - longest - 4 : cols - (word as string).length - 4;
    if (room <= 8) return word as string;
    const text = about.length > room ? `${about.slice(0, room - 1)}…` : about;
    return `${(word as string).padEnd(longest)}  (${text})`;
  });
}
