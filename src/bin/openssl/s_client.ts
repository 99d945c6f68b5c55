/** openssl s_client: a TLS connection by hand, with everything that can be said of it. Models apps/s_client.c */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, recvTcp } from '../../os/sockcalls.ts';
import { tcpStream } from '../../os/stream.ts';
import { tlsConnect } from '../../os/tls/client.ts';
import { parsePublic } from '../../os/tls/keys.ts';
import { type TlsFailure, TlsSession } from '../../os/tls/session.ts';
import { alertFor, systemTrust, type Verdict, verifyChain, verifyText } from '../../os/tls/trust.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { errnoNumber, strerror } from '../../sim/errno.ts';
import { parseIp } from '../../wire/addr.ts';
import { emitPem } from '../../wire/der.ts';
import { type Certificate, formatName, matchesHost } from '../../wire/x509.ts';
import { opensslError } from '../curl/tls.ts';
import { errorLine, Options, parseArgs } from './args.ts';
import { loadCertificates } from './load.ts';
import { dateText, signatureName } from './print.ts';
import { nowMs } from './x509.ts';

const TAKES =
  'connect host port servername CAfile CApath verify alpn verify_hostname verify_ip starttls cert key sess_out sess_in keylogfile nameopt ciphersuites cipher groups max_protocol min_protocol bind proxy';
const FLAGS =
  'noservername showcerts brief verify_return_error verify_quiet tls1_2 tls1_3 tls1 tls1_1 no_tls1 no_tls1_1 no_tls1_2 no_tls1_3 quiet ign_eof no_ign_eof prexit status debug msg state 4 6 crlf no_check_time no_ticket reconnect nbio security_debug tlsextdebug trace';
const NOT_EMULATED = [
  'starttls',
  'cert',
  'key',
  'sess_out',
  'sess_in',
  'keylogfile',
  'debug',
  'msg',
  'reconnect',
  'status',
  'proxy',
  'trace',
  'tlsextdebug',
  'bind',
];

export function* sClient(p: Process, args: readonly string[]): Task<number> {
  const a = parseArgs('s_client', args, TAKES, FLAGS);
  if (typeof a === 'string') {
    yield* p.err(a);
    return 1;
  }
  const o = new Options(a);
  const strange = NOT_EMULATED.find((name) => o.has(name));
  if (strange) {
    yield* p.err(`s_client: -${strange} is not emulated\n`);
    return 1;
  }
  const target = o.get('connect') ?? a.rest[0] ?? `${o.get('host') ?? 'localhost'}:${o.get('port') ?? 4433}`;
  const m = /^(?:\[([^\]]*)\]|([^:]*))(?::(\w+))?$/.exec(target);
  const host = m?.[1] ?? m?.[2] ?? target;
  const named = /^\d+$/.test(m?.[3] ?? '4433') ? Number(m?.[3] ?? 4433) : m?.[3] === 'https' ? 443 : Number.NaN;
  const sock = yield* dial(p, o, host, named);
  if (!sock) return 1;
  let trusted = systemTrust(p);
  const file = o.get('CAfile');
  if (file !== undefined) {
    const r = yield* loadCertificates(p, file, 'certificate');
    if (!r) return 1;
    trusted = [...trusted, ...r];
  }
  return yield* new Client(p, o, host, sock, trusted).run();
}

function* dial(p: Process, o: Options, host: string, port: number): Task<TcpSocket | null> {
  const family = o.has('4') ? 4 : o.has('6') ? 6 : undefined;
  const found = yield* getaddrinfo(p, host, { addrConfig: parseIp(host) === null, ...(family ? { family } : {}) });
  if (!found.ok || Number.isNaN(port)) {
    const why = found.ok ? 'Servname not supported for ai_socktype' : gaiStrerror(found.error);
    yield* p.err(
      `${errorLine(p, '10080002', `BIO routines:BIO_lookup_ex:system lib:../crypto/bio/bio_addr.c:746:${why}`)}connect:errno=11\n`,
    );
    return null;
  }
  let errno: Parameters<typeof strerror>[0] = 'ECONNREFUSED';
  for (const addr of found.addrs) {
    const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
    sock.blocking = true;
    const r = yield* connectTcp(sock, addr, port);
    if (r.ok) {
      sock.setNoDelay(true);
      return sock;
    }
    errno = r.errno;
    closeSocket(p, sock);
    yield* p.err(
      errorLine(
        p,
        `800000${errnoNumber(errno).toString(16).toUpperCase().padStart(2, '0')}`,
        `system library:BIO_connect:${strerror(errno)}:../crypto/bio/bio_sock2.c:117:calling connect()`,
      ) + errorLine(p, '10000067', 'BIO routines:BIO_connect:connect error:../crypto/bio/bio_sock2.c:119:'),
    );
  }
  yield* p.err(`connect:errno=${errnoNumber(errno)}\n`);
  return null;
}

/** How long it waits for the other side's end. */
const LINGER = 500_000;

class Client {
  private readonly p: Process;
  private readonly o: Options;
  private readonly host: string;
  private readonly sock: TcpSocket;
  private readonly trusted: readonly Certificate[];
  private readonly s: TlsSession;
  private verdict: Verdict = { code: 0, findings: [], chain: [] };
  private mismatch = false;

  constructor(p: Process, o: Options, host: string, sock: TcpSocket, trusted: readonly Certificate[]) {
    this.p = p;
    this.o = o;
    this.host = host;
    this.sock = sock;
    this.trusted = trusted;
    this.s = new TlsSession(tcpStream(sock), p.sim.rng('tls'));
  }

  private get code(): number {
    return this.mismatch && this.verdict.code === 0 ? 62 : this.strict ? (this.verdict.findings[0]?.code ?? 0) : this.verdict.code;
  }

  private get strict(): boolean {
    return this.o.has('verify_return_error');
  }

  *run(): Task<number> {
    const { p, o, s, host } = this;
    const brief = o.has('brief');
    const quiet = o.has('quiet');
    const name = o.has('noservername') ? null : (o.get('servername') ?? (parseIp(host) === null ? host : null));
    // In a pipe standard output is held back until there is more to say.
    const connected = brief || quiet ? '' : 'CONNECTED(00000003)\n';
    const early = p.isatty(1);
    if (early) yield* p.out(connected);
    const only12 = o.has('tls1_2', 'no_tls1_3');
    const failure = yield* tlsConnect(s, {
      serverName: name,
      alpn: o.get('alpn')?.split(',') ?? [],
      min: o.has('tls1_3', 'no_tls1_2') ? 13 : o.has('tls1_2', 'no_tls1_1') ? 12 : 10,
      max: only12 ? 12 : 13,
      style: 'openssl',
      check: (chain) => {
        this.verdict = verifyChain(chain, this.trusted, nowMs(p));
        const wanted = o.get('verify_hostname', 'verify_ip');
        this.mismatch = wanted !== undefined && !matchesHost(chain[0] as Certificate, wanted);
        return this.strict && this.verdict.findings.length > 0 ? alertFor(this.verdict.findings[0]?.code ?? 0) : null;
      },
    });
    if (name === null && !failure) yield* p.err("Can't use SSL_get_servername\n");
    yield* this.tellVerdict(brief);
    if (failure) {
      yield* this.complain(failure);
      if (!brief && !quiet) yield* p.out((early ? '' : connected) + this.report(false));
      closeSocket(p, this.sock);
      return 1;
    }
    if (brief) yield* p.err(this.brief());
    else if (!quiet) yield* p.out((early ? '' : connected) + this.report(true));
    return yield* this.talk(quiet);
  }

  /** The verify callback's lines, for what was found and at last for what is well. */
  private *tellVerdict(brief: boolean): Task<void> {
    const { p, verdict } = this;
    if (verdict.chain.length === 0 || this.o.has('verify_quiet')) return;
    const findings = this.strict ? verdict.findings.slice(0, 1) : verdict.findings;
    for (const f of findings) {
      yield* p.err(`depth=${f.depth} ${formatName(f.certificate.subject)}\nverify error:num=${f.code}:${verifyText(f.code)}\n`);
      if (!brief && !this.strict) yield* p.err('verify return:1\n');
    }
    if (brief || (this.strict && findings.length > 0)) return;
    for (let i = verdict.chain.length - 1; i >= 0; i--)
      yield* p.err(`depth=${i} ${formatName((verdict.chain[i] as Certificate).subject)}\nverify return:1\n`);
  }

  private *complain(f: TlsFailure): Task<void> {
    const { p } = this;
    const e = opensslError(f);
    if (f.kind === 'wrong-version')
      yield* p.err(errorLine(p, '0A00010B', 'SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:350:'));
    else if (f.kind === 'alert' && f.sent)
      yield* p.err(
        errorLine(p, e?.code ?? '', `SSL routines:tls_post_process_server_certificate:${e?.words}:../ssl/statem/statem_clnt.c:1889:`),
      );
    else if (f.kind === 'alert')
      yield* p.err(
        errorLine(
          p,
          e?.code ?? '',
          `SSL routines:ssl3_read_bytes:${e?.words}:../ssl/record/rec_layer_s3.c:1605:SSL alert number ${f.code}`,
        ),
      );
    else if (f.errno === 'closed')
      yield* p.err(errorLine(p, '0A000126', 'SSL routines:ssl3_read_n:unexpected eof while reading:../ssl/record/rec_layer_s3.c:322:'));
    else yield* p.err(`write:errno=${errnoNumber(f.errno)}\n`);
  }

  private get verification(): string {
    return this.code === 0
      ? 'Verification: OK\n'
      : `Verification error: ${this.code === 62 ? 'hostname mismatch' : verifyText(this.code)}\n`;
  }

  private brief(): string {
    const { s } = this;
    const leaf = s.peerChain[0] as Certificate;
    const rsa = parsePublic(leaf.spki)?.kind === 'rsa';
    return (
      `CONNECTION ESTABLISHED\nProtocol version: TLSv1.${s.version - 10}\nCiphersuite: ${s.suite?.name}\nPeer certificate: ${formatName(leaf.subject)}\n` +
      `Hash used: SHA256\nSignature type: ${rsa ? 'RSA-PSS' : 'ECDSA'}\n${this.verification}` +
      (s.version === 12
        ? 'Supported Elliptic Curve Point Formats: uncompressed:ansiX962_compressed_prime:ansiX962_compressed_char2\n'
        : '') +
      'Server Temp Key: X25519, 253 bits\n'
    );
  }

  private report(established: boolean): string {
    const { s, o } = this;
    const chain = s.peerChain;
    const leaf = chain[0];
    let out = '---\n';
    if (leaf) {
      out += 'Certificate chain\n';
      for (const [i, c] of chain.entries()) {
        const key = parsePublic(c.spki);
        const bits = key?.kind === 'rsa' ? key.rsa.n.toString(2).length : 256;
        out += ` ${i} s:${formatName(c.subject)}\n   i:${formatName(c.issuer)}\n   a:PKEY: ${key?.kind === 'rsa' ? 'rsaEncryption' : 'id-ecPublicKey'}, ${bits} (bit); sigalg: ${signatureName(c.algorithm)}\n`;
        out += `   v:NotBefore: ${dateText(c.notBefore)}; NotAfter: ${dateText(c.notAfter)}\n`;
        if (o.has('showcerts')) out += emitPem('CERTIFICATE', c.raw);
      }
      out += '---\nServer certificate\n';
      if (!o.has('showcerts')) out += emitPem('CERTIFICATE', leaf.raw);
      out += `subject=${formatName(leaf.subject)}\nissuer=${formatName(leaf.issuer)}\n---\n`;
    } else out += 'no peer certificate available\n---\n';
    const rsa = leaf ? parsePublic(leaf.spki)?.kind === 'rsa' : false;
    out += 'No client certificate CA names sent\n';
    if (established)
      out += `Peer signing digest: SHA256\nPeer signature type: ${rsa ? 'RSA-PSS' : 'ECDSA'}\nServer Temp Key: X25519, 253 bits\n`;
    out += `---\nSSL handshake has read ${s.bytesRead} bytes and written ${s.bytesWritten} bytes\n${this.verification}---\n`;
    const twelve = established && s.version === 12;
    out += `New, ${established ? `TLSv1.${s.version - 10}` : '(NONE)'}, Cipher is ${established ? s.suite?.name : '(NONE)'}\n`;
    if (leaf && established)
      out += `Server public key is ${rsa ? (parsePublic(leaf.spki) as { rsa: { n: bigint } }).rsa.n.toString(2).length : 256} bit\n`;
    out += `Secure Renegotiation IS ${twelve ? '' : 'NOT '}supported\nCompression: NONE\nExpansion: NONE\n`;
    out += s.alpn === null || !established ? 'No ALPN negotiated\n' : `ALPN protocol: ${s.alpn}\n`;
    if (!twelve)
      out += `Early data was not sent\nVerify return code: ${this.code} (${this.code === 62 ? 'hostname mismatch' : verifyText(this.code)})\n`;
    return `${out}---\n`;
  }

  /** What is typed goes out, what comes is shown, until one side has had enough. */
  private *talk(quiet: boolean): Task<number> {
    const { p, o, s, sock } = this;
    const stay = (quiet || o.has('ign_eof')) && !o.has('no_ign_eof');
    const stdin = p.file(0);
    let open = stdin !== undefined;
    let status = 0;
    let done = false;
    p.onSignal('INT', () => {
      done = true;
    });
    while (!done) {
      if (s.readable()) {
        const r = yield* s.recv(16_384, p.sim.now);
        if (r.ok && r.value.length > 0) yield* p.out(r.value);
        else if (r.ok || r.errno !== 'EAGAIN') {
          if (!quiet) yield* p.out('closed\n');
          break;
        }
        continue;
      }
      if (open && stdin?.readable()) {
        const typed = yield* p.read(0);
        if (!typed.ok || typed.value.length === 0) {
          open = false;
          if (!stay) {
            if (!quiet) yield* p.err('DONE\n');
            break;
          }
          continue;
        }
        if (!stay && typed.value[0] === 0x51 && typed.value.length <= 2) {
          yield* p.err('DONE\n');
          break;
        }
        const sent = yield* s.send(typed.value);
        if (!sent.ok) {
          yield* p.err(`write:errno=${errnoNumber(sent.errno)}\n`);
          status = 1;
          break;
        }
        continue;
      }
      yield { on: open && stdin ? [sock.wq, stdin.readers] : [sock.wq] };
    }
    yield* s.close();
    sock.shutdown('write');
    const until = p.sim.now + LINGER;
    for (;;) {
      const r = yield* recvTcp(sock, 16_384, until);
      if (!r.ok || r.value.length === 0) break;
    }
    closeSocket(p, sock);
    return status;
  }
}
