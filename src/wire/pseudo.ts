/** The pseudo header of TCP, UDP and ICMPv6, for either family (RFC 9293 3.1, RFC 8200 8.1). */

import type { IpAddr } from './addr.ts';
import { fold16, sum16 } from './bytes.ts';
import { pseudo4 } from './ipv4.ts';
import { pseudo6 } from './ipv6.ts';

export function pseudo(src: IpAddr, dst: IpAddr, proto: number, length: number): number {
  return typeof src === 'number' ? pseudo4(src, dst as number, proto, length) : pseudo6(src, dst as bigint, proto, length);
}

/** What stands in the checksum field while the checksum is left to the device (CHECKSUM_PARTIAL). */
export function partialChecksum(src: IpAddr, dst: IpAddr, proto: number, length: number): number {
  return ~fold16(pseudo(src, dst, proto, length)) & 0xffff;
}

/** True when the checksum inside the segment is right. */
export function l4ChecksumOk(segment: Uint8Array, src: IpAddr, dst: IpAddr, proto: number): boolean {
  return fold16(sum16(segment, 0, segment.length, pseudo(src, dst, proto, segment.length))) === 0;
}
