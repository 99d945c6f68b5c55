/** exec, attach and port-forward over a WebSocket. Models pkg/kubelet/server's handlers and cri/streaming */

import { remoteLogin } from '../../../os/audit.ts';
import { nullDevice } from '../../../os/chardev.ts';
import { OpenFile } from '../../../os/file.ts';
import { makePipe } from '../../../os/pipe.ts';
import type { Process, Task } from '../../../os/process.ts';
import { closeSocket, connectTcp, recvTcp, sendTcp } from '../../../os/sockcalls.ts';
import type { Stream } from '../../../os/stream.ts';
import { startThread } from '../../../os/thread.ts';
import type { Tty } from '../../../os/tty.ts';
import { type Errno, fail, ok, type Result, TcpSocket } from '../../../os/uapi.ts';
import { SEC } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { text, utf8 } from '../../../wire/bytes.ts';
import {
  CHANNEL_CLOSE,
  CHANNEL_ERROR,
  CHANNEL_RESIZE,
  CHANNEL_STDERR,
  CHANNEL_STDIN,
  CHANNEL_STDOUT,
  emitClose,
  emitFrame,
  onChannel,
  WS_BINARY,
  WS_CLOSE,
  WS_PING,
  WS_PONG,
  WsDecoder,
} from '../../../wire/websocket.ts';
import { execFailure } from '../runtime/runtime.ts';
import type { Container } from '../runtime/types.ts';
import type { Kubelet } from './context.ts';

/** Bytes that may wait for the client; a program that writes more waits. */
const LIMIT = 1 << 20;
const CHUNK = 32 << 10;

/** The server's end of a WebSocket: messages to send queue up, so that whoever has something need not wait. */
export class Channels {
  readonly stream: Stream;
  readonly room = new WaitQueue();
  private readonly filled = new WaitQueue();
  private readonly out: Uint8Array[] = [];
  private readonly decoder = new WsDecoder();
  private readonly arrived: { channel: number; data: Uint8Array }[] = [];
  waiting = 0;
  private ending = false;
  private over = false;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  send(channel: number, data: Uint8Array): void {
    for (let at = 0; at === 0 || at < data.length; at += CHUNK)
      this.push(emitFrame(WS_BINARY, onChannel(channel, data.subarray(at, at + CHUNK))));
  }

  private push(frame: Uint8Array): void {
    this.out.push(frame);
    this.waiting += frame.length;
    this.filled.wakeAll();
  }

  finish(): void {
    if (this.ending) return;
    this.ending = true;
    this.push(emitFrame(WS_CLOSE, emitClose(1000)));
  }

  /** Sends what queues up until the end. */
  *writer(): Task<void> {
    while (!this.over) {
      const frame = this.out.shift();
      if (!frame) {
        if (this.ending) return;
        yield { on: [this.filled] };
        continue;
      }
      const r = yield* this.stream.send(frame);
      this.waiting -= frame.length;
      if (this.waiting < LIMIT) this.room.wakeAll();
      if (!r.ok) return;
    }
  }

  /** The next message of the client; null when it has gone. */
  *receive(): Task<{ channel: number; data: Uint8Array } | null> {
    for (;;) {
      const next = this.arrived.shift();
      if (next) return next;
      if (this.over || this.decoder.failed) return null;
      const r = yield* this.stream.recv(65536);
      if (!r.ok || r.value.length === 0) {
        this.over = true;
        this.filled.wakeAll();
        return null;
      }
      for (const m of this.decoder.push(r.value)) {
        if (m.opcode === WS_PING) this.push(emitFrame(WS_PONG, m.data));
        else if (m.opcode === WS_CLOSE) this.over = true;
        else if (m.data.length > 0) this.arrived.push({ channel: m.data[0] as number, data: m.data.subarray(1) });
      }
    }
  }
}

/** A descriptor whose bytes go to a channel. */
class ChannelFile extends OpenFile {
  readonly kind = 'pipe';
  readonly name = 'pipe:[exec]';
  private readonly to: Channels;
  private readonly channel: number;

  constructor(to: Channels, channel: number) {
    super();
    this.to = to;
    this.channel = channel;
  }

  override get writers(): WaitQueue {
    return this.to.room;
  }

  override write(data: Uint8Array, _p: Process): Result<number> {
    if (this.to.waiting > LIMIT) return fail('EAGAIN');
    this.to.send(this.channel, data.slice());
    return ok(data.length);
  }

  override readable(): boolean {
    return false;
  }
}

export interface Wanted {
  readonly command: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

const SUCCESS = { metadata: {}, status: 'Success' };

function exitStatus(code: number): object {
  if (code === 0) return SUCCESS;
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: command terminated with exit code ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}

const failed = (message: string): object => ({
  metadata: {},
  status: 'Failure',
  message,
  reason: 'InternalError',
  code: 500,
  details: { causes: [{ message }] },
});

function resized(tty: Tty | null, data: Uint8Array): void {
  const m = /"Width":(\d+),"Height":(\d+)/.exec(text(data));
  if (tty && m) tty.resize(Number(m[1]), Number(m[2]));
}

/** What the client types and how large its window is, until it goes. */
function* feed(ch: Channels, take: (data: Uint8Array) => Task<void>, end: () => void, tty: () => Tty | null): Task<void> {
  for (;;) {
    const m = yield* ch.receive();
    if (m === null) break;
    if (m.channel === CHANNEL_STDIN) yield* take(m.data);
    else if (m.channel === CHANNEL_RESIZE) resized(tty(), m.data);
    else if (m.channel === CHANNEL_CLOSE && m.data[0] === CHANNEL_STDIN) end();
  }
  end();
}

function terminalOutput(tty: Tty, ch: Channels): void {
  tty.onOutput = () => {
    for (let data = tty.take(); data.length > 0; data = tty.take()) ch.send(CHANNEL_STDOUT, data);
  };
}

export function* exec(kubelet: Kubelet, c: Container, wanted: Wanted, ch: Channels): Task<void> {
  const { p, runtime } = kubelet;
  const { machine } = p;
  startThread(p, ch.writer());
  const tty = wanted.tty ? machine.newTty() : null;
  const fds = new Map<number, OpenFile>();
  let input: OpenFile | null = null;
  if (tty) {
    terminalOutput(tty, ch);
    const end = tty.endpoint();
    for (const fd of [0, 1, 2]) fds.set(fd, end);
  } else {
    if (wanted.stdin) {
      const [r, w] = makePipe(p.sim);
      input = w.acquire();
      fds.set(0, r);
    } else fds.set(0, nullDevice());
    fds.set(1, wanted.stdout ? new ChannelFile(ch, CHANNEL_STDOUT) : nullDevice());
    fds.set(2, wanted.stderr ? new ChannelFile(ch, CHANNEL_STDERR) : nullDevice());
  }
  const started = runtime.enter(c, wanted.command, { fds, audit: remoteLogin(p.sim), ...(tty ? { tty } : {}) });
  if (!started.ok) {
    const why = failed(
      `Internal error occurred: error executing command in container: ${execFailure(c.id, wanted.command, started.errno)}`,
    );
    ch.send(CHANNEL_ERROR, utf8(JSON.stringify(why)));
    ch.finish();
    if (tty) machine.closeTty(tty);
    return;
  }
  const q = started.value;
  if (tty) {
    q.env.set('TERM', 'xterm');
    tty.session = q.pid;
    tty.setForeground(q.pgid);
  }
  const gone = new WaitQueue();
  q.onExit = () => gone.wakeAll();
  const reader = startThread(
    p,
    feed(
      ch,
      function* (data) {
        if (tty) tty.type(data);
        else if (input) yield* writeAll(input, data, p);
      },
      () => {
        input?.close();
        input = null;
      },
      () => tty,
    ),
  );
  while (!q.dead) yield { on: [gone] };
  reader.stop();
  ch.send(CHANNEL_ERROR, utf8(JSON.stringify(exitStatus(q.status))));
  ch.finish();
  if (tty) machine.closeTty(tty);
}

function* writeAll(file: OpenFile, data: Uint8Array, p: Process): Task<void> {
  let rest = data;
  while (rest.length > 0) {
    const r = file.write(rest, p);
    if (r.ok) rest = rest.subarray(r.value);
    else if (r.errno === 'EAGAIN') yield { on: [file.writers] };
    else return;
  }
}

export function* attach(kubelet: Kubelet, c: Container, wanted: Wanted, ch: Channels): Task<void> {
  const { p } = kubelet;
  startThread(p, ch.writer());
  const gone = new WaitQueue();
  const hear = (stream: 1 | 2, data: Uint8Array): void => ch.send(stream === 1 ? CHANNEL_STDOUT : CHANNEL_STDERR, data.slice());
  const ended = (x: Container): void => {
    if (x === c) gone.wakeAll();
  };
  c.log.listeners.add(hear);
  kubelet.runtime.listeners.add(ended);
  const { tty } = c;
  const reader = startThread(
    p,
    feed(
      ch,
      function* (data) {
        if (!wanted.stdin) return;
        if (tty) tty.type(data);
        else if (c.stdin) yield* writeAll(c.stdin, data, p);
      },
      () => {
        if (wanted.stdin && c.config.stdinOnce && c.stdin) {
          c.stdin.close();
          c.stdin = null;
        }
        gone.wakeAll();
      },
      () => tty,
    ),
  );
  try {
    while (c.state === 'Running' && !reader.ended) yield { on: [gone], until: p.sim.now + SEC };
    ch.send(CHANNEL_ERROR, utf8(JSON.stringify(SUCCESS)));
    ch.finish();
  } finally {
    reader.stop();
    c.log.listeners.delete(hear);
    kubelet.runtime.listeners.delete(ended);
  }
}

const DIAL: Partial<Record<Errno, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
};

/** Channels 2n carry data, 2n+1 errors, of the n-th port; the first message of each names the port. */
export function* portForward(kubelet: Kubelet, c: Container, ports: readonly number[], ch: Channels): Task<void> {
  const { p } = kubelet;
  startThread(p, ch.writer());
  const socks: (TcpSocket | null)[] = [];
  let open = 0;
  for (const [i, port] of ports.entries()) {
    const name = Uint8Array.of(port & 255, port >> 8);
    ch.send(2 * i, name);
    ch.send(2 * i + 1, name);
    const sock = new TcpSocket(c.sandbox.ns, 4);
    p.socketFd(sock);
    const r = yield* connectTcp(sock, 0x7f000001, port, p.sim.now + 5 * SEC);
    if (!r.ok) {
      closeSocket(p, sock);
      socks.push(null);
      const why = DIAL[r.errno] ?? r.errno;
      ch.send(
        2 * i + 1,
        utf8(
          `error forwarding port ${port} to pod ${c.sandbox.id}, uid : failed to execute portforward in network namespace "${c.sandbox.netnsPath || 'host'}": failed to connect to localhost:${port} inside namespace "${c.sandbox.id}", IPv4: dial tcp4 127.0.0.1:${port}: connect: ${why} IPv6 dial tcp6 [::1]:${port}: connect: ${why} `,
        ),
      );
      continue;
    }
    socks.push(sock);
    open++;
    startThread(
      p,
      (function* (): Task<void> {
        for (;;) {
          const got = yield* recvTcp(sock);
          if (!got.ok || got.value.length === 0) break;
          ch.send(2 * i, got.value);
        }
        if (--open === 0) ch.finish();
      })(),
    );
  }
  if (open === 0) ch.finish();
  try {
    for (;;) {
      const m = yield* ch.receive();
      if (m === null) return;
      const sock = m.channel % 2 === 0 ? socks[m.channel / 2] : null;
      if (sock && m.data.length > 0 && !(yield* sendTcp(sock, m.data)).ok) return;
    }
  } finally {
    for (const sock of socks) if (sock) closeSocket(p, sock);
  }
}
