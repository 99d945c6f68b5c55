/** gRPC health checks over HTTP/2 without TLS. Models pkg/probe/grpc and grpc.health.v1 */

import type { Process, Task } from '../../../os/process.ts';
import { closeSocket, recvTcp, sendTcp } from '../../../os/sockcalls.ts';
import { type Micros, SEC } from '../../../sim/sim.ts';
import { concat, utf8 } from '../../../wire/bytes.ts';
import { dial, joinHostPort, type ProbeResult } from './probe.ts';

/** Frame types of RFC 9113. */
export const DATA = 0;
export const HEADERS = 1;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const PREFACE = utf8('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const head = new Uint8Array(9);
  head[0] = payload.length >> 16;
  head[1] = payload.length >> 8;
  head[2] = payload.length;
  head[3] = type;
  head[4] = flags;
  head[5] = stream >>> 24;
  head[6] = stream >> 16;
  head[7] = stream >> 8;
  head[8] = stream;
  return concat([head, payload]);
}

/** A header as a literal without indexing and without Huffman coding (RFC 7541 6.2.2). */
export function literal(name: string, value: string): Uint8Array {
  const [n, v] = [utf8(name), utf8(value)];
  return concat([Uint8Array.of(0, n.length), n, Uint8Array.of(v.length), v]);
}

/** A message with gRPC's five bytes in front. */
export function message(body: Uint8Array): Uint8Array {
  return concat([Uint8Array.of(0, 0, 0, 0, body.length), body]);
}

const STATUS = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

export function* grpcProbe(p: Process, host: string, port: number, service: string, timeout: Micros): Task<ProbeResult> {
  const where = joinHostPort(host, port);
  const deadline = p.sim.now + timeout;
  const failure = (output: string): ProbeResult => ({ result: 'failure', output });
  const late = failure(`timeout: failed to connect service ${JSON.stringify(where)} within ${timeout / SEC}s: context deadline exceeded`);
  const d = yield* dial(p, host, port, deadline);
  if (!d.ok) {
    if (d.timeout) return late;
    // The client goes on trying until its time is up.
    while (p.sim.now < deadline) yield { until: deadline };
    return late;
  }
  try {
    const name = utf8(service);
    const body = service === '' ? new Uint8Array(0) : concat([Uint8Array.of(0x0a, name.length), name]);
    const headers = concat([
      literal(':method', 'POST'),
      literal(':scheme', 'http'),
      literal(':path', '/grpc.health.v1.Health/Check'),
      literal(':authority', where),
      literal('content-type', 'application/grpc'),
      literal('user-agent', 'kube-probe/1.36'),
      literal('te', 'trailers'),
    ]);
    const sent = yield* sendTcp(
      d.sock,
      concat([PREFACE, frame(SETTINGS, 0, 0, new Uint8Array(0)), frame(HEADERS, 4, 1, headers), frame(DATA, 1, 1, message(body))]),
      deadline,
    );
    if (!sent.ok) return late;
    let data: Uint8Array = new Uint8Array(0);
    for (let parts = 0; parts < 100; parts++) {
      while (data.length >= 9) {
        const length = ((data[0] as number) << 16) | ((data[1] as number) << 8) | (data[2] as number);
        if (data.length < 9 + length) break;
        const [type, payload] = [data[3], data.subarray(9, 9 + length)];
        if (type === DATA && payload.length >= 5) {
          const status = payload[5] === 0x08 ? (payload[6] ?? 0) : 0;
          if (status === 1) return { result: 'success', output: 'service healthy' };
          return failure(`service unhealthy (responded with ${JSON.stringify(STATUS[status] ?? String(status))})`);
        }
        if (type === GOAWAY) return failure('error: rpc error: code = Unavailable desc = connection closed');
        data = data.slice(9 + length);
      }
      const r = yield* recvTcp(d.sock, 65536, deadline);
      if (!r.ok) return r.errno === 'EAGAIN' ? late : failure(`error: rpc error: code = Unavailable desc = connection error: ${r.errno}`);
      if (r.value.length === 0)
        return failure(
          'error: this server does not implement the grpc health protocol (grpc.health.v1.Health): rpc error: code = Unavailable desc = error reading from server: EOF',
        );
      data = concat([data, r.value]);
    }
    return late;
  } finally {
    closeSocket(p, d.sock);
  }
}
