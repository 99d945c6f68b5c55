/** IPv6 header (RFC 8200) without extension headers, and its pseudo header. */

import { type Ip6, readIp6, writeIp6 } from './addr.ts';
import { alloc, put16, put32, u16, u32 } from './bytes.ts';

export interface Ipv6 {
  trafficClass: number;
  flowLabel: number;
  /** Next header: a protocol number. */
  proto: number;
  hopLimit: number;
  src: Ip6;
  dst: Ip6;
  payload: Uint8Array;
}

export function parseIpv6(b: Uint8Array): Ipv6 | null {
  if (b.length < 40 || (b[0] as number) >> 4 !== 6) return null;
  const word = u32(b, 0);
  const length = u16(b, 4);
  return {
    trafficClass: (word >>> 20) & 255,
    flowLabel: word & 0xfffff,
    proto: b[6] as number,
    hopLimit: b[7] as number,
    src: readIp6(b, 8),
    dst: readIp6(b, 24),
    payload: b.subarray(40, Math.min(b.length, 40 + length)),
  };
}

export function emitIpv6(p: Ipv6): Uint8Array {
  const b = alloc(40 + p.payload.length);
  put32(b, 0, 0x60000000 | (p.trafficClass << 20) | p.flowLabel);
  put16(b, 4, p.payload.length);
  b[6] = p.proto;
  b[7] = p.hopLimit;
  writeIp6(b, 8, p.src);
  writeIp6(b, 24, p.dst);
  b.set(p.payload, 40);
  return b;
}

export function pseudo6(src: Ip6, dst: Ip6, proto: number, length: number): number {
  return proto + length + wordSum(src) + wordSum(dst);
}

/** Sum of an address' eight 16-bit words. */
function wordSum(a: Ip6): number {
  const high = a >> 64n;
  return halves(high >> 32n) + halves(high) + halves(a >> 32n) + halves(a);
}

function halves(a: bigint): number {
  const word = Number(BigInt.asUintN(32, a));
  return (word >>> 16) + (word & 0xffff);
}
