/** nginx answering requests: files, errors, returns, a plain reverse proxy, the access log. Models src/http/ */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo } from '../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, sendTcp } from '../../os/sockcalls.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { formatIp } from '../../wire/addr.ts';
import { concat, utf8 } from '../../wire/bytes.ts';
import { bodyPlan, bytesOf, Reader, readBody, readHead } from '../curl/http.ts';
import { tcpStream } from '../curl/stream.ts';
import { parseUrl } from '../curl/url.ts';
import { strftime } from '../sh/strftime.ts';
import { type Config, chooseLocation, type Location, type Server } from './config.ts';

export const SERVER = 'nginx/1.22.1';

const REASONS: Record<number, string> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  303: 'See Other',
  304: 'Not Modified',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Not Allowed',
  408: 'Request Time-out',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  505: 'HTTP Version Not Supported',
};
const TITLES: Record<number, string> = { 302: 'Found' };

interface Request {
  line: string;
  method: string;
  uri: string;
  path: string;
  args: string;
  version: string;
  headers: Map<string, string>;
  body: Uint8Array;
  peer: string;
}

interface Reply {
  status: number;
  type: string;
  body: Uint8Array;
  headers: [string, string][];
  close: boolean;
}

function errorPage(status: number): Uint8Array {
  const title = `${status} ${TITLES[status] ?? REASONS[status] ?? ''}`.trim();
  return utf8(
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>${SERVER}</center>\r\n</body>\r\n</html>\r\n`,
  );
}

function failure(status: number, headers: [string, string][] = []): Reply {
  return { status, type: 'text/html', body: errorPage(status), headers, close: status === 400 };
}

function decodePath(path: string): string | null {
  try {
    const plain = decodeURIComponent(path);
    const out: string[] = [];
    for (const part of plain.split('/').slice(1)) {
      if (part === '..') {
        if (out.length === 0) return null;
        out.pop();
      } else if (part !== '.') out.push(part);
    }
    return `/${out.join('/')}`;
  } catch {
    return null;
  }
}

export class Http {
  private readonly p: Process;
  config: Config;
  stopping = false;

  constructor(p: Process, config: Config) {
    this.p = p;
    this.config = config;
  }

  private seconds(): number {
    return Math.floor((this.p.sim.epochMs * 1000 + this.p.sim.now) / 1e6);
  }

  /** One connection, request after request. */
  *connection(sock: TcpSocket): Task<void> {
    const reader = new Reader(tcpStream(sock));
    try {
      while (!this.stopping) {
        const r = yield* this.read(reader, formatIp(sock.remote?.addr ?? 0).replace(/^::ffff:/, ''));
        if (r === null) return;
        const server = this.choose(sock, r.headers.get('host') ?? '');
        const reply = r.method === '' ? failure(400) : yield* this.answer(server, r);
        const wants = (r.headers.get('connection') ?? '').toLowerCase();
        const close = reply.close || wants.includes('close') || (r.version === '1.0' && !wants.includes('keep-alive'));
        const sent = yield* sendTcp(sock, this.render(r, reply, close));
        yield* this.log(server, r, reply);
        if (!sent.ok || close) return;
      }
    } finally {
      closeSocket(this.p, sock);
    }
  }

  /** Null when the client has gone; an empty method when it speaks no HTTP. */
  private *read(reader: Reader, peer: string): Task<Request | null> {
    const request: Request = {
      line: '',
      method: '',
      uri: '',
      path: '',
      args: '',
      version: '1.1',
      headers: new Map(),
      body: new Uint8Array(0),
      peer,
    };
    for (let first = true; ; first = false) {
      let l = yield* reader.line();
      while (!l.ok && l.error === 'interrupted' && !this.stopping) l = yield* reader.line();
      if (!l.ok) return null;
      const text = l.value.replace(/\r?\n$/, '');
      if (first) {
        request.line = text;
        const m = /^([A-Z]+) (\S+)(?: HTTP\/(1\.[01]))$/.exec(text);
        if (!m) return request;
        [, request.method, request.uri, request.version] = m as unknown as [string, string, string, string];
        continue;
      }
      if (text === '') break;
      const colon = text.indexOf(':');
      if (colon > 0) request.headers.set(text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim());
    }
    const cut = request.uri.indexOf('?');
    const path = decodePath(cut < 0 ? request.uri : request.uri.slice(0, cut));
    request.args = cut < 0 ? '' : request.uri.slice(cut + 1);
    request.path = path ?? '';
    if (path === null || (request.version === '1.1' && !request.headers.has('host'))) request.method = '';
    const length = Number(request.headers.get('content-length') ?? 0);
    if (!(length > 0)) return request;
    const parts: Uint8Array[] = [];
    const got = yield* readBody(reader, { kind: 'length', length }, (part) => parts.push(part) > 0);
    request.body = concat(parts);
    return got.ok ? request : null;
  }

  private choose(sock: TcpSocket, hostHeader: string): Server {
    const host = hostHeader.replace(/:\d+$/, '').toLowerCase();
    const family = sock.family === 6 ? 'bigint' : 'number';
    const here = this.config.servers.filter((s) =>
      s.listens.some((l) => l.port === sock.local.port && (typeof l.addr === family || l.addr === 0)),
    );
    const named = here.find((s) => s.names.some((n) => n.toLowerCase() === host || (n.startsWith('*.') && host.endsWith(n.slice(1)))));
    return named ?? here.find((s) => s.listens.some((l) => l.port === sock.local.port && l.defaultServer)) ?? (here[0] as Server);
  }

  private expand(text: string, r: Request): string {
    return text.replace(/\$\{?(\w+)\}?/g, (_, name: string) => {
      if (name.startsWith('http_')) return r.headers.get(name.slice(5).replace(/_/g, '-')) ?? '';
      const values: Record<string, string> = {
        uri: r.path,
        document_uri: r.path,
        request_uri: r.uri,
        args: r.args,
        query_string: r.args,
        is_args: r.args ? '?' : '',
        host: (r.headers.get('host') ?? '').replace(/:\d+$/, ''),
        hostname: this.p.hostname,
        remote_addr: r.peer,
        request_method: r.method,
        scheme: 'http',
        server_protocol: `HTTP/${r.version}`,
      };
      return values[name] ?? '';
    });
  }

  private *answer(server: Server, r: Request): Task<Reply> {
    const l = chooseLocation(server, r.path);
    const added = (reply: Reply): Reply => {
      for (const [k, v, always] of l.headers)
        if (always || [200, 201, 204, 301, 302, 303, 304, 307, 308].includes(reply.status)) reply.headers.push([k, this.expand(v, r)]);
      return reply;
    };
    const back = l.returns ?? server.base.returns;
    if (back) {
      const text = this.expand(back.text, r);
      if (back.status >= 300 && back.status < 400) return added(failure(back.status, [['Location', text]]));
      return added(
        text === '' && back.status >= 400
          ? failure(back.status)
          : { status: back.status, type: l.defaultType, body: utf8(text), headers: [], close: false },
      );
    }
    if (l.proxy !== null) return added(yield* this.proxy(l.proxy, l, r));
    return added(this.file(l, r));
  }

  private file(l: Location, r: Request): Reply {
    const { p } = this;
    const at = (path: string): string => (l.alias === null ? l.root + path : l.alias + path.slice(l.path.length));
    const kind = (path: string): string | null => {
      const s = p.stat(path.replace(/(.)\/$/, '$1'));
      return s.ok ? s.value.kind : null;
    };
    let path = r.path;
    if (l.tryFiles) {
      const found = l.tryFiles
        .slice(0, -1)
        .map((t) => this.expand(t, r))
        .find((t) => (t.endsWith('/') ? kind(at(t)) === 'dir' : kind(at(t)) === 'file'));
      const last = l.tryFiles.at(-1) as string;
      if (found === undefined) {
        if (last.startsWith('=')) return failure(Number(last.slice(1)));
        path = this.expand(last, r);
      } else path = found;
    }
    if (path.endsWith('/')) {
      const index = l.index.find((n) => kind(at(path + n)) === 'file');
      if (index === undefined) return failure(kind(at(path)) === 'dir' ? 403 : 404);
      path += index;
    } else if (kind(at(path)) === 'dir') return failure(301, [['Location', `http://${r.headers.get('host') ?? p.hostname}${r.path}/`]]);
    const stat = p.stat(at(path));
    const content = p.readFile(at(path));
    if (!stat.ok || !content.ok) return failure(stat.ok ? 403 : 404);
    if (r.method !== 'GET' && r.method !== 'HEAD') return failure(405);
    const modified = Math.floor((p.sim.epochMs * 1000 + stat.value.mtime) / 1e6);
    const extension = path.slice(path.lastIndexOf('.') + 1);
    return {
      status: 200,
      type: this.config.types.get(extension) ?? l.defaultType,
      body: content.value,
      close: false,
      headers: [
        ['Last-Modified', httpDate(modified)],
        ['ETag', `"${modified.toString(16)}-${content.value.length.toString(16)}"`],
        ['Accept-Ranges', 'bytes'],
      ],
    };
  }

  /** HTTP/1.0 to the upstream, one connection for each request, as nginx does by default. */
  private *proxy(target: string, l: Location, r: Request): Task<Reply> {
    const { p } = this;
    const u = parseUrl(this.expand(target, r));
    if (!u.ok) return failure(500);
    const found = yield* getaddrinfo(p, u.url.host);
    if (!found.ok) return failure(502);
    for (const addr of found.addrs) {
      const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
      try {
        const c = yield* connectTcp(sock, addr, u.url.port, p.sim.now + 60e6);
        if (!c.ok) {
          if (c.errno === 'EAGAIN') return failure(504);
          continue;
        }
        const replaces = /^https?:\/\/[^/]+\/./.test(target) || /^https?:\/\/[^/]+\/$/.test(target);
        const path = replaces ? u.url.path + r.uri.slice(l.path.length) : r.uri;
        const kept = [...r.headers]
          .filter(([k]) => !['host', 'connection', 'keep-alive', 'upgrade', 'te'].includes(k))
          .map(([k, v]) => `${k}: ${v}\r\n`);
        const host = u.url.port === 80 ? u.url.host : `${u.url.host}:${u.url.port}`;
        yield* sendTcp(
          sock,
          concat([bytesOf(`${r.method} ${path} HTTP/1.0\r\nHost: ${host}\r\nConnection: close\r\n${kept.join('')}\r\n`), r.body]),
        );
        const reader = new Reader(tcpStream(sock));
        reader.deadline = p.sim.now + 60e6;
        const head = yield* readHead(reader);
        if (!head.ok) return failure(head.error === 'timeout' ? 504 : 502);
        const parts: Uint8Array[] = [];
        yield* readBody(reader, bodyPlan(head.value, r.method), (part) => parts.push(part) > 0);
        const drop = ['connection', 'content-length', 'content-type', 'server', 'date', 'transfer-encoding', 'keep-alive'];
        return {
          status: head.value.status,
          type: head.value.headers.find(([k]) => k.toLowerCase() === 'content-type')?.[1] ?? '',
          body: concat(parts),
          close: false,
          headers: head.value.headers.filter(([k]) => !drop.includes(k.toLowerCase())),
        };
      } finally {
        closeSocket(p, sock);
      }
    }
    return failure(502);
  }

  private render(r: Request, reply: Reply, close: boolean): Uint8Array {
    const before = reply.headers.filter(([k]) => k === 'Last-Modified' || k === 'Location');
    const after = reply.headers.filter(([k]) => k !== 'Last-Modified' && k !== 'Location');
    const lines = [
      `HTTP/1.1 ${reply.status} ${REASONS[reply.status] ?? ''}`,
      `Server: ${SERVER}`,
      `Date: ${httpDate(this.seconds())}`,
      ...(reply.type ? [`Content-Type: ${reply.type}`] : []),
      `Content-Length: ${reply.body.length}`,
      ...before.map(([k, v]) => `${k}: ${v}`),
      `Connection: ${close ? 'close' : 'keep-alive'}`,
      ...after.map(([k, v]) => `${k}: ${v}`),
    ];
    const head = bytesOf(`${lines.join('\r\n')}\r\n\r\n`);
    return r.method === 'HEAD' ? head : concat([head, reply.body]);
  }

  private *log(server: Server | undefined, r: Request, reply: Reply): Task<void> {
    const file = server ? server.accessLog : null;
    if (file === null) return;
    const bytes = r.method === 'HEAD' ? 0 : reply.body.length;
    const quote = (name: string): string => r.headers.get(name) || '-';
    const line = `${r.peer} - - [${strftime('%d/%b/%Y:%H:%M:%S +0000', this.seconds())}] "${r.line}" ${reply.status} ${bytes} "${quote('referer')}" "${quote('user-agent')}"\n`;
    if (file === '/dev/stdout') yield* this.p.out(line);
    else this.p.writeFile(file, line, { append: true });
  }
}

/** The last few dates: nginx formats the time once a second, too. */
const dates = new Map<number, string>();

function httpDate(seconds: number): string {
  let text = dates.get(seconds);
  if (text === undefined) {
    if (dates.size > 32) dates.clear();
    text = strftime('%a, %d %b %Y %H:%M:%S GMT', seconds);
    dates.set(seconds, text);
  }
  return text;
}
