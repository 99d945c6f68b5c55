/** TLS for the probe of HTTP: the handshake, whom it trusts, and the certificate that was shown. */

import type { Process } from '../../os/process.ts';
import { tlsConnect } from '../../os/tls/client.ts';
import { type TlsFailure, TlsSession } from '../../os/tls/session.ts';
import { alertFor, certificatesIn, systemTrust, verifyChain, verifyText } from '../../os/tls/trust.ts';
import { parseIp } from '../../wire/addr.ts';
import { text } from '../../wire/bytes.ts';
import { altNames, type Certificate, formatName, matchesHost } from '../../wire/x509.ts';
import { provideTls, type Securing, type Shown } from './securing.ts';

function shown(c: Certificate): Shown {
  return {
    subject: formatName(c.subject, 'tight'),
    issuer: formatName(c.issuer, 'tight'),
    names: altNames(c).map((n) => n.value),
  };
}

function trusted(p: Process, ca: string | undefined, authority: string | null): readonly Certificate[] | string {
  if (ca === undefined) return systemTrust(p);
  if (ca === 'cluster') return authority === null ? 'there is no cluster with an authority' : certificatesIn(authority);
  const file = p.readFile(ca);
  return file.ok ? certificatesIn(text(file.value)) : `the place has no file ${ca}`;
}

const secure: Securing = function* (p, stream, { name, ca, authority, deadline }) {
  const insecure = ca === 'insecure';
  const anchors = insecure ? [] : trusted(p, ca, authority);
  if (typeof anchors === 'string') return { kind: 'tls', text: anchors, certificate: null };
  const s = new TlsSession(stream, p.sim.rng('tls'));
  s.deadline = deadline;
  let wrong = 0;
  const failure = yield* tlsConnect(s, {
    serverName: parseIp(name) === null ? name : null,
    alpn: ['http/1.1'],
    min: 12,
    max: 13,
    style: 'openssl',
    check(chain) {
      wrong = insecure ? 0 : (verifyChain(chain, anchors, p.sim.epochMs + p.sim.now / 1000).findings[0]?.code ?? 0);
      return wrong === 0 ? null : alertFor(wrong);
    },
  });
  const leaf = s.peerChain[0];
  const certificate = leaf ? shown(leaf) : null;
  if (failure || !leaf || !certificate) return { kind: 'tls', text: reason(failure, wrong), certificate };
  if (!insecure && !matchesHost(leaf, name)) {
    yield* s.close();
    return { kind: 'tls', text: `the server's certificate is not for ${name}`, certificate };
  }
  return { stream: s, certificate, close: () => s.close() };
};

function reason(failure: TlsFailure | null, wrong: number): string {
  if (wrong !== 0) return `the server's certificate is not trusted: ${verifyText(wrong)}`;
  if (failure?.kind === 'wrong-version') return 'the server does not speak TLS';
  if (failure?.kind === 'alert') return `the server refuses TLS (alert ${failure.code})`;
  return `TLS broke off: ${failure ? failure.errno : 'no certificate'}`;
}

provideTls(secure);
