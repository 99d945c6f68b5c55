/** TLS under a connection of curl's: the handshake, the certificate's checks and what -v says of them. Models lib/vtls/openssl.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { tlsConnect } from '../../os/tls/client.ts';
import { HEADER, INNER, type Observer, type TlsFailure, TlsSession } from '../../os/tls/session.ts';
import { alertFor, certificatesIn, systemTrust, verifyChain, verifyText } from '../../os/tls/trust.ts';
import { parseIp } from '../../wire/addr.ts';
import { text } from '../../wire/bytes.ts';
import { ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE } from '../../wire/tls.ts';
import { altNames, type Certificate, formatName, matchesHost } from '../../wire/x509.ts';
import { strftime } from '../strftime.ts';
import type { Connection, Failure } from './connect.ts';
import type { Debug } from './debug.ts';
import type { CurlOptions } from './options.ts';

export interface Secured {
  failure: Failure | null;
  verifyResult: number;
  certs: number;
}

const MESSAGES: Readonly<Record<number, string>> = {
  1: 'Client hello',
  2: 'Server hello',
  4: 'Newsession Ticket',
  8: 'Encrypted Extensions',
  11: 'Certificate',
  12: 'Server key exchange',
  13: 'Request CERT',
  14: 'Server finished',
  15: 'CERT verify',
  16: 'Client key exchange',
  20: 'Finished',
};

/** SSL_alert_desc_string_long(). */
const ALERT_TEXTS: Readonly<Record<number, string>> = {
  0: 'close notify',
  10: 'unexpected_message',
  20: 'bad record mac',
  40: 'handshake failure',
  42: 'bad certificate',
  45: 'certificate expired',
  46: 'certificate unknown',
  48: 'unknown CA',
  50: 'decode error',
  51: 'decrypt error',
  70: 'protocol version',
  80: 'internal error',
  112: 'unrecognized name',
  120: 'no application protocol',
};

/** What OpenSSL calls an alert that comes from the other side. */
const ALERT_ERRORS: Readonly<Record<number, string>> = {
  10: 'sslv3 alert unexpected message',
  20: 'sslv3 alert bad record mac',
  40: 'sslv3 alert handshake failure',
  42: 'sslv3 alert bad certificate',
  45: 'sslv3 alert certificate expired',
  46: 'sslv3 alert certificate unknown',
  48: 'tlsv1 alert unknown ca',
  50: 'tlsv1 alert decode error',
  51: 'tlsv1 alert decrypt error',
  70: 'tlsv1 alert protocol version',
  80: 'tlsv1 alert internal error',
  112: 'tlsv1 unrecognized name',
  120: 'tlsv1 alert no application protocol',
};

/** OpenSSL's own words for a failed handshake, `0A00010B:SSL routines::wrong version number`. */
export function opensslError(f: TlsFailure): { code: string; words: string } | null {
  if (f.kind === 'wrong-version') return { code: '0A00010B', words: 'wrong version number' };
  if (f.kind !== 'alert') return null;
  if (f.sent)
    return f.code === 70 ? { code: '0A000102', words: 'unsupported protocol' } : { code: '0A000086', words: 'certificate verify failed' };
  return { code: (0x0a000000 + 1000 + f.code).toString(16).toUpperCase().padStart(8, '0'), words: ALERT_ERRORS[f.code] ?? 'tlsv1 alert' };
}

/** `Nov 21 00:31:35 2026 GMT`, the day in two columns. */
const certificateDate = (ms: number): string => strftime('%b %e %H:%M:%S %Y GMT', Math.floor(ms / 1000));

function observer(debug: Debug): Observer {
  return function* (dir, version, content, bytes): Task<void> {
    if (content !== HEADER && content !== INNER && debug.on) {
      const side = `TLSv1.${version - 10} (${dir.toUpperCase()})`;
      if (content === ALERT) {
        const code = ((bytes[0] as number) << 8) | (bytes[1] as number);
        yield* debug.info(`${side}, TLS alert, ${ALERT_TEXTS[bytes[1] as number] ?? 'unknown'} (${code}):`);
      } else if (content === CHANGE_CIPHER_SPEC) yield* debug.info(`${side}, TLS change cipher, Change cipher spec (1):`);
      else if (content === HANDSHAKE)
        yield* debug.info(`${side}, TLS handshake, ${MESSAGES[bytes[0] as number] ?? 'Unknown'} (${bytes[0]}):`);
    }
    yield* debug.data(dir === 'in' ? 'sslIn' : 'sslOut', bytes);
  };
}

export function* secure(p: Process, o: CurlOptions, debug: Debug, c: Connection, host: string): Task<Secured> {
  const done = (failure: Failure | null, verifyResult = 0, certs = 0): Secured => ({ failure, verifyResult, certs });
  let trusted: Certificate[] = [];
  if (!o.insecure) {
    const file = o.cacert === null ? null : p.readFile(o.cacert);
    if (file && !file.ok) return done({ code: 77, message: `error setting certificate file: ${o.cacert}` });
    trusted = file?.ok ? certificatesIn(text(file.value)) : systemTrust(p);
  }
  if (o.cert !== null) return done({ code: 58, message: 'client certificates are not emulated' });
  const offers = o.alpn ? (o.http === '1.1' || o.http === '2' ? (o.httpGiven ? ['http/1.1'] : ['h2', 'http/1.1']) : ['http/1.0']) : [];
  if (offers.length > 0) yield* debug.info(`ALPN: offers ${offers.join(',')}`);
  const s = new TlsSession(c.reader.stream, p.sim.rng('tls'), observer(debug));
  s.deadline = c.reader.deadline;
  const now = p.sim.epochMs + p.sim.now / 1000;
  let result = 0;
  const failure = yield* tlsConnect(s, {
    serverName: parseIp(host) === null ? host : null,
    alpn: offers,
    min: o.tlsMin,
    max: o.tlsMax,
    style: 'curl',
    check(chain) {
      const verdict = verifyChain(chain, trusted, now);
      result = verdict.findings[0]?.code ?? 0;
      return o.insecure || result === 0 ? null : alertFor(result);
    },
    *begun() {
      if (o.insecure) return;
      yield* debug.info(` CAfile: ${o.cacert ?? '/etc/ssl/certs/ca-certificates.crt'}`);
      yield* debug.info(` CApath: ${o.capath ?? '/etc/ssl/certs'}`);
    },
  });
  const certs = s.peerChain.length;
  if (failure) {
    const f = handshakeFailure(failure, result, c);
    yield* debug.info(f.message);
    return done(f, result, certs);
  }
  const leaf = s.peerChain[0] as Certificate;
  yield* debug.info(`SSL connection using TLSv1.${s.version - 10} / ${s.suite?.name}`);
  if (offers.length > 0)
    yield* debug.info(s.alpn === null ? 'ALPN: server did not agree on a protocol. Uses default.' : `ALPN: server accepted ${s.alpn}`);
  yield* debug.info('Server certificate:');
  yield* debug.info(` subject: ${formatName(leaf.subject, 'tight')}`);
  yield* debug.info(` start date: ${certificateDate(leaf.notBefore)}`);
  yield* debug.info(` expire date: ${certificateDate(leaf.notAfter)}`);
  c.tls = s;
  c.reader.stream = s;
  s.onTicket = function* (): Task<void> {
    if (s.tickets.length > 1) yield* debug.info('old SSL session ID is stale, removing');
  };
  if (!o.insecure) {
    const mismatch = yield* hostCheck(leaf, host, debug);
    if (mismatch) return done(mismatch, result, certs);
  }
  yield* debug.info(` issuer: ${formatName(leaf.issuer, 'tight')}`);
  yield* debug.info(
    result === 0 ? ' SSL certificate verify ok.' : ` SSL certificate verify result: ${verifyText(result)} (${result}), continuing anyway.`,
  );
  yield* debug.info('using HTTP/1.1');
  return done(null, result, certs);
}

function handshakeFailure(f: TlsFailure, result: number, c: Connection): Failure {
  if (f.kind === 'io') {
    if (f.errno === 'EAGAIN') return { code: 28, message: 'SSL connection timeout' };
    const why = f.errno === 'closed' ? 'SSL_ERROR_SYSCALL' : 'Connection reset by peer';
    return { code: 35, message: `OpenSSL SSL_connect: ${why} in connection to ${c.host}:${c.port} ` };
  }
  if (f.kind === 'alert' && f.sent && result !== 0) return { code: 60, message: `SSL certificate problem: ${verifyText(result)}` };
  const e = opensslError(f);
  return { code: 35, message: `OpenSSL/3.0.19: error:${e?.code}:SSL routines::${e?.words}` };
}

/** Curl_ossl_verifyhost(). */
function* hostCheck(leaf: Certificate, host: string, debug: Debug): Task<Failure | null> {
  const hit = matchesHost(leaf, host);
  const names = altNames(leaf).some((n) => n.kind === 'DNS' || n.kind === 'IP Address');
  if (hit) {
    const what = hit.kind === 'IP Address' ? 'IP address!' : `"${hit.value}"`;
    yield* debug.info(
      hit.kind === 'CN' ? ` common name: ${hit.value} (matched)` : ` subjectAltName: host "${host}" matched cert's ${what}`,
    );
    return null;
  }
  const cn = leaf.subject.findLast(([oid]) => oid === '2.5.4.3')?.[1];
  let message: string;
  if (names) {
    yield* debug.info(` subjectAltName does not match ${host}`);
    message = `SSL: no alternative certificate subject name matches target host name '${host}'`;
  } else if (cn === undefined) message = 'SSL: unable to obtain common name from peer certificate';
  else message = `SSL: certificate subject name '${cn}' does not match target host name '${host}'`;
  yield* debug.info(message);
  return { code: 60, message };
}

/** SSL_read() and SSL_shutdown() before the socket goes: late tickets are taken in, and goodbye is said. */
export function* unsecure(p: Process, c: Connection): Task<void> {
  if (!c.tls) return;
  yield* c.tls.recv(1024, p.sim.now + 1000);
  yield* c.tls.close();
}
