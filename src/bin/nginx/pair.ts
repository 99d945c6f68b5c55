/** A server's certificate chain and private key, as nginx loads them. Models src/event/ngx_event_openssl.c */

import type { Process } from '../../os/process.ts';
import { strerror } from '../../sim/errno.ts';

export interface Pair {
  certificate: string;
  key: string;
}

/** The text of `[emerg]` when a file cannot be used. */
export function parsePair(p: Process, certificate: string, key: string): Pair | string {
  const c = p.readFile(certificate);
  if (!c.ok)
    return `cannot load certificate "${certificate}": BIO_new_file() failed (SSL: error:80000002:system library::${strerror(c.errno)}:calling fopen(${certificate}, r) error:10000080:BIO routines::no such file)`;
  const k = p.readFile(key);
  if (!k.ok)
    return `cannot load certificate key "${key}": BIO_new_file() failed (SSL: error:80000002:system library::${strerror(k.errno)}:calling fopen(${key}, r) error:10000080:BIO routines::no such file)`;
  return { certificate, key };
}
