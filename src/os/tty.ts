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
/** Bytes that are typed again key by key, up to the end of their line. */
const RETYPED = 256;
/** ^C ^D ^H ^Q … ^Z ^\\ and erase: keys that the line discipline acts on. */
const STEERS = new Set([3, 4, 8, 17, 19, 21, 22, 23, 26, 28, 127]);

/** Behind the first line end from `from` on. */
function lineEnd(bytes: Uint8Array, from: number): number {
  for (let i = from; i < bytes.length; i++) if (bytes[i] === 10 || bytes[i] === 13) return i + 1;
  return bytes.length;
}

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
  /** Called when an interactive shell shows its prompt, so when a command has ended. */
  onPrompt: (() => void) | null = null;
  private readonly input = new ByteQueue();
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

  /** A descriptor's file on this terminal. */
  endpoint(): Endpoint {
    return new Endpoint(this);
  }

  // ---- the user's side

  /** Keys typed or text pasted by the user. */
  type(text: string | Uint8Array): void {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    if (this.input.size + bytes.length > TTY_INPUT) return;
    if (!this.termios.icanon && !this.termios.isig && !this.termios.echo) {
      this.input.push(this.termios.icrnl ? bytes.map((b) => (b === 13 ? 10 : b)) : bytes.slice());
    } else for (const b of bytes) this.key(b);
    this.readers.wakeAll();
  }

  /** Gives back what a line editor read beyond its line, so that the next reader gets it first, by the modes that hold by now. */
  retype(ahead: Uint8Array): void {
    const behind = this.input.take(this.input.size).slice();
    this.pendingLines.length = 0;
    const all = new Uint8Array(ahead.length + behind.length);
    all.set(ahead);
    all.set(behind, ahead.length);
    // Of a long paste only the beginning goes through the line discipline key by key: each command of it comes here again.
    const end = this.termios.icanon ? lineEnd(all, RETYPED) : all.length;
    const rest = all.subarray(end);
    if (rest.some((b) => STEERS.has(b))) {
      this.type(all);
      return;
    }
    this.type(all.subarray(0, end));
    if (rest.length > 0) this.hold(rest);
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

  /** Takes lines in that hold no key with a meaning, without echo. */
  private hold(bytes: Uint8Array): void {
    const lines = bytes.map((b) => (b === 13 && this.termios.icrnl ? 10 : b));
    let at = 0;
    for (let end = lines.indexOf(10); end >= 0; end = lines.indexOf(10, at)) {
      this.pendingLines.push(end + 1 - at);
      at = end + 1;
    }
    this.input.push(lines.subarray(0, at));
    this.line = [...lines.subarray(at)];
    this.readers.wakeAll();
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
