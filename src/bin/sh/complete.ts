/** Tab completion: commands, files, variables, and what tools register for their own arguments. */

import type { Task } from '../../os/program.ts';
import { timeLimit } from '../../os/threads.ts';
import { SEC } from '../../sim/sim.ts';
import { builtins } from './builtins/index.ts';
import { KEYWORDS } from './builtins/lookup.ts';
import { tildeHome } from './expand.ts';
import type { Completion } from './readline.ts';
import type { Shell } from './state.ts';

/** Candidates for the word at `index`, or null to fall back to file names. */
export type Completer = (sh: Shell, words: readonly string[], index: number) => readonly string[] | null;

/** By command name; a tool's room adds its own. */
export const completers = new Map<string, Completer>();

interface Answer {
  readonly line: string;
  readonly cursor: number;
  readonly candidates: readonly string[];
  readonly suffix: string;
}

/** What a program said last about its own command line. */
const answers = new WeakMap<Shell, Answer>();

const ANSWER_TIME = 5 * SEC;
const SCRIPTS = '/usr/share/bash-completion/completions';
/** cobra.ShellCompDirectiveNoSpace */
const NO_SPACE = 2;

/** Asks a program that completes its own command line (`NAME __completeNoDesc WORDS`), as its script for bash-completion does. */
export function* askProgram(sh: Shell, line: string, cursor: number): Task<void> {
  const segment = /([^;|&(]*)$/.exec(line.slice(0, cursor))?.[1]?.trimStart() ?? '';
  const words = segment.split(/\s+/);
  const name = sh.aliases.get(words[0] as string) ?? (words[0] as string);
  const p = sh.p;
  if (words.length < 2 || !/^[\w.-]+$/.test(name) || !p.readText(`${SCRIPTS}/${name}`)?.includes('__complete')) return;
  const [r, w] = p.pipe();
  const none = p.open('/dev/null', 'rw');
  const [input, output] = [none.ok ? p.file(none.value) : undefined, p.file(w)];
  const child =
    input && output
      ? p.spawn([name, '__completeNoDesc', ...words.slice(1)], {
          env: sh.vars.exported(),
          fds: new Map([
            [0, input],
            [1, output],
            [2, input],
          ]),
        })
      : null;
  if (none.ok) p.close(none.value);
  p.close(w);
  if (!child?.ok) {
    p.close(r);
    return;
  }
  const said = yield* timeLimit(p, p.readAll(r), p.sim.now + ANSWER_TIME);
  p.close(r);
  if (said === null) child.value.raise('KILL');
  yield* p.waitPid(child.value);
  const lines = said?.ok ? new TextDecoder().decode(said.value).split('\n') : [];
  const directive = Number(lines.find((l) => /^:\d+$/.test(l))?.slice(1) ?? 0);
  const candidates = lines.filter((l) => l !== '' && !l.startsWith(':'));
  answers.set(sh, { line, cursor, candidates, suffix: (directive & NO_SPACE) !== 0 ? '' : ' ' });
}

const BREAKS = /[\s;|&()<>="']/;

export function completeLine(sh: Shell, line: string, cursor: number): Completion {
  const before = line.slice(0, cursor);
  let start = before.length;
  while (start > 0 && (!BREAKS.test(before[start - 1] as string) || before[start - 2] === '\\')) start--;
  const word = before.slice(start).replace(/\\(.)/g, '$1');
  const segment = /(?:^|[;|&(]|\b(?:do|then|else|sudo|exec|time)\s)\s*([^;|&(]*)$/.exec(before)?.[1] ?? before;
  const words = segment.split(/\s+/).filter((w, i, all) => w !== '' || i === all.length - 1);
  const index = Math.max(0, words.length - 1);
  const variable = /\$(\{?)([A-Za-z_]\w*)?$/.exec(before);
  if (variable) {
    const prefix = variable[2] ?? '';
    const names = sh.vars.names().filter((n) => n.startsWith(prefix));
    return { start: cursor - prefix.length, candidates: names, shown: names, suffix: variable[1] ? '}' : ' ' };
  }
  const atCommand = index === 0 || /^(\w+=\S*\s+)*\S*$/.test(segment);
  if (atCommand && !word.includes('/')) {
    const names = commandNames(sh, word);
    return { start, candidates: names, shown: names, suffix: ' ' };
  }
  const told = answers.get(sh);
  if (told && told.line === line && told.cursor === cursor && told.candidates.length > 0) {
    const fitting = told.candidates.filter((c) => c.startsWith(word));
    if (fitting.length > 0) return { start, candidates: fitting, shown: fitting, suffix: told.suffix };
  }
  const own = completers.get(words[0] ?? '')?.(sh, words, index);
  if (own && own.length > 0) {
    const fitting = own.filter((c) => c.startsWith(word)).sort();
    if (fitting.length > 0) return { start, candidates: fitting, shown: fitting, suffix: ' ' };
  }
  return files(sh, word, start, atCommand);
}

function commandNames(sh: Shell, prefix: string): string[] {
  const names = new Set<string>();
  const add = (n: string): void => {
    if (n.startsWith(prefix)) names.add(n);
  };
  for (const n of KEYWORDS) add(n);
  for (const n of builtins.keys()) add(n);
  for (const n of sh.functions.keys()) add(n);
  for (const n of sh.aliases.keys()) add(n);
  for (const dir of (sh.vars.get('PATH') ?? '').split(':')) {
    const r = sh.p.readdir(dir);
    if (r.ok) for (const n of r.value) add(n);
  }
  return [...names].sort();
}

function files(sh: Shell, word: string, start: number, executable: boolean): Completion {
  const slash = word.lastIndexOf('/');
  const dir = word.slice(0, slash + 1);
  const prefix = word.slice(slash + 1);
  const tilde = /^~([\w.-]*)\//.exec(dir);
  const home = tilde ? tildeHome(sh, tilde[1] as string) : null;
  const real = home !== null && tilde ? home + dir.slice(tilde[0].length - 1) : dir;
  const r = sh.p.readdir(real === '' ? '.' : real);
  const names = r.ok ? r.value.filter((n) => n.startsWith(prefix) && (prefix.startsWith('.') || !n.startsWith('.'))) : [];
  const isDir = (n: string): boolean => {
    const s = sh.p.stat(real + n);
    return s.ok && s.value.kind === 'dir';
  };
  const kept = executable
    ? names.filter((n) => isDir(n) || sh.p.canRun([real === '' ? `./${n}` : real + n], sh.vars.exported()).ok)
    : names;
  const single = kept.length === 1 && isDir(kept[0] as string);
  return {
    start,
    candidates: kept.map((n) => (dir + n).replace(/[ \\'"$&;|<>()*?[\]`!#]/g, '\\$&')),
    shown: kept.map((n) => (isDir(n) ? `${n}/` : n)),
    suffix: single ? '/' : ' ',
  };
}
