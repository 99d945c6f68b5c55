/** kube-apiserver, the process: HTTPS on the secure port, watches in chunks, requests passed on to kubelets and pods. Models cmd/kube-apiserver */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, connectTcp, openTcp, recvTcp } from '../../os/sockcalls.ts';
import { type Stream, tcpStream } from '../../os/stream.ts';
import { startThread } from '../../os/thread.ts';
import { tlsConnect } from '../../os/tls/client.ts';
import { tlsAccept } from '../../os/tls/server.ts';
import { TlsSession } from '../../os/tls/session.ts';
import { ok, type Result, strerror, type TcpSocket } from '../../os/uapi.ts';
import { MS, SEC } from '../../sim/sim.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { familyOf, parseIp } from '../../wire/addr.ts';
import { concat, text, utf8 } from '../../wire/bytes.ts';
import type { GeneralName } from '../../wire/x509.ts';
import { emitRequest, emitResponse, type Header, HttpReader, headerOf, REASONS, type RequestHead, withoutHeader } from '../l7/http1.ts';
import { clusterApiOf } from '../node/connect.ts';
import { authenticate } from './authenticate.ts';
import { isProxy, isStream, parseQuery, type RestProxy, type RestResponse, type RestStream } from './http-types.ts';
import { isLinkRecord, serveLink } from './link.ts';
import { Pki } from './pki.ts';
import { handle, refuse } from './rest.ts';
import type { ApiServer } from './server.ts';
import { failure } from './status.ts';

const SECURE_PORT = 6443;
const HANDSHAKE = 10 * SEC;
const DIAL = 30 * SEC;

export function pkiOf(api: ApiServer): Pki {
  return api.state('pki', () => new Pki(api.sim));
}

/** Names of the serving certificate. */
function namesOf(api: ApiServer, hostname: string): GeneralName[] {
  const addresses = [
    api.options.serviceClusterIPRange?.split(',')[0]?.replace(/\d+\/\d+$/, '1') ?? '10.96.0.1',
    api.options.advertiseAddress || '127.0.0.1',
    '127.0.0.1',
  ];
  return [
    ...[hostname, 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', 'localhost'].map(
      (value): GeneralName => ({ kind: 'DNS', value }),
    ),
    ...[...new Set(addresses)].filter((a) => parseIp(a) !== null).map((value): GeneralName => ({ kind: 'IP Address', value })),
  ];
}

interface Connection {
  readonly p: Process;
  readonly api: ApiServer;
  readonly sock: TcpSocket;
  readonly stream: TlsSession;
  readonly reader: HttpReader;
}

const withLength = (headers: readonly Header[], body: Uint8Array): Header[] => [...headers, ['Content-Length', String(body.length)]];

function* respond(c: Connection, r: RestResponse, method: string): Task<boolean> {
  const body = utf8(r.body);
  const head = { status: r.status, reason: REASONS[r.status] ?? 'Status', headers: withLength(r.headers, body) };
  return (yield* c.stream.send(emitResponse(head, method === 'HEAD' ? new Uint8Array(0) : body))).ok;
}

const chunk = (data: Uint8Array): Uint8Array => concat([utf8(`${data.length.toString(16)}\r\n`), data, utf8('\r\n')]);

/** A watch: events as they come, until either end has had enough. */
function* streamOut(c: Connection, r: RestStream): Task<boolean> {
  const queue = new WaitQueue();
  let out: string[] = [];
  let done = false;
  const headers: Header[] = [...r.headers, ['Transfer-Encoding', 'chunked']];
  if (!(yield* c.stream.send(emitResponse({ status: r.status, reason: REASONS[r.status] ?? 'OK', headers }, new Uint8Array(0)))).ok)
    return false;
  const watch = r.open(
    (line) => {
      out.push(line);
      queue.wakeAll();
    },
    () => {
      done = true;
      queue.wakeAll();
    },
  );
  try {
    for (;;) {
      if (out.length > 0) {
        const data = utf8(out.join(''));
        out = [];
        if (!(yield* c.stream.send(chunk(data))).ok) return false;
        continue;
      }
      if (done) return (yield* c.stream.send(utf8('0\r\n\r\n'))).ok;
      // Whatever a client says during a watch is its goodbye.
      if (c.stream.readable()) return false;
      yield { on: [queue, c.sock.wq] };
    }
  } finally {
    watch.close();
  }
}

/** Everything from one end to the other until it ends. */
function* pump(from: Stream, to: Stream, ended: () => void): Task<void> {
  for (;;) {
    const r = yield* from.recv(65_536);
    if (!r.ok && r.errno === 'EINTR') continue;
    if (!r.ok || r.value.length === 0) break;
    if (!(yield* to.send(r.value)).ok) break;
  }
  ended();
}

function* dial(
  c: Connection,
  proxy: RestProxy['proxy'],
  kubelet: boolean,
): Task<{ readonly sock: TcpSocket; readonly stream: Stream } | string> {
  const { p, api } = c;
  const address = parseIp(proxy.host);
  const at = `${proxy.host.includes(':') ? `[${proxy.host}]` : proxy.host}:${proxy.port}`;
  if (address === null) return `dial tcp: lookup ${proxy.host}: no such host`;
  const sock = openTcp(p, familyOf(address));
  const r = yield* connectTcp(sock, address, proxy.port, p.sim.now + DIAL);
  if (!r.ok) {
    closeSocket(p, sock);
    return `dial tcp ${at}: ${r.errno === 'EAGAIN' ? 'i/o timeout' : `connect: ${strerror(r.errno).toLowerCase()}`}`;
  }
  if (!proxy.tls) return { sock, stream: tcpStream(sock) };
  const session = new TlsSession(tcpStream(sock), p.sim.rng('apiserver/tls'));
  const identity = kubelet ? pkiOf(api).client('kube-apiserver-kubelet-client', ['kubeadm:cluster-admins']).identity : null;
  const failed = yield* tlsConnect(session, {
    serverName: null,
    alpn: ['http/1.1'],
    min: 12,
    max: 13,
    style: 'openssl',
    check: () => null,
    identity,
  });
  if (failed) {
    closeSocket(p, sock);
    return `remote error: tls: handshake failure`;
  }
  return { sock, stream: session };
}

const HOP: readonly string[] = [
  'host',
  'authorization',
  'connection',
  'content-length',
  'transfer-encoding',
  'impersonate-user',
  'impersonate-group',
];

/** Passes the request on; afterwards the connection belongs to the other host. */
function* passOn(c: Connection, head: RequestHead, body: Uint8Array, { proxy, kubelet }: RestProxy): Task<void> {
  const { p } = c;
  const upgrade = headerOf(head.headers, 'upgrade');
  const far = yield* dial(c, proxy, kubelet);
  if (typeof far === 'string') {
    const url = `${proxy.tls ? 'https' : 'http'}://${proxy.host}:${proxy.port}${proxy.target}`;
    const refused =
      !kubelet || proxy.prefix !== ''
        ? failure(503, 'ServiceUnavailable', `error trying to reach service: ${far}`)
        : failure(500, '', upgrade === undefined ? `Get ${JSON.stringify(url)}: ${far}` : `error dialing backend: ${far}`);
    yield* respond(c, refuse(refused), head.method);
    return;
  }
  const headers: Header[] = [
    ['Host', `${proxy.host}:${proxy.port}`],
    ...withoutHeader(head.headers, ...HOP),
    ['Connection', upgrade === undefined ? 'close' : 'Upgrade'],
    ...(body.length > 0 ? ([['Content-Length', String(body.length)]] as const) : []),
  ];
  let open = true;
  const ended = (): void => {
    if (!open) return;
    open = false;
    closeSocket(p, far.sock);
    closeSocket(p, c.sock);
  };
  const sent = yield* far.stream.send(emitRequest({ method: head.method, target: proxy.target, version: '1.1', headers }, body));
  if (!sent.ok) return ended();
  if (upgrade !== undefined) {
    const early = c.reader.rest();
    if (early.length > 0) yield* far.stream.send(early);
    startThread(p, pump(c.stream, far.stream, ended));
    yield* pump(far.stream, c.stream, () => undefined);
  } else {
    // The client has nothing more to say than goodbye.
    startThread(p, pump(c.stream, SINK, ended));
    yield* answerOf(c, far.stream, head.method);
  }
  if (open && !c.stream.ended) yield* c.stream.close();
  ended();
}

const SINK: Stream = {
  recv: () => done(new Uint8Array(0)),
  send: () => done(undefined),
  readable: () => false,
};

// biome-ignore lint/correctness/useYield: nothing to wait for
function* done<T>(value: T): Task<Result<T>> {
  return ok(value);
}

/** The other host's answer, which ends the connection with the client. */
function* answerOf(c: Connection, far: Stream, method: string): Task<void> {
  const reader = new HttpReader(far);
  const head = yield* reader.response();
  if (typeof head === 'string') {
    yield* respond(c, refuse(failure(503, 'ServiceUnavailable', 'error trying to reach service: EOF')), method);
    return;
  }
  const headers: Header[] = [...withoutHeader(head.headers, 'connection', 'keep-alive'), ['Connection', 'close']];
  if (!(yield* c.stream.send(emitResponse({ ...head, headers }, new Uint8Array(0)))).ok) return;
  const length = headerOf(head.headers, 'content-length');
  let left = method === 'HEAD' ? 0 : length === undefined ? Number.POSITIVE_INFINITY : Number(length);
  let data = reader.rest();
  // Chunks are passed on as they are; their end is the last one, of no length.
  const chunked = /chunked/i.test(headerOf(head.headers, 'transfer-encoding') ?? '');
  let tail = '';
  while (left > 0) {
    if (data.length > 0) {
      if (!(yield* c.stream.send(data)).ok) return;
      left -= data.length;
      tail = (tail + text(data.subarray(-7))).slice(-7);
      if (chunked && (tail === '\r\n0\r\n\r\n' || tail === '0\r\n\r\n')) return;
    }
    if (left <= 0) return;
    const r = yield* far.recv(65_536);
    if (!r.ok && r.errno !== 'EINTR') return;
    data = r.ok ? r.value : new Uint8Array(0);
    if (r.ok && data.length === 0) return;
  }
}

/** A stream whose first bytes have been read already. */
function withFirst(first: Uint8Array, under: Stream): Stream {
  let left: Uint8Array | null = first;
  return {
    send: (data, deadline) => under.send(data, deadline),
    readable: () => left !== null || under.readable(),
    *recv(max, deadline) {
      if (!left) return yield* under.recv(max, deadline);
      const part = left;
      left = null;
      return ok(part);
    },
  };
}

/** Requests of one connection. */
function* connection(p: Process, api: ApiServer, sock: TcpSocket): Task<void> {
  let stream: TlsSession | null = null;
  try {
    sock.setNoDelay(true);
    const first = yield* recvTcp(sock, 65_536, p.sim.now + HANDSHAKE);
    if (!first.ok || first.value.length === 0) return;
    if (isLinkRecord(first.value[0])) return yield* serveLink(p, sock, first.value);
    stream = new TlsSession(withFirst(first.value, tcpStream(sock)), p.sim.rng('apiserver/tls'));
    stream.deadline = p.sim.now + HANDSHAKE;
    const pki = pkiOf(api);
    const failed = yield* tlsAccept(stream, {
      identity: () => [pki.server('kube-apiserver', namesOf(api, p.hostname)).identity],
      versions: [13, 12],
      alpn: (offered) => (offered.includes('http/1.1') ? 'http/1.1' : null),
      askClient: true,
    });
    if (failed) return;
    stream.deadline = undefined;
    const c: Connection = { p, api, sock, stream, reader: new HttpReader(stream) };
    for (;;) {
      const head = yield* c.reader.request();
      if (typeof head === 'string') return;
      if (headerOf(head.headers, 'expect')?.toLowerCase() === '100-continue') yield* stream.send(utf8('HTTP/1.1 100 Continue\r\n\r\n'));
      const body = yield* c.reader.body(head.headers, false);
      if (typeof body === 'string') return;
      yield { cost: 1 * MS };
      const headers = new Map<string, string>();
      for (const [name] of head.headers) headers.set(name.toLowerCase(), headerOf(head.headers, name) ?? '');
      const user = authenticate(api, pki, stream.peerChain, headers);
      const [path = '', query = ''] = head.target.split(/\?(.*)/s);
      const result =
        'ok' in user ? refuse(user) : handle(api, { method: head.method, path, query: parseQuery(query), headers, body: text(body), user });
      if (isProxy(result)) return yield* passOn(c, head, body, result);
      const good = isStream(result) ? yield* streamOut(c, result) : yield* respond(c, result, head.method);
      if (!good || headers.get('connection')?.toLowerCase() === 'close' || head.version === '1.0') {
        yield* stream.close();
        return;
      }
    }
  } finally {
    closeSocket(p, sock);
  }
}

function* serve(p: Process): Task<number> {
  const cluster = clusterApiOf(p.sim);
  if (!cluster) {
    yield* p.err('Error: "kube-apiserver" finds no store\n');
    return 1;
  }
  const port = Number(/^--secure-port=(\d+)$/.exec(p.argv.find((a) => a.startsWith('--secure-port=')) ?? '')?.[1] ?? SECURE_PORT);
  const listener = openTcp(p, 6);
  listener.opt.reuseAddr = true;
  const bound = listener.bind(0n, port);
  const r = bound.ok ? listener.listen(1024) : bound;
  if (!r.ok) {
    yield* p.err(
      `Error: failed to create listener: failed to listen on 0.0.0.0:${port}: listen tcp 0.0.0.0:${port}: bind: ${strerror(r.errno).toLowerCase()}\n`,
    );
    return 1;
  }
  startThread(p, cluster.api.aggregation.run(p));
  for (;;) {
    const a = yield* acceptTcp(p, listener);
    if (a.ok) startThread(p, connection(p, cluster.api, a.value));
    else if (a.errno !== 'EINTR' && a.errno !== 'ECONNABORTED') return 1;
  }
}

export const kubeApiserverCommand: Command = { name: 'kube-apiserver', path: '/usr/local/bin/kube-apiserver', hidden: true, main: serve };
