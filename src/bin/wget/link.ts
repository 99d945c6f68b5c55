/** wget's connection and its TLS, in GnuTLS's words. Models GNU Wget 1.21.3 gnutls.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { tcpStream } from '../../os/stream.ts';
import { tlsConnect } from '../../os/tls/client.ts';
import { TlsSession } from '../../os/tls/session.ts';
import {
  V_CERT_HAS_EXPIRED,
  V_CERT_NOT_YET_VALID,
  V_NO_LOCAL_ISSUER,
  V_SELF_SIGNED,
  V_SELF_SIGNED_IN_CHAIN,
  type Verdict,
  verifyChain,
} from '../../os/tls/trust.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { parseIp } from '../../wire/addr.ts';
import { type Certificate, matchesHost } from '../../wire/x509.ts';
import { Reader } from '../curl/http.ts';
import type { Url } from '../curl/url.ts';
import type { WgetOptions } from './options.ts';

/** Exit statuses of exits.h. */
export const EXIT = { ok: 0, error: 1, parse: 2, io: 3, network: 4, ssl: 5, auth: 6, protocol: 7, server: 8 } as const;

export type Outcome = { exit: number; retry: boolean };

/** A connection and what has been read from it. */
export class Link extends Reader {
  readonly sock: TcpSocket;
  secured = false;
  constructor(sock: TcpSocket) {
    super(tcpStream(sock));
    this.sock = sock;
  }
}

/** The handshake in GnuTLS's words. */
export function* secure(
  p: Process,
  o: WgetOptions,
  trusted: readonly Certificate[],
  link: Link,
  url: Url,
  tell: (text: string) => Task<void>,
): Task<Outcome | null> {
  const session = new TlsSession(link.stream, p.sim.rng('tls'));
  session.deadline = o.readTimeout > 0 ? p.sim.now + o.readTimeout * 1e6 : undefined;
  const now = p.sim.epochMs + p.sim.now / 1000;
  let verdict: Verdict | null = null;
  const failure = yield* tlsConnect(session, {
    serverName: parseIp(url.host) === null ? url.host : null,
    alpn: [],
    min: o.tlsMin ?? 10,
    max: 13,
    style: o.tlsMin === null ? 'gnutls-compat' : 'gnutls',
    check: (chain) => {
      verdict = verifyChain(chain, trusted, now);
      return null;
    },
  });
  if (failure) {
    const why =
      failure.kind === 'wrong-version'
        ? 'An unexpected TLS packet was received.'
        : failure.kind === 'alert'
          ? 'A TLS fatal alert has been received.'
          : 'The TLS connection was non-properly terminated.';
    yield* tell(`GnuTLS: ${why}\nUnable to establish SSL connection.\n`);
    return { exit: EXIT.network, retry: false };
  }
  const leaf = session.peerChain[0] as Certificate;
  const level = o.checkCertificate ? 'ERROR' : 'WARNING';
  const codes = ((verdict as Verdict | null)?.findings ?? []).map((f) => f.code);
  const issuer = codes.some((c) => c === V_SELF_SIGNED || c === V_SELF_SIGNED_IN_CHAIN || c === V_NO_LOCAL_ISSUER);
  let bad = codes.length > 0;
  if (bad) yield* tell(`${level}: The certificate of ‘${url.host}’ is not trusted.\n`);
  if (issuer) yield* tell(`${level}: The certificate of ‘${url.host}’ doesn't have a known issuer.\n`);
  if (codes.includes(V_CERT_HAS_EXPIRED)) yield* tell(`${level}: The certificate of ‘${url.host}’ has expired.\n`);
  if (codes.includes(V_CERT_NOT_YET_VALID)) yield* tell(`${level}: The certificate of ‘${url.host}’ is not yet activated.\n`);
  if (!bad && !matchesHost(leaf, url.host)) {
    yield* tell(`The certificate's owner does not match hostname ‘${url.host}’\n`);
    bad = true;
  }
  if (bad && o.checkCertificate) return { exit: EXIT.ssl, retry: false };
  link.stream = session;
  link.secured = true;
  return null;
}
