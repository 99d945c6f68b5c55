/** One curl transfer: connect, ask, read, follow redirects. Models lib/multi.c, lib/transfer.c, src/tool_cb_*.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { sendTcp } from '../../os/sockcalls.ts';
import { strerror } from '../../sim/errno.ts';
import { concat } from '../../wire/bytes.ts';
import type { Connection, Connector, Failure } from './connect.ts';
import { type BodyPlan, bodyPlan, bytesOf, header, type ReadResult, type ResponseHead, readBody, readHead } from './http.ts';
import { meterLine, meterStart } from './meter.ts';
import type { CurlOptions } from './options.ts';
import { type Body, base64, makeBody, methodOf, requestHead } from './request.ts';
import type { Stdout } from './stdout.ts';
import { clientHello, WRONG_VERSION } from './tls.ts';
import { joinUrl, parseUrl, type Url, urlText } from './url.ts';
import type { TransferInfo } from './writeout.ts';

const EXPECT_TIMEOUT = 1_000_000;

/** Where a body goes: stdout, or a file that is made when the first byte comes. */
export interface Sink {
  file: string | null;
  fd: number;
}

export class Transfer {
  readonly info: TransferInfo;
  private readonly p: Process;
  private readonly o: CurlOptions;
  private readonly connector: Connector;
  private readonly sink: Sink;
  private readonly stdout: Stdout;
  private readonly say: (text: string) => Task<void>;
  private readonly tty: boolean;
  private readonly meter: boolean;
  private start = 0;
  private total: number | null = null;
  private wrote = false;

  constructor(
    p: Process,
    o: CurlOptions,
    connector: Connector,
    sink: Sink,
    stdout: Stdout,
    say: (text: string) => Task<void>,
    url: string,
    urlnum: number,
  ) {
    this.p = p;
    this.o = o;
    this.connector = connector;
    this.sink = sink;
    this.stdout = stdout;
    this.say = say;
    this.tty = sink.file === null && p.isatty(1);
    this.meter = !o.silent && !o.noProgress && !this.tty;
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
      file: sink.file,
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
      times: { nameLookup: 0, connect: 0, preTransfer: 0, startTransfer: 0, redirect: 0, total: 0 },
    };
  }

  private *note(text: string): Task<void> {
    if (this.o.verbose) yield* this.say(`* ${text}\n`);
  }

  *run(firstMeter: boolean): Task<Failure | null> {
    this.start = this.p.sim.now;
    const f = yield* this.follow(firstMeter);
    this.info.times.total = this.p.sim.now - this.start;
    this.info.code = f?.code ?? 0;
    this.info.error = f?.message ?? null;
    return f;
  }

  private *follow(firstMeter: boolean): Task<Failure | null> {
    const { o, p, info } = this;
    const parsed = parseUrl(info.url);
    if (!parsed.ok) return parsed;
    let url = parsed.url;
    const body = makeBody(p, o);
    if (typeof body === 'string') return { code: 26, message: body };
    if (body?.warnings && !o.silent) yield* this.say(body.warnings);
    let payload: Body | null = o.get ? null : body;
    if (o.get && body) url.query = [url.query, ...[String.fromCharCode(...body.bytes)]].filter((x) => x !== null).join('&');
    for (const q of o.urlQuery) url.query = url.query === null ? q : `${url.query}&${q}`;
    let method = methodOf(o, payload);
    yield* this.connector.announce(o);
    if (this.meter) yield* this.say(meterStart(firstMeter));
    for (;;) {
      info.effectiveUrl = urlText(url);
      info.scheme = url.scheme;
      info.method = method;
      const f = yield* this.exchange(url, method, payload);
      if (f) return f;
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
      const next = parseUrl(info.redirectUrl);
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

  private *connection(url: Url): Task<{ c: Connection; viaProxy: boolean } | Failure> {
    const { o, info } = this;
    const proxy = o.proxy !== null && o.proxy !== '' && url.scheme === 'http' ? parseUrl(o.proxy) : null;
    if (proxy && !proxy.ok) return { code: 5, message: `Unsupported proxy syntax in '${o.proxy}'` };
    const key = proxy?.ok ? `proxy ${proxy.url.host}:${proxy.url.port}` : `${url.scheme}://${url.host}:${url.port}`;
    const idle = this.connector.idle(key);
    if (idle) {
      yield* this.note(`Found bundle for host: 0x${(0x55d0c0de0000 + idle.id * 4096 + this.p.pid).toString(16)} [serially]`);
      yield* this.note('Can not multiplex, even if we wanted to');
      yield* this.note(`Re-using existing connection #${idle.id} with ${proxy?.ok ? 'proxy' : 'host'} ${idle.host}`);
      this.addresses(idle);
      return { c: idle, viaProxy: proxy?.ok ?? false };
    }
    let host = proxy?.ok ? proxy.url.host : url.host;
    let port = proxy?.ok ? (proxy.url.portGiven ? proxy.url.port : 1080) : url.port;
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
    const r = yield* this.connector.open(o, key, host, shown, port, this.start, times);
    if (times.nameLookup > 0) info.times.nameLookup = times.nameLookup - this.start;
    if (times.connect > 0) info.times.connect = times.connect - this.start;
    if ('code' in r) return r;
    info.connects++;
    this.addresses(r);
    return { c: r, viaProxy: proxy?.ok ?? false };
  }

  private addresses(c: Connection): void {
    this.info.local = { ...c.sock.local };
    this.info.remote = { addr: c.remote, port: c.port };
  }

  /** The deadline of -m in words. */
  private timedOut(): Failure {
    const ms = Math.round((this.p.sim.now - this.start) / 1000);
    const of = this.total !== null && this.total > 0 ? ` out of ${this.total}` : '';
    return { code: 28, message: `Operation timed out after ${ms} milliseconds with ${this.info.sizeDownload}${of} bytes received` };
  }

  private *broken(c: Connection, error: Exclude<ReadResult<never>, { ok: true }>['error'], begun: boolean): Task<Failure> {
    let f: Failure;
    if (error === 'timeout') f = this.timedOut();
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
    this.connector.close(c);
    yield* this.note(`Closing connection ${c.id}`);
  }

  private *finishMeter(): Task<void> {
    if (!this.meter) return;
    const { info } = this;
    yield* this.say(
      `${meterLine({ total: this.total, received: info.sizeDownload, uploadTotal: info.sizeUpload, uploaded: info.sizeUpload, elapsed: this.p.sim.now - this.start })}\n`,
    );
  }

  private *exchange(url: Url, method: string, body: Body | null): Task<Failure | null> {
    const { o, p, info } = this;
    if (url.scheme !== 'http' && url.scheme !== 'https') return { code: 1, message: `Protocol "${url.scheme}" is not emulated` };
    const got = yield* this.connection(url);
    if ('code' in got) {
      yield* this.finishMeter();
      return got;
    }
    const { c, viaProxy } = got;
    c.reader.deadline = o.maxTime > 0 ? this.start + o.maxTime * 1e6 : undefined;
    if (url.scheme === 'https') return yield* this.tls(c, url);
    let auth: string | null = o.bearer !== null ? `Bearer ${o.bearer}` : null;
    const user = o.user ?? url.user;
    if (user !== null) {
      auth = `Basic ${base64(user.includes(':') ? user : `${user}:`)}`;
      yield* this.note(`Server auth using Basic with user '${user.split(':')[0]}'`);
    }
    const request = requestHead(o, url, method, body, auth, viaProxy);
    info.times.preTransfer = p.sim.now - this.start;
    const early = body && !request.expect ? body.bytes : new Uint8Array(0);
    if (o.verbose)
      yield* this.say(
        request.head
          .replace(/\r\n$/, '')
          .split('\r\n')
          .map((l) => `> ${l}\r\n`)
          .join(''),
      );
    const sent = yield* sendTcp(c.sock, concat([bytesOf(request.head), early]), c.reader.deadline);
    info.sizeRequest += request.head.length;
    info.sizeUpload = early.length;
    if (early.length > 0) yield* this.dataNote('}', early.length);
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

  /** Says how much data went by, when the data itself is not on the terminal. */
  private *dataNote(mark: '{' | '}', n: number): Task<void> {
    if (this.o.verbose && !this.tty) yield* this.say(`${mark} [${n} bytes data]\n`);
  }

  private *response(c: Connection, url: Url, method: string, body: Body | null, expect: boolean): Task<Failure | null> {
    const { o, p, info } = this;
    let owed = expect ? (body as Body).bytes : null;
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
      const head = yield* readHead(
        c.reader,
        function* (this: Transfer, line: string): Task<void> {
          if (info.times.startTransfer === 0) info.times.startTransfer = p.sim.now - this.start;
          info.sizeHeader += line.length;
          if (/^HTTP\//.test(line)) failing = o.fail && Number(line.split(' ')[1]) >= 400;
          if (failing && line.trim() === '') return;
          if (/^location:/i.test(line) && o.location && info.sizeUpload > 0) yield* this.note('Please rewind output before next send');
          if (o.verbose) yield* this.say(`< ${line}`);
          yield* this.headerOut(line, url);
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
      return yield* this.content(c, head.value, method, bodyPlan(head.value, method));
    }
  }

  private *upload(c: Connection, bytes: Uint8Array): Task<void> {
    yield* sendTcp(c.sock, bytes, c.reader.deadline);
    this.info.sizeUpload = bytes.length;
    yield* this.dataNote('}', bytes.length);
    yield* this.note('We are completely uploaded and fine');
  }

  private *content(c: Connection, head: ResponseHead, method: string, plan: BodyPlan): Task<Failure | null> {
    const { o, info } = this;
    this.total = plan.kind === 'length' ? plan.length : null;
    info.sizeDownload = 0;
    if (plan.kind === 'close') yield* this.note('no chunk, no close, no size. Assume close to signal end');
    const skip = o.location && header(head, 'Location') !== null && head.status >= 300 && head.status < 400;
    if (skip && plan.kind === 'length' && plan.length > 0) yield* this.note('Ignoring the response-body');
    let noted = false;
    const read = yield* readBody(
      c.reader,
      plan,
      function* (this: Transfer, part: Uint8Array): Task<boolean> {
        info.sizeDownload += part.length;
        if (!noted) {
          noted = true;
          yield* this.dataNote('{', part.length);
        }
        return skip || (yield* this.write(part));
      }.bind(this),
    );
    if (!read.ok) {
      return yield* this.broken(c, read.error, true);
    }
    if (!this.wrote && this.sink.file !== null && !skip && method !== 'HEAD') yield* this.write(new Uint8Array(0));
    yield* this.finishMeter();
    const close =
      plan.kind === 'close' ||
      /close/i.test(header(head, 'Connection') ?? '') ||
      (head.version === '1.0' && !/keep-alive/i.test(header(head, 'Connection') ?? ''));
    if (close) {
      this.connector.close(c);
      yield* this.note(`Closing connection ${c.id}`);
    } else yield* this.note(`Connection #${c.id} to host ${c.host} left intact`);
    if (o.failWithBody && head.status >= 400) return { code: 22, message: `The requested URL returned error: ${head.status}` };
    return null;
  }

  /** -i, -I and -D. On a terminal names are bold and a Location is a link. */
  private *headerOut(line: string, url: Url): Task<void> {
    const { o } = this;
    if (o.dumpHeader !== null) {
      if (o.dumpHeader === '-') yield* this.stdout.write(bytesOf(line));
      else this.p.writeFile(o.dumpHeader, line, { append: this.info.sizeHeader > line.length });
    }
    if (!o.include && !o.head) return;
    const colon = line.indexOf(':');
    if (!this.tty || colon < 0 || /^HTTP\//.test(line)) {
      yield* this.write(bytesOf(line));
      return;
    }
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1);
    let text = `\x1b[1m${name}\x1b[0m:${value}`;
    if (name.toLowerCase() === 'location') text = `\x1b[1m${name}\x1b[0m:\x1b]8;;${joinUrl(url, value.trim())}\x1b\\${value}\x1b]8;;\x1b\\`;
    yield* this.write(bytesOf(text));
  }

  /** False when the output cannot be written. */
  private *write(part: Uint8Array): Task<boolean> {
    const { p, sink, o } = this;
    if (sink.file !== null && sink.fd < 0) {
      if (o.createDirs) makeParents(p, sink.file);
      const r = p.open(sink.file, 'w');
      if (!r.ok) {
        if (!o.silent) yield* this.say(`Warning: Failed to open the file ${sink.file}: ${strerror(r.errno)}\n`);
        return false;
      }
      sink.fd = r.value;
    }
    if (this.tty && !this.wrote && part.includes(0)) {
      yield* this.say(
        'Warning: Binary output can mess up your terminal. Use "--output -" to tell \nWarning: curl to output it to your terminal anyway, or consider "--output \nWarning: <FILE>" to save to a file.\n',
      );
      return false;
    }
    this.wrote = true;
    if (part.length === 0) return true;
    if (sink.file === null) return yield* this.stdout.write(part);
    return (yield* p.write(sink.fd, part)).ok;
  }

  /** The first flight of a TLS handshake is real; what a TLS server would answer is not emulated. */
  private *tls(c: Connection, _url: Url): Task<Failure> {
    const { o } = this;
    yield* this.note('ALPN: offers h2,http/1.1');
    const hello = clientHello(this.p.sim.rng('tls'));
    yield* this.dataNote('}', 5);
    yield* this.note('TLSv1.3 (OUT), TLS handshake, Client hello (1):');
    yield* this.dataNote('}', hello.length - 5);
    yield* sendTcp(c.sock, hello, c.reader.deadline);
    if (!o.insecure) {
      yield* this.note(' CAfile: /etc/ssl/certs/ca-certificates.crt');
      yield* this.note(' CApath: /etc/ssl/certs');
    }
    const r = yield* c.reader.fill();
    let f: Failure;
    if (!r.ok) {
      if (r.error === 'timeout') f = { code: 28, message: `SSL connection timeout` };
      else
        f = {
          code: 35,
          message: `OpenSSL SSL_connect: ${r.error === 'closed' ? 'SSL_ERROR_SYSCALL' : 'Connection reset by peer'} in connection to ${c.host}:${c.port} `,
        };
    } else if (c.reader.peek() !== 0x16 && c.reader.peek() !== 0x15) {
      yield* this.dataNote('{', 5);
      f = { code: 35, message: WRONG_VERSION };
    } else f = { code: 35, message: 'TLS is not emulated' };
    yield* this.note(f.message);
    yield* this.drop(c);
    return f;
  }
}

function makeParents(p: Process, file: string): void {
  const parts = file.split('/').slice(0, -1);
  for (let i = 1; i <= parts.length; i++) {
    const dir = parts.slice(0, i).join('/');
    if (dir !== '') p.mkdir(dir);
  }
}
