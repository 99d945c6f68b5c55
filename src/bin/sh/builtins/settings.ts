/** set, shopt, umask, ulimit. */

import type { Task } from '../../../os/process.ts';
import { printFunction } from '../print.ts';
import { SET_OPTIONS, type Shell } from '../state.ts';
import { singleQuoted } from '../vars.ts';
import { declaration } from './declare.ts';
import { type Builtin, complain, options, output, usage } from './types.ts';

const SET_USAGE = 'set [-abefhkmnptuvxBCEHPT] [-o option-name] [--] [-] [arg ...]';

function* listVariables(sh: Shell): Task<number> {
  let text = '';
  for (const name of sh.vars.names()) {
    const v = sh.vars.find(name);
    if (!v) continue;
    if (v.array || v.assoc) text += declaration(name, v).replace(/^declare -\S+ /, '');
    else if (v.value !== undefined) text += `${name}=${v.value === '' ? '' : singleQuoted(v.value)}\n`;
  }
  for (const [name, f] of [...sh.functions].sort((a, b) => (a[0] < b[0] ? -1 : 1))) text += printFunction(name, f);
  return yield* output(sh, 'set', text);
}

/** Switches one option of `set`; false when there is none of that name. */
export function setOption(sh: Shell, name: string, on: boolean): boolean {
  if (!SET_OPTIONS.some(([n]) => n === name)) return false;
  if (on) sh.options.add(name);
  else sh.options.delete(name);
  if (on && name === 'vi') sh.options.delete('emacs');
  if (on && name === 'emacs') sh.options.delete('vi');
  return true;
}

function* set(sh: Shell, argv: readonly string[]): Task<number> {
  if (argv.length === 1) return yield* listVariables(sh);
  let i = 1;
  for (; i < argv.length; i++) {
    const a = argv[i] as string;
    if (a === '--') {
      sh.args = argv.slice(i + 1);
      return 0;
    }
    if (a === '-') {
      sh.options.delete('xtrace');
      sh.options.delete('verbose');
      if (i + 1 < argv.length) sh.args = argv.slice(i + 1);
      return 0;
    }
    if (!/^[-+]./.test(a)) break;
    const on = a.startsWith('-');
    for (const c of a.slice(1)) {
      if (c === 'o') {
        const name = argv[i + 1];
        if (name === undefined || /^[-+]/.test(name)) {
          yield* output(
            sh,
            'set',
            SET_OPTIONS.map(([n]) => (on ? `${n.padEnd(15)}\t${sh.on(n) ? 'on' : 'off'}\n` : `set ${sh.on(n) ? '-' : '+'}o ${n}\n`)).join(
              '',
            ),
          );
          continue;
        }
        i++;
        if (name === 'vi' && on && sh.interactive) {
          yield* complain(sh, 'set', 'vi: this editing mode is not emulated, emacs mode stays');
          return 1;
        }
        if (!setOption(sh, name, on)) {
          yield* complain(sh, 'set', `${name}: invalid option name`);
          return 2;
        }
        continue;
      }
      const found = SET_OPTIONS.find(([, letter]) => letter === c);
      if (!found) return yield* usage(sh, 'set', `${a[0]}${c}`, SET_USAGE);
      setOption(sh, found[0], on);
    }
  }
  if (i < argv.length) sh.args = argv.slice(i);
  return 0;
}

export const settingsBuiltins: readonly (readonly [string, Builtin])[] = [
  ['set', set],
  [
    'shopt',
    function* (sh, argv) {
      const o = yield* options(sh, argv, 'psuqo', 'shopt [-pqsu] [-o] [optname ...]');
      if (!o) return 2;
      const { flags, rest } = o;
      const isSet = (n: string): boolean => (flags.has('o') ? sh.on(n) : sh.opt(n));
      const exists = (n: string): boolean => (flags.has('o') ? SET_OPTIONS.some(([x]) => x === n) : sh.shopt.has(n));
      const row = (n: string): string =>
        flags.has('p')
          ? flags.has('o')
            ? `set ${isSet(n) ? '-' : '+'}o ${n}\n`
            : `shopt ${isSet(n) ? '-s' : '-u'} ${n}\n`
          : `${n.padEnd(15)}\t${isSet(n) ? 'on' : 'off'}\n`;
      if (rest.length === 0) {
        const names = flags.has('o') ? SET_OPTIONS.map(([n]) => n) : [...sh.shopt.keys()].sort();
        return yield* output(
          sh,
          'shopt',
          names
            .filter((n) => !(flags.has('s') && !isSet(n)) && !(flags.has('u') && isSet(n)))
            .map(row)
            .join(''),
        );
      }
      let status = 0;
      for (const name of rest) {
        if (!exists(name)) {
          yield* complain(sh, 'shopt', `${name}: invalid shell option name`);
          status = 1;
        } else if (flags.has('s') || flags.has('u')) {
          if (flags.has('o')) setOption(sh, name, flags.has('s'));
          else sh.shopt.set(name, flags.has('s'));
        } else {
          if (!flags.has('q')) yield* output(sh, 'shopt', row(name));
          if (!isSet(name)) status = 1;
        }
      }
      return status;
    },
  ],
  [
    'umask',
    function* (sh, argv) {
      const o = yield* options(sh, argv, 'pS', 'umask [-p] [-S] [mode]');
      if (!o) return 2;
      const mode = o.rest[0];
      if (mode === undefined) {
        const m = sh.p.umask;
        const symbolic = ['u', 'g', 'o']
          .map((who, i) => `${who}=${['r', 'w', 'x'].filter((_, b) => !((m >> (6 - 3 * i)) & (4 >> b))).join('')}`)
          .join(',');
        return yield* output(
          sh,
          'umask',
          `${o.flags.has('p') ? 'umask ' : ''}${o.flags.has('S') ? `${o.flags.has('p') ? '-S ' : ''}${symbolic}` : m.toString(8).padStart(4, '0')}\n`,
        );
      }
      if (!/^[0-7]+$/.test(mode)) {
        yield* complain(
          sh,
          'umask',
          /^[89\d]+$/.test(mode) ? `${mode}: octal number out of range` : `\`${mode.slice(0, 1)}': invalid symbolic mode operator`,
        );
        return 1;
      }
      sh.p.umask = Number.parseInt(mode, 8) & 0o777;
      return 0;
    },
  ],
  [
    'ulimit',
    function* (sh, argv) {
      const letter =
        argv
          .slice(1)
          .find((a) => /^-[A-Za-z]+$/.test(a) && !/^-[SH]$/.test(a))
          ?.slice(-1) ?? 'f';
      const values: Record<string, string> = { n: '1024', u: '512', s: '8192', p: '8' };
      if (argv.slice(1).some((a) => /^(\d+|unlimited)$/.test(a))) return 0;
      return yield* output(sh, 'ulimit', `${values[letter] ?? 'unlimited'}\n`);
    },
  ],
];
