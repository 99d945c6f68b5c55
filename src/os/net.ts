/** Sockets for programs: descriptors and calls that wait. Models net/socket.c */

import type { Sock } from '../net/sock/sock.ts';
import { TcpSocket } from '../net/sock/tcp/tcp.ts';
import { type Datagram, UdpSocket } from '../net/sock/udp.ts';
import { fail, ok, type Result } from '../sim/errno.ts';
import type { Micros } from '../sim/sim.ts';
import type { WaitQueue } from '../sim/wait.ts';
import type { IpAddr } from '../wire/addr.ts';
import { OpenFile } from './file.ts';
import type { Process } from './process.ts';
import type { Task } from './program.ts';

/** What a descriptor needs of a socket; TCP, UDP, raw, packet and Unix sockets all have it. */
export interface SocketLike {
  close(): void;
}

interface StreamLike extends SocketLike {
  readonly wq: WaitQueue;
  readable(): boolean;
  writable(): boolean;
  recv?(max?: number): Result<unknown>;
  send?(data: Uint8Array): Result<number>;
}

/** A socket in a descriptor table: closed with its last descriptor. read() and write() work on stream and connected datagram sockets. */
export class SocketFile extends OpenFile {
  readonly kind = 'socket';
  readonly name: string;
  readonly sock: SocketLike;

  constructor(sock: SocketLike, inode: number) {
    super();
    this.sock = sock;
    this.name = `socket:[${inode}]`;
  }

  private get stream(): StreamLike {
    return this.sock as StreamLike;
  }

  override get readers(): WaitQueue {
    return this.stream.wq;
  }

  override get writers(): WaitQueue {
    return this.stream.wq;
  }

  override read(max: number): Result<Uint8Array> {
    const r = this.stream.recv?.(max);
    if (!r) return fail('EINVAL');
    if (!r.ok) return r;
    return r.value instanceof Uint8Array ? ok(r.value) : fail('EINVAL');
  }

  override write(data: Uint8Array): Result<number> {
    return this.stream.send?.(data) ?? fail('EINVAL');
  }

  override readable(): boolean {
    return this.stream.readable();
  }

  override writable(): boolean {
    return this.stream.writable();
  }

  protected override release(): void {
    this.sock.close();
  }
}

/** Runs `call` until it is not EAGAIN. ETIMEDOUT at `until`, EINTR on a handled signal. */
export function* retry<T>(p: Process, sock: Sock, call: () => Result<T>, until?: Micros): Task<Result<T>> {
  for (;;) {
    const r = call();
    if (r.ok || r.errno !== 'EAGAIN') {
      yield* p.charge(1);
      return r;
    }
    const wake = yield* p.wait({ on: [sock.wq], until });
    if (wake === 'signal') return fail('EINTR');
    if (wake === 'timeout') return fail('EAGAIN');
  }
}

/** A blocking connect. At `until` (virtual time) it gives up with EINPROGRESS. */
export function* connect(p: Process, sock: TcpSocket | UdpSocket, addr: IpAddr, port: number, until?: Micros): Task<Result<void>> {
  const r = sock.connect(addr, port);
  if (r.ok || r.errno !== 'EINPROGRESS' || !(sock instanceof TcpSocket)) return r;
  while (sock.connecting) {
    const wake = yield* p.wait({ on: [sock.wq], until });
    if (!sock.connecting) break;
    if (wake === 'signal') return fail('EINTR');
    if (wake === 'timeout') return fail('EINPROGRESS');
  }
  const error = sock.takeError();
  return error === null ? ok() : fail(error);
}

/** The next connection; EAGAIN at `until`. */
export function* accept(p: Process, sock: TcpSocket, until?: Micros): Task<Result<TcpSocket>> {
  return yield* retry(p, sock, () => sock.accept(), until);
}

/** Stream data or a datagram's payload; empty bytes are the end of the stream. EAGAIN at `until`. */
export function* recv(p: Process, sock: TcpSocket | UdpSocket, max = 65536, until?: Micros): Task<Result<Uint8Array>> {
  return yield* retry(p, sock, () => (sock instanceof UdpSocket ? sock.recv() : sock.recv(max)), until);
}

export function* recvFrom(p: Process, sock: UdpSocket, until?: Micros): Task<Result<Datagram>> {
  return yield* retry(p, sock, () => sock.recvFrom(), until);
}

/** Sends all of it, waiting for room. EPIPE comes with SIGPIPE unless the signal is ignored. */
export function* send(p: Process, sock: TcpSocket | UdpSocket, data: Uint8Array, until?: Micros): Task<Result<number>> {
  let rest = data;
  for (;;) {
    const r = yield* retry(p, sock, () => sock.send(rest), until);
    if (!r.ok) return r;
    rest = rest.subarray(r.value);
    if (rest.length === 0 || sock instanceof UdpSocket) return ok(data.length);
  }
}
