/** Certificates, requests and keys from files, with the complaints that openssl has for each. Models apps/lib/apps.c load_key_certs_crls() */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { type PrivateKey, parsePrivate } from '../../os/tls/keys.ts';
import { certificatesIn } from '../../os/tls/trust.ts';
import { text } from '../../wire/bytes.ts';
import { parsePem } from '../../wire/der.ts';
import { type Certificate, type CertificateRequest, parseCertificate, parseRequest } from '../../wire/x509.ts';
import { errorLine, readInput } from './args.ts';

function* missing(p: Process, what: string, path: string): Task<null> {
  yield* p.err(
    `Could not open file or uri for loading ${what} from ${path}\n` +
      errorLine(
        p,
        '16000069',
        'STORE routines:ossl_store_get0_loader_int:unregistered scheme:../crypto/store/store_register.c:237:scheme=file',
      ) +
      errorLine(
        p,
        '80000002',
        `system library:file_open:No such file or directory:../providers/implementations/storemgmt/file_store.c:266:calling stat(${path})`,
      ),
  );
  return null;
}

function* unreadable(p: Process, what: string, path: string | undefined): Task<null> {
  yield* p.err(
    `Could not read ${what} from ${path ?? '<stdin>'}\n` +
      errorLine(p, '1608010C', 'STORE routines:ossl_store_handle_load_result:unsupported:../crypto/store/store_result.c:149:'),
  );
  return null;
}

/** All certificates of a file, at least one. */
export function* loadCertificates(p: Process, path: string | undefined, what: string, der = false): Task<Certificate[] | null> {
  const bytes = yield* readInput(p, path);
  if (!bytes) {
    yield* missing(p, what, path as string);
    yield* p.err(`Unable to load ${what}\n`);
    return null;
  }
  const found = der ? [parseCertificate(bytes)].filter((c) => c !== null) : certificatesIn(text(bytes));
  const plain = found.length === 0 ? parseCertificate(bytes) : null;
  if (plain) return [plain];
  if (found.length > 0) return found;
  yield* unreadable(p, what, path);
  yield* p.err(`Unable to load ${what}\n`);
  return null;
}

export function* loadKey(p: Process, path: string | undefined, what = 'private key'): Task<PrivateKey | null> {
  const bytes = yield* readInput(p, path);
  if (!bytes) return yield* missing(p, what, path as string);
  return parsePrivate(text(bytes)) ?? (yield* unreadable(p, what, path));
}

export function* loadRequest(p: Process, path: string | undefined, der = false): Task<CertificateRequest | null> {
  const bytes = yield* readInput(p, path);
  if (!bytes) {
    yield* p.err(
      `Can't open "${path}" for reading, No such file or directory\n` +
        errorLine(
          p,
          '80000002',
          `system library:BIO_new_file:No such file or directory:../crypto/bio/bss_file.c:67:calling fopen(${path}, r)`,
        ) +
        errorLine(p, '10000080', 'BIO routines:BIO_new_file:no such file:../crypto/bio/bss_file.c:75:'),
    );
    return null;
  }
  const pem = parsePem(text(bytes)).find((x) => /CERTIFICATE REQUEST$/.test(x.label));
  const r = parseRequest(der ? bytes : (pem?.der ?? new Uint8Array(0)));
  if (!r) yield* p.err('Unable to load X509 request\n');
  return r;
}
