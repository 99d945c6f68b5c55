/** Standard streams of a command in a container: raw terminal, sizes, exit status. Models remotecommand v5 and kubectl/pkg/util/term */

import type { OpenFile } from '../../../os/file.ts';
import type { Process } from '../../../os/process.ts';
import type { Task } from '../../../os/program.ts';
import type { WaitQueue } from '../../../sim/wait.ts';
import { text, utf8 } from '../../../wire/bytes.ts';
import {
  CHANNEL_CLOSE,
  CHANNEL_ERROR,
  CHANNEL_RESIZE,
  CHANNEL_STDERR,
  CHANNEL_STDIN,
  CHANNEL_STDOUT,
  REMOTE_COMMAND_V5,
} from '../../../wire/websocket.ts';
import { Failure, failure } from '../errors.ts';
import { isObject, list, str } from '../json.ts';
import { parseJson, type Query, type Rest } from '../rest.ts';
import { RemoteSocket } from './socket.ts';

export interface SessionOptions {
  readonly path: string;
  readonly query: Query;
  readonly stdin: boolean;
  /** The terminal is put into raw mode and its size follows. */
  readonly tty: boolean;
  /** Keys that end the session and leave the command running. */
  readonly detachKeys?: readonly number[];
  /** Takes the command's output instead of standard output. */
  readonly onStdout?: (data: Uint8Array) => void;
  readonly onStderr?: (data: Uint8Array) => void;
  /** What is sent as standard input instead of descriptor 0; null at its end. */
  readonly source?: () => Uint8Array | null;
}

/** How it ended: the command's exit status, detached by the user, or an error. */
export type SessionEnd = { readonly code: number } | 'detached' | Failure;

/** Runs with the terminal in raw mode, and gives it back as it was. */
function* raw<T>(p: Process, wanted: boolean, body: () => Task<T>): Task<T> {
  const tty = wanted ? p.tty : null;
  const saved = tty ? { ...tty.termios } : null;
  if (tty) tty.termios = { icanon: false, echo: false, isig: false, icrnl: false, onlcr: false };
  try {
    return yield* body();
  } finally {
    if (tty && saved) tty.termios = saved;
  }
}

export function* session(rest: Rest, o: SessionOptions): Task<SessionEnd> {
  const socket = yield* RemoteSocket.dial(rest, o.path, o.query, [REMOTE_COMMAND_V5]);
  if (socket instanceof Failure) return socket;
  const { p } = rest;
  return yield* raw(p, o.tty, () => new Session(p, socket, o).run());
}

class Session {
  private readonly p: Process;
  private readonly socket: RemoteSocket;
  private readonly o: SessionOptions;
  private readonly stdin: OpenFile | undefined;
  private inOpen: boolean;
  private size = '';
  private errors = '';
  /** How many of the detach keys were pressed in a row. */
  private pressed = 0;

  constructor(p: Process, socket: RemoteSocket, o: SessionOptions) {
    this.p = p;
    this.socket = socket;
    this.o = o;
    this.stdin = p.file(0);
    this.inOpen = o.stdin && (o.source !== undefined || this.stdin !== undefined);
  }

  *run(): Task<SessionEnd> {
    const { p, socket, o } = this;
    if (o.tty) p.onSignal('WINCH', () => {});
    try {
      for (;;) {
        if (o.tty) yield* this.resize();
        if (socket.readable) {
          const piece = yield* socket.receive();
          if (piece instanceof Failure) return piece;
          if (piece === null) return this.verdict();
          yield* this.take(piece.channel, piece.data);
          continue;
        }
        if (this.inOpen && (yield* this.input())) {
          if (this.pressed < 0) {
            yield* socket.close();
            return 'detached';
          }
          continue;
        }
        const on: WaitQueue[] = [socket.queue];
        if (this.inOpen && !o.source && this.stdin) on.push(this.stdin.readers);
        yield { on };
      }
    } finally {
      if (o.tty) p.onSignal('WINCH', 'default');
    }
  }

  private *resize(): Task<void> {
    const w = this.p.winsize(1) ?? this.p.winsize(0);
    if (!w) return;
    const size = `{"Width":${w.cols},"Height":${w.rows}}`;
    if (size === this.size) return;
    this.size = size;
    yield* this.socket.send(CHANNEL_RESIZE, utf8(`${size}\n`));
  }

  /** Whether there was something to send. */
  private *input(): Task<boolean> {
    const { o, stdin } = this;
    if (o.source) {
      const data = o.source();
      yield* this.feed(data ?? new Uint8Array(0));
      return true;
    }
    if (!stdin?.readable()) return false;
    const r = yield* this.p.read(0);
    if (!r.ok && r.errno === 'EINTR') return true;
    const data = r.ok ? r.value : new Uint8Array(0);
    if (this.detaching(data)) return true;
    yield* this.feed(data);
    return true;
  }

  private *feed(data: Uint8Array): Task<void> {
    if (data.length > 0) {
      for (let at = 0; at < data.length; at += 32_768) yield* this.socket.send(CHANNEL_STDIN, data.subarray(at, at + 32_768));
      return;
    }
    this.inOpen = false;
    yield* this.socket.send(CHANNEL_CLOSE, Uint8Array.of(CHANNEL_STDIN));
  }

  private detaching(data: Uint8Array): boolean {
    const keys = this.o.detachKeys;
    if (!keys || keys.length === 0 || !this.o.tty) return false;
    for (const b of data) {
      this.pressed = b === keys[this.pressed] ? this.pressed + 1 : b === keys[0] ? 1 : 0;
      if (this.pressed < keys.length) continue;
      this.pressed = -1;
      return true;
    }
    return false;
  }

  private *take(channel: number, data: Uint8Array): Task<void> {
    const { o, p } = this;
    if (channel === CHANNEL_STDOUT) {
      if (o.onStdout) o.onStdout(data);
      else if (data.length > 0) yield* p.out(data);
    } else if (channel === CHANNEL_STDERR) {
      if (o.onStderr) o.onStderr(data);
      else if (data.length > 0) yield* p.err(data);
    } else if (channel === CHANNEL_ERROR) this.errors += text(data);
  }

  /** errorDecoderV4 */
  private verdict(): SessionEnd {
    if (this.errors === '') return { code: 0 };
    const s = parseJson(this.errors);
    if (!isObject(s)) return failure(`error stream protocol error: ${this.errors}`);
    if (str(s, 'status') === 'Success') return { code: 0 };
    if (str(s, 'status') !== 'Failure') return failure('error stream protocol error: unknown error');
    if (str(s, 'reason') !== 'NonZeroExitCode') return failure(str(s, 'message'));
    for (const cause of list(s, 'details', 'causes')) {
      if (str(cause, 'reason') !== 'ExitCode') continue;
      const code = Number(str(cause, 'message'));
      return Number.isInteger(code)
        ? { code }
        : failure(`error stream protocol error: invalid exit code value ${JSON.stringify(str(cause, 'message'))}`);
    }
    return failure('error stream protocol error: no exit code given');
  }
}
