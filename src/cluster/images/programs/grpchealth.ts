/** agnhost grpc-health-checking: answers grpc.health.v1.Health/Check over HTTP/2 without TLS. Models test/images/agnhost/grpc-health-checking */

import type { Process, Task } from '../../../os/process.ts';
import { acceptTcp, closeSocket, openTcp, recvTcp, sendTcp } from '../../../os/sockcalls.ts';
import { startThread } from '../../../os/thread.ts';
import { strerror, type TcpSocket } from '../../../os/uapi.ts';
import { concat } from '../../../wire/bytes.ts';
import { DATA, frame, HEADERS, literal, message, PING, PREFACE, SETTINGS } from '../../node/kubelet/grpc.ts';
import { readFlags } from './http.ts';

const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
/** `:status: 200` of HPACK's static table. */
const STATUS_200 = Uint8Array.of(0x88);
const SERVING = Uint8Array.of(0x08, 1);
const NOTHING = new Uint8Array(0);
const MAX_BUFFER = 1 << 16;

function* serve(p: Process, sock: TcpSocket): Task<void> {
  let data: Uint8Array = NOTHING;
  let greeted = false;
  try {
    for (;;) {
      const r = yield* recvTcp(sock);
      if (!r.ok || r.value.length === 0 || data.length > MAX_BUFFER) return;
      data = data.length === 0 ? r.value : concat([data, r.value]);
      if (!greeted) {
        if (data.length < PREFACE.length) continue;
        if (PREFACE.some((b, i) => data[i] !== b)) return;
        data = data.slice(PREFACE.length);
        greeted = true;
        yield* sendTcp(sock, frame(SETTINGS, 0, 0, NOTHING));
      }
      while (data.length >= 9) {
        const length = ((data[0] as number) << 16) | ((data[1] as number) << 8) | (data[2] as number);
        if (data.length < 9 + length) break;
        const [type, flags] = [data[3] as number, data[4] as number];
        const stream =
          (((data[5] as number) & 0x7f) << 24) | ((data[6] as number) << 16) | ((data[7] as number) << 8) | (data[8] as number);
        const payload = data.slice(9, 9 + length);
        data = data.slice(9 + length);
        if (type === SETTINGS && !(flags & ACK)) yield* sendTcp(sock, frame(SETTINGS, ACK, 0, NOTHING));
        else if (type === PING && !(flags & ACK)) yield* sendTcp(sock, frame(PING, ACK, 0, payload));
        else if ((type === DATA || type === HEADERS) && flags & END_STREAM) {
          const answer = [
            frame(HEADERS, END_HEADERS, stream, concat([STATUS_200, literal('content-type', 'application/grpc')])),
            frame(DATA, 0, stream, message(SERVING)),
            frame(HEADERS, END_HEADERS | END_STREAM, stream, concat([literal('grpc-status', '0'), literal('grpc-message', '')])),
          ];
          if (!(yield* sendTcp(sock, concat(answer))).ok) return;
        }
      }
    }
  } finally {
    closeSocket(p, sock);
  }
}

export function* grpcHealthChecking(p: Process, argv: readonly string[]): Task<number> {
  const flags = readFlags(argv, { port: '5000', 'http-port': '8080', 'delay-unhealthy-sec': '-1', service: '' });
  if (typeof flags === 'string') {
    yield* p.err(`Error: ${flags}\n`);
    return 1;
  }
  const port = Number(flags.values.get('port'));
  if (flags.values.get('delay-unhealthy-sec') !== '-1') {
    yield* p.err('agnhost: --delay-unhealthy-sec is not emulated\n');
    return 1;
  }
  const sock = openTcp(p, 6);
  sock.opt.reuseAddr = true;
  const bound = sock.bind(0n, port);
  const listening = bound.ok ? sock.listen(128) : bound;
  if (!listening.ok) {
    yield* p.err(`failed to listen: listen tcp :${port}: bind: ${strerror(listening.errno).toLowerCase()}\n`);
    return 1;
  }
  yield* p.err(`gRPC server starting to listen on port ${port}\n`);
  for (;;) {
    const r = yield* acceptTcp(p, sock);
    if (r.ok) startThread(p, serve(p, r.value));
    else if (r.errno !== 'EINTR' && r.errno !== 'ECONNABORTED') return 1;
  }
}
