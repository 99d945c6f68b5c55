/** nc's loop between the terminal and the network. Models readwrite() of OpenBSD netcat */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import { TcpSocket, type UdpSocket, type UnixSocket } from '../../os/uapi.ts';
import type { Result } from '../../sim/errno.ts';
import { SEC } from '../../sim/sim.ts';
import type { NcOptions } from './options.ts';

export type NetSocket = TcpSocket | UdpSocket | UnixSocket;

const CHUNK = 16_384;

/** Until both directions are done, the idle time-out has passed, or -q's alarm rings. 'quit' ends the program. */
export function* readWrite(p: Process, sock: NetSocket, o: NcOptions): Task<'done' | 'quit'> {
  const stdin = p.file(0);
  const stream = sock instanceof TcpSocket || (sock.kind === 'unix' && sock.type === 'stream');
  let inOpen = !o.detach && stdin !== undefined;
  let netOut = !o.detach;
  let netIn = true;
  let toNet: Uint8Array = new Uint8Array(0);
  let alarm: number | null = null;
  let packets = 0;
  let idleSince = p.sim.now;
  let lastWords = false;
  const stdinEnded = (): void => {
    inOpen = false;
    if (o.quit !== null && o.quit >= 0 && !stream) {
      // A datagram socket is shut down both ways, and the alarm alone ends the program.
      lastWords = true;
    }
    // alarm(0) sets no alarm: -q 0 waits for the peer to close.
    if (o.quit !== null && o.quit > 0) alarm = p.sim.now + o.quit * SEC;
  };
  for (;;) {
    let moved = false;
    if (netIn && sock.readable()) {
      const r = sock.recv(CHUNK) as Result<Uint8Array>;
      if (r.ok) {
        moved = true;
        if (r.value.length === 0 && stream) netIn = false;
        else {
          yield* p.write(1, r.value);
          packets++;
          if (o.recvLimit > 0 && packets >= o.recvLimit) return 'done';
        }
      } else if (r.errno !== 'EAGAIN') {
        netIn = false;
        moved = true;
      }
    }
    if (inOpen && toNet.length === 0 && stdin) {
      const r = stdin.read(CHUNK, p);
      if (r.ok) {
        moved = true;
        if (r.value.length === 0) {
          stdinEnded();
        } else toNet = o.crlf ? withCr(r.value) : r.value;
      } else if (r.errno !== 'EAGAIN') stdinEnded();
    }
    if (netOut && toNet.length > 0) {
      const r = sock.send(toNet) as Result<number>;
      if (r.ok) {
        toNet = toNet.subarray(r.value);
        moved = true;
        if (o.interval) yield* p.sleep(o.interval * SEC);
      } else if (r.errno !== 'EAGAIN') {
        netOut = false;
        toNet = new Uint8Array(0);
        moved = true;
      }
    }
    if (lastWords && toNet.length === 0) {
      if (alarm !== null) yield* p.sleep(alarm - p.sim.now);
      return 'quit';
    }
    if (netOut && !inOpen && toNet.length === 0) {
      if (o.shutdown && stream) sock.shutdown('write');
      netOut = false;
    }
    if (!netIn && (!netOut || o.listen) && toNet.length === 0) return 'done';
    if (!netIn && !inOpen) return 'done';
    if (alarm !== null && p.sim.now >= alarm) return 'quit';
    if (moved) {
      idleSince = p.sim.now;
      continue;
    }
    const queues = [sock.wq];
    if (inOpen && stdin) queues.push(stdin.readers);
    const idle = o.timeout !== null ? idleSince + o.timeout * SEC : null;
    const until = alarm === null ? idle : idle === null ? alarm : Math.min(alarm, idle);
    const wake = yield { on: queues, until: until ?? undefined };
    if (wake === 'timeout') {
      if (alarm !== null && p.sim.now >= alarm) return 'quit';
      return 'done';
    }
  }
}

function withCr(data: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const b of data) {
    if (b === 10) out.push(13);
    out.push(b);
  }
  return Uint8Array.from(out);
}
