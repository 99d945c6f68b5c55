/** Programs that run another one: the command behind their own options and operands is completed as if it stood alone. */

import { type Asked, type Completer, completers, type Offer } from '../sh/complete.ts';
import { devices, namespaces, pids, userNames } from './lists.ts';

interface Wrapper {
  /** Options that take a word of their own. */
  readonly takes?: RegExp;
  /** Operands before the command. */
  readonly operands?: number;
  /** NAME=value may stand before it. */
  readonly variables?: boolean;
  /** What stands behind an option. */
  readonly values?: (at: Asked) => readonly string[] | null;
}

const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  sudo: {
    takes: /^(-[ughpCTR]|--user|--group)$/,
    variables: true,
    values: ({ sh, previous }) => (/^(-u|--user)$/.test(previous) ? userNames(sh) : null),
  },
  watch: { takes: /^(-n|--interval)$/ },
  xargs: { takes: /^-[IELnPsda]$/ },
  why: {},
  time: {},
  nohup: {},
  setsid: {},
  nice: { takes: /^-n$/ },
  timeout: { takes: /^(-[ks]|--signal|--kill-after)$/, operands: 1 },
  env: { takes: /^-[uCS]$/, variables: true },
  strace: { takes: /^-[eopPsu]$/ },
  unshare: {},
  nsenter: {
    takes: /^(-t|--target|-S|--setuid|-G|--setgid)$/,
    values: ({ sh, previous }) => (/^(-t|--target)$/.test(previous) ? pids(sh) : null),
  },
  chroot: { operands: 1 },
};

const inside =
  (w: Wrapper): Completer =>
  (at): Offer | readonly string[] | null => {
    const { words } = at;
    const last = words.length - 1;
    let operands = w.operands ?? 0;
    for (let i = 1; i <= last; i++) {
      const word = words[i] as string;
      if (word === '--' && i < last) return { command: i + 1 };
      if (word.startsWith('-')) {
        if (i === last) return null;
        if (w.takes?.test(word)) {
          if (i + 1 === last) return w.values?.(at) ?? { files: 'all' };
          i++;
        }
        continue;
      }
      if (w.variables && /^\w+=/.test(word)) {
        if (i === last) return { files: 'all' };
        continue;
      }
      if (operands-- > 0) {
        if (i === last) return null;
        continue;
      }
      return { command: i };
    }
    return null;
  };

for (const [name, wrapper] of Object.entries(WRAPPERS)) completers.set(name, inside(wrapper));

/** `ip netns exec NS COMMAND`: the index where the command stands, or null. */
export function netnsExec(words: readonly string[]): number | null {
  const at = words.findIndex((w, i) => i > 0 && /^(netns|netn|net)$/.test(w));
  if (at < 0 || !/^e(x(ec?)?)?$/.test(words[at + 1] ?? '')) return null;
  return words.length - 1 >= at + 3 ? at + 3 : null;
}

export { devices, namespaces };
