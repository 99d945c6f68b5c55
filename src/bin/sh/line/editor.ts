/** The line editor in emacs mode: text, point, mark, undo, numeric arguments, key sequences, modes that take single keys. Models readline.c */

import type { Task } from '../../../os/program.ts';
import { emacsKeys } from './bindings.ts';
import { changes } from './change.ts';
import { completions } from './completing.ts';
import { Display } from './display.ts';
import { recalls } from './recall.ts';
import { searches } from './search.ts';
import type { Binding, Fed, LineContext, LineResult } from './types.ts';
import { type Change, Undo } from './undo.ts';
import { moves } from './words.ts';

/** A line longer than this takes no more text: the memory of a tab is bounded. */
const MAX_LINE = 1 << 16;
const PASTE_END = '\x1b[201~';
const BELL = '\x07';
const MAX_REPEAT = 1 << 12;
/** Macros that call each other end here. */
const MAX_MACRO = 16;

/** What a key is bound to; `n` is the numeric argument, 1 when there is none. */
export type EditFunction = (e: LineEditor, n: number, key: string) => void | Task<void>;

/** A mode that takes the next key itself; false: the key is for the editor after all. `more`: further keys have come with it. */
export type KeyMode = (e: LineEditor, key: string, more: boolean) => boolean | Task<boolean>;

export interface SavedLine {
  readonly text: readonly string[];
  readonly point: number;
  readonly undo: Undo;
}

const FUNCTIONS: Readonly<Record<string, EditFunction>> = { ...moves, ...changes, ...recalls, ...searches, ...completions };

export class LineEditor {
  text: string[] = [];
  point = 0;
  mark = 0;
  undo = new Undo();
  /** Shown in reverse until the next key. */
  region: readonly [number, number] | null = null;
  /** Stands in the prompt's place. */
  message: string | null = null;
  mode: KeyMode | null = null;
  /** The numeric argument that is being typed. */
  argument: { sign: 1 | -1; value: number | null } | null = null;
  /** The function that the last key ran, and whether it changed the text. */
  last = '';
  /** What functions keep from one call to the next of the same kind. */
  readonly kept = new Map<string, unknown>();
  historyAt: number;
  readonly edited = new Map<number, SavedLine>();
  readonly ctx: LineContext;
  readonly display: Display;
  result: LineResult | null = null;
  /** Characters of keys that were typed in by a macro. */
  private macroDepth = 0;
  recording: string | null = null;
  private out = '';
  private prefix = '';
  private pasted: string | null = null;
  private readonly decoder = new TextDecoder();
  private current = '';

  constructor(ctx: LineContext) {
    this.ctx = ctx;
    this.historyAt = ctx.history.length;
    this.display = new Display(ctx.cols);
    this.display.drawn(ctx.prompt);
    const { next } = ctx.memory;
    ctx.memory.next = null;
    if (next !== null && next < ctx.history.length) {
      this.historyAt = next;
      this.text = [...(ctx.history[next] as string)];
      this.point = this.text.length;
    }
  }

  get line(): string {
    return this.text.join('');
  }

  /** Output since the last call. */
  take(): string {
    const { out } = this;
    this.out = '';
    return out;
  }

  print(text: string): void {
    this.out += text;
  }

  ding(): void {
    this.out += BELL;
  }

  /** What it costs to draw and look through: told to whoever bounds the work of a log. */
  get effort(): number {
    return this.text.length + (this.mode ? this.ctx.history.length : 0);
  }

  // ---- keys

  /** Takes bytes up to the end of a line; what is behind belongs to somebody else. */
  *feed(bytes: Uint8Array): Task<Fed> {
    let used = 0;
    while (used < bytes.length && !this.result) {
      let end = used;
      if (this.pasted !== null) end = bytes.length;
      else while (end < bytes.length && (bytes[end] as number) >= 32 && bytes[end] !== 127) end++;
      if (end === used || this.prefix !== '' || this.mode) end = used + 1;
      const text = this.decoder.decode(bytes.subarray(used, end), { stream: true });
      used = end;
      if (text === '') continue;
      if (this.pasted !== null) {
        const left = this.paste(text);
        used -= new TextEncoder().encode(left).length;
        continue;
      }
      yield* this.keys(text, used < bytes.length);
    }
    if (!this.result) this.refresh();
    return { used, result: this.result };
  }

  /** A run of printable characters, or one other character. */
  *keys(text: string, more: boolean): Task<void> {
    if (this.recording !== null) this.recording += text;
    if (text.charCodeAt(0) >= 32 && text !== '\x7f' && this.prefix === '' && !this.mode && !this.argument && !this.hasOwn(text)) {
      this.selfInsert(text);
      return;
    }
    for (const c of text) {
      if (this.result) return;
      yield* this.key(c, more);
    }
  }

  private hasOwn(text: string): boolean {
    const { bound } = this.ctx.memory;
    return bound.size > 0 && [...text].some((c) => [...bound.keys()].some((k) => k.startsWith(c)));
  }

  private *key(c: string, more: boolean): Task<void> {
    if (c === '\x03') {
      this.finish({ kind: 'interrupt' });
      return;
    }
    if (this.mode) {
      const taken = this.mode(this, c, more);
      if (typeof taken === 'boolean' ? taken : yield* taken) {
        this.refresh();
        return;
      }
      // A key that leaves a mode and starts a sequence goes on below.
    }
    // The terminal turns these into signals that an interactive shell ignores.
    if (this.prefix === '' && (c === '\x1a' || c === '\x1c')) return;
    this.prefix += c;
    let keys = this.prefix;
    let binding = this.lookUp(keys);
    if (!binding && /^\x1b[A-Z]$/.test(keys) && !this.isPrefix(keys)) {
      keys = keys.toLowerCase();
      binding = this.lookUp(keys);
    }
    if (binding && !(keys === '\x1b')) {
      this.prefix = '';
      yield* this.run(binding, keys);
      return;
    }
    if (this.isPrefix(keys)) return;
    this.prefix = '';
    if (keys.length === 1 && c >= ' ' && c !== '\x7f') yield* this.run({ fn: 'self-insert' }, c);
    else {
      this.argument = null;
      this.message = null;
      this.ding();
    }
  }

  lookUp(keys: string): Binding | undefined {
    return this.ctx.memory.bound.get(keys) ?? emacsKeys().get(keys);
  }

  private isPrefix(keys: string): boolean {
    for (const map of [this.ctx.memory.bound, emacsKeys()])
      for (const k of map.keys()) if (k.length > keys.length && k.startsWith(keys)) return true;
    return false;
  }

  *run(binding: Binding, keys: string): Task<void> {
    if ('macro' in binding) return yield* this.play(binding.macro);
    if ('command' in binding) {
      this.ding();
      return;
    }
    const { fn } = binding;
    if (fn === 'digit-argument') {
      this.digit(keys);
      return;
    }
    if (this.argument && fn === 'self-insert' && /^[0-9]$/.test(keys)) {
      this.digit(keys);
      return;
    }
    if (fn === 'bracketed-paste-begin') {
      this.pasted = '';
      return;
    }
    const { argument } = this;
    this.argument = null;
    if (argument) this.message = null;
    this.region = null;
    this.current = fn;
    const n = argument ? argument.sign * (argument.value ?? 1) : 1;
    this.kept.set('explicit', argument !== null);
    const f = FUNCTIONS[fn];
    if (fn === 'self-insert') {
      if (keys.length === 1) this.selfInsert(keys.repeat(Math.max(0, Math.min(n, MAX_REPEAT))));
      else this.ding();
    } else if (f) {
      const task = f(this, n, keys);
      if (task) yield* task;
    } else this.ding();
    this.last = this.current;
    if (!this.result) this.refresh();
  }

  /** A function that wants to count as another one for the next key. */
  countAs(fn: string): void {
    this.current = fn;
  }

  *play(text: string): Task<void> {
    if (this.macroDepth >= MAX_MACRO) {
      this.ding();
      return;
    }
    this.macroDepth++;
    for (const c of text) {
      if (this.result) break;
      yield* this.key(c, true);
    }
    this.macroDepth--;
  }

  private digit(keys: string): void {
    const c = keys[keys.length - 1] as string;
    this.region = null;
    this.argument ??= { sign: 1, value: null };
    if (c === '-') this.argument.sign = -1;
    else this.argument.value = Math.min(1_000_000, (this.argument.value ?? 0) * 10 + Number(c));
    const { sign, value } = this.argument;
    this.message = `(arg: ${sign * (value ?? 1)}) `;
    this.refresh();
  }

  private paste(text: string): string {
    let all = (this.pasted ?? '') + text;
    const end = all.indexOf(PASTE_END);
    if (end < 0) {
      if (all.length > 2 * MAX_LINE) all = all.slice(-2 * MAX_LINE - PASTE_END.length);
      this.pasted = all;
      return '';
    }
    this.pasted = null;
    const chars = [...all.slice(0, end).replace(/\r\n?/g, '\n')];
    if (this.mode) {
      // As typed: a search takes it as one more piece of what is looked for.
      for (const c of chars) this.mode?.(this, c === '\n' ? ' ' : c, true);
    } else {
      const from = this.point;
      this.insert(chars);
      this.mark = from;
      this.region = this.ctx.memory.settings.get('enable-active-region') === 'off' ? null : [from, this.point];
      this.last = 'bracketed-paste-begin';
    }
    return all.slice(end + PASTE_END.length);
  }

  // ---- text

  private selfInsert(text: string): void {
    const chars = [...text];
    this.region = null;
    this.last = 'self-insert';
    const plain = this.point === this.text.length && this.message === null && !/[^\x20-\x7e]/.test(text) && !this.stale;
    if (this.text.length + chars.length > MAX_LINE) {
      this.ding();
      return;
    }
    if (!plain) {
      for (const c of chars) this.insert([c]);
      return;
    }
    for (const c of chars) {
      this.undo.typed(this.point, 1);
      this.text.push(c);
      this.point++;
      this.out += this.display.append(c);
    }
  }

  insert(chars: readonly string[]): boolean {
    if (this.text.length + chars.length > MAX_LINE) {
      this.ding();
      return false;
    }
    if (chars.length === 0) return true;
    this.undo.typed(this.point, chars.length);
    this.put(this.point, chars);
    this.point += chars.length;
    return true;
  }

  insertText(text: string): boolean {
    return this.insert([...text]);
  }

  /** Deletes between two places; the point goes to the first. */
  remove(a: number, b: number): string {
    const from = Math.max(0, Math.min(a, b));
    const to = Math.min(this.text.length, Math.max(a, b));
    const gone = this.text.slice(from, to);
    if (gone.length > 0) this.undo.deleted(from, gone);
    this.text = [...this.text.slice(0, from), ...this.text.slice(to)];
    this.point = from;
    this.stale = true;
    return gone.join('');
  }

  /** Several changes that one undo takes back. */
  grouped(run: () => void): void {
    this.undo.begin();
    run();
    this.undo.end();
  }

  private put(at: number, chars: readonly string[]): void {
    this.text = [...this.text.slice(0, at), ...chars, ...this.text.slice(at)];
    this.stale = true;
  }

  /** Does a change back. */
  restore(change: Change): void {
    if (change.kind === 'insert') {
      this.text = [...this.text.slice(0, change.at), ...this.text.slice(change.at + change.length)];
      this.point = change.at;
    } else if (change.kind === 'delete') {
      this.put(change.at, change.text);
      this.point = change.at + change.text.length;
    }
    this.stale = true;
  }

  setText(text: readonly string[], point = text.length): void {
    this.text = [...text];
    this.point = point;
    this.stale = true;
  }

  // ---- screen

  /** The screen does not show the text's last change. */
  private stale = false;

  /** A list stands below the line and asks something: the line is not drawn. */
  away = false;

  refresh(): void {
    if (this.away) return;
    this.stale = false;
    this.out += this.display.update(this.message ?? this.ctx.prompt, this.text, this.point, this.region);
  }

  /** After something else was written: the whole prompt and the line, from here on. */
  redraw(): void {
    const above = this.ctx.prompt.slice(0, this.ctx.prompt.lastIndexOf('\n') + 1);
    if (this.message === null) this.out += above.replace(/[\x01\x02]/g, '').replace(/\n/g, '\r\n');
    this.display.forget();
    this.refresh();
  }

  /** The window has another size. */
  resized(): void {
    this.out += this.display.erase();
    this.refresh();
  }

  finish(result: LineResult): void {
    if (this.result) return;
    this.mode = null;
    this.region = null;
    const { message } = this;
    this.message = null;
    if (result.kind === 'line') this.refresh();
    if (result.kind === 'interrupt') this.out += `${message === null ? this.display.toEnd() : ''}^C`;
    if (result.kind === 'interrupt' || result.kind === 'line') this.out += this.display.leave();
    this.result = result;
    // Lines of the history that were changed and left stay so; the one that runs does not.
    for (const [at, saved] of this.edited)
      if (at < this.ctx.history.length && at !== this.historyAt) this.ctx.history[at] = saved.text.join('');
  }
}
