/** Lists of possible completions: columns, the question before long ones, --More--. Models rl_display_match_list of complete.c */

import type { LineEditor } from './editor.ts';
import { textWidth } from './width.ts';

/** completion-query-items */
const ASK_FROM = 100;

export function commonPrefix(words: readonly string[]): string {
  let prefix = words[0] ?? '';
  for (const w of words) while (!w.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}

/** Rows of names, down and then across; the last name of a row is not padded. */
export function columnRows(names: readonly string[], cols: number): string[] {
  const widths = names.map(textWidth);
  const cell = Math.max(...widths) + 2;
  let across = Math.max(1, Math.floor(cols / cell));
  if (across !== 1 && across * cell === cols) across--;
  const down = Math.ceil(names.length / across);
  const rows: string[] = [];
  for (let r = 0; r < down; r++) {
    let row = '';
    for (let c = 0; c < across; c++) {
      const at = c * down + r;
      if (at >= names.length) break;
      row += names[at];
      if (c + 1 < across) row += ' '.repeat(Math.max(1, cell - (widths[at] as number)));
    }
    rows.push(row);
  }
  return rows;
}

/** Shows the list below the line, then the line again; keys that the questions need are taken by the editor's mode. */
export function list(e: LineEditor, names: readonly string[]): void {
  const rows = columnRows(names, e.ctx.cols());
  e.refresh();
  e.print(e.display.leave());
  e.away = true;
  const done = (): boolean => {
    e.mode = null;
    e.away = false;
    e.redraw();
    return true;
  };
  let at = 0;
  const page = (lines: number): void => {
    const height = Math.max(2, e.ctx.rows());
    let shown = lines;
    for (; at < rows.length; at++) {
      e.print(`${rows[at]}\r\n`);
      shown++;
      if (shown < height - 1 || at + 1 >= rows.length) continue;
      at++;
      e.print('--More--');
      e.mode = (_e, key) => {
        if (/^[ yY]$/.test(key)) turn(0);
        else if (key === '\r' || key === '\n') turn(shown - 1);
        else if (/^[qQnN\x07\x7f]$/.test(key)) {
          e.print('\r\x1b[K');
          return done();
        } else e.ding();
        return true;
      };
      return;
    }
    done();
  };
  const turn = (lines: number): void => {
    e.print('\r\x1b[K');
    e.mode = null;
    page(lines);
  };
  if (names.length < ASK_FROM) {
    page(0);
    return;
  }
  e.print(`Display all ${names.length} possibilities? (y or n)`);
  e.mode = (_e, key) => {
    if (/^[yY ]$/.test(key)) {
      e.print('\r\n');
      e.mode = null;
      page(0);
    } else if (/^[nN\x7f\x07]$/.test(key)) {
      e.print('\r\n');
      return done();
    } else e.ding();
    return true;
  };
}
