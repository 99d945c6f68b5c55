/** A connection's two directions, whatever carries them: TCP, a Unix socket, TLS */

import type { TcpSocket } from '../net/sock/tcp/tcp.ts';
import type { UnixSocket } from '../net/sock/unix.ts';
import { ok, type Result } from '../sim/errno.ts';
import type { Task } from './program.ts';
import { recvTcp, sendTcp, waitFor } from './sockcalls.ts';

export interface Stream {
  /** Empty at the end; EAGAIN when the deadline came first. */
  recv(max: number, deadline?: number): Task<Result<Uint8Array>>;
  /** Sends all of it. */
  send(data: Uint8Array, deadline?: number): Task<Result>;
  readable(): boolean;
}

export function tcpStream(sock: TcpSocket): Stream {
  return {
    recv: (max, deadline) => recvTcp(sock, max, deadline),
    send: (data, deadline) => sendTcp(sock, data, deadline),
    readable: () => sock.readable(),
  };
}

export function unixStream(sock: UnixSocket): Stream {
  return {
    *recv(max, deadline) {
      for (;;) {
        const r = sock.recv(max);
        if (r.ok || r.errno !== 'EAGAIN') return r;
        const w = yield* waitFor(sock, () => sock.readable(), deadline);
        if (!w.ok) return w;
      }
    },
    *send(data, deadline) {
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
    },
    readable: () => sock.readable(),
  };
}
