/** openssl x509 and verify: showing, making and checking certificates. Models apps/x509.c, apps/verify.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import {
  certificateAlgorithm,
  emitPublic,
  type PrivateKey,
  parsePublic,
  publicOf,
  sign,
  verify as verifySignature,
} from '../../os/tls/keys.ts';
import { digest, HASHES, type HashName } from '../../os/tls/primitives.ts';
import { systemTrust, verifyChain, verifyText } from '../../os/tls/trust.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { emitPem, sequence } from '../../wire/der.ts';
import {
  altNames,
  basicConstraints,
  type Certificate,
  type Extension,
  emitName,
  emitSigned,
  emitTbs,
  formatName,
  matchesHost,
  OIDS,
  parseCertificate,
} from '../../wire/x509.ts';
import { Options, parseArgs, writeOutput } from './args.ts';
import { keyId, makeAll, makeExtension, parseSections, type Sections } from './extensions.ts';
import { randomSerial, serialHex } from './keys.ts';
import { loadCertificates, loadKey, loadRequest } from './load.ts';
import { certificateText, colons, dateText, EXTENSIONS, extensionText, modulusOf } from './print.ts';

const TAKES =
  'in out inform outform days CA CAkey CAserial extfile extensions signkey key set_serial checkend checkhost checkip checkemail ext nameopt certopt passin copy_extensions CAform CAkeyform keyform vfyopt sigopt not_before not_after';
const FLAGS =
  'noout text subject issuer dates startdate enddate serial fingerprint pubkey modulus email purpose hash subject_hash issuer_hash ocspid ocsp_uri req CAcreateserial clrext trustout new ' +
  'sha1 sha224 sha256 sha384 sha512 md5 badsig help preserve_dates';

const DAY = 86_400_000;

export const nowMs = (p: Process): number => Math.floor((p.sim.epochMs + p.sim.now / 1000) / 1000) * 1000;

type Style = Parameters<typeof formatName>[1];

function nameStyle(option: string | undefined): Style {
  const word = (option ?? '').toLowerCase();
  return word === 'rfc2253' ? 'rfc2253' : word === 'compat' ? 'compat' : /multiline/.test(word) ? 'multiline' : 'oneline';
}

export function* x509(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs('x509', args, TAKES, FLAGS);
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  const made = o.has('req') ? yield* issue(p, o) : null;
  if (o.has('req') && !made) return 1;
  const loaded = made ? [made] : yield* loadCertificates(p, o.get('in'), 'certificate', /^der$/i.test(o.get('inform') ?? ''));
  if (!loaded) return 1;
  let c = loaded[0] as Certificate;
  if (!made && o.has('signkey')) {
    const key = yield* loadKey(p, o.get('signkey'));
    if (!key) return 1;
    c = build(p, o, key, c.subject, c.subject, emitPublic(publicOf(key)), c.extensions, randomSerial(p));
  }
  const style = nameStyle(o.get('nameopt'));
  const hash = (a.given.map(([k]) => k).findLast((k) => k in HASHES) ?? 'sha1') as HashName;
  for (const [key, value] of a.given) {
    const said = show(c, key, value, style, hash);
    if (said !== null) yield* said.error ? p.err(said.text) : p.out(said.text);
  }
  const end = o.get('checkend');
  if (end !== undefined) {
    const expires = c.notAfter < nowMs(p) + Number(end) * 1000;
    yield* p.out(`Certificate will ${expires ? '' : 'not '}expire\n`);
    return expires ? 1 : 0;
  }
  for (const [key, what] of [
    ['checkhost', 'Hostname'],
    ['checkip', 'IP'],
  ] as const) {
    const value = o.get(key);
    if (value !== undefined) yield* p.out(`${what} ${value} does ${matchesHost(c, value) ? 'match' : 'NOT match'} certificate\n`);
  }
  if (o.has('noout')) return 0;
  const der = /^der$/i.test(o.get('outform') ?? '');
  return (yield* writeOutput(p, o.get('out'), der ? c.raw : emitPem('CERTIFICATE', c.raw))) ? 0 : 1;
}

function show(c: Certificate, key: string, value: string, style: Style, hash: HashName): { text: string; error?: boolean } | null {
  const line = (text: string): { text: string } => ({ text: `${text}\n` });
  switch (key) {
    case 'subject':
    case 'issuer':
      return line(`${key}=${formatName(c[key], style)}`);
    case 'dates':
      return line(`notBefore=${dateText(c.notBefore)}\nnotAfter=${dateText(c.notAfter)}`);
    case 'startdate':
      return line(`notBefore=${dateText(c.notBefore)}`);
    case 'enddate':
      return line(`notAfter=${dateText(c.notAfter)}`);
    case 'serial':
      return line(`serial=${serialHex(c.serial)}`);
    case 'fingerprint':
      return line(`${hash === 'sha1' ? 'SHA1' : hash} Fingerprint=${colons(digest(hash, c.raw))}`);
    case 'pubkey':
      return { text: emitPem('PUBLIC KEY', c.spki) };
    case 'modulus':
      return line(`Modulus=${modulusOf(c.spki)}`);
    case 'text':
      return { text: certificateText(c) };
    case 'email':
      return {
        text: altNames(c)
          .flatMap((n) => (n.kind === 'email' ? [`${n.value}\n`] : []))
          .join(''),
      };
    case 'hash':
    case 'subject_hash':
      return line(nameHash(c));
    case 'purpose':
      return { text: purposes(c) };
    case 'ext': {
      const wanted = value.split(',').map((w) => EXTENSIONS.find(([, short]) => short === w.trim())?.[0]);
      const hits = c.extensions.filter((e) => wanted.includes(e.oid));
      if (c.extensions.length === 0 || hits.length === 0) return { text: 'No extensions in certificate\n', error: true };
      return { text: extensionText(hits, 0) };
    }
    default:
      return null;
  }
}

/** X509_NAME_hash(): of the name in canonical form, which for plain names is lower case. */
function nameHash(c: Certificate): string {
  const canonical = emitName(c.subject.map(([oid, v]) => [oid, v.toLowerCase().trim().replace(/\s+/g, ' ')] as const));
  const body = canonical.subarray((canonical[1] as number) & 0x80 ? 2 + ((canonical[1] as number) & 0x7f) : 2);
  const h = digest('sha1', body);
  return [3, 2, 1, 0].map((i) => (h[i] as number).toString(16).padStart(2, '0')).join('');
}

function purposes(c: Certificate): string {
  const ca = basicConstraints(c)?.ca === true;
  const yes = (b: boolean): string => (b ? 'Yes' : 'No');
  const rows = [
    'SSL client',
    'SSL server',
    'Netscape SSL server',
    'S/MIME signing',
    'S/MIME encryption',
    'CRL signing',
    'Any Purpose',
    'OCSP helper',
    'Time Stamp signing',
  ];
  const lines = rows.map((r) => `${r} : ${yes(r !== 'Time Stamp signing')}\n${r} CA : ${yes(ca || r === 'Any Purpose')}\n`);
  return `Certificate purposes:\n${lines.join('')}`;
}

function build(
  p: Process,
  o: Options,
  key: PrivateKey,
  issuer: Certificate['issuer'],
  subject: Certificate['subject'],
  spki: Uint8Array,
  extensions: readonly Extension[],
  serial: bigint,
): Certificate {
  const start = nowMs(p);
  const algorithm = certificateAlgorithm(key);
  const notAfter = start + Number(o.get('days') ?? 30) * DAY;
  const tbs = emitTbs({ serial, issuer, subject, notBefore: start, notAfter, spki, extensions, algorithm });
  return parseCertificate(emitSigned(tbs, algorithm, sign(key, tbs))) as Certificate;
}

/** `x509 -req`: a certificate for a request. */
function* issue(p: Process, o: Options): Task<Certificate | null> {
  const request = yield* loadRequest(p, o.get('in'), /^der$/i.test(o.get('inform') ?? ''));
  if (!request) return null;
  const own = o.get('signkey', 'key');
  const ca = o.get('CA');
  if (own === undefined && ca === undefined) {
    yield* p.err('We need a private key to sign with, use -key or -CA or -CAkey with private key\n');
    return null;
  }
  const theirs = parsePublic(request.spki);
  if (!theirs || !verifySignature(theirs, request.algorithm, request.tbs, request.signature)) {
    yield* p.err('Certificate request self-signature did not match the contents\n');
    return null;
  }
  yield* p.err(`Certificate request self-signature ok\nsubject=${formatName(request.subject)}\n`);
  const issuer = ca === undefined ? null : ((yield* loadCertificates(p, ca, 'CA certificate'))?.[0] ?? null);
  if (ca !== undefined && !issuer) return null;
  const key = yield* loadKey(p, ca === undefined ? own : (o.get('CAkey') ?? ca), ca === undefined ? 'private key' : 'CA private key');
  if (!key) return null;
  if (issuer && !same(emitPublic(publicOf(key)), issuer.spki)) {
    yield* p.err('CA certificate and CA private key do not match\n');
    return null;
  }
  let sections: Sections = new Map();
  let list: Extension[] = o.get('copy_extensions')?.startsWith('copy') ? [...request.extensions] : [];
  const file = o.get('extfile');
  if (file !== undefined) {
    const r = p.readFile(file);
    if (!r.ok) {
      yield* p.err(`Can't open "${file}" for reading, No such file or directory\n`);
      return null;
    }
    sections = parseSections(text(r.value));
    const section = o.get('extensions') ?? sections.get('default')?.find(([k]) => k === 'extensions')?.[1] ?? 'default';
    const about = { spki: request.spki, issuer, sections };
    const made = makeAll(
      (sections.get(section) ?? []).filter(([k]) => k !== 'extensions'),
      about,
    );
    if (typeof made === 'string') {
      yield* p.err(`${made}\n`);
      return null;
    }
    list = [...list.filter((e) => !made.some((m) => m.oid === e.oid)), ...made];
    const id = makeExtension('subjectKeyIdentifier', 'hash', about);
    if (typeof id !== 'string' && !list.some((e) => e.oid === OIDS.subjectKeyId)) list.push(id);
  }
  const serial = nextSerial(p, o, ca);
  return build(p, o, key, issuer?.subject ?? request.subject, request.subject, request.spki, list, serial);
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/** -set_serial, or the number in the CA's serial file, which is counted up. */
function nextSerial(p: Process, o: Options, ca: string | undefined): bigint {
  const given = o.get('set_serial');
  if (given !== undefined) return BigInt(given);
  const file = o.get('CAserial') ?? (ca && o.has('CAcreateserial') ? `${ca.replace(/\.[^./]*$/, '')}.srl` : undefined);
  if (file === undefined) return randomSerial(p);
  const before = p.readText(file)?.trim();
  const serial = before && /^[0-9A-F]+$/i.test(before) ? BigInt(`0x${before}`) + 1n : randomSerial(p);
  p.writeFile(file, `${serialHex(serial)}\n`);
  return serial;
}

export function* verify(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs(
    'verify',
    args,
    'CAfile CApath untrusted trusted verify_hostname purpose',
    'partial_chain verbose show_chain no_check_time x509_strict',
  );
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  const trusted = systemTrust(p);
  for (const name of ['CAfile', 'trusted'] as const) {
    const file = o.get(name);
    if (file === undefined) continue;
    const r = yield* loadCertificates(p, file, 'certificate');
    if (!r) return 1;
    trusted.push(...r);
  }
  const extra: Certificate[] = [];
  for (const file of o.all('untrusted')) {
    const r = yield* loadCertificates(p, file, 'untrusted certificates');
    if (!r) return 1;
    extra.push(...r);
  }
  let status = 0;
  for (const file of a.rest.length > 0 ? a.rest : [undefined]) {
    const r = yield* loadCertificates(p, file, 'certificate file');
    if (!r) {
      status = 2;
      continue;
    }
    const verdict = verifyChain([r[0] as Certificate, ...extra], trusted, nowMs(p));
    const first = verdict.findings[0];
    const shown = file ?? 'stdin';
    if (!first) {
      yield* p.out(`${shown}: OK\n`);
      continue;
    }
    status = 2;
    yield* p.err(
      `${formatName(first.certificate.subject)}\nerror ${first.code} at ${first.depth} depth lookup: ${verifyText(first.code)}\n`,
    );
    yield* p.err(`error ${shown}: verification failed\n`);
  }
  return status;
}

/** What a self-made certificate carries unless told otherwise: v3_ca of openssl.cnf. */
export function caDefaults(spki: Uint8Array): Extension[] {
  const about = { spki, issuer: null, sections: new Map() };
  return (
    [
      ['subjectKeyIdentifier', 'hash'],
      ['authorityKeyIdentifier', 'keyid:always,issuer'],
      ['basicConstraints', 'critical,CA:true'],
    ] as const
  ).flatMap(([k, v]) => {
    const e = makeExtension(k, v, about);
    return typeof e === 'string' ? [] : [e];
  });
}

export { build as buildCertificate, keyId, sequence, utf8 };
