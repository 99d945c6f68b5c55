/** One probe: HTTP, TCP, exec. Models pkg/probe */

import type { Process, Task } from '../../../os/process.ts';
import { closeSocket, connectTcp, openTcp, recvTcp, sendTcp } from '../../../os/sockcalls.ts';
import { tcpStream } from '../../../os/stream.ts';
import { tlsConnect } from '../../../os/tls/client.ts';
import { TlsSession } from '../../../os/tls/session.ts';
import type { Errno, TcpSocket } from '../../../os/uapi.ts';
import type { Micros } from '../../../sim/sim.ts';
import { parseIp } from '../../../wire/addr.ts';
import { concat, text, utf8 } from '../../../wire/bytes.ts';
import type { V1Container } from '../../api/types.ts';

export interface ProbeResult {
  readonly result: 'success' | 'failure' | 'unknown';
  readonly output: string;
}

const success = (output = ''): ProbeResult => ({ result: 'success', output });
const failure = (output: string): ProbeResult => ({ result: 'failure', output });

/** A port by number or by its name in the container. */
export function portOf(port: number | string, c: V1Container): number | null {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  return c.ports?.find((p) => p.name === port)?.containerPort ?? null;
}

const DIAL: Partial<Record<Errno, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ECONNRESET: 'connection reset by peer',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EPERM: 'operation not permitted',
  ETIMEDOUT: 'connection timed out',
};

export const joinHostPort = (host: string, port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

type Dialled = { readonly ok: true; readonly sock: TcpSocket } | { readonly ok: false; readonly text: string; readonly timeout: boolean };

/** A connection from the node's own namespace. */
export function* dial(p: Process, host: string, port: number, deadline: Micros): Task<Dialled> {
  const addr = parseIp(host === 'localhost' ? '127.0.0.1' : host);
  const where = joinHostPort(host, port);
  if (addr === null) return { ok: false, text: `dial tcp: lookup ${host}: no such host`, timeout: false };
  const sock = openTcp(p, typeof addr === 'bigint' ? 6 : 4);
  const r = yield* connectTcp(sock, addr, port, deadline);
  if (r.ok) return { ok: true, sock };
  closeSocket(p, sock);
  if (r.errno === 'EAGAIN') return { ok: false, text: `dial tcp ${where}: i/o timeout`, timeout: true };
  return { ok: false, text: `dial tcp ${where}: connect: ${DIAL[r.errno] ?? r.errno}`, timeout: false };
}

export function* tcpProbe(p: Process, host: string, port: number, timeout: Micros): Task<ProbeResult> {
  const d = yield* dial(p, host, port, p.sim.now + timeout);
  if (!d.ok) return failure(d.text);
  closeSocket(p, d.sock);
  return success();
}

export interface HttpProbe {
  readonly address: string;
  readonly port: number;
  readonly path?: string;
  readonly scheme?: string;
  readonly host?: string;
  readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[];
  readonly timeout: Micros;
}

const MAX_BODY = 10 << 10;
const MAX_REDIRECTS = 10;

interface HttpAnswer {
  readonly status: number;
  readonly location: string;
  readonly body: string;
}

/** What a connection gives bytes to and takes them from: the socket itself, or TLS over it. */
export interface Stream {
  send(data: Uint8Array, deadline: Micros): Task<boolean>;
  /** Null: failed or too late; empty: the end. */
  receive(deadline: Micros): Task<Uint8Array | null>;
}

function plain(sock: TcpSocket): Stream {
  return {
    *send(data, deadline) {
      return (yield* sendTcp(sock, data, deadline)).ok;
    },
    *receive(deadline) {
      const r = yield* recvTcp(sock, 65536, deadline);
      return r.ok ? r.value : null;
    },
  };
}

function* ask(p: Process, stream: Stream, request: string, deadline: Micros): Task<HttpAnswer | 'timeout' | 'EOF'> {
  if (!(yield* stream.send(utf8(request), deadline))) return 'timeout';
  let data: Uint8Array = new Uint8Array(0);
  let head = -1;
  let length: number | null = null;
  for (;;) {
    const part = yield* stream.receive(deadline);
    if (part === null) {
      if (p.sim.now >= deadline) return 'timeout';
      return 'EOF';
    }
    if (part.length === 0) break;
    data = data.length === 0 ? part : concat([data, part]);
    const all = text(data);
    if (head < 0) {
      head = all.indexOf('\r\n\r\n');
      const m = /\r\ncontent-length: *(\d+)/i.exec(head < 0 ? '' : all.slice(0, head));
      if (m) length = Number(m[1]);
    }
    if (head >= 0 && ((length !== null && data.length >= head + 4 + length) || data.length > head + MAX_BODY)) break;
  }
  const all = text(data);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(all);
  if (!status || head < 0) return 'EOF';
  return {
    status: Number(status[1]),
    location: /\r\nlocation: *([^\r]*)/i.exec(all.slice(0, head))?.[1] ?? '',
    body: all.slice(head + 4, head + 4 + MAX_BODY),
  };
}

export function* httpProbe(p: Process, h: HttpProbe): Task<ProbeResult> {
  const deadline = p.sim.now + h.timeout;
  const scheme = (h.scheme ?? 'HTTP').toLowerCase();
  let path = h.path ?? '/';
  if (!path.startsWith('/')) path = `/${path}`;
  const where = joinHostPort(h.address, h.port);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const url = `${scheme}://${where}${path}`;
    const late = failure(`Get ${JSON.stringify(url)}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`);
    const d = yield* dial(p, h.address, h.port, deadline);
    if (!d.ok) return d.timeout ? late : failure(`Get ${JSON.stringify(url)}: ${d.text}`);
    try {
      let stream: Stream = plain(d.sock);
      if (scheme === 'https') {
        const secure = yield* overTls(p, d.sock, deadline);
        if (typeof secure === 'string') return failure(`Get ${JSON.stringify(url)}: ${secure}`);
        stream = secure;
      }
      const given = h.httpHeaders ?? [];
      const has = (name: string): boolean => given.some((x) => x.name.toLowerCase() === name);
      const host = given.find((x) => x.name.toLowerCase() === 'host')?.value ?? where;
      let request = `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n`;
      if (!has('user-agent')) request += 'User-Agent: kube-probe/1.36\r\n';
      if (!has('accept')) request += 'Accept: */*\r\n';
      for (const { name, value } of given) if (name.toLowerCase() !== 'host' && value !== '') request += `${name}: ${value}\r\n`;
      request += 'Connection: close\r\n\r\n';
      const answer = yield* ask(p, stream, request, deadline);
      if (answer === 'timeout') return late;
      if (answer === 'EOF') return failure(`Get ${JSON.stringify(url)}: EOF`);
      if (answer.status >= 300 && answer.status < 400) {
        const to = /^(?:https?:\/\/([^/]*))?(\/.*)?$/.exec(answer.location);
        if (to && (to[1] === undefined || to[1] === where || to[1] === h.address) && answer.location !== '') {
          path = to[2] ?? '/';
          continue;
        }
        return success(answer.body);
      }
      if (answer.status >= 200 && answer.status < 300) return success(answer.body);
      return failure(`HTTP probe failed with statuscode: ${answer.status}`);
    } finally {
      closeSocket(p, d.sock);
    }
  }
  return failure(`Get ${JSON.stringify(`${scheme}://${where}${path}`)}: stopped after 10 redirects`);
}

/** TLS without a look at the certificate, as probes have it. */
function* overTls(p: Process, sock: TcpSocket, deadline: Micros): Task<Stream | string> {
  const session = new TlsSession(tcpStream(sock), p.sim.rng('kubelet/probe'));
  session.deadline = deadline;
  const failed = yield* tlsConnect(session, {
    serverName: null,
    alpn: ['http/1.1'],
    min: 12,
    max: 13,
    style: 'openssl',
    check: () => null,
  });
  if (failed) return failed.kind === 'io' ? 'EOF' : 'http: server gave HTTP response to HTTPS client';
  return {
    *send(data, until) {
      return (yield* session.send(data, until)).ok;
    },
    *receive(until) {
      session.deadline = until;
      const r = yield* session.recv(65536, until);
      return r.ok ? r.value : null;
    },
  };
}
