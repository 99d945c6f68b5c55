/** Keys of meta, ct, rt, socket, fib and ipsec expressions with their types. Models nftables/src/{meta,ct,rt,socket,fib,xfrm}.c */

import { type DataType, sized, TYPES } from './datatype.ts';

export interface Key {
  readonly name: string;
  readonly type: DataType;
  readonly bits: number;
}

const rows = (list: readonly (readonly [string, DataType, number])[]): Key[] =>
  list.map(([name, type, bits]) => ({ name, type: sized(type, bits), bits }));

export const META_KEYS: readonly Key[] = rows([
  ['length', TYPES.integer, 32],
  ['protocol', TYPES.ether_type, 16],
  ['priority', TYPES.classid, 32],
  ['mark', TYPES.mark, 32],
  ['iif', TYPES.iface_index, 32],
  ['oif', TYPES.iface_index, 32],
  ['iifname', TYPES.ifname, 128],
  ['oifname', TYPES.ifname, 128],
  ['iiftype', TYPES.iface_type, 16],
  ['oiftype', TYPES.iface_type, 16],
  ['skuid', TYPES.uid, 32],
  ['skgid', TYPES.gid, 32],
  ['nftrace', TYPES.integer, 1],
  ['rtclassid', TYPES.realm, 32],
  ['secmark', TYPES.integer, 32],
  ['nfproto', TYPES.nf_proto, 8],
  ['l4proto', TYPES.inet_proto, 8],
  ['ibrname', TYPES.ifname, 128],
  ['obrname', TYPES.ifname, 128],
  ['pkttype', TYPES.pkt_type, 8],
  ['cpu', TYPES.integer, 32],
  ['iifgroup', TYPES.devgroup, 32],
  ['oifgroup', TYPES.devgroup, 32],
  ['cgroup', TYPES.integer, 32],
  ['random', TYPES.integer, 32],
  ['ipsec', TYPES.boolean, 8],
  ['iifkind', TYPES.ifname, 128],
  ['oifkind', TYPES.ifname, 128],
  ['ibrpvid', TYPES.integer, 16],
  ['ibrvproto', TYPES.ether_type, 16],
  ['time', TYPES.date, 64],
  ['day', TYPES.day, 8],
  ['hour', TYPES.hour, 32],
  ['sdif', TYPES.iface_index, 32],
  ['sdifname', TYPES.ifname, 128],
]);

export const META_ALIAS: Readonly<Record<string, string>> = {
  secpath: 'ipsec',
  ibriport: 'ibrname',
  obriport: 'obrname',
  ibridgename: 'ibrname',
  obridgename: 'obrname',
};

/** May stand without `meta`. */
export const META_UNQUALIFIED: readonly string[] =
  'mark iif iifname iiftype oif oifname oiftype skuid skgid nftrace rtclassid ibriport obriport ibridgename obridgename ibrname obrname pkttype cpu iifgroup oifgroup cgroup ipsec time day hour'.split(
    ' ',
  );

/** Listed without `meta`. */
export const META_BARE: readonly string[] = ['iif', 'oif', 'iifname', 'oifname', 'iifgroup', 'oifgroup'];

export interface CtKey extends Key {
  /** Needs a direction, may have one, must not. */
  readonly dir: 'needs' | 'may' | 'no';
}

const ct = (list: readonly (readonly [string, DataType, number, CtKey['dir']])[]): CtKey[] =>
  list.map(([name, type, bits, dir]) => ({ name, type: sized(type, bits), bits, dir }));

export const CT_KEYS: readonly CtKey[] = ct([
  ['state', TYPES.ct_state, 32, 'no'],
  ['direction', TYPES.ct_dir, 8, 'no'],
  ['status', TYPES.ct_status, 32, 'no'],
  ['mark', TYPES.mark, 32, 'no'],
  ['expiration', TYPES.time, 32, 'no'],
  ['helper', TYPES.string, 128, 'no'],
  ['label', TYPES.ct_label, 128, 'no'],
  ['event', TYPES.ct_event, 32, 'no'],
  ['secmark', TYPES.integer, 32, 'no'],
  ['id', TYPES.integer, 32, 'no'],
  ['zone', TYPES.integer, 16, 'may'],
  ['bytes', TYPES.integer, 64, 'may'],
  ['packets', TYPES.integer, 64, 'may'],
  ['avgpkt', TYPES.integer, 64, 'may'],
  ['l3proto', TYPES.nf_proto, 8, 'may'],
  ['protocol', TYPES.inet_proto, 8, 'may'],
  ['saddr', TYPES.integer, 0, 'needs'],
  ['daddr', TYPES.integer, 0, 'needs'],
  ['proto-src', TYPES.inet_service, 16, 'needs'],
  ['proto-dst', TYPES.inet_service, 16, 'needs'],
  ['ip saddr', TYPES.ipv4_addr, 32, 'needs'],
  ['ip daddr', TYPES.ipv4_addr, 32, 'needs'],
  ['ip6 saddr', TYPES.ipv6_addr, 128, 'needs'],
  ['ip6 daddr', TYPES.ipv6_addr, 128, 'needs'],
]);

export const RT_KEYS: readonly Key[] = rows([
  ['classid', TYPES.realm, 32],
  ['nexthop', TYPES.integer, 0],
  ['ip nexthop', TYPES.ipv4_addr, 32],
  ['ip6 nexthop', TYPES.ipv6_addr, 128],
  ['mtu', TYPES.integer, 16],
  ['ipsec', TYPES.boolean, 8],
]);

export const SOCKET_KEYS: readonly Key[] = rows([
  ['transparent', TYPES.integer, 1],
  ['mark', TYPES.mark, 32],
  ['wildcard', TYPES.integer, 1],
  ['cgroupv2', TYPES.cgroupsv2, 64],
]);

export const FIB_RESULTS: readonly Key[] = rows([
  ['oif', TYPES.iface_index, 32],
  ['oifname', TYPES.string, 128],
  ['type', TYPES.fib_addrtype, 32],
  ['check', TYPES.boolean, 8],
]);

export const XFRM_KEYS: readonly Key[] = rows([
  ['spi', TYPES.integer, 32],
  ['reqid', TYPES.integer, 32],
  ['ip saddr', TYPES.ipv4_addr, 32],
  ['ip daddr', TYPES.ipv4_addr, 32],
  ['ip6 saddr', TYPES.ipv6_addr, 128],
  ['ip6 daddr', TYPES.ipv6_addr, 128],
]);

export const keyOf = <K extends Key>(list: readonly K[], name: string): K | null => list.find((k) => k.name === name) ?? null;
