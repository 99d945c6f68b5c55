/** Whether a certificate chain is to be trusted: issuers, signatures, dates, constraints. Models crypto/x509/x509_vfy.c of OpenSSL 3.0 */

import { text } from '../../wire/bytes.ts';
import { parsePem } from '../../wire/der.ts';
import { ALERTS } from '../../wire/tls.ts';
import { basicConstraints, type Certificate, parseCertificate, sameName } from '../../wire/x509.ts';
import type { Process } from '../process.ts';
import { parsePublic, verify } from './keys.ts';

const V_OK = 0;
export const V_CERT_NOT_YET_VALID = 9;
export const V_CERT_HAS_EXPIRED = 10;
export const V_SELF_SIGNED = 18;
export const V_SELF_SIGNED_IN_CHAIN = 19;
export const V_NO_LOCAL_ISSUER = 20;
const V_UNABLE_TO_VERIFY_LEAF = 21;
const V_BAD_SIGNATURE = 7;
const V_INVALID_CA = 24;

const TEXTS: Readonly<Record<number, string>> = {
  [V_OK]: 'ok',
  [V_BAD_SIGNATURE]: 'certificate signature failure',
  [V_CERT_NOT_YET_VALID]: 'certificate is not yet valid',
  [V_CERT_HAS_EXPIRED]: 'certificate has expired',
  [V_SELF_SIGNED]: 'self-signed certificate',
  [V_SELF_SIGNED_IN_CHAIN]: 'self-signed certificate in certificate chain',
  [V_NO_LOCAL_ISSUER]: 'unable to get local issuer certificate',
  [V_UNABLE_TO_VERIFY_LEAF]: 'unable to verify the first certificate',
  [V_INVALID_CA]: 'invalid CA certificate',
};

export const verifyText = (code: number): string => TEXTS[code] ?? `error number ${code}`;

/** The alert that a verdict leads to. Models ssl_x509err2alert(). */
export function alertFor(code: number): number {
  if (code === V_CERT_HAS_EXPIRED || code === V_CERT_NOT_YET_VALID)
    return code === V_CERT_HAS_EXPIRED ? ALERTS.certificateExpired : ALERTS.badCertificate;
  if (code === V_BAD_SIGNATURE) return ALERTS.decryptError;
  return ALERTS.unknownCa;
}

export interface Finding {
  code: number;
  depth: number;
  certificate: Certificate;
}

export interface Verdict {
  /** The last error, 0 when there is none. */
  code: number;
  /** In the order in which they are found. */
  findings: Finding[];
  /** From the leaf up, as far as it could be built. */
  chain: Certificate[];
}

const MAX_DEPTH = 16;
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);
const selfIssued = (c: Certificate): boolean => sameName(c.issuer, c.subject);

/** `partial` of a file: every certificate of a PEM text. */
export const certificatesIn = (pem: string): Certificate[] =>
  parsePem(pem).flatMap((p) => (/^(X509 |TRUSTED )?CERTIFICATE$/.test(p.label) ? (parseCertificate(p.der) ?? []) : []));

/** The host's own authorities. */
export function systemTrust(p: Process): Certificate[] {
  const r = p.readFile('/etc/ssl/certs/ca-certificates.crt');
  return r.ok ? certificatesIn(text(r.value)) : [];
}

function signedBy(c: Certificate, issuer: Certificate): boolean {
  const key = parsePublic(issuer.spki);
  return key !== null && verify(key, c.algorithm, c.tbs, c.signature);
}

/** `now` is ms since 1970. */
export function verifyChain(sent: readonly Certificate[], trusted: readonly Certificate[], now: number): Verdict {
  const leaf = sent[0] as Certificate;
  const chain = [leaf];
  let anchored = trusted.some((t) => sameBytes(t.raw, leaf.raw));
  while (!anchored && chain.length < MAX_DEPTH) {
    const last = chain.at(-1) as Certificate;
    if (selfIssued(last)) break;
    const anchor = trusted.find((t) => sameName(t.subject, last.issuer));
    const next = anchor ?? sent.find((c) => !chain.includes(c) && sameName(c.subject, last.issuer));
    if (!next) break;
    chain.push(next);
    anchored = anchor !== undefined && selfIssued(anchor);
    if (anchor && !anchored) anchored = !trusted.some((t) => sameName(t.subject, anchor.issuer));
  }
  const findings: Finding[] = [];
  const top = chain.at(-1) as Certificate;
  if (!anchored) {
    if (selfIssued(top))
      findings.push({ code: chain.length === 1 ? V_SELF_SIGNED : V_SELF_SIGNED_IN_CHAIN, depth: chain.length - 1, certificate: top });
    else {
      findings.push({ code: V_NO_LOCAL_ISSUER, depth: chain.length - 1, certificate: top });
      if (chain.length === 1) findings.push({ code: V_UNABLE_TO_VERIFY_LEAF, depth: 0, certificate: leaf });
    }
  }
  for (let depth = chain.length - 1; depth >= 0; depth--) {
    const certificate = chain[depth] as Certificate;
    const issuer = chain[depth + 1];
    const limits = basicConstraints(certificate);
    if (depth > 0 && limits && !limits.ca) findings.push({ code: V_INVALID_CA, depth, certificate });
    if (issuer && !signedBy(certificate, issuer)) findings.push({ code: V_BAD_SIGNATURE, depth, certificate });
    if (now < certificate.notBefore) findings.push({ code: V_CERT_NOT_YET_VALID, depth, certificate });
    else if (now > certificate.notAfter) findings.push({ code: V_CERT_HAS_EXPIRED, depth, certificate });
  }
  return { code: findings.at(-1)?.code ?? V_OK, findings, chain };
}
