/** Bytes carried through a proxy as they come: TLS by its server name, and upgraded connections. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { closeSocket } from '../../os/sockcalls.ts';
import { type Stream, tcpStream } from '../../os/stream.ts';
import { startThread } from '../../os/thread.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { ok } from '../../sim/errno.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { concat } from '../../wire/bytes.ts';
import { CLIENT_HELLO, HANDSHAKE, parseClientHello } from '../../wire/tls.ts';

/** Longest ClientHello that is waited for. */
const MAX_HELLO = 16 * 1024 + 5;

/** The stream again from its beginning, and the name in its ClientHello; null when the client went or sent no TLS. */
export function* serverNameOf(sock: TcpSocket, deadline: number): Task<{ name: string | null; stream: Stream } | null> {
  const under = tcpStream(sock);
  let got: Uint8Array = new Uint8Array(0);
  for (;;) {
    const length = got.length >= 5 ? 5 + (((got[3] as number) << 8) | (got[4] as number)) : 5;
    if (got.length > 0 && got[0] !== HANDSHAKE) return null;
    if (got.length >= 5 && got.length >= length) break;
    if (length > MAX_HELLO) return null;
    const r = yield* under.recv(65536, deadline);
    if (!r.ok || r.value.length === 0) return null;
    got = concat([got, r.value]);
  }
  if (got[5] !== CLIENT_HELLO) return null;
  const hello = parseClientHello(got.subarray(9, 5 + (((got[3] as number) << 8) | (got[4] as number))));
  if (!hello) return null;
  let head: Uint8Array | null = got;
  const stream: Stream = {
    *recv(max, until) {
      if (head === null) return yield* under.recv(max, until);
      const now = head.subarray(0, max);
      head = head.length > max ? head.subarray(max) : null;
      return ok(now);
    },
    send: (data, until) => under.send(data, until),
    readable: () => head !== null || under.readable(),
  };
  return { name: hello.serverName, stream };
}

/** Both directions until one end closes. */
export function* passThrough(p: Process, a: TcpSocket, fromA: Stream, b: TcpSocket, fromB: Stream): Task<void> {
  yield* relay(p, a, fromA, new Uint8Array(0), b, fromB, new Uint8Array(0));
}

export function* relay(
  p: Process,
  a: TcpSocket,
  fromA: Stream,
  firstA: Uint8Array,
  b: TcpSocket,
  fromB: Stream,
  firstB: Uint8Array,
): Task<void> {
  const done = new WaitQueue();
  let open = 2;
  function* copy(from: Stream, first: Uint8Array, to: Stream, end: TcpSocket): Task<void> {
    if (first.length === 0 || (yield* to.send(first)).ok)
      for (;;) {
        const r = yield* from.recv(65536);
        if (!r.ok && r.errno === 'EINTR') continue;
        if (!r.ok || r.value.length === 0) break;
        if (!(yield* to.send(r.value)).ok) break;
      }
    end.shutdown('write');
    open--;
    done.wakeAll();
  }
  startThread(p, copy(fromB, firstB, fromA, a));
  yield* copy(fromA, firstA, fromB, b);
  while (open > 0) yield { on: [done] };
  closeSocket(p, b);
}
