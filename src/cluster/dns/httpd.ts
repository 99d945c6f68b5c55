/** The small HTTP pages of a server: /health, /ready, /metrics. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, openTcp, recvTcp, sendTcp } from '../../os/sockcalls.ts';
import { startThread } from '../../os/thread.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { text, utf8 } from '../../wire/bytes.ts';

export interface Page {
  readonly status: number;
  readonly body: string;
}

const REASONS: Record<number, string> = { 200: 'OK', 404: 'Not Found', 503: 'Service Unavailable' };

/** A listening socket and the task that serves it; an error text when the port cannot be had. */
export function httpServer(p: Process, port: number, page: (path: string) => Page): { socket: TcpSocket; run: Task<void> } | string {
  const socket = openTcp(p, 6);
  const bound = socket.bind(0n, port);
  const l = bound.ok ? socket.listen(128) : bound;
  if (!l.ok) {
    closeSocket(p, socket);
    return `listen tcp :${port}: bind: ${strerror(l.errno).toLowerCase()}`;
  }
  return { socket, run: accept(p, socket, page) };
}

function* accept(p: Process, socket: TcpSocket, page: (path: string) => Page): Task<void> {
  for (;;) {
    const r = yield* acceptTcp(p, socket);
    if (r.ok) startThread(p, serve(p, r.value, page));
    else if (r.errno !== 'EINTR' && r.errno !== 'ECONNABORTED') return;
  }
}

function* serve(p: Process, sock: TcpSocket, page: (path: string) => Page): Task<void> {
  let got = '';
  try {
    for (;;) {
      while (!got.includes('\r\n\r\n')) {
        const r = yield* recvTcp(sock, 65536, p.sim.now + 60e6);
        if (!r.ok || r.value.length === 0 || got.length > 65536) return;
        got += text(r.value);
      }
      const end = got.indexOf('\r\n\r\n');
      const head = got.slice(0, end);
      got = got.slice(end + 4);
      const m = /^(\w+) (\S+) HTTP\/1\.[01]/.exec(head);
      const { status, body } = m ? page((m[2] as string).split('?')[0] as string) : { status: 400, body: '400 Bad Request' };
      const close = !m || /\r\nconnection: close/i.test(head) || head.includes('HTTP/1.0');
      const reply = `HTTP/1.1 ${status} ${REASONS[status] ?? 'Bad Request'}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${utf8(body).length}\r\n${close ? 'Connection: close\r\n' : ''}\r\n`;
      if (!(yield* sendTcp(sock, utf8(m?.[1] === 'HEAD' ? reply : reply + body))).ok || close) return;
    }
  } finally {
    closeSocket(p, sock);
  }
}
