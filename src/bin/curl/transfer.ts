/** One transfer: connect, ask, read, follow redirects. Models lib/multi.c, lib/transfer.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { concat, utf8 } from '../../wire/bytes.ts';
import type { Connection, Connector, Failure } from './connect.ts';
import type { CookieJar } from './cookies.ts';
import type { Debug } from './debug.ts';
import { type BodyPlan, bodyPlan, bytesOf, header, type ReadResult, type ResponseHead, readBody, readHead } from './http.ts';
import { barLine, meterLine, meterStart } from './meter.ts';
import type { CurlOptions } from './options.ts';
import type { Output } from './output.ts';
import { chooseProxy, type ProxyServer } from './proxy.ts';
import { type Body, base64, makeBody, methodOf, requestHead, USER_AGENT } from './request.ts';
import { type Secured, secure, unsecure } from './tls.ts';
import { hostText, joinUrl, parseUrl, type Url, urlText } from './url.ts';
import type { TransferInfo } from './writeout.ts';

const EXPECT_TIMEOUT = 1_000_000;

/** What all transfers of a command share. */
export interface Shared {
  connector: Connector;
  cookies: CookieJar;
  debug: Debug;
  say(text: string): Task<void>;
}

export class Transfer {
  readonly info: TransferInfo;
  private readonly p: Process;
  private readonly o: CurlOptions;
  private readonly s: Shared;
  private readonly out: Output;
  private readonly meter: boolean;
  private start = 0;
  private total: number | null = null;
  /** Where -C begins. */
  private offset = 0;

  constructor(p: Process, o: CurlOptions, shared: Shared, out: Output, url: string, urlnum: number) {
    this.p = p;
    this.o = o;
    this.s = shared;
    this.out = out;
    this.meter = !o.silent && !o.noProgress && !out.tty;
    this.info = {
      url,
      effectiveUrl: url,
      urlnum,
      scheme: 'http',
      method: 'GET',
      code: 0,
      error: null,
      head: null,
      headerCount: 0,
      file: out.file,
      redirects: 0,
      redirectUrl: null,
      referer: o.referer,
      connects: 0,
      local: null,
      remote: null,
      sizeDownload: 0,
      sizeUpload: 0,
      sizeHeader: 0,
      sizeRequest: 0,
      connectStatus: 0,
      certs: 0,
      verifyResult: 0,
      times: { nameLookup: 0, connect: 0, appConnect: 0, preTransfer: 0, startTransfer: 0, redirect: 0, total: 0 },
    };
  }

  private *note(text: string): Task<void> {
    yield* this.s.debug.info(text);
  }

  *run(firstMeter: boolean): Task<Failure | null> {
    this.start = this.p.sim.now;
    const f = yield* this.follow(firstMeter);
    this.info.times.total = this.p.sim.now - this.start;
    this.info.code = f?.code ?? 0;
    this.info.error = f?.message ?? null;
    this.info.file = this.out.file;
    return f;
  }

  private *follow(firstMeter: boolean): Task<Failure | null> {
    const { o, p, info } = this;
    const parsed = parseUrl(info.url, { scheme: o.protoDefault, asIs: o.pathAsIs });
    if (!parsed.ok) return parsed;
    let url = parsed.url;
    if (o.protocols && !o.protocols.includes(url.scheme))
      return { code: 1, message: `Protocol "${url.scheme}" not supported or disabled in libcurl` };
    const body = makeBody(p, o);
    if (typeof body === 'string') return { code: 26, message: body };
    if (body?.warnings && !o.silent) yield* this.s.say(body.warnings);
    let payload: Body | null = o.get ? null : body;
    if (o.get && body) url.query = [url.query, ...[String.fromCharCode(...body.bytes)]].filter((x) => x !== null).join('&');
    for (const q of o.urlQuery) url.query = url.query === null ? q : `${url.query}&${q}`;
    if (o.upload !== null && o.upload !== '-' && url.path.endsWith('/')) url.path += o.upload.slice(o.upload.lastIndexOf('/') + 1);
    let method = methodOf(o, payload);
    if (o.resumeFrom !== null && o.upload === null) {
      const r = o.resumeFrom === 'auto' && this.out.file !== null ? p.stat(this.out.file) : null;
      this.offset = o.resumeFrom === 'auto' ? (r?.ok ? r.value.size : 0) : o.resumeFrom;
    }
    const failed = yield* this.s.connector.announce(o);
    if (failed) return failed;
    if (this.meter) yield* this.s.say(o.progressBar ? '' : meterStart(firstMeter));
    for (;;) {
      info.effectiveUrl = urlText(url);
      info.scheme = url.scheme;
      info.method = method;
      const f = url.scheme === 'file' ? yield* this.local(url) : yield* this.exchange(url, method, payload);
      if (f || url.scheme === 'file') return f;
      const head = info.head as ResponseHead;
      const location = header(head, 'Location');
      info.redirectUrl = location !== null && head.status >= 300 && head.status < 400 ? joinUrl(url, location) : null;
      if (!o.location || info.redirectUrl === null) return null;
      if (info.redirects >= o.maxRedirs) {
        yield* this.note(`Maximum (${o.maxRedirs}) redirects followed`);
        return { code: 47, message: `Maximum (${o.maxRedirs}) redirects followed` };
      }
      info.redirects++;
      info.times.redirect = p.sim.now - this.start;
      const next = parseUrl(info.redirectUrl, { asIs: o.pathAsIs });
      if (!next.ok) return next;
      yield* this.note(`Issue another request to this URL: '${info.redirectUrl}'`);
      url = next.url;
      const keep = head.status > 303 || o.post[(head.status - 301) as 0 | 1 | 2];
      if (payload && !keep) {
        if (method === 'POST') yield* this.note('Switch from POST to GET');
        payload = null;
        method = o.method ?? (o.head ? 'HEAD' : 'GET');
      }
    }
  }

  /** file:// */
  private *local(url: Url): Task<Failure | null> {
    const r = this.p.readFile(url.path);
    if (!r.ok) return { code: 37, message: `Couldn't open file ${url.path}` };
    this.info.sizeDownload = r.value.length;
    this.total = r.value.length;
    if (!(yield* this.out.write(r.value))) return { code: 23, message: 'Failure writing output to destination' };
    yield* this.finishMeter();
    return null;
  }

  private *connection(url: Url, proxy: ProxyServer | null): Task<Connection | Failure> {
    const { o, info } = this;
    const { connector } = this.s;
    const tunnel = proxy !== null && (o.proxyTunnel || url.scheme === 'https');
    const key =
      proxy && !tunnel
        ? `proxy ${proxy.host}:${proxy.port}`
        : `${proxy ? `${proxy.host}:${proxy.port} ` : ''}${o.unixSocket ?? ''}${url.scheme}://${url.host}:${url.port}`;
    const idle = connector.idle(key);
    if (idle) {
      yield* this.note(`Found bundle for host: 0x${(0x55d0c0de0000 + idle.id * 4096 + this.p.pid).toString(16)} [serially]`);
      yield* this.note('Can not multiplex, even if we wanted to');
      yield* this.note(`Re-using existing connection #${idle.id} with ${proxy ? 'proxy' : 'host'} ${idle.host}`);
      this.addresses(idle);
      return idle;
    }
    let host = proxy ? proxy.host : url.host;
    let port = proxy ? proxy.port : url.port;
    for (const entry of o.connectTo) {
      const m = /^(\[[^\]]*\]|[^:]*):(\d*):(\[[^\]]*\]|[^:]*):(\d*)$/.exec(entry);
      if (!m || (m[1] !== '' && m[1] !== url.host) || (m[2] !== '' && Number(m[2]) !== url.port)) continue;
      if (m[3]) {
        host = m[3].replace(/^\[|\]$/g, '');
        yield* this.note(`Connecting to hostname: ${host}`);
      }
      if (m[4]) {
        port = Number(m[4]);
        yield* this.note(`Connecting to port: ${port}`);
      }
      break;
    }
    const times = { nameLookup: 0, connect: 0 };
    // curl 7.88 itself prints `(nil)` for the host after --connect-to.
    const shown = o.connectTo.length > 0 && host !== url.host ? '(nil)' : host;
    const r = yield* connector.open(o, key, host, shown, port, this.start, times);
    if (times.nameLookup > 0) info.times.nameLookup = times.nameLookup - this.start;
    if (times.connect > 0) info.times.connect = times.connect - this.start;
    if ('code' in r) return proxy && r.code === 6 ? { code: 5, message: r.message.replace('resolve host', 'resolve proxy') } : r;
    info.connects++;
    this.addresses(r);
    r.reader.deadline = o.maxTime > 0 ? this.start + o.maxTime * 1e6 : undefined;
    if (tunnel) {
      const f = yield* this.tunnel(r, url, proxy);
      if (f) return f;
    }
    if (url.scheme === 'https') {
      const f = yield* this.tls(r, url);
      if (f) return f;
    }
    return r;
  }

  private addresses(c: Connection): void {
    if (!('local' in c.sock)) return;
    this.info.local = { ...c.sock.local };
    this.info.remote = { addr: c.remote, port: c.port };
  }

  private *proxyAuth(proxy: ProxyServer): Task<string | null> {
    const user = this.o.proxyUser ?? proxy.user;
    if (user === null) return null;
    yield* this.note(`Proxy auth using Basic with user '${user.split(':')[0]}'`);
    return `Basic ${base64(user.includes(':') ? user : `${user}:`)}`;
  }

  /** CONNECT through a proxy. Models lib/http_proxy.c */
  private *tunnel(c: Connection, url: Url, proxy: ProxyServer): Task<Failure | null> {
    const { o, info } = this;
    const { debug } = this.s;
    const place = `${hostText(url)}:${url.port}`;
    yield* this.note('allocate connect buffer');
    yield* this.note(`Establish HTTP proxy tunnel to ${place}`);
    const auth = yield* this.proxyAuth(proxy);
    const lines = [`CONNECT ${place} HTTP/1.1`, `Host: ${place}`];
    if (auth) lines.push(`Proxy-Authorization: ${auth}`);
    if (o.agent !== '') lines.push(`User-Agent: ${o.agent ?? USER_AGENT}`);
    const request = `${lines.join('\r\n')}\r\nProxy-Connection: Keep-Alive\r\n\r\n`;
    yield* debug.headerOut(request);
    const sent = yield* c.reader.stream.send(bytesOf(request), c.reader.deadline);
    if (!sent.ok) return yield* this.sendFailed(c, sent.errno);
    const { out } = this;
    const head = yield* readHead(c.reader, function* (line: string): Task<void> {
      yield* debug.headerIn(line);
      if (!o.suppressConnectHeaders) yield* out.header(line, url);
    });
    if (!head.ok) {
      if (head.error !== 'closed') return yield* this.broken(c, head.error, false);
      yield* this.note('Proxy CONNECT aborted');
      yield* this.drop(c);
      return { code: 56, message: 'Proxy CONNECT aborted' };
    }
    info.connectStatus = head.value.status;
    if (head.value.status >= 200 && head.value.status < 300) {
      yield* this.note('CONNECT phase completed!');
      return null;
    }
    const message = `CONNECT tunnel failed, response ${head.value.status}`;
    yield* this.note(message);
    yield* this.drop(c);
    return { code: 56, message };
  }

  private *tls(c: Connection, url: Url): Task<Failure | null> {
    const { info } = this;
    const r: Secured = yield* secure(this.p, this.o, this.s.debug, c, url.host);
    info.verifyResult = r.verifyResult;
    info.certs = r.certs;
    if (r.failure) {
      yield* this.drop(c);
      return r.failure;
    }
    info.times.appConnect = this.p.sim.now - this.start;
    return null;
  }

  /** The deadline of -m in words. */
  private timedOut(): Failure {
    const ms = Math.round((this.p.sim.now - this.start) / 1000);
    const of = this.total !== null && this.total > 0 ? ` out of ${this.total}` : '';
    return { code: 28, message: `Operation timed out after ${ms} milliseconds with ${this.info.sizeDownload}${of} bytes received` };
  }

  private *broken(c: Connection, error: Exclude<ReadResult<never>, { ok: true }>['error'], begun: boolean): Task<Failure> {
    const { o } = this;
    let f: Failure;
    if (error === 'timeout') f = this.timedOut();
    else if (error === 'slow')
      f = { code: 28, message: `Operation too slow. Less than ${o.speedLimit} bytes/sec transferred the last ${o.speedTime} seconds` };
    else if (error === 'closed') {
      const left = this.total === null ? 0 : this.total - this.info.sizeDownload;
      f = begun
        ? {
            code: 18,
            message: `transfer closed with ${left > 0 ? `${left} bytes` : 'outstanding read data'} remaining${left > 0 ? ' to read' : ''}`,
          }
        : { code: 52, message: 'Empty reply from server' };
    } else if (error === 'weird') f = { code: 1, message: 'Received HTTP/0.9 when not allowed' };
    else if (error === 'interrupted') f = { code: 42, message: 'Callback aborted' };
    else if (error === 'EIO') f = { code: 23, message: 'Failure writing output to destination' };
    else f = { code: 56, message: `Recv failure: ${strerror(error)}` };
    if (f.code !== 23) yield* this.note(f.message);
    yield* this.drop(c);
    return f;
  }

  private *drop(c: Connection): Task<void> {
    yield* this.finishMeter();
    yield* this.note(`Closing connection ${c.id}`);
    yield* unsecure(this.p, c);
    this.s.connector.close(c);
  }

  private *finishMeter(): Task<void> {
    if (!this.meter) return;
    const { info } = this;
    if (this.o.progressBar) {
      if (info.sizeDownload > 0 || info.sizeUpload > 0) yield* this.s.say(`${barLine()}\n`);
      return;
    }
    yield* this.s.say(
      `${meterLine({ total: this.total, received: info.sizeDownload, uploadTotal: info.sizeUpload, uploaded: info.sizeUpload, elapsed: this.p.sim.now - this.start })}\n`,
    );
  }

  private *exchange(url: Url, method: string, body: Body | null): Task<Failure | null> {
    const { o, p, info } = this;
    const chosen = chooseProxy(p, o, url);
    for (const n of chosen.notes) yield* this.note(n);
    if (chosen.failure) return chosen.failure;
    const web = url.scheme === 'http' || url.scheme === 'https';
    const c = yield* this.connection(url, web ? chosen.proxy : null);
    if ('code' in c) {
      yield* this.finishMeter();
      return c;
    }
    if (!web) {
      yield* this.drop(c);
      return { code: 1, message: `Protocol "${url.scheme}" is not emulated beyond its connection` };
    }
    const viaProxy = chosen.proxy !== null && !o.proxyTunnel && url.scheme === 'http';
    c.reader.deadline = o.maxTime > 0 ? this.start + o.maxTime * 1e6 : undefined;
    c.reader.patience = o.speedTime > 0 ? o.speedTime * 1e6 : null;
    const auth: { server: string | null; proxy: string | null } = { server: null, proxy: null };
    if (viaProxy) auth.proxy = yield* this.proxyAuth(chosen.proxy as ProxyServer);
    const user = o.user ?? url.user;
    if (user !== null) {
      auth.server = `Basic ${base64(user.includes(':') ? user : `${user}:`)}`;
      yield* this.note(`Server auth using Basic with user '${user.split(':')[0]}'`);
    } else if (o.bearer !== null) {
      auth.server = `Bearer ${o.bearer}`;
      yield* this.note("Server auth using Bearer with user ''");
    }
    const range = this.offset > 0 ? `${this.offset}-` : o.range;
    const cookies = [...(this.s.cookies.running ? this.s.cookies.send(url) : []), ...o.cookies];
    const request = requestHead({ ...o, range }, url, method, body, auth, viaProxy, cookies);
    info.times.preTransfer = p.sim.now - this.start;
    const early = body && !request.expect ? payloadOf(body) : new Uint8Array(0);
    yield* this.s.debug.headerOut(request.head);
    const sent = yield* c.reader.stream.send(concat([bytesOf(request.head), early]), c.reader.deadline);
    info.sizeRequest += request.head.length;
    info.sizeUpload = early.length;
    if (early.length > 0) yield* this.s.debug.data('dataOut', early);
    if (body?.form && early.length > 0) yield* this.note('We are completely uploaded and fine');
    if (!sent.ok) return sent.errno === 'EAGAIN' ? yield* this.broken(c, 'timeout', false) : yield* this.sendFailed(c, sent.errno);
    return yield* this.response(c, url, method, body, request.expect);
  }

  private *sendFailed(c: Connection, errno: Parameters<typeof strerror>[0]): Task<Failure> {
    const f = { code: 55, message: `Send failure: ${strerror(errno)}` };
    yield* this.note(f.message);
    yield* this.drop(c);
    return f;
  }

  private *response(c: Connection, url: Url, method: string, body: Body | null, expect: boolean): Task<Failure | null> {
    const { o, p, info } = this;
    const { debug, cookies } = this.s;
    let owed = expect ? payloadOf(body as Body) : null;
    for (;;) {
      if (owed) {
        const deadline = c.reader.deadline;
        c.reader.deadline = Math.min(deadline ?? Number.POSITIVE_INFINITY, p.sim.now + EXPECT_TIMEOUT);
        const r = c.reader.buffered > 0 ? null : yield* c.reader.fill();
        c.reader.deadline = deadline;
        if (r && !r.ok && r.error === 'timeout') {
          yield* this.note('Done waiting for 100-continue');
          yield* this.upload(c, owed);
          owed = null;
        }
      }
      let failing = false;
      let interim = false;
      const head = yield* readHead(
        c.reader,
        function* (this: Transfer, line: string): Task<void> {
          if (info.times.startTransfer === 0) info.times.startTransfer = p.sim.now - this.start;
          info.sizeHeader += line.length;
          if (/^HTTP\//.test(line)) {
            failing = o.fail && Number(line.split(' ')[1]) >= 400;
            interim = line.split(' ')[1] === '100';
          }
          if (failing && line.trim() === '') return;
          if (/^location:/i.test(line) && o.location && info.sizeUpload > 0) yield* this.note('Please rewind output before next send');
          const cookie = cookies.running ? /^set-cookie:\s*(.*?)\r?\n?$/i.exec(line)?.[1] : undefined;
          if (cookie !== undefined) {
            const said = cookies.receive(cookie, url);
            if (said) yield* this.note(said);
          }
          if (!interim || line.trim() !== '') yield* debug.headerIn(line);
          yield* this.out.header(line, url);
        }.bind(this),
      );
      if (!head.ok) return yield* this.broken(c, head.error, false);
      info.head = head.value;
      info.headerCount = head.value.headers.length;
      if (head.value.status === 100) {
        if (owed) yield* this.upload(c, owed);
        owed = null;
        continue;
      }
      if (failing) {
        const message = `The requested URL returned error: ${head.value.status}`;
        yield* this.note(message);
        this.total = bodyPlan(head.value, method).length;
        yield* this.drop(c);
        return { code: 22, message };
      }
      const plan = bodyPlan(head.value, method);
      if (o.maxFilesize > 0 && plan.length > o.maxFilesize) {
        yield* this.note('Maximum file size exceeded');
        yield* this.drop(c);
        return { code: 63, message: 'Maximum file size exceeded' };
      }
      return yield* this.content(c, head.value, method, plan);
    }
  }

  private *upload(c: Connection, bytes: Uint8Array): Task<void> {
    yield* c.reader.stream.send(bytes, c.reader.deadline);
    this.info.sizeUpload = bytes.length;
    yield* this.s.debug.data('dataOut', bytes);
    yield* this.note('We are completely uploaded and fine');
  }

  /** A server that ignored the range of -C: what curl makes of it; undefined when the transfer goes on. */
  private *resumed(c: Connection, head: ResponseHead, plan: BodyPlan): Task<Failure | null | undefined> {
    if (this.offset === 0 || head.status >= 300 || header(head, 'Content-Range') !== null) return undefined;
    if (plan.length === this.offset) {
      yield* this.note('The entire document is already downloaded');
      yield* this.drop(c);
      return null;
    }
    const message = "HTTP server doesn't seem to support byte ranges. Cannot resume.";
    yield* this.note(message);
    yield* this.drop(c);
    return { code: 33, message };
  }

  private *content(c: Connection, head: ResponseHead, method: string, plan: BodyPlan): Task<Failure | null> {
    const { o, info, p } = this;
    this.total = plan.kind === 'length' ? plan.length : null;
    info.sizeDownload = 0;
    const over = yield* this.resumed(c, head, plan);
    if (over !== undefined) return over;
    if (plan.kind === 'close') yield* this.note('no chunk, no close, no size. Assume close to signal end');
    const skip = o.location && header(head, 'Location') !== null && head.status >= 300 && head.status < 400;
    if (skip && plan.kind === 'length' && plan.length > 0) yield* this.note('Ignoring the response-body');
    if (o.head && method !== 'HEAD' && plan.kind === 'length' && plan.length > 0) {
      const excess = Math.min(plan.length, c.reader.buffered);
      if (excess > 0) yield* this.note(`Excess found: excess = ${excess} url = ${urlPath(info.effectiveUrl)} (zero-length body)`);
      c.reader.take(excess);
      this.total = 0;
      plan = { kind: 'none', length: 0 };
    }
    const begun = p.sim.now;
    const read = yield* readBody(
      c.reader,
      plan,
      function* (this: Transfer, part: Uint8Array): Task<boolean> {
        info.sizeDownload += part.length;
        yield* this.s.debug.data('dataIn', part);
        const taken = skip || (yield* this.out.write(part));
        if (o.limitRate > 0) {
          const due = begun + (info.sizeDownload / o.limitRate) * 1e6;
          if (due > p.sim.now) yield* p.sleep(Math.ceil(due - p.sim.now));
        }
        return taken;
      }.bind(this),
    );
    if (!read.ok) {
      return yield* this.broken(c, read.error, true);
    }
    if (this.out.empty && this.out.file !== null && !skip && method !== 'HEAD') yield* this.out.write(new Uint8Array(0));
    yield* this.finishMeter();
    const close =
      plan.kind === 'close' ||
      /close/i.test(header(head, 'Connection') ?? '') ||
      (head.version === '1.0' && !/keep-alive/i.test(header(head, 'Connection') ?? ''));
    if (close) {
      yield* this.note(`Closing connection ${c.id}`);
      yield* unsecure(p, c);
      this.s.connector.close(c);
    } else yield* this.note(`Connection #${c.id} to host ${c.host} left intact`);
    if (o.failWithBody && head.status >= 400) return { code: 22, message: `The requested URL returned error: ${head.status}` };
    return null;
  }
}

function payloadOf(body: Body): Uint8Array {
  if (!body.chunked) return body.bytes;
  const chunk = body.bytes.length > 0 ? [utf8(`${body.bytes.length.toString(16)}\r\n`), body.bytes, utf8('\r\n')] : [];
  return concat([...chunk, utf8('0\r\n\r\n')]);
}

function urlPath(text: string): string {
  const u = parseUrl(text);
  return u.ok ? u.url.path + (u.url.query === null ? '' : `?${u.url.query}`) : text;
}
