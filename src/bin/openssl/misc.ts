/** openssl version, rand, dgst and its short names, base64, ciphers. Models apps/version.c, rand.c, dgst.c, enc.c, ciphers.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { digest, HASHES, type HashName, hmacOf, randomBytes } from '../../os/tls/primitives.ts';
import { strerror } from '../../sim/errno.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { fromBase64, toBase64 } from '../../wire/der.ts';
import { SUITES } from '../../wire/tls.ts';
import { errorLine, Options, parseArgs, readInput, writeOutput } from './args.ts';

const VERSION = 'OpenSSL 3.0.19 27 Jan 2026 (Library: OpenSSL 3.0.19 27 Jan 2026)\n';
const PARTS: readonly (readonly [string, string])[] = [
  ['v', VERSION],
  ['b', 'built on: Fri Apr  3 12:29:32 2026 UTC\n'],
  ['p', 'platform: debian-amd64\n'],
  ['o', 'options:  bn(64,64)\n'],
  ['d', 'OPENSSLDIR: "/usr/lib/ssl"\n'],
  ['e', 'ENGINESDIR: "/usr/lib/x86_64-linux-gnu/engines-3"\n'],
  ['m', 'MODULESDIR: "/usr/lib/x86_64-linux-gnu/ossl-modules"\n'],
  ['r', 'Seeding source: os-specific\n'],
];

export function* version(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs('version', args, '', 'a b d e f m o p r v c help');
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  const wanted = PARTS.filter(([key]) => (a.given.length === 0 ? key === 'v' : o.has('a', key)));
  yield* p.out(wanted.map(([, line]) => line).join(''));
  return 0;
}

const hex = (b: Uint8Array): string => [...b].map((x) => x.toString(16).padStart(2, '0')).join('');

/** In lines of 64. */
const lines64 = (s: string): string => `${(s.match(/.{1,64}/g) ?? ['']).join('\n')}\n`;

export function* rand(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs('rand', args, 'out rand writerand', 'hex base64 help');
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  const n = Number(a.rest[0]);
  if (!/^\d+$/.test(a.rest[0] ?? '') || n > 1 << 20) {
    yield* p.err('Usage: rand [options] num\n');
    return 1;
  }
  const b = randomBytes(p.sim.rng('openssl.rand'), n);
  const out = o.has('hex') ? `${hex(b)}\n` : o.has('base64') ? lines64(toBase64(b)) : b;
  return (yield* writeOutput(p, o.get('out'), out)) ? 0 : 1;
}

const SHOWN: Readonly<Record<HashName, string>> = {
  md5: 'MD5',
  sha1: 'SHA1',
  sha224: 'SHA2-224',
  sha256: 'SHA2-256',
  sha384: 'SHA2-384',
  sha512: 'SHA2-512',
};

export const isHash = (name: string): name is HashName => Object.hasOwn(HASHES, name);

/** `hash` is the command's own name when it is one. */
export function* dgst(p: Process, args: readonly string[], named: HashName | null): Task<number> {
  const a = parseArgs(
    'dgst',
    args,
    'out hmac sign verify signature sigopt mac macopt',
    `hex binary r c list ${Object.keys(HASHES).join(' ')}`,
  );
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  if (o.has('sign', 'verify', 'mac')) {
    yield* p.err('openssl: dgst makes no signatures here\n');
    return 1;
  }
  const hash = (a.given.map(([k]) => k).findLast(isHash) ?? named ?? 'sha256') as HashName;
  let status = 0;
  const key = o.get('hmac');
  for (const file of a.rest.length > 0 ? a.rest : [undefined]) {
    const r = file === undefined ? yield* p.readAll(0) : p.readFile(file);
    if (!r.ok) {
      yield* p.err(
        `${file}: ${strerror(r.errno)}\n` +
          errorLine(
            p,
            '80000002',
            `system library:file_ctrl:${strerror(r.errno)}:../crypto/bio/bss_file.c:297:calling fopen(${file}, rb)`,
          ) +
          errorLine(p, '10080002', 'BIO routines:file_ctrl:system lib:../crypto/bio/bss_file.c:300:'),
      );
      status = 1;
      continue;
    }
    const d = key === undefined ? digest(hash, r.value) : hmacOf(hash, utf8(key), r.value);
    const shown = file ?? 'stdin';
    const dotted = o.has('c') ? (hex(d).match(/../g) ?? []).join(':') : hex(d);
    const name = key === undefined ? SHOWN[hash] : `HMAC-${hash.toUpperCase()}`;
    const line = o.has('r') ? `${hex(d)} *${shown}\n` : `${name}(${shown})= ${dotted}\n`;
    if (!(yield* writeOutput(p, o.get('out'), o.has('binary') ? d : line))) return 1;
  }
  return status;
}

export function* enc(p: Process, args: readonly string[], base64: boolean): Task<number> {
  const a = parseArgs('enc', args, 'in out k pass kfile md iter K iv S bufsize', 'base64 a d e A n p nopad pbkdf2 salt nosalt');
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  if (!base64 && !o.has('base64', 'a')) {
    yield* p.err('openssl: ciphers of enc are not emulated\n');
    return 1;
  }
  const data = yield* readInput(p, o.get('in'));
  if (!data) {
    yield* p.err(`Can't open "${o.get('in')}" for reading, No such file or directory\n`);
    return 1;
  }
  const out = o.has('d') ? fromBase64(text(data)) : o.has('A') ? toBase64(data) : lines64(toBase64(data));
  return (yield* writeOutput(p, o.get('out'), out)) ? 0 : 1;
}

/** Suites that Debian's OpenSSL lists: name, version, key exchange, authentication, cipher, MAC. */
const LIST: readonly (readonly [string, string, string, string, string])[] = [
  ['TLS_AES_256_GCM_SHA384', 'TLSv1.3', 'any', 'any', 'AESGCM(256)'],
  ['TLS_CHACHA20_POLY1305_SHA256', 'TLSv1.3', 'any', 'any', 'CHACHA20/POLY1305(256)'],
  ['TLS_AES_128_GCM_SHA256', 'TLSv1.3', 'any', 'any', 'AESGCM(128)'],
];

export function* ciphers(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs('ciphers', args, 'convert', 'v V s tls1_2 tls1_3 stdname');
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  const rows = [
    ...LIST,
    ...SUITES.filter((s) => s.version === 12).map(
      (s) => [s.name, 'TLSv1.2', 'ECDH', s.auth === 'rsa' ? 'RSA' : 'ECDSA', `AESGCM(${s.keyLength * 8})`] as const,
    ),
  ].filter(([, v]) => !o.has('s') || (o.has('tls1_3') ? v === 'TLSv1.3' : !o.has('tls1_2') || v === 'TLSv1.2'));
  if (!o.has('v', 'V')) yield* p.out(`${rows.map(([name]) => name).join(':')}\n`);
  else
    yield* p.out(
      rows
        .map(([name, v, kx, au, e]) => `${name.padEnd(30)} ${v} Kx=${kx.padEnd(8)} Au=${au.padEnd(5)} Enc=${e.padEnd(22)} Mac=AEAD\n`)
        .join(''),
    );
  return 0;
}
