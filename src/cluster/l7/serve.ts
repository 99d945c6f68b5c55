/** The HTTPS server of a component: HTTP/1.1 under a certificate of its own, made when somebody first asks. Models crypto/tls and net/http as Kubernetes' servers set them up */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { acceptTcp, closeSocket } from '../../os/sockcalls.ts';
import { tcpStream } from '../../os/stream.ts';
import { startThread } from '../../os/thread.ts';
import { type Identity, tlsAccept } from '../../os/tls/server.ts';
import { TlsSession } from '../../os/tls/session.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { SEC } from '../../sim/sim.ts';
import { selfSigned } from '../ingress/certificate.ts';
import { HttpReader, type RequestHead } from './http1.ts';

const HANDSHAKE = 10 * SEC;
const IDLE = 90 * SEC;

export interface HttpsService {
  /** Names the stream of random numbers. */
  readonly name: string;
  /** Of the certificate. */
  subject(): Parameters<typeof selfSigned>[1];
  /** Answers one request; false ends the connection. */
  answer(session: TlsSession, head: RequestHead): Task<boolean>;
}

function* connection(p: Process, sock: TcpSocket, identity: Identity, service: HttpsService): Task<void> {
  try {
    const session = new TlsSession(tcpStream(sock), p.sim.rng(`${service.name}/tls`));
    session.deadline = p.sim.now + HANDSHAKE;
    const failure = yield* tlsAccept(session, {
      identity: () => [identity],
      versions: [12, 13],
      alpn: (o) => (o.includes('http/1.1') ? 'http/1.1' : null),
    });
    if (failure) return;
    session.deadline = undefined;
    const reader = new HttpReader(session);
    for (;;) {
      reader.deadline = p.sim.now + IDLE;
      const head = yield* reader.request();
      if (typeof head === 'string') return;
      const body = yield* reader.body(head.headers, false);
      if (typeof body === 'string' || !(yield* service.answer(session, head))) return;
    }
  } finally {
    closeSocket(p, sock);
  }
}

/** Serves what comes to a listening socket until the socket is closed. */
export function* serveHttps(p: Process, listener: TcpSocket, service: HttpsService): Task<void> {
  let identity: Identity | null = null;
  for (;;) {
    const a = yield* acceptTcp(p, listener);
    if (!a.ok) {
      if (a.errno === 'EINTR' || a.errno === 'ECONNABORTED') continue;
      return;
    }
    identity ??= selfSigned(p.sim, service.subject());
    startThread(p, connection(p, a.value, identity, service));
  }
}
