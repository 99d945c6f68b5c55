/** TLS under a connection of curl's: the handshake, the certificate's checks and what -v says of them. Models lib/vtls/openssl.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import type { Rng } from '../../sim/rng.ts';
import { put16 } from '../../wire/bytes.ts';
import type { Connection, Failure } from './connect.ts';
import type { Debug } from './debug.ts';
import type { CurlOptions } from './options.ts';

export interface Secured {
  failure: Failure | null;
  /** The failure has been told already. */
  quiet: boolean;
  /** What is still said once the connection is closed. */
  after: (() => Task<void>) | null;
  verifyResult: number;
  certs: number;
}

const WRONG_VERSION = 'OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number';

function clientHello(rng: Rng): Uint8Array {
  const b = new Uint8Array(5 + 512);
  b.set([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
  for (let i = 11; i < 43; i++) b[i] = rng.below(256);
  b[43] = 32;
  for (let i = 44; i < 76; i++) b[i] = rng.below(256);
  let at = 76;
  const ciphers = [0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0xc02b, 0xc02f, 0x00ff];
  put16(b, at, ciphers.length * 2);
  at += 2;
  for (const c of ciphers) {
    put16(b, at, c);
    at += 2;
  }
  b.set([1, 0], at);
  at += 2;
  put16(b, at, b.length - at - 2);
  at += 2;
  b.set([0, 43, 0, 5, 4, 3, 4, 3, 3], at);
  at += 9;
  put16(b, at, 21);
  put16(b, at + 2, b.length - at - 4);
  return b;
}

export function* secure(p: Process, o: CurlOptions, debug: Debug, c: Connection, _host: string): Task<Secured> {
  yield* debug.info('ALPN: offers h2,http/1.1');
  const hello = clientHello(p.sim.rng('tls'));
  yield* debug.data('sslOut', hello.subarray(0, 5));
  yield* debug.info('TLSv1.3 (OUT), TLS handshake, Client hello (1):');
  yield* debug.data('sslOut', hello.subarray(5));
  yield* c.reader.stream.send(hello, c.reader.deadline);
  if (!o.insecure) {
    yield* debug.info(' CAfile: /etc/ssl/certs/ca-certificates.crt');
    yield* debug.info(' CApath: /etc/ssl/certs');
  }
  const r = yield* c.reader.fill();
  let f: Failure;
  if (!r.ok) {
    if (r.error === 'timeout') f = { code: 28, message: `SSL connection timeout` };
    else
      f = {
        code: 35,
        message: `OpenSSL SSL_connect: ${r.error === 'closed' ? 'SSL_ERROR_SYSCALL' : 'Connection reset by peer'} in connection to ${c.host}:${c.port} `,
      };
  } else if (c.reader.peek() !== 0x16 && c.reader.peek() !== 0x15) {
    yield* debug.data('sslIn', new Uint8Array(5));
    f = { code: 35, message: WRONG_VERSION };
  } else f = { code: 35, message: 'TLS is not emulated' };
  return { failure: f, quiet: false, after: null, verifyResult: 0, certs: 0 };
}
