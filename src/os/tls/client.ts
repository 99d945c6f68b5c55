/** The client's handshake, TLS 1.3 and 1.2 with X25519 and AES-GCM. Models ssl/statem/statem_clnt.c of OpenSSL 3.0 */

import { concat } from '../../wire/bytes.ts';
import {
  ALERTS,
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  CERTIFICATE_VERIFY,
  CHANGE_CIPHER_SPEC,
  CLIENT_KEY_EXCHANGE,
  Cursor,
  ENCRYPTED_EXTENSIONS,
  emitCertificate,
  FINISHED,
  HANDSHAKE,
  handshakeMessage,
  NEW_SESSION_TICKET,
  parseCertificateMessage,
  parseEncryptedExtensions,
  parseServerHello,
  SERVER_HELLO,
  SERVER_HELLO_DONE,
  SERVER_KEY_EXCHANGE,
  type ServerHello,
  SUITES,
  type Suite,
  vector,
  words,
} from '../../wire/tls.ts';
import { emitClientHello, type HelloStyle, shareGroups } from '../../wire/tlshello.ts';
import { type Certificate, parseCertificate } from '../../wire/x509.ts';
import type { Task } from '../program.ts';
import { type PrivateKey, parsePublic, schemeOf, signHandshake, verifyHandshake } from './keys.ts';
import { type Exchange, exchange, GROUPS, randomBytes, sharedSecret } from './primitives.ts';
import { applicationSecrets, certificateVerifyText, finished12, finished13, handshakeSecrets, keys12, protection13 } from './schedule.ts';
import type { TlsFailure, TlsSession } from './session.ts';

export interface ClientOptions {
  serverName: string | null;
  alpn: readonly string[];
  min: number;
  max: number;
  style: HelloStyle;
  /** Judges the server's chain: an alert to end with, or null. */
  check(chain: readonly Certificate[]): number | null;
  /** When the first message has gone out. */
  begun?(): Task<void>;
  /** Shown to a server that asks for a certificate. */
  identity?: ClientIdentity | null;
}

/** A client's certificate, the leaf first, and its key. */
export interface ClientIdentity {
  readonly chain: readonly Uint8Array[];
  readonly key: PrivateKey;
}

class Handshake {
  readonly s: TlsSession;
  readonly o: ClientOptions;
  private parts: Uint8Array[] = [];
  readonly random: Uint8Array;
  private readonly own: readonly Exchange[];

  constructor(s: TlsSession, o: ClientOptions) {
    this.s = s;
    this.o = o;
    this.random = randomBytes(s.rng, 32);
    this.own = shareGroups(o.style).map((group) => exchange(group, s.rng));
  }

  get transcript(): Uint8Array {
    return concat(this.parts);
  }

  *put(message: Uint8Array, legacy?: number): Task<void> {
    this.parts.push(message);
    yield* this.s.put(HANDSHAKE, message, legacy);
  }

  /** The next message, which must be one of these. */
  *take(...types: readonly number[]): Task<{ type: number; body: Uint8Array; before: Uint8Array } | TlsFailure> {
    const m = yield* this.s.message();
    if (m === 'ccs') return yield* this.s.alert(ALERTS.unexpectedMessage);
    if ('kind' in m) return m;
    yield* this.s.observe('in', HANDSHAKE, m.raw);
    if (!types.includes(m.type)) return yield* this.s.alert(ALERTS.unexpectedMessage);
    const before = this.transcript;
    this.parts.push(m.raw);
    return { type: m.type, body: m.body, before };
  }

  *run(): Task<TlsFailure | null> {
    const { s, o } = this;
    s.version = o.max >= 13 ? 13 : 12;
    s.serverName = o.serverName;
    const sessionId = o.max >= 13 ? randomBytes(s.rng, 32) : new Uint8Array(0);
    const shares = new Map(this.own.map((e) => [e.group, e.share]));
    const hello = emitClientHello({ ...o, random: this.random, sessionId, shares });
    yield* this.put(hello, o.style === 'gnutls' && o.min <= 12 ? 0x0301 + o.min - 10 : 0x0301);
    const sent = yield* s.flush();
    yield* o.begun?.() ?? none();
    if (sent) return sent;
    const first = yield* this.take(SERVER_HELLO);
    if ('kind' in first) return first;
    const answer = parseServerHello(first.body);
    const suite = SUITES.find((x) => x.id === answer?.suite);
    if (!answer || !suite) return yield* s.alert(ALERTS.decodeError);
    if (answer.version < o.min || answer.version > o.max || suite.version !== answer.version) return yield* s.alert(ALERTS.protocolVersion);
    s.version = answer.version;
    s.suite = suite;
    return answer.version === 13 ? yield* this.thirteen(answer, suite) : yield* this.twelve(answer, suite);
  }

  private *chain(body: Uint8Array): Task<TlsFailure | null> {
    const { s, o } = this;
    s.peerChain = parseCertificateMessage(body, s.version).flatMap((b) => parseCertificate(b) ?? []);
    if (s.peerChain.length === 0) return yield* s.alert(ALERTS.decodeError);
    const wrong = o.check(s.peerChain);
    return wrong === null ? null : yield* s.alert(wrong);
  }

  private *thirteen(answer: ServerHello, suite: Suite): Task<TlsFailure | null> {
    const { s } = this;
    const own = this.own.find((e) => e.group === answer.group);
    const shared = own && answer.share ? sharedSecret(own, answer.share) : null;
    if (!shared) return yield* s.alert(ALERTS.handshakeFailure);
    const secrets = handshakeSecrets(suite.hash, shared, this.transcript);
    s.reading = protection13(suite, secrets.server);
    const extensions = yield* this.take(ENCRYPTED_EXTENSIONS);
    if ('kind' in extensions) return extensions;
    s.alpn = parseEncryptedExtensions(extensions.body);
    let message = yield* this.take(CERTIFICATE, CERTIFICATE_REQUEST);
    if ('kind' in message) return message;
    const asked = message.type === CERTIFICATE_REQUEST;
    if (asked) message = yield* this.take(CERTIFICATE);
    if ('kind' in message) return message;
    const bad = yield* this.chain(message.body);
    if (bad) return bad;
    const proof = yield* this.take(CERTIFICATE_VERIFY);
    if ('kind' in proof) return proof;
    const key = parsePublic((s.peerChain[0] as Certificate).spki);
    const c = new Cursor(proof.body);
    const scheme = c.number(2);
    if (!key || !verifyHandshake(key, scheme, certificateVerifyText(suite.hash, proof.before), c.vector(2)))
      return yield* s.alert(ALERTS.decryptError);
    const finished = yield* this.take(FINISHED);
    if ('kind' in finished) return finished;
    if (!equal(finished.body, finished13(suite.hash, secrets.server, finished.before))) return yield* s.alert(ALERTS.decryptError);
    const application = applicationSecrets(suite.hash, secrets.next, this.transcript);
    yield* s.put(CHANGE_CIPHER_SPEC, Uint8Array.of(1));
    if (this.o.style !== 'openssl' && this.o.style !== 'curl') yield* s.flush();
    s.writing = protection13(suite, secrets.client);
    if (asked) {
      const own = this.o.identity ?? null;
      yield* this.put(own ? emitCertificate(own.chain, 13) : handshakeMessage(CERTIFICATE, vector(1), vector(3)));
      if (own) {
        const signature = signHandshake(own.key, certificateVerifyText(suite.hash, this.transcript, 'client'), s.rng);
        yield* this.put(handshakeMessage(CERTIFICATE_VERIFY, words([schemeOf(own.key)]), vector(2, signature)));
      }
    }
    yield* this.put(handshakeMessage(FINISHED, finished13(suite.hash, secrets.client, this.transcript)));
    const f = yield* s.flush();
    s.reading = protection13(suite, application.server);
    s.writing = protection13(suite, application.client);
    return f;
  }

  private *twelve(answer: ServerHello, suite: Suite): Task<TlsFailure | null> {
    const { s } = this;
    s.alpn = answer.alpn;
    const certificate = yield* this.take(CERTIFICATE);
    if ('kind' in certificate) return certificate;
    const bad = yield* this.chain(certificate.body);
    if (bad) return bad;
    const offer = yield* this.take(SERVER_KEY_EXCHANGE);
    if ('kind' in offer) return offer;
    const c = new Cursor(offer.body);
    c.take(1);
    const group = c.number(2);
    const share = c.vector(1);
    const params = offer.body.subarray(0, c.at);
    const scheme = c.number(2);
    const key = parsePublic((s.peerChain[0] as Certificate).spki);
    if (!GROUPS.includes(group) || !key || !verifyHandshake(key, scheme, concat([this.random, answer.random, params]), c.vector(2)))
      return yield* s.alert(ALERTS.decryptError);
    let next = yield* this.take(SERVER_HELLO_DONE, CERTIFICATE_REQUEST);
    if ('kind' in next) return next;
    const asked = next.type === CERTIFICATE_REQUEST;
    if (asked) next = yield* this.take(SERVER_HELLO_DONE);
    if ('kind' in next) return next;
    const own = exchange(group, s.rng);
    const shared = sharedSecret(own, share);
    if (!shared) return yield* s.alert(ALERTS.handshakeFailure);
    if (asked) yield* this.put(handshakeMessage(CERTIFICATE, vector(3)));
    yield* this.put(handshakeMessage(CLIENT_KEY_EXCHANGE, vector(1, own.share)));
    const keys = keys12(suite, shared, this.random, answer.random, answer.extendedMaster ? this.transcript : null);
    yield* s.put(CHANGE_CIPHER_SPEC, Uint8Array.of(1));
    s.writing = keys.client;
    yield* this.put(handshakeMessage(FINISHED, finished12(suite.hash, keys.master, 'client', this.transcript)));
    const f = yield* s.flush();
    if (f) return f;
    for (;;) {
      const m = yield* s.message(true);
      if (m === 'ccs') {
        s.reading = keys.server;
        continue;
      }
      if ('kind' in m) return m;
      yield* s.observe('in', HANDSHAKE, m.raw);
      if (m.type === NEW_SESSION_TICKET) {
        this.parts.push(m.raw);
        continue;
      }
      if (m.type !== FINISHED || !equal(m.body, finished12(suite.hash, keys.master, 'server', this.transcript)))
        return yield* s.alert(ALERTS.decryptError);
      return null;
    }
  }
}

function* none(): Task<void> {}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/** Null once the connection is protected. */
export function tlsConnect(s: TlsSession, o: ClientOptions): Task<TlsFailure | null> {
  return new Handshake(s, o).run();
}
