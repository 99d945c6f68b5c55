/** echo-basic: answers with what it got as JSON, and who it is. Models gateway-api's conformance/echo-basic */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, openTcp } from '../../os/sockcalls.ts';
import { tcpStream } from '../../os/stream.ts';
import { startThread } from '../../os/thread.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { utf8 } from '../../wire/bytes.ts';
import { emitResponse, type Header, HttpReader, headerOf, REASONS, type RequestHead } from '../l7/http1.ts';
import { queryValues } from '../l7/route.ts';
import { gatewayDuration } from './rules.ts';

/** `Some-header: a` as Go's net/http spells names. */
function canonical(name: string): string {
  return name
    .toLowerCase()
    .split('-')
    .map((w) => w.slice(0, 1).toUpperCase() + w.slice(1))
    .join('-');
}

export const echoBasic: Command = {
  name: 'echo-basic',
  path: '/echo-basic',
  *main(p) {
    const port = Number(p.env.get('HTTP_PORT') || '3000');
    const sock = openTcp(p, 6);
    const bound = sock.bind(0n, port);
    const l = bound.ok ? sock.listen(128) : bound;
    if (!l.ok) {
      yield* p.err(`Error listening: listen tcp :${port}: bind: ${strerror(l.errno).toLowerCase()}\n`);
      return 1;
    }
    yield* p.out(`Starting server, listening on port ${port} (http)\n`);
    for (;;) {
      const r = yield* acceptTcp(p, sock);
      if (r.ok) startThread(p, serve(p, r.value));
      else if (r.errno !== 'EINTR' && r.errno !== 'ECONNABORTED') return 1;
    }
  },
};

function* serve(p: Process, sock: TcpSocket): Task<void> {
  const stream = tcpStream(sock);
  const reader = new HttpReader(stream);
  try {
    for (;;) {
      const head = yield* reader.request();
      if (typeof head === 'string') return;
      if (typeof (yield* reader.body(head.headers, false)) === 'string') return;
      const query = queryValues(head.target.split('?')[1] ?? '');
      const delay = gatewayDuration(query.find(([n]) => n === 'delay')?.[1]);
      const until = p.sim.now + delay;
      while (p.sim.now < until) yield { until };
      const { status, headers, body } = answer(p, head);
      yield* p.out(`Echoing back request made to ${head.target} to client (${p.env.get('POD_NAME') ?? ''})\n`);
      const sent = yield* stream.send(
        emitResponse({ status, reason: REASONS[status] ?? '', headers }, head.method === 'HEAD' ? new Uint8Array(0) : body),
      );
      if (!sent.ok || headerOf(head.headers, 'connection')?.toLowerCase() === 'close') return;
    }
  } finally {
    closeSocket(p, sock);
  }
}

function answer(p: Process, head: RequestHead): { status: number; headers: Header[]; body: Uint8Array } {
  const path = head.target.split('?')[0] as string;
  const asked = /^\/status\/(\d{3})$/.exec(path)?.[1] ?? headerOf(head.headers, 'x-echo-set-status');
  const headers: Header[] = [
    ['Content-Type', 'application/json'],
    ['X-Content-Type-Options', 'nosniff'],
  ];
  for (const part of (headerOf(head.headers, 'x-echo-set-header') ?? '').split(',')) {
    const m = /^\s*([^:]+):(.*)$/.exec(part);
    if (m) headers.push([m[1] as string, (m[2] as string).trim()]);
  }
  const shown: Record<string, string[]> = {};
  for (const [name, value] of head.headers) {
    if (name.toLowerCase() === 'host') continue;
    const key = canonical(name);
    shown[key] = [...(shown[key] ?? []), value];
  }
  const about = {
    path: head.target,
    host: headerOf(head.headers, 'host') ?? '',
    method: head.method,
    proto: `HTTP/${head.version}`,
    headers: shown,
    httpPort: p.env.get('HTTP_PORT') || '3000',
    namespace: p.env.get('NAMESPACE') ?? '',
    ingress: p.env.get('INGRESS_NAME') ?? '',
    service: p.env.get('SERVICE_NAME') ?? '',
    pod: p.env.get('POD_NAME') ?? '',
  };
  const body = utf8(`${JSON.stringify(about, null, 1)}\n`);
  headers.push(['Content-Length', String(body.length)]);
  return { status: asked === undefined ? 200 : Number(asked), headers, body };
}
