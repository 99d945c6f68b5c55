/** podserver: a server with fixed output over HTTP/1.1 or UDP. Models linux/tools/podserver */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, openTcp, openUdp, recvTcp, recvUdp, sendTcp } from '../../os/sockcalls.ts';
import { Threads } from '../../os/threads.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { formatIp, type IpAddr, parseIp } from '../../wire/addr.ts';
import { concat, utf8 } from '../../wire/bytes.ts';

const USAGE = 'usage: podserver NAME PORT [--udp] [--bind ADDR] [--v6]\n';

const REASON: Record<number, string> = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  301: 'Moved Permanently',
  302: 'Found',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

const BAD_REQUEST = utf8('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n\r\nbad request\n');

/** The peer as it is logged: a v4-mapped address without its prefix. */
function peerText(addr: IpAddr): string {
  return formatIp(addr).replace(/^::ffff:/, '');
}

function latin1(b: Uint8Array): string {
  let s = '';
  for (const x of b) s += String.fromCharCode(x);
  return s;
}

function findEnd(b: Uint8Array): number {
  for (let i = 0; i + 3 < b.length; i++) if (b[i] === 13 && b[i + 1] === 10 && b[i + 2] === 13 && b[i + 3] === 10) return i;
  return -1;
}

interface Answer {
  status: number;
  body: Uint8Array;
  extra: string;
}

/** Null: the request makes the server's thread fail, and the connection is closed. */
function answer(name: string, peer: string, method: string, path: string, host: string, body: Uint8Array): Answer | null {
  const p = path.split('?')[0] as string;
  const plain = (text: string, status = 200, extra = ''): Answer => ({ status, body: utf8(text), extra });
  if (p === '/') return plain(`${name} sees ${peer}\n`);
  if (p === '/healthz') return plain('ok\n');
  if (p === '/hostname') return plain(`${name}\n`);
  if (p.startsWith('/status/')) return /^\d+$/.test(p.slice(8)) ? plain(`${p.slice(8)}\n`, Number(p.slice(8))) : null;
  if (p.startsWith('/slow/')) return plain('slow\n');
  if (p.startsWith('/big/'))
    return /^\d+$/.test(p.slice(5)) ? { status: 200, body: new Uint8Array(Number(p.slice(5))).fill(120), extra: '' } : null;
  if (p === '/redirect') return plain('', 302, 'Location: /\r\n');
  if (p === '/echo') return { status: 200, body: concat([utf8(`${method} ${path} Host=${host}\n`), body]), extra: '' };
  return plain('not found\n', 404);
}

function* serve(p: Process, name: string, sock: TcpSocket): Task<void> {
  const peer = peerText(sock.remote?.addr ?? 0);
  let buf: Uint8Array = new Uint8Array(0);
  /** False when the client has closed or the connection failed. */
  function* more(): Task<boolean> {
    const r = yield* recvTcp(sock);
    if (!r.ok || r.value.length === 0) return false;
    buf = concat([buf, r.value]);
    return true;
  }
  try {
    for (;;) {
      while (findEnd(buf) < 0) {
        if (!(yield* more())) return;
        const first = buf[0] as number;
        if (first < 65 || first > 90) {
          if (!(yield* sendTcp(sock, BAD_REQUEST)).ok) return;
          while (yield* more()) buf = new Uint8Array(0);
          return;
        }
      }
      const end = findEnd(buf);
      const lines = latin1(buf.subarray(0, end)).split('\r\n');
      buf = buf.slice(end + 4);
      const parts = (lines[0] as string).split(' ');
      if (parts.length !== 3) {
        if (!(yield* sendTcp(sock, BAD_REQUEST)).ok) return;
        continue;
      }
      const [method, path] = parts as [string, string, string];
      const headers = new Map<string, string>();
      for (const line of lines.slice(1)) {
        const colon = line.indexOf(':');
        const key = colon < 0 ? line : line.slice(0, colon);
        headers.set(key.trim().toLowerCase(), colon < 0 ? '' : line.slice(colon + 1).trim());
      }
      const length = Number(headers.get('content-length') || '0');
      if (headers.get('expect')?.toLowerCase() === '100-continue') yield* sendTcp(sock, utf8('HTTP/1.1 100 Continue\r\n\r\n'));
      while (buf.length < length) if (!(yield* more())) return;
      const body = buf.subarray(0, length);
      buf = buf.slice(length);
      const a = answer(name, peer, method, path, headers.get('host') ?? '', body);
      if (!a) return;
      yield* p.out(`${peer} ${method} ${path} ${a.status}\n`);
      const slow = /^\/slow\/([\d.]+)/.exec(path);
      if (slow) {
        const until = p.sim.now + Number(slow[1]) * 1e6;
        while (p.sim.now < until) yield { until };
      }
      const head = `HTTP/1.1 ${a.status} ${REASON[a.status] ?? 'Unknown'}\r\nContent-Type: text/plain\r\nContent-Length: ${a.body.length}\r\n${a.extra}\r\n`;
      const sent = yield* sendTcp(sock, method === 'HEAD' ? utf8(head) : concat([utf8(head), a.body]));
      if (!sent.ok) return;
    }
  } finally {
    closeSocket(p, sock);
  }
}

function* listenTcp(p: Process, name: string, sock: TcpSocket, threads: Threads): Task<void> {
  for (;;) {
    const r = yield* acceptTcp(p, sock);
    if (r.ok) threads.start(serve(p, name, r.value));
    else if (r.errno !== 'EINTR' && r.errno !== 'ECONNABORTED') return;
  }
}

function* main(p: Process): Task<number> {
  const args = p.argv.slice(1);
  const option = (name: string): string | undefined => {
    const i = args.indexOf(name);
    return i < 0 ? undefined : args.splice(i, 2)[1];
  };
  const flag = (name: string): boolean => {
    const i = args.indexOf(name);
    if (i >= 0) args.splice(i, 1);
    return i >= 0;
  };
  const given = option('--bind');
  const udp = flag('--udp');
  const v6 = flag('--v6');
  const [name, portText] = args;
  if (args.length !== 2 || name === undefined || !/^\d+$/.test(portText ?? '')) {
    yield* p.err(USAGE);
    return 2;
  }
  const port = Number(portText);
  const bind = given ?? (v6 ? '::' : '0.0.0.0');
  const addr = parseIp(bind);
  const family = v6 ? 6 : 4;
  const failed = function* (text: string): Task<number> {
    yield* p.err(`podserver: bind ${bind}:${port}: ${text}\n`);
    return 1;
  };
  if (addr === null) return yield* failed('Name or service not known');
  if (udp) {
    const sock = openUdp(p, family);
    const bound = sock.bind(addr, port);
    if (!bound.ok) return yield* failed(strerror(bound.errno));
    yield* p.out(`podserver ${name} listening on udp ${bind}:${port}\n`);
    for (;;) {
      const d = yield* recvUdp(sock);
      if (!d.ok) continue;
      const peer = peerText(d.value.from.addr);
      yield* p.out(`${peer} UDP ${d.value.data.length}\n`);
      sock.sendTo(utf8(`${name} sees ${peer}\n`), d.value.from.addr, d.value.from.port);
    }
  }
  const sock = openTcp(p, family);
  sock.opt.reuseAddr = true;
  const bound = sock.bind(addr, port);
  if (!bound.ok) return yield* failed(strerror(bound.errno));
  const listening = sock.listen(128);
  if (!listening.ok) return yield* failed(strerror(listening.errno));
  yield* p.out(`podserver ${name} listening on ${bind}:${port}\n`);
  const threads = new Threads(p);
  threads.start(listenTcp(p, name, sock, threads));
  yield* threads.run();
  return 0;
}

export const podserver: Command = { name: 'podserver', main, path: '/usr/local/bin/podserver' };
