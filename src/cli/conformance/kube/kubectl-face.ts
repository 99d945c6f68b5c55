/** An API server's HTTPS face for the kubectl recordings: certificates, kubeconfigs, one process per connection. */

import { createHash } from 'node:crypto';
import { isProxy, isStream, type RequestUser, type RestRequest } from '../../../cluster/api/http-types.ts';
import { handle } from '../../../cluster/api/rest.ts';
import type { ApiServer } from '../../../cluster/api/server.ts';
import type { Machine } from '../../../os/machine.ts';
import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { startCommand } from '../../../os/run.ts';
import { acceptTcp, closeSocket, openTcp } from '../../../os/sockcalls.ts';
import { tcpStream } from '../../../os/stream.ts';
import { Threads } from '../../../os/threads.ts';
import { certificateAlgorithm, emitPrivate, emitPublic, type PrivateKey, publicOf, sign } from '../../../os/tls/keys.ts';
import { p256Public, p256Secret } from '../../../os/tls/primitives.ts';
import { tlsAccept } from '../../../os/tls/server.ts';
import { TlsSession } from '../../../os/tls/session.ts';
import type { TcpSocket } from '../../../os/uapi.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { concat, text, utf8 } from '../../../wire/bytes.ts';
import { emitPem } from '../../../wire/der.ts';
import {
  type Certificate,
  emitAltNames,
  emitSigned,
  emitTbs,
  type GeneralName,
  type Name,
  OIDS,
  parseCertificate,
} from '../../../wire/x509.ts';

interface Made {
  readonly key: PrivateKey;
  readonly certificate: Certificate;
}

const YEAR = 365 * 86_400_000;

function issue(machine: Machine, subject: Name, by: Made | null, names: readonly GeneralName[] = []): Made {
  const { sim } = machine;
  const rng = sim.rng('pki');
  const secret = p256Secret(rng);
  const key: PrivateKey = { kind: 'ec', secret, point: p256Public(secret) };
  const signer = by?.key ?? key;
  const algorithm = certificateAlgorithm(signer);
  const extensions = [
    ...(by === null ? [{ oid: OIDS.basicConstraints, critical: true, value: Uint8Array.of(0x30, 3, 1, 1, 255) }] : []),
    ...(names.length > 0 ? [{ oid: OIDS.subjectAltName, critical: false, value: emitAltNames(names) }] : []),
  ];
  const tbs = emitTbs({
    serial: BigInt(rng.u32()),
    issuer: by?.certificate.subject ?? subject,
    subject,
    notBefore: sim.epochMs - 3_600_000,
    notAfter: sim.epochMs + YEAR,
    spki: emitPublic(publicOf(key)),
    extensions,
    algorithm,
  });
  const certificate = parseCertificate(emitSigned(tbs, algorithm, sign(signer, tbs)));
  if (!certificate) throw new Error('a certificate cannot be read back');
  return { key, certificate };
}

const kubeconfig = (user: string): string => `apiVersion: v1
clusters:
- cluster:
    certificate-authority: pki/ca.crt
    server: https://192.168.56.10:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: ${user}
  name: ${user}@kubernetes
current-context: ${user}@kubernetes
kind: Config
users:
- name: ${user}
  user:
    client-certificate: pki/${user}.crt
    client-key: pki/${user}.key
`;

function userOf(chain: readonly Certificate[]): RequestUser {
  const leaf = chain[0];
  if (!leaf) return { name: 'system:anonymous', groups: ['system:unauthenticated'] };
  const values = (oid: string): string[] => leaf.subject.filter(([o]) => o === oid).map(([, v]) => v);
  const fingerprint = createHash('sha256').update(leaf.raw).digest('hex');
  return {
    name: values('2.5.4.3')[0] ?? '',
    groups: [...values('2.5.4.10'), 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
  };
}

/** Reads requests of one connection and answers them. */
function* serve(p: Process, api: ApiServer, sock: TcpSocket, own: Made): Task<void> {
  const s = new TlsSession(tcpStream(sock), p.sim.rng('tls'));
  const identity = { chain: [own.certificate.raw], key: own.key };
  const wrong = yield* tlsAccept(s, {
    identity: () => [identity],
    versions: [13],
    alpn: (o) => (o.includes('http/1.1') ? 'http/1.1' : null),
    askClient: true,
  });
  let buffer: Uint8Array = new Uint8Array(0);
  while (!wrong) {
    let end = -1;
    for (;;) {
      end = text(buffer).indexOf('\r\n\r\n');
      if (end >= 0) break;
      const r = yield* s.recv(65_536);
      if (!r.ok || r.value.length === 0) {
        closeSocket(p, sock);
        return;
      }
      buffer = concat([buffer, r.value]);
    }
    const [first = '', ...lines] = text(buffer).slice(0, end).split('\r\n');
    const headers = new Map(lines.map((l) => [l.slice(0, l.indexOf(':')).toLowerCase(), l.slice(l.indexOf(':') + 1).trim()] as const));
    const headLength = utf8(text(buffer).slice(0, end + 4)).length;
    const length = headLength + Number(headers.get('content-length') ?? 0);
    while (buffer.length < length) {
      const r = yield* s.recv(65_536);
      if (!r.ok || r.value.length === 0) return closeSocket(p, sock);
      buffer = concat([buffer, r.value]);
    }
    const body = text(buffer.subarray(headLength, length));
    buffer = buffer.subarray(length);
    const [method = '', target = ''] = first.split(' ');
    const [path = '', query = ''] = target.split('?');
    const pairs =
      query === ''
        ? []
        : query.split('&').map((x) => x.split('=').map((y) => decodeURIComponent(y.replaceAll('+', ' '))) as [string, string]);
    const request: RestRequest = { method, path, query: pairs.map(([k, v]) => [k, v ?? '']), headers, body, user: userOf(s.peerChain) };
    const result = handle(api, request);
    if (isProxy(result)) {
      yield* s.send(utf8('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n'));
      continue;
    }
    const head = `HTTP/1.1 ${result.status} ${result.status === 200 ? 'OK' : 'Status'}\r\n${result.headers.map(([k, v]) => `${k}: ${v}\r\n`).join('')}`;
    if (!isStream(result)) {
      const bytes = utf8(result.body);
      yield* s.send(concat([utf8(`${head}Content-Length: ${bytes.length}\r\n\r\n`), bytes]));
      continue;
    }
    yield* s.send(utf8(`${head}Transfer-Encoding: chunked\r\n\r\n`));
    const queue = new WaitQueue();
    const out: string[] = [];
    let done = false;
    const watch = result.open(
      (t) => {
        out.push(t);
        queue.wakeAll();
      },
      () => {
        done = true;
        queue.wakeAll();
      },
    );
    const limit = pairs.find(([k]) => k === 'timeoutSeconds' || k === 'timeout')?.[1];
    const until = limit && /^\d+s?$/.test(limit) ? p.sim.now + Number.parseInt(limit, 10) * 1e6 : undefined;
    while (!done && !sock.readable() && (until === undefined || p.sim.now < until)) {
      for (let t = out.shift(); t !== undefined; t = out.shift()) {
        const bytes = utf8(t);
        yield* s.send(concat([utf8(`${bytes.length.toString(16)}\r\n`), bytes, utf8('\r\n')]));
      }
      yield { on: [queue, sock.wq], until };
    }
    watch.close();
    yield* s.send(utf8('0\r\n\r\n'));
  }
  closeSocket(p, sock);
}

/** Writes certificates and kubeconfigs into `folder` and serves on :6443. */
export function serveApi(machine: Machine, api: ApiServer, folder: string): void {
  const ca = issue(machine, [['2.5.4.3', 'kubernetes']], null);
  const own = issue(machine, [['2.5.4.3', 'kube-apiserver']], ca, [
    { kind: 'DNS', value: 'kubernetes' },
    { kind: 'IP Address', value: '192.168.56.10' },
    { kind: 'IP Address', value: '10.96.0.1' },
  ]);
  machine.directory(`${folder}/pki`);
  machine.directory('/etc/ssl/certs');
  const stranger = issue(machine, [['2.5.4.3', 'Some Root CA']], null);
  machine.init.writeFile('/etc/ssl/certs/ca-certificates.crt', emitPem('CERTIFICATE', stranger.certificate.raw));
  const write = (name: string, body: string): unknown => machine.init.writeFile(`${folder}/${name}`, body);
  write('pki/ca.crt', emitPem('CERTIFICATE', ca.certificate.raw));
  for (const [user, subject] of [
    [
      'admin',
      [
        ['2.5.4.10', 'system:masters'],
        ['2.5.4.3', 'kubernetes-admin'],
      ],
    ],
    [
      'alice',
      [
        ['2.5.4.10', 'devs'],
        ['2.5.4.3', 'alice'],
      ],
    ],
  ] as const) {
    const made = issue(machine, subject, ca);
    write(`pki/${user}.crt`, emitPem('CERTIFICATE', made.certificate.raw));
    write(`pki/${user}.key`, emitPrivate(made.key));
    write(`${user}.conf`, kubeconfig(user));
  }
  const command: Command = {
    name: 'kube-apiserver',
    *main(p) {
      const listener = openTcp(p);
      listener.bind(0, 6443);
      listener.listen(128);
      const threads = new Threads(p);
      const accept = function* (): Task<void> {
        for (;;) {
          const r = yield* acceptTcp(p, listener);
          if (!r.ok) return;
          threads.start(serve(p, api, r.value, own));
        }
      };
      threads.start(accept());
      yield* threads.run();
      return 0;
    },
  };
  machine.install([command]);
  startCommand(machine, ['kube-apiserver']);
}
