/** UDP (RFC 768) over both families. */

import type { IpAddr } from './addr.ts';
import { alloc, fold16, put16, sum16, u16 } from './bytes.ts';
import { IPPROTO_UDP } from './ipv4.ts';
import { partialChecksum, pseudo } from './pseudo.ts';

export interface Udp {
  srcPort: number;
  dstPort: number;
  payload: Uint8Array;
}

/** Null when too short. The checksum is the caller's business (see `l4ChecksumOk`). */
export function parseUdp(b: Uint8Array): Udp | null {
  if (b.length < 8) return null;
  const length = u16(b, 4);
  if (length < 8 || length > b.length) return null;
  return { srcPort: u16(b, 0), dstPort: u16(b, 2), payload: b.subarray(8, length) };
}

/** `partial` leaves the checksum to the device: the field holds the pseudo header's sum. */
export function emitUdp(u: Udp, src: IpAddr, dst: IpAddr, partial = false): Uint8Array {
  const b = alloc(8 + u.payload.length);
  put16(b, 0, u.srcPort);
  put16(b, 2, u.dstPort);
  put16(b, 4, b.length);
  b.set(u.payload, 8);
  if (partial) put16(b, 6, partialChecksum(src, dst, IPPROTO_UDP, b.length));
  else put16(b, 6, fold16(sum16(b, 0, b.length, pseudo(src, dst, IPPROTO_UDP, b.length))) || 0xffff);
  return b;
}
