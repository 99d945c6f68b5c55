/** Types of values in nftables rules: how each is read and written. Models nftables/src/datatype.c */

import { formatIp4, formatIp6, parseIp4, parseIp6 } from '../../../wire/addr.ts';
import { formatMac } from '../../../wire/mac.ts';
import { protocolName, protocolNumber, serviceName, servicePort } from '../xt/names.ts';
import * as sym from './symbols.ts';

/** Up to 53 bits as a number, longer ones as bigint, names as string (a trailing `*` is a wildcard). */
export type Value = number | bigint | string;

/** What names may be asked of: devices, users. */
export interface Names {
  ifindex(name: string): number | null;
  ifname(index: number): string | null;
  uid(name: string): number | null;
  gid(name: string): number | null;
  userName(uid: number): string | null;
  groupName(gid: number): string | null;
  /** Now, µs. */
  readonly now: number;
}

export interface Style {
  /** -n: symbols as numbers. */
  readonly numeric: boolean;
  readonly numericProto: boolean;
  readonly numericTime: boolean;
  readonly services: boolean;
  readonly guid: boolean;
  readonly names: Names;
}

/** A text that is none: why, in nft's words; null leaves it to the base type. */
export type Parsed = Value | { readonly error: string } | null;

export interface DataType {
  readonly name: string;
  /** Words of error messages and `nft describe`. */
  readonly desc: string;
  /** Length in bits; 0 when the expression says. */
  readonly bits: number;
  readonly order: 'host' | 'big' | 'none';
  readonly base: 'integer' | 'bitmask' | 'string' | 'verdict' | 'none';
  readonly symbols?: sym.Symbols;
  /** Hex digits of a number, 0 for decimal. */
  readonly hex?: number;
  /** Ranges that are prefixes are written so: addresses. */
  readonly prefix?: boolean;
  parse?(text: string, names: Names): Parsed;
  print?(v: Value, style: Style): string;
  /** Parts of a concatenation. */
  readonly parts?: readonly DataType[];
  readonly quoted?: boolean;
}

export function parseNumber(text: string): bigint | null {
  if (/^0x[0-9a-fA-F]+$/.test(text)) return BigInt(text);
  if (!/^\d+$/.test(text)) return null;
  if (text.length > 1 && text.startsWith('0')) return /^[0-7]+$/.test(text) ? BigInt(`0o${text}`) : null;
  return BigInt(text);
}

export const fromBig = (v: bigint): number | bigint => (v <= 0x1fffffffffffffn ? Number(v) : v);

interface More {
  readonly hex?: number;
  readonly order?: 'host' | 'big' | 'none';
  readonly base?: DataType['base'];
  parse?(text: string, names: Names): Parsed;
  print?(v: Value, style: Style): string;
  readonly prefix?: boolean;
  readonly quoted?: boolean;
}

function type(name: string, desc: string, bits: number, symbols: sym.Symbols | null, more: More = {}): DataType {
  return { name, desc, bits, order: 'host', base: 'integer', ...(symbols ? { symbols } : {}), ...more };
}

/** getaddrinfo()'s words: without a name server names fail for the time being. */
function hostError(text: string, otherFamily: boolean): Parsed {
  const why = otherFamily
    ? 'Address family for hostname not supported'
    : /^[\d.:]+$/.test(text)
      ? 'Name or service not known'
      : 'Temporary failure in name resolution';
  return { error: `Could not resolve hostname: ${why}` };
}

/** inet_aton(): one to four parts. */
function ip4(text: string): number | null {
  const plain = parseIp4(text);
  if (plain !== null) return plain;
  if (!/^(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){0,2}$/i.test(text)) return null;
  const parts = text.split('.').map(Number);
  const last = parts.pop() as number;
  let v = 0;
  for (const [i, p] of parts.entries()) {
    if (p > 255) return null;
    v += p * 2 ** (24 - 8 * i);
  }
  return last < 2 ** (32 - 8 * parts.length) ? v + last : null;
}

function mac(text: string): Parsed {
  const parts = text.split(':');
  if (parts.length !== 6 || !parts.every((p) => /^[0-9a-fA-F]{1,2}$/.test(p))) return null;
  return parts.reduce((v, p) => v * 256 + Number.parseInt(p, 16), 0);
}

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86400000],
  ['h', 3600000],
  ['m', 60000],
  ['s', 1000],
  ['ms', 1],
];

/** `1d2h3m4s5ms`, a bare number is seconds; milliseconds. */
export function parseDuration(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const m = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/.exec(text);
  if (!m || text === '') return null;
  return UNITS.reduce((sum, [, ms], i) => sum + Number(m[i + 1] ?? 0) * ms, 0);
}

export function formatDuration(ms: number): string {
  let s = '';
  let rest = ms;
  for (const [unit, size] of UNITS) {
    const n = Math.floor(rest / size);
    if (n > 0) s += `${n}${unit}`;
    rest -= n * size;
  }
  return s === '' ? '0s' : s;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** Days since 1970 to year, month, day and back (proleptic Gregorian). */
export function civil(days: number): readonly [number, number, number] {
  const z = days + 719468;
  const era = Math.floor(z / 146097);
  const doe = z - era * 146097;
  const yoe = Math.floor((doe - Math.floor(doe / 1460) + Math.floor(doe / 36524) - Math.floor(doe / 146096)) / 365);
  const doy = doe - (365 * yoe + Math.floor(yoe / 4) - Math.floor(yoe / 100));
  const mp = Math.floor((5 * doy + 2) / 153);
  const month = mp < 10 ? mp + 3 : mp - 9;
  return [yoe + era * 400 + (month <= 2 ? 1 : 0), month, doy - Math.floor((153 * mp + 2) / 5) + 1];
}

function daysOf(y: number, m: number, d: number): number {
  const year = m <= 2 ? y - 1 : y;
  const era = Math.floor(year / 400);
  const yoe = year - era * 400;
  const doy = Math.floor((153 * (m > 2 ? m - 3 : m + 9) + 2) / 5) + d - 1;
  return era * 146097 + yoe * 365 + Math.floor(yoe / 4) - Math.floor(yoe / 100) + doy - 719468;
}

/** `2019-06-21 17:00:00` as ns since 1970 (UTC). */
function parseDate(text: string): Parsed {
  const m = /^(\d{4})-(\d{1,2})-(\d{1,2})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (m) {
    const [y, mo, d, h, mi, s] = m.slice(1).map((x) => Number(x ?? 0)) as [number, number, number, number, number, number];
    return fromBig(BigInt(daysOf(y, mo, d) * 86400 + h * 3600 + mi * 60 + s) * 1000000000n);
  }
  const n = parseNumber(text);
  return n === null ? { error: 'Cannot parse date' } : n * 1000000000n;
}

function printDate(v: Value, style: Style): string {
  const seconds = Number(BigInt(v) / 1000000000n);
  if (style.numericTime) return String(seconds);
  const [y, m, d] = civil(Math.floor(seconds / 86400));
  const t = seconds % 86400;
  return `"${y}-${two(m)}-${two(d)} ${two(Math.floor(t / 3600))}:${two(Math.floor(t / 60) % 60)}:${two(t % 60)}"`;
}

function parseHour(text: string): Parsed {
  const m = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (m) {
    const [h, mi, s] = m.slice(1).map((x) => Number(x ?? 0)) as [number, number, number];
    if (h > 23 || mi > 59 || s > 59) return { error: 'wrong time format' };
    return h * 3600 + mi * 60 + s;
  }
  const n = parseNumber(text);
  return n === null ? { error: `Can't parse symbolic invalid expressions` } : fromBig(n);
}

function printHour(v: Value, style: Style): string {
  if (style.numericTime) return String(v);
  const t = Number(v);
  const s = t % 60;
  return `"${two(Math.floor(t / 3600))}:${two(Math.floor(t / 60) % 60)}${s ? `:${two(s)}` : ''}"`;
}

/** TC handles: `root`, `none`, `major:minor`. */
function parseClassid(text: string): Parsed {
  if (text === 'root') return 0xffffffff;
  if (text === 'none') return 0;
  const m = /^([0-9a-f]*):([0-9a-f]*)$/i.exec(text);
  if (!m) {
    const n = /^[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : null;
    return n;
  }
  const [major, minor] = [Number.parseInt(m[1] || '0', 16), Number.parseInt(m[2] || '0', 16)];
  return major > 0xffff || minor > 0xffff ? null : major * 65536 + minor;
}

function printClassid(v: Value): string {
  const n = Number(v);
  if (n === 0xffffffff) return 'root';
  if (n === 0) return 'none';
  const [major, minor] = [Math.floor(n / 65536), n & 0xffff];
  if (major === 0) return `:${minor.toString(16)}`;
  if (minor === 0) return `${major.toString(16)}:0`;
  return `${major.toString(16)}:${minor.toString(16)}`;
}

export const TYPES = {
  integer: type('integer', 'integer', 0, null),
  string: type('string', 'string', 0, null, { base: 'string', parse: (t) => t, print: (v) => `"${v}"` }),
  verdict: type('verdict', 'netfilter verdict', 0, null, { base: 'verdict' }),
  ipv4_addr: type('ipv4_addr', 'IPv4 address', 32, null, {
    order: 'big',
    prefix: true,
    parse: (t) => ip4(t) ?? hostError(t, parseIp6(t) !== null),
    print: (v) => formatIp4(Number(v)),
  }),
  ipv6_addr: type('ipv6_addr', 'IPv6 address', 128, null, {
    order: 'big',
    prefix: true,
    parse: (t) => parseIp6(t) ?? hostError(t, ip4(t) !== null),
    print: (v) => formatIp6(BigInt(v)),
  }),
  ether_addr: type('ether_addr', 'Ethernet address', 48, null, { order: 'big', parse: mac, print: (v) => formatMac(Number(v)) }),
  ll_addr: type('ll_addr', 'link layer address', 0, null, { order: 'big', parse: mac, print: (v) => formatMac(Number(v)) }),
  inet_service: type('inet_service', 'internet network service', 16, null, {
    order: 'big',
    parse: (t) => {
      const n = parseNumber(t);
      if (n !== null) return n > 65535n ? { error: 'Service out of range' } : Number(n);
      return servicePort(t, 6) ?? servicePort(t, 17) ?? { error: 'Could not resolve service: Servname not supported for ai_socktype' };
    },
    print: (v, s) =>
      s.services ? `"${serviceName(Number(v), 6) ?? serviceName(Number(v), 17) ?? v}"`.replace(/^"(\d+)"$/, '$1') : String(v),
  }),
  inet_proto: type('inet_proto', 'Internet protocol', 8, null, {
    order: 'big',
    parse: (t) => {
      const n = parseNumber(t);
      if (n !== null) return n > 255n ? { error: 'Protocol out of range' } : Number(n);
      return protocolNumber(t === 'comp' ? 'ipcomp' : t) ?? { error: 'Could not resolve protocol name' };
    },
    print: (v, s) => (s.numericProto ? String(v) : v === 0 ? 'ip' : (protocolName(Number(v)) ?? String(v))),
  }),
  ether_type: type('ether_type', 'Ethernet protocol', 16, sym.ETHER_TYPE, { order: 'big', hex: 4 }),
  mark: type('mark', 'packet mark', 32, null, { hex: 8 }),
  uid: type('uid', 'user ID', 32, null, {
    parse: (t, names) => numberOr(t, names.uid(t), 'User does not exist'),
    print: (v, s) => (s.guid ? `"${s.names.userName(Number(v)) ?? v}"` : String(v)),
  }),
  gid: type('gid', 'group ID', 32, null, {
    parse: (t, names) => numberOr(t, names.gid(t), 'Group does not exist'),
    print: (v, s) => (s.guid ? `"${s.names.groupName(Number(v)) ?? v}"` : String(v)),
  }),
  ifname: type('ifname', 'network interface name', 128, null, { base: 'string', parse: (t) => t, print: (v) => `"${v}"` }),
  iface_index: type('iface_index', 'network interface index', 32, null, {
    parse: (t, names) => names.ifindex(t) ?? numberOr(t, null, 'Interface does not exist'),
    print: (v, s) => {
      const name = s.names.ifname(Number(v));
      return name === null ? String(v) : `"${name}"`;
    },
  }),
  iface_type: type('iface_type', 'network interface type', 16, sym.IFACE_TYPE),
  devgroup: type('devgroup', 'devgroup name', 32, sym.DEVGROUP, { quoted: true }),
  realm: type('realm', 'routing realm', 32, sym.REALM, { quoted: true }),
  classid: type('classid', 'TC classid', 32, null, { parse: parseClassid, print: printClassid }),
  ct_state: type('ct_state', 'conntrack state', 32, sym.CT_STATE, { base: 'bitmask', hex: 1 }),
  ct_status: type('ct_status', 'conntrack status', 32, sym.CT_STATUS, { base: 'bitmask', hex: 1 }),
  ct_event: type('ct_event', 'conntrack event bits', 32, sym.CT_EVENT, { base: 'bitmask', hex: 1 }),
  ct_dir: type('ct_dir', 'conntrack direction', 8, sym.CT_DIR),
  ct_label: type('ct_label', 'conntrack label', 128, null, {
    base: 'bitmask',
    parse: (t) => {
      const n = parseNumber(t);
      if (n === null) return { error: `Could not parse conntrack label ${t}` };
      return n > 127n ? { error: 'Label out of range' } : 1n << n;
    },
    print: (v) => {
      let bit = 0;
      for (let n = BigInt(v); n > 1n; n >>= 1n) bit++;
      return BigInt(v) === 0n ? '0' : String(bit);
    },
  }),
  tcp_flag: type('tcp_flag', 'TCP flag', 8, sym.TCP_FLAG, { base: 'bitmask', hex: 1 }),
  icmp_type: type('icmp_type', 'ICMP type', 8, sym.ICMP_TYPE, { order: 'big' }),
  icmp_code: type('icmp_code', 'icmp code', 8, sym.ICMP_CODE, { order: 'big' }),
  icmpv6_type: type('icmpv6_type', 'ICMPv6 type', 8, sym.ICMPV6_TYPE, { order: 'big' }),
  icmpv6_code: type('icmpv6_code', 'icmpv6 code', 8, sym.ICMPV6_CODE, { order: 'big' }),
  icmpx_code: type('icmpx_code', 'icmpx code', 8, sym.ICMPX_CODE, { order: 'big' }),
  igmp_type: type('igmp_type', 'IGMP type', 8, sym.IGMP_TYPE, { order: 'big' }),
  fib_addrtype: type('fib_addrtype', 'fib address type', 32, sym.FIB_ADDRTYPE),
  pkt_type: type('pkt_type', 'packet type', 8, sym.PKT_TYPE),
  nf_proto: type('nf_proto', 'netfilter protocol', 8, sym.NF_PROTO),
  dscp: type('dscp', 'Differentiated Services Code Point', 6, sym.DSCP, { order: 'big', hex: 2 }),
  ecn: type('ecn', 'Explicit Congestion Notification', 2, sym.ECN, { order: 'big', hex: 1 }),
  arp_op: type('arp_op', 'ARP operation', 16, sym.ARP_OP, { order: 'big' }),
  dccp_pkttype: type('dccp_pkttype', 'DCCP packet type', 4, sym.DCCP_PKTTYPE, { order: 'big', hex: 0 }),
  mh_type: type('mh_type', 'Mobility Header Type', 8, sym.MH_TYPE, { order: 'big' }),
  boolean: type('boolean', 'boolean type', 1, sym.BOOLEAN),
  /** Relative time of ct expiration, in ms. */
  time: type('time', 'relative time', 64, null, {
    parse: (t) => parseDuration(t) ?? { error: `Could not parse time string` },
    print: (v, s) => (s.numeric ? `${Math.floor(Number(v) / 1000)}s` : formatDuration(Number(v))),
  }),
  date: type('time', 'Relative time of packet reception', 64, null, { parse: parseDate, print: printDate }),
  day: type('day', 'Day of week of packet reception', 8, sym.DAY, { quoted: true }),
  hour: type('hour', 'Hour of day of packet reception', 32, null, { parse: parseHour, print: printHour }),
  /** Fields whose type nft does not know. */
  invalid: type('invalid', 'invalid', 0, null, { parse: () => ({ error: 'No symbol type information' }) }),
  cgroupsv2: type('cgroupsv2', 'cgroupsv2 path', 64, null, { parse: (t) => t, print: (v) => `"${v}"` }),
} as const satisfies Record<string, DataType>;

function numberOr(text: string, named: number | null, error: string): Parsed {
  if (named !== null) return named;
  const n = parseNumber(text);
  return n === null ? { error } : fromBig(n);
}

export type TypeName = keyof typeof TYPES;

const BY_NAME: ReadonlyMap<string, DataType> = new Map(
  Object.entries(TYPES)
    .filter(([key]) => key !== 'date')
    .map(([, t]) => [t.name, t]),
);

export function typeByName(name: string): DataType | null {
  return BY_NAME.get(name) ?? null;
}

export function concatType(parts: readonly DataType[]): DataType {
  return {
    name: parts.map((p) => p.name).join(' . '),
    desc: `concatenation of (${parts.map((p) => p.desc).join(', ')})`,
    bits: parts.reduce((sum, p) => sum + Math.ceil(p.bits / 32) * 32, 0),
    order: 'none',
    base: 'none',
    parts,
  };
}

/** An integer of a length that its expression knows. */
export function sized(t: DataType, bits: number): DataType {
  return t.bits === bits ? t : { ...t, bits };
}

export function sameType(a: DataType, b: DataType): boolean {
  if (a.parts || b.parts)
    return a.parts?.length === b.parts?.length && (a.parts ?? []).every((p, i) => sameType(p, (b.parts as DataType[])[i] as DataType));
  return a.name === b.name;
}

/** Reads one word as a value of the type. */
export function parseValue(t: DataType, text: string, names: Names): Parsed {
  const named = t.symbols?.find(([name]) => name === text);
  if (named) return named[1];
  const own = t.parse?.(text, names);
  if (own !== undefined && own !== null) return own;
  if (t.parse && t.base === 'integer' && t.name !== 'classid') return { error: `Could not parse ${t.desc}` };
  if (t.base === 'string') return text;
  const n = parseNumber(text);
  if (n === null) return t.symbols ? symbolError(t, text) : { error: `Could not parse ${t.name === 'integer' ? 'integer' : t.desc}` };
  return fromBig(n);
}

function symbolError(t: DataType, text: string): Parsed {
  void text;
  return { error: `Could not parse ${t.desc}` };
}

export function printNumber(t: DataType, v: Value): string {
  if (t.hex) return `0x${v.toString(16).padStart(t.hex, '0')}`;
  return String(v);
}

/** One value as nft writes it; bitmasks with several bits go through printBits(). */
export function printValue(t: DataType, v: Value, style: Style): string {
  if (t.symbols && !style.numeric) {
    const name = t.symbols.find(([, n]) => n === v)?.[0];
    if (name !== undefined) return t.quoted ? `"${name}"` : name;
  }
  if (t.print) return t.print(v, style);
  if (typeof v === 'string') return `"${v}"`;
  return printNumber(t, v);
}

/** The bits of a mask, lowest first, each as its own value. */
export function bitsOf(v: Value): (number | bigint)[] {
  const out: (number | bigint)[] = [];
  let rest = BigInt(v);
  for (let bit = 1n; rest > 0n && out.length < 128; bit <<= 1n) {
    if (rest & bit) out.push(fromBig(bit));
    rest &= ~bit;
  }
  return out;
}
