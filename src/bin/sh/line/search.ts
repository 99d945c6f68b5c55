/** Incremental search through the history. Models isearch.c */

import type { EditFunction, LineEditor, SavedLine } from './editor.ts';
import { goTo, lineAt } from './recall.ts';

interface Search {
  query: string;
  step: 1 | -1;
  failed: boolean;
  /** The last match stands in the line. */
  found: boolean;
  readonly from: number;
  readonly saved: SavedLine;
}

/** Where the query is in a line: the last place not behind `at`, or the first not before it. */
function placeIn(line: string, query: string, at: number, step: 1 | -1): number {
  return step < 0 ? (at < 0 ? -1 : line.lastIndexOf(query, at)) : line.indexOf(query, at);
}

function show(e: LineEditor, s: Search): void {
  e.message = `(${s.failed ? 'failed ' : ''}${s.step < 0 ? 'reverse-' : ''}i-search)\`${s.query}': `;
  e.region = !s.failed && s.found && s.query !== '' ? [e.point, e.point + [...s.query].length] : null;
}

/** Looks on from where the point is; `past` leaves the present match. */
function look(e: LineEditor, s: Search, past: boolean): void {
  if (s.query === '') return;
  let line = e.line;
  const here = e.text.slice(0, e.point).join('').length;
  let at = placeIn(line, s.query, here + (past ? s.step : 0), s.step);
  let row = e.historyAt;
  while (at < 0) {
    const before = line;
    row += s.step;
    if (row < 0 || row > e.ctx.history.length) {
      s.failed = true;
      e.ding();
      return;
    }
    line = lineAt(e, row);
    if (line === before && row !== e.historyAt) continue;
    at = placeIn(line, s.query, s.step < 0 ? line.length : 0, s.step);
  }
  s.failed = false;
  s.found = true;
  goTo(e, row);
  e.point = [...line.slice(0, at)].length;
}

function start(e: LineEditor, step: 1 | -1): void {
  const s: Search = {
    query: '',
    step,
    failed: false,
    found: false,
    from: e.historyAt,
    saved: { text: e.text, point: e.point, undo: e.undo },
  };
  const end = (kept = true): void => {
    e.mode = null;
    e.message = null;
    e.region = null;
    if (kept && s.query !== '') e.ctx.memory.searched = s.query;
    e.last = '';
  };
  show(e, s);
  let literal = false;
  e.mode = (_e, key, more) => {
    if (literal) {
      literal = false;
      s.query += key;
      look(e, s, false);
    } else if (key === '\x12' || key === '\x13') {
      const turned = (key === '\x12') !== s.step < 0;
      s.step = key === '\x12' ? -1 : 1;
      if (s.query === '' && !turned) {
        s.query = e.ctx.memory.searched;
        if (s.query === '') e.ding();
        else look(e, s, false);
      } else look(e, s, s.found && !turned);
    } else if (key === '\x07') {
      e.ding();
      end(false);
      goTo(e, s.from);
      e.setText(s.saved.text, s.saved.point);
      return true;
    } else if (key === '\x7f' || key === '\b') {
      s.query = [...s.query].slice(0, -1).join('');
      s.failed = s.query === '';
      if (s.failed) e.ding();
      else look(e, s, false);
    } else if (key === '\x17') {
      let to = e.point + [...s.query].length;
      const from = to;
      while (to < e.text.length && !/[\p{L}\p{N}]/u.test(e.text[to] as string)) to++;
      while (to < e.text.length && /[\p{L}\p{N}]/u.test(e.text[to] as string)) to++;
      if (to === from) e.ding();
      s.query += e.text.slice(from, to).join('');
      look(e, s, false);
    } else if (key === '\x19') {
      s.query += e.text.slice(e.point + [...s.query].length).join('');
      look(e, s, false);
    } else if (key === '\x16' || key === '\x11') literal = true;
    else if (key === '\x1b' || key === '\n') {
      end();
      // The beginning of a longer sequence is for the editor.
      return !(key === '\x1b' && more);
    } else if (key < ' ') {
      end();
      return false;
    } else {
      s.query += key;
      look(e, s, false);
    }
    show(e, s);
    return true;
  };
}

export const searches: Readonly<Record<string, EditFunction>> = {
  'reverse-search-history': (e, n) => start(e, n < 0 ? 1 : -1),
  'forward-search-history': (e, n) => start(e, n < 0 ? -1 : 1),
};
