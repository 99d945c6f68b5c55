/** wget: fetch over HTTP into a file. Models GNU Wget 1.21.3 retr.c, http.c, progress.c */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, sendTcp } from '../../os/sockcalls.ts';
import { timeLimit } from '../../os/threads.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import { concat, text, utf8 } from '../../wire/bytes.ts';
import { bodyPlan, bytesOf, header, Reader, type ResponseHead, readBody, readHead } from '../curl/http.ts';
import { base64 } from '../curl/request.ts';
import { tcpStream } from '../curl/stream.ts';
import { hostHeader, hostText, joinUrl, parseUrl, type Url, urlText } from '../curl/url.ts';
import { strftime } from '../sh/strftime.ts';
import { parseWget, type WgetOptions } from './options.ts';

const USAGE = 'Usage: wget [OPTION]... [URL]...\n';
const HINT = "\nTry `wget --help' for more options.\n";

/** Exit statuses of exits.h. */
const EXIT = { ok: 0, error: 1, parse: 2, io: 3, network: 4, ssl: 5, auth: 6, protocol: 7, server: 8 } as const;

type Outcome = { exit: number; retry: boolean };

function grouped(n: number): string {
  const units = ['K', 'M', 'G'];
  let value = n;
  for (const unit of units) {
    value /= 1024;
    if (value < 1000 || unit === 'G') return value < 10 ? `${value.toFixed(1)}${unit}` : `${Math.round(value)}${unit}`;
  }
  return String(n);
}

/** `687 KB/s`. */
function rate(bytes: number, us: number): string {
  const units = ['B/s', 'KB/s', 'MB/s', 'GB/s'];
  let r = bytes / (Math.max(us, 1) / 1e6);
  let i = 0;
  while (r >= 1024 && i < 3) {
    r /= 1024;
    i++;
  }
  return `${r < 99.95 ? r.toPrecision(3) : Math.round(r)} ${units[i]}`;
}

/** Five characters, as the dots show it: ` 687K`. */
function shortRate(bytes: number, us: number): string {
  const [number, unit] = rate(bytes, us).split(' ') as [string, string];
  return `${number}${unit === 'B/s' ? ' ' : unit[0]}`.padStart(5);
}

/** A connection and what has been read from it. */
class Link extends Reader {
  readonly sock: TcpSocket;
  constructor(sock: TcpSocket) {
    super(tcpStream(sock));
    this.sock = sock;
  }
}

class Wget {
  private readonly p: Process;
  private readonly o: WgetOptions;
  private logFd = 2;
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
    const listed = o.inputFile === null ? [] : yield* this.listed(o.inputFile);
    if (listed === null) return EXIT.error;
    for (const url of [...o.urls, ...listed]) {
      const code = yield* this.fetch(url, out);
      if (code !== 0 && (exit === 0 || code < exit)) exit = code;
    }
    if (this.idle) closeSocket(p, this.idle.reader.sock);
    return exit;
  }

  /** The URLs of a file, one in a line; null when it cannot be read. */
  private *listed(path: string): Task<string[] | null> {
    const bytes = path === '-' ? yield* this.p.readAll(0) : this.p.readFile(path);
    if (!bytes.ok) {
      yield* this.p.err(`${path}: ${strerror(bytes.errno)}\n`);
      return null;
    }
    const urls = text(bytes.value)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    if (urls.length === 0) yield* this.tell(`No URLs found in ${path}.\n`);
    return urls;
  }

  private *fetch(first: string, out: number | null): Task<number> {
    const { o } = this;
    if (o.spider) yield* this.say('Spider mode enabled. Check if remote file exists.\n');
    let given = first;
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
      if (scheme && !['http', 'https'].includes((scheme[1] as string).toLowerCase())) {
        yield* this.p.err(
          `${given}: ${(scheme[1] as string).toLowerCase() === 'ftp' ? 'FTP is not emulated' : `Unsupported scheme ‘${scheme[1]}’`}.\n`,
        );
        return EXIT.error;
      }
      const parsed = parseUrl(given);
      if (!parsed.ok) {
        yield* this.p.err(`${given}: ${/:\/\/[^/]*:[^/\d]/.test(given) ? 'Bad port number' : 'Invalid host name'}.\n`);
        return EXIT.error;
      }
      const { url } = parsed;
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
    if (o.noClobber && out === null && !o.spider && this.p.stat(this.fileName(url)).ok) {
      yield* this.say(`File ‘${this.fileName(url)}’ already there; not retrieving.\n\n`);
      return EXIT.ok;
    }
    for (let attempt = 1; ; attempt++) {
      yield* this.say(`--${this.now()}--  ${attempt > 1 ? `(try:${String(attempt).padStart(2)})  ` : ''}${urlText(url)}\n`);
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
    if (literal !== null) addrs = [literal];
    else {
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
      if (source !== null) sock.bind(source, 0);
      const r = yield* connectTcp(sock, addr, url.port, o.connectTimeout > 0 ? p.sim.now + o.connectTimeout * 1e6 : undefined);
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
      ['Connection', 'Keep-Alive'],
    ];
    const user = o.user !== null ? `${o.user}:${o.password}` : url.user;
    if (user !== null && url.user !== null) fields.splice(1, 0, ['Authorization', `Basic ${base64(user)}`]);
    if (body) fields.push(['Content-Type', 'application/x-www-form-urlencoded'], ['Content-Length', String(body.length)]);
    for (const h of o.headers) {
      const colon = h.indexOf(':');
      const [name, value] = [h.slice(0, colon), h.slice(colon + 1).trim()];
      const at = fields.findIndex(([k]) => k.toLowerCase() === name.toLowerCase());
      if (at >= 0) fields[at] = [name, value];
      else fields.push([name, value]);
    }
    const target = `${url.path}${url.query === null ? '' : `?${url.query}`}`;
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
    const reader = yield* this.connect(url);
    if (!(reader instanceof Link)) return reader;
    if (url.scheme === 'https') {
      closeSocket(p, reader.sock);
      yield* this.tell('wget: TLS is not emulated\nUnable to establish SSL connection.\n');
      return { exit: EXIT.ssl, retry: false };
    }
    const limit = (): void => {
      reader.deadline = o.readTimeout > 0 ? p.sim.now + o.readTimeout * 1e6 : undefined;
    };
    limit();
    yield* sendTcp(reader.sock, this.request(url, method, body), reader.deadline);
    yield* this.say('HTTP request sent, awaiting response... ');
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
    const lines = h.raw.map((l) => l.replace(/\r?\n$/, '')).filter((l) => l !== '');
    if (o.serverResponse) {
      yield* this.say('\n');
      yield* this.p.write(this.logFd, lines.map((l) => `  ${l}\n`).join(''));
    } else yield* this.say(`${h.status} ${h.reason}\n`);
    const plan = bodyPlan(h, method);
    const location = header(h, 'Location');
    const redirect = location !== null && [301, 302, 303, 307, 308].includes(h.status);
    const discard = redirect || o.spider || (h.status >= 400 && !o.contentOnError);
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
    yield* this.length(h);
    if (o.noVerbose) yield* this.tell(`${this.now()} URL: ${urlText(url)} ${h.status} ${h.reason}\n`);
    yield* this.say('Remote file exists.\n\n');
    return { exit: 0, retry: false };
  }

  private drop(reader: Link): void {
    closeSocket(this.p, reader.sock);
    if (this.idle?.reader === reader) this.idle = null;
  }

  private keep(reader: Link, url: Url, h: ResponseHead, kind: string, whole: boolean): void {
    if (!whole || kind === 'close' || /close/i.test(header(h, 'Connection') ?? '')) this.drop(reader);
    else this.idle = { key: `${url.host}:${url.port}`, reader };
  }

  private *length(h: ResponseHead): Task<void> {
    const n = header(h, 'Content-Length');
    const type = header(h, 'Content-Type')?.split(';')[0];
    const size = n === null ? 'unspecified' : `${n}${Number(n) >= 1024 ? ` (${grouped(Number(n))})` : ''}`;
    yield* this.say(`Length: ${size}${type ? ` [${type}]` : ''}\n`);
  }

  private fileName(url: Url): string {
    const name = url.path.slice(url.path.lastIndexOf('/') + 1) || 'index.html';
    const whole = url.query === null ? name : `${name}?${url.query}`;
    return this.o.prefix === null ? whole : `${this.o.prefix}/${whole}`;
  }

  private *save(reader: Link, url: Url, h: ResponseHead, plan: ReturnType<typeof bodyPlan>, out: number | null): Task<Outcome> {
    const { p, o } = this;
    yield* this.length(h);
    let fd = out;
    let name = o.output ?? '';
    if (fd === null) {
      const base = this.fileName(url);
      name = base;
      for (let n = 1; p.stat(name).ok; n++) name = `${base}.${n}`;
      if (o.prefix !== null) p.mkdir(o.prefix);
      const r = p.open(name, 'w');
      if (!r.ok) {
        yield* this.tell(`${name}: ${strerror(r.errno)}\n\nCannot write to ‘${name}’ (${strerror(r.errno)}).\n`);
        this.drop(reader);
        return { exit: EXIT.io, retry: false };
      }
      fd = r.value;
    }
    yield* this.say(`Saving to: ‘${out === 1 ? 'STDOUT' : name}’\n\n`);
    const began = p.sim.now;
    const dots = new Dots(plan.kind === 'length' ? plan.length : null);
    const target = fd;
    const read = yield* readBody(
      reader,
      plan,
      function* (this: Wget, part: Uint8Array): Task<boolean> {
        reader.deadline = o.readTimeout > 0 ? p.sim.now + o.readTimeout * 1e6 : undefined;
        yield* this.say(dots.add(part.length, p.sim.now - began));
        return (yield* p.write(target, part)).ok;
      }.bind(this),
    );
    if (out === null) p.close(fd);
    this.keep(reader, url, h, plan.kind, read.ok);
    const us = p.sim.now - began;
    yield* this.say(`${dots.finish(us)}\n\n`);
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
    const sizes = expected === null ? `[${dots.total}]` : `[${dots.total}/${expected}]`;
    if (out === 1) yield* this.say(`${this.now()} (${rate(dots.total, us)}) - written to stdout ${sizes}\n\n`);
    else yield* this.say(`${this.now()} (${rate(dots.total, us)}) - ‘${name}’ saved ${sizes}\n\n`);
    if (o.noVerbose) yield* this.tell(`${this.now()} URL:${urlText(url)} ${sizes} -> "${out === 1 ? '-' : name}" [1]\n`);
    return { exit: h.status >= 400 ? EXIT.server : 0, retry: false };
  }
}

const DOT = 1024;
const PER_LINE = 50;
const CLUSTER = 10;

/** The progress as dots, one for each kilobyte. Models dot_draw() of progress.c */
class Dots {
  total = 0;
  private readonly expected: number | null;
  private pending = 0;
  private column = 0;
  private rows = 0;
  private started = false;
  private rowStart = 0;

  constructor(expected: number | null) {
    this.expected = expected;
  }

  private head(): string {
    return `${String((this.rows * PER_LINE * DOT) / 1024).padStart(6)}K`;
  }

  add(n: number, us: number): string {
    this.total += n;
    this.pending += n;
    let out = this.started ? '' : this.head();
    this.started = true;
    for (; this.pending >= DOT; this.pending -= DOT) {
      if (this.column === 0 && this.rows > 0) out += this.head();
      out += `${this.column % CLUSTER === 0 ? ' ' : ''}.`;
      this.column++;
      if (this.column === PER_LINE) {
        this.rows++;
        this.column = 0;
        const done = this.rows * PER_LINE * DOT;
        out += `${this.percent(done)} ${shortRate(PER_LINE * DOT, us - this.rowStart)} 0s\n`;
        this.rowStart = us;
      }
    }
    return out;
  }

  private percent(done: number): string {
    return this.expected === null
      ? ''
      : `${String(this.expected === 0 ? 100 : Math.floor((Math.min(done, this.expected) * 100) / this.expected)).padStart(3)}%`;
  }

  finish(us: number): string {
    let out = this.started ? '' : this.head();
    if (this.started && this.column === 0 && this.rows > 0) out += this.head();
    for (let i = this.column; i < PER_LINE; i++) out += `${i % CLUSTER === 0 ? ' ' : ''} `;
    const seconds = us / 1e6;
    const took =
      seconds < 0.0005 ? '0s' : `${seconds >= 9.5 ? Math.round(seconds) : Number(seconds.toPrecision(seconds < 0.0995 ? 1 : 2))}s`;
    return `${out}${this.percent(this.total)} ${shortRate(this.total - this.rows * PER_LINE * DOT || this.total, us - this.rowStart)}=${took}`;
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
        yield* p.out(`GNU Wget 1.21.3, a non-interactive network retriever.\n${USAGE}`);
        return 0;
      case 'usage':
        yield* p.err(`${parsed.text}${USAGE}${HINT}`);
        return EXIT.parse;
      case 'error':
        yield* p.err(parsed.text);
        return EXIT.parse;
    }
  }
  if (parsed.options.urls.length === 0 && parsed.options.inputFile === null) {
    yield* p.err(`wget: missing URL\n${USAGE}${HINT}`);
    return EXIT.error;
  }
  return yield* new Wget(p, parsed.options).all();
}

export const wget: Command = { name: 'wget', main };
