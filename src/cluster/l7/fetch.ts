/** One GET over HTTPS for the cluster's own components, which do not look at the server's certificate. */

import type { Process, Task } from '../../os/process.ts';
import { closeSocket, connectTcp, openTcp } from '../../os/sockcalls.ts';
import { tcpStream } from '../../os/stream.ts';
import { tlsConnect } from '../../os/tls/client.ts';
import { TlsSession } from '../../os/tls/session.ts';
import { strerror } from '../../os/uapi.ts';
import type { Micros } from '../../sim/sim.ts';
import { familyOf, parseIp } from '../../wire/addr.ts';
import { text } from '../../wire/bytes.ts';
import { emitRequest, HttpReader } from './http1.ts';

export interface Fetched {
  readonly status: number;
  readonly body: string;
}

/** The answer, or what went wrong in Go's words. */
export function* fetchHttps(p: Process, host: string, port: number, target: string, limit: Micros): Task<Fetched | string> {
  const deadline = p.sim.now + limit;
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const address = parseIp(host);
  if (address === null) return `dial tcp: lookup ${host}: no such host`;
  const sock = openTcp(p, familyOf(address));
  try {
    const r = yield* connectTcp(sock, address, port, deadline);
    if (!r.ok) return `dial tcp ${where}: ${r.errno === 'EAGAIN' ? 'i/o timeout' : `connect: ${strerror(r.errno).toLowerCase()}`}`;
    const session = new TlsSession(tcpStream(sock), p.sim.rng(`${p.name}/tls`));
    session.deadline = deadline;
    const failed = yield* tlsConnect(session, {
      serverName: null,
      alpn: ['http/1.1'],
      min: 12,
      max: 13,
      style: 'openssl',
      check: () => null,
    });
    if (failed) return 'remote error: tls: handshake failure';
    const headers = [
      ['Host', where],
      ['Accept', 'application/json, */*'],
      ['Connection', 'close'],
    ] as const;
    const sent = yield* session.send(emitRequest({ method: 'GET', target, version: '1.1', headers }, new Uint8Array(0)), deadline);
    if (!sent.ok) return 'EOF';
    const reader = new HttpReader(session);
    reader.deadline = deadline;
    const head = yield* reader.response();
    if (typeof head === 'string') return head === 'timeout' ? 'context deadline exceeded' : 'EOF';
    const body = yield* reader.body(head.headers, true);
    return typeof body === 'string' ? 'unexpected EOF' : { status: head.status, body: text(body) };
  } finally {
    closeSocket(p, sock);
  }
}
