/** Headers that rules look into: fields with type, offset and length, and how one header names the next. Models nftables/src/proto.c, exthdr.c, tcpopt.c, ipopt.c, sctp_chunk.c */

import { type DataType, sized, TYPES } from './datatype.ts';

/** Link layer, network, transport, inner (payload of the transport header). */
export type Base = 'll' | 'nh' | 'th' | 'ih';

/** Which ICMP types a field belongs to. */
export type IcmpNeed = 'echo' | 'mtu' | 'redirect' | 'pptr' | 'mldq';

export interface Field {
  readonly name: string;
  readonly type: DataType;
  /** Bits. */
  readonly off: number;
  readonly len: number;
  readonly icmp?: IcmpNeed;
}

export interface Proto {
  readonly name: string;
  readonly base: Base;
  readonly fields: readonly Field[];
  /** Field whose value names the header that follows. */
  readonly key?: string;
  /** Value of the field that names this header, in the header below. */
  readonly upper?: Readonly<Record<string, number>>;
}

type Row = readonly [name: string, type: DataType | null, off: number, len: number, icmp?: IcmpNeed];

function proto(
  name: string,
  base: Base,
  rows: readonly Row[],
  more: { key?: string; upper?: Readonly<Record<string, number>> } = {},
): Proto {
  return { name, base, fields: fields(rows), ...more };
}

function fields(rows: readonly Row[]): Field[] {
  return rows.map(([name, type, off, len, icmp]) => ({
    name,
    type: { ...sized(type ?? TYPES.integer, len), order: 'big' as const },
    off,
    len,
    ...(icmp ? { icmp } : {}),
  }));
}

const L4 = { icmp: 1, igmp: 2, tcp: 6, udp: 17, dccp: 33, esp: 50, ah: 51, icmpv6: 58, comp: 108, sctp: 132, udplite: 136 };
const L3 = { ip: 0x800, arp: 0x806, ip6: 0x86dd, vlan: 0x8100 };

const PORTS: readonly Row[] = [
  ['sport', TYPES.inet_service, 0, 16],
  ['dport', TYPES.inet_service, 16, 16],
];

export const PROTOS: readonly Proto[] = [
  proto(
    'ether',
    'll',
    [
      ['daddr', TYPES.ether_addr, 0, 48],
      ['saddr', TYPES.ether_addr, 48, 48],
      ['type', TYPES.ether_type, 96, 16],
    ],
    { key: 'type', upper: L3 },
  ),
  proto(
    'vlan',
    'll',
    [
      ['pcp', null, 0, 3],
      ['dei', null, 3, 1],
      ['id', null, 4, 12],
      ['type', TYPES.ether_type, 16, 16],
    ],
    { key: 'type', upper: L3 },
  ),
  proto('arp', 'nh', [
    ['htype', null, 0, 16],
    ['ptype', TYPES.ether_type, 16, 16],
    ['hlen', null, 32, 8],
    ['plen', null, 40, 8],
    ['operation', TYPES.arp_op, 48, 16],
    ['saddr ether', TYPES.ether_addr, 64, 48],
    ['saddr ip', TYPES.ipv4_addr, 112, 32],
    ['daddr ether', TYPES.ether_addr, 144, 48],
    ['daddr ip', TYPES.ipv4_addr, 192, 32],
  ]),
  proto(
    'ip',
    'nh',
    [
      ['version', null, 0, 4],
      ['hdrlength', null, 4, 4],
      ['dscp', TYPES.dscp, 8, 6],
      ['ecn', TYPES.ecn, 14, 2],
      ['length', null, 16, 16],
      ['id', null, 32, 16],
      ['frag-off', null, 48, 16],
      ['ttl', null, 64, 8],
      ['protocol', TYPES.inet_proto, 72, 8],
      ['checksum', null, 80, 16],
      ['saddr', TYPES.ipv4_addr, 96, 32],
      ['daddr', TYPES.ipv4_addr, 128, 32],
    ],
    { key: 'protocol', upper: L4 },
  ),
  proto(
    'ip6',
    'nh',
    [
      ['version', null, 0, 4],
      ['dscp', TYPES.dscp, 4, 6],
      ['ecn', TYPES.ecn, 10, 2],
      ['flowlabel', null, 12, 20],
      ['length', null, 32, 16],
      ['nexthdr', TYPES.inet_proto, 48, 8],
      ['hoplimit', null, 56, 8],
      ['saddr', TYPES.ipv6_addr, 64, 128],
      ['daddr', TYPES.ipv6_addr, 192, 128],
    ],
    { key: 'nexthdr', upper: L4 },
  ),
  proto('tcp', 'th', [
    ...PORTS,
    ['sequence', null, 32, 32],
    ['ackseq', null, 64, 32],
    ['doff', null, 96, 4],
    ['reserved', null, 100, 4],
    ['flags', TYPES.tcp_flag, 104, 8],
    ['window', null, 112, 16],
    ['checksum', null, 128, 16],
    ['urgptr', null, 144, 16],
  ]),
  proto('udp', 'th', [...PORTS, ['length', null, 32, 16], ['checksum', null, 48, 16]]),
  proto('udplite', 'th', [...PORTS, ['csumcov', null, 32, 16], ['checksum', null, 48, 16]]),
  proto('sctp', 'th', [...PORTS, ['vtag', null, 32, 32], ['checksum', null, 64, 32]]),
  proto('dccp', 'th', [...PORTS, ['type', TYPES.dccp_pkttype, 67, 4]]),
  proto('th', 'th', [...PORTS]),
  proto('icmp', 'th', [
    ['type', TYPES.icmp_type, 0, 8],
    ['code', TYPES.icmp_code, 8, 8],
    ['checksum', null, 16, 16],
    ['id', null, 32, 16, 'echo'],
    ['sequence', null, 48, 16, 'echo'],
    ['gateway', null, 32, 32, 'redirect'],
    ['mtu', null, 48, 16, 'mtu'],
  ]),
  proto('icmpv6', 'th', [
    ['type', TYPES.icmpv6_type, 0, 8],
    ['code', TYPES.icmpv6_code, 8, 8],
    ['checksum', null, 16, 16],
    ['parameter-problem', null, 32, 32, 'pptr'],
    ['mtu', null, 32, 32, 'mtu'],
    ['id', null, 32, 16, 'echo'],
    ['sequence', null, 48, 16, 'echo'],
    ['max-delay', null, 32, 16, 'mldq'],
  ]),
  proto('igmp', 'th', [
    ['type', TYPES.igmp_type, 0, 8],
    ['mrt', null, 8, 8],
    ['checksum', null, 16, 16],
    ['group', null, 32, 32],
  ]),
  proto('ah', 'th', [
    ['nexthdr', TYPES.inet_proto, 0, 8],
    ['hdrlength', null, 8, 8],
    ['reserved', null, 16, 16],
    ['spi', null, 32, 32],
    ['sequence', null, 64, 32],
  ]),
  proto('esp', 'th', [
    ['spi', null, 0, 32],
    ['sequence', null, 32, 32],
  ]),
  proto('comp', 'th', [
    ['nexthdr', TYPES.inet_proto, 0, 8],
    ['flags', { ...TYPES.integer, hex: 2 }, 8, 8],
    ['cpi', null, 16, 16],
  ]),
];

const BY_NAME = new Map(PROTOS.map((p) => [p.name, p]));

export function protoByName(name: string): Proto | null {
  return BY_NAME.get(name) ?? null;
}

export function fieldOf(p: Proto, name: string): Field | null {
  return p.fields.find((f) => f.name === name) ?? null;
}

/** The header that a value of the key names. */
export function upperProto(lower: Proto, value: number): Proto | null {
  const name = Object.entries(lower.upper ?? {}).find(([, v]) => v === value)?.[0];
  return name === undefined ? (value === 0x88a8 && lower.upper === L3 ? protoByName('vlan') : null) : protoByName(name);
}

export function l4Proto(value: number): Proto | null {
  const name = Object.entries(L4).find(([, v]) => v === value)?.[0];
  return name === undefined ? null : protoByName(name);
}

export function numberInLower(p: Proto, lower: 'l3' | 'l4'): number | null {
  return (lower === 'l3' ? (L3 as Readonly<Record<string, number>>)[p.name] : (L4 as Readonly<Record<string, number>>)[p.name]) ?? null;
}

/** Bits of ICMP fields that hang on a type: the types, first the one that context remembers. */
export const ICMP_NEEDS: Readonly<Record<'icmp' | 'icmpv6', Readonly<Partial<Record<IcmpNeed, readonly number[]>>>>> = {
  icmp: { echo: [8, 0], mtu: [3], redirect: [5] },
  icmpv6: { echo: [128, 129], mtu: [2], pptr: [4], mldq: [130] },
};

/** An IPv6 extension header, TCP option, IP option or SCTP chunk: fields counted from its own begin. */
export interface ExtHeader {
  readonly name: string;
  /** Next-header value, option kind, chunk type. */
  readonly kind: number;
  readonly fields: readonly Field[];
}

const ext = (name: string, kind: number, rows: readonly Row[]): ExtHeader => ({ name, kind, fields: fields(rows) });
const NEXT: readonly Row[] = [
  ['nexthdr', TYPES.inet_proto, 0, 8],
  ['hdrlength', null, 8, 8],
];

const EXTHDRS: readonly ExtHeader[] = [
  ext('hbh', 0, NEXT),
  ext('rt', 43, [...NEXT, ['type', null, 16, 8], ['seg-left', null, 24, 8]]),
  ext('rt0', 43, [['addr[1]', TYPES.ipv6_addr, 64, 128]]),
  ext('rt2', 43, [['addr', TYPES.invalid, 64, 128]]),
  ext('srh', 43, [
    ['last-entry', null, 32, 8],
    ['flags', null, 40, 8],
    ['tag', null, 48, 16],
    ['sid[1]', TYPES.ipv6_addr, 64, 128],
    ['sid[2]', TYPES.ipv6_addr, 192, 128],
  ]),
  ext('frag', 44, [
    ['nexthdr', TYPES.inet_proto, 0, 8],
    ['reserved', null, 8, 8],
    ['frag-off', null, 16, 13],
    ['reserved2', null, 29, 2],
    ['more-fragments', null, 31, 1],
    ['id', null, 32, 32],
  ]),
  ext('dst', 60, NEXT),
  ext('mh', 135, [...NEXT, ['type', TYPES.mh_type, 16, 8], ['reserved', null, 24, 8], ['checksum', null, 32, 16]]),
];

const LEN: Row = ['length', null, 8, 8];
const sack = (name: string, n: number): ExtHeader =>
  ext(name, 5, [...(n === 0 ? [LEN] : []), ['left', null, 16 + 64 * n, 32], ['right', null, 48 + 64 * n, 32]]);

const TCPOPTS: readonly ExtHeader[] = [
  ext('eol', 0, []),
  ext('nop', 1, []),
  ext('maxseg', 2, [LEN, ['size', null, 16, 16]]),
  ext('window', 3, [LEN, ['count', null, 16, 8]]),
  ext('sack-perm', 4, [LEN]),
  sack('sack', 0),
  sack('sack1', 1),
  sack('sack2', 2),
  sack('sack3', 3),
  ext('timestamp', 8, [LEN, ['tsval', null, 16, 32], ['tsecr', null, 48, 32]]),
  ext('md5sig', 19, [LEN]),
  ext('mptcp', 30, [LEN, ['subtype', null, 16, 4]]),
  ext('fastopen', 34, [LEN]),
];
export const TCPOPT_ALIAS: Readonly<Record<string, string>> = { sack0: 'sack', 'sack-permitted': 'sack-perm', mss: 'maxseg' };

const IPOPTS: readonly ExtHeader[] = [
  ext('lsrr', 131, [['type', null, 0, 8], LEN, ['ptr', null, 16, 8], ['addr', null, 24, 32]]),
  ext('ra', 148, [['type', null, 0, 8], LEN, ['value', null, 16, 16]]),
  ext('rr', 7, [['type', null, 0, 8], LEN, ['ptr', null, 16, 8], ['addr', null, 24, 32]]),
  ext('ssrr', 137, [['type', null, 0, 8], LEN, ['ptr', null, 16, 8], ['addr', null, 24, 32]]),
];

const CHUNK: readonly Row[] = [
  ['type', null, 0, 8],
  ['flags', null, 8, 8],
  ['length', null, 16, 16],
];
const INIT: readonly Row[] = [
  ['init-tag', null, 32, 32],
  ['a-rwnd', null, 64, 32],
  ['num-outbound-streams', null, 96, 16],
  ['num-inbound-streams', null, 112, 16],
  ['initial-tsn', null, 128, 32],
];
const chunk = (name: string, kind: number, rows: readonly Row[] = []): ExtHeader => ext(name, kind, [...CHUNK, ...rows]);

const SCTP_CHUNKS: readonly ExtHeader[] = [
  chunk('data', 0, [
    ['tsn', null, 32, 32],
    ['stream', null, 64, 16],
    ['ssn', null, 80, 16],
    ['ppid', null, 96, 32],
  ]),
  chunk('init', 1, INIT),
  chunk('init-ack', 2, INIT),
  chunk('sack', 3, [
    ['cum-tsn-ack', null, 32, 32],
    ['a-rwnd', null, 64, 32],
    ['num-gap-ack-blocks', null, 96, 16],
    ['num-dup-tsns', null, 112, 16],
  ]),
  chunk('heartbeat', 4),
  chunk('heartbeat-ack', 5),
  chunk('abort', 6),
  chunk('shutdown', 7, [['cum-tsn-ack', null, 32, 32]]),
  chunk('shutdown-ack', 8),
  chunk('error', 9),
  chunk('cookie-echo', 10),
  chunk('cookie-ack', 11),
  chunk('ecne', 12, [['lowest-tsn', null, 32, 32]]),
  chunk('cwr', 13, [['lowest-tsn', null, 32, 32]]),
  chunk('shutdown-complete', 14),
  chunk('asconf-ack', 128, [['seqno', null, 32, 32]]),
  chunk('forward-tsn', 192, [['new-cum-tsn', null, 32, 32]]),
  chunk('asconf', 193, [['seqno', null, 32, 32]]),
];

export const EXT_KINDS = { exthdr: EXTHDRS, tcpopt: TCPOPTS, ipopt: IPOPTS, sctp: SCTP_CHUNKS } as const;
export type ExtKind = keyof typeof EXT_KINDS;
