/** Options of any program, from what it says of itself. Models _parse_help of bash-completion */

import type { Task } from '../../os/program.ts';
import { HELP } from '../help/texts.ts';
import { supportOf } from '../man/support.ts';
import { type Completer, fallbacks } from '../sh/complete.ts';
import { outputOf } from '../sh/complete-program.ts';
import type { Shell } from '../sh/state.ts';

/** Usage texts do not change: each is asked for once. */
const known = new Map<string, readonly string[]>();

/** The long option of each line, the short one where there is no long. */
export function optionsIn(text: string): string[] {
  const found = new Set<string>();
  for (const line of text.split('\n')) {
    const usage = /^\s*(?:usage:|Usage:|or:|\[)/.test(line);
    if (usage) {
      for (const m of line.matchAll(/\[\s*(-[A-Za-z0-9]|--[a-z][\w-]+)\b/g)) found.add(m[1] as string);
      continue;
    }
    const m = /^\s*(-[^\s,|=[]?[^,\s|=[]*(?:[ =]?[<[]?[A-Za-z0-9_.:|-]+[>\]]?)?(?:\s*(?:,|\||\s)\s*-{1,2}[^\s,|]+)*)/.exec(
      line.replaceAll('--[no-]', '--%'),
    );
    if (!m) continue;
    const long = /(--%?[A-Za-z0-9][\w-]*)(\[?=)?/.exec(m[1] as string);
    if (long) {
      const name = (long[1] as string).replace('%', '');
      found.add(name + (long[2] === '=' ? '=' : ''));
      if ((long[1] as string).includes('%')) found.add(name.replace('--', '--no-'));
    } else {
      const short = /^-[A-Za-z0-9?]\w*/.exec(m[1] as string);
      if (short) found.add(short[0]);
    }
  }
  return [...found];
}

function* ask(sh: Shell, name: string): Task<readonly string[]> {
  const before = known.get(name);
  if (before) return before;
  const own = name === 'curl' ? undefined : HELP[name];
  // What it prints without `all` is a selection.
  const help = name === 'curl' ? ['--help', 'all'] : supportOf(name)?.help;
  const text = own ?? (help && sh.p.which(name).ok ? ((yield* outputOf(sh, [name, ...help], true)) ?? '') : '');
  const options = optionsIn(text);
  known.set(name, options);
  return options;
}

export const optionsOf: Completer = function* ({ sh, words, current }) {
  if (!current.startsWith('-')) return null;
  const name = (words[0] as string).replace(/^.*\//, '');
  const words_ = yield* ask(sh, name);
  if (words_.length === 0) return null;
  const fitting = words_.filter((w) => w.startsWith(current));
  return { words: words_, suffix: fitting.length === 1 && fitting[0]?.endsWith('=') ? '' : ' ' };
};

fallbacks.push(optionsOf);
