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
  readonly realms: NameTable;
  readonly dsfields: NameTable;
  numeric = false;

  constructor(read: Reader) {
    this.tables = new NameTable({ 255: 'local', 254: 'main', 253: 'default' }, read, '/etc/iproute2/rt_tables');
    this.protos = new NameTable(PROTOS, read, '/etc/iproute2/rt_protos');
    this.scopes = new NameTable({ 0: 'global', 255: 'nowhere', 254: 'host', 253: 'link', 200: 'site' }, read, '/etc/iproute2/rt_scopes');
    this.realms = new NameTable({ 0: 'cosmos' }, read, '/etc/iproute2/rt_realms');
    this.dsfields = new NameTable({}, read, '/etc/iproute2/rt_dsfield');
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

  /** rtnl_dsfield_n2a() */
  dsfield(n: number): string {
    const name = this.numeric ? String(n) : this.dsfields.name(n);
    return name === String(n) ? `0x${n.toString(16).padStart(2, '0')}` : name;
  }

  /** rtnl_dsfield_a2n(): a name or a hexadecimal number, with 0x or without. */
  tos(text: string): number | null {
    const named = this.dsfields.number(text.replace(/^\d+$/, ''), 255);
    if (named !== null) return named;
    const n = /^(0[xX])?[0-9a-fA-F]+$/.test(text) ? Number.parseInt(text, 16) : Number.NaN;
    return n <= 255 ? n : null;
  }

  realm(n: number): string {
    return this.numeric ? String(n) : this.realms.name(n);
  }

  /** RTN_*: numbers with -N. */
  type(name: string): string {
    return this.numeric && name in TYPE_NUMBERS ? String(TYPE_NUMBERS[name]) : name;
  }

  ipproto(n: number): string {
    return this.numeric ? `ipproto-${n}` : ipprotoName(n);
  }

  group(n: number): string {
    return this.numeric ? String(n) : this.groups.name(n);
  }
}

/** get_rt_realms_or_raw(): `REALM`, `FROM/TO` or a number with the source's realm in its upper half; null when there is no such realm. */
export function readRealms(ctx: { names: Names }, text: string): number | null {
  const slash = text.indexOf('/');
  const to = ctx.names.realms.number(text.slice(slash + 1), slash < 0 ? 0xffffffff : 0xffff);
  if (slash < 0 || to === null) return to;
  const from = ctx.names.realms.number(text.slice(0, slash), 0xffff);
  return from === null ? null : from * 65536 + to;
}

const ROUTE_TYPES: readonly RouteType[] = [
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

const TYPE_NUMBERS: Readonly<Record<string, number>> = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
};

/** /etc/protocols */
const IPPROTO: Readonly<Record<number, string>> = {
  0: 'ip',
  1: 'icmp',
  2: 'igmp',
  3: 'ggp',
  4: 'ipencap',
  5: 'st',
  6: 'tcp',
  8: 'egp',
  9: 'igp',
  12: 'pup',
  17: 'udp',
  20: 'hmp',
  22: 'xns-idp',
  27: 'rdp',
  29: 'iso-tp4',
  33: 'dccp',
  36: 'xtp',
  37: 'ddp',
  38: 'idpr-cmtp',
  41: 'ipv6',
  43: 'ipv6-route',
  44: 'ipv6-frag',
  45: 'idrp',
  46: 'rsvp',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  57: 'skip',
  58: 'ipv6-icmp',
  59: 'ipv6-nonxt',
  60: 'ipv6-opts',
  73: 'rspf',
  81: 'vmtp',
  88: 'eigrp',
  89: 'ospf',
  93: 'ax.25',
  94: 'ipip',
  97: 'etherip',
  98: 'encap',
  103: 'pim',
  108: 'ipcomp',
  112: 'vrrp',
  115: 'l2tp',
  124: 'isis',
  132: 'sctp',
  133: 'fc',
  135: 'mobility-header',
  136: 'udplite',
  137: 'mpls-in-ip',
  138: 'manet',
  139: 'hip',
  140: 'shim6',
  141: 'wesp',
  142: 'rohc',
};

function ipprotoName(n: number): string {
  return IPPROTO[n] ?? `ipproto-${n}`;
}

export function ipprotoNumber(text: string): number | null {
  for (const [n, name] of Object.entries(IPPROTO)) if (name === text || name.toUpperCase() === text) return Number(n);
  return unsigned(text, 255);
}
