/** history and fc. Models builtins/history.def and fc.def */

import type { Task } from '../../../os/process.ts';
import { strerror } from '../../../sim/errno.ts';
import { addHistory, editText, expandHistory, forgetCurrent, oneLine, writeHistory } from '../history.ts';
import { runText } from '../interpret.ts';
import type { Shell } from '../state.ts';
import { type Builtin, complain, options, output } from './types.ts';

const HISTORY_USAGE = 'history [-c] [-d offset] [n] or history -anrw [filename] or history -ps arg [arg...]';

/** -d N, -d -N, -d N-M: indexes from and to, or null when one is out of range. */
function range(sh: Shell, text: string): [number, number] | null {
  const index = (word: string): number => {
    const n = /^-?\d+$/.test(word) ? Number(word) : Number.NaN;
    return n < 0 ? sh.history.length + n : n - sh.historyBase;
  };
  const m = /^(-?\d+)-(-?\d+)$/.exec(text);
  const [from, to] = m ? [index(m[1] as string), index(m[2] as string)] : [index(text), index(text)];
  const inside = (i: number): boolean => i >= 0 && i < sh.history.length;
  return inside(from) && inside(to) && from <= to ? [from, to] : null;
}

function* withFile(sh: Shell, how: string, given: string | undefined): Task<number> {
  const file = given ?? sh.vars.get('HISTFILE');
  if (!file) return 0;
  if (how === 'a' || how === 'w') {
    if (how === 'a' && sh.historyNew === 0) return 0;
    return writeHistory(sh, file, how === 'a' ? 'append' : 'write') ? 0 : 1;
  }
  const r = sh.p.readFile(file);
  if (!r.ok) {
    yield* complain(sh, 'history', `${file}: cannot read: ${strerror(r.errno)}`);
    return 1;
  }
  const fresh = sh.historyNew;
  for (const line of new TextDecoder().decode(r.value).split('\n').slice(0, -1)) addHistory(sh, line);
  sh.historyNew = fresh;
  return 0;
}

function* history(sh: Shell, argv: readonly string[]): Task<number> {
  const o = yield* options(sh, argv, 'acd:npsrw', HISTORY_USAGE);
  if (!o) return 2;
  const files = ['a', 'n', 'r', 'w'].filter((f) => o.flags.has(f));
  if (files.length > 1) {
    yield* complain(sh, 'history', 'cannot use more than one of -anrw');
    return 1;
  }
  if (o.flags.has('c')) {
    sh.history.length = 0;
    sh.historyNew = 0;
    sh.historyBase = 1;
    sh.historyCurrent = false;
    if (o.rest.length === 0 && files.length === 0) return 0;
  }
  if (o.flags.has('s')) {
    forgetCurrent(sh);
    if (o.rest.length > 0) addHistory(sh, o.rest.join(' '));
    return 0;
  }
  if (o.flags.has('p')) {
    forgetCurrent(sh);
    let status = 0;
    for (const word of o.rest) {
      const r = expandHistory(sh, word);
      if (r.kind === 'error') {
        yield* sh.p.err(r.shown.replace(/^bash: /, `${sh.where()}history: `).replace(/: [^:]*$/, ': history expansion failed\n'));
        status = 1;
      } else yield* output(sh, 'history', `${r.text}\n`);
    }
    return status;
  }
  const d = o.flags.get('d');
  if (d !== undefined) {
    const found = range(sh, d);
    if (!found) {
      yield* complain(sh, 'history', `${d}: history position out of range`);
      return 1;
    }
    sh.history.splice(found[0], found[1] - found[0] + 1);
    return 0;
  }
  if (files.length === 1) return yield* withFile(sh, files[0] as string, o.rest[0]);
  if (o.rest.length > 1) {
    yield* complain(sh, 'history', 'too many arguments');
    return 1;
  }
  const count = o.rest[0] === undefined ? sh.history.length : Number(o.rest[0]);
  if (Number.isNaN(count)) {
    yield* complain(sh, 'history', `${o.rest[0]}: numeric argument required`);
    return 1;
  }
  const from = Math.max(0, sh.history.length - Math.abs(count));
  return yield* output(sh, 'history', numbered(sh, from));
}

function numbered(sh: Shell, from: number): string {
  return sh.history
    .slice(from)
    .map((line, i) => `${String(sh.historyBase + from + i).padStart(5)}  ${line}\n`)
    .join('');
}

const FC_USAGE = 'fc [-e ename] [-lnr] [first] [last] or fc -s [pat=rep] [command]';

/** The index of an entry by number, by negative number, or by how it begins. */
function entry(sh: Shell, list: readonly string[], word: string): number {
  if (/^-?\d+$/.test(word)) {
    const n = Number(word);
    const at = n < 0 ? list.length + n : n === 0 ? list.length - 1 : n - sh.historyBase;
    return Math.min(Math.max(0, at), list.length - 1);
  }
  return list.findLastIndex((l) => l.startsWith(word));
}

function* fc(sh: Shell, argv: readonly string[]): Task<number> {
  // Negative numbers are entries, not options.
  const at = argv.findIndex((a, i) => i > 0 && /^-\d/.test(a));
  const words = at > 0 && argv[at - 1] !== '--' ? [...argv.slice(0, at), '--', ...argv.slice(at)] : argv;
  const o = yield* options(sh, words, 'e:lnrs', FC_USAGE);
  if (!o) return 2;
  const list = sh.historyCurrent ? sh.history.slice(0, -1) : [...sh.history];
  if (o.flags.has('s')) {
    const pairs = o.rest.filter((w) => w.includes('=')).map((w) => [w.slice(0, w.indexOf('=')), w.slice(w.indexOf('=') + 1)] as const);
    const word = o.rest.find((w) => !w.includes('='));
    const index = word === undefined ? list.length - 1 : entry(sh, list, word);
    const found = list[index];
    if (found === undefined) {
      yield* complain(sh, 'fc', 'no command found');
      return 1;
    }
    const text = pairs.reduce((line, [from, to]) => line.replaceAll(from, to), found);
    return yield* again(sh, text);
  }
  const listing = o.flags.has('l');
  if (list.length === 0) return 0;
  const [a, b] = o.rest;
  const first = a === undefined ? (listing ? Math.max(0, list.length - 16) : list.length - 1) : entry(sh, list, a);
  const last = b === undefined ? (listing ? list.length - 1 : first) : entry(sh, list, b);
  if (first < 0 || last < 0) {
    yield* complain(sh, 'fc', 'history specification out of range');
    return 1;
  }
  const reverse = o.flags.has('r') !== first > last;
  const rows = list
    .slice(Math.min(first, last), Math.max(first, last) + 1)
    .map((line, i) => ({ line, n: sh.historyBase + Math.min(first, last) + i }));
  if (reverse) rows.reverse();
  if (listing) return yield* output(sh, 'fc', rows.map(({ line, n }) => `${o.flags.has('n') ? '' : n}\t ${line}\n`).join(''));
  const text = yield* editText(sh, rows.map(({ line }) => line).join('\n'), o.flags.get('e'));
  if (text === null) return 1;
  return yield* again(sh, text.replace(/\n+$/, ''));
}

/** Shows a command, puts it in the place of the one that asked for it, and runs it. */
function* again(sh: Shell, text: string): Task<number> {
  yield* sh.p.err(`${text}\n`);
  forgetCurrent(sh);
  addHistory(sh, oneLine(text));
  return yield* runText(sh, text);
}

export const historyBuiltins: readonly (readonly [string, Builtin])[] = [
  ['fc', fc],
  ['history', history],
];
