/** Rewriting addresses and ports in packets, with their checksums (RFC 1624). Models nf_nat_proto.c */

import { type Family, type IpAddr, writeIp4, writeIp6 } from '../../../wire/addr.ts';
import { put16, u16 } from '../../../wire/bytes.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '../../../wire/ipv4.ts';
import { hasPorts } from './tuple.ts';

export type Manip = 'src' | 'dst';

/** Offset of the checksum in the layer 4 header, -1 when there is none that covers addresses or ports. */
function checksumAt(proto: number): number {
  if (proto === IPPROTO_TCP) return 16;
  if (proto === IPPROTO_UDP) return 6;
  if (proto === IPPROTO_ICMP || proto === IPPROTO_ICMPV6) return 2;
  return -1;
}

/** RFC 1624 eqn. 3: HC' = ~(~HC + ~m + m') for the 16-bit words that change; `change` is the sum of all ~m and m'. */
function adjust(b: Uint8Array, at: number, change: number): void {
  put16(b, at, ~fold(change + (~u16(b, at) & 0xffff)) & 0xffff);
}

function fold(start: number): number {
  let sum = start;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

export interface ManipTarget {
  addr: IpAddr;
  /** Port, ICMP identifier; ignored for protocols without. */
  port: number;
}

/**
 * Sets one side's address and port of the packet whose IP header is at `ip` and whose layer 4 header is at `l4`.
 * `partial`: the device has yet to fill in the checksum (CHECKSUM_PARTIAL).
 * `end` bounds what is there (quoted packets are cut short). The enclosing ICMP checksum is the caller's.
 */
export function manipPacket(
  b: Uint8Array,
  family: Family,
  ip: number,
  l4: number,
  proto: number,
  manip: Manip,
  to: ManipTarget,
  end = b.length,
  partial = false,
): void {
  const size = family === 4 ? 4 : 16;
  const at = family === 4 ? ip + (manip === 'src' ? 12 : 16) : ip + (manip === 'src' ? 8 : 24);
  let change = 0;
  for (let i = at; i < at + size; i += 2) change += ~u16(b, i) & 0xffff;
  if (typeof to.addr === 'number') writeIp4(b, at, to.addr);
  else writeIp6(b, at, to.addr);
  for (let i = at; i < at + size; i += 2) change += u16(b, i);
  if (family === 4) adjust(b, ip + 10, change);
  // ICMP's checksum covers no pseudo header.
  let covered = proto === IPPROTO_ICMP ? 0 : change;
  let portAt = -1;
  if (hasPorts(proto)) portAt = l4 + (manip === 'src' ? 0 : 2);
  else if (proto === IPPROTO_ICMP || proto === IPPROTO_ICMPV6) portAt = isEcho(proto, b[l4] as number) ? l4 + 4 : -1;
  if (portAt >= 0 && portAt + 2 <= end) {
    covered += (~u16(b, portAt) & 0xffff) + to.port;
    put16(b, portAt, to.port);
  }
  const sumAt = checksumAt(proto);
  if (sumAt < 0 || l4 + sumAt + 2 > end) return;
  if (proto === IPPROTO_UDP && u16(b, l4 + sumAt) === 0) return;
  if (partial) {
    // inet_proto_csum_replace4(): the field holds the pseudo header's sum, which knows nothing of ports.
    put16(b, l4 + sumAt, fold(u16(b, l4 + sumAt) + change));
    return;
  }
  adjust(b, l4 + sumAt, covered);
  if (proto === IPPROTO_UDP && u16(b, l4 + sumAt) === 0) put16(b, l4 + sumAt, 0xffff);
}

function isEcho(proto: number, type: number): boolean {
  return proto === IPPROTO_ICMP ? type === 8 || type === 0 || (type >= 13 && type <= 18) : type === 128 || type === 129;
}
