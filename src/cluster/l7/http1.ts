/** HTTP/1.1 messages on a stream: heads with their headers in order, bodies by length, chunks or end (RFC 9112). */

import type { Task } from '../../os/program.ts';
import type { Stream } from '../../os/stream.ts';
import { concat, utf8 } from '../../wire/bytes.ts';

export type Header = readonly [name: string, value: string];

export interface RequestHead {
  readonly method: string;
  /** As it was sent: path and query. */
  readonly target: string;
  readonly version: string;
  readonly headers: readonly Header[];
}

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  readonly headers: readonly Header[];
}

/** The connection ended, timed out, or spoke no HTTP. */
export type HttpFault = 'closed' | 'timeout' | 'malformed' | 'too large';

export const MAX_HEAD = 64 * 1024;
export const MAX_BODY = 64 * 1024 * 1024;

export function headerOf(headers: readonly Header[], name: string): string | undefined {
  const lower = name.toLowerCase();
  const found = headers.filter(([n]) => n.toLowerCase() === lower);
  return found.length === 0 ? undefined : found.map(([, v]) => v).join(',');
}

export function withoutHeader(headers: readonly Header[], ...names: readonly string[]): Header[] {
  return headers.filter(([n]) => !names.includes(n.toLowerCase()));
}

const latin1 = (b: Uint8Array): string => {
  let s = '';
  for (let i = 0; i < b.length; i += 8192) s += String.fromCharCode(...b.subarray(i, i + 8192));
  return s;
};

const bytesOf = (s: string): Uint8Array => {
  const out = new Uint8Array(s.length);
  for (let i = 0; i < s.length; i++) out[i] = s.charCodeAt(i);
  return out;
};

/** Reads messages one after the other from a stream. */
export class HttpReader {
  private readonly stream: Stream;
  private buffer: Uint8Array = new Uint8Array(0);
  /** Time in µs after which waiting ends. */
  deadline: number | undefined;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  private *more(): Task<HttpFault | null> {
    const r = yield* this.stream.recv(65536, this.deadline);
    if (!r.ok) return r.errno === 'EAGAIN' ? 'timeout' : r.errno === 'EINTR' ? null : 'closed';
    if (r.value.length === 0) return 'closed';
    this.buffer = this.buffer.length === 0 ? r.value : concat([this.buffer, r.value]);
    return null;
  }

  private *headLines(): Task<readonly string[] | HttpFault> {
    for (;;) {
      const end = endOfHead(this.buffer);
      if (end >= 0) {
        const lines = latin1(this.buffer.subarray(0, end)).split(/\r?\n/);
        this.buffer = this.buffer.slice(end + (this.buffer[end] === 13 ? 4 : 2));
        return lines;
      }
      if (this.buffer.length > MAX_HEAD) return 'too large';
      const fault = yield* this.more();
      if (fault !== null) return fault;
    }
  }

  *request(): Task<RequestHead | HttpFault> {
    const lines = yield* this.headLines();
    if (typeof lines === 'string') return lines;
    const m = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP\/(1\.[01])$/.exec(lines[0] ?? '');
    const headers = parseHeaders(lines.slice(1));
    if (!m || !headers) return 'malformed';
    return { method: m[1] as string, target: m[2] as string, version: m[3] as string, headers };
  }

  *response(): Task<ResponseHead | HttpFault> {
    const lines = yield* this.headLines();
    if (typeof lines === 'string') return lines;
    const m = /^HTTP\/(1\.[01]) (\d{3})(?: (.*))?$/.exec(lines[0] ?? '');
    const headers = parseHeaders(lines.slice(1));
    if (!m || !headers) return 'malformed';
    return { version: m[1] as string, status: Number(m[2]), reason: m[3] ?? '', headers };
  }

  /** A message's body; `untilEnd` for a response without length. */
  *body(headers: readonly Header[], untilEnd: boolean): Task<Uint8Array | HttpFault> {
    if (/(^|,)\s*chunked\s*$/i.test(headerOf(headers, 'transfer-encoding') ?? '')) return yield* this.chunks();
    const length = headerOf(headers, 'content-length');
    if (length !== undefined) {
      if (!/^\d+$/.test(length)) return 'malformed';
      const n = Number(length);
      if (n > MAX_BODY) return 'too large';
      while (this.buffer.length < n) {
        const fault = yield* this.more();
        if (fault !== null) return fault;
      }
      return this.take(n);
    }
    if (!untilEnd) return new Uint8Array(0);
    for (;;) {
      if (this.buffer.length > MAX_BODY) return 'too large';
      const fault = yield* this.more();
      if (fault === 'closed') return this.take(this.buffer.length);
      if (fault !== null) return fault;
    }
  }

  private take(n: number): Uint8Array {
    const out = this.buffer.slice(0, n);
    this.buffer = this.buffer.slice(n);
    return out;
  }

  private *chunks(): Task<Uint8Array | HttpFault> {
    const parts: Uint8Array[] = [];
    let total = 0;
    for (;;) {
      const line = yield* this.line();
      if (!line.startsWith('=')) return line as HttpFault;
      const size = Number.parseInt(line.slice(1), 16);
      if (!Number.isFinite(size) || size < 0) return 'malformed';
      total += size;
      if (total > MAX_BODY) return 'too large';
      while (this.buffer.length < size + 2) {
        if (size === 0) break;
        const fault = yield* this.more();
        if (fault !== null) return fault;
      }
      if (size === 0) {
        for (;;) {
          const trailer = yield* this.line();
          if (!trailer.startsWith('=')) return trailer as HttpFault;
          if (trailer === '=') return concat(parts);
        }
      }
      parts.push(this.take(size));
      this.take(2);
    }
  }

  /** A line behind `=`, or a fault. */
  private *line(): Task<string> {
    for (;;) {
      const at = this.buffer.indexOf(10);
      if (at >= 0) return `=${latin1(this.take(at + 1)).replace(/\r?\n$/, '')}`;
      if (this.buffer.length > MAX_HEAD) return 'too large';
      const fault = yield* this.more();
      if (fault !== null) return fault;
    }
  }

  /** Bytes that have come beyond the last message. */
  rest(): Uint8Array {
    return this.take(this.buffer.length);
  }
}

function endOfHead(b: Uint8Array): number {
  for (let i = 0; i + 1 < b.length; i++) {
    if (b[i] === 10 && b[i + 1] === 10) return i;
    if (b[i] === 13 && b[i + 1] === 10 && b[i + 2] === 13 && b[i + 3] === 10) return i;
  }
  return -1;
}

function parseHeaders(lines: readonly string[]): Header[] | null {
  const out: Header[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0 || /\s/.test(line.slice(0, colon))) return null;
    out.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
  }
  return out;
}

export function emitRequest(head: RequestHead, body: Uint8Array): Uint8Array {
  const lines = [`${head.method} ${head.target} HTTP/1.1`, ...head.headers.map(([n, v]) => `${n}: ${v}`)];
  return concat([bytesOf(`${lines.join('\r\n')}\r\n\r\n`), body]);
}

export function emitResponse(head: Pick<ResponseHead, 'status' | 'reason' | 'headers'>, body: Uint8Array): Uint8Array {
  const lines = [`HTTP/1.1 ${head.status} ${head.reason}`, ...head.headers.map(([n, v]) => `${n}: ${v}`)];
  return concat([bytesOf(`${lines.join('\r\n')}\r\n\r\n`), body]);
}

export const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  303: 'See Other',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Request Entity Too Large',
  421: 'Misdirected Request',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** A whole response of the proxy's own. */
export function plainResponse(status: number, text: string, headers: readonly Header[] = []): { head: ResponseHead; body: Uint8Array } {
  const body = utf8(text);
  return {
    head: { status, reason: REASONS[status] ?? '', version: '1.1', headers: [...headers, ['Content-Length', String(body.length)]] },
    body,
  };
}
