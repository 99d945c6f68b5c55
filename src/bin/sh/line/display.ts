/** The line on the screen: what is drawn, where the cursor is, and the least output that brings a new state there. Models display.c */

import { charWidth, visible } from './width.ts';

/** One character as it is drawn. */
interface Cell {
  readonly text: string;
  readonly width: number;
  /** Drawn in reverse: the active region. */
  readonly marked: boolean;
  /** Where it stands, and where it ends. */
  readonly row: number;
  readonly col: number;
  readonly endRow: number;
  readonly endCol: number;
}

interface Place {
  readonly row: number;
  readonly col: number;
}

const LINE_END = '\n';

export class Display {
  private cells: Cell[] = [];
  /** Of the cursor, counted from the row where the prompt's last line begins. */
  private at: Place = { row: 0, col: 0 };
  private readonly columns: () => number;

  constructor(columns: () => number) {
    this.columns = columns;
  }

  /** Brings prompt and text to the screen with the cursor before text[cursor]. */
  update(prompt: string, text: readonly string[], cursor: number, region: readonly [number, number] | null): string {
    const old = this.cells;
    const next: Cell[] = [];
    for (const part of promptCells(prompt)) this.push(next, part.text, part.width, false);
    const origin = next.length;
    for (let i = 0; i < text.length; i++) {
      const c = text[i] as string;
      const marked = region !== null && i >= region[0] && i < region[1];
      if (c === '\t') {
        const { endRow, endCol } = next[next.length - 1] ?? START;
        this.push(next, '\t', 8 - ((endRow * this.columns() + endCol) % 8), marked);
      } else this.push(next, c === '\n' ? LINE_END : visible(c), c === '\n' ? 0 : width(c), marked);
    }
    this.cells = next;
    let same = 0;
    while (same < old.length && same < next.length && equal(old[same] as Cell, next[same] as Cell)) same++;
    let out = '';
    if (same < old.length || same < next.length) {
      // What combines with a character is drawn together with it.
      while (same > 0 && ((next[same] ?? old[same]) as Cell).width === 0 && ((next[same] ?? old[same]) as Cell).text !== LINE_END) same--;
      out += this.go(endOf(next, same));
      out += this.draw(same, old);
    }
    return out + this.go(endOf(next, origin + cursor));
  }

  /** One character more behind all others, with the cursor behind it: the common case, without looking at the rest. */
  append(c: string): string {
    this.push(this.cells, c, charWidth(c), false);
    const cell = this.cells[this.cells.length - 1] as Cell;
    this.at = { row: cell.endRow, col: cell.endCol };
    return c + (cell.endCol === 0 ? ' \r' : '');
  }

  /** To the line below the text. */
  leave(): string {
    const end = endOf(this.cells, this.cells.length);
    // A line end at the end has left an empty row already.
    const below = this.cells[this.cells.length - 1]?.text === LINE_END;
    const out = below ? this.go(end) : `${this.go({ row: end.row, col: this.at.col })}\r\n`;
    this.forget();
    return out;
  }

  /** Where ^C is written. */
  toEnd(): string {
    return this.go(endOf(this.cells, this.cells.length));
  }

  /** To the beginning of the first row, all of it erased. */
  erase(): string {
    const out = `${this.at.row > 0 ? `\x1b[${this.at.row}A` : ''}\r\x1b[J`;
    this.forget();
    return out;
  }

  /** The screen is new, or something else was written: the next update draws all from where the cursor is. */
  forget(): void {
    this.cells = [];
    this.at = { row: 0, col: 0 };
  }

  /** The prompt is there already. */
  drawn(prompt: string): void {
    this.cells = [];
    for (const part of promptCells(prompt)) this.push(this.cells, part.text, part.width, false);
    this.at = endOf(this.cells, this.cells.length);
  }

  private push(cells: Cell[], text: string, wide: number, marked: boolean): void {
    const before = cells[cells.length - 1] ?? START;
    const cols = Math.max(2, this.columns());
    let { endRow: row, endCol: col } = before;
    if (text === LINE_END) {
      cells.push({ text, width: 0, marked, row, col, endRow: row + 1, endCol: 0 });
      return;
    }
    if (wide === 2 && [...text].length === 1 && col + wide > cols) {
      row++;
      col = 0;
    }
    const end = col + wide;
    cells.push({ text, width: wide, marked, row, col, endRow: row + Math.floor(end / cols), endCol: end % cols });
  }

  /** Cells from `from` on, the cursor standing before them; what was longer before is erased. */
  private draw(from: number, old: readonly Cell[]): string {
    const { cells } = this;
    let out = '';
    let marked = false;
    /** A full row leaves the terminal's cursor hanging behind its last column. */
    let hanging = false;
    for (let i = from; i < cells.length; i++) {
      const cell = cells[i] as Cell;
      if (cell.marked !== marked && cell.text !== LINE_END) {
        marked = cell.marked;
        out += marked ? '\x1b[7m' : '\x1b[27m';
      }
      if (cell.text === LINE_END) {
        if (marked) out += '\x1b[27m';
        marked = false;
        out += hanging ? ' \r\x1b[K\r\n' : '\x1b[K\r\n';
        hanging = false;
        continue;
      }
      out += cell.text === '\t' ? ' '.repeat(cell.width) : cell.text;
      hanging = cell.width > 0 ? cell.endCol === 0 : hanging;
    }
    if (marked) out += '\x1b[27m';
    if (hanging) out += ' \r';
    const end = endOf(cells, cells.length);
    const was = endOf(old, old.length);
    if (was.row > end.row) out += '\x1b[J';
    else if (was.row === end.row && was.col > end.col) out += '\x1b[K';
    this.at = end;
    return out;
  }

  private go(to: Place): string {
    const { at } = this;
    this.at = to;
    if (to.row === at.row && to.col === at.col) return '';
    const rows = to.row - at.row;
    const down = rows < 0 ? `\x1b[${-rows}A` : rows > 0 ? `\x1b[${rows}B` : '';
    if (to.col === at.col) return down;
    const back = at.col - to.col;
    if (back > 0 && back <= 4) return down + '\b'.repeat(back);
    if (to.col === 0) return `${down}\r`;
    return back > 0 ? `${down}\r\x1b[${to.col}C` : `${down}\x1b[${-back}C`;
  }
}

const START: Cell = { text: '', width: 0, marked: false, row: 0, col: 0, endRow: 0, endCol: 0 };

function endOf(cells: readonly Cell[], index: number): Place {
  const cell = cells[index - 1] ?? START;
  return { row: cell.endRow, col: cell.endCol };
}

function equal(a: Cell, b: Cell): boolean {
  return a.text === b.text && a.width === b.width && a.marked === b.marked && a.endRow === b.endRow && a.endCol === b.endCol;
}

function width(c: string): number {
  const shown = visible(c);
  return shown.length === 2 && shown[0] === '^' && c !== shown ? 2 : charWidth(c);
}

/** The prompt's last line; \x01 and \x02 (\[ and \] of PS1) enclose what takes no room. */
function promptCells(prompt: string): { text: string; width: number }[] {
  const cells: { text: string; width: number }[] = [];
  let hidden = '';
  for (const m of prompt.slice(prompt.lastIndexOf('\n') + 1).matchAll(/\x01([^\x02]*)\x02?|(\x1b\[[0-9;?]*[A-Za-z])|([\s\S])/gu)) {
    if (m[3] === undefined) hidden += m[1] ?? m[2] ?? '';
    else {
      cells.push({ text: hidden + m[3], width: charWidth(m[3]) });
      hidden = '';
    }
  }
  if (hidden !== '') cells.push({ text: hidden, width: 0 });
  return cells;
}
