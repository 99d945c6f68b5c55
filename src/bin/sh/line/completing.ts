/** What Tab and its kin do with the candidates. Models rl_complete_internal of complete.c */

import type { Task } from '../../../os/program.ts';
import type { EditFunction, LineEditor } from './editor.ts';
import { commonPrefix, list } from './listing.ts';
import type { Completion, CompletionKind } from './types.ts';

function column(e: LineEditor): number {
  return e.text.slice(0, e.point).join('').length;
}

/** Puts text in the place of what stands between `start` (an index into the line) and the point. */
function replace(e: LineEditor, start: number, text: string): void {
  const from = [...e.line.slice(0, start)].length;
  const old = e.text.slice(from, e.point).join('');
  if (old === text) return;
  e.grouped(() => {
    // What stands there already stays: only what is new is inserted.
    if (text.startsWith(old)) e.insertText(text.slice(old.length));
    else {
      e.remove(from, e.point);
      e.insertText(text);
    }
  });
}

function finishSingle(e: LineEditor, c: Completion): void {
  if (c.suffix === '') return;
  const slash = c.suffix.endsWith('/');
  if (slash && e.text[e.point] === '/') {
    e.point++;
    return;
  }
  if (slash || e.point === e.text.length || c.suffix.length > 1 || c.suffix === '}') e.insertText(c.suffix);
}

function* completeAs(e: LineEditor, kind: CompletionKind): Task<void> {
  const before = e.line;
  const at = e.point;
  const again = e.last === 'complete' && e.kept.get('completed') === `${before}\0${at}`;
  const c = yield* e.ctx.complete(before, column(e), kind);
  const { candidates } = c;
  if (candidates.length === 0) {
    e.ding();
    return;
  }
  if (again && candidates.length > 1) {
    list(e, c.shown);
    return;
  }
  const common = commonPrefix(candidates);
  const typed = before.slice(c.start, column(e));
  if (candidates.length === 1 || common.length >= typed.length || !typed.startsWith(common)) replace(e, c.start, common);
  if (candidates.length === 1) finishSingle(e, c);
  else {
    e.ding();
    if (e.ctx.memory.settings.get('show-all-if-ambiguous') === 'on') {
      list(e, c.shown);
      return;
    }
  }
  e.countAs('complete');
  e.kept.set('completed', e.line === before ? `${e.line}\0${e.point}` : null);
}

function* possible(e: LineEditor, kind: CompletionKind): Task<void> {
  const c = yield* e.ctx.complete(e.line, column(e), kind);
  if (c.candidates.length === 0) e.ding();
  else list(e, c.shown);
}

const completeKind =
  (kind: CompletionKind): EditFunction =>
  (e) =>
    completeAs(e, kind);
const listKind =
  (kind: CompletionKind): EditFunction =>
  (e) =>
    possible(e, kind);

interface Menu {
  readonly c: Completion;
  at: number;
  length: number;
}

/** menu-complete: one candidate after the other in the word's place; the word itself comes at the end. */
function* menu(e: LineEditor, n: number): Task<void> {
  const again = e.last === 'menu-complete' || e.last === 'menu-complete-backward';
  let m = e.kept.get('menu') as (Menu & { typed: string }) | undefined;
  if (!again || !m) {
    const c = yield* e.ctx.complete(e.line, column(e), 'any');
    if (c.candidates.length === 0) {
      e.ding();
      return;
    }
    const typed = e.line.slice(c.start, column(e));
    m = { c, at: c.candidates.length, length: [...typed].length, typed };
  }
  const size = m.c.candidates.length + 1;
  m.at = (((m.at + n) % size) + size) % size;
  const word = m.c.candidates[m.at] ?? m.typed;
  if (m.at === m.c.candidates.length) e.ding();
  const fill = m.at < m.c.candidates.length ? word + m.c.suffix : word;
  const length = m.length;
  e.grouped(() => {
    e.remove(e.point - length, e.point);
    e.insertText(fill);
  });
  m.length = [...fill].length;
  e.kept.set('menu', m);
  e.countAs('menu-complete');
}

function* insertAll(e: LineEditor): Task<void> {
  const c = yield* e.ctx.complete(e.line, column(e), 'any');
  if (c.candidates.length === 0) {
    e.ding();
    return;
  }
  replace(e, c.start, `${c.candidates.join(' ')} `);
}

/** foo{a,b,c} */
function* braces(e: LineEditor): Task<void> {
  const c = yield* e.ctx.complete(e.line, column(e), 'filename');
  if (c.candidates.length === 0) {
    e.ding();
    return;
  }
  const common = commonPrefix(c.candidates);
  const tails = c.candidates.map((w) => w.slice(common.length));
  replace(e, c.start, tails.length === 1 ? `${common} ` : `${common}{${tails.join(',')}} `);
}

/** Words of the history that begin as the word at the point does. */
function historyWords(e: LineEditor): void {
  const typed = /\S*$/.exec(e.text.slice(0, e.point).join(''))?.[0] ?? '';
  const words = new Set(e.ctx.history.flatMap((l) => l.split(/\s+/)).filter((w) => w.startsWith(typed) && w !== ''));
  const sorted = [...words].sort();
  if (sorted.length === 0) {
    e.ding();
    return;
  }
  const start = column(e) - typed.length;
  if (e.last === 'dynamic-complete-history' && sorted.length > 1) {
    list(e, sorted);
    return;
  }
  replace(e, start, commonPrefix(sorted));
  if (sorted.length === 1) e.insertText(' ');
  else e.ding();
}

export const completions: Readonly<Record<string, EditFunction>> = {
  complete: completeKind('any'),
  'complete-command': completeKind('command'),
  'complete-filename': completeKind('filename'),
  'complete-hostname': completeKind('hostname'),
  'complete-username': completeKind('username'),
  'complete-variable': completeKind('variable'),
  'glob-complete-word': completeKind('glob'),
  'possible-completions': listKind('any'),
  'possible-command-completions': listKind('command'),
  'possible-filename-completions': listKind('filename'),
  'possible-hostname-completions': listKind('hostname'),
  'possible-username-completions': listKind('username'),
  'possible-variable-completions': listKind('variable'),
  'glob-list-expansions': listKind('glob'),
  'glob-expand-word': function* (e) {
    const c = yield* e.ctx.complete(e.line, column(e), 'glob');
    if (c.candidates.length === 0) {
      e.ding();
      return;
    }
    replace(e, c.start, c.candidates.join(' '));
  },
  'insert-completions': insertAll,
  'complete-into-braces': braces,
  'menu-complete': (e, n) => menu(e, n),
  'menu-complete-backward': (e, n) => menu(e, -n),
  'dynamic-complete-history': historyWords,
};
