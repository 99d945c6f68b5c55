/** A server's certificate chain and private key, as nginx loads them. Models src/event/ngx_event_openssl.c */

import type { Process } from '../../os/process.ts';
import { parsePrivate, parsePublic, publicOf } from '../../os/tls/keys.ts';
import type { Identity } from '../../os/tls/server.ts';
import { certificatesIn } from '../../os/tls/trust.ts';
import { type Errno, strerror } from '../../sim/errno.ts';
import { text } from '../../wire/bytes.ts';

const noFile = (path: string, e: Errno): string =>
  `BIO_new_file() failed (SSL: error:80000002:system library::${strerror(e)}:calling fopen(${path}, r) error:10000080:BIO routines::no such file)`;
const NO_START = 'PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no start line:Expecting: TRUSTED CERTIFICATE)';
const NO_KEY =
  'PEM_read_bio_PrivateKey() failed (SSL: error:1E08010C:DECODER routines::unsupported:No supported data to decode. Input type: PEM)';

/** The text of `[emerg]` when a file cannot be used. */
export function parsePair(p: Process, certificate: string, key: string): Identity | string {
  const c = p.readFile(certificate);
  if (!c.ok) return `cannot load certificate "${certificate}": ${noFile(certificate, c.errno)}`;
  const chain = certificatesIn(text(c.value));
  if (chain.length === 0) return `cannot load certificate "${certificate}": ${NO_START}`;
  const k = p.readFile(key);
  if (!k.ok) return `cannot load certificate key "${key}": ${noFile(key, k.errno)}`;
  const secret = parsePrivate(text(k.value));
  if (!secret) return `cannot load certificate key "${key}": ${NO_KEY}`;
  const own = JSON.stringify(publicOf(secret), shown);
  if (JSON.stringify(parsePublic(chain[0]?.spki ?? new Uint8Array(0)), shown) !== own)
    return `SSL_CTX_use_PrivateKey("${key}") failed (SSL: error:05800074:x509 certificate routines::key values mismatch)`;
  return { chain: chain.map((x) => x.raw), key: secret };
}

const shown = (_: string, v: unknown): unknown => (typeof v === 'bigint' ? v.toString(16) : v instanceof Uint8Array ? [...v].join() : v);
