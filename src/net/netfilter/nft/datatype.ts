/** Types of values in nftables rules: how each is read and written. Models nftables/src/datatype.c */

import { formatIp4, formatIp6, parseIp4, parseIp6 } from '../../../wire/addr.ts';
import { protocolName, protocolNumber, servicePort } from '../xt/names.ts';

export type Value = number | bigint | string;

export interface DataType {
  readonly name: string;
  /** Null when it is none; a text says why in nft's words. */
  parse(text: string): Value | null | { error: string };
  print(v: Value): string;
  /** Bits that may be combined with commas (ct state, tcp flags). */
  readonly flags?: boolean;
  /** Bits of a prefix, for addresses. */
  readonly bits?: number;
}

function number(text: string, max = 0xffffffff): number | null {
  if (!/^(0x[0-9a-fA-F]+|\d+)$/.test(text)) return null;
  const n = Number(text);
  return n <= max ? n : null;
}

function symbols(name: string, table: readonly (readonly [string, number])[], max: number, flags = false): DataType {
  return {
    name,
    flags,
    parse: (t) => table.find(([n]) => n === t)?.[1] ?? number(t, max),
    print: (v) => {
      const exact = table.find(([, n]) => n === v)?.[0];
      if (exact !== undefined || !flags) return exact ?? String(v);
      const names = table.filter(([, n]) => n !== 0 && (Number(v) & n) !== 0).map(([n]) => n);
      return names.length > 0 ? names.join(',') : `0x${Number(v).toString(16)}`;
    },
  };
}

export const TYPES = {
  ipv4_addr: {
    name: 'ipv4_addr',
    bits: 32,
    parse: (t) => parseIp4(t) ?? { error: 'Could not resolve hostname: Name or service not known' },
    print: (v) => formatIp4(v as number),
  },
  ipv6_addr: {
    name: 'ipv6_addr',
    bits: 128,
    parse: (t) => parseIp6(t) ?? { error: 'Could not resolve hostname: Name or service not known' },
    print: (v) => formatIp6(v as bigint),
  },
  inet_service: {
    name: 'inet_service',
    parse: (t) => number(t, 65535) ?? servicePort(t, 6) ?? { error: 'Could not resolve service: Servname not supported for ai_socktype' },
    print: (v) => String(v),
  },
  inet_proto: {
    name: 'inet_proto',
    parse: (t) => number(t, 255) ?? protocolNumber(t) ?? { error: 'Could not resolve protocol name' },
    print: (v) => protocolName(v as number) ?? String(v),
  },
  mark: { name: 'mark', parse: (t) => number(t), print: (v) => `0x${(v as number).toString(16).padStart(8, '0')}` },
  integer: { name: 'integer', parse: (t) => number(t), print: (v) => String(v) },
  uid: { name: 'uid', parse: (t) => (t === 'root' ? 0 : number(t)), print: (v) => String(v) },
  ifname: { name: 'ifname', parse: (t) => t, print: (v) => `"${v}"` },
  iface_index: { name: 'iface_index', parse: (t) => t, print: (v) => `"${v}"` },
  ct_state: symbols(
    'ct_state',
    [
      ['invalid', 1],
      ['established', 2],
      ['related', 4],
      ['new', 8],
      ['untracked', 64],
    ],
    255,
    true,
  ),
  ct_status: symbols(
    'ct_status',
    [
      ['expected', 1],
      ['seen-reply', 2],
      ['assured', 4],
      ['confirmed', 8],
      ['snat', 16],
      ['dnat', 32],
      ['dying', 512],
    ],
    1023,
    true,
  ),
  tcp_flag: symbols(
    'tcp_flag',
    [
      ['fin', 1],
      ['syn', 2],
      ['rst', 4],
      ['psh', 8],
      ['ack', 16],
      ['urg', 32],
      ['ecn', 64],
      ['cwr', 128],
    ],
    255,
    true,
  ),
  icmp_type: symbols(
    'icmp_type',
    [
      ['echo-reply', 0],
      ['destination-unreachable', 3],
      ['source-quench', 4],
      ['redirect', 5],
      ['echo-request', 8],
      ['router-advertisement', 9],
      ['router-solicitation', 10],
      ['time-exceeded', 11],
      ['parameter-problem', 12],
      ['timestamp-request', 13],
      ['timestamp-reply', 14],
      ['info-request', 15],
      ['info-reply', 16],
      ['address-mask-request', 17],
      ['address-mask-reply', 18],
    ],
    255,
  ),
  icmpv6_type: symbols(
    'icmpv6_type',
    [
      ['destination-unreachable', 1],
      ['packet-too-big', 2],
      ['time-exceeded', 3],
      ['parameter-problem', 4],
      ['echo-request', 128],
      ['echo-reply', 129],
      ['mld-listener-query', 130],
      ['mld-listener-report', 131],
      ['mld-listener-done', 132],
      ['nd-router-solicit', 133],
      ['nd-router-advert', 134],
      ['nd-neighbor-solicit', 135],
      ['nd-neighbor-advert', 136],
      ['nd-redirect', 137],
    ],
    255,
  ),
  fib_addrtype: symbols(
    'fib_addrtype',
    [
      ['unspec', 0],
      ['unicast', 1],
      ['local', 2],
      ['broadcast', 3],
      ['anycast', 4],
      ['multicast', 5],
      ['blackhole', 6],
      ['unreachable', 7],
      ['prohibit', 8],
    ],
    15,
  ),
  pkt_type: symbols(
    'pkt_type',
    [
      ['host', 0],
      ['unicast', 0],
      ['broadcast', 1],
      ['multicast', 2],
      ['other', 3],
    ],
    255,
  ),
  nfproto: symbols(
    'nf_proto',
    [
      ['ipv4', 2],
      ['ipv6', 10],
    ],
    255,
  ),
} as const satisfies Record<string, DataType>;

export type TypeName = keyof typeof TYPES;

export function typeByName(name: string): DataType | null {
  return (Object.values(TYPES) as DataType[]).find((t) => t.name === name) ?? null;
}
