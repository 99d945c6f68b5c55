/** An HTTP reverse proxy: listeners by port and name, TLS, routes, upstream connections. What an Envoy or an nginx does for a cluster. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, connectTcp, openTcp } from '../../os/sockcalls.ts';
import { type Stream, tcpStream } from '../../os/stream.ts';
import { startThread } from '../../os/thread.ts';
import { type Identity, tlsAccept } from '../../os/tls/server.ts';
import { TlsSession } from '../../os/tls/session.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import { changeHeaders, changePath, corsHeaders, isPreflight, preflight, redirectTo } from './filters.ts';
import {
  emitRequest,
  emitResponse,
  type Header,
  HttpReader,
  headerOf,
  plainResponse,
  type RequestHead,
  type ResponseHead,
  withoutHeader,
} from './http1.ts';
import {
  type Backend,
  type Chosen,
  chooseBackend,
  chooseRule,
  type Endpoint,
  type Filter,
  type HttpRequest,
  hostMatches,
  hostRank,
  type Route,
} from './route.ts';
import { passThrough, relay, serverNameOf } from './tunnel.ts';

export interface L7Listener {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'HTTP' | 'HTTPS' | 'TLS';
  /** Empty: any. */
  readonly hostname: string;
  readonly identity: Identity | null;
  readonly routes: readonly Route[];
  /** TLS that is not ended here: by server name. */
  readonly passthrough: readonly { readonly hostnames: readonly string[]; readonly backends: readonly Backend[] }[];
}

export interface L7Config {
  readonly listeners: readonly L7Listener[];
}

export interface Answer {
  readonly head: ResponseHead;
  readonly body: Uint8Array;
}

/** One line of an access log. */
export interface Access {
  readonly client: string;
  readonly clientPort: number;
  readonly request: RequestHead;
  readonly host: string;
  readonly status: number;
  readonly bytes: number;
  /** µs. */
  readonly took: number;
  readonly upstream: Endpoint | null;
  readonly backend: Backend | null;
  readonly flag: string;
}

/** In what proxies differ: pages of their own, headers that they add, logs. */
export interface Flavor {
  /** 404 no route, 500 unusable backend, 502 bad upstream, 503 no endpoint, 504 timeout, 400, 403, 421. */
  page(status: number): Answer;
  /** Headers for the upstream. */
  forwarded(headers: readonly Header[], about: { client: string; scheme: string; host: string; port: number; id: string }): Header[];
  /** Headers for the client. */
  response(headers: readonly Header[], about: { own: boolean; micros: number }): Header[];
  access(a: Access): string | null;
  /** What it answers before it routes: redirects to HTTPS and the like. */
  before?(r: HttpRequest, chosen: Chosen, about: { scheme: string; client: string }): Answer | null;
  /** A backend that it prefers to the weights: canaries. */
  prefer?(r: HttpRequest, chosen: Chosen): Backend | null;
  /** 421 for a host that another certificate was chosen for. */
  readonly strictServerName: boolean;
  /** Further endpoints to try when one does not answer. */
  readonly retries: number;
  /** µs to wait for a connection. */
  readonly connectTimeout: number;
  /** Identity for a name that no listener has; null ends the handshake. */
  fallback(): Identity | null;
}

const IDLE = 60 * SEC;
const MAX_IDLE = 16;
const MAX_MIRROR = 4;

interface Upstream {
  readonly sock: TcpSocket;
  readonly stream: Stream;
  readonly reader: HttpReader;
}

type Fetched = { answer: Answer; upstream: Upstream } | { error: 'connect' | 'timeout' | 'reset'; errno: Errno };

export class L7Server {
  private readonly p: Process;
  private readonly flavor: Flavor;
  private readonly config: () => L7Config;
  private readonly listening = new Map<number, TcpSocket>();
  private readonly idle = new Map<string, Upstream[]>();
  private readonly turns = new Map<string, number>();
  private readonly log: (line: string) => void;

  constructor(p: Process, flavor: Flavor, config: () => L7Config, log: (line: string) => void) {
    this.p = p;
    this.flavor = flavor;
    this.config = config;
    this.log = log;
  }

  /** Opens and closes sockets so that they fit the configuration; error texts of ports that cannot be had. */
  sync(): string[] {
    const wanted = new Set(this.config().listeners.map((l) => l.port));
    const errors: string[] = [];
    for (const [port, sock] of [...this.listening])
      if (!wanted.has(port)) {
        this.listening.delete(port);
        closeSocket(this.p, sock);
      }
    for (const port of wanted) {
      if (this.listening.has(port)) continue;
      const sock = openTcp(this.p, 6);
      const bound = sock.bind(0n, port);
      const l = bound.ok ? sock.listen(511) : bound;
      if (!l.ok) {
        closeSocket(this.p, sock);
        errors.push(`cannot bind '0.0.0.0:${port}': ${strerror(l.errno)}`);
        continue;
      }
      this.listening.set(port, sock);
      startThread(this.p, this.accept(sock, port));
    }
    return errors;
  }

  private *accept(listener: TcpSocket, port: number): Task<void> {
    for (;;) {
      const r = yield* acceptTcp(this.p, listener);
      if (r.ok) startThread(this.p, this.connection(r.value, port));
      else if (r.errno !== 'EINTR' && r.errno !== 'ECONNABORTED') return;
    }
  }

  private *connection(sock: TcpSocket, port: number): Task<void> {
    try {
      const listeners = this.config().listeners.filter((l) => l.port === port);
      const secure = listeners.some((l) => l.protocol !== 'HTTP');
      if (!secure) return yield* this.http(sock, tcpStream(sock), port, null);
      const hello = yield* serverNameOf(sock, this.p.sim.now + 10 * SEC);
      if (hello === null) return;
      const name = (hello.name ?? '').toLowerCase();
      const through = best(
        listeners.flatMap((l) =>
          l.passthrough.flatMap((t) => (t.hostnames.length === 0 ? [l.hostname] : t.hostnames).map((h) => ({ h, t }))),
        ),
        (x) => (hostMatches(x.h, name) ? hostRank(x.h) : -1),
      );
      if (through) return yield* this.tunnel(sock, hello.stream, through.t.backends);
      const ended = listeners.filter((l) => l.protocol === 'HTTPS');
      const of = (n: string): L7Listener | null => best(ended, (l) => (hostMatches(l.hostname, n) ? hostRank(l.hostname) : -1));
      const session = new TlsSession(hello.stream, this.p.sim.rng('l7.tls'));
      session.deadline = this.p.sim.now + 10 * SEC;
      const failure = yield* tlsAccept(session, {
        identity: (asked) => {
          const identity = of((asked ?? '').toLowerCase())?.identity ?? this.flavor.fallback();
          return identity ? [identity] : null;
        },
        versions: [12, 13],
        alpn: (offered) => (offered.includes('http/1.1') ? 'http/1.1' : null),
      });
      if (failure) return;
      session.deadline = undefined;
      yield* this.http(sock, session, port, name);
    } finally {
      closeSocket(this.p, sock);
    }
  }

  private *tunnel(sock: TcpSocket, stream: Stream, backends: readonly Backend[]): Task<void> {
    const backend = chooseBackend(backends, (n) => this.p.sim.rng('l7.weight').below(n));
    const endpoint = backend && !backend.invalid ? this.next(backend) : null;
    if (!endpoint) return;
    const up = yield* this.connect(endpoint);
    if (!('sock' in up)) return;
    yield* passThrough(this.p, sock, stream, up.sock, up.stream);
  }

  /** Requests of one connection; `tlsName` is null in the clear. */
  private *http(sock: TcpSocket, stream: Stream, port: number, tlsName: string | null): Task<void> {
    const reader = new HttpReader(stream);
    for (;;) {
      reader.deadline = this.p.sim.now + IDLE;
      const head = yield* reader.request();
      if (typeof head === 'string') {
        if (head === 'malformed' || head === 'too large') yield* this.respond(stream, this.flavor.page(400), true, 'GET', 0);
        return;
      }
      const began = this.p.sim.now;
      if (/100-continue/i.test(headerOf(head.headers, 'expect') ?? ''))
        yield* stream.send(emitResponse({ status: 100, reason: 'Continue', headers: [] }, new Uint8Array(0)));
      const body = yield* reader.body(head.headers, false);
      if (typeof body === 'string') return;
      const close = head.version === '1.0' || /(^|,)\s*close\s*(,|$)/i.test(headerOf(head.headers, 'connection') ?? '');
      const done = yield* this.handle(sock, stream, reader, head, body, { port, tlsName, began, close });
      if (done || close) return;
    }
  }

  /** True when the connection is used up. */
  private *handle(
    sock: TcpSocket,
    stream: Stream,
    reader: HttpReader,
    head: RequestHead,
    body: Uint8Array,
    c: { port: number; tlsName: string | null; began: number; close: boolean },
  ): Task<boolean> {
    const scheme = c.tlsName === null ? 'http' : 'https';
    const peer = formatIp(sock.remote?.addr ?? 0).replace(/^::ffff:/, '');
    const hostHeader = headerOf(head.headers, 'host') ?? '';
    const [path = '/', query = ''] = splitTarget(head.target);
    const r: HttpRequest = { method: head.method, host: hostHeader.replace(/:\d+$/, '').toLowerCase(), path, query, headers: head.headers };
    const listeners = this.config().listeners.filter((l) => l.port === c.port && (l.protocol === 'HTTPS') === (c.tlsName !== null));
    const mine = best(listeners, (l) => (hostMatches(l.hostname, r.host) ? hostRank(l.hostname) : -1));
    const entry = { client: peer, clientPort: sock.remote?.port ?? 0, request: head, host: hostHeader };
    const finish = function* (this: L7Server, a: Answer, own: boolean, about: Partial<Access>): Task<boolean> {
      const micros = this.p.sim.now - c.began;
      const line = this.flavor.access({
        ...entry,
        status: a.head.status,
        bytes: a.body.length,
        took: micros,
        upstream: null,
        backend: null,
        flag: '-',
        ...about,
      });
      if (line !== null) this.log(line);
      const withHeaders = { ...a, head: { ...a.head, headers: this.flavor.response(a.head.headers, { own, micros }) } };
      return !(yield* this.respond(stream, withHeaders, c.close, head.method, micros));
    }.bind(this);
    if (
      this.flavor.strictServerName &&
      c.tlsName !== null &&
      mine &&
      mine !== best(listeners, (l) => (hostMatches(l.hostname, c.tlsName as string) ? hostRank(l.hostname) : -1))
    )
      return yield* finish(this.flavor.page(421), true, { flag: 'NR' });
    const chosen = mine && chooseRule(mine.routes, r);
    if (!chosen) return yield* finish(this.flavor.page(404), true, { flag: 'NR' });
    const early = this.flavor.before?.(r, chosen, { scheme, client: peer });
    if (early) return yield* finish(early, true, {});
    const backend = this.flavor.prefer?.(r, chosen) ?? chooseBackend(chosen.rule.backends, (n) => this.p.sim.rng('l7.weight').below(n));
    const filters: readonly Filter[] = [...chosen.rule.filters, ...(backend?.filters ?? [])];
    const cors = filters.find((f): f is Extract<Filter, { type: 'CORS' }> => f.type === 'CORS')?.cors;
    if (cors && isPreflight(r)) return yield* finish(preflight(cors, r), true, {});
    const redirect = filters.find((f): f is Extract<Filter, { type: 'RequestRedirect' }> => f.type === 'RequestRedirect');
    if (redirect) {
      const location: Header = ['location', redirectTo(redirect, r, chosen.match, { scheme, port: c.port })];
      return yield* finish(plainResponse(redirect.status, '', [location]), true, {});
    }
    if (!backend || backend.invalid) return yield* finish(this.flavor.page(500), true, { flag: 'NC', backend });
    if (backend.endpoints.length === 0) return yield* finish(this.flavor.page(503), true, { flag: 'UH', backend });

    // The request as the upstream gets it.
    let headers: Header[] = withoutHeader(
      head.headers,
      'connection',
      'keep-alive',
      'proxy-connection',
      'te',
      'transfer-encoding',
      'upgrade',
      'content-length',
    );
    const upgrade = headerOf(head.headers, 'upgrade');
    let target = path;
    let host = hostHeader;
    for (const f of filters) {
      if (f.type === 'RequestHeaderModifier') {
        headers = changeHeaders([['Host', host], ...withoutHeader(headers, 'host')], f.change);
        host = headerOf(headers, 'host') ?? host;
      } else if (f.type === 'URLRewrite') {
        target = f.template !== null ? rewriteByPattern(f.template, chosen, path) : changePath(path, f.path, chosen.match);
        if (f.hostname !== null) host = f.hostname;
      }
    }
    headers = [['Host', host], ...withoutHeader(headers, 'host')];
    const id = requestId(this.p);
    headers = this.flavor.forwarded(headers, { client: peer, scheme, host: hostHeader, port: c.port, id });
    if (body.length > 0 || headerOf(head.headers, 'content-length') !== undefined) headers.push(['Content-Length', String(body.length)]);
    if (upgrade !== undefined) headers.push(['Connection', 'Upgrade'], ['Upgrade', upgrade]);
    const request: RequestHead = { method: head.method, target: query === '' ? target : `${target}?${query}`, version: '1.1', headers };
    for (const f of filters) if (f.type === 'RequestMirror') this.mirror(f, request, body);

    const began = this.p.sim.now;
    const limits = [chosen.rule.timeout, chosen.rule.backendTimeout].filter((t) => t > 0);
    const deadline = limits.length > 0 ? began + Math.min(...limits) : began + 60 * SEC;
    let tried: Endpoint | null = null;
    let fetched: Fetched = { error: 'connect', errno: 'ECONNREFUSED' };
    for (let i = 0; i <= this.flavor.retries; i++) {
      const endpoint = this.next(backend);
      if (!endpoint || (i > 0 && backend.endpoints.length === 1)) break;
      tried = endpoint;
      fetched = yield* this.fetch(endpoint, request, body, deadline);
      if (!('error' in fetched) || fetched.error !== 'connect') break;
    }
    if ('error' in fetched) {
      const status = fetched.error === 'timeout' ? 504 : fetched.error === 'reset' ? 502 : this.flavor.retries > 0 ? 502 : 503;
      return yield* finish(this.flavor.page(status), true, { upstream: tried, backend, flag: fetched.error === 'timeout' ? 'UT' : 'UF' });
    }
    const { answer, upstream } = fetched;
    if (answer.head.status === 101) {
      yield* stream.send(emitResponse(answer.head, new Uint8Array(0)));
      yield* relay(this.p, sock, stream, reader.rest(), upstream.sock, upstream.stream, upstream.reader.rest());
      return true;
    }
    let back: Header[] = withoutHeader(answer.head.headers, 'connection', 'keep-alive', 'transfer-encoding', 'content-length');
    for (const f of filters) if (f.type === 'ResponseHeaderModifier') back = changeHeaders(back, f.change);
    const origin = headerOf(head.headers, 'origin');
    if (cors && origin !== undefined) back.push(...corsHeaders(cors, origin));
    const length = head.method === 'HEAD' ? headerOf(answer.head.headers, 'content-length') : String(answer.body.length);
    if (length !== undefined && answer.head.status !== 204 && answer.head.status !== 304) back.push(['content-length', length]);
    return yield* finish({ head: { ...answer.head, headers: back }, body: answer.body }, false, { upstream: tried, backend });
  }

  private *respond(stream: Stream, a: Answer, close: boolean, method: string, _micros: number): Task<boolean> {
    const headers = close ? [...a.head.headers, ['Connection', 'close'] as const] : a.head.headers;
    const body = method === 'HEAD' ? new Uint8Array(0) : a.body;
    return (yield* stream.send(emitResponse({ ...a.head, headers }, body))).ok;
  }

  private mirror(f: Extract<Filter, { type: 'RequestMirror' }>, request: RequestHead, body: Uint8Array): void {
    if (f.share < 1 && this.p.sim.rng('l7.mirror').below(10_000) >= f.share * 10_000) return;
    const endpoint = f.backend.invalid ? null : this.next(f.backend);
    if (!endpoint || this.mirrors >= MAX_MIRROR * 100) return;
    const me = this;
    this.mirrors++;
    startThread(
      this.p,
      (function* (): Task<void> {
        yield* me.fetch(endpoint, request, body, me.p.sim.now + 10 * SEC);
        me.mirrors--;
      })(),
    );
  }

  private mirrors = 0;

  /** Endpoints in turn, beginning anywhere. */
  private next(backend: Backend): Endpoint | null {
    const n = backend.endpoints.length;
    if (n === 0) return null;
    const turn = this.turns.get(backend.name) ?? this.p.sim.rng('l7.balance').below(n);
    this.turns.set(backend.name, turn + 1);
    return backend.endpoints[turn % n] ?? null;
  }

  private *connect(e: Endpoint): Task<Upstream | { error: 'connect'; errno: Errno }> {
    const addr = parseIp(e.ip);
    if (addr === null) return { error: 'connect', errno: 'EINVAL' };
    const sock = openTcp(this.p, typeof addr === 'number' ? 4 : 6);
    const r = yield* connectTcp(sock, addr, e.port, this.p.sim.now + this.flavor.connectTimeout);
    if (!r.ok) {
      closeSocket(this.p, sock);
      return { error: 'connect', errno: r.errno };
    }
    const stream = tcpStream(sock);
    return { sock, stream, reader: new HttpReader(stream) };
  }

  private *fetch(e: Endpoint, request: RequestHead, body: Uint8Array, deadline: number): Task<Fetched> {
    const key = `${e.ip}:${e.port}`;
    const pool = this.idle.get(key) ?? [];
    this.idle.set(key, pool);
    let up = pool.pop();
    while (up?.stream.readable()) {
      closeSocket(this.p, up.sock);
      up = pool.pop();
    }
    if (!up) {
      const made = yield* this.connect(e);
      if ('error' in made) return made;
      up = made;
    }
    up.reader.deadline = deadline;
    const drop = (error: 'timeout' | 'reset', errno: Errno): Fetched => {
      closeSocket(this.p, (up as Upstream).sock);
      return { error, errno };
    };
    const sent = yield* up.stream.send(emitRequest(request, body), deadline);
    if (!sent.ok) return drop(sent.errno === 'EAGAIN' ? 'timeout' : 'reset', sent.errno);
    let head = yield* up.reader.response();
    while (typeof head !== 'string' && head.status >= 100 && head.status < 200 && head.status !== 101) head = yield* up.reader.response();
    if (typeof head === 'string') return drop(head === 'timeout' ? 'timeout' : 'reset', 'ECONNRESET');
    if (head.status === 101) return { answer: { head, body: new Uint8Array(0) }, upstream: up };
    const none = request.method === 'HEAD' || head.status === 204 || head.status === 304;
    const got = none ? new Uint8Array(0) : yield* up.reader.body(head.headers, true);
    if (typeof got === 'string') return drop(got === 'timeout' ? 'timeout' : 'reset', 'ECONNRESET');
    const closing = head.version === '1.0' || /close/i.test(headerOf(head.headers, 'connection') ?? '') || up.stream.readable();
    if (closing || pool.length >= MAX_IDLE) closeSocket(this.p, up.sock);
    else pool.push(up);
    return { answer: { head, body: got }, upstream: up };
  }
}

function best<T>(items: readonly T[], rank: (x: T) => number): T | null {
  let found: T | null = null;
  let top = -1;
  for (const x of items) {
    const n = rank(x);
    if (n > top) {
      top = n;
      found = x;
    }
  }
  return found;
}

function splitTarget(target: string): [string, string] {
  const absolute = /^https?:\/\/[^/?]*([/?].*)?$/i.exec(target);
  const rest = absolute ? (absolute[1] ?? '/') : target;
  const at = rest.indexOf('?');
  return at < 0 ? [rest, ''] : [rest.slice(0, at) || '/', rest.slice(at + 1)];
}

/** `$1` of a rewrite stands for a group of the route's pattern. */
function rewriteByPattern(template: string, chosen: Chosen, path: string): string {
  const m = chosen.match.path.type === 'RegularExpression' ? chosen.match.path.pattern.exec(path) : null;
  const out = template.replace(/\$(\d)/g, (_, n: string) => m?.[Number(n)] ?? '');
  return out.startsWith('/') ? out : `/${out}`;
}

function requestId(p: Process): string {
  const rng = p.sim.rng('l7.id');
  const hex = Array.from({ length: 8 }, () => rng.below(65536).toString(16).padStart(4, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
