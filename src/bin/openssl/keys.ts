/** openssl genrsa, genpkey, ecparam, rsa, ec, pkey: private keys. Models apps/genrsa.c, genpkey.c, rsa.c, pkey.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { emitPrivate, emitPublic, type PrivateKey, publicOf } from '../../os/tls/keys.ts';
import { p256Public, p256Secret } from '../../os/tls/primitives.ts';
import { generateRsa } from '../../os/tls/rsa.ts';
import { bigToBytes, emitPem } from '../../wire/der.ts';
import { Options, parseArgs, writeOutput } from './args.ts';
import { loadKey } from './load.ts';
import { keyText, modulusOf } from './print.ts';

/** Keys larger than this take longer than anybody waits. */
const MAX_BITS = 4096;
const MIN_BITS = 512;

/** `rsa:2048`, `ec` with its curve. A text is what is wrong. */
export function* generate(p: Process, kind: string, curve: string | undefined): Task<PrivateKey | string> {
  const rng = p.sim.rng('openssl.keys');
  const [name, size] = kind.toLowerCase().split(':') as [string, string | undefined];
  if (name === 'ec' || name === 'ecdsa') {
    if (curve !== undefined && !/^(P-256|prime256v1|secp256r1)$/.test(curve)) return `openssl: curve ${curve} is not emulated\n`;
    const secret = p256Secret(rng);
    return { kind: 'ec', secret, point: p256Public(secret) };
  }
  if (name !== 'rsa' && name !== 'rsa-pss') return `openssl: keys of kind ${name} are not emulated\n`;
  const bits = Number(size ?? 2048);
  if (!(bits >= MIN_BITS)) return `genrsa: Error generating RSA key: key size too small\n`;
  if (bits > MAX_BITS || bits % 64 !== 0) return `openssl: RSA keys of ${bits} bits are not emulated\n`;
  return { kind: 'rsa', rsa: yield* generateRsa(bits, rng) };
}

function* done(p: Process, o: Options, key: PrivateKey | string, traditional = false): Task<number> {
  if (typeof key === 'string') {
    yield* p.err(key);
    return 1;
  }
  return (yield* writeOutput(p, o.get('out'), emitPrivate(key, traditional), 0o600)) ? 0 : 1;
}

export function* genrsa(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs('genrsa', args, 'out primes rand', '3 F4 f4 traditional verbose quiet');
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  const bits = a.rest[0] ?? '2048';
  if (!/^\d+$/.test(bits)) {
    yield* p.err(`genrsa: Can't parse "${bits}" as a number\n`);
    return 1;
  }
  return yield* done(p, o, yield* generate(p, `rsa:${bits}`, undefined), o.has('traditional'));
}

export function* genpkey(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs('genpkey', args, 'out algorithm pkeyopt outform', 'text quiet verbose');
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  const options = new Map(o.all('pkeyopt').map((x) => x.split(':', 2) as [string, string]));
  const kind = (o.get('algorithm') ?? '').toLowerCase();
  if (kind === '') {
    yield* p.err('genpkey: No keytype specified.\ngenpkey: Use -help for summary.\n');
    return 1;
  }
  return yield* done(
    p,
    o,
    yield* generate(p, kind === 'rsa' ? `rsa:${options.get('rsa_keygen_bits') ?? 2048}` : kind, options.get('ec_paramgen_curve')),
  );
}

export function* ecparam(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs('ecparam', args, 'name out in', 'genkey noout list_curves text check');
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  if (o.has('list_curves')) {
    yield* p.out('  prime256v1: X9.62/SECG curve over a 256 bit prime field\n');
    return 0;
  }
  if (!o.has('genkey')) {
    yield* p.err('openssl: ecparam without -genkey is not emulated\n');
    return 1;
  }
  const key = yield* generate(p, 'ec', o.get('name'));
  const params = o.has('noout') ? '' : '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
  if (typeof key === 'string') return yield* done(p, o, key);
  return (yield* writeOutput(p, o.get('out'), params + emitPrivate(key, true), 0o600)) ? 0 : 1;
}

/** rsa, ec and pkey: reads a key and writes it or what can be said of it. */
export function* keyCommand(p: Process, command: 'rsa' | 'ec' | 'pkey', args: readonly string[]): Task<number> {
  const a = parseArgs(command, args, 'in out inform outform', 'noout check pubout text modulus text_pub traditional pubin');
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  if (o.has('pubin')) {
    yield* p.err(`openssl: ${command} -pubin is not emulated\n`);
    return 1;
  }
  const key = yield* loadKey(p, o.get('in'));
  if (!key) return 1;
  if (command !== 'pkey' && key.kind !== command) {
    yield* p.err(`Not a valid ${command.toUpperCase()} key\n`);
    return 1;
  }
  const spki = emitPublic(publicOf(key));
  if (o.has('modulus') && command === 'rsa') yield* p.out(`Modulus=${modulusOf(spki)}\n`);
  if (o.has('check')) {
    if (command === 'pkey') yield* p.out('Key is valid\n');
    else if (command === 'rsa') yield* p.out('RSA key ok\n');
  }
  if (o.has('text') || o.has('text_pub')) {
    if (key.kind === 'rsa' && !o.has('text_pub')) yield* p.err('openssl: the text of private keys is not emulated\n');
    yield* p.out(keyText(publicOf(key), 0));
  }
  if (o.has('noout')) return 0;
  if (command !== 'pkey') yield* p.err(`writing ${command.toUpperCase()} key\n`);
  const text = o.has('pubout') ? emitPem('PUBLIC KEY', spki) : emitPrivate(key, o.has('traditional') || command === 'ec');
  return (yield* writeOutput(p, o.get('out'), text)) ? 0 : 1;
}

/** A serial number of 20 octets, its first bit clear. */
export function randomSerial(p: Process): bigint {
  const rng = p.sim.rng('openssl.serial');
  let n = 0n;
  for (let i = 0; i < 5; i++) n = (n << 32n) | BigInt(rng.u32());
  return BigInt.asUintN(159, n) | (1n << 155n);
}

/** Upper case, whole octets. */
export const serialHex = (n: bigint): string => [...bigToBytes(n)].map((b) => b.toString(16).padStart(2, '0').toUpperCase()).join('');
