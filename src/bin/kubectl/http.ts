/** HTTP/1.1 to the API server over TLS or in the clear, one connection kept for the next request. Models Go's net/http.Transport and crypto/tls errors */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { getaddrinfo, readResolvConf } from '../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, openUdp } from '../../os/sockcalls.ts';
import { type Stream, tcpStream } from '../../os/stream.ts';
import { tlsConnect } from '../../os/tls/client.ts';
import { parsePrivate } from '../../os/tls/keys.ts';
import { type TlsFailure, TlsSession } from '../../os/tls/session.ts';
import { alertFor, certificatesIn, systemTrust, V_CERT_HAS_EXPIRED, V_CERT_NOT_YET_VALID, verifyChain } from '../../os/tls/trust.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import { concat, text, utf8 } from '../../wire/bytes.ts';
import { altNames, type Certificate, matchesHost } from '../../wire/x509.ts';
import { Failure } from './errors.ts';
import type { Connection } from './kubeconfig.ts';
import { quote } from './strconv.ts';

export interface RequestOptions {
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** Virtual time at which it is given up. */
  readonly deadline?: number | undefined;
}

export interface Head {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

export interface Response extends Head {
  readonly body: Uint8Array;
}

const CONNECT_TIMEOUT = 30_000_000;
const MAX_HEAD = 256 << 10;
const MAX_BODY = 256 << 20;

interface Link {
  readonly sock: TcpSocket;
  readonly stream: Stream;
  readonly tls: TlsSession | null;
  buffer: Uint8Array;
  used: boolean;
}

/** A response whose body comes piece by piece; after `101 Switching Protocols` the raw connection in both directions. */
export class Streaming {
  readonly head: Head;
  private readonly http: HttpClient;
  private readonly link: Link;
  /** Octets left of this piece; `raw`: up to the end of the connection. */
  private left: number | 'raw' | 'chunked';
  private chunk = 0;
  private done = false;

  constructor(http: HttpClient, link: Link, head: Head, left: number | 'raw' | 'chunked') {
    this.http = http;
    this.link = link;
    this.head = head;
    this.left = left;
    if (left === 0) this.done = true;
  }

  /** The next octets, as many as there are; null at the end. Waits, up to the deadline. */
  *read(deadline?: number): Task<Uint8Array | null | Failure> {
    if (this.done) return null;
    if (this.left === 'chunked') {
      if (this.chunk === 0) {
        const line = yield* this.http.line(this.link, deadline);
        if (line instanceof Failure) return line;
        const size = Number.parseInt(line, 16);
        if (!Number.isFinite(size)) return this.http.broken('unexpected EOF');
        if (size === 0) {
          yield* this.http.line(this.link, deadline);
          this.done = true;
          this.http.release(this.link);
          return null;
        }
        this.chunk = size;
      }
      const part = yield* this.http.some(this.link, this.chunk, deadline);
      if (part instanceof Failure || part === null) return part;
      this.chunk -= part.length;
      if (this.chunk === 0) {
        const end = yield* this.http.line(this.link, deadline);
        if (end instanceof Failure) return end;
      }
      return part;
    }
    const part = yield* this.http.some(this.link, this.left === 'raw' ? 65536 : this.left, deadline);
    if (part instanceof Failure) return part;
    if (part === null) {
      this.done = true;
      return this.left === 'raw' ? null : this.http.broken('unexpected EOF');
    }
    if (typeof this.left === 'number') {
      this.left -= part.length;
      if (this.left === 0) {
        this.done = true;
        this.http.release(this.link);
      }
    }
    return part;
  }

  *send(data: Uint8Array): Task<Failure | null> {
    const r = yield* this.link.stream.send(data);
    return r.ok ? null : this.http.broken(strerror(r.errno).toLowerCase());
  }

  /** The body is over. */
  get ended(): boolean {
    return this.done;
  }

  /** Whether read() would not have to wait. */
  readable(): boolean {
    return this.link.buffer.length > 0 || this.link.stream.readable();
  }

  /** What to wait on together with other things. */
  get queue(): TcpSocket['wq'] {
    return this.link.sock.wq;
  }

  *close(): Task<void> {
    this.done = true;
    yield* this.http.discard(this.link);
  }
}

export class HttpClient {
  private readonly p: Process;
  private readonly c: Connection;
  private idle: Link | null = null;
  private url = '';
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Path of the server's address, put before each request's. */
  readonly base: string;

  constructor(p: Process, c: Connection) {
    this.p = p;
    this.c = c;
    const m = /^(https?):\/\/(\[[^\]]*\]|[^:/]*)(?::(\d+))?(\/.*)?$/.exec(c.server);
    this.secure = (m?.[1] ?? 'https') === 'https';
    this.host = (m?.[2] ?? c.server).replace(/^\[|\]$/g, '');
    this.port = Number(m?.[3] ?? (this.secure ? 443 : 80));
    this.base = (m?.[4] ?? '').replace(/\/$/, '');
  }

  broken(cause: string): Failure {
    return new Failure('url', cause, { url: this.url });
  }

  /** `host:port` as an address in messages. */
  private authority(a: IpAddr): string {
    return typeof a === 'bigint' ? `[${formatIp(a)}]:${this.port}` : `${formatIp(a)}:${this.port}`;
  }

  private *lookup(): Task<readonly IpAddr[] | Failure> {
    const literal = parseIp(this.host);
    if (literal !== null) return [literal];
    const server = readResolvConf(this.p).servers[0] ?? 0x7f000001;
    const r = yield* getaddrinfo(this.p, this.host, {});
    if (r.ok) return r.addrs;
    let why = 'no such host';
    if (r.error === 'EAI_AGAIN') {
      const probe = openUdp(this.p, typeof server === 'number' ? 4 : 6);
      probe.connect(server, 53);
      why = `read udp ${formatIp(probe.local.addr)}:${probe.local.port}->${formatIp(server)}:53: i/o timeout`;
      closeSocket(this.p, probe);
    }
    return this.broken(`dial tcp: lookup ${this.host} on ${formatIp(server)}:53: ${why}`);
  }

  private *open(deadline: number | undefined): Task<Link | Failure> {
    const { p } = this;
    const addrs = yield* this.lookup();
    if (addrs instanceof Failure) return addrs;
    let last = this.broken('no addresses');
    for (const addr of addrs) {
      const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
      const limit = Math.min(p.sim.now + CONNECT_TIMEOUT, deadline ?? Number.POSITIVE_INFINITY);
      const r = yield* connectTcp(sock, addr, this.port, limit);
      if (!r.ok) {
        closeSocket(p, sock);
        const late = r.errno === 'EAGAIN';
        last = this.broken(`dial tcp ${this.authority(addr)}: ${late ? 'i/o timeout' : `connect: ${strerror(r.errno).toLowerCase()}`}`);
        if (late && deadline !== undefined && p.sim.now >= deadline) return this.deadlineExceeded();
        continue;
      }
      const raw = tcpStream(sock);
      if (!this.secure) return { sock, stream: raw, tls: null, buffer: new Uint8Array(0), used: false };
      const s = new TlsSession(raw, p.sim.rng('tls'));
      s.deadline = deadline;
      const wrong = yield* this.handshake(s);
      if (wrong) {
        closeSocket(p, sock);
        return wrong;
      }
      s.deadline = undefined;
      return { sock, stream: s, tls: s, buffer: new Uint8Array(0), used: false };
    }
    return last;
  }

  private *handshake(s: TlsSession): Task<Failure | null> {
    const { p, c } = this;
    const trusted = c.insecure ? [] : c.caData === null ? systemTrust(p) : certificatesIn(c.caData);
    const now = p.sim.epochMs + p.sim.now / 1000;
    const name = c.serverName || this.host;
    let wrong: string | null = null;
    const chain = c.certData === null ? [] : certificatesIn(c.certData).map((x) => x.raw);
    const key = c.keyData === null ? null : parsePrivate(c.keyData);
    const failure = yield* tlsConnect(s, {
      serverName: parseIp(name) === null ? name : null,
      alpn: ['http/1.1'],
      min: 12,
      max: 13,
      style: 'openssl',
      identity: key && chain.length > 0 ? { chain, key } : null,
      check: (peer) => {
        if (c.insecure) return null;
        const verdict = verifyChain(peer, trusted, now);
        const code = verdict.findings[0]?.code ?? 0;
        wrong = code === 0 ? nameError(peer[0] as Certificate, name) : x509Error(code, peer[0] as Certificate, now);
        return wrong === null ? null : alertFor(code);
      },
    });
    if (!failure) return null;
    return this.broken(wrong === null ? tlsError(failure) : `tls: failed to verify certificate: x509: ${wrong}`);
  }

  release(link: Link): void {
    if (this.idle === null) this.idle = link;
    else if (this.idle !== link) closeSocket(this.p, link.sock);
  }

  *discard(link: Link): Task<void> {
    if (this.idle === link) this.idle = null;
    if (link.tls) yield* link.tls.close();
    closeSocket(this.p, link.sock);
  }

  /** Ends what is still open. */
  *close(): Task<void> {
    if (this.idle) yield* this.discard(this.idle);
  }

  deadlineExceeded(): Failure {
    return this.broken('net/http: request canceled (Client.Timeout exceeded while awaiting headers)');
  }

  /** More octets into the buffer; false at the end of the connection. */
  private *fill(link: Link, deadline: number | undefined): Task<boolean | Failure> {
    const r = yield* link.stream.recv(65536, deadline);
    if (!r.ok) {
      if (r.errno === 'EAGAIN') return this.deadlineExceeded();
      return this.broken(`read tcp: ${strerror(r.errno).toLowerCase()}`);
    }
    if (r.value.length === 0) return false;
    link.buffer = link.buffer.length === 0 ? r.value : concat([link.buffer, r.value]);
    return true;
  }

  *line(link: Link, deadline?: number): Task<string | Failure> {
    for (;;) {
      const nl = link.buffer.indexOf(10);
      if (nl >= 0) {
        const line = text(link.buffer.subarray(0, nl)).replace(/\r$/, '');
        link.buffer = link.buffer.subarray(nl + 1);
        return line;
      }
      if (link.buffer.length > MAX_HEAD) return this.broken('net/http: server response headers exceeded 262144 bytes; aborted');
      const more = yield* this.fill(link, deadline);
      if (more instanceof Failure) return more;
      if (!more) return this.broken('EOF');
    }
  }

  /** At most `max` octets, at least one; null at the end. */
  *some(link: Link, max: number, deadline?: number): Task<Uint8Array | null | Failure> {
    if (link.buffer.length === 0) {
      const more = yield* this.fill(link, deadline);
      if (more instanceof Failure) return more;
      if (!more) return null;
    }
    const part = link.buffer.subarray(0, max);
    link.buffer = link.buffer.subarray(part.length);
    return part;
  }

  /** Sends a request and reads the head of the answer. `path` begins with a slash and has its query. */
  *stream(method: string, path: string, o: RequestOptions = {}): Task<Streaming | Failure> {
    const { c } = this;
    this.url = `${c.server}${path}`;
    const body = o.body === undefined ? null : typeof o.body === 'string' ? utf8(o.body) : o.body;
    const port = this.port === (this.secure ? 443 : 80) ? '' : `:${this.port}`;
    const lines = [`${method} ${this.base}${path} HTTP/1.1`, `Host: ${this.host.includes(':') ? `[${this.host}]` : this.host}${port}`];
    const headers: Record<string, string> = { 'User-Agent': 'kubectl/v1.36.3 (linux/amd64) kubernetes/f4f9a76', ...o.headers };
    if (c.token !== '') headers.Authorization = `Bearer ${c.token}`;
    else if (c.basic !== '') headers.Authorization = `Basic ${c.basic}`;
    if (c.impersonate !== '') headers['Impersonate-User'] = c.impersonate;
    if (c.impersonateUid !== '') headers['Impersonate-Uid'] = c.impersonateUid;
    for (const [k, v] of Object.entries(headers)) lines.push(`${k}: ${v}`);
    for (const g of c.impersonateGroups) lines.push(`Impersonate-Group: ${g}`);
    if (body) lines.push(`Content-Length: ${body.length}`);
    const head = utf8(`${lines.join('\r\n')}\r\n\r\n`);
    const bytes = body ? concat([head, body]) : head;
    for (;;) {
      const link = this.idle ?? (yield* this.open(o.deadline));
      if (link instanceof Failure) return link;
      this.idle = null;
      const again = link.used;
      link.used = true;
      const sent = yield* link.stream.send(bytes, o.deadline);
      const answer: Head | Failure = sent.ok
        ? yield* this.readHead(link, o.deadline)
        : this.broken(strerror(sent.errno as Errno).toLowerCase());
      if (answer instanceof Failure) {
        closeSocket(this.p, link.sock);
        // A kept connection that the server had closed meanwhile: once more on a new one.
        if (again && (answer.message === 'EOF' || /reset|broken pipe/.test(answer.message))) continue;
        return answer;
      }
      return new Streaming(this, link, answer, this.framing(answer, method));
    }
  }

  private framing(h: Head, method: string): number | 'raw' | 'chunked' {
    if (h.status === 101) return 'raw';
    if (method === 'HEAD' || h.status === 204 || h.status === 304) return 0;
    if ((h.headers.get('transfer-encoding') ?? []).some((v) => v.toLowerCase() === 'chunked')) return 'chunked';
    const length = h.headers.get('content-length')?.[0];
    return length === undefined ? 'raw' : Number(length);
  }

  private *readHead(link: Link, deadline: number | undefined): Task<Head | Failure> {
    const first = yield* this.line(link, deadline);
    if (first instanceof Failure) return first;
    const m = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(first);
    if (!m) return this.broken(`malformed HTTP response ${quote(first)}`);
    const headers = new Map<string, string[]>();
    for (let total = 0; total < MAX_HEAD; ) {
      const line = yield* this.line(link, deadline);
      if (line instanceof Failure) return line;
      if (line === '') return { status: Number(m[1]), reason: `${m[1]} ${m[2]}`, headers };
      total += line.length;
      const colon = line.indexOf(':');
      if (colon < 0) continue;
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      const list = headers.get(name);
      if (list) list.push(value);
      else headers.set(name, [value]);
    }
    return this.broken('net/http: server response headers exceeded 262144 bytes; aborted');
  }

  *request(method: string, path: string, o: RequestOptions = {}): Task<Response | Failure> {
    const s = yield* this.stream(method, path, o);
    if (s instanceof Failure) return s;
    const parts: Uint8Array[] = [];
    for (let total = 0; total < MAX_BODY; ) {
      const part = yield* s.read(o.deadline);
      if (part instanceof Failure) return part;
      if (part === null) return { ...s.head, body: concat(parts) };
      total += part.length;
      parts.push(part);
    }
    return this.broken('http: request body too large');
  }
}

function nameError(leaf: Certificate, host: string): string | null {
  if (matchesHost(leaf, host)?.kind !== undefined && matchesHost(leaf, host)?.kind !== 'CN') return null;
  const names = altNames(leaf);
  if (parseIp(host) !== null) {
    const ips = names.filter((n) => n.kind === 'IP Address').map((n) => n.value);
    return ips.length === 0
      ? `cannot validate certificate for ${host} because it doesn't contain any IP SANs`
      : `certificate is valid for ${ips.join(', ')}, not ${host}`;
  }
  const dns = names.filter((n) => n.kind === 'DNS').map((n) => n.value);
  if (dns.length === 0)
    return names.length > 0
      ? `certificate is not valid for any names, but wanted to match ${host}`
      : 'certificate relies on legacy Common Name field, use SANs instead';
  return `certificate is valid for ${dns.join(', ')}, not ${host}`;
}

function x509Error(code: number, leaf: Certificate, now: number): string {
  const at = (ms: number): string => isoSeconds(ms);
  if (code === V_CERT_HAS_EXPIRED)
    return `certificate has expired or is not yet valid: current time ${at(now)} is after ${at(leaf.notAfter)}`;
  if (code === V_CERT_NOT_YET_VALID)
    return `certificate has expired or is not yet valid: current time ${at(now)} is before ${at(leaf.notBefore)}`;
  return 'certificate signed by unknown authority';
}

/** RFC 3339 of ms since 1970, UTC. */
export function isoSeconds(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  const rest = Math.floor((ms - days * 86_400_000) / 1000);
  // Civil date from days, as in Howard Hinnant's algorithm.
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const doe = z - era * 146_097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36_524) - Math.floor(doe / 146_096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const day = doy - Math.floor((153 * mp + 2) / 5) + 1;
  const month = mp < 10 ? mp + 3 : mp - 9;
  const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${year}-${two(month)}-${two(day)}T${two(Math.floor(rest / 3600))}:${two(Math.floor((rest % 3600) / 60))}:${two(rest % 60)}Z`;
}

const ALERTS_GO: Readonly<Record<number, string>> = {
  10: 'unexpected message',
  20: 'bad record MAC',
  40: 'handshake failure',
  42: 'bad certificate',
  45: 'expired certificate',
  46: 'unknown certificate',
  48: 'unknown certificate authority',
  50: 'error decoding message',
  51: 'error decrypting message',
  70: 'protocol version not supported',
  80: 'internal error',
  112: 'unrecognized name',
  116: 'certificate required',
  120: 'no application protocol',
};

function tlsError(f: TlsFailure): string {
  if (f.kind === 'io')
    return f.errno === 'EAGAIN'
      ? 'net/http: TLS handshake timeout'
      : f.errno === 'closed'
        ? 'EOF'
        : `read tcp: ${strerror(f.errno).toLowerCase()}`;
  if (f.kind === 'alert')
    return f.sent ? `tls: ${ALERTS_GO[f.code] ?? `alert(${f.code})`}` : `remote error: tls: ${ALERTS_GO[f.code] ?? `alert(${f.code})`}`;
  return text(f.peeked.subarray(0, 5)) === 'HTTP/'
    ? 'http: server gave HTTP response to HTTPS client'
    : 'tls: first record does not look like a TLS handshake';
}
