/** less on a screen: files, prompt, messages, and the loop over keys. Models command.c, output.c and edit.c */

import type { Process, Task } from '../../os/process.ts';
import { strerror } from '../../sim/errno.ts';
import { COMMANDS } from './commands.ts';
import { Keyboard } from './input.ts';
import { expandPrompt, LONG, MEDIUM, type PromptValues, SHORT } from './prompt.ts';
import type { RowOptions } from './rows.ts';
import { KEYS, PREFIXES } from './tables.ts';
import { byteLength, Text } from './text.ts';
import { type Place, View } from './view.ts';

export interface Settings {
  /** Option letter -> its value. */
  readonly flags: Map<string, string>;
  /** +COMMANDs, run on every file. */
  readonly commands: string[];
}

const INIT = '\x1b[?1049h\x1b[22;0;0t\x1b[?1h\x1b=\r';
const LEAVE = '\r\x1b[K\x1b[?1l\x1b>\x1b[?1049l\x1b[23;0;0t';

export interface Search {
  readonly re: RegExp;
  readonly inverted: boolean;
  readonly back: boolean;
  readonly allFiles: boolean;
}

export class Pager {
  readonly p: Process;
  readonly flags: Map<string, string>;
  files: string[];
  index = -1;
  view: View;
  keyboard: Keyboard;
  interrupted = false;
  private resized = false;
  quit: number | null = null;
  /** No prompt was shown for this file yet. */
  fresh = true;
  /** The screen is not full and was never drawn as a whole: the prompt stands behind the last row. */
  squished = false;
  search: Search | null = null;
  readonly history = new Map<string, string[]>();
  readonly marks = new Map<string, { file: string; top: Place }>();
  window: number | null = null;
  half: number | null = null;
  side: number | null = null;
  private readonly saved;
  private readonly commands: readonly string[];
  private drawn = false;
  /** What is left when the help text is closed. */
  helping: { view: View; index: number } | null = null;
  /** The search begins with the line at the top. */
  fromTop = false;

  constructor(p: Process, settings: Settings, files: readonly string[]) {
    this.p = p;
    this.flags = settings.flags;
    this.commands = [...settings.commands, ...(settings.flags.has('p') ? [`/${settings.flags.get('p')}`] : [])];
    this.files = [...files];
    this.keyboard = new Keyboard(p);
    this.view = new View(Text.of(p, '', ''), this.rowOptions(), () => this.interrupted);
    this.saved = p.tty ? { ...p.tty.termios } : null;
  }

  on(letter: string): boolean {
    return this.flags.has(letter);
  }

  rowOptions(): RowOptions {
    const { flags } = this;
    return {
      cols: this.p.winsize(1)?.cols ?? 80,
      chop: flags.has('S'),
      numbers: flags.has('N'),
      raw: flags.has('r') ? 'all' : flags.has('R') ? 'color' : 'no',
      tab: Math.max(1, Number.parseInt(flags.get('x') ?? '8', 10) || 8),
      shift: this.view?.options.shift ?? 0,
      overstrike: !flags.has('U'),
    };
  }

  *out(text: string): Task<void> {
    yield* this.p.out(text);
  }

  // ---- start and end

  *run(): Task<number> {
    const { p } = this;
    if (p.tty) p.tty.termios = { ...p.tty.termios, icanon: false, echo: false };
    p.onSignal('INT', () => {
      this.interrupted = true;
    });
    p.onSignal('WINCH', () => {
      this.resized = true;
    });
    try {
      this.measure();
      if (!(yield* this.open(0, 1))) return 1;
      while (this.quit === null) yield* this.step();
      yield* this.leave();
      return this.quit;
    } finally {
      if (p.tty && this.saved) p.tty.termios = this.saved;
    }
  }

  private measure(): void {
    const size = this.p.winsize(1) ?? { rows: 24, cols: 80 };
    this.view.rows = size.rows;
    this.view.options = this.rowOptions();
  }

  *leave(): Task<void> {
    if (!this.drawn) return;
    this.drawn = false;
    yield* this.out(this.on('X') ? '\r\x1b[K' : LEAVE);
  }

  *enter(): Task<void> {
    if (this.drawn) return;
    this.drawn = true;
    yield* this.out(this.on('X') ? '' : INIT);
  }

  // ---- files

  /** Opens the file at an index, or the next one in a direction that can be opened; false when there is none. */
  *open(index: number, step: 1 | -1): Task<boolean> {
    for (let i = index; i >= 0 && i < this.files.length; i += step) {
      const name = this.files[i] as string;
      const text = yield* this.textOf(name);
      if (typeof text === 'string') {
        const more = this.files.length > 1 || this.drawn;
        if (this.drawn) yield* this.message(text);
        else {
          yield* this.out(`${text}\n`);
          if (more) {
            yield* this.out('Press RETURN to continue ');
            yield* this.answer();
            yield* this.out('\n');
          }
        }
        this.files.splice(i, 1);
        if (step > 0) i--;
        continue;
      }
      yield* this.show(text, i);
      return true;
    }
    return false;
  }

  private *textOf(name: string): Task<Text | string> {
    if (name === '-') return new Text(this.p, 0, '', null);
    const s = this.p.stat(name);
    if (s.ok && s.value.kind === 'dir') return `${name} is a directory`;
    const r = this.p.open(name, 'r');
    if (!r.ok) return `${name}: ${strerror(r.errno)}`;
    const text = new Text(this.p, r.value, name, s.ok && s.value.kind === 'file' ? s.value.size : null);
    yield* text.need(64, () => this.interrupted);
    if (text.binary(this.on('r') || this.on('R')) && !this.on('f')) {
      yield* this.out(`${this.drawn ? '\r\x1b[K' : ''}"${name}" may be a binary file.  See it anyway? `);
      const key = yield* this.answer();
      if (key !== 'y' && key !== 'Y') {
        text.close();
        return '';
      }
      yield* this.out('\n');
    }
    return text;
  }

  private *show(text: Text, index: number): Task<void> {
    const first = this.index < 0;
    const old = this.view;
    old.text.close();
    this.index = index;
    this.fresh = true;
    this.view = new View(text, this.rowOptions(), () => this.interrupted);
    this.measure();
    this.view.options = { ...this.view.options, shift: 0 };
    this.view.found = old.found;
    this.view.highlight = old.highlight;
    if (first && this.on('F')) {
      yield* this.view.fill({ line: 0, row: 0 });
      if (this.commands.length === 0 && (yield* this.view.atEnd()) && this.files.length === 1) {
        yield* this.out(this.view.shown.map((r) => `${r}\n`).join(''));
        this.quit = 0;
        return;
      }
    }
    yield* this.enter();
    yield* this.view.fill({ line: 0, row: 0 });
    if (first && this.commands.length === 0) {
      this.squished = this.view.shown.length < this.view.height;
      yield* this.out(this.view.shown.map((r) => `${r}\n`).join(''));
    } else yield* this.paint();
    for (const command of this.commands) yield* this.typed(command);
  }

  /** A +COMMAND: keys, with an Enter behind a pattern. */
  private *typed(command: string): Task<void> {
    const search = /^([/?])(.*)$/s.exec(command);
    if (search) {
      const find = COMMANDS.find;
      if (find) yield* find(this, null, search[2] as string, search[1] === '?');
      return;
    }
    const m = /^(\d+)?(.*)$/s.exec(command);
    const n = m?.[1] ? Number(m[1]) : null;
    const keys = m?.[2] === '' ? 'g' : (m?.[2] ?? '');
    for (const key of keys) yield* this.does(KEYS[key] ?? '', n);
  }

  // ---- screen

  /** The whole screen anew. */
  *paint(): Task<void> {
    const { view } = this;
    this.squished = false;
    let out = '\x1b[H';
    for (let i = 0; i < view.height; i++)
      out += `\x1b[K${view.shown[i] ?? (this.on('~') || view.text.lines.length === 0 ? '' : '\x1b[1m~\x1b[22m')}\n`;
    yield* this.out(`${out}\x1b[K`);
  }

  *refill(): Task<void> {
    this.view.options = { ...this.rowOptions(), shift: this.view.options.shift };
    yield* this.view.fill(this.view.top);
    yield* this.paint();
  }

  *jump(to: Place): Task<void> {
    this.marks.set("'", { file: this.view.text.name, top: this.view.top });
    yield* this.view.fill(to);
    yield* this.paint();
  }

  *forward(rows: number): Task<void> {
    const { view } = this;
    if (yield* view.atEnd()) {
      if (this.on('E') || this.on('e')) {
        if (this.index + 1 >= this.files.length) this.quit = 0;
        else yield* this.open(this.index + 1, 1);
      } else yield* this.out('\x07');
      return;
    }
    const fresh = yield* view.forward(rows);
    if (fresh.length >= view.height) yield* this.paint();
    else yield* this.out(`\r\x1b[K${fresh.map((r) => `${r}\n`).join('')}`);
  }

  *backward(rows: number): Task<void> {
    const { view } = this;
    const fresh = yield* view.back(rows);
    if (fresh.length === 0) {
      yield* this.out('\x07');
      return;
    }
    if (fresh.length >= view.height || this.squished) yield* this.paint();
    else yield* this.out(`\r\x1b[K${fresh.map((r) => `\x1b[H\x1bM\x1b[K${r}`).join('')}\x1b[${view.rows};1H\x1b[K`);
  }

  // ---- prompt and messages

  *values(template: string): Task<PromptValues> {
    const { view } = this;
    const { text } = view;
    // The number of lines is counted when somebody asks for it, unless it comes from a pipe.
    if (template.includes('%L') && text.name !== '') yield* text.need(Number.POSITIVE_INFINITY, () => this.interrupted);
    const last = Math.max(view.top.line, view.next.row > 0 ? view.next.line : view.next.line - 1);
    const end = text.lines[last];
    return {
      file: text.name === '' && !this.helping ? '' : text.name,
      files: this.files.length,
      index: this.index + 1,
      first: this.fresh,
      atEnd: yield* view.atEnd(),
      top: view.top.line + 1,
      bottom: last + 1,
      lines: text.ended ? text.lines.length : null,
      topByte: text.starts[view.top.line] ?? 0,
      bottomByte:
        end === undefined
          ? text.bytes
          : Math.min((text.starts[last] as number) + byteLength(end) + 1, text.size ?? Number.POSITIVE_INFINITY),
      size: text.size,
      pipe: text.name === '',
      numbered: !this.on('n'),
    };
  }

  *say(template: string): Task<string> {
    const next = this.files[this.index + 1] ?? '';
    return expandPrompt(template, yield* this.values(template), next);
  }

  private *prompt(): Task<void> {
    const own = (this.flags.get('P') ?? '').replace(/^[smM]/, '');
    const template = own !== '' ? (own.split('$')[0] as string) : this.on('M') ? LONG : this.on('m') ? MEDIUM : SHORT;
    const v = yield* this.values(template);
    const text = this.helping
      ? `HELP -- ${v.atEnd ? 'END -- Press g to see it again' : 'Press RETURN for more'}, or q when done`
      : expandPrompt(template, v, this.files[this.index + 1] ?? '');
    this.fresh = false;
    const cols = this.p.winsize(1)?.cols ?? 80;
    const filter = this.view.filter ? '& ' : '';
    const shown = text.length > cols - 2 ? text.slice(text.length - cols + 2) : text;
    yield* this.out(`\r\x1b[K${filter}${shown === '' ? ':' : `\x1b[7m${shown}\x1b[27m`}`);
  }

  /** A message in the prompt's place; the key that ends it counts, unless it is Enter or the space bar. */
  *message(text: string): Task<void> {
    if (text === '') return;
    const all = `${text}  (press RETURN)`;
    yield* this.out(`\r\x1b[K\x1b[7m${all}\x1b[27m`);
    const key = yield* this.answer();
    if (key !== null && key !== '' && !/^[\r\n ]$/.test(key)) this.keyboard.giveBack(key);
    if (all.length > (this.p.winsize(1)?.cols ?? 80)) yield* this.paint();
  }

  /** A key, through interruptions. */
  *answer(): Task<string | null> {
    for (;;) {
      const key = yield* this.keyboard.key();
      if (key !== '' || this.interrupted) return key;
    }
  }

  /** Text typed at the bottom, after a label; null when it was given up. */
  *ask(label: string, kind: string, special: (text: string, key: string) => string | null = () => null): Task<string | null> {
    const past = this.history.get(kind) ?? [];
    let at = past.length;
    let text = '';
    let head = label;
    for (;;) {
      yield* this.out(`\r\x1b[K${head}${text}`);
      const key = yield* this.answer();
      if (key === null || this.interrupted) {
        this.interrupted = false;
        return null;
      }
      const changed = special(text, key);
      if (changed !== null) head = changed;
      else if (key === '\r' || key === '\n') break;
      else if (key === '\x7f' || key === '\b') {
        if (text === '') return null;
        text = [...text].slice(0, -1).join('');
      } else if (key === '\x15') text = '';
      else if (key === '\x1b' || key === '\x07') return null;
      else if (key === 'Up' || key === 'Down') {
        at = Math.max(0, Math.min(past.length, at + (key === 'Up' ? -1 : 1)));
        text = past[at] ?? '';
      } else if ([...key].length === 1 && key >= ' ') text += key;
    }
    if (text !== '') this.history.set(kind, [...past, text]);
    yield* this.out('\r\x1b[K');
    return text;
  }

  // ---- keys

  private *step(): Task<void> {
    if (this.resized) {
      this.resized = false;
      this.measure();
      yield* this.refill();
    }
    yield* this.prompt();
    let n: string | null = null;
    let keys = '';
    for (;;) {
      const key = yield* this.keyboard.key();
      if (key === null) {
        this.quit = 0;
        return;
      }
      if (this.interrupted) {
        this.interrupted = false;
        if (this.on('K')) this.quit = 2;
        return;
      }
      if (key === '') {
        if (this.resized) return;
        continue;
      }
      if (keys === '' && /^\d$/.test(key)) {
        n = (n ?? '') + key;
        yield* this.out(`\r\x1b[K:${n}`);
        continue;
      }
      if (keys === '' && n !== null && (key === '\x7f' || key === '\b')) {
        n = n.slice(0, -1);
        if (n === '') return;
        yield* this.out(`\r\x1b[K:${n}`);
        continue;
      }
      keys += key;
      if (PREFIXES.has(keys)) {
        if (keys !== '\x1b') yield* this.out(`\r\x1b[K${keys === ':' ? ' :' : keys === 'Z' ? 'Z' : ''}`);
        continue;
      }
      break;
    }
    if (this.helping && keys === 'q') {
      yield* this.does('closeHelp', null);
      return;
    }
    const command = KEYS[keys.length > 1 && keys.startsWith('\x1b') ? `ESC-${keys.slice(1)}` : keys];
    if (!command) {
      yield* this.out('\x07');
      return;
    }
    yield* this.does(command, n === null ? null : Number(n.slice(0, 9)));
    this.interrupted = false;
    if (this.on('E') && this.index + 1 >= this.files.length && !this.helping && (yield* this.view.atEnd())) this.quit ??= 0;
  }

  *does(command: string, n: number | null): Task<void> {
    const run = COMMANDS[command];
    if (run) yield* run(this, n);
  }
}
