/** TCP segments (RFC 9293) with the options that Linux sends: MSS, window scale, SACK permitted and blocks, timestamps. */

import type { IpAddr } from './addr.ts';
import { alloc, fold16, put16, put32, sum16, u16, u32 } from './bytes.ts';
import { IPPROTO_TCP } from './ipv4.ts';
import { partialChecksum, pseudo } from './pseudo.ts';

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;
export const URG = 32;
export const ECE = 64;
export const CWR = 128;

export interface TcpOptions {
  mss?: number;
  /** RFC 7323 window shift count. */
  wscale?: number;
  sackPermitted?: boolean;
  sack?: readonly (readonly [number, number])[];
  /** [TSval, TSecr] */
  timestamps?: readonly [number, number];
}

export interface Tcp {
  srcPort: number;
  dstPort: number;
  seq: number;
  ack: number;
  /** Bits FIN … CWR. */
  flags: number;
  /** As on the wire, not scaled. */
  window: number;
  urgent: number;
  options: TcpOptions;
  payload: Uint8Array;
}

const NOTHING = new Uint8Array(0);
/** Two no-operations, then timestamps: what nearly every segment has. */
const NOP_NOP_TS = 0x0101080a;

/** The segment from `at` to `end` in `b`. */
export function parseTcp(b: Uint8Array, at = 0, end = b.length): Tcp | null {
  if (end - at < 20) return null;
  const hlen = ((b[at + 12] as number) >> 4) * 4;
  const data = at + hlen;
  if (hlen < 20 || data > end) return null;
  return {
    srcPort: u16(b, at),
    dstPort: u16(b, at + 2),
    seq: u32(b, at + 4),
    ack: u32(b, at + 8),
    flags: b[at + 13] as number,
    window: u16(b, at + 14),
    urgent: u16(b, at + 18),
    options:
      hlen === 32 && u32(b, at + 20) === NOP_NOP_TS
        ? { timestamps: [u32(b, at + 24), u32(b, at + 28)] }
        : parseTcpOptions(b, at + 20, data),
    payload: data === end ? NOTHING : b.subarray(data, end),
  };
}

/** Reads options up to `end`; stops at the first malformed one, as the kernel does. */
export function parseTcpOptions(b: Uint8Array, start: number, end: number): TcpOptions {
  const o: TcpOptions = {};
  let i = start;
  while (i < end) {
    const kind = b[i] as number;
    if (kind === 0) break;
    if (kind === 1) {
      i++;
      continue;
    }
    const len = i + 1 < end ? (b[i + 1] as number) : 0;
    if (len < 2 || i + len > end) break;
    if (kind === 2 && len === 4) o.mss = u16(b, i + 2);
    else if (kind === 3 && len === 3) o.wscale = b[i + 2] as number;
    else if (kind === 4 && len === 2) o.sackPermitted = true;
    else if (kind === 5 && (len - 2) % 8 === 0) {
      const blocks: [number, number][] = [];
      for (let j = i + 2; j < i + len; j += 8) blocks.push([u32(b, j), u32(b, j + 4)]);
      o.sack = blocks;
    } else if (kind === 8 && len === 10) o.timestamps = [u32(b, i + 2), u32(b, i + 6)];
    i += len;
  }
  return o;
}

/** Bytes of options in a header, a multiple of four. */
function optionsLength(o: TcpOptions): number {
  const sack = o.sack && o.sack.length > 0 ? 4 + 8 * o.sack.length : 0;
  return (o.mss === undefined ? 0 : 4) + (o.timestamps ? 12 : o.sackPermitted ? 4 : 0) + (o.wscale === undefined ? 0 : 4) + sack;
}

/** Options in Linux' order and padding: a SYN is mss,sackOK,TS,nop,wscale; others nop,nop,TS[,nop,nop,sack]. */
function writeOptions(b: Uint8Array, start: number, o: TcpOptions): void {
  let at = start;
  if (o.mss !== undefined) {
    put32(b, at, (2 << 24) | (4 << 16) | o.mss);
    at += 4;
  }
  if (o.timestamps) {
    put32(b, at, o.sackPermitted ? 0x0402080a : 0x0101080a);
    put32(b, at + 4, o.timestamps[0]);
    put32(b, at + 8, o.timestamps[1]);
    at += 12;
  } else if (o.sackPermitted) {
    put32(b, at, 0x01010402);
    at += 4;
  }
  if (o.wscale !== undefined) {
    put32(b, at, 0x01030300 | o.wscale);
    at += 4;
  }
  if (o.sack && o.sack.length > 0) {
    put32(b, at, 0x01010500 | (2 + 8 * o.sack.length));
    for (const [left, right] of o.sack) {
      put32(b, at + 4, left);
      put32(b, at + 8, right);
      at += 8;
    }
  }
}

/** `partial` leaves the checksum to the device: the field holds the pseudo header's sum. */
export function emitTcp(t: Tcp, src: IpAddr, dst: IpAddr, partial = false): Uint8Array {
  const hlen = 20 + optionsLength(t.options);
  const b = alloc(hlen + t.payload.length);
  put16(b, 0, t.srcPort);
  put16(b, 2, t.dstPort);
  put32(b, 4, t.seq);
  put32(b, 8, t.ack);
  b[12] = (hlen / 4) << 4;
  b[13] = t.flags;
  put16(b, 14, t.window);
  put16(b, 18, t.urgent);
  if (hlen > 20) writeOptions(b, 20, t.options);
  if (t.payload.length > 0) b.set(t.payload, hlen);
  if (partial) put16(b, 16, partialChecksum(src, dst, IPPROTO_TCP, b.length));
  else put16(b, 16, fold16(sum16(b, 0, b.length, pseudo(src, dst, IPPROTO_TCP, b.length))));
  return b;
}
