/** ICMP (RFC 792, RFC 1191): type, code, the second header word, and the rest. */

import { alloc, checksum, put16, put32, u32 } from './bytes.ts';

export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETERPROB = 12;

export const ICMP_NET_UNREACH = 0;
export const ICMP_HOST_UNREACH = 1;
export const ICMP_PROT_UNREACH = 2;
export const ICMP_PORT_UNREACH = 3;
export const ICMP_FRAG_NEEDED = 4;
export const ICMP_NET_ANO = 9;
export const ICMP_HOST_ANO = 10;
export const ICMP_PKT_FILTERED = 13;

export interface Icmp {
  type: number;
  code: number;
  /** Second word of the header: id<<16|seq for echo, next-hop MTU for fragmentation needed, gateway for redirect. */
  rest: number;
  /** Echo data, or the quoted packet of an error. */
  payload: Uint8Array;
}

/** Null when too short or wrongly summed. */
export function parseIcmp(b: Uint8Array): Icmp | null {
  if (b.length < 8 || checksum(b) !== 0) return null;
  return { type: b[0] as number, code: b[1] as number, rest: u32(b, 4), payload: b.subarray(8) };
}

export function emitIcmp(m: Icmp): Uint8Array {
  const b = alloc(8 + m.payload.length);
  b[0] = m.type;
  b[1] = m.code;
  put32(b, 4, m.rest);
  b.set(m.payload, 8);
  put16(b, 2, checksum(b));
  return b;
}

/** True for the types that report about another packet and quote it. */
export function isIcmpError(type: number): boolean {
  return (
    type === ICMP_DEST_UNREACH ||
    type === ICMP_SOURCE_QUENCH ||
    type === ICMP_REDIRECT ||
    type === ICMP_TIME_EXCEEDED ||
    type === ICMP_PARAMETERPROB
  );
}
