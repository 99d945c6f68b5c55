/** Changing the text: deleting, killing and yanking, transposing, letter case, undo, and what ends a line. Models text.c and kill.c */

import { keySequence } from './bindings.ts';
import type { EditFunction, LineEditor } from './editor.ts';
import { fieldBack, isSpace, isWord, repeated, shellWordBack, shellWordOn, wordBack, wordOn } from './words.ts';

/** Killed texts that are kept. Models DEFAULT_MAX_KILLS. */
const RING = 10;
const KILLS = new Set([
  'kill-line',
  'backward-kill-line',
  'kill-word',
  'backward-kill-word',
  'unix-line-discard',
  'unix-word-rubout',
  'unix-filename-rubout',
  'shell-kill-word',
  'kill-whole-line',
  'kill-region',
  'delete-char',
  'backward-delete-char',
]);

/** Kills from the point to a place; kills that follow each other are one. */
function kill(e: LineEditor, to: number, name: string): void {
  const from = e.point;
  const before = to < from;
  const gone = e.remove(from, to);
  keep(e, gone, before);
  e.countAs(name);
}

function keep(e: LineEditor, gone: string, before: boolean): void {
  if (gone === '') return;
  const { ring } = e.ctx.memory;
  const follows = KILLS.has(e.last) && e.kept.get('killed') === true && ring.length > 0;
  if (follows) ring[ring.length - 1] = before ? gone + ring[ring.length - 1] : ring[ring.length - 1] + gone;
  else {
    ring.push(gone);
    if (ring.length > RING) ring.shift();
  }
  e.kept.set('killed', true);
}

const killing =
  (name: string, place: (e: LineEditor, n: number) => number): EditFunction =>
  (e, n) => {
    if (!KILLS.has(e.last)) e.kept.set('killed', false);
    const to = place(e, n);
    if (to === e.point && name.startsWith('unix')) e.ding();
    kill(e, to, name);
  };

const times = (n: number, from: number, step: (at: number) => number): number => {
  let at = from;
  for (let i = 0; i < Math.min(n, 1 << 12); i++) at = step(at);
  return at;
};

function deleteChars(e: LineEditor, n: number): void {
  if (n < 0) {
    rubout(e, -n);
    return;
  }
  if (e.point === e.text.length) {
    e.ding();
    return;
  }
  let to = Math.min(e.text.length, e.point + n);
  while (to < e.text.length && /\p{Mn}/u.test(e.text[to] as string)) to++;
  if (e.kept.get('explicit')) killRange(e, e.point, to);
  else e.remove(e.point, to);
}

function rubout(e: LineEditor, n: number): void {
  if (n < 0) {
    deleteChars(e, -n);
    return;
  }
  if (e.point === 0) {
    e.ding();
    return;
  }
  let from = Math.max(0, e.point - n);
  while (from > 0 && /\p{Mn}/u.test(e.text[from] as string)) from--;
  if (e.kept.get('explicit')) killRange(e, from, e.point);
  else e.remove(from, e.point);
}

function killRange(e: LineEditor, from: number, to: number): void {
  e.kept.set('killed', false);
  keep(e, e.remove(from, to), false);
}

function changeCase(e: LineEditor, n: number, how: 'up' | 'down' | 'capital'): void {
  const start = e.point;
  const end = n < 0 ? times(-n, start, (at) => wordBack(e.text, at)) : times(n, start, (at) => wordOn(e.text, at));
  const [from, to] = start < end ? [start, end] : [end, start];
  if (from === to) {
    e.ding();
    return;
  }
  const old = e.text.slice(from, to);
  let inside = false;
  const fresh = old.map((c) => {
    const first = !inside && isWord(c);
    inside = isWord(c);
    const upper = how === 'up' || (how === 'capital' && first);
    const changed = upper ? c.toUpperCase() : c.toLowerCase();
    return [...changed].length === 1 ? changed : c;
  });
  if (fresh.join('') !== old.join(''))
    e.grouped(() => {
      e.remove(from, to);
      e.insert(fresh);
    });
  e.point = n < 0 ? start : to;
}

function transposeWords(e: LineEditor, n: number): void {
  const start = e.point;
  if (n === 0) return;
  const w2end = times(Math.abs(n), start, (at) => (n < 0 ? wordBack(e.text, at) : wordOn(e.text, at)));
  const w2beg = wordBack(e.text, w2end);
  const w1beg = times(Math.abs(n), w2beg, (at) => (n < 0 ? wordOn(e.text, at) : wordBack(e.text, at)));
  const w1end = wordOn(e.text, w1beg);
  if (w1beg === w2beg || w2beg < w1end) {
    e.ding();
    e.point = start;
    return;
  }
  swap(e, w1beg, w1end, w2beg, w2end);
}

function swap(e: LineEditor, a: number, b: number, c: number, d: number): void {
  const first = e.text.slice(a, b);
  const second = e.text.slice(c, d);
  e.grouped(() => {
    e.remove(c, d);
    e.insert(first);
    e.remove(a, b);
    e.insert(second);
  });
  e.point = d;
}

function yankPop(e: LineEditor): void {
  const { ring } = e.ctx.memory;
  const shown = ring[ring.length - 1];
  if ((e.last !== 'yank' && e.last !== 'yank-pop') || shown === undefined || e.point < [...shown].length) {
    e.ding();
    return;
  }
  const from = e.point - [...shown].length;
  e.remove(from, e.point);
  ring.unshift(ring.pop() as string);
  e.mark = e.point;
  e.insertText(ring[ring.length - 1] as string);
}

export const changes: Readonly<Record<string, EditFunction>> = {
  'accept-line': (e) => e.finish({ kind: 'line', text: e.line }),
  'delete-char': (e, n, key) => {
    if (e.text.length === 0 && key === '\x04') {
      e.finish({ kind: 'eof' });
      return;
    }
    deleteChars(e, n);
  },
  'backward-delete-char': (e, n) => rubout(e, n),
  'kill-line': killing('kill-line', (e, n) => (n < 0 ? 0 : e.text.length)),
  'backward-kill-line': killing('backward-kill-line', (e, n) => (n < 0 ? e.text.length : 0)),
  'unix-line-discard': killing('unix-line-discard', () => 0),
  'kill-word': killing('kill-word', (e, n) =>
    n < 0 ? times(-n, e.point, (at) => wordBack(e.text, at)) : times(n, e.point, (at) => wordOn(e.text, at)),
  ),
  'backward-kill-word': killing('backward-kill-word', (e, n) =>
    n < 0 ? times(-n, e.point, (at) => wordOn(e.text, at)) : times(n, e.point, (at) => wordBack(e.text, at)),
  ),
  'shell-kill-word': killing('shell-kill-word', (e, n) =>
    n < 0 ? times(-n, e.point, (at) => shellWordBack(e.text, at)) : times(n, e.point, (at) => shellWordOn(e.text, at)),
  ),
  'unix-word-rubout': killing('unix-word-rubout', (e, n) => times(Math.max(1, n), e.point, (at) => fieldBack(e.text, at))),
  'unix-filename-rubout': killing('unix-filename-rubout', (e, n) =>
    times(Math.max(1, n), e.point, (from) => {
      let at = from;
      while (at > 0 && (isSpace(e.text[at - 1]) || e.text[at - 1] === '/')) at--;
      while (at > 0 && !isSpace(e.text[at - 1]) && e.text[at - 1] !== '/') at--;
      return at;
    }),
  ),
  'kill-whole-line': (e) => {
    e.point = e.text.length;
    changes['unix-line-discard']?.(e, 1, '');
  },
  'kill-region': (e) => killRange(e, Math.min(e.mark, e.point), Math.max(e.mark, e.point)),
  'copy-region-as-kill': (e) => {
    const { point } = e;
    const gone = e.text.slice(Math.min(e.mark, point), Math.max(e.mark, point)).join('');
    e.kept.set('killed', false);
    keep(e, gone, false);
  },
  yank: (e) => {
    const { ring } = e.ctx.memory;
    if (ring.length === 0) return;
    e.mark = e.point;
    e.insertText(ring[ring.length - 1] as string);
  },
  'yank-pop': yankPop,
  'delete-horizontal-space': (e) => {
    let [from, to] = [e.point, e.point];
    while (from > 0 && isSpace(e.text[from - 1])) from--;
    while (to < e.text.length && isSpace(e.text[to])) to++;
    if (from < to) e.remove(from, to);
  },
  'transpose-chars': (e, n) => {
    if (n === 0) return;
    if (e.point === 0 || e.text.length < 2) {
      e.ding();
      return;
    }
    const at = e.point === e.text.length ? e.point - 1 : e.point;
    const c = e.text[at - 1] as string;
    e.grouped(() => {
      e.remove(at - 1, at);
      e.point = Math.max(0, Math.min(e.text.length, at - 1 + n));
      e.insert([c]);
    });
  },
  'transpose-words': (e, n) => transposeWords(e, n),
  'upcase-word': (e, n) => changeCase(e, n, 'up'),
  'downcase-word': (e, n) => changeCase(e, n, 'down'),
  'capitalize-word': (e, n) => changeCase(e, n, 'capital'),
  'quoted-insert': (e, n) => {
    e.mode = (_e, key) => {
      e.mode = null;
      e.region = null;
      for (let i = 0; i < Math.min(n, 1 << 12); i++) e.insert([key]);
      return true;
    };
  },
  'tab-insert': (e, n) =>
    repeated(
      n,
      () => e.insert(['\t']),
      () => undefined,
    ),
  undo: (e, n) => {
    for (let i = 0; i < Math.min(n, 1 << 12); i++) {
      const step = e.undo.step();
      if (!step) {
        e.ding();
        return;
      }
      for (const change of step) e.restore(change);
    }
  },
  'revert-line': (e) => {
    if (e.undo.size === 0) {
      e.ding();
      return;
    }
    for (let step = e.undo.step(); step; step = e.undo.step()) for (const change of step) e.restore(change);
  },
  'insert-comment': (e) => {
    const explicit = e.kept.get('explicit') === true;
    const mark = e.ctx.memory.settings.get('comment-begin') ?? '#';
    if (explicit && e.line.startsWith(mark)) e.remove(0, mark.length);
    else {
      e.point = 0;
      e.insertText(mark);
    }
    e.finish({ kind: 'line', text: e.line });
  },
  'clear-screen': (e) => {
    if (e.kept.get('explicit')) return;
    e.print('\x1b[H\x1b[2J');
    e.redraw();
  },
  'clear-display': (e) => {
    e.print('\x1b[H\x1b[2J\x1b[3J');
    e.redraw();
  },
  abort: (e) => {
    e.ding();
  },
  'tilde-expand': (e) => {
    let from = e.point;
    while (from > 0 && !isSpace(e.text[from - 1])) from--;
    let to = e.point;
    while (to < e.text.length && !isSpace(e.text[to])) to++;
    const word = e.text.slice(from, to).join('');
    const user = /^~([^/]*)/.exec(word);
    const home = user ? e.ctx.home(user[1] as string) : null;
    if (!user || home === null) return;
    e.grouped(() => {
      e.remove(from, to);
      e.insertText(home + word.slice(user[0].length));
    });
  },
  'history-expand-line': (e) => replaceLine(e, e.ctx.expand(e.line)),
  'shell-expand-line': (e) => replaceLine(e, e.ctx.expand(e.line)),
  'display-shell-version': (e) => {
    e.print(`${e.display.leave()}GNU bash, version ${e.ctx.version} (x86_64-pc-linux-gnu)\r\n`);
    e.redraw();
  },
  're-read-init-file': () => undefined,
  'universal-argument': (e) => {
    e.argument = { sign: 1, value: 4 };
  },
  'start-kbd-macro': (e) => {
    if (e.recording !== null) {
      e.ding();
      return;
    }
    e.recording = '';
  },
  'end-kbd-macro': (e) => {
    if (e.recording === null) {
      e.ding();
      return;
    }
    const keys = keySequence('\\C-x)');
    e.ctx.memory.macro = e.recording.endsWith(keys) ? e.recording.slice(0, -keys.length) : e.recording;
    e.recording = null;
  },
  'call-last-kbd-macro': function* (e, n) {
    for (let i = 0; i < Math.min(n, 64); i++) yield* e.play(e.ctx.memory.macro);
  },
  *'edit-and-execute-command'(e) {
    e.refresh();
    e.print(e.display.leave());
    const text = yield* e.ctx.edit(e.line);
    e.setText([]);
    if (text === null) {
      e.redraw();
      return;
    }
    const line = text.replace(/\n+$/, '');
    e.print(`${line.replace(/\n/g, '\r\n')}\r\n`);
    e.result = { kind: 'line', text: line };
  },
};

function replaceLine(e: LineEditor, text: string | null): void {
  if (text === null || text === e.line) return;
  e.grouped(() => {
    e.remove(0, e.text.length);
    e.insertText(text);
  });
}
