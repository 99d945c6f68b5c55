/** The program in the pods of the recordings: says over HTTP and UDP who it is and whom it sees. */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { acceptTcp, closeSocket, openTcp, openUdp, recvTcp, recvUdp, sendTcp } from '../../../os/sockcalls.ts';
import { Threads } from '../../../os/threads.ts';
import type { TcpSocket } from '../../../os/uapi.ts';
import { formatIp, type IpAddr, parseIp } from '../../../wire/addr.ts';
import { text, utf8 } from '../../../wire/bytes.ts';

const ip = (a: IpAddr | undefined): string => formatIp(a ?? 0).replace(/^::ffff:/, '');
const host = (a: string): string => (a.includes(':') ? `[${a}]` : a);

function* serve(p: Process, name: string, sock: TcpSocket): Task<void> {
  let head = '';
  try {
    while (!head.includes('\r\n\r\n')) {
      const r = yield* recvTcp(sock);
      if (!r.ok || r.value.length === 0) return;
      head += text(r.value);
    }
    const { remote, local } = sock;
    const body = `pod=${name} peer=${ip(remote?.addr)} peerport=${remote?.port} local=${host(ip(local?.addr))}:${local?.port}\n`;
    yield* sendTcp(sock, utf8(`HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`));
  } finally {
    closeSocket(p, sock);
  }
}

function* tcp(p: Process, name: string, port: number, family: 4 | 6, threads: Threads): Task<void> {
  const sock = openTcp(p, family);
  sock.opt.reuseAddr = true;
  sock.opt.v6only = family === 6;
  if (!sock.bind(family === 4 ? 0 : 0n, port).ok || !sock.listen(128).ok) return;
  for (;;) {
    const r = yield* acceptTcp(p, sock);
    if (r.ok) threads.start(serve(p, name, r.value));
  }
}

function* udp(p: Process, name: string, port: number, family: 4 | 6): Task<void> {
  const sock = openUdp(p, family);
  sock.opt.v6only = family === 6;
  if (!sock.bind(family === 4 ? 0 : 0n, port).ok) return;
  const any = family === 4 ? '0.0.0.0' : '[::]';
  for (;;) {
    const d = yield* recvUdp(sock);
    if (!d.ok) continue;
    const { addr, port: peerport } = d.value.from;
    sock.sendTo(utf8(`pod=${name} peer=${ip(addr)} peerport=${peerport} local=${any}:${port}`), addr, peerport);
  }
}

/** `answer NAME FAMILY PORT/PROTOCOL …` */
export const answer: Command = {
  name: 'answer',
  path: '/usr/local/bin/answer',
  *main(p) {
    const [name = '', families = '4', ...ports] = p.argv.slice(1);
    const threads = new Threads(p);
    for (const port of ports) {
      const [n, protocol] = port.split('/');
      for (const family of [4, 6] as const) {
        if (!families.includes(String(family))) continue;
        if (protocol === 'udp') threads.start(udp(p, name, Number(n), family));
        if (protocol === 'tcp') threads.start(tcp(p, name, Number(n), family, threads));
      }
    }
    yield* threads.run();
    return 0;
  },
};

/** `ask ADDRESS PORT`: one datagram from a fresh port, the answer or an error within a second. */
export const ask: Command = {
  name: 'ask',
  path: '/usr/local/bin/ask',
  *main(p) {
    const [to = '', port = '', from = '0', wait = '1'] = p.argv.slice(1);
    const addr = parseIp(to);
    if (addr === null) return 2;
    const sock = openUdp(p, typeof addr === 'number' ? 4 : 6);
    if (from !== '0') sock.bind(typeof addr === 'number' ? 0 : 0n, Number(from));
    sock.sendTo(utf8('x'), addr, Number(port));
    const d = yield* recvUdp(sock, p.sim.now + Number(wait) * 1_000_000);
    yield* p.out(d.ok ? `${text(d.value.data)}\n` : `${d.errno}\n`);
    closeSocket(p, sock);
    return d.ok ? 0 : 1;
  },
};
