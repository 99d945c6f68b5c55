/** A line as rows of the screen: wrapped or chopped, tabs, control characters, overstrikes, colours, found text. Models line.c */

import { charWidth } from '../sh/line/width.ts';

export interface RowOptions {
  readonly cols: number;
  /** -S */
  readonly chop: boolean;
  /** -N: the line's number stands before it. */
  readonly numbers: boolean;
  /** -R: 'color' keeps SGR sequences; -r: 'all' keeps everything; otherwise control characters are shown. */
  readonly raw: 'no' | 'color' | 'all';
  readonly tab: number;
  /** Columns scrolled to the right. */
  readonly shift: number;
  /** -U shows backspaces, -u writes them. */
  readonly overstrike: boolean;
}

interface Cell {
  text: string;
  width: number;
  /** b, u, s (standout) or a colour sequence. */
  look: string;
  /** Index into the searched text. */
  at: number;
}

const SGR = /^\x1b\[[\d;]*m/;

/** The line without what only changes its looks: searches look there. */
export function plainText(line: string, raw: RowOptions['raw']): string {
  const bare = raw === 'no' ? line : line.replace(/\x1b\[[\d;]*[mK]/g, '');
  return bare.includes('\b') ? bare.replace(/[^\b]\x08/gu, '') : bare;
}

function cellsOf(line: string, o: RowOptions): Cell[] {
  const cells: Cell[] = [];
  let colour = '';
  let col = o.numbers ? 8 : 0;
  const from = col;
  let at = 0;
  const push = (text: string, width: number, look: string, index: number): void => {
    cells.push({ text, width, look: colour !== '' && look === '' ? colour : look, at: index });
    col += width;
  };
  for (let i = 0; i < line.length; ) {
    if (o.raw !== 'no' && line[i] === '\x1b') {
      const m = SGR.exec(line.slice(i, i + 32))?.[0];
      if (m) {
        colour = /^\x1b\[0*m$/.test(m) ? '' : colour + m;
        i += m.length;
        continue;
      }
      if (/^\x1b\[\d*K/.test(line.slice(i, i + 8))) {
        i += (/^\x1b\[\d*K/.exec(line.slice(i, i + 8))?.[0] ?? '').length;
        continue;
      }
    }
    const c = String.fromCodePoint(line.codePointAt(i) as number);
    i += c.length;
    if (c === '\b' && o.overstrike && cells.length > 0 && i < line.length) {
      const last = cells.pop() as Cell;
      col -= last.width;
      const next = String.fromCodePoint(line.codePointAt(i) as number);
      i += next.length;
      at = last.at;
      if (last.text === '_' && next !== '_') push(next, charWidth(next), 'u', at);
      else if (next === '_' && last.text !== '_') push(last.text, last.width, 'u', at);
      else push(next, charWidth(next), last.text === next ? 'b' : last.look, at);
      at += next.length;
      continue;
    }
    const code = c.charCodeAt(0);
    if (c === '\t') {
      const width = o.tab - ((col - from) % o.tab);
      push(' '.repeat(width), width, '', at);
    } else if (c === '\r' && i === line.length) {
      // The end of a DOS line shows nothing.
    } else if (code < 32 || code === 127) {
      const shown = c === '\x1b' ? 'ESC' : `^${String.fromCharCode((code + 64) & 127)}`;
      push(shown, shown.length, 's', at);
    } else push(c, charWidth(c), '', at);
    at += c.length;
  }
  return cells;
}

const ON: Readonly<Record<string, string>> = { b: '\x1b[1m', u: '\x1b[4m', s: '\x1b[7m' };
const OFF: Readonly<Record<string, string>> = { b: '\x1b[22m', u: '\x1b[24m', s: '\x1b[27m' };

function draw(cells: readonly Cell[]): string {
  let out = '';
  let look = '';
  for (const c of cells) {
    if (c.look !== look) {
      if (look !== '') out += OFF[look] ?? '\x1b[m';
      if (c.look !== '') out += ON[c.look] ?? c.look;
      look = c.look;
    }
    out += c.text;
  }
  return look === '' ? out : out + (OFF[look] ?? '\x1b[m');
}

/** The rows of a line; there is one at least. */
export function rowsOf(line: string, number: number, o: RowOptions, found: readonly (readonly [number, number])[]): string[] {
  const cells = cellsOf(line, o);
  if (found.length > 0) for (const c of cells) if (found.some(([a, b]) => c.at >= a && c.at < b)) c.look = 's';
  const label: Cell[] = o.numbers ? [{ text: `${String(number).padStart(7)} `, width: 8, look: '', at: -1 }] : [];
  const room = Math.max(1, o.cols - (o.numbers ? 8 : 0));
  if (o.chop || o.shift > 0) {
    let skipped = 0;
    let i = 0;
    while (i < cells.length && skipped < o.shift) skipped += (cells[i++] as Cell).width;
    const rest = cells.slice(i);
    const whole = rest.reduce((n, c) => n + c.width, 0) <= room;
    const shown: Cell[] = [];
    let width = 0;
    for (const c of rest) {
      if (width + c.width > (whole ? room : room - 1)) break;
      shown.push(c);
      width += c.width;
    }
    if (!whole) shown.push({ text: '>', width: 1, look: 's', at: -1 });
    return [draw([...label, ...shown])];
  }
  const rows: Cell[][] = [[]];
  let width = 0;
  for (const c of cells) {
    if (width + c.width > room && width > 0) {
      rows.push([]);
      width = 0;
    }
    (rows[rows.length - 1] as Cell[]).push(c);
    width += c.width;
  }
  return rows.map((r) => draw([...label, ...r]));
}
