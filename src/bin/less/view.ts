/** The part of a text that stands on the screen, and how it moves. Models position.c, forwback.c and jump.c */

import type { Task } from '../../os/program.ts';
import { plainText, type RowOptions, rowsOf } from './rows.ts';
import type { Text } from './text.ts';

/** A row: its line, and which of the line's rows it is. */
export interface Place {
  readonly line: number;
  readonly row: number;
}

export interface Pattern {
  readonly re: RegExp;
  readonly inverted: boolean;
}

const CACHE = 512;

export class View {
  text: Text;
  top: Place = { line: 0, row: 0 };
  /** Rows that are shown, from the top; fewer than the screen has where the text ends. */
  shown: string[] = [];
  /** The row behind the last one shown. */
  next: Place = { line: 0, row: 0 };
  rows = 24;
  options: RowOptions;
  found: RegExp | null = null;
  highlight = true;
  /** -g: only what the last search found is highlighted. */
  only: number | null = null;
  filter: Pattern | null = null;
  private readonly stop: () => boolean;
  private cache = new Map<number, string[]>();
  private cachedFor = '';

  constructor(text: Text, options: RowOptions, stop: () => boolean) {
    this.text = text;
    this.options = options;
    this.stop = stop;
  }

  get height(): number {
    return Math.max(1, this.rows - 1);
  }

  matchesFilter(line: string): boolean {
    return !this.filter || new RegExp(this.filter.re).test(plainText(line, this.options.raw)) !== this.filter.inverted;
  }

  /** Rows of a line; none when there is no such line (yet). */
  *rowsAt(line: number): Task<string[] | null> {
    yield* this.text.need(line + 1, this.stop);
    const raw = this.text.lines[line];
    if (raw === undefined) return null;
    const key = JSON.stringify([this.options, this.highlight ? String(this.found) : '', this.only, this.text.name]);
    if (key !== this.cachedFor || this.cache.size > CACHE) {
      this.cache = new Map();
      this.cachedFor = key;
    }
    let rows = this.cache.get(line);
    if (!rows) {
      rows = rowsOf(raw, line + 1, this.options, this.only === null || this.only === line ? this.hits(raw) : []);
      if (line + 1 < this.text.lines.length) this.cache.set(line, rows);
    }
    return rows;
  }

  private hits(raw: string): [number, number][] {
    if (!this.found || !this.highlight) return [];
    const out: [number, number][] = [];
    for (const m of plainText(raw, this.options.raw).matchAll(new RegExp(this.found, `${this.found.flags}g`)))
      if (m[0] !== '') out.push([m.index, m.index + m[0].length]);
    return out;
  }

  /** The first line at or behind `line` (or before, going back) that the filter lets through. */
  *passing(line: number, step: 1 | -1): Task<number | null> {
    for (let at = line; at >= 0; at += step) {
      yield* this.text.need(at + 1, this.stop);
      const raw = this.text.lines[at];
      if (raw === undefined) return null;
      if (this.matchesFilter(raw)) return at;
    }
    return null;
  }

  *after(at: Place): Task<Place | null> {
    const rows = yield* this.rowsAt(at.line);
    if (rows && at.row + 1 < rows.length) return { line: at.line, row: at.row + 1 };
    const line = yield* this.passing(at.line + 1, 1);
    return line === null ? null : { line, row: 0 };
  }

  *before(at: Place): Task<Place | null> {
    if (at.row > 0) return { line: at.line, row: at.row - 1 };
    const line = yield* this.passing(at.line - 1, -1);
    if (line === null) return null;
    return { line, row: ((yield* this.rowsAt(line))?.length ?? 1) - 1 };
  }

  /** Puts a row at the top and fills the screen from there. */
  *fill(top: Place): Task<void> {
    const line = yield* this.passing(top.line, 1);
    const begin = line === top.line ? top : { line: line ?? Math.max(0, (yield* this.passing(top.line, -1)) ?? top.line), row: 0 };
    this.top = begin;
    this.shown = [];
    let at: Place | null = begin;
    while (at && this.shown.length < this.height) {
      const row: string | undefined = (yield* this.rowsAt(at.line))?.[at.row];
      if (row === undefined) break;
      this.shown.push(row);
      const on: Place | null = yield* this.after(at);
      this.next = on ?? { line: at.line + 1, row: 0 };
      at = on;
    }
    if (this.shown.length === 0) this.next = begin;
  }

  /** No row follows the last one shown. */
  *atEnd(): Task<boolean> {
    if (this.shown.length === 0) return true;
    yield* this.text.need(this.next.line + 1, this.stop);
    return (yield* this.passing(this.next.line, 1)) === null;
  }

  /** Goes on by rows; gives the new ones. `beyond`: also past the end. */
  *forward(count: number): Task<string[]> {
    const fresh: string[] = [];
    while (fresh.length < count && !(yield* this.atEnd())) {
      const line = (yield* this.passing(this.next.line, 1)) as number;
      const at = line === this.next.line ? this.next : { line, row: 0 };
      const row = (yield* this.rowsAt(at.line))?.[at.row];
      if (row === undefined) break;
      fresh.push(row);
      this.shown.push(row);
      this.next = (yield* this.after(at)) ?? { line: at.line + 1, row: 0 };
      if (this.shown.length > this.height) {
        this.shown.shift();
        this.top = (yield* this.after(this.top)) ?? this.top;
      }
    }
    return fresh;
  }

  /** Goes back by rows; gives the new ones, the topmost last. */
  *back(count: number): Task<string[]> {
    const fresh: string[] = [];
    while (fresh.length < count) {
      const before = yield* this.before(this.top);
      if (!before) break;
      const row = (yield* this.rowsAt(before.line))?.[before.row];
      if (row === undefined) break;
      fresh.push(row);
      this.top = before;
    }
    if (fresh.length > 0) yield* this.fill(this.top);
    return fresh;
  }

  /** The place from which the text's last row is the screen's last one. */
  *lastPage(): Task<Place> {
    yield* this.text.need(Number.POSITIVE_INFINITY, this.stop);
    const last = yield* this.passing(Math.max(0, this.text.lines.length - 1), -1);
    if (last === null) return { line: 0, row: 0 };
    let at: Place = { line: last, row: ((yield* this.rowsAt(last))?.length ?? 1) - 1 };
    for (let i = 1; i < this.height; i++) {
      const before: Place | null = yield* this.before(at);
      if (!before) break;
      at = before;
    }
    return at;
  }
}
