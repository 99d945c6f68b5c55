/** A terminal: line discipline (canonical mode, echo, signals), window size, foreground process group. Models drivers/tty/n_tty.c */

import { fail, ok, type Result } from '../sim/errno.ts';
import type { Sim } from '../sim/sim.ts';
import { WaitQueue } from '../sim/wait.ts';
import { Endpoint } from './endpoint.ts';
import type { Machine } from './machine.ts';
import { ByteQueue } from './pipe.ts';

/** Output that the user interface has not taken yet; writers block beyond it. */
export const TTY_OUTPUT = 65536;
/** Input that no program has read yet; what comes beyond it is lost, as on Linux (there: 4096). */
const TTY_INPUT = 16 << 20;
/** Bytes in which the end of a line is looked for at once. */
const PIECE = 256;
/** ^C, ^Z and ^\\: keys that act at once, however much was typed before them. */
const SIGNALS = new Set([3, 26, 28]);

export interface Termios {
  icanon: boolean;
  echo: boolean;
  isig: boolean;
  /** \n becomes \r\n on output. */
  onlcr: boolean;
  /** \r becomes \n on input. */
  icrnl: boolean;
}

const COOKED: Termios = { icanon: true, echo: true, isig: true, onlcr: true, icrnl: true };

export class Tty {
  readonly path: string;
  readonly machine: Machine;
  readonly readers = new WaitQueue();
  readonly writers = new WaitQueue();
  private modes: Termios = { ...COOKED };
  cols: number;
  rows: number;
  /** Foreground process group; 0 when there is no session yet. */
  foreground = 0;
  session = 0;
  /** Called when there is output to take. */
  onOutput: (() => void) | null = null;
  /** Called when an interactive shell shows its prompt, so when a command has ended, and when an editor has saved: only for who looks on. */
  onPrompt: (() => void) | null = null;
  private readonly input = new ByteQueue();
  /** Typed after all of `input`, and not yet gone through the line discipline: the rest of a long paste. */
  private readonly ahead = new ByteQueue();
  private readonly output = new ByteQueue();
  private line: number[] = [];
  private eof = 0;
  private hungUp = false;
  private readonly sim: Sim;

  constructor(machine: Machine, cols = 80, rows = 24) {
    this.machine = machine;
    this.sim = machine.sim;
    this.path = `/dev/pts/${this.sim.serial(`pts/${machine.hostname}`) - 1}`;
    this.cols = cols;
    this.rows = rows;
  }

  get termios(): Termios {
    return this.modes;
  }

  /** Out of canonical mode a line that is not finished becomes readable. */
  set termios(modes: Termios) {
    this.modes = modes;
    if (modes.icanon || this.line.length === 0) return;
    this.input.push(Uint8Array.from(this.line));
    this.line = [];
    this.readers.wakeAll();
  }

  /** Bytes typed that nobody has read yet. */
  get waiting(): number {
    return this.input.size + this.ahead.size + this.line.length;
  }

  /** A descriptor's file on this terminal. */
  endpoint(): Endpoint {
    return new Endpoint(this);
  }

  // ---- the user's side

  /** Keys typed or text pasted by the user. */
  type(text: string | Uint8Array): void {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    if (this.input.size + this.ahead.size + bytes.length > TTY_INPUT) return;
    if (this.ahead.size > 0 && !this.stops(bytes)) this.ahead.push(bytes.slice());
    else this.keys(bytes);
    this.readers.wakeAll();
  }

  /** Gives back what a line editor read beyond its line, so that the next reader gets it first, by the modes that hold by now. */
  retype(given: Uint8Array): void {
    const behind = this.input.take(this.input.size).slice();
    this.pendingLines.length = 0;
    if (this.stops(given) || this.stops(behind)) {
      this.keys(given);
      this.keys(behind);
      return;
    }
    this.ahead.unshift(behind);
    this.ahead.unshift(given.slice());
    this.readers.wakeAll();
  }

  /** Whether a key among them acts at once. */
  private stops(bytes: Uint8Array): boolean {
    return this.termios.isig && bytes.some((b) => SIGNALS.has(b));
  }

  private keys(bytes: Uint8Array): void {
    const { icanon, isig, echo, icrnl } = this.termios;
    if (icanon || isig || echo) for (const b of bytes) this.key(b);
    else this.input.push(icrnl ? bytes.map((b) => (b === 13 ? 10 : b)) : bytes.slice());
  }

  /** Takes what is ahead up to the end of its first line. */
  private nextLine(): Uint8Array {
    const parts: Uint8Array[] = [];
    while (this.ahead.size > 0) {
      const part = this.ahead.take(PIECE);
      const end = part.findIndex((b) => b === 10 || b === 13) + 1;
      parts.push(end > 0 ? part.subarray(0, end) : part);
      if (end > 0) {
        this.ahead.unshift(part.slice(end));
        break;
      }
    }
    const all = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  /** Lets what is ahead through until there is something to read; nobody sees it echoed, for it was typed long ago. */
  private advance(max: number): void {
    while (this.ahead.size > 0 && this.input.size === 0 && this.eof === 0) {
      const { echo } = this.modes;
      this.modes.echo = false;
      this.keys(this.modes.icanon ? this.nextLine() : this.ahead.take(max));
      this.modes.echo = echo;
    }
  }

  /** Takes up to `max` bytes of output. */
  take(max = TTY_OUTPUT): Uint8Array {
    const data = this.output.take(max);
    if (data.length > 0) this.writers.wakeAll();
    return data;
  }

  resize(cols: number, rows: number): void {
    if (cols === this.cols && rows === this.rows) return;
    this.cols = cols;
    this.rows = rows;
    if (this.foreground) this.machine.killGroup(this.foreground, 'WINCH');
  }

  hangUp(): void {
    this.hungUp = true;
    this.readers.wakeAll();
    this.writers.wakeAll();
    if (this.session) this.machine.killGroup(this.session, 'HUP');
    if (this.foreground) this.machine.killGroup(this.foreground, 'HUP');
  }

  // ---- the programs' side

  read(max: number): Result<Uint8Array> {
    if (this.hungUp) return ok(new Uint8Array(0));
    this.advance(max);
    if (this.input.size > 0) return ok(this.input.take(this.termios.icanon ? this.lineLength(max) : max).slice());
    if (this.eof > 0) {
      this.eof--;
      return ok(new Uint8Array(0));
    }
    return fail('EAGAIN');
  }

  write(data: Uint8Array): Result<number> {
    if (this.hungUp) return fail('EIO');
    const room = TTY_OUTPUT - this.output.size;
    if (room <= 0) return fail('EAGAIN');
    const part = data.subarray(0, room);
    this.output.push(this.termios.onlcr ? crlf(part) : part.slice());
    this.onOutput?.();
    return ok(part.length);
  }

  readable(): boolean {
    if (this.input.size === 0 && !this.hungUp) this.advance(PIECE);
    return this.input.size > 0 || this.eof > 0 || this.hungUp;
  }

  writable(): boolean {
    return this.output.size < TTY_OUTPUT;
  }

  setForeground(pgid: number): void {
    this.foreground = pgid;
  }

  // ---- line discipline

  private pendingLines: number[] = [];

  private lineLength(max: number): number {
    const n = this.pendingLines[0];
    if (n === undefined) return max;
    if (n > max) {
      this.pendingLines[0] = n - max;
      return max;
    }
    this.pendingLines.shift();
    return n;
  }

  private key(byte: number): void {
    const t = this.termios;
    const b = t.icrnl && byte === 13 ? 10 : byte;
    if (t.isig) {
      const signal = b === 3 ? 'INT' : b === 28 ? 'QUIT' : b === 26 ? 'TSTP' : null;
      if (signal) {
        this.flush();
        if (t.echo) this.put(b === 3 ? '^C' : b === 28 ? '^\\' : '^Z');
        if (this.foreground) this.machine.killGroup(this.foreground, signal);
        return;
      }
    }
    if (!t.icanon) {
      this.input.push(Uint8Array.of(b));
      if (t.echo) this.echo(b);
      return;
    }
    if (b === 10) {
      this.line.push(10);
      if (t.echo) this.put('\r\n');
      this.commit();
    } else if (b === 4) {
      if (this.line.length === 0) this.eof++;
      else this.commit();
    } else if (b === 127 || b === 8) this.erase();
    else if (b === 21) while (this.line.length > 0) this.erase();
    else if (b === 23) {
      while (this.line.length > 0 && this.line[this.line.length - 1] === 32) this.erase();
      while (this.line.length > 0 && this.line[this.line.length - 1] !== 32) this.erase();
    } else {
      this.line.push(b);
      if (t.echo) this.echo(b);
    }
  }

  /**
   * A signal key throws away what was typed (NOFLSH is off). Linux drops unshown output too; here it is kept, because the user
   * interface may take it only once a frame.
   */
  private flush(): void {
    this.line = [];
    this.input.take(this.input.size);
    this.ahead.take(this.ahead.size);
    this.pendingLines.length = 0;
  }

  private commit(): void {
    this.input.push(Uint8Array.from(this.line));
    this.pendingLines.push(this.line.length);
    this.line = [];
  }

  private erase(): void {
    let b = this.line.pop();
    if (b === undefined) return;
    while (b !== undefined && (b & 0xc0) === 0x80) b = this.line.pop();
    if (this.termios.echo) this.put(b !== undefined && b < 32 ? '\b \b\b \b' : '\b \b');
  }

  private echo(b: number): void {
    if (b < 32 && b !== 9 && b !== 10) this.put(`^${String.fromCharCode(b + 64)}`);
    else this.output.push(b === 10 ? Uint8Array.of(13, 10) : Uint8Array.of(b));
    this.onOutput?.();
  }

  private put(text: string): void {
    if (this.output.size > TTY_OUTPUT * 2) return;
    this.output.push(new TextEncoder().encode(text));
    this.onOutput?.();
  }
}

function crlf(data: Uint8Array): Uint8Array {
  let count = 0;
  for (const b of data) if (b === 10) count++;
  if (count === 0) return data.slice();
  const out = new Uint8Array(data.length + count);
  let i = 0;
  for (const b of data) {
    if (b === 10) out[i++] = 13;
    out[i++] = b;
  }
  return out;
}
