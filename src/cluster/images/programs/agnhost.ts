/** agnhost: the test image of Kubernetes: netexec, serve-hostname, connect, grpc-health-checking, pause. Models test/images/agnhost */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, openUdp, waitFor } from '../../../os/sockcalls.ts';
import { tcpStream } from '../../../os/stream.ts';
import { startThread } from '../../../os/thread.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { parseIp } from '../../../wire/addr.ts';
import { text, utf8 } from '../../../wire/bytes.ts';
import { duration } from '../../dns/corefile.ts';
import { HttpReader } from '../../l7/http1.ts';
import { grpcHealthChecking } from './grpchealth.ts';
import { type Asked, acceptLoop, listenTcp, pause, type Reply, readFlags, serveHttp, serveUdp } from './http.ts';

const VERSION = '2.53';

interface State {
  exit: number | null;
  readonly changed: WaitQueue;
}

function* netexec(p: Process, argv: readonly string[]): Task<number> {
  const flags = readFlags(argv, {
    'http-port': '8080',
    'udp-port': '8081',
    'sctp-port': '-1',
    'http-override': '',
    'udp-listen-addresses': '',
    'delay-shutdown': '0',
    'tls-cert-file': '',
    'tls-private-key-file': '',
  });
  if (typeof flags === 'string') {
    yield* p.err(`Error: ${flags}\n`);
    return 1;
  }
  const { values } = flags;
  if (values.get('sctp-port') !== '-1') {
    yield* p.err('agnhost: --sctp-port is not emulated\n');
    return 1;
  }
  const port = Number(values.get('http-port'));
  const udpPort = Number(values.get('udp-port'));
  const sock = listenTcp(p, port);
  if (typeof sock === 'string') {
    yield* p.err(`${sock}\n`);
    return 1;
  }
  yield* p.out(`Started HTTP server on port ${port}\n`);
  const state: State = { exit: null, changed: new WaitQueue() };
  const override = values.get('http-override') ?? '';
  startThread(
    p,
    acceptLoop(p, sock, (conn) => serveHttp(p, conn, (a) => page(p, override === '' ? a : { ...a, path: override }, state))),
  );
  if (udpPort > 0) {
    const udp = openUdp(p, 6);
    if (udp.bind(0n, udpPort).ok) {
      yield* p.out(`Started UDP server on port  ${udpPort}\n`);
      startThread(
        p,
        serveUdp(udp, (said, from) => udpAnswer(p, said.trim(), from)),
      );
    }
  }
  let stopping = false;
  const delay = Number(values.get('delay-shutdown')) * 1e6;
  p.onSignal('TERM', () => {
    stopping = true;
    state.changed.wakeAll();
  });
  for (;;) {
    if (state.exit !== null) return state.exit;
    if (stopping) {
      yield* pause(p, delay);
      return 0;
    }
    yield { on: [state.changed] };
  }
}

function udpAnswer(p: Process, said: string, from: { addr: string; port: number }): string {
  if (said === 'hostname') return p.uts.hostname;
  if (said === 'clientip') return `${from.addr}:${from.port}`;
  const echo = /^echo (.*)$/i.exec(said);
  if (echo) return echo[1] as string;
  return said === '' ? '' : 'unknown command';
}

function* page(p: Process, a: Asked, state: State): Task<Reply> {
  yield* p.out(`GET ${a.path}\n`);
  const client = `${a.peer.addr}:${a.peer.port}`;
  switch (a.path.replace(/\/$/, '') || '/') {
    case '/':
      return { body: `NOW: ${new Date(p.sim.epochMs + p.sim.now / 1000).toISOString().replace('T', ' ').replace('Z', ' +0000 UTC')}` };
    case '/clientip':
      return { body: client };
    case '/hostname':
    case '/hostName':
      return { body: p.uts.hostname };
    case '/healthz':
      return { body: '' };
    case '/echo': {
      const code = Number(a.query.get('code') ?? 200);
      return { status: code, body: a.query.get('msg') ?? '' };
    }
    case '/exit':
      yield* pause(p, duration(a.query.get('wait') ?? '0s') ?? 0);
      state.exit = Number(a.query.get('code') ?? 0);
      state.changed.wakeAll();
      return { body: '' };
    case '/redirect':
      return { status: Number(a.query.get('code') ?? 302), body: '', headers: [['Location', a.query.get('location') ?? '/']] };
    case '/header':
      return { body: a.head.headers.find(([n]) => n.toLowerCase() === (a.query.get('key') ?? '').toLowerCase())?.[1] ?? '' };
    case '/dial':
      return yield* dial(p, a);
    default:
      return { status: 404, body: '404 page not found\n' };
  }
}

/** Asks another netexec as often as told, and says who answered. */
function* dial(p: Process, a: Asked): Task<Reply> {
  const host = a.query.get('host') ?? '';
  const port = Number(a.query.get('port'));
  const request = a.query.get('request') ?? 'hostname';
  const tries = Math.min(100, Number(a.query.get('tries') ?? 1));
  const responses: string[] = [];
  const errors: string[] = [];
  for (let i = 0; i < tries; i++) {
    const r = a.query.get('protocol') === 'udp' ? yield* askUdp(p, host, port, request) : yield* askHttp(p, host, port, request);
    if (r.ok) responses.push(r.text);
    else errors.push(r.text);
  }
  return { body: JSON.stringify(errors.length > 0 ? { errors, responses } : { responses }) };
}

function* resolve(p: Process, host: string): Task<number | bigint | string> {
  const literal = parseIp(host);
  if (literal !== null) return literal;
  const r = yield* getaddrinfo(p, host);
  return r.ok ? (r.addrs[0] ?? 'no address') : gaiStrerror(r.error);
}

function* askHttp(p: Process, host: string, port: number, request: string): Task<{ ok: boolean; text: string }> {
  const addr = yield* resolve(p, host);
  if (typeof addr === 'string') return { ok: false, text: addr };
  const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
  try {
    const until = p.sim.now + 5e6;
    const c = yield* connectTcp(sock, addr, port, until);
    if (!c.ok)
      return { ok: false, text: `dial tcp ${host}:${port}: ${c.errno === 'EAGAIN' ? 'i/o timeout' : 'connect: connection refused'}` };
    const stream = tcpStream(sock);
    yield* stream.send(
      utf8(`GET /${request} HTTP/1.1\r\nHost: ${host}:${port}\r\nUser-Agent: Go-http-client/1.1\r\nConnection: close\r\n\r\n`),
    );
    const reader = new HttpReader(stream);
    reader.deadline = until;
    const head = yield* reader.response();
    const body = typeof head === 'string' ? head : yield* reader.body(head.headers, true);
    return typeof body === 'string' ? { ok: false, text: body } : { ok: true, text: text(body) };
  } finally {
    closeSocket(p, sock);
  }
}

function* askUdp(p: Process, host: string, port: number, request: string): Task<{ ok: boolean; text: string }> {
  const addr = yield* resolve(p, host);
  if (typeof addr === 'string') return { ok: false, text: addr };
  const sock = openUdp(p, typeof addr === 'number' ? 4 : 6);
  try {
    if (!sock.connect(addr, port).ok) return { ok: false, text: 'connect: network is unreachable' };
    sock.send(utf8(request));
    const w = yield* waitFor(sock, () => sock.readable(), p.sim.now + 5e6);
    const r = w.ok ? sock.recv() : w;
    return r.ok
      ? { ok: true, text: text(r.value) }
      : {
          ok: false,
          text: `reading from udp connection failed. err:'read udp: ${r.errno === 'EAGAIN' ? 'i/o timeout' : 'connection refused'}'`,
        };
  } finally {
    closeSocket(p, sock);
  }
}

function* serveHostname(p: Process, argv: readonly string[]): Task<number> {
  const flags = readFlags(argv, { port: '9376', http: 'true', tcp: 'false', udp: 'false', close: 'false' });
  if (typeof flags === 'string') {
    yield* p.err(`Error: ${flags}\n`);
    return 1;
  }
  const port = Number(flags.values.get('port'));
  const name = p.uts.hostname;
  if (flags.values.get('udp') === 'true') {
    const udp = openUdp(p, 6);
    udp.bind(0n, port);
    yield* serveUdp(udp, () => `${name}\n`);
    return 0;
  }
  const sock = listenTcp(p, port);
  if (typeof sock === 'string') {
    yield* p.err(`${sock}\n`);
    return 1;
  }
  yield* acceptLoop(p, sock, (conn) =>
    serveHttp(p, conn, function* () {
      yield* p.out(`HTTP request from ${conn.remote ? conn.remote.port : ''}\n`);
      return { body: name };
    }),
  );
  return 0;
}

/** Exits 0 when it connects; else says REFUSED, TIMEOUT, DNS or OTHER and exits 1. */
function* connect(p: Process, argv: readonly string[]): Task<number> {
  const flags = readFlags(argv, { timeout: '0s', protocol: 'tcp', 'udp-data': 'hostname' });
  const target = typeof flags === 'string' ? undefined : flags.rest[0];
  const m = /^\[?([^\]]+?)\]?:(\d+)$/.exec(target ?? '');
  if (typeof flags === 'string' || !m) {
    yield* p.err(`Error: ${typeof flags === 'string' ? flags : 'accepts 1 arg(s), received 0'}\n`);
    return 1;
  }
  const addr = yield* resolve(p, m[1] as string);
  if (typeof addr === 'string') {
    yield* p.err(`DNS: ${addr}\n`);
    return 1;
  }
  const timeout = duration(flags.values.get('timeout') ?? '0s') || 127e6;
  if (flags.values.get('protocol') === 'udp') {
    const r = yield* askUdp(p, m[1] as string, Number(m[2]), flags.values.get('udp-data') ?? '');
    if (!r.ok) yield* p.err(`${r.text.includes('refused') ? 'REFUSED' : 'TIMEOUT'}\n`);
    return r.ok ? 0 : 1;
  }
  const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
  const c = yield* connectTcp(sock, addr, Number(m[2]), p.sim.now + timeout);
  closeSocket(p, sock);
  if (c.ok) return 0;
  yield* p.err(
    c.errno === 'ECONNREFUSED' ? 'REFUSED\n' : c.errno === 'EAGAIN' || c.errno === 'ETIMEDOUT' ? 'TIMEOUT\n' : `OTHER: ${c.errno}\n`,
  );
  return 1;
}

export const agnhost: Command = {
  name: 'agnhost',
  path: '/agnhost',
  *main(p) {
    const [, command, ...rest] = p.argv;
    switch (command) {
      case 'netexec':
        return yield* netexec(p, rest);
      case 'serve-hostname':
        return yield* serveHostname(p, rest);
      case 'connect':
        return yield* connect(p, rest);
      case 'grpc-health-checking':
        return yield* grpcHealthChecking(p, rest);
      case 'pause':
        yield* p.out('Paused\n');
        for (;;) yield { until: p.sim.now + 86_400e6 };
      case '--version':
        yield* p.out(`agnhost version ${VERSION}\n`);
        return 0;
      default:
        yield* p.err(
          `Error: unknown command "${command ?? ''}" for "app": netexec, serve-hostname, connect, grpc-health-checking and pause are emulated\n`,
        );
        return 1;
    }
  },
};
