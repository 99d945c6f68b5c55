/** Numbers that have names in /etc/iproute2: tables, protocols, scopes, device groups. Models lib/rt_names.c */

import type { RouteType } from '../../../os/uapi.ts';
import { unsigned } from './args.ts';

type Reader = (path: string) => string | null;

/** One file of `number name` lines over the numbers that are built in. */
export class NameTable {
  private readonly byNumber = new Map<number, string>();

  constructor(builtin: Readonly<Record<number, string>>, read: Reader, path: string) {
    for (const [n, name] of Object.entries(builtin)) this.byNumber.set(Number(n), name);
    for (const line of (read(path) ?? '').split('\n')) {
      const m = /^\s*(0x[0-9a-fA-F]+|\d+)\s+([^#\s]+)/.exec(line);
      if (m) this.byNumber.set(unsigned(m[1] as string) ?? 0, m[2] as string);
    }
  }

  name(n: number): string {
    return this.byNumber.get(n) ?? String(n);
  }

  number(text: string, max = 0xffffffff): number | null {
    for (const [n, name] of this.byNumber) if (name === text) return n;
    return unsigned(text, max);
  }
}

const PROTOS = {
  0: 'none',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  18: 'keepalived',
  42: 'babel',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
};

export class Names {
  readonly tables: NameTable;
  readonly protos: NameTable;
  readonly scopes: NameTable;
  readonly groups: NameTable;
  numeric = false;

  constructor(read: Reader) {
    this.tables = new NameTable({ 255: 'local', 254: 'main', 253: 'default' }, read, '/etc/iproute2/rt_tables');
    this.protos = new NameTable(PROTOS, read, '/etc/iproute2/rt_protos');
    this.scopes = new NameTable({ 0: 'global', 255: 'nowhere', 254: 'host', 253: 'link', 200: 'site' }, read, '/etc/iproute2/rt_scopes');
    this.groups = new NameTable({ 0: 'default' }, read, '/etc/iproute2/group');
  }

  table(n: number): string {
    return this.numeric ? String(n) : this.tables.name(n);
  }

  proto(n: number): string {
    return this.numeric ? String(n) : this.protos.name(n);
  }

  scope(n: number): string {
    return this.numeric ? String(n) : this.scopes.name(n);
  }

  group(n: number): string {
    return this.numeric ? String(n) : this.groups.name(n);
  }
}

export const ROUTE_TYPES: readonly RouteType[] = [
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'prohibit',
  'unreachable',
  'blackhole',
  'throw',
  'unicast',
];

/** rtnl_rtntype_a2n(): whole words, with `xresolve` and `nat` unknown here. */
export function routeType(text: string): RouteType | null {
  return ROUTE_TYPES.find((t) => t === text) ?? null;
}

const IPPROTO: Readonly<Record<number, string>> = {
  1: 'icmp',
  2: 'igmp',
  4: 'ipencap',
  6: 'tcp',
  17: 'udp',
  41: 'ipv6',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'ipv6-icmp',
  132: 'sctp',
};

export function ipprotoName(n: number): string {
  return IPPROTO[n] ?? `ipproto-${n}`;
}

export function ipprotoNumber(text: string): number | null {
  for (const [n, name] of Object.entries(IPPROTO)) if (name === text) return Number(n);
  return unsigned(text, 255);
}
