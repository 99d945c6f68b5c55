/** X.509 certificates and requests (RFC 5280, RFC 2986): their fields to bytes and back. Signatures are others' business */

import { formatIp4, formatIp6, parseIp, readIp4, readIp6 } from './addr.ts';
import { concat, text, utf8 } from './bytes.ts';
import {
  BOOLEAN,
  bytesToBig,
  der,
  derBits,
  derInteger,
  derItems,
  derOctets,
  derOid,
  derText,
  derTime,
  IA5_STRING,
  NULL,
  OID,
  oidText,
  PRINTABLE_STRING,
  SEQUENCE,
  SET,
  sequence,
  type Tlv,
  timeOf,
  UTF8_STRING,
} from './der.ts';

export const OIDS = {
  rsaEncryption: '1.2.840.113549.1.1.1',
  sha256WithRSA: '1.2.840.113549.1.1.11',
  sha384WithRSA: '1.2.840.113549.1.1.12',
  sha512WithRSA: '1.2.840.113549.1.1.13',
  sha1WithRSA: '1.2.840.113549.1.1.5',
  ecPublicKey: '1.2.840.10045.2.1',
  prime256v1: '1.2.840.10045.3.1.7',
  ecdsaSha256: '1.2.840.10045.4.3.2',
  extensionRequest: '1.2.840.113549.1.9.14',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
} as const;

/** Short name, long name and OID of what a name is made of. */
export const ATTRIBUTES: readonly (readonly [string, string, string])[] = [
  ['CN', 'commonName', '2.5.4.3'],
  ['SN', 'surname', '2.5.4.4'],
  ['serialNumber', 'serialNumber', '2.5.4.5'],
  ['C', 'countryName', '2.5.4.6'],
  ['L', 'localityName', '2.5.4.7'],
  ['ST', 'stateOrProvinceName', '2.5.4.8'],
  ['O', 'organizationName', '2.5.4.10'],
  ['OU', 'organizationalUnitName', '2.5.4.11'],
  ['title', 'title', '2.5.4.12'],
  ['GN', 'givenName', '2.5.4.42'],
  ['DC', 'domainComponent', '0.9.2342.19200300.100.1.25'],
  ['UID', 'userId', '0.9.2342.19200300.100.1.1'],
  ['emailAddress', 'emailAddress', '1.2.840.113549.1.9.1'],
];

/** A distinguished name: OID and text, in the order of the bytes. */
export type Name = readonly (readonly [string, string])[];

export type GeneralName = { kind: 'DNS' | 'IP Address' | 'email' | 'URI'; value: string };

export interface Extension {
  oid: string;
  critical: boolean;
  value: Uint8Array;
}

export interface Certificate {
  raw: Uint8Array;
  /** What the signature covers. */
  tbs: Uint8Array;
  serial: bigint;
  issuer: Name;
  subject: Name;
  /** ms since 1970. */
  notBefore: number;
  notAfter: number;
  /** SubjectPublicKeyInfo. */
  spki: Uint8Array;
  extensions: readonly Extension[];
  algorithm: string;
  signature: Uint8Array;
}

export function emitName(name: Name): Uint8Array {
  return sequence(
    ...name.map(([oid, value]) => {
      const tag = oid === '2.5.4.6' ? PRINTABLE_STRING : /\.25$|9\.1$/.test(oid) ? IA5_STRING : UTF8_STRING;
      return der(SET, sequence(derOid(oid), derText(tag, value)));
    }),
  );
}

function parseName(t: Tlv): Name {
  const out: [string, string][] = [];
  for (const set of derItems(t.value) ?? [])
    for (const pair of derItems(set.value) ?? []) {
      const [oid, value] = derItems(pair.value) ?? [];
      if (oid && value) out.push([oidText(oid.value), text(value.value)]);
    }
  return out;
}

const short = (oid: string): string => ATTRIBUTES.find((a) => a[2] === oid)?.[0] ?? oid;

/** `C = DE, O = Example, CN = web`, or one of openssl's other styles. */
export function formatName(name: Name, style: 'oneline' | 'rfc2253' | 'compat' | 'multiline' | 'tight' = 'oneline'): string {
  const quoted = (v: string): string => (/[,+"\\<>;]/.test(v) || /^[ #]| $/.test(v) ? `"${v.replace(/["\\]/g, '\\$&')}"` : v);
  switch (style) {
    case 'rfc2253':
      return [...name]
        .reverse()
        .map(([oid, v]) => `${short(oid)}=${v.replace(/[,+"\\<>;]/g, '\\$&')}`)
        .join(',');
    case 'compat':
      return name.map(([oid, v]) => `/${short(oid)}=${v}`).join('');
    case 'multiline':
      return name.map(([oid, v]) => `\n    ${(ATTRIBUTES.find((a) => a[2] === oid)?.[1] ?? oid).padEnd(25)} = ${v}`).join('');
    case 'tight':
      return name.map(([oid, v]) => `${short(oid)}=${v}`).join('; ');
    default:
      return name.map(([oid, v]) => `${short(oid)} = ${quoted(v)}`).join(', ');
  }
}

/** Equal names, byte for byte in their values. */
export const sameName = (a: Name, b: Name): boolean => JSON.stringify(a) === JSON.stringify(b);

const algorithmId = (oid: string): Uint8Array => sequence(derOid(oid), ...(oid.startsWith('1.2.840.113549') ? [der(NULL)] : []));

function emitExtensions(list: readonly Extension[]): Uint8Array {
  return sequence(
    ...list.map((e) => sequence(derOid(e.oid), ...(e.critical ? [der(BOOLEAN, Uint8Array.of(0xff))] : []), derOctets(e.value))),
  );
}

function parseExtensions(b: Uint8Array): Extension[] {
  const list = derItems(b)?.[0];
  return (derItems(list?.value ?? new Uint8Array(0)) ?? []).flatMap((t) => {
    const [oid, ...rest] = derItems(t.value) ?? [];
    const value = rest.at(-1);
    return oid && value ? [{ oid: oidText(oid.value), critical: rest[0]?.tag === BOOLEAN, value: value.value }] : [];
  });
}

export interface ToSign {
  serial: bigint;
  issuer: Name;
  subject: Name;
  notBefore: number;
  notAfter: number;
  spki: Uint8Array;
  extensions: readonly Extension[];
  algorithm: string;
}

/** TBSCertificate, version 3 when it has extensions. */
export function emitTbs(c: ToSign): Uint8Array {
  return sequence(
    ...(c.extensions.length > 0 ? [der(0xa0, derInteger(2n))] : []),
    derInteger(c.serial),
    algorithmId(c.algorithm),
    emitName(c.issuer),
    sequence(derTime(c.notBefore), derTime(c.notAfter)),
    emitName(c.subject),
    c.spki,
    ...(c.extensions.length > 0 ? [der(0xa3, emitExtensions(c.extensions))] : []),
  );
}

export const emitSigned = (tbs: Uint8Array, algorithm: string, signature: Uint8Array): Uint8Array =>
  sequence(tbs, algorithmId(algorithm), derBits(signature));

/** Null for what is no certificate. */
export function parseCertificate(raw: Uint8Array): Certificate | null {
  const [outer] = derItems(raw) ?? [];
  if (outer?.tag !== SEQUENCE) return null;
  const [tbs, algorithm, signature] = derItems(outer.value) ?? [];
  if (!tbs || !algorithm || !signature) return null;
  const fields = derItems(tbs.value);
  if (!fields) return null;
  if (fields[0]?.tag === 0xa0) fields.shift();
  const [serial, , issuer, validity, subject, spki, ...rest] = fields;
  if (!serial || !issuer || !validity || !subject || !spki) return null;
  const [from, to] = derItems(validity.value) ?? [];
  const oid = derItems(algorithm.value)?.[0];
  if (!from || !to || oid?.tag !== OID) return null;
  const extensions = rest.find((t) => t.tag === 0xa3);
  return {
    raw: outer.raw,
    tbs: tbs.raw,
    serial: bytesToBig(serial.value),
    issuer: parseName(issuer),
    subject: parseName(subject),
    notBefore: timeOf(from),
    notAfter: timeOf(to),
    spki: spki.raw,
    extensions: extensions ? parseExtensions(extensions.value) : [],
    algorithm: oidText(oid.value),
    signature: signature.value.subarray(1),
  };
}

export interface CertificateRequest {
  raw: Uint8Array;
  tbs: Uint8Array;
  subject: Name;
  spki: Uint8Array;
  extensions: readonly Extension[];
  algorithm: string;
  signature: Uint8Array;
}

export function emitRequestTbs(subject: Name, spki: Uint8Array, extensions: readonly Extension[]): Uint8Array {
  const wanted = extensions.length > 0 ? [sequence(derOid(OIDS.extensionRequest), der(SET, emitExtensions(extensions)))] : [];
  return sequence(derInteger(0n), emitName(subject), spki, der(0xa0, ...wanted));
}

export function parseRequest(raw: Uint8Array): CertificateRequest | null {
  const [outer] = derItems(raw) ?? [];
  const [tbs, algorithm, signature] = derItems(outer?.value ?? new Uint8Array(0)) ?? [];
  if (!outer || !tbs || !algorithm || !signature) return null;
  const [version, subject, spki, attributes] = derItems(tbs.value) ?? [];
  const oid = derItems(algorithm.value)?.[0];
  if (!version || !subject || !spki || !oid) return null;
  let extensions: Extension[] = [];
  for (const a of derItems(attributes?.value ?? new Uint8Array(0)) ?? []) {
    const [kind, set] = derItems(a.value) ?? [];
    if (kind && set && oidText(kind.value) === OIDS.extensionRequest) extensions = parseExtensions(set.value);
  }
  return {
    raw: outer.raw,
    tbs: tbs.raw,
    subject: parseName(subject),
    spki: spki.raw,
    extensions,
    algorithm: oidText(oid.value),
    signature: signature.value.subarray(1),
  };
}

const GENERAL: Readonly<Record<GeneralName['kind'], number>> = { email: 0x81, DNS: 0x82, URI: 0x86, 'IP Address': 0x87 };

export function emitAltNames(names: readonly GeneralName[]): Uint8Array {
  return sequence(
    ...names.map((n) => {
      const addr = n.kind === 'IP Address' ? parseIp(n.value) : null;
      if (addr === null) return der(GENERAL[n.kind], utf8(n.value));
      const octets = typeof addr === 'number' ? 4 : 16;
      return der(
        0x87,
        Uint8Array.from({ length: octets }, (_, i) => Number((BigInt(addr) >> BigInt(8 * (octets - 1 - i))) & 0xffn)),
      );
    }),
  );
}

/** Subject alternative names; empty when there are none. */
export function altNames(c: { extensions: readonly Extension[] }): GeneralName[] {
  const e = c.extensions.find((x) => x.oid === OIDS.subjectAltName);
  const list = e ? derItems(e.value)?.[0] : undefined;
  return (derItems(list?.value ?? new Uint8Array(0)) ?? []).flatMap((t): GeneralName[] => {
    if (t.tag === 0x87) return [{ kind: 'IP Address', value: t.value.length === 4 ? formatIp4(readIp4(t.value, 0)) : longIp6(t.value) }];
    const kind = (Object.keys(GENERAL) as GeneralName['kind'][]).find((k) => GENERAL[k] === t.tag);
    return kind ? [{ kind, value: text(t.value) }] : [];
  });
}

/** openssl prints IPv6 addresses in full, without leading zeroes. */
function longIp6(b: Uint8Array): string {
  if (b.length !== 16) return formatIp6(readIp6(concat([b, new Uint8Array(16)]), 0));
  return Array.from({ length: 8 }, (_, i) => (((b[2 * i] as number) << 8) | (b[2 * i + 1] as number)).toString(16).toUpperCase()).join(':');
}

export interface BasicConstraints {
  ca: boolean;
  pathLen: number | null;
}

export function basicConstraints(c: { extensions: readonly Extension[] }): BasicConstraints | null {
  const e = c.extensions.find((x) => x.oid === OIDS.basicConstraints);
  if (!e) return null;
  const items = derItems(derItems(e.value)?.[0]?.value ?? new Uint8Array(0)) ?? [];
  const length = items.find((t) => t.tag === 0x02);
  return { ca: items[0]?.tag === BOOLEAN && items[0].value[0] !== 0, pathLen: length ? Number(bytesToBig(length.value)) : null };
}

/** Whether a certificate speaks for a host: alternative names where there are any, else the common name. Wildcards stand for one label. */
export function matchesHost(c: Certificate, host: string): GeneralName | { kind: 'CN'; value: string } | null {
  const names = altNames(c);
  const addr = parseIp(host.replace(/^\[|\]$/g, ''));
  const like = (pattern: string): boolean => {
    const p = pattern.toLowerCase();
    const h = host.toLowerCase().replace(/\.$/, '');
    if (p === h) return true;
    return p.startsWith('*.') && p.split('.').length > 2 && h.includes('.') && h.slice(h.indexOf('.')) === p.slice(1);
  };
  if (names.some((n) => n.kind === 'DNS' || n.kind === 'IP Address')) {
    if (addr !== null) return names.find((n) => n.kind === 'IP Address' && parseIp(n.value.toLowerCase()) === addr) ?? null;
    return names.find((n) => n.kind === 'DNS' && like(n.value)) ?? null;
  }
  const cn = c.subject.findLast(([oid]) => oid === '2.5.4.3')?.[1];
  return cn !== undefined && (addr === null ? like(cn) : cn === host) ? { kind: 'CN', value: cn } : null;
}
