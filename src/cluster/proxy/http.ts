/** A small HTTP server as Go's net/http answers. Models net/http/server.go */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, openTcp, recvTcp, sendTcp } from '../../os/sockcalls.ts';
import type { Threads } from '../../os/threads.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { fail, ok, type Result } from '../../sim/errno.ts';
import { familyOf, type IpAddr, parseIp } from '../../wire/addr.ts';
import { text, utf8 } from '../../wire/bytes.ts';

export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export type Handler = (method: string, path: string) => Answer;

const REASON: Readonly<Record<number, string>> = { 200: 'OK', 400: 'Bad Request', 404: 'Not Found', 503: 'Service Unavailable' };
const MAX_HEAD = 1 << 20;

export const NOT_FOUND: Answer = {
  status: 404,
  headers: [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['X-Content-Type-Options', 'nosniff'],
  ],
  body: '404 page not found\n',
};

export interface Listener {
  close(): void;
}

/** `host:port` or `[host]:port`. */
export function splitHostPort(at: string): { addr: IpAddr; port: number } | null {
  const m = /^\[?([^\]]*)\]?:(\d+)$/.exec(at);
  const addr = parseIp(m?.[1] || '0.0.0.0');
  return m && addr !== null ? { addr, port: Number(m[2]) } : null;
}

export function listen(p: Process, threads: Threads, addr: IpAddr, port: number, handler: Handler): Result<Listener> {
  const sock = openTcp(p, familyOf(addr));
  sock.opt.reuseAddr = true;
  const bound = sock.bind(addr, port);
  const r = bound.ok ? sock.listen(128) : bound;
  if (!r.ok) {
    closeSocket(p, sock);
    return fail(r.errno);
  }
  threads.start(accept(p, sock, threads, handler));
  return ok({ close: () => closeSocket(p, sock) });
}

function* accept(p: Process, sock: TcpSocket, threads: Threads, handler: Handler): Task<void> {
  for (;;) {
    const r = yield* acceptTcp(p, sock);
    if (r.ok) threads.start(serve(p, r.value, handler));
    else if (r.errno !== 'EINTR' && r.errno !== 'ECONNABORTED') return;
  }
}

function* serve(p: Process, sock: TcpSocket, handler: Handler): Task<void> {
  let buf = '';
  try {
    for (;;) {
      let end = buf.indexOf('\r\n\r\n');
      while (end < 0) {
        const r = yield* recvTcp(sock);
        if (!r.ok || r.value.length === 0 || buf.length > MAX_HEAD) return;
        buf += text(r.value);
        end = buf.indexOf('\r\n\r\n');
      }
      const head = buf.slice(0, end);
      buf = buf.slice(end + 4);
      const m = /^([A-Z]+) (\S+) HTTP\/1\.([01])/.exec(head);
      if (!m) {
        yield* sendTcp(
          sock,
          utf8('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request'),
        );
        return;
      }
      const [, method = '', target = '', minor] = m;
      const keep = minor === '1' ? !/^connection:\s*close/im.test(head) : /^connection:\s*keep-alive/im.test(head);
      const a = handler(method, target.split('?')[0] as string);
      const body = utf8(a.body);
      const date = new Date(p.sim.epochMs + p.sim.now / 1000).toUTCString();
      const headers = [...a.headers, ['Date', date], ['Content-Length', String(body.length)], ...(keep ? [] : [['Connection', 'close']])];
      const first = `HTTP/1.${minor} ${a.status} ${REASON[a.status] ?? ''}\r\n${headers.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`;
      const sent = yield* sendTcp(sock, utf8(method === 'HEAD' ? first : first + a.body));
      if (!sent.ok || !keep) return;
    }
  } finally {
    closeSocket(p, sock);
  }
}
