/** The history at the keyboard: lines before and after, arguments of earlier lines, operate-and-get-next. Models misc.c and search.c */

import type { EditFunction, LineEditor } from './editor.ts';
import { Undo } from './undo.ts';
import { shellWords } from './words.ts';

/** Goes to a line of the history; `history.length` is the new line. */
export function goTo(e: LineEditor, to: number): void {
  if (to === e.historyAt) return;
  e.edited.set(e.historyAt, { text: e.text, point: e.point, undo: e.undo });
  e.historyAt = to;
  const saved = e.edited.get(to);
  e.undo = saved?.undo ?? new Undo();
  e.setText(saved?.text ?? [...(e.ctx.history[to] ?? '')]);
}

/** A line as it stands now, changed or not. */
export function lineAt(e: LineEditor, at: number): string {
  return at === e.historyAt ? e.line : (e.edited.get(at)?.text.join('') ?? e.ctx.history[at] ?? '');
}

function by(e: LineEditor, n: number): void {
  const to = Math.max(0, Math.min(e.ctx.history.length, e.historyAt + n));
  if (to === e.historyAt) {
    e.ding();
    return;
  }
  goTo(e, to);
}

/** The nth argument of the line before; counted from the end when n is undefined. */
function argumentOf(line: string, n: number | null): string | undefined {
  const chars = [...line];
  const words = shellWords(chars).map(([a, b]) => chars.slice(a, b).join(''));
  if (n === null) return words[words.length - 1];
  return n < 0 ? words[words.length + n] : words[n];
}

interface LastArgument {
  at: number;
  step: number;
  n: number | null;
  length: number;
}

function yankLastArgument(e: LineEditor, n: number): void {
  const again = e.last === 'yank-last-arg' || e.last === 'insert-last-argument';
  const explicit = e.kept.get('explicit') === true;
  let state = e.kept.get('argument') as LastArgument | undefined;
  if (!again || !state) state = { at: e.historyAt, step: -1, n: explicit ? n : null, length: 0 };
  else if (explicit && n < 0) state.step = -state.step;
  let at = state.at + state.step;
  let word: string | undefined;
  for (; at >= 0 && at < e.ctx.history.length; at += state.step) {
    word = argumentOf(e.ctx.history[at] as string, state.n);
    if (word !== undefined) break;
  }
  if (word === undefined) {
    e.ding();
    return;
  }
  const found = word;
  const length = state.length;
  if (again) e.remove(e.point - length, e.point);
  e.insertText(found);
  e.kept.set('argument', { ...state, at, length: [...found].length });
}

/** Lines that begin as the text before the point does. */
function byPrefix(e: LineEditor, step: 1 | -1): void {
  const again = e.last === 'history-search-backward' || e.last === 'history-search-forward';
  const prefix = again ? (e.kept.get('prefix') as string) : e.text.slice(0, e.point).join('');
  e.kept.set('prefix', prefix);
  const now = e.line;
  for (let at = e.historyAt + step; at >= 0 && at <= e.ctx.history.length; at += step) {
    const line = lineAt(e, at);
    if (at === e.ctx.history.length ? !again : !line.startsWith(prefix) || line === now) continue;
    if (at === e.ctx.history.length) {
      goTo(e, at);
      e.point = e.text.length;
      return;
    }
    goTo(e, at);
    e.point = prefix === '' ? e.text.length : [...prefix].length;
    return;
  }
  e.ding();
}

/** Reads what is looked for behind a colon, then looks. */
function askAndFind(e: LineEditor, step: 1 | -1): void {
  const saved = { text: e.text, point: e.point };
  e.message = `${e.ctx.prompt}:`;
  e.setText([]);
  const leave = (): void => {
    e.mode = null;
    e.message = null;
    e.setText(saved.text, saved.point);
  };
  e.mode = (_e, key) => {
    if (key === '\x07') {
      leave();
      e.ding();
    } else if (key === '\x7f' || key === '\b') {
      if (e.text.length === 0) leave();
      else e.setText(e.text.slice(0, -1));
    } else if (key === '\r' || key === '\n') {
      const wanted = e.line;
      leave();
      for (let at = e.historyAt + step; at >= 0 && at < e.ctx.history.length; at += step) {
        const place = lineAt(e, at).indexOf(wanted);
        if (place < 0) continue;
        goTo(e, at);
        e.point = [...e.line.slice(0, place)].length;
        e.region = [e.point, e.point + [...wanted].length];
        return true;
      }
      e.ding();
    } else if (key >= ' ') e.setText([...e.text, key]);
    return true;
  };
}

export const recalls: Readonly<Record<string, EditFunction>> = {
  'previous-history': (e, n) => by(e, -n),
  'next-history': (e, n) => by(e, n),
  'beginning-of-history': (e) => {
    if (e.historyAt > 0) goTo(e, 0);
    else e.ding();
  },
  'end-of-history': (e) => goTo(e, e.ctx.history.length),
  'yank-last-arg': (e, n) => yankLastArgument(e, n),
  'insert-last-argument': (e, n) => yankLastArgument(e, n),
  'yank-nth-arg': (e, n) => {
    const explicit = e.kept.get('explicit') === true;
    const before = e.ctx.history[e.historyAt - 1];
    const word = before === undefined ? undefined : argumentOf(before, explicit ? n : 1);
    if (word === undefined) {
      e.ding();
      return;
    }
    e.insertText(word);
  },
  'operate-and-get-next': (e) => {
    e.ctx.memory.next = e.historyAt < e.ctx.history.length ? e.historyAt + 1 : null;
    e.finish({ kind: 'line', text: e.line });
  },
  'history-search-backward': (e, n) => byPrefix(e, n < 0 ? 1 : -1),
  'history-search-forward': (e, n) => byPrefix(e, n < 0 ? -1 : 1),
  'non-incremental-reverse-search-history': (e) => askAndFind(e, -1),
  'non-incremental-forward-search-history': (e) => askAndFind(e, 1),
};
