/** A request as nginx reads it from a connection. Models src/http/ngx_http_parse.c, ngx_http_request.c */

import type { Task } from '../../os/program.ts';
import { concat } from '../../wire/bytes.ts';
import { type Reader, readBody } from '../curl/http.ts';

export interface Request {
  line: string;
  method: string;
  /** As it was sent. */
  uri: string;
  /** Decoded, without `.` and `..`. */
  path: string;
  args: string;
  /** `0.9`, `1.0`, `1.1`. */
  version: string;
  headers: Map<string, string>;
  body: Uint8Array;
  peer: { addr: string; port: number };
  local: { addr: string; port: number };
  scheme: 'http' | 'https';
  tls: { name: string; protocol: string; cipher: string } | null;
  /** Of set, captures of a regular expression, and what the upstream left. */
  variables: Map<string, string>;
  /** µs. */
  began: number;
  /** Bytes of the request line and headers. */
  length: number;
  /** Set by what could not be read: the status to answer with. */
  refused: number;
}

/** Longest line, and all header lines together, as large_client_header_buffers has them. */
const MAX_LINE = 8192;
const MAX_HEADER = 4 * 8192;

/** Null for a path that leads out of the root or is no path. */
export function decodePath(path: string): string | null {
  if (!path.startsWith('/')) return null;
  let plain: string;
  try {
    plain = decodeURIComponent(path);
  } catch {
    return null;
  }
  const out: string[] = [];
  const parts = plain
    .replace(/\/{2,}/g, '/')
    .split('/')
    .slice(1);
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    if (part === '..') {
      if (out.length === 0) return null;
      out.pop();
      if (last) out.push('');
    } else if (part === '.') {
      if (last) out.push('');
    } else out.push(part);
  }
  return `/${out.join('/')}`;
}

type Ends = Pick<Request, 'peer' | 'local' | 'scheme' | 'tls' | 'began'>;

/** Null when the client has gone. */
export function* readRequest(reader: Reader, ends: Ends, stopping: () => boolean, maxBody: (r: Request) => number): Task<Request | null> {
  const r: Request = {
    ...ends,
    line: '',
    method: '',
    uri: '',
    path: '',
    args: '',
    version: '1.1',
    headers: new Map(),
    body: new Uint8Array(0),
    variables: new Map(),
    length: 0,
    refused: 0,
  };
  let header = 0;
  for (let first = true; ; first = false) {
    let l = yield* reader.line();
    while (!l.ok && l.error === 'interrupted' && !stopping()) l = yield* reader.line();
    if (!l.ok) return null;
    const text = l.value.replace(/\r?\n$/, '');
    r.length += l.value.length;
    if (first) {
      r.line = text.slice(0, MAX_LINE);
      if (text.length > MAX_LINE) {
        r.refused = 414;
        return r;
      }
      const m = /^([A-Z_-]+) (\S+)(?: HTTP\/(\d+)\.(\d+))?$/.exec(text);
      if (!m || (m[3] === undefined && m[1] !== 'GET')) {
        r.refused = 400;
        return r;
      }
      r.method = m[1] as string;
      r.uri = m[2] as string;
      r.version = m[3] === undefined ? '0.9' : Number(m[3]) === 1 ? (Number(m[4]) === 0 ? '1.0' : '1.1') : `${m[3]}.${m[4]}`;
      if (m[3] !== undefined && Number(m[3]) !== 1) {
        r.refused = 505;
        return r;
      }
      if (r.version === '0.9') break;
      continue;
    }
    if (text === '') break;
    header += l.value.length;
    if (text.length > MAX_LINE || header > MAX_HEADER) {
      r.refused = 494;
      return r;
    }
    const colon = text.indexOf(':');
    if (colon > 0) r.headers.set(text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim());
  }
  const absolute = /^https?:\/\/([^/]*)(\/.*)?$/i.exec(r.uri);
  if (absolute) {
    r.headers.set('host', absolute[1] as string);
    r.uri = absolute[2] ?? '/';
  }
  const cut = r.uri.indexOf('?');
  const path = decodePath(cut < 0 ? r.uri : r.uri.slice(0, cut));
  r.args = cut < 0 ? '' : r.uri.slice(cut + 1);
  r.path = path ?? '';
  if (path === null || (r.version === '1.1' && !r.headers.has('host'))) {
    r.refused = 400;
    return r;
  }
  const length = Number(r.headers.get('content-length') ?? 0);
  const limit = maxBody(r);
  if (limit > 0 && length > limit) {
    r.refused = 413;
    return r;
  }
  const chunked = /chunked/i.test(r.headers.get('transfer-encoding') ?? '');
  if (!chunked && !(length > 0)) return r;
  const parts: Uint8Array[] = [];
  const plan = chunked ? ({ kind: 'chunked', length: -1 } as const) : ({ kind: 'length', length } as const);
  const got = yield* readBody(reader, plan, (part) => parts.push(part) > 0);
  r.body = concat(parts);
  return got.ok ? r : null;
}
