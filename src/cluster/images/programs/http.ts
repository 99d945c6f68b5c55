/** A plain HTTP server for the programs of images: one handler, keep-alive, a thread a connection. */

import type { Process } from '../../../os/process.ts';
import type { Task } from '../../../os/program.ts';
import { acceptTcp, closeSocket, openTcp, recvUdp } from '../../../os/sockcalls.ts';
import { tcpStream } from '../../../os/stream.ts';
import { startThread } from '../../../os/thread.ts';
import type { TcpSocket, UdpSocket } from '../../../os/uapi.ts';
import { strerror } from '../../../sim/errno.ts';
import { formatIp, type IpAddr } from '../../../wire/addr.ts';
import { text, utf8 } from '../../../wire/bytes.ts';
import { emitResponse, type Header, HttpReader, headerOf, REASONS, type RequestHead } from '../../l7/http1.ts';
import { queryValues } from '../../l7/route.ts';

export interface Asked {
  readonly head: RequestHead;
  /** Without query. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly body: string;
  readonly peer: { readonly addr: string; readonly port: number };
  readonly local: { readonly addr: string; readonly port: number };
}

export interface Reply {
  readonly status?: number;
  readonly body: string;
  readonly headers?: readonly Header[];
}

/** An address as programs show it: IPv4 without the prefix of a mapped one. */
export function plainAddr(addr: IpAddr): string {
  return formatIp(addr).replace(/^::ffff:/, '');
}

/** A listening socket; an error text in Go's words when it cannot be had. */
export function listenTcp(p: Process, port: number): TcpSocket | string {
  const sock = openTcp(p, 6);
  const bound = sock.bind(0n, port);
  const l = bound.ok ? sock.listen(128) : bound;
  if (l.ok) return sock;
  closeSocket(p, sock);
  return `listen tcp :${port}: bind: ${strerror(l.errno).toLowerCase()}`;
}

export function* acceptLoop(p: Process, sock: TcpSocket, serve: (conn: TcpSocket) => Task<void>): Task<void> {
  for (;;) {
    const r = yield* acceptTcp(p, sock);
    if (r.ok) startThread(p, serve(r.value));
    else if (r.errno !== 'EINTR' && r.errno !== 'ECONNABORTED') return;
  }
}

export function* serveHttp(p: Process, conn: TcpSocket, handle: (a: Asked) => Task<Reply>): Task<void> {
  const stream = tcpStream(conn);
  const reader = new HttpReader(stream);
  const peer = { addr: plainAddr(conn.remote?.addr ?? 0), port: conn.remote?.port ?? 0 };
  const local = { addr: plainAddr(conn.local?.addr ?? 0), port: conn.local?.port ?? 0 };
  try {
    for (;;) {
      const head = yield* reader.request();
      if (typeof head === 'string') return;
      const body = yield* reader.body(head.headers, false);
      if (typeof body === 'string') return;
      const [path = '/', query = ''] = head.target.split('?');
      const r = yield* handle({ head, path, query: new Map(queryValues(query)), body: text(body), peer, local });
      const bytes = utf8(r.body);
      const status = r.status ?? 200;
      const headers: Header[] = [
        ...(r.headers ?? [['Content-Type', 'text/plain; charset=utf-8']]),
        ['Content-Length', String(bytes.length)],
      ];
      const close = headerOf(head.headers, 'connection')?.toLowerCase() === 'close' || head.version === '1.0';
      if (close) headers.push(['Connection', 'close']);
      const sent = yield* stream.send(
        emitResponse({ status, reason: REASONS[status] ?? 'Status', headers }, head.method === 'HEAD' ? new Uint8Array(0) : bytes),
      );
      if (!sent.ok || close) return;
    }
  } finally {
    closeSocket(p, conn);
  }
}

/** Answers each datagram with a text; null: not at all. */
export function* serveUdp(
  sock: UdpSocket,
  answer: (said: string, from: { addr: string; port: number }, to: string) => string | null,
): Task<void> {
  for (;;) {
    const r = yield* recvUdp(sock);
    if (!r.ok) {
      if (r.errno === 'EBADF') return;
      continue;
    }
    const { data, from, to } = r.value;
    const reply = answer(text(data), { addr: plainAddr(from.addr), port: from.port }, plainAddr(to));
    if (reply !== null) sock.sendTo(utf8(reply), from.addr, from.port, { src: to });
  }
}

export function* pause(p: Process, micros: number): Task<void> {
  const until = p.sim.now + micros;
  while (p.sim.now < until) yield { until };
}

/** `--name=value`, `--name value` and `-n value`, with what is left over; an unknown one is returned as its text. */
export function readFlags(
  argv: readonly string[],
  known: Readonly<Record<string, string>>,
): { values: Map<string, string>; rest: string[] } | string {
  const values = new Map<string, string>(Object.entries(known));
  const rest: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const m = /^--?([a-zA-Z][\w-]*)(?:=(.*))?$/.exec(argv[i] as string);
    if (!m) {
      rest.push(argv[i] as string);
      continue;
    }
    const name = m[1] as string;
    if (!(name in known)) return `unknown flag: --${name}`;
    const isSwitch = known[name] === 'false' || known[name] === 'true';
    values.set(name, m[2] ?? (isSwitch ? 'true' : (argv[++i] ?? '')));
  }
  return { values, rest };
}
