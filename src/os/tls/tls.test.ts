/** Both ends against each other and against Node's OpenSSL; chains and names. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';
import { connect as secureConnect, createServer as secureServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { ok, type Result } from '../../sim/errno.ts';
import { Rng } from '../../sim/rng.ts';
import { text, utf8 } from '../../wire/bytes.ts';
import { emitPem } from '../../wire/der.ts';
import { ALERTS, handshakeMessage, parseClientHello } from '../../wire/tls.ts';
import type { HelloStyle } from '../../wire/tlshello.ts';
import { altNames, type Certificate, emitAltNames, emitSigned, emitTbs, matchesHost, OIDS, parseCertificate } from '../../wire/x509.ts';
import type { Task } from '../program.ts';
import type { Stream } from '../stream.ts';
import { tlsConnect } from './client.ts';
import { certificateAlgorithm, emitPrivate, emitPublic, type PrivateKey, publicOf, sign } from './keys.ts';
import { p256Public, p256Secret } from './primitives.ts';
import { generateRsa } from './rsa.ts';
import { tlsAccept } from './server.ts';
import { type TlsFailure, TlsSession } from './session.ts';
import { verifyChain } from './trust.ts';

const rng = new Rng('tls');
const DAY = 86_400_000;
const NOW = Date.now();

function atOnce<T>(task: Task<T>): T {
  for (;;) {
    const r = task.next();
    if (r.done) return r.value;
  }
}

function ecKey(): PrivateKey {
  const secret = p256Secret(rng);
  return { kind: 'ec', secret, point: p256Public(secret) };
}
const keys: Record<string, PrivateKey> = { ec: ecKey(), rsa: { kind: 'rsa', rsa: atOnce(generateRsa(2048, rng)) } };

interface Made {
  key: PrivateKey;
  certificate: Certificate;
}

function make(cn: string, o: { key?: PrivateKey; by?: Made; names?: string[]; from?: number; to?: number } = {}): Made {
  const key = o.key ?? ecKey();
  const signer = o.by?.key ?? key;
  const subject = [['2.5.4.3', cn]] as const;
  const names = (o.names ?? []).map((value) => ({ kind: /^[\d.]+$|:/.test(value) ? ('IP Address' as const) : ('DNS' as const), value }));
  const algorithm = certificateAlgorithm(signer);
  const tbs = emitTbs({
    serial: BigInt(rng.u32()),
    issuer: o.by?.certificate.subject ?? subject,
    subject,
    notBefore: o.from ?? NOW - DAY,
    notAfter: o.to ?? NOW + DAY,
    spki: emitPublic(publicOf(key)),
    extensions: names.length > 0 ? [{ oid: OIDS.subjectAltName, critical: false, value: emitAltNames(names) }] : [],
    algorithm,
  });
  const certificate = parseCertificate(emitSigned(tbs, algorithm, sign(signer, tbs)));
  if (!certificate) throw new Error('certificate cannot be read back');
  return { key, certificate };
}

function* put(into: { push(d: Uint8Array): unknown }, data: Uint8Array): Task<Result> {
  yield { cost: 0 };
  into.push(data);
  return ok();
}

/** Two ends of a wire; `seen` sees and may change what the first one sends. */
function wire(seen: (data: Uint8Array) => Uint8Array = (d) => d): [Stream, Stream] {
  const end = (into: Uint8Array[], from: Uint8Array[], change: (d: Uint8Array) => Uint8Array): Stream => ({
    *recv() {
      while (from.length === 0) yield { cost: 0 };
      return ok(from.shift() as Uint8Array);
    },
    send: (data) => put(into, change(data)),
    readable: () => from.length > 0,
  });
  const there: Uint8Array[] = [];
  const back: Uint8Array[] = [];
  return [end(there, back, seen), end(back, there, (d) => d)];
}

function both<A, B>(a: Task<A>, b: Task<B>): [A, B] {
  let ra = a.next();
  let rb = b.next();
  for (let n = 0; n < 1000 && !(ra.done && rb.done); n++) {
    if (!ra.done) ra = a.next();
    if (!rb.done) rb = b.next();
  }
  if (!ra.done || !rb.done) throw new Error('both ends wait');
  return [ra.value, rb.value];
}

function handshake(o: {
  max?: number;
  alpn?: string[];
  serve?: string[];
  check?: number;
  seen?: (d: Uint8Array) => Uint8Array;
  versions?: number[];
  style?: HelloStyle;
}) {
  const [a, b] = wire(o.seen);
  const client = new TlsSession(a, rng);
  const server = new TlsSession(b, rng);
  const { key, certificate } = make('a.test');
  const [c, s] = both<TlsFailure | null, TlsFailure | null>(
    tlsConnect(client, {
      serverName: 'a.test',
      alpn: o.alpn ?? [],
      min: 12,
      max: o.max ?? 13,
      style: o.style ?? 'openssl',
      check: () => o.check ?? null,
    }),
    tlsAccept(server, {
      identity: (name) => (name === 'a.test' ? [{ chain: [certificate.raw], key }] : null),
      versions: o.versions ?? [12, 13],
      alpn: (offered) => (o.serve ? offered.find((p) => o.serve?.includes(p)) : null),
    }),
  );
  return { client, server, c, s };
}

const styles = ['openssl', 'curl', 'gnutls', 'gnutls-compat'] as const;
test.each(styles.flatMap((style) => [12, 13].map((max) => [style, max] as const)))('both ends agree, %s 1.%i', (style, max) => {
  const { client, server, c, s } = handshake({ style, max, alpn: ['h2', 'http/1.1'], serve: ['http/1.1'] });
  expect([c, s]).toEqual([null, null]);
  expect([client.version, client.alpn, server.alpn, server.serverName]).toEqual([max, 'http/1.1', 'http/1.1', 'a.test']);
  const long = new Uint8Array(40_000).map((_, i) => i);
  const [sent, got] = both(
    client.send(long),
    (function* () {
      let n = 0;
      while (n < long.length) {
        const r = yield* server.recv(65_536);
        if (!r.ok || r.value.some((x, i) => x !== ((n + i) & 255))) return -1;
        n += r.value.length;
      }
      return n;
    })(),
  );
  expect([sent.ok, got]).toEqual([true, 40_000]);
});

test('the name stands in clear in the first record, nothing of the answer does', () => {
  const flights: Uint8Array[] = [];
  handshake({
    seen: (d) => {
      flights.push(d.slice());
      return d;
    },
  });
  const first = flights[0] as Uint8Array;
  expect([...first.subarray(0, 3), first[5]]).toEqual([22, 3, 1, 1]);
  expect(parseClientHello(first.subarray(9))).toMatchObject({ serverName: 'a.test', versions: [0x0304, 0x0303] });
  expect(text(first)).toContain('a.test');
});

test('what goes wrong is told by an alert', () => {
  const alert = (code: number, sent: boolean) => ({ kind: 'alert', code, sent });
  const wrongCa = handshake({ check: ALERTS.unknownCa });
  expect([wrongCa.c, wrongCa.s]).toEqual([alert(ALERTS.unknownCa, true), alert(ALERTS.unknownCa, false)]);
  const version = handshake({ max: 12, versions: [13] });
  expect([version.c, version.s]).toEqual([alert(ALERTS.protocolVersion, false), alert(ALERTS.protocolVersion, true)]);
  const protocol = handshake({ alpn: ['h2'], serve: ['http/1.1'] });
  expect([protocol.c, protocol.s]).toEqual([alert(ALERTS.noApplicationProtocol, false), alert(ALERTS.noApplicationProtocol, true)]);
  let flight = 0;
  const bent = handshake({ max: 12, seen: (d) => (flight++ === 1 ? d.map((x, i) => (i === d.length - 1 ? x ^ 1 : x)) : d) });
  expect([bent.c, bent.s]).toEqual([alert(ALERTS.badRecordMac, false), alert(ALERTS.badRecordMac, true)]);
});

test('a changed record of data ends the connection', () => {
  let bend = false;
  const { client, server } = handshake({ seen: (d) => (bend ? d.map((x, i) => (i === 9 ? x ^ 1 : x)) : d) });
  bend = true;
  atOnce(client.send(utf8('hello')));
  expect(atOnce(server.recv(10))).toEqual(ok(new Uint8Array(0)));
  expect(server.ended).toBe(true);
});

test('every cut of a ClientHello is survived', () => {
  let hello = new Uint8Array(0);
  handshake({
    seen: (d) => {
      if (hello.length === 0) hello = d.slice(9);
      return d;
    },
  });
  for (let n = 0; n < hello.length; n++) expect(() => parseClientHello(hello.subarray(0, n))).not.toThrow();
  const [a, b] = wire();
  const short = handshakeMessage(1, hello.subarray(0, 60));
  atOnce(a.send(Uint8Array.of(22, 3, 1, 0, short.length, ...short)));
  const f = atOnce(tlsAccept(new TlsSession(b, rng), { identity: () => null, versions: [12, 13], alpn: () => null }));
  expect(f).toMatchObject({ kind: 'alert', sent: true });
});

test('verdicts on chains', () => {
  const root = make('root');
  const middle = make('middle', { by: root });
  const leaf = make('leaf', { by: middle });
  const judge = (sent: Made[], trusted: Made[], now = NOW) =>
    verifyChain(
      sent.map((m) => m.certificate),
      trusted.map((m) => m.certificate),
      now,
    ).code;
  expect(judge([leaf, middle], [root])).toBe(0);
  expect(judge([leaf, middle, root], [root])).toBe(0);
  expect(judge([root], [root])).toBe(0);
  expect(judge([leaf], [root])).toBe(21);
  expect(judge([leaf, middle], [])).toBe(20);
  expect(judge([leaf, middle, root], [])).toBe(19);
  expect(judge([root], [])).toBe(18);
  expect(judge([leaf, middle], [root], NOW + 2 * DAY)).toBe(10);
  expect(judge([leaf, middle], [root], NOW - 2 * DAY)).toBe(9);
  const forged = make('leaf', { by: { key: ecKey(), certificate: middle.certificate } });
  expect(judge([forged, middle], [root])).toBe(7);
});

test.each([
  [['a.test'], 'a.test', true],
  [['a.test'], 'A.Test.', true],
  [['*.a.test'], 'x.a.test', true],
  [['*.a.test'], 'x.y.a.test', false],
  [['*.a.test'], 'a.test', false],
  [['*.test'], 'a.test', false],
  [['b.test'], 'cn', false],
  [[], 'cn', true],
  [['10.0.0.1'], '10.0.0.1', true],
  [['10.0.0.1'], '10.0.0.2', false],
  [['fd00::1'], '[fd00:0::1]', true],
])('a certificate of %j for %s: %s', (names, host, want) => {
  expect(matchesHost(make('cn', { names }).certificate, host) !== null).toBe(want);
});

test('a certificate is read back as it was written', () => {
  const names = ['a.test', '10.0.0.1', 'fd00::1'];
  const { certificate } = make('Grüße', { names, from: Date.UTC(1999, 0, 1), to: Date.UTC(2077, 11, 31) });
  expect(certificate).toMatchObject({ subject: [['2.5.4.3', 'Grüße']], notBefore: Date.UTC(1999, 0, 1), notAfter: Date.UTC(2077, 11, 31) });
  expect(altNames(certificate).map((n) => n.value.toLowerCase())).toEqual(['a.test', '10.0.0.1', expect.stringMatching(/^fd00/)]);
});

function socketStream(socket: Socket): { stream: Stream; run<T>(task: Task<T>): Promise<T> } {
  const came: Uint8Array[] = [];
  let over = false;
  socket.on('data', (d: Uint8Array) => came.push(new Uint8Array(d)));
  for (const event of ['end', 'error', 'close'])
    socket.on(event, () => {
      over = true;
    });
  return {
    stream: {
      *recv() {
        while (came.length === 0 && !over) yield { cost: 0 };
        return ok(came.shift() ?? new Uint8Array(0));
      },
      send: (data) => put({ push: (d) => socket.write(d) }, data),
      readable: () => came.length > 0,
    },
    async run(task) {
      for (;;) {
        const r = task.next();
        if (r.done) return r.value;
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

const versions = [12, 13] as const;
const named = { 12: 'TLSv1.2', 13: 'TLSv1.3' } as const;
const cases = versions.flatMap((v) => Object.keys(keys).map((kind) => [v, kind] as const));

test.each(cases)('OpenSSL answers this client, 1.%i with a key of %s', async (max, kind) => {
  const { key, certificate } = make('localhost', { key: keys[kind] as PrivateKey, names: ['localhost'] });
  const server = secureServer({ cert: emitPem('CERTIFICATE', certificate.raw), key: emitPrivate(key), ALPNProtocols: ['http/1.1'] }, (s) =>
    s.on('data', (d) => s.end(`echo ${d}`)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const { stream, run } = socketStream(socket);
  const session = new TlsSession(stream, rng);
  let verdict = -1;
  const failure = await run(
    tlsConnect(session, {
      serverName: 'localhost',
      alpn: ['h2', 'http/1.1'],
      min: 12,
      max,
      style: 'curl',
      check(chain) {
        verdict = verifyChain(chain, [certificate], NOW).code;
        return null;
      },
    }),
  );
  expect([failure, session.version, session.alpn, verdict]).toEqual([null, max, 'http/1.1', 0]);
  await run(session.send(utf8('hello')));
  const r = await run(session.recv(100));
  expect(r.ok && text(r.value)).toBe('echo hello');
  socket.destroy();
  server.close();
});

test.each(cases)('this server answers OpenSSL, 1.%i with a key of %s', async (max, kind) => {
  const { key, certificate } = make('localhost', { key: keys[kind] as PrivateKey, names: ['localhost'] });
  const server = createServer(async (socket) => {
    const { stream, run } = socketStream(socket);
    const session = new TlsSession(stream, rng);
    const options = { identity: () => [{ chain: [certificate.raw], key }], versions: [12, 13], alpn: () => 'http/1.1' };
    if (await run(tlsAccept(session, options))) return socket.destroy();
    const r = await run(session.recv(100));
    await run(session.send(utf8(`for ${session.serverName}: ${r.ok ? text(r.value) : r.errno}`)));
    await run(session.close());
    return socket.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = secureConnect({
    port: (server.address() as AddressInfo).port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: emitPem('CERTIFICATE', certificate.raw),
    maxVersion: named[max],
    ALPNProtocols: ['http/1.1'],
  });
  client.write('ping');
  let got = '';
  let protocol: string | null = null;
  client.once('secureConnect', () => {
    protocol = client.getProtocol();
  });
  for await (const d of client) got += d;
  expect([protocol, client.authorized, client.alpnProtocol, got]).toEqual([named[max], true, 'http/1.1', 'for localhost: ping']);
  server.close();
});

describe('a client certificate', () => {
  const proved = (identity: Made | null) => {
    const [a, b] = wire();
    const client = new TlsSession(a, rng);
    const server = new TlsSession(b, rng);
    const own = make('server');
    const [c, d] = both(
      tlsConnect(client, {
        serverName: 'server',
        alpn: [],
        min: 12,
        max: 13,
        style: 'openssl',
        check: () => null,
        identity: identity && { chain: [identity.certificate.raw], key: identity.key },
      }),
      tlsAccept(server, {
        identity: () => [{ chain: [own.certificate.raw], key: own.key }],
        versions: [13],
        alpn: () => null,
        askClient: true,
      }),
    );
    return { c, d, names: server.peerChain.map((x) => x.subject.find(([oid]) => oid === '2.5.4.3')?.[1]) };
  };

  test('is proved to the server that asks', () => {
    expect(proved(make('alice'))).toEqual({ c: null, d: null, names: ['alice'] });
  });

  test('may be missing', () => {
    expect(proved(null)).toEqual({ c: null, d: null, names: [] });
  });
});
