/** Certificates, requests and keys as -text shows them. Models crypto/x509/t_x509.c, crypto/asn1/x_*.c */

import { type PublicKey, parsePublic } from '../../os/tls/keys.ts';
import { formatIp4 } from '../../wire/addr.ts';
import { bigToBytes, bytesToBig, derItems, oidText } from '../../wire/der.ts';
import {
  altNames,
  basicConstraints,
  type Certificate,
  type CertificateRequest,
  type Extension,
  formatName,
  OIDS,
} from '../../wire/x509.ts';
import { strftime } from '../strftime.ts';

const ALGORITHMS: Readonly<Record<string, string>> = {
  [OIDS.sha256WithRSA]: 'sha256WithRSAEncryption',
  [OIDS.sha384WithRSA]: 'sha384WithRSAEncryption',
  [OIDS.sha512WithRSA]: 'sha512WithRSAEncryption',
  [OIDS.sha1WithRSA]: 'sha1WithRSAEncryption',
  [OIDS.ecdsaSha256]: 'ecdsa-with-SHA256',
};

/** Names of the extensions, and the short ones that -ext and files know them by. */
export const EXTENSIONS: readonly (readonly [string, string, string])[] = [
  [OIDS.subjectKeyId, 'subjectKeyIdentifier', 'X509v3 Subject Key Identifier'],
  [OIDS.keyUsage, 'keyUsage', 'X509v3 Key Usage'],
  [OIDS.subjectAltName, 'subjectAltName', 'X509v3 Subject Alternative Name'],
  [OIDS.basicConstraints, 'basicConstraints', 'X509v3 Basic Constraints'],
  [OIDS.authorityKeyId, 'authorityKeyIdentifier', 'X509v3 Authority Key Identifier'],
  [OIDS.extKeyUsage, 'extendedKeyUsage', 'X509v3 Extended Key Usage'],
];

/** Bit, short name, long name. */
export const KEY_USAGES: readonly (readonly [string, string])[] = [
  ['digitalSignature', 'Digital Signature'],
  ['nonRepudiation', 'Non Repudiation'],
  ['keyEncipherment', 'Key Encipherment'],
  ['dataEncipherment', 'Data Encipherment'],
  ['keyAgreement', 'Key Agreement'],
  ['keyCertSign', 'Certificate Sign'],
  ['cRLSign', 'CRL Sign'],
  ['encipherOnly', 'Encipher Only'],
  ['decipherOnly', 'Decipher Only'],
];

export const PURPOSES: readonly (readonly [string, string, string])[] = [
  ['1.3.6.1.5.5.7.3.1', 'serverAuth', 'TLS Web Server Authentication'],
  ['1.3.6.1.5.5.7.3.2', 'clientAuth', 'TLS Web Client Authentication'],
  ['1.3.6.1.5.5.7.3.3', 'codeSigning', 'Code Signing'],
  ['1.3.6.1.5.5.7.3.4', 'emailProtection', 'E-mail Protection'],
  ['1.3.6.1.5.5.7.3.8', 'timeStamping', 'Time Stamping'],
  ['1.3.6.1.5.5.7.3.9', 'OCSPSigning', 'OCSP Signing'],
];

const hex2 = (b: number): string => b.toString(16).padStart(2, '0');
export const colons = (b: Uint8Array): string => [...b].map((x) => hex2(x).toUpperCase()).join(':');

/** `Nov 21 00:31:35 2026 GMT`. */
export const dateText = (ms: number): string => strftime('%b %e %H:%M:%S %Y GMT', Math.floor(ms / 1000));

function hexLines(b: Uint8Array, indent: number, perLine: number): string {
  const lines: string[] = [];
  for (let i = 0; i < b.length; i += perLine) {
    const row = [...b.subarray(i, i + perLine)].map(hex2).join(':');
    lines.push(' '.repeat(indent) + row + (i + perLine < b.length ? ':' : ''));
  }
  return lines.map((l) => `${l}\n`).join('');
}

const signed = (n: bigint): Uint8Array => {
  const b = bigToBytes(n);
  return (b[0] as number) & 0x80 ? Uint8Array.from([0, ...b]) : b;
};

export function keyText(k: PublicKey, indent: number): string {
  const pad = ' '.repeat(indent);
  if (k.kind === 'ec')
    return `${pad}Public-Key: (256 bit)\n${pad}pub:\n${hexLines(k.point, indent + 4, 15)}${pad}ASN1 OID: prime256v1\n${pad}NIST CURVE: P-256\n`;
  const bits = k.rsa.n.toString(2).length;
  return `${pad}Public-Key: (${bits} bit)\n${pad}Modulus:\n${hexLines(signed(k.rsa.n), indent + 4, 15)}${pad}Exponent: ${k.rsa.e} (0x${k.rsa.e.toString(16)})\n`;
}

function spkiText(spki: Uint8Array): string {
  const key = parsePublic(spki);
  if (!key) return '            Unable to load Public Key\n';
  return `            Public Key Algorithm: ${key.kind === 'ec' ? 'id-ecPublicKey' : 'rsaEncryption'}\n${keyText(key, 16)}`;
}

/** The value of an extension, without indent. */
function extensionValue(e: Extension): string {
  const items = derItems(e.value) ?? [];
  switch (e.oid) {
    case OIDS.subjectAltName:
      return altNames({ extensions: [e] })
        .map((n) => `${n.kind}:${n.value}`)
        .join(', ');
    case OIDS.basicConstraints: {
      const b = basicConstraints({ extensions: [e] });
      return `CA:${b?.ca ? 'TRUE' : 'FALSE'}${b?.pathLen !== null && b !== null ? `, pathlen:${b.pathLen}` : ''}`;
    }
    case OIDS.subjectKeyId:
      return colons(items[0]?.value ?? new Uint8Array(0));
    case OIDS.authorityKeyId: {
      const id = (derItems(items[0]?.value ?? new Uint8Array(0)) ?? []).find((t) => t.tag === 0x80);
      return id ? colons(id.value) : '';
    }
    case OIDS.keyUsage: {
      const bits = items[0]?.value ?? new Uint8Array(2);
      return KEY_USAGES.filter((_, i) => ((bits[1 + (i >> 3)] ?? 0) >> (7 - (i & 7))) & 1)
        .map(([, long]) => long)
        .join(', ');
    }
    case OIDS.extKeyUsage:
      return (derItems(items[0]?.value ?? new Uint8Array(0)) ?? [])
        .map((t) => PURPOSES.find(([oid]) => oid === oidText(t.value))?.[2] ?? oidText(t.value))
        .join(', ');
    default:
      return [...e.value].map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : '.')).join('');
  }
}

export function extensionText(list: readonly Extension[], indent: number): string {
  const pad = ' '.repeat(indent);
  return list
    .map((e) => {
      const name = EXTENSIONS.find(([oid]) => oid === e.oid)?.[2] ?? e.oid;
      return `${pad}${name}: ${e.critical ? 'critical' : ''}\n${pad}    ${extensionValue(e)}\n`;
    })
    .join('');
}

function signatureText(algorithm: string, signature: Uint8Array): string {
  return `    Signature Algorithm: ${ALGORITHMS[algorithm] ?? algorithm}\n    Signature Value:\n${hexLines(signature, 8, 18)}`;
}

export function certificateText(c: Certificate): string {
  const serial = bigToBytes(c.serial);
  const number = serial.length <= 8 ? ` ${c.serial} (0x${c.serial.toString(16)})\n` : `\n            ${[...serial].map(hex2).join(':')}\n`;
  return (
    `Certificate:\n    Data:\n        Version: ${c.extensions.length > 0 ? '3 (0x2)' : '1 (0x0)'}\n        Serial Number:${number}` +
    `        Signature Algorithm: ${ALGORITHMS[c.algorithm] ?? c.algorithm}\n        Issuer: ${formatName(c.issuer)}\n` +
    `        Validity\n            Not Before: ${dateText(c.notBefore)}\n            Not After : ${dateText(c.notAfter)}\n` +
    `        Subject: ${formatName(c.subject)}\n        Subject Public Key Info:\n${spkiText(c.spki)}` +
    (c.extensions.length > 0 ? `        X509v3 extensions:\n${extensionText(c.extensions, 12)}` : '') +
    signatureText(c.algorithm, c.signature)
  );
}

export function requestText(r: CertificateRequest): string {
  const wanted =
    r.extensions.length > 0
      ? `            Requested Extensions:\n${extensionText(r.extensions, 16)}`
      : '            (none)\n            Requested Extensions:\n';
  return (
    `Certificate Request:\n    Data:\n        Version: 1 (0x0)\n        Subject: ${formatName(r.subject)}\n        Subject Public Key Info:\n${spkiText(r.spki)}` +
    `        Attributes:\n${wanted}${signatureText(r.algorithm, r.signature)}`
  );
}

export const modulusOf = (spki: Uint8Array): string => {
  const k = parsePublic(spki);
  return k?.kind === 'rsa' ? k.rsa.n.toString(16).toUpperCase() : 'Wrong Algorithm type';
};

/** `sigalg` of s_client's chain: RSA-SHA256, ecdsa-with-SHA256. */
export const signatureName = (oid: string): string =>
  ({
    [OIDS.sha256WithRSA]: 'RSA-SHA256',
    [OIDS.sha384WithRSA]: 'RSA-SHA384',
    [OIDS.sha512WithRSA]: 'RSA-SHA512',
    [OIDS.sha1WithRSA]: 'RSA-SHA1',
  })[oid] ??
  ALGORITHMS[oid] ??
  oid;

/** Kept for dumps of addresses in general names. */
export const addressText = (b: Uint8Array): string => (b.length === 4 ? formatIp4(Number(bytesToBig(b))) : colons(b));
