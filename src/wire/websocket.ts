/** WebSocket frames (RFC 6455) and the channels that Kubernetes speaks over them (KEP-4006: v5.channel.k8s.io). */

import { concat, put16, text, u16, u32, utf8 } from './bytes.ts';
import { toBase64 } from './der.ts';

export const WS_TEXT = 1;
export const WS_BINARY = 2;
export const WS_CLOSE = 8;
export const WS_PING = 9;
export const WS_PONG = 10;

/** A message longer than this ends the connection. */
const LARGEST = 32 * 1024 * 1024;

export interface WsMessage {
  readonly opcode: number;
  readonly data: Uint8Array;
}

/** One unfragmented frame; a client masks with `mask` (4 bytes), a server sends none. */
export function emitFrame(opcode: number, data: Uint8Array, mask?: Uint8Array): Uint8Array {
  const n = data.length;
  const size = n < 126 ? 2 : n < 65_536 ? 4 : 10;
  const b = new Uint8Array(size + (mask ? 4 : 0) + n);
  b[0] = 0x80 | opcode;
  const flag = mask ? 0x80 : 0;
  if (size === 2) b[1] = flag | n;
  else if (size === 4) {
    b[1] = flag | 126;
    put16(b, 2, n);
  } else {
    b[1] = flag | 127;
    put16(b, 6, n >>> 16);
    put16(b, 8, n & 0xffff);
  }
  let at = size;
  if (mask) {
    b.set(mask, at);
    at += 4;
    for (let i = 0; i < n; i++) b[at + i] = (data[i] as number) ^ (mask[i & 3] as number);
  } else b.set(data, at);
  return b;
}

/** Takes bytes as they come and hands out whole messages: fragments joined, masks taken off. */
export class WsDecoder {
  private rest: Uint8Array = new Uint8Array(0);
  private parts: Uint8Array[] = [];
  private partsLength = 0;
  private opcode = 0;
  /** Set when what came in is no WebSocket traffic. */
  failed = false;

  push(bytes: Uint8Array): WsMessage[] {
    this.rest = this.rest.length === 0 ? bytes : concat([this.rest, bytes]);
    const out: WsMessage[] = [];
    while (!this.failed) {
      const frame = this.frame();
      if (!frame) break;
      const { opcode, fin, data } = frame;
      if (opcode >= 8) {
        out.push({ opcode, data });
        continue;
      }
      if (opcode !== 0) this.opcode = opcode;
      this.parts.push(data);
      this.partsLength += data.length;
      if (this.partsLength > LARGEST) this.failed = true;
      if (!fin) continue;
      out.push({ opcode: this.opcode, data: this.parts.length === 1 ? data : concat(this.parts) });
      this.parts = [];
      this.partsLength = 0;
    }
    return out;
  }

  private frame(): { opcode: number; fin: boolean; data: Uint8Array } | null {
    const b = this.rest;
    if (b.length < 2) return null;
    const [first, second] = [b[0] as number, b[1] as number];
    if ((first & 0x70) !== 0) {
      this.failed = true;
      return null;
    }
    let n = second & 0x7f;
    let at = 2;
    if (n === 126) {
      if (b.length < 4) return null;
      n = u16(b, 2);
      at = 4;
    } else if (n === 127) {
      if (b.length < 10) return null;
      n = u32(b, 6);
      at = 10;
      if (u32(b, 2) !== 0 || n > LARGEST) {
        this.failed = true;
        return null;
      }
    }
    const masked = (second & 0x80) !== 0;
    const from = at + (masked ? 4 : 0);
    if (b.length < from + n) return null;
    let data = b.subarray(from, from + n);
    if (masked) {
      const mask = b.subarray(at, at + 4);
      data = data.map((v, i) => v ^ (mask[i & 3] as number));
    }
    this.rest = b.subarray(from + n);
    return { opcode: first & 15, fin: (first & 0x80) !== 0, data };
  }
}

/** The body of a close frame. */
export function emitClose(code: number, reason = ''): Uint8Array {
  const r = utf8(reason);
  const b = new Uint8Array(2 + r.length);
  put16(b, 0, code);
  b.set(r, 2);
  return b;
}

export function parseClose(b: Uint8Array): { code: number; reason: string } {
  return b.length < 2 ? { code: 1005, reason: '' } : { code: u16(b, 0), reason: text(b.subarray(2)) };
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** `Sec-WebSocket-Accept` for a client's `Sec-WebSocket-Key`. */
export function acceptKey(key: string, sha1: (data: Uint8Array) => Uint8Array): string {
  return toBase64(sha1(utf8(key + GUID)));
}

/** Channels of v5.channel.k8s.io: the first byte of each binary message. Close carries the number of the channel that ends. */
export const CHANNEL_STDIN = 0;
export const CHANNEL_STDOUT = 1;
export const CHANNEL_STDERR = 2;
export const CHANNEL_ERROR = 3;
export const CHANNEL_RESIZE = 4;
export const CHANNEL_CLOSE = 255;

export const REMOTE_COMMAND_V5 = 'v5.channel.k8s.io';
/** Of port-forward: for the n-th port data on channel 2n, errors on 2n+1; each starts with the port, little-endian, in 2 bytes. */
export const PORT_FORWARD_V4 = 'v4.channel.k8s.io';

/** A binary message for a channel. */
export function onChannel(channel: number, data: Uint8Array): Uint8Array {
  const b = new Uint8Array(1 + data.length);
  b[0] = channel;
  b.set(data, 1);
  return b;
}
