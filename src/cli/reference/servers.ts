/** The reference cluster's small network programs (srv.py, hold.py, udps.py, udpc.py, slow.py), as this emulator runs them. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { acceptTcp, closeSocket, connectTcp, openTcp, openUdp, recvTcp, recvUdp, sendTcp } from '../../os/sockcalls.ts';
import { Threads } from '../../os/threads.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { strerror } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import { formatIp, parseIp } from '../../wire/addr.ts';
import { utf8 } from '../../wire/bytes.ts';

const text = (b: Uint8Array): string => new TextDecoder().decode(b);

function bindError(errno: Parameters<typeof strerror>[0]): string {
  return `OSError: [Errno ${errno === 'EADDRINUSE' ? 98 : errno === 'EADDRNOTAVAIL' ? 99 : 13}] ${strerror(errno)}\n`;
}

/** `srv.py NAME PORT [ADDRESS]`: HTTP/1.0, tells who asked; /big/N sends N bytes. */
export function* httpServer(p: Process, [name = '', port = '', bind = '0.0.0.0']: readonly string[]): Task<number> {
  const listener = openTcp(p);
  listener.opt.reuseAddr = true;
  const bound = listener.bind(parseIp(bind) ?? 0, Number(port));
  const listening = bound.ok ? listener.listen(5) : bound;
  if (!listening.ok) {
    yield* p.err(bindError(listening.errno));
    return 1;
  }
  const threads = new Threads(p);
  threads.start(
    (function* (): Task<void> {
      for (;;) {
        const r = yield* acceptTcp(p, listener);
        if (r.ok) threads.start(serve(p, name, r.value));
      }
    })(),
  );
  yield* threads.run();
  return 0;
}

function* serve(p: Process, name: string, sock: TcpSocket): Task<void> {
  try {
    let request = '';
    while (!request.includes('\r\n\r\n')) {
      const r = yield* recvTcp(sock);
      if (!r.ok || r.value.length === 0 || request.length > 65536) return;
      request += text(r.value);
    }
    const [line = '', ...headers] = request.split('\r\n');
    const path = line.split(' ')[1] ?? '/';
    const host = headers.find((h) => /^host:/i.test(h))?.replace(/^host:\s*/i, '') ?? 'None';
    const peer = sock.remote ? `${formatIp(sock.remote.addr)}:${sock.remote.port}` : '';
    const big = /^\/big\/(\d{1,8})/.exec(path);
    const body = big ? 'x'.repeat(Number(big[1])) : `Hostname: ${name}\nclient_address=${peer}\nrequest: GET ${path} Host: ${host}\n`;
    const date = new Date(p.sim.epochMs + p.sim.now / 1000).toUTCString();
    const head = `HTTP/1.0 200 OK\r\nServer: agnhost \r\nDate: ${date}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`;
    if ((yield* sendTcp(sock, utf8(head))).ok) yield* sendTcp(sock, utf8(body));
  } finally {
    closeSocket(p, sock);
  }
}

/** `hold.py ADDRESS PORT COUNT SECONDS`: opens connections one after another and keeps them. */
export function* hold(p: Process, [addr = '', port = '', count = '', seconds = '']: readonly string[]): Task<number> {
  const held: TcpSocket[] = [];
  for (let i = 1; i <= Number(count); i++) {
    const sock = openTcp(p);
    const r = yield* connectTcp(sock, parseIp(addr) ?? 0, Number(port), p.sim.now + 2 * SEC);
    if (r.ok) held.push(sock);
    else closeSocket(p, sock);
    yield* p.out(
      r.ok
        ? `${i} connected from ('${formatIp(sock.local?.addr ?? 0)}', ${sock.local?.port ?? 0})\n`
        : `${i} FAILED ${r.errno === 'ETIMEDOUT' || r.errno === 'EAGAIN' ? 'timed out' : strerror(r.errno)}\n`,
    );
  }
  yield* p.sleep(Number(seconds) * SEC);
  for (const sock of held) closeSocket(p, sock);
  return 0;
}

/** `udps.py NAME PORT`: answers each datagram with its name in front. */
export function* udpServer(p: Process, [name = '', port = '']: readonly string[]): Task<number> {
  const sock = openUdp(p);
  const bound = sock.bind(0, Number(port));
  if (!bound.ok) {
    yield* p.err(bindError(bound.errno));
    return 1;
  }
  for (;;) {
    const d = yield* recvUdp(sock);
    if (d.ok) sock.sendTo(utf8(`${name} ${text(d.value.data)}`), d.value.from.addr, d.value.from.port);
  }
}

/** `udpc.py ADDRESS PORT COUNT`: one datagram after another from port 40000, each answer waited for a second. */
export function* udpClient(p: Process, [addr = '', port = '', count = '']: readonly string[]): Task<number> {
  const sock = openUdp(p);
  sock.bind(0, 40000);
  for (let i = 0; i < Number(count); i++) {
    sock.sendTo(utf8(`n${i}`), parseIp(addr) ?? 0, Number(port));
    const d = yield* recvUdp(sock, p.sim.now + SEC);
    const clock = new Date(p.sim.epochMs + p.sim.now / 1000).toISOString().slice(11, 19);
    yield* p.out(
      d.ok
        ? `${clock} ${text(d.value.data)}\n`
        : `${clock} timeout ${d.errno === 'EAGAIN' || d.errno === 'ETIMEDOUT' ? 'timed out' : strerror(d.errno)}\n`,
    );
    yield* p.sleep(SEC / 2);
  }
  return 0;
}

/** `slow.py`: connects through the Service's address, waits 2 s, then asks. */
export function* slowClient(p: Process): Task<number> {
  const sock = openTcp(p);
  const r = yield* connectTcp(sock, parseIp('10.96.10.20') ?? 0, 80, p.sim.now + 3 * SEC);
  if (!r.ok) {
    yield* p.err(`${strerror(r.errno)}\n`);
    return 1;
  }
  yield* p.out('connected via VIP\n');
  yield* p.sleep(2 * SEC);
  yield* sendTcp(sock, utf8('GET / HTTP/1.0\r\nHost: x\r\n\r\n'));
  let answer = '';
  while (!/\r\n\r\n./s.test(answer)) {
    const part = yield* recvTcp(sock, 500, p.sim.now + 3 * SEC);
    if (!part.ok || part.value.length === 0) break;
    answer += text(part.value);
  }
  const first = answer.split('\r\n\r\n')[1]?.split('\n')[0];
  yield* p.out(first ? `${first}\n` : 'timed out\n');
  closeSocket(p, sock);
  return first ? 0 : 1;
}
