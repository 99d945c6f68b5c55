/** The course's own servers: echoserver says who asked whom, webapp is a small application that can be made to fail, load asks at a rate. */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { gaiStrerror, getaddrinfo } from '../../../os/resolver.ts';
import { closeSocket, connectTcp, openTcp, openUdp } from '../../../os/sockcalls.ts';
import { tcpStream } from '../../../os/stream.ts';
import { startThread } from '../../../os/thread.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { parseIp } from '../../../wire/addr.ts';
import { text, utf8 } from '../../../wire/bytes.ts';
import { HttpReader } from '../../l7/http1.ts';
import { type Asked, acceptLoop, listenTcp, pause, type Reply, readFlags, serveHttp, serveUdp } from './http.ts';

const identity = (p: Process): string => p.env.get('POD_NAME') ?? p.uts.hostname;

/** `pod=web-1 peer=10.244.1.9 peerport=40211 local=10.244.1.5:8080` over HTTP and UDP, on $PORT or 8080. */
export const echoserver: Command = {
  name: 'echoserver',
  path: '/bin/echoserver',
  *main(p) {
    const port = Number(p.argv[1] ?? p.env.get('PORT') ?? 8080);
    const sock = listenTcp(p, port);
    if (typeof sock === 'string') {
      yield* p.err(`${sock}\n`);
      return 1;
    }
    const line = (peer: { addr: string; port: number }, local: string): string =>
      `pod=${identity(p)} peer=${peer.addr} peerport=${peer.port} local=${local}:${port}\n`;
    const udp = openUdp(p, 6);
    if (udp.bind(0n, port).ok)
      startThread(
        p,
        serveUdp(udp, (_, from, to) => line(from, to)),
      );
    yield* p.out(`listening on ${port}\n`);
    yield* acceptLoop(p, sock, (conn) =>
      serveHttp(p, conn, function* (a) {
        yield* p.out(`${a.peer.addr} ${a.head.method} ${a.head.target}\n`);
        return { body: line(a.peer, a.local.addr) };
      }),
    );
    return 0;
  },
};

interface App {
  ready: boolean;
  live: boolean;
  requests: number;
  readonly started: number;
}

const WEBAPP_HELP = `webapp: a small web application
  environment: PORT (8080), NAME (host name), VERSION (1.0), MESSAGE, READY_AFTER seconds, DELAY_MS, FAIL_PERCENT, UPSTREAM URL,
    ANY (each page but those below says who asked for it)
  pages: / /healthz /readyz /env /headers /status/CODE /slow/SECONDS /upstream /metrics, POST /fail /recover /ready/on /ready/off
`;

export const webapp: Command = {
  name: 'webapp',
  path: '/bin/webapp',
  *main(p) {
    if (p.argv[1] === '--help') {
      yield* p.out(WEBAPP_HELP);
      return 0;
    }
    const port = Number(p.env.get('PORT') ?? 8080);
    const sock = listenTcp(p, port);
    if (typeof sock === 'string') {
      yield* p.err(`${sock}\n`);
      return 1;
    }
    const after = Number(p.env.get('READY_AFTER') ?? 0) * 1e6;
    const app: App = { ready: after === 0, live: true, requests: 0, started: p.sim.now };
    if (after > 0)
      startThread(
        p,
        (function* (): Task<void> {
          yield* pause(p, after);
          app.ready = true;
        })(),
      );
    const stop = new WaitQueue();
    let stopping = false;
    p.onSignal('TERM', () => {
      stopping = true;
      stop.wakeAll();
    });
    yield* p.out(`${p.env.get('NAME') ?? p.uts.hostname} version ${p.env.get('VERSION') ?? '1.0'} listens on ${port}\n`);
    startThread(
      p,
      acceptLoop(p, sock, (conn) => serveHttp(p, conn, (a) => appPage(p, app, a))),
    );
    while (!stopping) yield { on: [stop] };
    yield* p.out('stopping: SIGTERM\n');
    return 0;
  },
};

function* appPage(p: Process, app: App, a: Asked): Task<Reply> {
  app.requests++;
  const r = yield* appReply(p, app, a);
  if (!/^\/(healthz|readyz)$/.test(a.path)) yield* p.out(`${a.peer.addr} ${a.head.method} ${a.head.target} ${r.status ?? 200}\n`);
  return r;
}

function* appReply(p: Process, app: App, a: Asked): Task<Reply> {
  const post = a.head.method === 'POST';
  const code = /^\/status\/(\d{3})$/.exec(a.path);
  const slow = /^\/slow\/(\d+(?:\.\d+)?)$/.exec(a.path);
  if (a.path === '/healthz') return app.live ? { body: 'ok\n' } : { status: 500, body: 'failing\n' };
  if (a.path === '/readyz') return app.ready ? { body: 'ok\n' } : { status: 503, body: 'not ready\n' };
  if (a.path === '/env') return { body: [...p.env].map(([k, v]) => `${k}=${v}\n`).join('') };
  if (a.path === '/headers') return { body: a.head.headers.map(([k, v]) => `${k}: ${v}\n`).join('') };
  if (a.path === '/metrics') return { body: `# TYPE webapp_requests_total counter\nwebapp_requests_total ${app.requests}\n` };
  if (code) return { status: Number(code[1]), body: `${code[1]}\n` };
  if (slow) {
    yield* pause(p, Math.min(3600, Number(slow[1])) * 1e6);
    return { body: 'slow\n' };
  }
  if (a.path === '/upstream') {
    const r = yield* fetchUrl(p, p.env.get('UPSTREAM') ?? '', 5e6);
    return r.ok ? { body: `${identity(p)} got: ${r.body}` } : { status: 502, body: `${identity(p)}: ${r.error}\n` };
  }
  if (post && a.path === '/fail') app.live = false;
  else if (post && a.path === '/recover') app.live = true;
  else if (post && a.path === '/ready/on') app.ready = true;
  else if (post && a.path === '/ready/off') app.ready = false;
  else if (p.env.get('ANY') && !post)
    return { body: `${p.env.get('NAME') ?? identity(p)} is asked for ${a.head.target} by ${a.peer.addr}\n` };
  else if (a.path !== '/') return { status: 404, body: 'not found\n' };
  if (post) return { body: 'done\n' };
  yield* pause(p, Number(p.env.get('DELAY_MS') ?? 0) * 1000);
  const percent = Number(p.env.get('FAIL_PERCENT') ?? 0);
  if (percent > 0 && p.sim.rng('webapp').below(100) < percent) return { status: 500, body: 'failed\n' };
  const message = p.env.get('MESSAGE') ?? `Hello from ${p.env.get('NAME') ?? identity(p)}, version ${p.env.get('VERSION') ?? '1.0'}`;
  return { body: `${message}\n` };
}

type Fetched = { ok: true; status: number; body: string } | { ok: false; error: string };

function* fetchUrl(p: Process, url: string, limit: number): Task<Fetched> {
  const m = /^http:\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?(\/.*)?$/.exec(url);
  if (!m) return { ok: false, error: `${url}: only http://HOST[:PORT][/PATH]` };
  const host = (m[1] as string).replace(/[[\]]/g, '');
  const until = p.sim.now + limit;
  let addr = parseIp(host);
  if (addr === null) {
    const r = yield* getaddrinfo(p, host);
    if (!r.ok) return { ok: false, error: `${host}: ${gaiStrerror(r.error)}` };
    addr = r.addrs[0] ?? 0;
  }
  const sock = openTcp(p, typeof addr === 'number' ? 4 : 6);
  try {
    const c = yield* connectTcp(sock, addr, Number(m[2] ?? 80), until);
    if (!c.ok) return { ok: false, error: c.errno === 'EAGAIN' ? 'timeout' : c.errno === 'ECONNREFUSED' ? 'refused' : c.errno };
    const stream = tcpStream(sock);
    yield* stream.send(utf8(`GET ${m[3] ?? '/'} HTTP/1.1\r\nHost: ${m[1]}${m[2] ? `:${m[2]}` : ''}\r\nConnection: close\r\n\r\n`));
    const reader = new HttpReader(stream);
    reader.deadline = until;
    const head = yield* reader.response();
    if (typeof head === 'string') return { ok: false, error: head === 'closed' ? 'reset' : head };
    const body = yield* reader.body(head.headers, true);
    return typeof body === 'string' ? { ok: false, error: body } : { ok: true, status: head.status, body: text(body) };
  } finally {
    closeSocket(p, sock);
  }
}

/** Requests at an even rate; at the end, and on SIGINT, how many came to what, and who answered. */
export const load: Command = {
  name: 'load',
  path: '/bin/load',
  *main(p) {
    const flags = readFlags(p.argv.slice(1), { rate: '10', duration: '10', timeout: '2', url: '', quiet: 'false' });
    const url = typeof flags === 'string' ? '' : flags.values.get('url') || flags.rest[0] || p.env.get('URL') || '';
    if (typeof flags === 'string' || url === '') {
      yield* p.err(
        `${typeof flags === 'string' ? `load: ${flags}\n` : ''}usage: load [--rate N] [--duration SECONDS] [--timeout SECONDS] URL\n`,
      );
      return 2;
    }
    const rate = Math.min(10_000, Math.max(0.01, Number(flags.values.get('rate'))));
    const seconds = Math.min(86_400, Number(flags.values.get('duration')) || 10);
    const timeout = (Number(flags.values.get('timeout')) || 2) * 1e6;
    const outcomes = new Map<string, number>();
    const answers = new Map<string, number>();
    const count = (m: Map<string, number>, key: string): void => {
      m.set(key, (m.get(key) ?? 0) + 1);
    };
    let active = 0;
    let stopping = false;
    const idle = new WaitQueue();
    for (const signal of ['INT', 'TERM'] as const)
      p.onSignal(signal, () => {
        stopping = true;
        idle.wakeAll();
      });
    const end = p.sim.now + seconds * 1e6;
    let next = p.sim.now;
    while (p.sim.now < end && !stopping) {
      active++;
      startThread(
        p,
        (function* (): Task<void> {
          const r = yield* fetchUrl(p, url, timeout);
          count(outcomes, r.ok ? String(r.status) : r.error);
          if (r.ok && r.status === 200) count(answers, (r.body.split('\n')[0] as string).replace(/peerport=\d+ /, '').slice(0, 100));
          active--;
          idle.wakeAll();
        })(),
      );
      next += 1e6 / rate;
      while (p.sim.now < next && !stopping) yield { until: next, on: [idle] };
    }
    while (active > 0 && !stopping) yield { on: [idle] };
    const lines = (m: Map<string, number>): string =>
      [...m]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([k, n]) => `${String(n).padStart(7)}  ${k}\n`)
        .join('');
    yield* p.out(`outcomes\n${lines(outcomes)}${answers.size > 0 ? `answers\n${lines(answers)}` : ''}`);
    return [...outcomes.keys()].every((k) => k === '200') ? 0 : 1;
  },
};
