/** watch's screen: a command's output as cells, what changed since the last one, and the rows to write. Models run_command() of watch.c */

import { charWidth } from '../sh/line/width.ts';

export interface Cell {
  readonly text: string;
  /** A colour sequence, or nothing. */
  readonly look: string;
}

export type Grid = readonly (readonly Cell[])[];

const BLANK: Cell = { text: ' ', look: '' };

export interface GridOptions {
  readonly cols: number;
  readonly rows: number;
  /** -c: colours are kept; otherwise control characters are shown. */
  readonly color: boolean;
  /** -w: the rest of a long line is left out. */
  readonly cut: boolean;
}

export function gridOf(text: string, o: GridOptions): Cell[][] {
  const grid: Cell[][] = [];
  let row: Cell[] = [];
  let look = '';
  let skipping = false;
  const width = (): number => row.length;
  const end = (): void => {
    grid.push(row);
    row = [];
  };
  const put = (c: string, wide: number): void => {
    if (skipping || grid.length >= o.rows) return;
    if (wide === 0) {
      const last = row[row.length - 1];
      if (last) row[row.length - 1] = { text: last.text + c, look: last.look };
      return;
    }
    if (width() + wide > o.cols) {
      if (o.cut) {
        skipping = true;
        return;
      }
      end();
      if (grid.length >= o.rows) return;
    }
    row.push({ text: c, look });
    // The right half of a wide character.
    if (wide === 2) row.push({ text: '', look });
  };
  for (let i = 0; i < text.length && grid.length < o.rows; ) {
    const m = o.color ? /^\x1b\[([\d;]*)([A-Za-z])/.exec(text.slice(i, i + 32)) : null;
    if (m) {
      if (m[2] === 'm') look = /^0*$/.test(m[1] as string) ? '' : look + m[0];
      i += m[0].length;
      continue;
    }
    const c = String.fromCodePoint(text.codePointAt(i) as number);
    i += c.length;
    const code = c.charCodeAt(0);
    if (c === '\n') {
      end();
      skipping = false;
    } else if (c === '\t') {
      do put(' ', 1);
      while (width() % 8 !== 0 && width() < o.cols);
    } else if (code < 32 || code === 127) {
      // The second column of ^X is written over by what follows.
      put('^', 1);
      if (i >= text.length || text[i] === '\n') put(String.fromCharCode((code + 64) & 127), 1);
    } else put(c, charWidth(c));
  }
  if (row.length > 0 && grid.length < o.rows) end();
  return grid;
}

const same = (a: Cell | undefined, b: Cell | undefined): boolean =>
  (a ?? BLANK).text === (b ?? BLANK).text && (a ?? BLANK).look === (b ?? BLANK).look;

/** Cells that differ between two grids, added to those that differed before. */
export function changed(old: Grid | null, now: Grid, rows: number, cols: number, before: ReadonlySet<number> | null): Set<number> {
  const out = new Set<number>(before ?? []);
  if (old) for (let y = 0; y < rows; y++) for (let x = 0; x < cols; x++) if (!same(old[y]?.[x], now[y]?.[x])) out.add(y * cols + x);
  return out;
}

/** A row as text; marked cells in reverse. */
export function rowText(row: readonly Cell[] | undefined, y: number, cols: number, marks: ReadonlySet<number>): string {
  let out = '';
  let look = '';
  let width = row?.length ?? 0;
  for (let x = cols - 1; x >= width; x--)
    if (marks.has(y * cols + x)) {
      width = x + 1;
      break;
    }
  for (let x = 0; x < width; x++) {
    const cell = row?.[x] ?? BLANK;
    const wanted = `${cell.look}${marks.has(y * cols + x) ? '\x1b[7m' : ''}`;
    if (wanted !== look) out += `${look === '' ? '' : '\x1b[m'}${wanted}`;
    look = wanted;
    out += cell.text;
  }
  return look === '' ? out : `${out}\x1b[m`;
}
