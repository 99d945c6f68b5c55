/** HTTP/1.x messages for curl and wget: writing a request, reading a response from a stream. Models lib/http.c, http_chunks.c */

import type { Task } from '../../os/program.ts';
import type { Stream } from '../../os/stream.ts';
import type { Errno } from '../../sim/errno.ts';
import { concat } from '../../wire/bytes.ts';

export interface ResponseHead {
  /** The lines as they came, each with its line end, the empty one included. */
  raw: string[];
  version: string;
  status: number;
  reason: string;
  headers: [string, string][];
}

export function header(h: ResponseHead, name: string): string | null {
  return h.headers.find(([k]) => k.toLowerCase() === name.toLowerCase())?.[1] ?? null;
}

export type ReadResult<T> = { ok: true; value: T } | { ok: false; error: 'closed' | 'timeout' | 'slow' | 'interrupted' | Errno | 'weird' };

/** Buffered reading from a connection; `deadline` applies to every wait. */
export class Reader {
  /** What it reads from; TLS replaces it by itself. */
  stream: Stream;
  private buf: Uint8Array = new Uint8Array(0);
  deadline: number | undefined;
  /** --speed-time: µs without a byte, and what then. */
  patience: number | null = null;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  /** The clock of `patience`. */
  now: () => number = () => 0;

  get buffered(): number {
    return this.buf.length;
  }

  /** Fetches more. `closed` at the end of the stream. */
  *fill(): Task<ReadResult<number>> {
    const slow = this.patience === null ? Number.POSITIVE_INFINITY : this.now() + this.patience;
    const first = Math.min(slow, this.deadline ?? Number.POSITIVE_INFINITY);
    const r = yield* this.stream.recv(65536, Number.isFinite(first) ? first : undefined);
    if (!r.ok)
      return {
        ok: false,
        error:
          r.errno === 'EAGAIN'
            ? slow <= first && this.deadline !== slow
              ? 'slow'
              : 'timeout'
            : r.errno === 'EINTR'
              ? 'interrupted'
              : r.errno,
      };
    if (r.value.length === 0) return { ok: false, error: 'closed' };
    this.buf = this.buf.length === 0 ? r.value : concat([this.buf, r.value]);
    return { ok: true, value: r.value.length };
  }

  /** Takes what is there, at most `max` bytes. */
  take(max: number): Uint8Array {
    const part = this.buf.subarray(0, max);
    this.buf = this.buf.subarray(part.length);
    return part;
  }

  /** A line with its line end. */
  *line(): Task<ReadResult<string>> {
    for (;;) {
      const nl = this.buf.indexOf(10);
      if (nl >= 0) return { ok: true, value: latin1(this.take(nl + 1)) };
      const r = yield* this.fill();
      if (!r.ok) return r;
    }
  }

  peek(): number | undefined {
    return this.buf[0];
  }
}

export function latin1(b: Uint8Array): string {
  let s = '';
  for (let i = 0; i < b.length; i++) s += String.fromCharCode(b[i] as number);
  return s;
}

export function bytesOf(text: string): Uint8Array {
  const b = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) b[i] = text.charCodeAt(i);
  return b;
}

/** Reads one response head. `weird`: it does not begin as HTTP (HTTP/0.9). `onLine` sees each line as it comes. */
export function* readHead(r: Reader, onLine?: (line: string) => Task<void>): Task<ReadResult<ResponseHead>> {
  const first = yield* r.line();
  if (!first.ok) return first;
  const m = /^HTTP\/(\d(?:\.\d)?) +(\d{3})(?: ([^\r\n]*))?/.exec(first.value);
  if (!m) return { ok: false, error: 'weird' };
  const head: ResponseHead = { raw: [first.value], version: m[1] as string, status: Number(m[2]), reason: m[3] ?? '', headers: [] };
  if (onLine) yield* onLine(first.value);
  for (;;) {
    const l = yield* r.line();
    if (!l.ok) return l;
    head.raw.push(l.value);
    const text = l.value.replace(/\r?\n$/, '');
    if (text !== '') {
      const colon = text.indexOf(':');
      if (colon > 0) head.headers.push([text.slice(0, colon), text.slice(colon + 1).trim()]);
    }
    if (onLine) yield* onLine(l.value);
    if (text === '') return { ok: true, value: head };
  }
}

export interface BodyPlan {
  kind: 'none' | 'length' | 'chunked' | 'close';
  length: number;
}

/** RFC 9112 6.3. */
export function bodyPlan(head: ResponseHead, method: string): BodyPlan {
  if (method === 'HEAD' || head.status === 204 || head.status === 304 || head.status < 200) return { kind: 'none', length: 0 };
  if (/chunked/i.test(header(head, 'Transfer-Encoding') ?? '')) return { kind: 'chunked', length: -1 };
  const length = header(head, 'Content-Length');
  if (length !== null && /^\d+$/.test(length)) return { kind: 'length', length: Number(length) };
  return { kind: 'close', length: -1 };
}

/** Passes the body on piece by piece. `sink` returns false when it takes no more. */
export function* readBody(r: Reader, plan: BodyPlan, sink: (part: Uint8Array) => boolean | Task<boolean>): Task<ReadResult<number>> {
  function* accepted(part: Uint8Array): Task<boolean> {
    const r = sink(part);
    return typeof r === 'boolean' ? r : yield* r;
  }
  let total = 0;
  if (plan.kind === 'none') return { ok: true, value: 0 };
  function* upTo(length: number): Task<ReadResult<number>> {
    let left = length;
    while (left > 0) {
      if (r.buffered === 0) {
        const f = yield* r.fill();
        if (!f.ok) return f;
      }
      const part = r.take(Math.min(left, 16_384));
      left -= part.length;
      total += part.length;
      if (!(yield* accepted(part))) return { ok: false, error: 'EIO' };
    }
    return { ok: true, value: total };
  }
  if (plan.kind === 'length') return yield* upTo(plan.length);
  if (plan.kind === 'close') {
    for (;;) {
      if (r.buffered === 0) {
        const f = yield* r.fill();
        if (!f.ok) return f.error === 'closed' ? { ok: true, value: total } : f;
      }
      const part = r.take(16_384);
      total += part.length;
      if (!(yield* accepted(part))) return { ok: false, error: 'EIO' };
    }
  }
  for (;;) {
    const size = yield* r.line();
    if (!size.ok) return size;
    const n = Number.parseInt(size.value, 16);
    if (!(n >= 0)) return { ok: false, error: 'weird' };
    if (n > 0) {
      const part = yield* upTo(n);
      if (!part.ok) return part;
    }
    const end = yield* r.line();
    if (!end.ok) return end;
    if (n === 0) {
      for (let l = end.value; l.trim() !== ''; ) {
        const more = yield* r.line();
        if (!more.ok) return more;
        l = more.value;
      }
      return { ok: true, value: total };
    }
  }
}
