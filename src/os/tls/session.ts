/** One TLS connection, either end: record protection, alerts, application data. Models ssl/record of OpenSSL 3.0 */

import { type Errno, fail, ok, type Result } from '../../sim/errno.ts';
import type { Rng } from '../../sim/rng.ts';
import { concat, u16 } from '../../wire/bytes.ts';
import { ALERT, ALERTS, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, NEW_SESSION_TICKET, record, type Suite } from '../../wire/tls.ts';
import type { Certificate } from '../../wire/x509.ts';
import type { Task } from '../program.ts';
import type { Stream } from '../stream.ts';
import { open, seal } from './primitives.ts';

/** Why a handshake or a connection ended. `sent` alerts are this end's own. */
export type TlsFailure =
  | { kind: 'io'; errno: Errno | 'closed' }
  | { kind: 'alert'; code: number; sent: boolean }
  | { kind: 'wrong-version'; peeked: Uint8Array };

/** Sees what OpenSSL's message callback sees: record headers (256), inner content types (257), and each message. */
export type Observer = (dir: 'in' | 'out', version: number, content: number, bytes: Uint8Array) => Task<void>;
export const HEADER = 256;
export const INNER = 257;

const MAX_PLAIN = 16_384;
const MAX_RECORD = MAX_PLAIN + 256 + 5;

/** Keys of one direction. TLS 1.2 sends eight octets of its nonce with each record. */
export class Protection {
  private readonly key: Uint8Array;
  private readonly iv: Uint8Array;
  private readonly version: 12 | 13;
  private sequence = 0;

  constructor(version: 12 | 13, key: Uint8Array, iv: Uint8Array) {
    this.version = version;
    this.key = key;
    this.iv = iv;
  }

  private counter(): Uint8Array {
    const b = new Uint8Array(8);
    new DataView(b.buffer).setBigUint64(0, BigInt(this.sequence++));
    return b;
  }

  seal(type: number, data: Uint8Array): Uint8Array {
    const n = this.counter();
    if (this.version === 13) {
      const inner = concat([data, Uint8Array.of(type)]);
      const head = Uint8Array.of(APPLICATION_DATA, 3, 3, (inner.length + 16) >> 8, (inner.length + 16) & 255);
      return concat([head, seal(this.key, xor(this.iv, n), inner, head)]);
    }
    const aad = concat([n, Uint8Array.of(type, 3, 3, data.length >> 8, data.length & 255)]);
    return record(type, concat([n, seal(this.key, concat([this.iv, n]), data, aad)]));
  }

  /** Null when it cannot be opened. */
  open(head: Uint8Array, body: Uint8Array): { type: number; data: Uint8Array } | null {
    const n = this.counter();
    if (this.version === 13) {
      const inner = open(this.key, xor(this.iv, n), body, head);
      if (!inner) return null;
      let end = inner.length - 1;
      while (end >= 0 && inner[end] === 0) end--;
      return end < 0 ? null : { type: inner[end] as number, data: inner.subarray(0, end) };
    }
    const length = body.length - 24;
    if (length < 0) return null;
    const aad = concat([n, Uint8Array.of(head[0] as number, 3, 3, length >> 8, length & 255)]);
    const data = open(this.key, concat([this.iv, body.subarray(0, 8)]), body.subarray(8), aad);
    return data ? { type: head[0] as number, data } : null;
  }
}

function xor(iv: Uint8Array, n: Uint8Array): Uint8Array {
  const out = iv.slice();
  for (let i = 0; i < 8; i++) out[4 + i] = (out[4 + i] as number) ^ (n[i] as number);
  return out;
}

export class TlsSession implements Stream {
  readonly under: Stream;
  readonly rng: Rng;
  private readonly observer: Observer | null;
  version: 12 | 13 = 13;
  suite: Suite | null = null;
  alpn: string | null = null;
  /** The name that the client asked for. */
  serverName: string | null = null;
  peerChain: Certificate[] = [];
  reading: Protection | null = null;
  /** A client that gives up before its Finished still talks in the clear. */
  plainAlerts = false;
  writing: Protection | null = null;
  bytesRead = 0;
  bytesWritten = 0;
  /** Tickets that have come since the handshake. */
  tickets: Uint8Array[] = [];
  ended = false;
  private buffer: Uint8Array = new Uint8Array(0);
  private messages: Uint8Array = new Uint8Array(0);
  private plain: Uint8Array = new Uint8Array(0);
  private out: Uint8Array[] = [];
  deadline: number | undefined;

  constructor(under: Stream, rng: Rng, observer: Observer | null = null) {
    this.under = under;
    this.rng = rng;
    this.observer = observer;
  }

  *observe(dir: 'in' | 'out', content: number, bytes: Uint8Array): Task<void> {
    if (this.observer) yield* this.observer(dir, this.version, content, bytes);
  }

  /** Puts a record into the flight that flush() sends. */
  *put(type: number, data: Uint8Array, legacy = 0x0303): Task<void> {
    const bytes = this.writing && type !== CHANGE_CIPHER_SPEC ? this.writing.seal(type, data) : record(type, data, legacy);
    yield* this.observe('out', HEADER, bytes.subarray(0, 5));
    if (this.writing && this.version === 13 && type !== CHANGE_CIPHER_SPEC) yield* this.observe('out', INNER, Uint8Array.of(type));
    this.out.push(bytes);
    if (type !== APPLICATION_DATA) yield* this.observe('out', type, data);
  }

  *flush(): Task<TlsFailure | null> {
    const all = concat(this.out);
    this.out = [];
    if (all.length === 0) return null;
    this.bytesWritten += all.length;
    const r = yield* this.under.send(all, this.deadline);
    return r.ok ? null : { kind: 'io', errno: r.errno };
  }

  *alert(code: number): Task<TlsFailure> {
    const level = code === ALERTS.closeNotify ? 1 : 2;
    yield* this.put(ALERT, Uint8Array.of(level, code));
    yield* this.flush();
    return { kind: 'alert', code, sent: true };
  }

  /** Reads no more than it needs, as OpenSSL does: what is left over makes a close a reset. */
  private *fill(n: number): Task<TlsFailure | null> {
    while (this.buffer.length < n) {
      const r = yield* this.under.recv(n - this.buffer.length, this.deadline);
      if (!r.ok) return { kind: 'io', errno: r.errno };
      if (r.value.length === 0) return { kind: 'io', errno: 'closed' };
      this.bytesRead += r.value.length;
      this.buffer = this.buffer.length === 0 ? r.value : concat([this.buffer, r.value]);
    }
    return null;
  }

  /** The next record, opened. */
  private *next(): Task<{ type: number; data: Uint8Array } | TlsFailure> {
    const short = yield* this.fill(5);
    if (short) return short;
    const head = this.buffer.slice(0, 5);
    const length = u16(head, 3);
    const type = head[0] as number;
    if (head[1] !== 3 || type < CHANGE_CIPHER_SPEC || type > APPLICATION_DATA || length > MAX_RECORD) {
      yield* this.observe('in', HEADER, head);
      return { kind: 'wrong-version', peeked: this.buffer };
    }
    const more = yield* this.fill(5 + length);
    if (more) return more;
    const body = this.buffer.slice(5, 5 + length);
    this.buffer = this.buffer.slice(5 + length);
    yield* this.observe('in', HEADER, head);
    if (!this.reading || type === CHANGE_CIPHER_SPEC || (this.plainAlerts && type === ALERT)) return { type, data: body };
    const opened = this.reading.open(head, body);
    if (!opened) return yield* this.alert(ALERTS.badRecordMac);
    if (this.version === 13) yield* this.observe('in', INNER, Uint8Array.of(opened.type));
    return opened;
  }

  /** The next handshake message with its header. TLS 1.3's compatibility records are passed over. */
  *message(expectCcs = false): Task<{ type: number; body: Uint8Array; raw: Uint8Array } | TlsFailure | 'ccs'> {
    for (;;) {
      if (this.messages.length >= 4) {
        const length = ((this.messages[1] as number) << 16) | u16(this.messages, 2);
        if (this.messages.length >= 4 + length) {
          const raw = this.messages.slice(0, 4 + length);
          this.messages = this.messages.slice(4 + length);
          return { type: raw[0] as number, body: raw.subarray(4), raw };
        }
      }
      const r = yield* this.next();
      if ('kind' in r) return r;
      if (r.type === CHANGE_CIPHER_SPEC) {
        if (!expectCcs) continue;
        return 'ccs';
      }
      if (r.type === ALERT) {
        yield* this.observe('in', ALERT, r.data);
        return { kind: 'alert', code: r.data[1] ?? 0, sent: false };
      }
      if (r.type !== HANDSHAKE) return yield* this.alert(ALERTS.unexpectedMessage);
      this.messages = concat([this.messages, r.data]);
    }
  }

  *send(data: Uint8Array, deadline?: number): Task<Result> {
    this.deadline = deadline;
    for (let i = 0; i < data.length; i += MAX_PLAIN) yield* this.put(APPLICATION_DATA, data.subarray(i, i + MAX_PLAIN));
    const f = yield* this.flush();
    return !f ? ok() : fail(f.kind === 'io' && f.errno !== 'closed' ? f.errno : 'EPIPE');
  }

  *recv(max: number, deadline?: number): Task<Result<Uint8Array>> {
    this.deadline = deadline;
    while (this.plain.length === 0 && !this.ended) {
      const r = yield* this.next();
      if ('kind' in r) {
        if (r.kind === 'io' && r.errno !== 'closed') return fail(r.errno);
        this.ended = true;
        break;
      }
      if (r.type === APPLICATION_DATA) this.plain = r.data;
      else if (r.type === ALERT) {
        yield* this.observe('in', ALERT, r.data);
        this.ended = true;
      } else if (r.type === HANDSHAKE) {
        yield* this.observe('in', HANDSHAKE, r.data);
        if (r.data[0] === NEW_SESSION_TICKET) {
          this.tickets.push(r.data);
          yield* this.onTicket?.() ?? none();
        }
      }
    }
    const part = this.plain.slice(0, max);
    this.plain = this.plain.slice(part.length);
    return ok(part);
  }

  /** Told of each new session ticket. */
  onTicket: (() => Task<void>) | null = null;

  readable(): boolean {
    return this.plain.length > 0 || this.buffer.length > 0 || this.under.readable();
  }

  /** Says goodbye; the connection below stays for its owner to close. */
  *close(): Task<void> {
    if (this.ended && this.writing === null) return;
    yield* this.alert(ALERTS.closeNotify);
    this.ended = true;
  }

  /** Octets that have come but belong to no record, for a server that finds plain HTTP. */
  get unread(): Uint8Array {
    return this.buffer;
  }
}

function* none(): Task<void> {}
