/** kubectl proxy: the API in the clear on a local port, with the credentials of the kubeconfig. Models kubectl/pkg/cmd/proxy and pkg/proxy */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, openTcp, recvTcp, sendTcp } from '../../os/sockcalls.ts';
import { startThread } from '../../os/thread.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import { concat, text, utf8 } from '../../wire/bytes.ts';
import { klogLine } from './common.ts';
import { Failure, failure } from './errors.ts';
import { HttpClient, type Streaming } from './http.ts';
import type { Connection } from './kubeconfig.ts';
import type { Ctx, Verb } from './verb.ts';

const ACCEPT_HOSTS = '^localhost$,^127\\.0\\.0\\.1$,^\\[::1\\]$';
const REJECT_PATHS = '^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach';
const MAX_HEAD = 1 << 20;
const MAX_BODY = 64 << 20;
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];
const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
  501: 'Not Implemented',
};

interface Request {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | undefined;
}

const headerOf = (r: Request, name: string): string | undefined => r.headers.find(([k]) => k.toLowerCase() === name)?.[1];

/** Reads requests off a connection; what was read too much is kept for the next. */
class Reader {
  private buffer: Uint8Array = new Uint8Array(0);
  private readonly conn: TcpSocket;

  constructor(conn: TcpSocket) {
    this.conn = conn;
  }

  /** False at the end of the connection. */
  *fill(): Task<boolean> {
    const r = yield* recvTcp(this.conn);
    if (!r.ok || r.value.length === 0) return false;
    this.buffer = concat([this.buffer, r.value]);
    return true;
  }

  private findEnd(): number {
    for (let at = this.buffer.indexOf(13); at >= 0; at = this.buffer.indexOf(13, at + 1))
      if (this.buffer[at + 1] === 10 && this.buffer[at + 2] === 13 && this.buffer[at + 3] === 10) return at;
    return -1;
  }

  /** Null: there is none, or a malformed one, a status that is to be answered. */
  *request(): Task<Request | null | number> {
    let end = this.findEnd();
    while (end < 0) {
      if (this.buffer.length > MAX_HEAD) return 400;
      if (!(yield* this.fill())) return null;
      end = this.findEnd();
    }
    const [first = '', ...lines] = text(this.buffer.subarray(0, end)).split('\r\n');
    this.buffer = this.buffer.subarray(end + 4);
    const m = /^([A-Z]+) (\/\S*) HTTP\/1\.[01]$/.exec(first);
    if (!m) return 400;
    const headers = lines.map((l) => [l.slice(0, l.indexOf(':')), l.slice(l.indexOf(':') + 1).trim()] as const);
    const head = { method: m[1] as string, target: m[2] as string, headers, body: undefined };
    if (headerOf(head, 'transfer-encoding') !== undefined) return 501;
    const length = Number(headerOf(head, 'content-length') ?? 0);
    if (!(length >= 0 && length <= MAX_BODY)) return 400;
    if (length === 0) return head;
    while (this.buffer.length < length) if (!(yield* this.fill())) return null;
    const body = this.buffer.slice(0, length);
    this.buffer = this.buffer.subarray(length);
    return { ...head, body };
  }
}

/** `Content-Type`, `Audit-Id`. */
const canonical = (name: string): string => name.replace(/(^|-)[a-z]/g, (c) => c.toUpperCase());

const dateOf = (p: Process): string => new Date(p.sim.epochMs + Math.floor(p.sim.now / 1000)).toUTCString();

interface Filter {
  readonly acceptPaths: readonly RegExp[];
  readonly rejectPaths: readonly RegExp[];
  readonly acceptHosts: readonly RegExp[];
  readonly rejectMethods: readonly RegExp[];
}

class ApiProxy {
  private readonly ctx: Ctx;
  private readonly connection: Connection;
  private readonly prefix: string;
  private readonly filter: Filter | null;

  constructor(ctx: Ctx, connection: Connection, prefix: string, filter: Filter | null) {
    this.ctx = ctx;
    this.connection = connection;
    this.prefix = prefix;
    this.filter = filter;
  }

  private *say(conn: TcpSocket, status: number, message = REASONS[status] ?? ''): Task<boolean> {
    const body = utf8(`${message}\n`);
    const head = `HTTP/1.1 ${status} ${REASONS[status] ?? ''}\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nDate: ${dateOf(this.ctx.p)}\r\nContent-Length: ${body.length}\r\n\r\n`;
    return (yield* sendTcp(conn, concat([utf8(head), body]))).ok;
  }

  private accepts(r: Request, path: string): boolean {
    const { filter } = this;
    if (!filter) return true;
    const any = (list: readonly RegExp[], s: string): boolean => list.some((re) => re.test(s));
    const host = (headerOf(r, 'host') ?? '').replace(/:\d+$/, '');
    if (any(filter.rejectPaths, path) || any(filter.rejectMethods, r.method)) return false;
    return any(filter.acceptPaths, path) && any(filter.acceptHosts, host);
  }

  *serve(conn: TcpSocket): Task<void> {
    const { p } = this.ctx;
    const http = new HttpClient(p, this.connection);
    const reader = new Reader(conn);
    try {
      for (;;) {
        const r = yield* reader.request();
        if (r === null) return;
        if (typeof r === 'number') {
          yield* this.say(conn, r);
          return;
        }
        if (!(yield* this.handle(conn, reader, http, r)) || headerOf(r, 'connection')?.toLowerCase() === 'close') return;
      }
    } finally {
      closeSocket(p, conn);
    }
  }

  /** False when the connection is used up. */
  private *handle(conn: TcpSocket, reader: Reader, http: HttpClient, r: Request): Task<boolean> {
    if (!r.target.startsWith(this.prefix)) return yield* this.say(conn, 404, '404 page not found');
    const target = this.prefix.startsWith('/api') ? r.target : `/${r.target.slice(this.prefix.length)}`;
    if (!this.accepts(r, target.replace(/\?.*$/s, ''))) return yield* this.say(conn, 403);
    if (headerOf(r, 'upgrade') !== undefined) return yield* this.say(conn, 501, 'upgrades through kubectl proxy are not emulated');
    const headers = Object.fromEntries(
      r.headers.filter(
        ([k]) => !HOP_BY_HOP.includes(k.toLowerCase()) && !['host', 'content-length', 'accept-encoding'].includes(k.toLowerCase()),
      ),
    );
    headers['X-Forwarded-For'] = formatIp(conn.remote?.addr ?? 0);
    const s = yield* http.stream(r.method, target, { headers, ...(r.body ? { body: r.body } : {}) });
    if (s instanceof Failure) {
      yield* this.ctx.err(klogLine(this.ctx.p, 'E', 'proxy_server.go:147', `Error while proxying request: ${s.message}`));
      return yield* this.say(conn, 500, s.message);
    }
    return yield* this.pass(conn, reader, s, r.method);
  }

  /** The answer as it comes, so that a watch is seen at once; it is given up when the client goes. */
  private *pass(conn: TcpSocket, reader: Reader, s: Streaming, method: string): Task<boolean> {
    const { head } = s;
    const known = head.headers.has('content-length') || method === 'HEAD' || head.status === 204 || head.status === 304;
    const lines = [...head.headers]
      .filter(([name]) => !HOP_BY_HOP.includes(name))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, values]) => values.map((v) => `${canonical(name)}: ${v}\r\n`));
    if (!head.headers.has('date')) lines.push(`Date: ${dateOf(this.ctx.p)}\r\n`);
    if (!known) lines.push('Transfer-Encoding: chunked\r\n');
    if (!(yield* sendTcp(conn, utf8(`HTTP/1.1 ${head.reason}\r\n${lines.join('')}\r\n`))).ok) return false;
    for (;;) {
      while (!s.ended && !s.readable()) {
        if (conn.readable() && !(yield* reader.fill())) {
          yield* s.close();
          return false;
        }
        if (!s.readable()) yield { on: [s.queue, conn.wq] };
      }
      const part = yield* s.read();
      if (part instanceof Failure) return false;
      if (part === null) break;
      const piece = known ? part : concat([utf8(`${part.length.toString(16)}\r\n`), part, utf8('\r\n')]);
      if (!(yield* sendTcp(conn, piece)).ok) {
        yield* s.close();
        return false;
      }
    }
    return known || (yield* sendTcp(conn, utf8('0\r\n\r\n'))).ok;
  }
}

function expressions(list: string): RegExp[] | Failure {
  try {
    return list === '' ? [] : list.split(',').map((x) => new RegExp(x));
  } catch (e) {
    return failure(`Error compiling re: ${(e as Error).message}`);
  }
}

function filterOf(ctx: Ctx): Filter | null | Failure {
  if (ctx.bool('disable-filter')) return null;
  const found: RegExp[][] = [];
  for (const name of ['accept-paths', 'reject-paths', 'accept-hosts', 'reject-methods']) {
    const list = expressions(ctx.str(name));
    if (list instanceof Failure) return list;
    found.push(list);
  }
  const [acceptPaths, rejectPaths, acceptHosts, rejectMethods] = found as [RegExp[], RegExp[], RegExp[], RegExp[]];
  return { acceptPaths, rejectPaths, acceptHosts, rejectMethods };
}

function* run(ctx: Ctx): Task<number | Failure> {
  const { p } = ctx;
  for (const name of ['www', 'unix-socket']) if (ctx.str(name) !== '') return failure(`kubectl proxy --${name} is not emulated`);
  const connection = ctx.clientConfig.connection();
  if (connection instanceof Failure) return connection;
  if (new HttpClient(p, connection).base !== '' && !ctx.bool('append-server-path'))
    return failure('kubectl proxy to a server with a path is only emulated with --append-server-path');
  const filter = filterOf(ctx);
  if (filter instanceof Failure) return filter;
  if (filter === null)
    yield* ctx.err(
      klogLine(p, 'W', 'proxy.go:177', 'Request filter disabled, your proxy is vulnerable to XSRF attacks, please be cautious'),
    );
  const address = ctx.str('address');
  const ip = parseIp(address === 'localhost' ? '127.0.0.1' : address);
  const port = Number(ctx.str('port'));
  if (ip === null) return failure(`listen tcp: lookup ${address}: no such host`);
  const listener = openTcp(p, typeof ip === 'number' ? 4 : 6);
  const shown = (n: number): string => (typeof ip === 'bigint' ? `[${formatIp(ip)}]:${n}` : `${formatIp(ip)}:${n}`);
  listener.opt.reuseAddr = true;
  const bound = listener.bind(ip, port);
  const r = bound.ok ? listener.listen(4096) : bound;
  if (!r.ok) return failure(`listen tcp ${shown(port)}: bind: ${strerror(r.errno).toLowerCase()}`);
  yield* ctx.out(`Starting to serve on ${shown(listener.local.port)}\n`);
  const prefix = ctx.str('api-prefix').replace(/\/?$/, '/');
  const proxy = new ApiProxy(ctx, connection, prefix, filter);
  for (;;) {
    const a = yield* acceptTcp(p, listener);
    if (a.ok) startThread(p, proxy.serve(a.value));
    else if (a.errno !== 'EINTR' && a.errno !== 'ECONNABORTED')
      return failure(`accept tcp ${shown(listener.local.port)}: ${strerror(a.errno).toLowerCase()}`);
  }
}

export const proxyVerb: Verb = {
  name: 'proxy',
  use: 'proxy [--port=PORT] [--www=static-dir] [--www-prefix=prefix] [--api-prefix=prefix]',
  short: 'Run a proxy to the Kubernetes API server',
  long: 'Creates a proxy server or application-level gateway between localhost and the Kubernetes API server. It also allows serving static content over specified HTTP path. All incoming data enters through one port and gets forwarded to the remote Kubernetes API server port, except for the path matching the static content path.',
  example:
    "  # To proxy all of the Kubernetes API and nothing else\n  kubectl proxy --api-prefix=/\n  \n  # To proxy only part of the Kubernetes API and also some static files\n  # You can get pods info with 'curl localhost:8001/api/v1/pods'\n  kubectl proxy --www=/my/files --www-prefix=/static/ --api-prefix=/api/\n  \n  # To proxy the entire Kubernetes API at a different root\n  # You can get pods info with 'curl localhost:8001/custom/api/v1/pods'\n  kubectl proxy --api-prefix=/custom/\n  \n  # Run a proxy to the Kubernetes API server on port 8011, serving static content from ./local/www/\n  kubectl proxy --port=8011 --www=./local/www/\n  \n  # Run a proxy to the Kubernetes API server on an arbitrary local port\n  # The chosen port for the server will be output to stdout\n  kubectl proxy --port=0\n  \n  # Run a proxy to the Kubernetes API server, changing the API prefix to k8s-api\n  # This makes e.g. the pods API available at localhost:8001/k8s-api/v1/pods/\n  kubectl proxy --api-prefix=/k8s-api",
  flags: [
    { name: 'accept-hosts', type: 'string', def: ACCEPT_HOSTS, usage: 'Regular expression for hosts that the proxy should accept.' },
    { name: 'accept-paths', type: 'string', def: '^.*', usage: 'Regular expression for paths that the proxy should accept.' },
    { name: 'address', type: 'string', def: '127.0.0.1', usage: 'The IP address on which to serve on.' },
    { name: 'api-prefix', type: 'string', def: '/', usage: 'Prefix to serve the proxied API under.' },
    {
      name: 'append-server-path',
      type: 'bool',
      usage: 'If true, enables automatic path appending of the kube context server path to each request.',
    },
    {
      name: 'disable-filter',
      type: 'bool',
      usage:
        'If true, disable request filtering in the proxy. This is dangerous, and can leave you vulnerable to XSRF attacks, when used with an accessible port.',
    },
    {
      name: 'keepalive',
      type: 'duration',
      usage: 'keepalive specifies the keep-alive period for an active network connection. Set to 0 to disable keepalive.',
    },
    { name: 'port', short: 'p', type: 'int', def: '8001', usage: 'The port on which to run the proxy. Set to 0 to pick a random port.' },
    {
      name: 'reject-methods',
      type: 'string',
      def: '^$',
      usage: "Regular expression for HTTP methods that the proxy should reject (example --reject-methods='POST,PUT,PATCH'). ",
    },
    {
      name: 'reject-paths',
      type: 'string',
      def: REJECT_PATHS,
      usage:
        'Regular expression for paths that the proxy should reject. Paths specified here will be rejected even accepted by --accept-paths.',
    },
    { name: 'unix-socket', short: 'u', type: 'string', usage: 'Unix socket on which to run the proxy.' },
    { name: 'www', short: 'w', type: 'string', usage: 'Also serve static files from the given directory under the specified prefix.' },
    {
      name: 'www-prefix',
      short: 'P',
      type: 'string',
      def: '/static/',
      usage: 'Prefix to serve static files under, if static file directory is specified.',
    },
  ],
  run,
};
