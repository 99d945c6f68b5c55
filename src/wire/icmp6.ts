/** ICMPv6 (RFC 4443) and the messages of neighbour discovery (RFC 4861). */

import { type Ip6, readIp6, writeIp6 } from './addr.ts';
import { alloc, concat, fold16, put16, put32, sum16, u32 } from './bytes.ts';
import { IPPROTO_ICMPV6 } from './ipv4.ts';
import { pseudo6 } from './ipv6.ts';
import { type Mac, readMac, writeMac } from './mac.ts';

export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
export const ICMPV6_PARAMPROB = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_MLD_QUERY = 130;
export const ICMPV6_MLD_REPORT = 131;
export const ICMPV6_MLD_DONE = 132;
export const NDISC_ROUTER_SOLICITATION = 133;
export const NDISC_ROUTER_ADVERTISEMENT = 134;
export const NDISC_NEIGHBOUR_SOLICITATION = 135;
export const NDISC_NEIGHBOUR_ADVERTISEMENT = 136;
export const NDISC_REDIRECT = 137;
export const ICMPV6_MLD2_REPORT = 143;

export const ICMPV6_NOROUTE = 0;
export const ICMPV6_ADM_PROHIBITED = 1;
export const ICMPV6_ADDR_UNREACH = 3;
export const ICMPV6_PORT_UNREACH = 4;
export const ICMPV6_POLICY_FAIL = 5;
export const ICMPV6_REJECT_ROUTE = 6;

/** Flags of a neighbour advertisement, in the message's second word. */
export const NA_ROUTER = 0x80000000;
export const NA_SOLICITED = 0x40000000;
export const NA_OVERRIDE = 0x20000000;

export interface Icmp6 {
  type: number;
  code: number;
  /** Second word of the header: id<<16|seq for echo, MTU for packet too big, flags for advertisements. */
  rest: number;
  payload: Uint8Array;
}

/** Null when too short or wrongly summed. `lenient` skips the checksum (a quoted packet). */
export function parseIcmp6(b: Uint8Array, src: Ip6, dst: Ip6, lenient = false): Icmp6 | null {
  if (b.length < 8) return null;
  if (!lenient && fold16(sum16(b, 0, b.length, pseudo6(src, dst, IPPROTO_ICMPV6, b.length))) !== 0) return null;
  return { type: b[0] as number, code: b[1] as number, rest: u32(b, 4), payload: b.subarray(8) };
}

export function emitIcmp6(m: Icmp6, src: Ip6, dst: Ip6): Uint8Array {
  const b = alloc(8 + m.payload.length);
  b[0] = m.type;
  b[1] = m.code;
  put32(b, 4, m.rest);
  b.set(m.payload, 8);
  put16(b, 2, fold16(sum16(b, 0, b.length, pseudo6(src, dst, IPPROTO_ICMPV6, b.length))));
  return b;
}

/** Types below 128 report about another packet and quote it. */
export function isIcmp6Error(type: number): boolean {
  return type < 128;
}

export const ND_OPT_SOURCE_LL_ADDR = 1;
export const ND_OPT_TARGET_LL_ADDR = 2;
export const ND_OPT_PREFIX_INFO = 3;
export const ND_OPT_MTU = 5;
/** RFC 3971. */
export const ND_OPT_NONCE = 14;

export interface NdOption {
  type: number;
  /** Without type and length octets; its length plus 2 is a multiple of 8. */
  data: Uint8Array;
}

/** Body of a solicitation or advertisement behind the second word: target, then options. */
export interface Neighbour6 {
  target: Ip6;
  options: NdOption[];
}

function parseNdOptions(b: Uint8Array, start: number): NdOption[] {
  const options: NdOption[] = [];
  for (let i = start; i + 2 <= b.length; ) {
    const len = (b[i + 1] as number) * 8;
    if (len === 0 || i + len > b.length) break;
    options.push({ type: b[i] as number, data: b.subarray(i + 2, i + len) });
    i += len;
  }
  return options;
}

export function emitNdOptions(options: readonly NdOption[]): Uint8Array {
  return concat(options.map((o) => concat([Uint8Array.of(o.type, (o.data.length + 2) / 8), o.data])));
}

export function parseNeighbour6(payload: Uint8Array): Neighbour6 | null {
  if (payload.length < 16) return null;
  return { target: readIp6(payload, 0), options: parseNdOptions(payload, 16) };
}

export function emitNeighbour6(n: Neighbour6): Uint8Array {
  const target = new Uint8Array(16);
  writeIp6(target, 0, n.target);
  return concat([target, emitNdOptions(n.options)]);
}

/** Link-layer address option. */
export function linkAddrOption(type: typeof ND_OPT_SOURCE_LL_ADDR | typeof ND_OPT_TARGET_LL_ADDR, mac: Mac): NdOption {
  const data = new Uint8Array(6);
  writeMac(data, 0, mac);
  return { type, data };
}

export function linkAddrOf(options: readonly NdOption[], type: number): Mac | null {
  const o = options.find((x) => x.type === type);
  return o && o.data.length >= 6 ? readMac(o.data, 0) : null;
}

/** ff02::1:ffXX:XXXX of an address (RFC 4291 2.7.1). */
export function solicitedNode(addr: Ip6): Ip6 {
  return (0xff02n << 112n) | (0x1ffn << 24n) | (addr & 0xffffffn);
}

/** 33:33 and the low 32 bits of an IPv6 group (RFC 2464 7). */
export function multicastMac6(group: Ip6): Mac {
  return 0x333300000000 + Number(group & 0xffffffffn);
}
