/** The line editor, in emacs mode: a state, a key, the terminal output that follows. Models readline of bash */

import type { Key } from './keys.ts';

/** A line longer than this takes no more text: the memory of a tab is bounded. */
const MAX_LINE = 1 << 16;

export interface Completion {
  /** Where the word begins that `candidates` stand for. */
  start: number;
  /** What each would put there. */
  candidates: readonly string[];
  /** As they are listed. */
  shown: readonly string[];
  /** Added after a single candidate. */
  suffix: string;
}

export interface LineContext {
  prompt: string;
  cols: number;
  history: readonly string[];
  complete(line: string, cursor: number): Completion;
}

export type LineResult = { kind: 'line'; text: string } | { kind: 'eof' } | { kind: 'interrupt' };

export interface Step {
  output: string;
  result: LineResult | null;
}

interface Search {
  query: string;
  /** Index into history, history.length when nothing was found yet. */
  at: number;
  failed: boolean;
  saved: { text: string[]; cursor: number };
}

/** Row and column, counted from the prompt's last line. */
interface Place {
  readonly row: number;
  readonly col: number;
}

export class LineEditor {
  private text: string[] = [];
  private cursor = 0;
  private killed: string[] = [];
  private historyAt: number;
  /** Edited history lines of this line's editing. */
  private readonly edited = new Map<number, string>();
  private search: Search | null = null;
  private lastWasTab = false;
  private lastWasKill = false;
  /** Row of the cursor below the prompt's row, as it was last drawn. */
  private row = 0;
  /** Where the text ended after it was last added to, so that typing on does not measure it from its start. */
  private tail: { readonly cols: number; readonly at: number; readonly place: Place } | null = null;
  private readonly ctx: LineContext;

  constructor(ctx: LineContext) {
    this.ctx = ctx;
    this.historyAt = ctx.history.length;
  }

  get line(): string {
    return this.text.join('');
  }

  /** The prompt, at the start. */
  begin(): string {
    return visiblePrompt(this.ctx.prompt);
  }

  /** Characters that a key makes the editor go through: a whole line, unless it only appends. */
  effort(key: Key): number {
    const appends = key.kind !== 'key' && !this.search && this.cursor === this.text.length;
    return appends ? 1 : this.text.length + (this.search ? this.ctx.history.length : 0);
  }

  press(key: Key): Step {
    if (key.kind === 'key' || this.search) this.tail = null;
    if (this.search) return this.searchKey(key);
    const tab = key.kind === 'key' && key.name === 'Tab';
    const step =
      key.kind === 'key' ? this.command(key.name) : this.insert(key.kind === 'paste' ? key.text.replace(/\r\n?/g, '\n') : key.text);
    this.lastWasTab = tab;
    return step;
  }

  // ---- editing

  private insert(text: string): Step {
    const chars = [...text];
    if (this.text.length + chars.length > MAX_LINE) return { output: '\x07', result: null };
    this.lastWasKill = false;
    const atEnd = this.cursor === this.text.length;
    if (atEnd) for (const c of chars) this.text.push(c);
    else this.text = [...this.text.slice(0, this.cursor), ...chars, ...this.text.slice(this.cursor)];
    this.cursor += chars.length;
    if (atEnd && !/[\p{C}\p{M}\p{Z}]/u.test(text.replaceAll(' ', ''))) {
      const { cols } = this.ctx;
      const at = this.text.length - chars.length;
      const before = this.tail?.at === at && this.tail.cols === cols ? this.tail.place : this.position(at);
      const after = this.position(this.text.length, at, before);
      this.tail = { cols, at: this.text.length, place: after };
      this.row = after.row;
      // A full last column leaves the cursor hanging there: push it on.
      return { output: text + (after.col === 0 && after.row > before.row ? ' \r' : ''), result: null };
    }
    this.tail = null;
    return this.redraw();
  }

  private command(name: string): Step {
    const kills = name === 'C-k' || name === 'C-u' || name === 'C-w' || name === 'M-d' || name === 'M-Backspace';
    if (!kills) this.lastWasKill = false;
    switch (name) {
      case 'Enter':
        return this.finish({ kind: 'line', text: this.line });
      case 'C-c':
        return this.finish({ kind: 'interrupt' }, '^C');
      case 'C-d':
        if (this.text.length === 0) return { output: '', result: { kind: 'eof' } };
        return this.cut(this.cursor, this.cursor + 1, false);
      case 'Delete':
        return this.cut(this.cursor, this.cursor + 1, false);
      case 'Backspace':
        return this.cut(this.cursor - 1, this.cursor, false);
      case 'C-a':
      case 'Home':
        return this.move(0);
      case 'C-e':
      case 'End':
        return this.move(this.text.length);
      case 'C-b':
      case 'Left':
        return this.move(this.cursor - 1);
      case 'C-f':
      case 'Right':
        return this.move(this.cursor + 1);
      case 'M-b':
        return this.move(this.wordLeft(this.cursor));
      case 'M-f':
        return this.move(this.wordRight(this.cursor));
      case 'C-k':
        return this.cut(this.cursor, this.text.length, true);
      case 'C-u':
        return this.cut(0, this.cursor, true);
      case 'C-w': {
        let i = this.cursor;
        while (i > 0 && this.text[i - 1] === ' ') i--;
        while (i > 0 && this.text[i - 1] !== ' ') i--;
        return this.cut(i, this.cursor, true);
      }
      case 'M-d':
        return this.cut(this.cursor, this.wordRight(this.cursor), true);
      case 'M-Backspace':
        return this.cut(this.wordLeft(this.cursor), this.cursor, true);
      case 'C-y':
        return this.insert(this.killed.join(''));
      case 'C-t': {
        if (this.cursor === 0 || this.text.length < 2) return BELL;
        const i = this.cursor === this.text.length ? this.cursor - 1 : this.cursor;
        [this.text[i - 1], this.text[i]] = [this.text[i] as string, this.text[i - 1] as string];
        this.cursor = i + 1;
        return this.redraw();
      }
      case 'C-l': {
        this.row = 0;
        return { output: `\x1b[H\x1b[2J${this.draw()}`, result: null };
      }
      case 'C-p':
      case 'Up':
        return this.recall(this.historyAt - 1);
      case 'C-n':
      case 'Down':
        return this.recall(this.historyAt + 1);
      case 'M-<':
        return this.recall(0);
      case 'M->':
        return this.recall(this.ctx.history.length);
      case 'M-.': {
        const last = this.ctx.history[this.ctx.history.length - 1]?.trim().split(/\s+/).pop();
        return last ? this.insert(last) : BELL;
      }
      case 'C-r':
        this.search = { query: '', at: this.ctx.history.length, failed: false, saved: { text: [...this.text], cursor: this.cursor } };
        return this.drawSearch();
      case 'Tab':
        return this.complete();
    }
    return NOTHING;
  }

  private finish(result: LineResult, mark = ''): Step {
    const down = this.position(this.text.length).row - this.row;
    return { output: `${down > 0 ? `\x1b[${down}B` : ''}${mark}\r\n`, result };
  }

  private move(to: number): Step {
    if (to < 0 || to > this.text.length) return BELL;
    const from = this.position(this.cursor);
    this.cursor = to;
    const now = this.position(to);
    this.row = now.row;
    const rows = now.row - from.row;
    return {
      output: `${rows < 0 ? `\x1b[${-rows}A` : rows > 0 ? `\x1b[${rows}B` : ''}\r${now.col > 0 ? `\x1b[${now.col}C` : ''}`,
      result: null,
    };
  }

  private cut(from: number, to: number, kill: boolean): Step {
    const a = Math.max(0, from);
    const b = Math.min(this.text.length, to);
    if (a >= b) return BELL;
    const gone = this.text.slice(a, b);
    if (kill) {
      this.killed = this.lastWasKill ? (a < this.cursor ? [...gone, ...this.killed] : [...this.killed, ...gone]) : gone;
      this.lastWasKill = true;
    }
    this.text = [...this.text.slice(0, a), ...this.text.slice(b)];
    this.cursor = a;
    const at = this.position(a);
    if (gone.length === 1 && !kill && a === this.text.length && at.col > 0 && at.row === this.row && /^[ -~]$/.test(gone[0] as string))
      return { output: '\b\x1b[K', result: null };
    return this.redraw();
  }

  private wordLeft(from: number): number {
    let i = from;
    while (i > 0 && !/[\p{L}\p{N}]/u.test(this.text[i - 1] as string)) i--;
    while (i > 0 && /[\p{L}\p{N}]/u.test(this.text[i - 1] as string)) i--;
    return i;
  }

  private wordRight(from: number): number {
    let i = from;
    while (i < this.text.length && !/[\p{L}\p{N}]/u.test(this.text[i] as string)) i++;
    while (i < this.text.length && /[\p{L}\p{N}]/u.test(this.text[i] as string)) i++;
    return i;
  }

  private recall(to: number): Step {
    if (to < 0 || to > this.ctx.history.length) return BELL;
    this.edited.set(this.historyAt, this.line);
    this.historyAt = to;
    this.text = [...(this.edited.get(to) ?? this.ctx.history[to] ?? '')];
    this.cursor = this.text.length;
    return this.redraw();
  }

  // ---- completion

  /** The cursor's place in `line`. */
  get column(): number {
    return this.text.slice(0, this.cursor).join('').length;
  }

  private complete(): Step {
    const c = this.ctx.complete(this.line, this.column);
    const { candidates } = c;
    if (candidates.length === 0) return BELL;
    const word = this.line.slice(c.start, this.text.slice(0, this.cursor).join('').length);
    const common = commonPrefix(candidates);
    const single = candidates.length === 1;
    if (common.length > word.length || single) {
      const start = [...this.line.slice(0, c.start)].length;
      const filled = single ? common + c.suffix : common;
      const rest = this.text.slice(this.cursor);
      this.text = [...this.text.slice(0, start), ...filled, ...rest];
      this.cursor = start + [...filled].length;
      return this.redraw();
    }
    if (!this.lastWasTab) return BELL;
    const down = this.position(this.text.length).row - this.row;
    const list = columns(c.shown, this.ctx.cols);
    this.row = 0;
    return { output: `${down > 0 ? `\x1b[${down}B` : ''}\r\n${list}${this.draw()}`, result: null };
  }

  // ---- reverse search

  private searchKey(key: Key): Step {
    const s = this.search as Search;
    if (key.kind !== 'key') {
      s.query += key.text.replace(/\n/g, ' ');
      this.find(s, Math.min(s.at, this.ctx.history.length - 1));
      return this.drawSearch();
    }
    switch (key.name) {
      case 'C-r':
        this.find(s, s.at - 1);
        return this.drawSearch();
      case 'Backspace':
        s.query = s.query.slice(0, -1);
        s.failed = false;
        this.find(s, this.ctx.history.length - 1);
        return this.drawSearch();
      case 'C-g':
        this.search = null;
        this.text = s.saved.text;
        this.cursor = s.saved.cursor;
        return this.redraw();
    }
    this.search = null;
    const redrawn = this.redraw().output;
    if (key.name === 'C-c') {
      const step = this.finish({ kind: 'interrupt' }, '^C');
      return { output: redrawn + step.output, result: step.result };
    }
    const step = this.command(key.name);
    return { output: redrawn + step.output, result: step.result };
  }

  private find(s: Search, from: number): void {
    for (let i = from; i >= 0; i--) {
      const line = this.ctx.history[i] as string;
      const hit = line.lastIndexOf(s.query);
      if (hit < 0) continue;
      s.at = i;
      s.failed = false;
      this.historyAt = i;
      this.text = [...line];
      this.cursor = [...line.slice(0, hit)].length;
      return;
    }
    s.failed = true;
  }

  private drawSearch(): Step {
    const s = this.search as Search;
    const up = this.row > 0 ? `\x1b[${this.row}A` : '';
    this.row = 0;
    const label = `(${s.failed ? 'failed ' : ''}reverse-i-search)\`${s.query}': `;
    const back = this.text.length - this.cursor;
    return { output: `${up}\r\x1b[J${label}${this.line}${back > 0 ? `\x1b[${back}D` : ''}`, result: null };
  }

  // ---- drawing

  private origin(): Place {
    const { cols, prompt } = this.ctx;
    const col = promptWidth(prompt);
    return { row: Math.floor(col / cols), col: col % cols };
  }

  /** The place of a position, measured from a place that is known. */
  private position(at: number, from = 0, known: Place = this.origin()): Place {
    const { cols } = this.ctx;
    let { row, col } = known;
    for (let i = from; i < at; i++) {
      const c = this.text[i] as string;
      if (c === '\n') {
        row++;
        col = 0;
        continue;
      }
      const w = width(c);
      if (col + w > cols) {
        row++;
        col = 0;
      }
      col += w;
      if (col >= cols) {
        row++;
        col = 0;
      }
    }
    return { row, col };
  }

  private redraw(): Step {
    const up = this.row > 0 ? `\x1b[${this.row}A` : '';
    return { output: `${up}\r\x1b[J${this.draw()}`, result: null };
  }

  /** From the start of the prompt's last line. */
  private draw(): string {
    const shown = this.text.map((c) => (c === '\n' ? '\r\n' : c < ' ' ? `^${String.fromCharCode(c.charCodeAt(0) + 64)}` : c)).join('');
    const end = this.position(this.text.length);
    const here = this.position(this.cursor);
    this.row = here.row;
    const wrap = end.col === 0 && end.row > 0 && this.text[this.text.length - 1] !== '\n' ? ' \r' : '';
    const up = end.row - here.row;
    const place = this.cursor === this.text.length ? '' : `${up > 0 ? `\x1b[${up}A` : ''}\r${here.col > 0 ? `\x1b[${here.col}C` : ''}`;
    return lastLine(visiblePrompt(this.ctx.prompt)) + shown + wrap + place;
  }
}

const NOTHING: Step = { output: '', result: null };
const BELL: Step = { output: '\x07', result: null };

/** \x01 and \x02 (\[ and \] of PS1) enclose what takes no room. */
function visiblePrompt(prompt: string): string {
  return prompt.replace(/[\x01\x02]/g, '').replace(/\n/g, '\r\n');
}

function lastLine(prompt: string): string {
  return prompt.slice(prompt.lastIndexOf('\n') + 1);
}

function promptWidth(prompt: string): number {
  const bare = lastLine(prompt)
    .replace(/\x01[^\x02]*\x02/g, '')
    .replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
  let n = 0;
  for (const c of bare) n += width(c);
  return n;
}

function width(c: string): number {
  const code = c.codePointAt(0) as number;
  if (code < 32) return 2;
  if (code < 0x300) return 1;
  if (/\p{Mn}/u.test(c)) return 0;
  return (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0x1f300 && code <= 0x1faff)
    ? 2
    : 1;
}

export function commonPrefix(words: readonly string[]): string {
  let prefix = words[0] ?? '';
  for (const w of words) while (!w.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}

/** Names in columns, down and then across, as readline and ls list them. */
export function columns(names: readonly string[], cols: number): string {
  const cell = Math.max(...names.map((n) => n.length)) + 2;
  const across = Math.max(1, Math.floor(cols / cell));
  const down = Math.ceil(names.length / across);
  let out = '';
  for (let r = 0; r < down; r++) {
    let line = '';
    for (let c = 0; c < across; c++) {
      const name = names[c * down + r];
      if (name !== undefined) line += name.padEnd(cell);
    }
    out += `${line}\r\n`;
  }
  return out;
}
