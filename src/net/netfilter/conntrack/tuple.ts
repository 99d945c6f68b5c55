/** What identifies one direction of a connection. Models struct nf_conntrack_tuple */

import { type Family, familyOf, type IpAddr, readIp4, readIp6 } from '../../../wire/addr.ts';
import { u16 } from '../../../wire/bytes.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../../../wire/ipv4.ts';

export const IPPROTO_UDPLITE = 136;
export const IPPROTO_DCCP = 33;

export interface Tuple {
  readonly src: IpAddr;
  readonly dst: IpAddr;
  readonly proto: number;
  /** TCP or UDP port; the ICMP identifier (same in both fields); 0 for protocols without ports. */
  readonly sport: number;
  readonly dport: number;
  /** ICMP type and code, 0 for others. */
  readonly icmpType: number;
  readonly icmpCode: number;
}

export function tupleFamily(t: Tuple): Family {
  return familyOf(t.src);
}

/** Hash-table key: equal keys are equal tuples. */
export function tupleKey(t: Tuple, zone = 0): string {
  return `${zone}/${t.proto}/${t.src}/${t.dst}/${t.sport}/${t.dport}/${t.icmpType}/${t.icmpCode}`;
}

export function sameTuple(a: Tuple, b: Tuple): boolean {
  return (
    a.src === b.src &&
    a.dst === b.dst &&
    a.proto === b.proto &&
    a.sport === b.sport &&
    a.dport === b.dport &&
    a.icmpType === b.icmpType &&
    a.icmpCode === b.icmpCode
  );
}

export function hasPorts(proto: number): boolean {
  return proto === IPPROTO_TCP || proto === IPPROTO_UDP || proto === IPPROTO_SCTP || proto === IPPROTO_UDPLITE || proto === IPPROTO_DCCP;
}

export function isIcmp(proto: number): boolean {
  return proto === IPPROTO_ICMP || proto === IPPROTO_ICMPV6;
}

/** ICMP query types and their answers: only these make or belong to connections. */
const ICMP_INVERSE: ReadonlyMap<number, number> = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [17, 18],
  [18, 17],
]);
const ICMP6_INVERSE: ReadonlyMap<number, number> = new Map([
  [128, 129],
  [129, 128],
  [139, 140],
  [140, 139],
]);

/** The tuple of the answer; null for ICMP types that have none. */
export function invertTuple(t: Tuple): Tuple | null {
  if (!isIcmp(t.proto)) {
    return { src: t.dst, dst: t.src, proto: t.proto, sport: t.dport, dport: t.sport, icmpType: 0, icmpCode: 0 };
  }
  const inverse = (t.proto === IPPROTO_ICMP ? ICMP_INVERSE : ICMP6_INVERSE).get(t.icmpType);
  if (inverse === undefined) return null;
  return { src: t.dst, dst: t.src, proto: t.proto, sport: t.sport, dport: t.dport, icmpType: inverse, icmpCode: t.icmpCode };
}

/** ICMP types that may open a connection: the queries. */
export function opensIcmp(t: Tuple): boolean {
  if (t.proto === IPPROTO_ICMP) return t.icmpType === 8 || t.icmpType === 13 || t.icmpType === 15 || t.icmpType === 17;
  return t.icmpType === 128 || t.icmpType === 139;
}

/** Reads a tuple from a packet's bytes at `ip`; null when truncated. `l4` and `proto` are known for whole packets. */
export function readTuple(b: Uint8Array, family: Family, ip: number, l4: number, proto: number): Tuple | null {
  const src = family === 4 ? readIp4(b, ip + 12) : readIp6(b, ip + 8);
  const dst = family === 4 ? readIp4(b, ip + 16) : readIp6(b, ip + 24);
  if (hasPorts(proto)) {
    if (l4 + 4 > b.length) return null;
    return { src, dst, proto, sport: u16(b, l4), dport: u16(b, l4 + 2), icmpType: 0, icmpCode: 0 };
  }
  if (isIcmp(proto)) {
    if (l4 + 8 > b.length) return null;
    const id = u16(b, l4 + 4);
    return { src, dst, proto, sport: id, dport: id, icmpType: b[l4] as number, icmpCode: b[l4 + 1] as number };
  }
  return { src, dst, proto, sport: 0, dport: 0, icmpType: 0, icmpCode: 0 };
}

/** The quoted packet inside an ICMP error whose layer 4 header begins at `l4`; null when it is no error or too short. */
export function readQuoted(b: Uint8Array, family: Family, l4: number): { tuple: Tuple; ip: number; l4: number } | null {
  const ip = l4 + 8;
  const type = b[l4] as number;
  if (family === 4) {
    if (type !== 3 && type !== 4 && type !== 5 && type !== 11 && type !== 12) return null;
    if (ip + 28 > b.length || (b[ip] as number) >> 4 !== 4) return null;
    if ((u16(b, ip + 6) & 0x1fff) !== 0) return null;
    const inner = ip + ((b[ip] as number) & 15) * 4;
    const tuple = readTuple(b, 4, ip, inner, b[ip + 9] as number);
    return tuple && { tuple, ip, l4: inner };
  }
  if (type >= 128 || ip + 48 > b.length) return null;
  const tuple = readTuple(b, 6, ip, ip + 40, b[ip + 6] as number);
  return tuple && { tuple, ip, l4: ip + 40 };
}
