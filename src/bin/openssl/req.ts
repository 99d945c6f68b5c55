/** openssl req: certificate requests and self-signed certificates. Models apps/req.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { certificateAlgorithm, emitPrivate, emitPublic, type PrivateKey, parsePublic, publicOf, sign, verify } from '../../os/tls/keys.ts';
import { text } from '../../wire/bytes.ts';
import { emitPem } from '../../wire/der.ts';
import { ATTRIBUTES, type Extension, emitRequestTbs, emitSigned, formatName, type Name } from '../../wire/x509.ts';
import { Options, parseArgs, writeOutput } from './args.ts';
import { makeAll, parseSections, type Sections } from './extensions.ts';
import { generate, randomSerial } from './keys.ts';
import { loadCertificates, loadKey, loadRequest } from './load.ts';
import { modulusOf, requestText } from './print.ts';
import { buildCertificate, caDefaults } from './x509.ts';

const TAKES =
  'in out inform outform keyout key newkey pkeyopt subj addext days config extensions reqexts set_serial CA CAkey nameopt passin passout section';
const FLAGS = 'new x509 nodes noenc batch noout text subject verify pubkey modulus sha1 sha256 sha384 sha512 verbose utf8 newhdr help';

/** `/C=DE/O=Example/CN=web`; a text is what is wrong. */
function parseSubject(subject: string): Name | string {
  if (!subject.startsWith('/'))
    return `req: subject name is expected to be in the format /type0=value0/type1=value1/type2=... where characters may be escaped by \\. This name is not in that format: '${subject}'\n`;
  const out: [string, string][] = [];
  for (const part of subject.slice(1).split(/(?<!\\)\//)) {
    if (part === '') continue;
    const eq = part.indexOf('=');
    const word = part.slice(0, Math.max(0, eq));
    const value = part.slice(eq + 1).replace(/\\(.)/g, '$1');
    if (eq <= 0) return `req: Missing '=' after RDN type string '${part}' in subject name string\n`;
    const known = ATTRIBUTES.find(([short, long]) => short === word || long === word);
    if (known && value !== '') out.push([known[2], value]);
  }
  return out;
}

export function* req(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs('req', args, TAKES, FLAGS);
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  if (!o.has('new', 'x509', 'newkey') || (o.has('in') && !o.has('new'))) return yield* existing(p, o);
  let sections: Sections = new Map();
  const config = o.get('config');
  if (config !== undefined) {
    const r = p.readFile(config);
    if (!r.ok) {
      yield* p.err(`Can't open config file: ${config}\n`);
      return 1;
    }
    sections = parseSections(text(r.value));
  }
  const setting = (name: string): string | undefined => sections.get('req')?.find(([k]) => k === name)?.[1];
  const key = yield* keyFor(p, o, setting);
  if (!key) return 1;
  const subject = yield* subjectFor(p, o, sections, setting);
  if (!subject) return 1;
  const spki = emitPublic(publicOf(key));
  const issuer = o.has('CA') ? ((yield* loadCertificates(p, o.get('CA'), 'CA certificate'))?.[0] ?? null) : null;
  if (o.has('CA') && !issuer) return 1;
  const section = o.has('x509')
    ? (o.get('extensions') ?? setting('x509_extensions'))
    : (o.get('reqexts', 'extensions') ?? setting('req_extensions'));
  const about = { spki, issuer, sections };
  const named =
    section === undefined ? (o.has('x509') && !o.has('config') ? caDefaults(spki) : []) : makeAll(sections.get(section) ?? [], about);
  const added = makeAll(
    o.all('addext').map((x) => {
      const eq = x.indexOf('=');
      return [x.slice(0, eq).trim(), x.slice(eq + 1).trim()] as const;
    }),
    about,
  );
  for (const list of [named, added]) {
    if (typeof list !== 'string') continue;
    yield* p.err(`${list}\n`);
    return 1;
  }
  const more = added as Extension[];
  const extensions = [...(named as Extension[]).filter((e) => !more.some((m) => m.oid === e.oid)), ...more];
  let pem: string;
  if (o.has('x509')) {
    const signer = issuer ? yield* loadKey(p, o.get('CAkey') ?? o.get('CA'), 'CA private key') : key;
    if (!signer) return 1;
    const serial = o.has('set_serial') ? BigInt(o.get('set_serial') as string) : randomSerial(p);
    const c = buildCertificate(p, o, signer, issuer?.subject ?? subject, subject, spki, extensions, serial);
    pem = emitPem('CERTIFICATE', c.raw);
  } else {
    const tbs = emitRequestTbs(subject, spki, extensions);
    pem = emitPem('CERTIFICATE REQUEST', emitSigned(tbs, certificateAlgorithm(key), sign(key, tbs)));
  }
  if (o.has('noout')) return 0;
  return (yield* writeOutput(p, o.get('out'), pem)) ? 0 : 1;
}

function* keyFor(p: Process, o: Options, setting: (name: string) => string | undefined): Task<PrivateKey | null> {
  const file = o.get('key');
  if (file !== undefined) return yield* loadKey(p, file);
  if (!o.has('nodes', 'noenc') && setting('encrypt_key') !== 'no') {
    yield* p.err('openssl: keys with a pass phrase are not emulated; give -nodes\n');
    return null;
  }
  const kind = o.get('newkey') ?? `rsa:${setting('default_bits') ?? 2048}`;
  const options = new Map(o.all('pkeyopt').map((x) => x.split(':', 2) as [string, string]));
  const key = yield* generate(p, kind, options.get('ec_paramgen_curve'));
  if (typeof key === 'string') {
    yield* p.err(key);
    return null;
  }
  // The dots and pluses of the search for primes differ from one key to the next.
  if (key.kind === 'rsa') yield* p.err('.....+..+.+++++*.....+..+.+++++*\n...+.....+.+++++*..+...+.+++++*\n');
  const out = o.get('keyout') ?? setting('default_keyfile') ?? 'privkey.pem';
  if (!(yield* writeOutput(p, out, emitPrivate(key), 0o600))) return null;
  yield* p.err('-----\n');
  return key;
}

function* subjectFor(p: Process, o: Options, sections: Sections, setting: (name: string) => string | undefined): Task<Name | null> {
  const given = o.get('subj');
  if (given !== undefined) {
    const name = parseSubject(given);
    if (typeof name !== 'string') return name;
    yield* p.err(name);
    return null;
  }
  if (setting('prompt') === 'no') {
    const pairs = sections.get(setting('distinguished_name') ?? '') ?? [];
    return pairs.flatMap(([k, v]) => {
      const word = k.replace(/^\d+\./, '');
      const known = ATTRIBUTES.find(([short, long]) => short === word || long === word);
      return known ? [[known[2], v] as const] : [];
    });
  }
  yield* p.err('openssl: the questions for a subject are not emulated; give -subj\n');
  return null;
}

/** A request that is there already. */
function* existing(p: Process, o: Options): Task<number> {
  const r = yield* loadRequest(p, o.get('in'), /^der$/i.test(o.get('inform') ?? ''));
  if (!r) return 1;
  if (o.has('verify')) {
    const key = parsePublic(r.spki);
    const ok = key !== null && verify(key, r.algorithm, r.tbs, r.signature);
    yield* p.err(`Certificate request self-signature verify ${ok ? 'OK' : 'failure'}\n`);
    if (!ok) return 1;
  }
  if (o.has('text')) yield* p.out(requestText(r));
  if (o.has('subject')) yield* p.out(`subject=${formatName(r.subject)}\n`);
  if (o.has('pubkey')) yield* p.out(emitPem('PUBLIC KEY', r.spki));
  if (o.has('modulus')) yield* p.out(`Modulus=${modulusOf(r.spki)}\n`);
  if (o.has('noout')) return 0;
  return (yield* writeOutput(p, o.get('out'), emitPem('CERTIFICATE REQUEST', r.raw))) ? 0 : 1;
}
