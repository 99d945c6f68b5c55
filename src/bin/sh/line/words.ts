/** Moving the point: characters, words as emacs and as the shell sees them, searches for a character. Models text.c and bashline.c */

import type { EditFunction, LineEditor } from './editor.ts';

const isWord = (c: string | undefined): boolean => c !== undefined && /[\p{L}\p{N}]/u.test(c);
const isSpace = (c: string | undefined): boolean => c === ' ' || c === '\t' || c === '\n';

export function wordBack(text: readonly string[], from: number): number {
  let i = from;
  while (i > 0 && !isWord(text[i - 1])) i--;
  while (i > 0 && isWord(text[i - 1])) i--;
  return i;
}

export function wordOn(text: readonly string[], from: number): number {
  let i = from;
  while (i < text.length && !isWord(text[i])) i++;
  while (i < text.length && isWord(text[i])) i++;
  return i;
}

/** Back over white space and then over what is none. */
export function fieldBack(text: readonly string[], from: number): number {
  let i = from;
  while (i > 0 && isSpace(text[i - 1])) i--;
  while (i > 0 && !isSpace(text[i - 1])) i--;
  return i;
}

/** Begin and end of the shell's words. */
export function shellWords(text: readonly string[]): [number, number][] {
  const words: [number, number][] = [];
  let i = 0;
  while (i < text.length) {
    while (i < text.length && /[\s;|&()<>]/.test(text[i] as string)) i++;
    if (i >= text.length) break;
    const from = i;
    let quote = '';
    while (i < text.length) {
      const c = text[i] as string;
      if (quote === '' && /[\s;|&()<>]/.test(c)) break;
      if (c === '\\' && quote !== "'") i++;
      else if (quote === '' && (c === '"' || c === "'")) quote = c;
      else if (c === quote) quote = '';
      i++;
    }
    words.push([from, Math.min(i, text.length)]);
  }
  return words;
}

function shellWordOn(text: readonly string[], from: number): number {
  return shellWords(text).find(([, end]) => end > from)?.[1] ?? text.length;
}

function shellWordBack(text: readonly string[], from: number): number {
  return shellWords(text).findLast(([begin]) => begin < from)?.[0] ?? 0;
}

/** n times; a negative count goes the other way. */
export function repeated(n: number, on: () => void, back: () => void): void {
  const run = n < 0 ? back : on;
  for (let i = 0; i < Math.min(Math.abs(n), 1 << 12); i++) run();
}

function byChars(e: LineEditor, n: number): void {
  const { text } = e;
  const step = n < 0 ? -1 : 1;
  for (let i = 0; i < Math.min(Math.abs(n), text.length + 1); i++) {
    let to = e.point + step;
    // What combines with a character is passed with it.
    while (to > 0 && to < text.length && /\p{Mn}/u.test(text[to] as string)) to += step;
    if (to < 0 || to > text.length) {
      e.ding();
      return;
    }
    e.point = to;
  }
}

function findChar(e: LineEditor, n: number): void {
  e.mode = (_e, key) => {
    e.mode = null;
    const found: number[] = [];
    e.text.forEach((c, i) => {
      if (c === key && (n > 0 ? i > e.point : i < e.point)) found.push(i);
    });
    const at = n > 0 ? found[n - 1] : found[found.length + n];
    if (at === undefined) e.ding();
    else e.point = at;
    return true;
  };
}

export const moves: Readonly<Record<string, EditFunction>> = {
  'forward-char': (e, n) => byChars(e, n),
  'backward-char': (e, n) => byChars(e, -n),
  'forward-word': (e, n) =>
    repeated(
      n,
      () => {
        e.point = wordOn(e.text, e.point);
      },
      () => {
        e.point = wordBack(e.text, e.point);
      },
    ),
  'backward-word': (e, n) => moves['forward-word']?.(e, -n, ''),
  'shell-forward-word': (e, n) =>
    repeated(
      n,
      () => {
        e.point = shellWordOn(e.text, e.point);
      },
      () => {
        e.point = shellWordBack(e.text, e.point);
      },
    ),
  'shell-backward-word': (e, n) => moves['shell-forward-word']?.(e, -n, ''),
  'beginning-of-line': (e) => {
    e.point = 0;
  },
  'end-of-line': (e) => {
    e.point = e.text.length;
  },
  'previous-screen-line': (e, n) => byChars(e, -n * e.ctx.cols()),
  'next-screen-line': (e, n) => byChars(e, n * e.ctx.cols()),
  'character-search': (e, n) => findChar(e, n),
  'character-search-backward': (e, n) => findChar(e, -n),
  'set-mark': (e, n) => {
    e.mark = e.kept.get('explicit') ? Math.min(e.text.length, Math.max(0, n)) : e.point;
  },
  'exchange-point-and-mark': (e) => {
    if (e.mark > e.text.length) {
      e.mark = e.text.length;
      e.ding();
      return;
    }
    const { point } = e;
    e.point = e.mark;
    e.mark = point;
    e.region = e.mark < e.point ? [e.mark, e.point] : [e.point, e.mark];
  },
};

export { isSpace, isWord, shellWordBack, shellWordOn };
