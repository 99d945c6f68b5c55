/** A WebSocket through the API server to a kubelet, with channels. Models client-go/tools/remotecommand/websocket.go and transport/websocket */

import type { Task } from '../../../os/program.ts';
import type { WaitQueue } from '../../../sim/wait.ts';
import { toBase64 } from '../../../wire/der.ts';
import {
  emitClose,
  emitFrame,
  onChannel,
  WS_BINARY,
  WS_CLOSE,
  WS_PING,
  WS_PONG,
  WS_TEXT,
  WsDecoder,
  type WsMessage,
} from '../../../wire/websocket.ts';
import { Failure, failure } from '../errors.ts';
import type { Streaming } from '../http.ts';
import type { Query, Rest } from '../rest.ts';

export interface Piece {
  readonly channel: number;
  readonly data: Uint8Array;
}

function random(rest: Rest, n: number): Uint8Array {
  const rng = rest.p.sim.rng('websocket');
  return Uint8Array.from({ length: n }, () => rng.below(256));
}

export class RemoteSocket {
  private readonly rest: Rest;
  private readonly stream: Streaming;
  private readonly decoder = new WsDecoder();
  private readonly pending: Piece[] = [];
  private ended = false;

  private constructor(rest: Rest, stream: Streaming) {
    this.rest = rest;
    this.stream = stream;
  }

  /** Upgrades a request to one of the protocols. */
  static *dial(rest: Rest, path: string, query: Query, protocols: readonly string[]): Task<RemoteSocket | Failure> {
    const key = toBase64(random(rest, 16));
    const s = yield* rest.open('GET', path, {
      query,
      headers: {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': key,
        'Sec-WebSocket-Protocol': protocols.join(', '),
      },
    });
    if (s instanceof Failure) return s;
    if (s.head.status !== 101) return failure('unable to upgrade connection: websocket: bad handshake');
    return new RemoteSocket(rest, s);
  }

  get queue(): WaitQueue {
    return this.stream.queue;
  }

  /** Whether receive() would not have to wait. */
  get readable(): boolean {
    return this.pending.length > 0 || this.ended || this.stream.readable();
  }

  private frame(opcode: number, data: Uint8Array): Task<Failure | null> {
    return this.stream.send(emitFrame(opcode, data, random(this.rest, 4)));
  }

  send(channel: number, data: Uint8Array): Task<Failure | null> {
    return this.frame(WS_BINARY, onChannel(channel, data));
  }

  /** The next message of any channel; null when the other side is done. */
  *receive(): Task<Piece | null | Failure> {
    for (;;) {
      const next = this.pending.shift();
      if (next) return next;
      if (this.ended) return null;
      const bytes = yield* this.stream.read();
      if (bytes instanceof Failure) return bytes;
      if (bytes === null) this.ended = true;
      else for (const m of this.decoder.push(bytes)) yield* this.take(m);
      if (this.decoder.failed) this.ended = true;
    }
  }

  private *take(m: WsMessage): Task<void> {
    if (m.opcode === WS_PING) yield* this.frame(WS_PONG, m.data);
    else if (m.opcode === WS_CLOSE) {
      if (!this.ended) yield* this.frame(WS_CLOSE, m.data);
      this.ended = true;
    } else if ((m.opcode === WS_BINARY || m.opcode === WS_TEXT) && m.data.length > 0)
      this.pending.push({ channel: m.data[0] as number, data: m.data.subarray(1) });
  }

  *close(): Task<void> {
    if (!this.ended) yield* this.frame(WS_CLOSE, emitClose(1000));
    this.ended = true;
    yield* this.stream.close();
  }
}
