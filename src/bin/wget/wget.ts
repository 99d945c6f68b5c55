/** wget: fetch over HTTP into a file. Models GNU Wget 1.21.3 retr.c, http.c, progress.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp } from '../../os/sockcalls.ts';
import { timeLimit } from '../../os/threads.ts';
import { certificatesIn, systemTrust } from '../../os/tls/trust.ts';
import { type Errno, ok, strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import { concat, text, utf8 } from '../../wire/bytes.ts';
import type { Certificate } from '../../wire/x509.ts';
import { bodyPlan, bytesOf, header, latin1, type ResponseHead, readBody, readHead } from '../curl/http.ts';
import { noProxy } from '../curl/proxy.ts';
import { base64 } from '../curl/request.ts';
import { hostHeader, hostText, joinUrl, parseUrl, type Url, urlText } from '../curl/url.ts';
import { strftime } from '../strftime.ts';
import { Dots, decimal, rate } from './dots.ts';
import { EXIT, Link, type Outcome, secure } from './link.ts';
import { escaped, fileName, grouped, lengthLine, whyBad } from './names.ts';
import { parseWget, type WgetOptions } from './options.ts';
import { HELP } from './usage.ts';

const USAGE = 'Usage: wget [OPTION]... [URL]...\n';
const HINT = "\nTry `wget --help' for more options.\n";

class Wget {
  private readonly p: Process;
  private readonly o: WgetOptions;
  private logFd = 2;
  private trusted: Certificate[] = [];
  private readonly got = { files: 0, bytes: 0, us: 0 };
  private idle: { key: string; reader: Link } | null = null;

  constructor(p: Process, o: WgetOptions) {
    this.p = p;
    this.o = o;
  }

  /** Ordinary talk, not with -q or -nv. */
  private *say(text: string): Task<void> {
    if (!this.o.quiet && !this.o.noVerbose) yield* this.p.write(this.logFd, text);
  }

  /** What -nv still says. */
  private *tell(text: string): Task<void> {
    if (!this.o.quiet) yield* this.p.write(this.logFd, text);
  }

  private now(): string {
    return strftime('%Y-%m-%d %H:%M:%S', Math.floor((this.p.sim.epochMs * 1000 + this.p.sim.now) / 1e6));
  }

  *all(): Task<number> {
    const { p, o } = this;
    if (o.log) {
      const r = p.open(o.log.path, o.log.append ? 'a' : 'w');
      if (!r.ok) {
        yield* p.err(`${o.log.path}: ${strerror(r.errno)}\n`);
        return EXIT.error;
      }
      this.logFd = r.value;
    }
    let out: number | null = null;
    if (o.output !== null && !o.spider) {
      if (o.output === '-') out = 1;
      else {
        const r = p.open(o.output, 'w');
        if (!r.ok) {
          yield* p.err(`${o.output}: ${strerror(r.errno)}\n`);
          return EXIT.error;
        }
        out = r.value;
      }
    }
    let exit = 0;
    const began = p.sim.now;
    const listed = o.inputFile === null ? [] : yield* this.listed(o.inputFile);
    for (const [i, url] of [...o.urls, ...listed].entries()) {
      if (i > 0 && o.wait > 0) yield* p.sleep(o.wait * 1e6);
      const code = yield* this.fetch(url, out);
      if (code !== 0 && (exit === 0 || code < exit)) exit = code;
    }
    if (this.idle) closeSocket(p, this.idle.reader.sock);
    if ((o.urls.length > 1 || listed.length > 0) && this.got.bytes > 0) {
      yield* this.tell(
        `FINISHED --${this.now()}--\nTotal wall clock time: ${decimal((p.sim.now - began) / 1e6)}s\n` +
          `Downloaded: ${this.got.files} files, ${this.got.bytes >= 1024 ? grouped(this.got.bytes) : this.got.bytes} in ${decimal(this.got.us / 1e6)}s (${rate(this.got.bytes, this.got.us, o.bits)})\n`,
      );
    }
    return exit;
  }

  /** The URLs of a file, one in a line. */
  private *listed(path: string): Task<string[]> {
    const bytes = path === '-' ? yield* this.p.readAll(0) : this.p.readFile(path);
    if (!bytes.ok) {
      yield* this.p.err(`${path}: ${strerror(bytes.errno)}\n`);
      yield* this.tell(`No URLs found in ${path}.\n`);
      return [];
    }
    const urls = text(bytes.value)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    if (urls.length === 0) yield* this.tell(`No URLs found in ${path}.\n`);
    const base = this.o.base === null ? null : parseUrl(this.o.base);
    return base?.ok ? urls.map((u) => joinUrl(base.url, u)) : urls;
  }

  private *fetch(first: string, out: number | null): Task<number> {
    const { o } = this;
    if (o.spider) yield* this.say('Spider mode enabled. Check if remote file exists.\n');
    let given = escaped(first);
    let method = o.method ?? (o.spider ? 'HEAD' : 'GET');
    let body = o.body !== null ? utf8(o.body) : null;
    if (o.bodyFile !== null) {
      const r = this.p.readFile(o.bodyFile);
      if (!r.ok) {
        yield* this.tell(`BODY data file ‘${o.bodyFile}’ missing: ${strerror(r.errno)}\n`);
        return EXIT.io;
      }
      body = r.value;
    }
    for (let redirects = 0; ; redirects++) {
      const scheme = /^([A-Za-z][\w+.-]*):\/\//.exec(given);
      if (scheme && !['http', 'https', 'ftp'].includes((scheme[1] as string).toLowerCase())) {
        yield* this.p.err(`${given}: Unsupported scheme ‘${scheme[1]}’.\n`);
        return EXIT.error;
      }
      const parsed = parseUrl(given);
      if (!parsed.ok) {
        yield* this.p.err(`${given}: ${whyBad(given)}.\n`);
        return EXIT.error;
      }
      const { url } = parsed;
      if (/^[a-z]+:\/\/\//i.test(given)) {
        yield* this.p.err(`${given}: Invalid host name.\n`);
        return EXIT.error;
      }
      const r = yield* this.withRetries(url, method, body, out);
      if (typeof r === 'number') return r;
      if (redirects >= o.maxRedirect) {
        yield* this.tell(`${o.maxRedirect} redirections exceeded.\n`);
        return EXIT.server;
      }
      given = joinUrl(url, r.location);
      if (r.status === 303 || (method === 'POST' && r.status < 303)) {
        method = 'GET';
        body = null;
      }
    }
  }

  /** Exit status, or where to go on. */
  private *withRetries(
    url: Url,
    method: string,
    body: Uint8Array | null,
    out: number | null,
  ): Task<number | { location: string; status: number }> {
    const { o } = this;
    if (o.noClobber && out === null && !o.spider && this.p.stat(fileName(this.o, url)).ok) {
      yield* this.say(`File ‘${fileName(this.o, url)}’ already there; not retrieving.\n\n`);
      return EXIT.ok;
    }
    for (let attempt = 1; ; attempt++) {
      const ca = o.caCertificate;
      const first = url.scheme === 'https' && this.trusted.length === 0;
      yield* this.say(`--${this.now()}--  ${attempt > 1 ? `(try:${String(attempt).padStart(2)})  ` : ''}${urlText(url)}\n`);
      if (first) {
        this.trusted = systemTrust(this.p);
        const r = ca === null ? null : this.p.readFile(ca);
        if (r && !r.ok) yield* this.tell(`ERROR: Failed to load CA certificate '${ca}': ${strerror(r.errno)}\n`);
        if (r?.ok) {
          this.trusted.push(...certificatesIn(text(r.value)));
          yield* this.say(`Loaded CA certificate '${ca}'\n`);
        }
      }
      const r = yield* this.attempt(url, method, body, out);
      if ('location' in r) return r;
      if (!r.retry) return r.exit;
      if (attempt >= o.tries) {
        yield* this.say('Giving up.\n\n');
        return r.exit;
      }
      yield* this.say('Retrying.\n\n');
      yield* this.p.sleep(Math.min(attempt, o.waitRetry) * 1e6);
    }
  }

  /** The proxy that this URL goes through; null for none. */
  private proxy(url: Url): Url | null {
    const { p, o } = this;
    const spec = url.scheme === 'http' ? (o.httpProxy ?? p.env.get('http_proxy') ?? '') : '';
    if (!o.proxy || spec === '' || noProxy(p.env.get('no_proxy') ?? '', url.host)) return null;
    const r = parseUrl(spec);
    return r.ok ? { ...r.url, scheme: 'proxy' } : null;
  }

  private *connect(url: Url): Task<Link | Outcome> {
    const { p, o } = this;
    const key = `${url.host}:${url.port}`;
    if (this.idle?.key === key && !this.idle.reader.sock.readable()) {
      yield* this.say(`Reusing existing connection to ${hostText(url)}:${url.port}.\n`);
      return this.idle.reader;
    }
    if (this.idle) closeSocket(p, this.idle.reader.sock);
    this.idle = null;
    const literal = parseIp(url.host);
    let addrs: IpAddr[];
    if (literal !== null) {
      addrs = [literal];
      if (o.family !== null && o.family !== (typeof literal === 'number' ? 4 : 6)) {
        yield* this.say(`failed: ${gaiStrerror('EAI_ADDRFAMILY')}.\n`);
        yield* this.tell(`wget: unable to resolve host address ‘${url.host}’\n`);
        return { exit: EXIT.network, retry: false };
      }
    } else {
      yield* this.say(`Resolving ${url.host} (${url.host})... `);
      const deadline = o.dnsTimeout > 0 ? p.sim.now + o.dnsTimeout * 1e6 : undefined;
      const r = yield* timeLimit(p, getaddrinfo(p, url.host, { addrConfig: true, ...(o.family ? { family: o.family } : {}) }), deadline);
      if (!r?.ok) {
        yield* this.say(`failed: ${r ? gaiStrerror(r.error) : 'Connection timed out'}.\n`);
        yield* this.tell(`wget: unable to resolve host address ‘${url.host}’\n`);
        return { exit: EXIT.network, retry: false };
      }
      addrs = r.addrs;
      yield* this.say(`${addrs.slice(0, 3).map(formatIp).join(', ')}${addrs.length > 3 ? ', ...' : ''}\n`);
    }
    let last: Errno = 'ECONNREFUSED';
    for (const addr of addrs) {
      const shown = literal !== null ? hostText(url) : `${url.host} (${url.host})|${formatIp(addr)}|`;
      yield* this.say(`Connecting to ${shown}:${url.port}... `);
      const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
      const source = o.bind === null ? null : parseIp(o.bind);
      const bound = source === null ? ok() : sock.bind(source, 0);
      sock.blocking = true;
      // The alarm is set before the first SYN goes out, and so comes before its retry.
      const alarm = o.connectTimeout > 0 ? p.sim.now + o.connectTimeout * 1e6 - 1 : undefined;
      const r = !bound.ok ? bound : yield* connectTcp(sock, addr, url.port, alarm);
      if (r.ok) {
        yield* this.say('connected.\n');
        return new Link(sock);
      }
      closeSocket(p, sock);
      last = r.errno === 'EAGAIN' ? 'ETIMEDOUT' : r.errno;
      yield* this.tell(`failed: ${strerror(last)}.\n`);
    }
    const fatal = ['ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH'].includes(last) && !o.retryRefused;
    return { exit: EXIT.network, retry: !fatal };
  }

  private request(url: Url, method: string, body: Uint8Array | null): Uint8Array {
    const { o } = this;
    const fields: [string, string][] = [
      ['Host', hostHeader(url)],
      ['User-Agent', o.agent],
      ['Accept', '*/*'],
      ['Accept-Encoding', 'identity'],
      ['Connection', o.keepAlive ? 'Keep-Alive' : 'Close'],
    ];
    if (o.agent === '') fields.splice(1, 1);
    const from = this.resumeAt(url);
    if (from > 0) fields.splice(1, 0, ['Range', `bytes=${from}-`]);
    const user = o.user !== null ? `${o.user}:${o.password}` : url.user;
    if (user !== null && (url.user !== null || o.noChallenge || this.challenged))
      fields.splice(1, 0, ['Authorization', `Basic ${base64(user)}`]);
    if (body) fields.push(['Content-Type', 'application/x-www-form-urlencoded'], ['Content-Length', String(body.length)]);
    for (const h of o.headers) {
      const colon = h.indexOf(':');
      const [name, value] = [h.slice(0, colon), h.slice(colon + 1).trim()];
      const at = fields.findIndex(([k]) => k.toLowerCase() === name.toLowerCase());
      if (at >= 0) fields[at] = [name, value];
      else fields.push([name, value]);
    }
    const target = this.proxy(url)
      ? urlText({ ...url, userText: '', fragment: '' })
      : `${url.path}${url.query === null ? '' : `?${url.query}`}`;
    const head = bytesOf(`${method} ${target} HTTP/1.1\r\n${fields.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`);
    return body ? concat([head, body]) : head;
  }

  private *attempt(
    url: Url,
    method: string,
    body: Uint8Array | null,
    out: number | null,
  ): Task<Outcome | { location: string; status: number }> {
    const { p, o } = this;
    const proxy = this.proxy(url);
    if (url.scheme === 'ftp') yield* this.say(`           => ‘${url.path.endsWith('/') ? '.listing' : fileName(this.o, url)}’\n`);
    const reader = yield* this.connect(proxy ?? url);
    if (!(reader instanceof Link)) return reader;
    if (url.scheme === 'ftp') {
      closeSocket(p, reader.sock);
      yield* this.tell('wget: FTP is not emulated\n');
      return { exit: EXIT.protocol, retry: false };
    }
    if (url.scheme === 'https' && !reader.secured) {
      const f = yield* secure(p, o, this.trusted, reader, url, (text) => this.tell(text));
      if (f) {
        closeSocket(p, reader.sock);
        return f;
      }
    }
    const limit = (): void => {
      reader.deadline = o.readTimeout > 0 ? p.sim.now + o.readTimeout * 1e6 : undefined;
    };
    limit();
    const request = this.request(url, method, body);
    if (o.debug) yield* p.write(this.logFd, `\n---request begin---\n${latin1(request)}---request end---\n`);
    yield* reader.stream.send(request, reader.deadline);
    yield* this.say(`${proxy ? 'Proxy' : 'HTTP'} request sent, awaiting response... `);
    const head = yield* readHead(reader);
    if (!head.ok) {
      this.drop(reader);
      if (head.error === 'timeout') yield* this.tell('Read error (Connection timed out) in headers.\n');
      else if (head.error === 'closed') yield* this.tell('No data received.\n');
      else
        yield* this.tell(
          `Read error (${head.error === 'weird' || head.error === 'interrupted' || head.error === 'slow' ? 'Success' : strerror(head.error)}) in headers.\n`,
        );
      return { exit: EXIT.network, retry: true };
    }
    const h = head.value;
    if (o.debug) yield* p.write(this.logFd, `\n---response begin---\n${h.raw.join('')}---response end---\n`);
    const lines = h.raw.map((l) => l.replace(/\r?\n$/, '')).filter((l) => l !== '');
    if (o.serverResponse) {
      yield* this.say('\n');
      yield* this.p.write(this.logFd, lines.map((l) => `  ${l}\n`).join(''));
    } else yield* this.say(`${h.status} ${h.reason}\n`);
    const plan = o.ignoreLength && bodyPlan(h, method).kind === 'length' ? ({ kind: 'close', length: -1 } as const) : bodyPlan(h, method);
    const location = header(h, 'Location');
    const redirect = location !== null && [301, 302, 303, 307, 308].includes(h.status);
    const discard = redirect || o.spider || (h.status >= 400 && !o.contentOnError);
    if (h.status === 401) {
      const basic = /^\s*basic/i.test(header(h, 'WWW-Authenticate') ?? '');
      yield* readBody(reader, plan, () => true);
      this.keep(reader, url, h, plan.kind, true);
      if (!basic || o.user === null || this.challenged) {
        yield* this.say('\n');
        yield* this.tell('Username/Password Authentication Failed.\n');
        return { exit: EXIT.auth, retry: false };
      }
      this.challenged = true;
      yield* this.say(`Authentication selected: ${header(h, 'WWW-Authenticate')}\n`);
      return yield* this.attempt(url, method, body, out);
    }
    if (redirect) yield* this.say(`Location: ${location} [following]\n`);
    if (!discard) return yield* this.save(reader, url, h, plan, out);
    const read = yield* readBody(reader, plan, () => true);
    this.keep(reader, url, h, plan.kind, read.ok);
    if (redirect) return { location: location as string, status: h.status };
    if (h.status >= 400) {
      if (o.spider && !o.quiet) {
        yield* this.say('Remote file does not exist -- broken link!!!\n\n');
        return { exit: EXIT.server, retry: false };
      }
      if (o.noVerbose) yield* this.tell(`${urlText(url)}:\n`);
      yield* this.tell(`${this.now()} ERROR ${h.status}: ${h.reason}.\n`);
      yield* this.say('\n');
      return { exit: EXIT.server, retry: false };
    }
    yield* this.say(lengthLine(o, h));
    if (o.noVerbose) yield* this.tell(`${this.now()} URL: ${urlText(url)} ${h.status} ${h.reason}\n`);
    yield* this.say('Remote file exists.\n\n');
    return { exit: 0, retry: false };
  }

  private challenged = false;

  /** Where -c or --start-pos begins. */
  private resumeAt(url: Url): number {
    const { o, p } = this;
    if (o.startPos !== null) return o.startPos;
    if (!o.continue || o.output === '-') return 0;
    const s = p.stat(o.output ?? fileName(this.o, url));
    return s.ok ? s.value.size : 0;
  }

  private drop(reader: Link): void {
    closeSocket(this.p, reader.sock);
    if (this.idle?.reader === reader) this.idle = null;
  }

  private keep(reader: Link, url: Url, h: ResponseHead, kind: string, whole: boolean): void {
    if (!whole || kind === 'close' || /close/i.test(header(h, 'Connection') ?? '')) this.drop(reader);
    else this.idle = { key: `${url.host}:${url.port}`, reader };
  }

  private *save(reader: Link, url: Url, h: ResponseHead, plan: ReturnType<typeof bodyPlan>, out: number | null): Task<Outcome> {
    const { p, o } = this;
    const resume = this.resumeAt(url);
    if (resume > 0 && o.startPos === null && (h.status === 416 || (h.status === 200 && plan.length === resume))) {
      yield* this.say('\n    The file is already fully retrieved; nothing to do.\n\n');
      yield* readBody(reader, plan, () => true);
      this.keep(reader, url, h, plan.kind, true);
      return { exit: 0, retry: false };
    }
    if (h.status === 204) {
      this.keep(reader, url, h, plan.kind, true);
      yield* this.say(
        `${this.now()} (${rate(0, 1, o.bits)}) - ${out === 1 ? 'written to stdout' : `‘${o.output ?? fileName(this.o, url)}’ saved`} [0]\n\n`,
      );
      return { exit: 0, retry: false };
    }
    if (h.status < 400) yield* this.say(lengthLine(o, h));
    /** Bytes of the answer that the file has already. */
    let skip = o.startPos !== null && h.status === 200 ? o.startPos : 0;
    let fd = out;
    let name = o.output ?? '';
    if (fd === null) {
      const base = fileName(this.o, url);
      name = base;
      if (!o.continue && !o.timestamping && !o.directories) for (let n = 1; p.stat(name).ok; n++) name = `${base}.${n}`;
      const dirs = name.split('/').slice(0, -1);
      for (let i = 1; i <= dirs.length; i++) if (dirs[i - 1] !== '') p.mkdir(dirs.slice(0, i).join('/'));
      const r = p.open(name, h.status === 206 ? 'a' : 'w');
      if (!r.ok) {
        yield* this.tell(`${name}: ${strerror(r.errno)}\n\nCannot write to ‘${name}’ (${strerror(r.errno)}).\n`);
        this.drop(reader);
        return { exit: EXIT.io, retry: false };
      }
      fd = r.value;
    }
    yield* this.say(`Saving to: ‘${out === 1 ? 'STDOUT' : name}’\n\n`);
    const began = p.sim.now;
    const dots = new Dots(plan.kind === 'length' ? plan.length : null, o.dots, o.bits);
    const target = fd;
    if (o.saveHeaders) yield* p.write(target, bytesOf(h.raw.join('')));
    const read = yield* readBody(
      reader,
      plan,
      function* (this: Wget, part: Uint8Array): Task<boolean> {
        reader.deadline = o.readTimeout > 0 ? p.sim.now + o.readTimeout * 1e6 : undefined;
        yield* this.say(dots.add(part.length, p.sim.now - began));
        const due = o.limitRate > 0 ? began + (dots.total / o.limitRate) * 1e6 : 0;
        if (due > p.sim.now) yield* p.sleep(Math.ceil(due - p.sim.now));
        const kept = part.subarray(Math.min(skip, part.length));
        skip -= part.length - kept.length;
        return kept.length === 0 || (yield* p.write(target, kept)).ok;
      }.bind(this),
    );
    if (out === null) p.close(fd);
    this.keep(reader, url, h, plan.kind, read.ok);
    const us = p.sim.now - began;
    yield* this.say(`${dots.finish(us)}\n\n`);
    this.got.files++;
    this.got.bytes += dots.total;
    this.got.us += us;
    const expected = plan.kind === 'length' ? plan.length : null;
    if (!read.ok) {
      if (read.error === 'EIO') {
        yield* this.tell(`\nCannot write to ‘${name}’ (Success).\n`);
        return { exit: EXIT.io, retry: false };
      }
      const why = read.error === 'closed' ? 'Connection closed' : 'Read error';
      yield* this.say(
        `${this.now()} (${rate(dots.total, us)}) - ${why} at byte ${dots.total}${expected === null ? '' : `/${expected}`}${why === 'Read error' ? ' (Connection timed out)' : ''}. `,
      );
      return { exit: EXIT.network, retry: true };
    }
    if (o.timestamping && header(h, 'Last-Modified') === null)
      yield* this.tell('Last-modified header missing -- time-stamps turned off.\n');
    if (h.status >= 400) {
      yield* this.tell(`${this.now()} ERROR ${h.status}: ${h.reason}.\n`);
      yield* this.say('\n');
      return { exit: EXIT.server, retry: false };
    }
    const sizes = expected === null ? `[${dots.total}]` : `[${dots.total}/${expected}]`;
    if (out === 1) yield* this.say(`${this.now()} (${rate(dots.total, us)}) - written to stdout ${sizes}\n\n`);
    else yield* this.say(`${this.now()} (${rate(dots.total, us)}) - ‘${name}’ saved ${sizes}\n\n`);
    if (o.noVerbose) yield* this.tell(`${this.now()} URL:${urlText(url)} ${sizes} -> "${out === 1 ? '-' : name}" [1]\n`);
    return { exit: 0, retry: false };
  }
}

function* main(p: Process): Task<number> {
  const parsed = parseWget(p.argv.slice(1));
  if (!parsed.ok) {
    switch (parsed.kind) {
      case 'version':
        yield* p.out('GNU Wget 1.21.3 built on linux-gnu.\n');
        return 0;
      case 'help':
        yield* p.out(HELP);
        return 0;
      case 'usage':
        yield* p.err(`${parsed.text}${USAGE}${HINT}`);
        return EXIT.parse;
      case 'error':
        yield* p.err(parsed.text);
        return parsed.code;
    }
  }
  if (parsed.options.urls.length === 0 && parsed.options.inputFile === null) {
    yield* p.err(`wget: missing URL\n${USAGE}${HINT}`);
    return EXIT.error;
  }
  return yield* new Wget(p, parsed.options).all();
}

export const wget: Command = { name: 'wget', main };
