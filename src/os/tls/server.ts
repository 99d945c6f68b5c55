/** The server's handshake, TLS 1.3 and 1.2, the certificate chosen by the name asked for. Models ssl/statem/statem_srvr.c of OpenSSL 3.0 */

import { concat, put16 } from '../../wire/bytes.ts';
import {
  ALERTS,
  alpnExtension,
  CERTIFICATE,
  CERTIFICATE_REQUEST,
  CERTIFICATE_VERIFY,
  CHANGE_CIPHER_SPEC,
  CLIENT_HELLO,
  CLIENT_KEY_EXCHANGE,
  type ClientHello,
  Cursor,
  ENCRYPTED_EXTENSIONS,
  EXT_EXTENDED_MASTER,
  EXT_POINT_FORMATS,
  EXT_RENEGOTIATION,
  EXT_SERVER_NAME,
  EXT_SESSION_TICKET,
  EXT_SIGNATURES,
  emitCertificate,
  emitServerHello,
  extension,
  FINISHED,
  HANDSHAKE,
  handshakeMessage,
  NEW_SESSION_TICKET,
  parseCertificateMessage,
  parseClientHello,
  SERVER_HELLO_DONE,
  SERVER_KEY_EXCHANGE,
  SUITES,
  type Suite,
  shareExtension,
  vector,
  versionExtension,
  words,
} from '../../wire/tls.ts';
import { parseCertificate } from '../../wire/x509.ts';
import type { Task } from '../program.ts';
import { type PrivateKey, parsePublic, SCHEME_ECDSA, SCHEME_PSS, schemeOf, signHandshake, verifyHandshake } from './keys.ts';
import { exchange, GROUPS, randomBytes, sharedSecret } from './primitives.ts';
import { applicationSecrets, certificateVerifyText, finished12, finished13, handshakeSecrets, keys12, protection13 } from './schedule.ts';
import type { TlsFailure, TlsSession } from './session.ts';

export interface Identity {
  /** The leaf first. */
  chain: readonly Uint8Array[];
  key: PrivateKey;
}

export interface ServerOptions {
  /** By the name asked for; null ends the handshake with unrecognized_name. */
  identity(serverName: string | null): readonly Identity[] | null;
  versions: readonly number[];
  /** Agrees on one of the client's protocols; undefined ends with no_application_protocol. */
  alpn(offered: readonly string[]): string | null | undefined;
  /** TLS 1.3: asks for a certificate, which a client need not have; `peerChain` then holds what it has proved to own. */
  askClient?: boolean;
}

/** Key name, IV and MAC around the encrypted session of a stateless ticket. */
const TICKET_OVERHEAD = 64;
const BLOCK = 16;
/** Octets of a session in DER as nginx has it, without what only some have. */
const SESSION = { 12: 109, 13: 149 } as const;
const TICKETS_13 = 2;
const TICKET_LIFETIME = 300;

class Handshake {
  readonly s: TlsSession;
  readonly o: ServerOptions;
  private parts: Uint8Array[] = [];

  constructor(s: TlsSession, o: ServerOptions) {
    this.s = s;
    this.o = o;
  }

  get transcript(): Uint8Array {
    return concat(this.parts);
  }

  *put(message: Uint8Array): Task<void> {
    this.parts.push(message);
    yield* this.s.put(HANDSHAKE, message);
  }

  *take(type: number, ccs = false): Task<{ body: Uint8Array; before: Uint8Array } | TlsFailure | 'ccs'> {
    const m = yield* this.s.message(ccs);
    if (m === 'ccs' || 'kind' in m) return m;
    yield* this.s.observe('in', HANDSHAKE, m.raw);
    if (m.type !== type) return yield* this.s.alert(ALERTS.unexpectedMessage);
    const before = this.transcript;
    this.parts.push(m.raw);
    return { body: m.body, before };
  }

  private ticket(suite: Suite, extendedMaster: boolean): Uint8Array {
    const { s } = this;
    const length =
      SESSION[s.version] +
      (s.serverName === null ? 0 : s.serverName.length + 4) +
      (s.alpn === null ? 0 : s.alpn.length + 4) +
      (s.version === 12 && extendedMaster ? 5 : 0) -
      (s.version === 13 && suite.hash === 'sha256' ? 16 : 0);
    return randomBytes(s.rng, TICKET_OVERHEAD + (Math.floor(length / BLOCK) + 1) * BLOCK);
  }

  *run(): Task<TlsFailure | null> {
    const { s, o } = this;
    const first = yield* this.take(CLIENT_HELLO);
    if (first === 'ccs') return yield* s.alert(ALERTS.unexpectedMessage);
    if ('kind' in first) return first;
    const hello = parseClientHello(first.body);
    if (!hello) return yield* s.alert(ALERTS.decodeError);
    s.serverName = hello.serverName;
    const offered = hello.versions.length > 0 ? hello.versions : [0x0303];
    const version =
      o.versions.includes(13) && offered.includes(0x0304) ? 13 : o.versions.includes(12) && offered.includes(0x0303) ? 12 : null;
    if (version === null) return yield* s.alert(ALERTS.protocolVersion);
    s.version = version;
    const identities = o.identity(hello.serverName);
    if (!identities || identities.length === 0) return yield* s.alert(identities ? ALERTS.handshakeFailure : ALERTS.unrecognizedName);
    const suite = SUITES.find(
      (x) => x.version === version && hello.suites.includes(x.id) && (x.auth === null || identities.some((i) => i.key.kind === x.auth)),
    );
    const identity = identities.find((i) => (suite?.auth ?? i.key.kind) === i.key.kind && hello.signatures.includes(schemeOf(i.key)));
    if (!suite || !identity) return yield* s.alert(ALERTS.handshakeFailure);
    s.suite = suite;
    if (hello.alpn.length > 0) {
      const agreed = o.alpn(hello.alpn);
      if (agreed === undefined) return yield* s.alert(ALERTS.noApplicationProtocol);
      s.alpn = agreed;
    }
    return version === 13 ? yield* this.thirteen(hello, suite, identity) : yield* this.twelve(hello, suite, identity);
  }

  /** Certificate and CertificateVerify of a client that was asked. */
  private *clientCertificate(suite: Suite): Task<TlsFailure | null> {
    const { s } = this;
    const certificate = yield* this.take(CERTIFICATE);
    if (certificate === 'ccs') return yield* s.alert(ALERTS.unexpectedMessage);
    if ('kind' in certificate) return certificate;
    const chain = parseCertificateMessage(certificate.body, 13).flatMap((b) => parseCertificate(b) ?? []);
    const leaf = chain[0];
    if (!leaf) return null;
    const proof = yield* this.take(CERTIFICATE_VERIFY);
    if (proof === 'ccs') return yield* s.alert(ALERTS.unexpectedMessage);
    if ('kind' in proof) return proof;
    const key = parsePublic(leaf.spki);
    const c = new Cursor(proof.body);
    const scheme = c.number(2);
    if (!key || !verifyHandshake(key, scheme, certificateVerifyText(suite.hash, proof.before, 'client'), c.vector(2)))
      return yield* s.alert(ALERTS.decryptError);
    s.peerChain = chain;
    return null;
  }

  private *thirteen(hello: ClientHello, suite: Suite, identity: Identity): Task<TlsFailure | null> {
    const { s } = this;
    const [group, theirs] = [...hello.shares].find(([g]) => GROUPS.includes(g)) ?? [0, new Uint8Array(0)];
    const own = exchange(group, s.rng);
    const shared = sharedSecret(own, theirs);
    if (!shared) return yield* s.alert(ALERTS.handshakeFailure);
    const random = randomBytes(s.rng, 32);
    yield* this.put(
      emitServerHello({
        random,
        sessionId: hello.sessionId,
        suite: suite.id,
        extensions: [versionExtension(), shareExtension(own.group, own.share)],
      }),
    );
    if (hello.sessionId.length > 0) yield* s.put(CHANGE_CIPHER_SPEC, Uint8Array.of(1));
    const secrets = handshakeSecrets(suite.hash, shared, this.transcript);
    s.writing = protection13(suite, secrets.server);
    const extensions = [
      ...(s.serverName === null ? [] : [extension(EXT_SERVER_NAME)]),
      ...(s.alpn === null ? [] : [alpnExtension(s.alpn)]),
    ];
    yield* this.put(handshakeMessage(ENCRYPTED_EXTENSIONS, vector(2, ...extensions)));
    if (this.o.askClient) {
      const schemes = extension(EXT_SIGNATURES, vector(2, words([SCHEME_ECDSA, SCHEME_PSS])));
      yield* this.put(handshakeMessage(CERTIFICATE_REQUEST, vector(1), vector(2, schemes)));
    }
    yield* this.put(emitCertificate(identity.chain, 13));
    const signature = signHandshake(identity.key, certificateVerifyText(suite.hash, this.transcript), s.rng);
    yield* this.put(handshakeMessage(CERTIFICATE_VERIFY, word(schemeOf(identity.key)), vector(2, signature)));
    yield* this.put(handshakeMessage(FINISHED, finished13(suite.hash, secrets.server, this.transcript)));
    const application = applicationSecrets(suite.hash, secrets.next, this.transcript);
    const f = yield* s.flush();
    if (f) return f;
    s.reading = protection13(suite, secrets.client);
    s.plainAlerts = true;
    const wrong = this.o.askClient ? yield* this.clientCertificate(suite) : null;
    const finished = wrong ?? (yield* this.take(FINISHED));
    s.plainAlerts = false;
    if (finished === 'ccs') return yield* s.alert(ALERTS.unexpectedMessage);
    if ('kind' in finished) return finished;
    if (!equal(finished.body, finished13(suite.hash, secrets.client, finished.before))) return yield* s.alert(ALERTS.decryptError);
    s.reading = protection13(suite, application.client);
    s.writing = protection13(suite, application.server);
    for (let i = 0; i < TICKETS_13; i++) {
      const head = concat([long(TICKET_LIFETIME), randomBytes(s.rng, 4), vector(1, concat([new Uint8Array(7), Uint8Array.of(i)]))]);
      yield* s.put(HANDSHAKE, handshakeMessage(NEW_SESSION_TICKET, head, vector(2, this.ticket(suite, hello.extendedMaster)), vector(2)));
      const sent = yield* s.flush();
      if (sent) return sent;
    }
    return null;
  }

  private *twelve(hello: ClientHello, suite: Suite, identity: Identity): Task<TlsFailure | null> {
    const { s } = this;
    const group = hello.groups.find((g) => GROUPS.includes(g));
    if (group === undefined) return yield* s.alert(ALERTS.handshakeFailure);
    const random = randomBytes(s.rng, 32);
    const own = exchange(group, s.rng);
    const extensions = [
      ...(s.serverName === null ? [] : [extension(EXT_SERVER_NAME)]),
      extension(EXT_RENEGOTIATION, Uint8Array.of(0)),
      extension(EXT_POINT_FORMATS, Uint8Array.of(3, 0, 1, 2)),
      ...(hello.ticket ? [extension(EXT_SESSION_TICKET)] : []),
      ...(s.alpn === null ? [] : [alpnExtension(s.alpn)]),
      ...(hello.extendedMaster ? [extension(EXT_EXTENDED_MASTER)] : []),
    ];
    yield* this.put(emitServerHello({ random, sessionId: randomBytes(s.rng, 32), suite: suite.id, extensions }));
    yield* this.put(emitCertificate(identity.chain, 12));
    const params = concat([Uint8Array.of(3), word(group), vector(1, own.share)]);
    const signature = signHandshake(identity.key, concat([hello.random, random, params]), s.rng);
    yield* this.put(handshakeMessage(SERVER_KEY_EXCHANGE, params, word(schemeOf(identity.key)), vector(2, signature)));
    yield* this.put(handshakeMessage(SERVER_HELLO_DONE));
    const f = yield* s.flush();
    if (f) return f;
    const key = yield* this.take(CLIENT_KEY_EXCHANGE);
    if (key === 'ccs') return yield* s.alert(ALERTS.unexpectedMessage);
    if ('kind' in key) return key;
    const shared = sharedSecret(own, new Cursor(key.body).vector(1));
    if (!shared) return yield* s.alert(ALERTS.handshakeFailure);
    const keys = keys12(suite, shared, hello.random, random, hello.extendedMaster ? this.transcript : null);
    const changed = yield* this.take(FINISHED, true);
    if (changed !== 'ccs') return 'kind' in changed ? changed : yield* s.alert(ALERTS.unexpectedMessage);
    s.reading = keys.client;
    const m = yield* this.take(FINISHED);
    if (m === 'ccs') return yield* s.alert(ALERTS.unexpectedMessage);
    if ('kind' in m) return m;
    if (!equal(m.body, finished12(suite.hash, keys.master, 'client', m.before))) return yield* s.alert(ALERTS.decryptError);
    if (hello.ticket)
      yield* this.put(handshakeMessage(NEW_SESSION_TICKET, long(TICKET_LIFETIME), vector(2, this.ticket(suite, hello.extendedMaster))));
    yield* s.put(CHANGE_CIPHER_SPEC, Uint8Array.of(1));
    s.writing = keys.server;
    yield* this.put(handshakeMessage(FINISHED, finished12(suite.hash, keys.master, 'server', this.transcript)));
    return yield* s.flush();
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

function word(n: number): Uint8Array {
  const b = new Uint8Array(2);
  put16(b, 0, n);
  return b;
}

const long = (n: number): Uint8Array => Uint8Array.of(n >>> 24, n >>> 16, n >>> 8, n);

/** Null once the connection is protected. */
export function tlsAccept(s: TlsSession, o: ServerOptions): Task<TlsFailure | null> {
  return new Handshake(s, o).run();
}
