/** type, hash; what a name means as a command. */

import { findExecutable } from '../../../os/exec.ts';
import { printFunction } from '../print.ts';
import type { Shell } from '../state.ts';
import { builtins } from './index.ts';
import { type Builtin, complain, options, output } from './types.ts';

export const KEYWORDS = [
  '!',
  '[[',
  ']]',
  'case',
  'coproc',
  'do',
  'done',
  'elif',
  'else',
  'esac',
  'fi',
  'for',
  'function',
  'if',
  'in',
  'select',
  'then',
  'time',
  'until',
  'while',
  '{',
  '}',
];

/** `short` as command -v, `long` as type, `word` as type -t, `path` as type -p. */
export function describeCommand(sh: Shell, name: string, form: 'short' | 'long' | 'word' | 'path', all: boolean): string[] {
  const out: string[] = [];
  const add = (short: string, long: string, word: string): void => {
    if (form === 'path' && word !== 'file') return;
    out.push(`${form === 'short' || form === 'path' ? short : form === 'long' ? long : word}\n`);
  };
  const alias = sh.aliases.get(name);
  if (alias !== undefined && (sh.interactive || sh.opt('expand_aliases')))
    add(`alias ${name}='${alias}'`, `${name} is aliased to \`${alias}'`, 'alias');
  if ((all || out.length === 0) && KEYWORDS.includes(name)) add(name, `${name} is a shell keyword`, 'keyword');
  const fn = sh.functions.get(name);
  if ((all || out.length === 0) && fn) add(name, `${name} is a function\n${printFunction(name, fn).trimEnd()}`, 'function');
  if ((all || out.length === 0) && builtins.has(name)) add(name, `${name} is a shell builtin`, 'builtin');
  if (all || out.length === 0) {
    const r = findExecutable(sh.p, name, sh.vars.get('PATH'));
    if (r.ok && (!name.includes('/') || sh.p.canRun([name], sh.vars.exported()).ok)) {
      const hashed = sh.hashed.get(name);
      add(r.value, hashed ? `${name} is hashed (${r.value})` : `${name} is ${r.value}`, 'file');
    }
  }
  return out;
}

export const lookupBuiltins: readonly (readonly [string, Builtin])[] = [
  [
    'type',
    function* (sh, argv) {
      const o = yield* options(sh, argv, 'afptP', 'type [-afptP] name [name ...]');
      if (!o) return 2;
      let status = 0;
      const form = o.flags.has('t') ? 'word' : o.flags.has('p') || o.flags.has('P') ? 'path' : 'long';
      for (const name of o.rest) {
        let lines = describeCommand(sh, name, form, o.flags.has('a'));
        if (o.flags.has('P')) {
          const r = findExecutable(sh.p, name, sh.vars.get('PATH'));
          lines = r.ok ? [`${r.value}\n`] : [];
        }
        if (lines.length > 0) yield* output(sh, 'type', lines.join(''));
        else {
          status = 1;
          if (form === 'long') yield* complain(sh, 'type', `${name}: not found`);
        }
      }
      return status;
    },
  ],
  [
    'hash',
    function* (sh, argv) {
      const o = yield* options(sh, argv, 'lrp:dt', 'hash [-lr] [-p pathname] [-dt] [name ...]');
      if (!o) return 2;
      if (o.flags.has('r')) sh.hashed.clear();
      let status = 0;
      for (const name of o.rest) {
        const r = findExecutable(sh.p, name, sh.vars.get('PATH'));
        if (r.ok && o.flags.has('t')) yield* output(sh, 'hash', `${r.value}\n`);
        else if (r.ok) sh.hashed.set(name, { path: r.value, hits: 0 });
        else {
          yield* complain(sh, 'hash', `${name}: not found`);
          status = 1;
        }
      }
      if (o.rest.length > 0 || o.flags.has('r')) return status;
      if (sh.hashed.size === 0) return yield* output(sh, 'hash', 'hash: hash table empty\n');
      return yield* output(
        sh,
        'hash',
        `hits\tcommand\n${[...sh.hashed.values()].map((h) => `${String(h.hits).padStart(4)}\t${h.path}\n`).join('')}`,
      );
    },
  ],
];
