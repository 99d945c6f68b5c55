/** IPv4 header (RFC 791) and the pseudo header of TCP and UDP. */

import { type Ip4, readIp4, writeIp4 } from './addr.ts';
import { alloc, checksum, put16, u16 } from './bytes.ts';

export const IPPROTO_ICMP = 1;
export const IPPROTO_IPIP = 4;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_GRE = 47;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_SCTP = 132;

export const IP_DF = 0x4000;
export const IP_MF = 0x2000;

export interface Ipv4 {
  tos: number;
  id: number;
  df: boolean;
  mf: boolean;
  /** Fragment offset in bytes, a multiple of 8. */
  offset: number;
  ttl: number;
  proto: number;
  src: Ip4;
  dst: Ip4;
  options: Uint8Array;
  payload: Uint8Array;
}

const NO_OPTIONS = new Uint8Array(0);

/** Header length in bytes, from the header itself. */
export function ip4HeaderLen(b: Uint8Array): number {
  return ((b[0] as number) & 15) * 4;
}

/**
 * Null when it is no whole, correctly summed IPv4 packet. `lenient` skips length and checksum, for the quoted packet in an
 * ICMP error. The payload is a view.
 */
export function parseIpv4(b: Uint8Array, lenient = false): Ipv4 | null {
  if (b.length < 20 || (b[0] as number) >> 4 !== 4) return null;
  const hlen = ip4HeaderLen(b);
  const total = u16(b, 2);
  if (hlen < 20 || hlen > b.length || total < hlen) return null;
  if (!lenient && (total > b.length || checksum(b, 0, hlen) !== 0)) return null;
  const frag = u16(b, 6);
  return {
    tos: b[1] as number,
    id: u16(b, 4),
    df: (frag & IP_DF) !== 0,
    mf: (frag & IP_MF) !== 0,
    offset: (frag & 0x1fff) * 8,
    ttl: b[8] as number,
    proto: b[9] as number,
    src: readIp4(b, 12),
    dst: readIp4(b, 16),
    options: hlen > 20 ? b.subarray(20, hlen) : NO_OPTIONS,
    payload: b.subarray(hlen, Math.min(total, b.length)),
  };
}

export function emitIpv4(p: Ipv4): Uint8Array {
  const hlen = 20 + p.options.length;
  const b = alloc(hlen + p.payload.length);
  b[0] = 0x40 | (hlen / 4);
  b[1] = p.tos;
  put16(b, 2, b.length);
  put16(b, 4, p.id);
  put16(b, 6, (p.df ? IP_DF : 0) | (p.mf ? IP_MF : 0) | (p.offset / 8));
  b[8] = p.ttl;
  b[9] = p.proto;
  writeIp4(b, 12, p.src);
  writeIp4(b, 16, p.dst);
  b.set(p.options, 20);
  b.set(p.payload, hlen);
  put16(b, 10, checksum(b, 0, hlen));
  return b;
}

/** Writes the header checksum anew after fields were changed in place. */
export function refreshIp4Checksum(b: Uint8Array): void {
  put16(b, 10, 0);
  put16(b, 10, checksum(b, 0, ip4HeaderLen(b)));
}

/** Unfolded sum of the pseudo header, to start a TCP or UDP checksum with. */
export function pseudo4(src: Ip4, dst: Ip4, proto: number, length: number): number {
  return (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff) + proto + length;
}
