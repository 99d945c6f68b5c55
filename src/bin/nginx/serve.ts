/** nginx answering requests: rewrite, access and content phases, error pages, logs. Models src/http/ngx_http_core_module.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { closeSocket } from '../../os/sockcalls.ts';
import { type Stream, tcpStream } from '../../os/stream.ts';
import { tlsAccept } from '../../os/tls/server.ts';
import { TlsSession } from '../../os/tls/session.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { ok } from '../../sim/errno.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import { concat, utf8 } from '../../wire/bytes.ts';
import { bytesOf, Reader } from '../curl/http.ts';
import { strftime } from '../strftime.ts';
import { chooseLocation } from './config.ts';
import type { Config, Location, Server } from './model.ts';
import { errorPage, REASONS, SERVER, sentStatus } from './pages.ts';
import { chunk, inChunks, type Reply } from './reply.ts';
import { decodePath, type Request, readRequest } from './request.ts';
import { type FileResult, httpDate, kindOf, pathOf, serveFile } from './static.ts';
import { Upstreams } from './upstream.ts';
import { variableOf } from './value.ts';
import { expand } from './variables.ts';

export { SERVER };

const MAX_REDIRECTS = 10;
/** add_header without `always` speaks for these. */
const ADDED = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308];
const REDIRECTS = [301, 302, 303, 307, 308];

/** A stream whose first octets have been read already. */
function withHead(head: Uint8Array, under: Stream): Stream {
  let left: Uint8Array | null = head;
  return {
    ...under,
    *recv(max, deadline) {
      if (!left) return yield* under.recv(max, deadline);
      const part = left;
      left = null;
      return ok(part);
    },
  };
}

interface Counts {
  accepted: number;
  requests: number;
  active: number;
}

export class Http {
  private readonly p: Process;
  private readonly upstreams: Upstreams;
  private readonly counts: Counts = { accepted: 0, requests: 0, active: 0 };
  config: Config;
  stopping = false;

  constructor(p: Process, config: Config) {
    this.p = p;
    this.config = config;
    this.upstreams = new Upstreams(p, (level, text, r, upstream) => this.error(level, text, r, upstream));
  }

  private seconds(): number {
    return Math.floor((this.p.sim.epochMs * 1000 + this.p.sim.now) / 1e6);
  }

  /** A line of the error log. */
  private error(level: string, text: string, r: Request, upstream: string | null): void {
    const { p, config } = this;
    const server = r.variables.get('server_name') ?? '';
    const host = r.headers.get('host');
    const line =
      `${strftime('%Y/%m/%d %H:%M:%S', this.seconds())} [${level}] ${p.getpid()}#${p.getpid()}: *${this.counts.accepted} ${text}, client: ${r.peer.addr}, server: ${server}, ` +
      `request: "${r.line}"${upstream === null ? '' : `, upstream: "${upstream}"`}${host === undefined ? '' : `, host: "${host}"`}\n`;
    p.writeFile(config.errorLog, line, { append: true });
  }

  /** One connection, request after request. */
  *connection(sock: TcpSocket): Task<void> {
    const { counts } = this;
    const secure = this.serversAt(sock).some((s) => s.listens.some((l) => l.port === sock.local.port && l.ssl));
    counts.accepted++;
    counts.active++;
    const plain = (a: Parameters<typeof formatIp>[0]): string => formatIp(a).replace(/^::ffff:/, '');
    let session: TlsSession | null = null;
    try {
      const tls = secure ? yield* this.secure(sock) : null;
      if (tls === 'gone') return;
      session = tls instanceof TlsSession ? tls : null;
      const reader = new Reader(session ?? (tls instanceof Uint8Array ? withHead(tls, tcpStream(sock)) : tcpStream(sock)));
      const plain497 = tls instanceof Uint8Array;
      while (!this.stopping) {
        const ends = {
          peer: { addr: plain(sock.remote?.addr ?? 0), port: sock.remote?.port ?? 0 },
          local: { addr: plain(sock.local.addr), port: sock.local.port },
          scheme: secure ? ('https' as const) : ('http' as const),
          tls: session && { name: session.serverName ?? '', protocol: `TLSv1.${session.version - 10}`, cipher: session.suite?.name ?? '' },
          began: this.p.sim.now,
        };

        const r = yield* readRequest(
          reader,
          ends,
          () => this.stopping,
          (x) => chooseLocation(this.choose(sock, x.headers.get('host') ?? '').base, x.path).maxBody,
        );
        if (r === null) return;
        if (plain497) r.refused = 497;
        counts.requests++;
        const server = this.choose(sock, r.headers.get('host') ?? '');
        r.variables.set('server_name', server.names[0] ?? '');
        const { reply, l } = yield* this.answer(server, r);
        const wants = (r.headers.get('connection') ?? '').toLowerCase();
        const close =
          reply.close || wants.includes('close') || r.version === '0.9' || (r.version === '1.0' && !wants.includes('keep-alive'));
        if (reply.status === 444) {
          yield* this.log(l, r, reply);
          return;
        }
        const sent = yield* reader.stream.send(this.render(r, reply, close, l));
        yield* this.log(l, r, reply);
        if (!sent.ok || close) return;
      }
    } finally {
      counts.active--;
      // Nothing is said to a client that has said goodbye.
      if (session && !session.ended) yield* session.close();
      closeSocket(this.p, sock);
    }
  }

  /** The handshake; octets in the clear when the client speaks plain HTTP. */
  private *secure(sock: TcpSocket): Task<TlsSession | Uint8Array | 'gone'> {
    sock.setNoDelay(true);
    const s = new TlsSession(tcpStream(sock), this.p.sim.rng('nginx.tls'));
    const here = this.serversAt(sock);
    const standard = here.find((x) => x.listens.some((l) => l.port === sock.local.port && l.defaultServer)) ?? (here[0] as Server);
    const failure = yield* tlsAccept(s, {
      identity: (name) => {
        const server = name === null ? standard : this.choose(sock, name);
        return server.reject ? null : server.pairs;
      },
      versions: standard.protocols,
      alpn: (offered) => offered.find((x) => x === 'http/1.1' || x === 'http/1.0') ?? (offered.includes('h2') ? undefined : null),
    });
    if (!failure) return s;
    return failure.kind === 'wrong-version' ? failure.peeked : 'gone';
  }

  /** Servers of the listening socket that the connection came in by: an own address goes before the wildcard. */
  private serversAt(sock: TcpSocket): Server[] {
    const { port, addr } = sock.local;
    const family = sock.family === 6 ? 'bigint' : 'number';
    const on = (s: Server, a: number | bigint): boolean => s.listens.some((l) => l.port === port && l.addr === a);
    const exact = this.config.servers.filter((s) => on(s, addr));
    return exact.length > 0 ? exact : this.config.servers.filter((s) => on(s, family === 'number' ? 0 : 0n));
  }

  /** Exact name, the longest `*.name`, the longest `name.*`, the first regular expression, the default server. */
  private choose(sock: TcpSocket, hostHeader: string): Server {
    const host = hostHeader.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();
    const here = this.serversAt(sock);
    let best: { s: Server; rank: number } | null = null;
    for (const s of here) {
      for (const given of s.names) {
        const n = given.toLowerCase();
        let rank = 0;
        if (n.startsWith('~')) rank = new RegExp(given.slice(1), 'i').test(host) ? 1 : 0;
        else if (n === host || (n.startsWith('.') && host === n.slice(1))) rank = 3e6;
        else if (n.startsWith('*.') || n.startsWith('.')) rank = host.endsWith(n.replace(/^\*/, '')) ? 2e6 + n.length : 0;
        else if (n.endsWith('.*')) rank = host.startsWith(n.slice(0, -1)) ? 1e6 + n.length : 0;
        if (rank > (best?.rank ?? 0)) best = { s, rank };
      }
    }
    const standard = here.find((s) => s.listens.some((l) => l.port === sock.local.port && l.defaultServer));
    return best?.s ?? standard ?? (here[0] as Server);
  }

  private value(name: string, r: Request, l: Location, reply: Reply | null): string {
    return variableOf({ p: this.p, config: this.config, accepted: this.counts.accepted }, name, r, l, reply);
  }

  /** nginx's own page for a status, or what error_page says instead. */
  private page(status: number, l: Location, headers: [string, string][] = []): Reply {
    const html = errorPage(status, l.tokens);
    return {
      status: sentStatus(status),
      reason: null,
      type: html === null ? '' : 'text/html',
      body: utf8(html ?? ''),
      headers,
      close: status === 400 || status === 414 || status === 494 || status === 505 || status === 497,
      length: Number.NaN,
    };
  }

  private *answer(server: Server, r: Request): Task<{ reply: Reply; l: Location }> {
    let l: Location = server.base;
    if (r.refused !== 0) return { reply: this.page(r.refused, l), l };
    const text = (t: string): string => expand(t, (n) => this.value(n, r, l, null));
    let outcome: FileResult | null = null;
    const first = this.rewrite(server.base, r);
    if (typeof first === 'object' && first !== null && !('inside' in first)) outcome = first;
    let named: Location | null = null;
    let internal = false;
    let erring = false;
    for (let n = 0; n < MAX_REDIRECTS; n++) {
      if (outcome === null) {
        l = named ?? chooseLocation(server.base, r.path);
        named = null;
        if (l.internal && !internal) outcome = { status: 404 };
        else {
          const step = this.rewrite(l, r);
          if (step === 'again') {
            internal = true;
            continue;
          }
          if (typeof step === 'object' && step !== null) {
            if ('inside' in step) l = step.inside;
            else outcome = step;
          }
          outcome ??= this.allowed(l, r) ? null : { status: 403, error: 'access forbidden by rule' };
          outcome ??= yield* this.content(l, r, text);
        }
      }
      if ('redirect' in outcome) {
        internal = true;
        if (outcome.redirect.startsWith('@'))
          named = server.base.locations.find((x) => x.path === (outcome as { redirect: string }).redirect) ?? null;
        else this.goTo(r, outcome.redirect);
        const missing = outcome.redirect.startsWith('@') && named === null;
        outcome = missing ? { status: 500 } : null;
        continue;
      }
      if ('reply' in outcome) {
        const intercepted =
          l.proxyIntercept && l.proxy !== null && outcome.reply.status >= 300 ? this.errorTarget(l, outcome.reply.status) : null;
        if (!intercepted || erring) return { reply: this.decorate(outcome.reply, l, r), l };
        outcome = { status: outcome.reply.status };
      }
      if (outcome.error) this.error('error', outcome.error, r, null);
      const to = erring ? null : this.errorTarget(l, outcome.status);
      if (!to) return { reply: this.decorate(this.page(outcome.status, l, outcome.headers), l, r), l };
      erring = true;
      const status = outcome.status;
      if (/^https?:\/\//.test(to.to)) {
        const moved = to.as ?? 302;
        return { reply: this.decorate(this.page(moved, l, [['Location', text(to.to)]]), l, r), l };
      }
      const inner: { reply: Reply; l: Location } = yield* this.errorPage(server, r, text(to.to));
      const kept = to.as === null ? status : to.as || inner.reply.status;
      // A page that is missing itself leaves the first status as it was.
      return { reply: { ...inner.reply, status: inner.reply.status >= 300 && to.as !== 0 ? status : kept, reason: null }, l: inner.l };
    }
    this.error('error', 'rewrite or internal redirection cycle', r, null);
    return { reply: this.page(500, l), l };
  }

  /** The location that error_page leads to, asked with GET and without error pages of its own. */
  private *errorPage(server: Server, r: Request, to: string): Task<{ reply: Reply; l: Location }> {
    const inner: Request = { ...r, method: r.method === 'HEAD' ? 'HEAD' : 'GET', headers: new Map(r.headers) };
    inner.headers.delete('range');
    let l = server.base;
    const text = (t: string): string => expand(t, (n) => this.value(n, inner, l, null));
    if (!to.startsWith('@')) this.goTo(inner, to);
    for (let n = 0; n < MAX_REDIRECTS; n++) {
      l = to.startsWith('@') ? (server.base.locations.find((x) => x.path === to) ?? server.base) : chooseLocation(server.base, inner.path);
      const step = this.rewrite(l, inner);
      if (step === 'again') continue;
      if (step !== null && 'inside' in step) l = step.inside;
      const out: FileResult = step !== null && !('inside' in step) ? step : yield* this.content(l, inner, text);
      if ('redirect' in out) {
        this.goTo(inner, out.redirect);
        continue;
      }
      const reply = 'reply' in out ? out.reply : this.page(out.status, l, out.headers);
      return { reply: this.decorate(reply, l, inner), l };
    }
    return { reply: this.page(500, l), l };
  }

  private errorTarget(l: Location, status: number): { to: string; as: number | null } | null {
    return l.errorPages.findLast((e) => e.statuses.includes(status)) ?? null;
  }

  private goTo(r: Request, uri: string): void {
    const cut = uri.indexOf('?');
    r.path = decodePath(cut < 0 ? uri : uri.slice(0, cut)) ?? r.path;
    if (cut >= 0) r.args = uri.slice(cut + 1);
  }

  private decorate(reply: Reply, l: Location, r: Request): Reply {
    for (const [k, v, always] of l.headers) {
      const value = expand(v, (n) => this.value(n, r, l, reply));
      if ((always || ADDED.includes(reply.status)) && value !== '') reply.headers.push([k, value]);
    }
    return reply;
  }

  /** The rewrite phase of a block: null when the request goes on, 'again' when a location must be found anew. */
  private rewrite(l: Location, r: Request): null | 'again' | FileResult | { inside: Location } {
    const text = (t: string): string => expand(t, (n) => this.value(n, r, l, null));
    let chosen: Location | null = null;
    const steps = [...l.steps];
    for (let n = 0; n < 1000; n++) {
      const step = steps.shift();
      if (!step) break;
      if (step.kind === 'break') break;
      if (step.kind === 'set') r.variables.set(step.name, text(step.value));
      else if (step.kind === 'if') {
        if (!this.test(step.test.map(text), step.test, r, l)) continue;
        steps.unshift(...step.inside.steps);
        chosen = { ...step.inside, steps: [] };
      } else if (step.kind === 'return') return this.returned(step.status, step.text === null ? null : text(step.text), chosen ?? l, r);
      else {
        const m = step.pattern.exec(r.path);
        if (!m) continue;
        m.forEach((group, i) => {
          r.variables.set(String(i), group ?? '');
        });
        const to = text(step.to);
        if (step.flag === 'redirect' || step.flag === 'permanent') {
          const withArgs = to.endsWith('?') ? to.slice(0, -1) : r.args === '' ? to : `${to}${to.includes('?') ? '&' : '?'}${r.args}`;
          return { status: step.flag === 'permanent' ? 301 : 302, headers: [['Location', withArgs]] };
        }
        const args = r.args;
        this.goTo(r, to.replace(/\?$/, ''));
        if (to.includes('?') && !to.endsWith('?') && args !== '') r.args = `${r.args}&${args}`;
        if (to.endsWith('?')) r.args = '';
        if (step.flag === 'last') return 'again';
        if (step.flag === 'break') break;
      }
    }
    return chosen ? { inside: chosen } : null;
  }

  private returned(status: number, text: string | null, l: Location, r: Request): FileResult {
    if (REDIRECTS.includes(status) && text !== null) return { status, headers: [['Location', text]] };
    if (text === null || text === '') {
      if (status === 444 || status === 204 || errorPage(status, true) === null) return { reply: this.page(status, l) };
      return { status };
    }
    const extension = /\.([^./]*)$/.exec(r.path)?.[1]?.toLowerCase() ?? '';
    const reply: Reply = {
      status,
      reason: null,
      type: l.types.get(extension) ?? l.defaultType,
      body: utf8(text),
      headers: [],
      close: false,
      length: Number.NaN,
    };
    return { reply };
  }

  private test(words: string[], raw: string[], r: Request, l: Location): boolean {
    const [a = '', op, b = ''] = words;
    if (/^!?-[fdex]$/.test(raw[0] as string)) {
      const kind = kindOf(this.p, op ?? '');
      const yes = raw[0]?.endsWith('f') ? kind === 'file' : raw[0]?.endsWith('d') ? kind === 'dir' : kind !== null;
      return raw[0]?.startsWith('!') ? !yes : yes;
    }
    if (op === undefined) return a !== '' && a !== '0';
    if (op === '=' || op === '!=') return (a === b) === (op === '=');
    const m = new RegExp(raw[2] ?? '', op.endsWith('*') ? 'i' : '').exec(a);
    if (m && !op.startsWith('!'))
      m.forEach((group, i) => {
        r.variables.set(String(i), group ?? '');
      });
    return op.startsWith('!') ? !m : m !== null && l !== undefined;
  }

  private allowed(l: Location, r: Request): boolean {
    const addr = parseIp(r.peer.addr);
    for (const rule of l.access) {
      const [base, bits] = rule.net.split('/') as [string, string | undefined];
      const net = parseIp(base);
      let hit = rule.net === 'all';
      if (!hit && net !== null && addr !== null && typeof net === typeof addr) {
        const width = typeof net === 'number' ? 32 : 128;
        const shift = BigInt(width - Number(bits ?? width));
        hit = BigInt(net) >> shift === BigInt(addr) >> shift;
      }
      if (hit) return rule.allow;
    }
    return true;
  }

  private *content(l: Location, r: Request, text: (t: string) => string): Task<FileResult> {
    if (l.tryFiles) {
      const at = (t: string): string => pathOf(l, t);
      // A slash at the end of the word asks for a directory, and is not part of the name.
      const options = l.tryFiles
        .slice(0, -1)
        .map((t) => ({ dir: t.endsWith('/'), path: text(t).replace(t.endsWith('/') ? /\/$/ : /^$/, '') }));
      const found = options.find((t) => kindOf(this.p, at(t.path)) === (t.dir ? 'dir' : 'file'))?.path;
      const last = l.tryFiles.at(-1) as string;
      if (found !== undefined) r.path = found || '/';
      else return /^=\d+$/.test(last) ? { status: Number(last.slice(1)) } : { redirect: text(last) };
    }
    if (l.stubStatus) return { reply: this.status() };
    if (l.proxy) {
      const out = yield* this.upstreams.pass(this.config, l, r, l.proxy.url, text);
      return typeof out === 'number' ? { status: out } : { reply: out };
    }
    return serveFile(this.p, l, r, text);
  }

  private status(): Reply {
    const { accepted, requests, active } = this.counts;
    const body = `Active connections: ${active} \nserver accepts handled requests\n ${accepted} ${accepted} ${requests} \nReading: 0 Writing: 1 Waiting: ${Math.max(0, active - 1)} \n`;
    return { status: 200, reason: null, type: 'text/plain', body: utf8(body), headers: [], close: false, length: Number.NaN };
  }

  private render(r: Request, reply: Reply, close: boolean, l: Location): Uint8Array {
    if (r.version === '0.9') return reply.body;
    // A Location that begins with a slash becomes absolute, and then stands further up.
    const location = reply.headers.find(([k]) => k === 'Location');
    const own = r.scheme === 'https' ? 443 : 80;
    const host = (r.headers.get('host') ?? r.variables.get('server_name') ?? r.local.addr).replace(/:\d+$/, '');
    const absolute = location?.[1].startsWith('/')
      ? `${r.scheme}://${host}${r.local.port === own ? '' : `:${r.local.port}`}${location[1]}`
      : null;
    const early = reply.headers.filter(([k]) => k === 'Last-Modified');
    const late = reply.headers.filter((h) => h[0] !== 'Last-Modified' && (absolute === null || h !== location));
    const reason = reply.reason ?? REASONS[reply.status] ?? '';
    const bodiless = reply.status === 304 || reply.status === 204;
    const chunked = inChunks(reply, r);
    const length = Number.isNaN(reply.length) ? reply.body.length : reply.length;
    const lines = [
      `HTTP/1.1 ${reply.status} ${reason}`,
      `Server: ${l.tokens ? SERVER : 'nginx'}`,
      `Date: ${httpDate(this.seconds())}`,
      ...(reply.type ? [`Content-Type: ${reply.type}`] : []),
      ...(bodiless || chunked ? [] : [`Content-Length: ${r.method === 'HEAD' ? length : reply.body.length}`]),
      ...early.map(([k, v]) => `${k}: ${v}`),
      ...(absolute === null ? [] : [`Location: ${absolute}`]),
      ...(chunked ? ['Transfer-Encoding: chunked'] : []),
      `Connection: ${close ? 'close' : 'keep-alive'}`,
      ...late.map(([k, v]) => `${k}: ${v}`),
    ];
    const head = bytesOf(`${lines.join('\r\n')}\r\n\r\n`);
    return r.method === 'HEAD' || bodiless ? head : concat([head, chunked ? chunk(reply.body) : reply.body]);
  }

  private *log(l: Location, r: Request, reply: Reply): Task<void> {
    for (const { path, format } of l.accessLog ?? []) {
      const line = `${expand(format.text, (n) => this.value(n, r, l, reply) || '-')}\n`;
      if (path === '/dev/stdout') yield* this.p.out(line);
      else if (path === '/dev/stderr') yield* this.p.err(line);
      else this.p.writeFile(path, line, { append: true });
    }
  }
}
