/** Socket calls that wait, for programs: open, connect, accept, receive, send, with deadlines. Models the blocking half of net/socket.c */

import { PacketSocket } from '../net/sock/packet.ts';
import { RawSocket } from '../net/sock/raw.ts';
import type { Sock } from '../net/sock/sock.ts';
import { TcpSocket } from '../net/sock/tcp/tcp.ts';
import { type Datagram, UdpSocket } from '../net/sock/udp.ts';
import type { UnixSocket } from '../net/sock/unix.ts';
import { fail, ok, type Result } from '../sim/errno.ts';
import type { Micros } from '../sim/sim.ts';
import type { IpAddr } from '../wire/addr.ts';
import { SocketInode } from './inode.ts';
import type { Process } from './process.ts';
import type { Task } from './program.ts';

function adopt<S extends Sock>(p: Process, sock: S): S {
  sock.uid = p.uid;
  sock.gid = p.gid;
  sock.owner = { pid: p.pid, comm: p.name };
  p.socketFd(sock);
  return sock;
}

export function openTcp(p: Process, family: 4 | 6 = 4): TcpSocket {
  return adopt(p, new TcpSocket(p.ns, family));
}

export function openUdp(p: Process, family: 4 | 6 = 4): UdpSocket {
  return adopt(p, new UdpSocket(p.ns, family));
}

/** EPERM for anybody but root (CAP_NET_RAW). */
export function openRaw(p: Process, family: 4 | 6, proto: number): Result<RawSocket> {
  return p.uid === 0 ? ok(adopt(p, new RawSocket(p.ns, family, proto))) : fail('EPERM');
}

export function openPacket(p: Process, proto?: number, cooked = false): Result<PacketSocket> {
  return p.uid === 0 ? ok(adopt(p, new PacketSocket(p.ns, proto, cooked))) : fail('EPERM');
}

/** Closes the socket and frees its descriptor. */
export function closeSocket(p: Process, sock: Sock): void {
  for (const [fd, file] of p.fds) {
    if ((file as { sock?: unknown }).sock === sock) {
      p.close(fd);
      return;
    }
  }
  sock.close();
}

/** bind(2) of a Unix socket: a path gets an entry in the file system, which outlives the socket; EADDRINUSE when there is something. */
export function bindUnix(p: Process, sock: UnixSocket, path: string): Result {
  if (!path.startsWith('@')) {
    const made = p.machine.fs.place(p, path, new SocketInode(sock));
    if (!made.ok) return made.errno === 'EEXIST' ? fail('EADDRINUSE') : made;
  }
  return sock.bind(path);
}

/** connect(2) of a Unix socket: ENOENT without an entry, ECONNREFUSED when nobody is behind it. */
export function connectUnix(p: Process, sock: UnixSocket, path: string): Result {
  if (path.startsWith('@')) return sock.connect(path);
  const found = p.machine.fs.lookup(p, path);
  if (!found.ok) return found;
  return found.value instanceof SocketInode ? sock.connectTo(found.value.socket as UnixSocket) : fail('ECONNREFUSED');
}

/** Waits until `ready()` holds. EAGAIN: the deadline passed. EINTR: a signal handler ran. */
export function* waitFor(sock: Sock, ready: () => boolean, deadline?: Micros): Task<Result> {
  while (!ready()) {
    const wake = yield { on: [sock.wq], until: deadline };
    if (wake === 'signal') return fail('EINTR');
    if (wake === 'timeout' && !ready()) return fail('EAGAIN');
  }
  return ok();
}

/** EAGAIN when the deadline came first; the attempt is then still under way. */
export function* connectTcp(sock: TcpSocket, addr: IpAddr, port: number, deadline?: Micros): Task<Result> {
  const started = sock.connect(addr, port);
  if (started.ok || started.errno !== 'EINPROGRESS') return started;
  const done = yield* waitFor(sock, () => !sock.connecting || sock.error !== null, deadline);
  if (!done.ok) return done;
  const error = sock.takeError();
  return error ? fail(error) : ok();
}

export function* acceptTcp(p: Process, listener: TcpSocket, deadline?: Micros): Task<Result<TcpSocket>> {
  for (;;) {
    const r = listener.accept();
    if (r.ok) return ok(adopt(p, r.value));
    if (r.errno !== 'EAGAIN') return r;
    const w = yield* waitFor(listener, () => listener.readable(), deadline);
    if (!w.ok) return w;
  }
}

/** Empty bytes at the end of the stream. */
export function* recvTcp(sock: TcpSocket, max = 65536, deadline?: Micros): Task<Result<Uint8Array>> {
  for (;;) {
    const r = sock.recv(max);
    if (r.ok || r.errno !== 'EAGAIN') return r;
    const w = yield* waitFor(sock, () => sock.readable(), deadline);
    if (!w.ok) return w;
  }
}

/** Sends all of it, waiting for room in the send buffer. */
export function* sendTcp(sock: TcpSocket, data: Uint8Array, deadline?: Micros): Task<Result> {
  let rest = data;
  while (rest.length > 0) {
    const r = sock.send(rest);
    if (r.ok) rest = rest.subarray(r.value);
    else if (r.errno !== 'EAGAIN') return r;
    else {
      const w = yield* waitFor(sock, () => sock.writable(), deadline);
      if (!w.ok) return w;
    }
  }
  return ok();
}

export function* recvUdp(sock: UdpSocket, deadline?: Micros): Task<Result<Datagram>> {
  for (;;) {
    const r = sock.recvFrom();
    if (r.ok || r.errno !== 'EAGAIN') return r;
    const w = yield* waitFor(sock, () => sock.readable(), deadline);
    if (!w.ok) return w;
  }
}
