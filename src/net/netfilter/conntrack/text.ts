/** A connection as text, as /proc/net/nf_conntrack and libnetfilter_conntrack print it. Models nfct_snprintf_default() */

import { SEC } from '../../../sim/sim.ts';
import { formatIp, type IpAddr } from '../../../wire/addr.ts';
import type { Netns } from '../../netns.ts';
import type { Connection } from './connection.ts';
import { hasPorts, isIcmp, type Tuple, tupleFamily } from './tuple.ts';

export const PROTO_NAMES: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  47: 'gre',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udplite',
};

export function protoText(proto: number): string {
  return PROTO_NAMES[proto] ?? 'unknown';
}

/** All 32 digits, as the kernel's %pI6. */
function wholeIp6(addr: bigint): string {
  return (addr.toString(16).padStart(32, '0').match(/.{4}/g) ?? []).join(':');
}

/** `src=… dst=… sport=… dport=…` or ICMP's type, code and id. */
export function tupleText(t: Tuple, whole = false): string {
  const show = (addr: IpAddr): string => (whole && typeof addr === 'bigint' ? wholeIp6(addr) : formatIp(addr));
  const base = `src=${show(t.src)} dst=${show(t.dst)}`;
  if (hasPorts(t.proto)) return `${base} sport=${t.sport} dport=${t.dport}`;
  if (isIcmp(t.proto)) return `${base} type=${t.icmpType} code=${t.icmpCode} id=${t.sport}`;
  return base;
}

/** Whole seconds left. */
export function secondsLeft(ct: Connection, now: number): number {
  return Math.max(0, Math.floor((ct.expires - now) / SEC));
}

export interface CtTextOptions {
  now: number;
  /** `ipv4     2 ` before it. */
  layer3: boolean;
  timeout: boolean;
  state: boolean;
  counters: boolean;
  mark: boolean;
  zone: 'always' | 'given';
  /** When it began, for connections with a time stamp; null: not asked. */
  start?: string | null;
  use: number | null;
}

export function connectionText(ct: Connection, o: CtTextOptions): string {
  const v4 = tupleFamily(ct.original) === 4;
  const { proto } = ct.original;
  let s = o.layer3 ? `${(v4 ? 'ipv4' : 'ipv6').padEnd(8)} ${v4 ? 2 : 10} ` : '';
  s += `${protoText(proto).padEnd(8)} ${proto} `;
  if (o.timeout) s += `${secondsLeft(ct, o.now)} `;
  if (ct.tcp && o.state) s += `${ct.tcp.state} `;
  else if (ct.sctp && o.state) s += `${ct.sctp} `;
  const counters = (dir: 'original' | 'reply'): string => (o.counters ? ` packets=${ct.packets[dir]} bytes=${ct.bytes[dir]}` : '');
  s += tupleText(ct.original, o.zone === 'always') + counters('original');
  if (!ct.seenReply) s += ' [UNREPLIED]';
  s += ` ${tupleText(ct.reply, o.zone === 'always')}${counters('reply')}`;
  if (ct.assured) s += ' [ASSURED]';
  if (o.mark) s += ` mark=${ct.mark}`;
  if (o.zone === 'always' || ct.zone !== 0) s += ` zone=${ct.zone}`;
  if (ct.stamped) {
    s += ` delta-time=${Math.floor((o.now - ct.created) / SEC)}`;
    if (o.start) s += ` [start=${o.start}]`;
  }
  if (o.use !== null) s += ` use=${o.use}`;
  return s;
}

/** /proc/net/nf_conntrack */
export function procConntrack(ns: Netns): string {
  const now = ns.kernel.sim.now;
  const counters = ns.sysctl.int('net.netfilter.nf_conntrack_acct') !== 0;
  return ns.ct
    .list()
    .map((ct) => `${connectionText(ct, { now, layer3: true, timeout: true, state: true, counters, mark: true, zone: 'always', use: 2 })}\n`)
    .join('');
}
