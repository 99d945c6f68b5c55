/** From a socket to the IP layer of either family: routing for a flow, and sending one L4 packet. */

import { type Errno, fail, ok, type Result } from '../../sim/errno.ts';
import { formatIp, type IpAddr, isLinkLocal, readIp4, readIp6 } from '../../wire/addr.ts';
import { ip4HeaderLen } from '../../wire/ipv4.ts';
import type { NetDevice } from '../dev/device.ts';
import type { IcmpErrorInfo } from '../ip/protocols.ts';
import { type Dst, isLocalAddr, routeOutput } from '../ip/route.ts';
import type { Netns } from '../netns.ts';
import type { Sock } from './sock.ts';

export interface FlowKeys {
  dst: IpAddr;
  src?: IpAddr | null;
  sport?: number;
  dport?: number;
  oif?: NetDevice | null;
  /** connect(): the route is looked up again with the source that the first look-up chose, as ip_route_connect() does for rules that ask for it. */
  connect?: boolean;
}

declare module '../../sim/trace.ts' {
  interface TraceEvents {
    /** A socket asked for a way to a destination and there is none: no packet was made. */
    'net.noroute': { host: string; ns: string; dst: string; errno: Errno };
  }
}

/** ip_route_output() with the socket's mark, TOS, uid and device. */
export function routeFor(sk: Sock, keys: FlowKeys): Result<Dst> {
  const found = lookUp(sk, keys);
  const { kernel } = sk.ns;
  if (!found.ok && kernel.sim.trace.on)
    kernel.sim.trace.emit(
      'net.noroute',
      { host: kernel.hostname, ns: kernel.nameOf(sk.ns) ?? '', dst: formatIp(keys.dst), errno: found.errno },
      null,
      sk,
    );
  return found;
}

function lookUp(sk: Sock, keys: FlowKeys): Result<Dst> {
  const bound = sk.boundDevice();
  if (bound === undefined) return fail('ENODEV');
  if (typeof keys.dst === 'number' && typeof keys.src !== 'bigint') {
    const { routes } = sk.ns.ip4;
    const { sport = 0, dport = 0 } = keys;
    return routes.output(keys.dst, keys.src ?? null, keys.oif ?? bound, sk.mark, sk.opt.tos, sk.proto, sport, dport, sk.uid);
  }
  return routeOutput(sk.ns, {
    dst: keys.dst,
    src: keys.src ?? null,
    oif: keys.oif ?? bound,
    mark: sk.mark,
    tos: sk.opt.tos,
    proto: sk.proto,
    sport: keys.sport ?? 0,
    dport: keys.dport ?? 0,
    uid: sk.uid,
  });
}

export interface L4Packet {
  src: IpAddr;
  dst: IpAddr;
  proto: number;
  payload: Uint8Array;
  ttl?: number | undefined;
  tos?: number;
  /** Absent: IP_PMTUDISC_WANT. */
  df?: boolean;
  /** IP_PMTUDISC_PROBE */
  probe?: boolean;
  id?: number;
  oif?: NetDevice | null;
  mark?: number;
  priority?: number;
  sk?: Sock | null;
  route?: Dst | null;
  gsoSize?: number;
  /** CHECKSUM_PARTIAL: where in the payload the checksum is to go once the device fills it in. */
  csumOffset?: number;
  options?: Uint8Array | null;
  /** IPv6 flow label; null lets the stack choose. */
  flowLabel?: number | null;
  parent?: number;
}

/** Hands a finished L4 packet to IPv4 or IPv6. */
export function ipSend(ns: Netns, p: L4Packet): Result {
  if (typeof p.src === 'number' && typeof p.dst === 'number') {
    return ns.ip4.output({
      src: p.src,
      dst: p.dst,
      proto: p.proto,
      payload: p.payload,
      ttl: p.ttl,
      tos: p.tos ?? 0,
      df: p.df,
      id: p.id,
      oif: p.oif ?? null,
      mark: p.mark ?? 0,
      priority: p.priority ?? 0,
      sk: p.sk ?? null,
      route: p.route ?? null,
      gsoSize: p.gsoSize ?? 0,
      csumOffset: p.csumOffset ?? 0,
      csumBytes: undefined,
      options: p.options ?? undefined,
      parent: p.parent ?? 0,
      cause: null,
      probe: p.probe ?? false,
    });
  }
  if (typeof p.src === 'bigint' && typeof p.dst === 'bigint') {
    return ns.ip6.output({
      proto: p.proto,
      payload: p.payload,
      oif: p.oif ?? null,
      mark: p.mark ?? 0,
      priority: p.priority ?? 0,
      sk: p.sk ?? null,
      route: p.route ?? null,
      gsoSize: p.gsoSize ?? 0,
      csumOffset: p.csumOffset ?? 0,
      parent: p.parent ?? 0,
      dontFrag: p.df ?? false,
      ...(p.flowLabel == null ? {} : { flowLabel: p.flowLabel }),
      src: p.src,
      dst: p.dst,
      trafficClass: p.tos ?? 0,
      ...(p.ttl === undefined ? {} : { hopLimit: p.ttl }),
    });
  }
  return fail('EAFNOSUPPORT');
}

/** Addresses, protocol and L4 bytes of a whole IP packet; null when it is too short. */
export interface IpView {
  family: 4 | 6;
  src: IpAddr;
  dst: IpAddr;
  proto: number;
  ttl: number;
  tos: number;
  l4: Uint8Array;
}

/** The same without a view of the L4 bytes, which are those from `at` to `end`. */
export type IpSpan = Omit<IpView, 'l4'> & { at: number; end: number };

export function spanIp(b: Uint8Array): IpSpan | null {
  const version = (b[0] ?? 0) >> 4;
  if (version === 4 && b.length >= 20) {
    const at = ip4HeaderLen(b);
    const total = ((b[2] as number) << 8) | (b[3] as number);
    const end = Math.max(at, Math.min(b.length, total));
    const [proto, ttl, tos] = [b[9] as number, b[8] as number, b[1] as number];
    return { family: 4, src: readIp4(b, 12), dst: readIp4(b, 16), proto, ttl, tos, at, end };
  }
  const ip = viewIp(b);
  return ip && { ...ip, at: b.length - ip.l4.length, end: b.length };
}

/** Reads the header without checking it again: the IP layer has done so, or it is the quote in an ICMP error. */
export function viewIp(b: Uint8Array): IpView | null {
  const version = (b[0] ?? 0) >> 4;
  if (version === 4 && b.length >= 20) {
    const hlen = ip4HeaderLen(b);
    const total = ((b[2] as number) << 8) | (b[3] as number);
    return {
      family: 4,
      src: readIp4(b, 12),
      dst: readIp4(b, 16),
      proto: b[9] as number,
      ttl: b[8] as number,
      tos: b[1] as number,
      l4: b.subarray(hlen, Math.max(hlen, Math.min(b.length, total))),
    };
  }
  if (version === 6 && b.length >= 40) {
    return {
      family: 6,
      src: readIp6(b, 8),
      dst: readIp6(b, 24),
      proto: b[6] as number,
      ttl: b[7] as number,
      tos: (((b[0] as number) & 15) << 4) | ((b[1] as number) >> 4),
      l4: b.subarray(40),
    };
  }
  return null;
}

/** icmp_err_convert[] and icmpv6_err_convert(): the errno of an error, and whether it ends an established flow. */
export function icmpErrno(e: IcmpErrorInfo): { errno: Errno; fatal: boolean } | null {
  if (e.family === 4) {
    if (e.type === 3) return UNREACH4[e.code] ?? { errno: 'EHOSTUNREACH', fatal: true };
    if (e.type === 11) return { errno: 'EHOSTUNREACH', fatal: false };
    if (e.type === 12) return { errno: 'EPROTO', fatal: true };
    return null;
  }
  if (e.type === 1) return UNREACH6[e.code] ?? { errno: 'EPROTO', fatal: true };
  if (e.type === 2) return { errno: 'EMSGSIZE', fatal: false };
  if (e.type === 3) return { errno: 'EHOSTUNREACH', fatal: false };
  if (e.type === 4) return { errno: 'EPROTO', fatal: true };
  return null;
}

const row = (errno: Errno, fatal: boolean): { errno: Errno; fatal: boolean } => ({ errno, fatal });

const UNREACH4: readonly { errno: Errno; fatal: boolean }[] = [
  row('ENETUNREACH', false),
  row('EHOSTUNREACH', false),
  row('ENOPROTOOPT', true),
  row('ECONNREFUSED', true),
  row('EMSGSIZE', false),
  row('EOPNOTSUPP', false),
  row('ENETUNREACH', true),
  row('EHOSTDOWN', true),
  // ENONET in Linux, which no tool of ours names
  row('EHOSTUNREACH', true),
  row('ENETUNREACH', true),
  row('EHOSTUNREACH', true),
  row('ENETUNREACH', false),
  row('EHOSTUNREACH', false),
  row('EHOSTUNREACH', true),
  row('EHOSTUNREACH', true),
  row('EHOSTUNREACH', true),
];

const UNREACH6: readonly { errno: Errno; fatal: boolean }[] = [
  row('ENETUNREACH', false),
  row('EACCES', true),
  row('EHOSTUNREACH', false),
  row('EHOSTUNREACH', false),
  row('ECONNREFUSED', true),
  row('EACCES', true),
  row('EACCES', true),
];

/** The source that connect() and sendto() choose, with EACCES for broadcast without SO_BROADCAST. */
export function sourceFor(sk: Sock, keys: FlowKeys): Result<{ route: Dst; src: IpAddr }> {
  if (
    keys.connect &&
    typeof keys.dst === 'bigint' &&
    isLinkLocal(keys.dst) &&
    !keys.oif &&
    sk.boundDevice() === null &&
    !isLocalAddr(sk.ns, keys.dst)
  )
    return fail('EINVAL');
  const first = routeFor(sk, keys);
  const r = first.ok && keys.connect && (keys.src ?? null) === null ? routeFor(sk, { ...keys, src: first.value.src }) : first;
  if (!r.ok) {
    if (r.errno === 'ENETUNREACH' && sk.kind !== 'raw') sk.ns.snmp.inc(typeof keys.dst === 'number' ? 'IpOutNoRoutes' : 'Ip6OutNoRoutes');
    return r;
  }
  if (r.value.type === 'broadcast' && !sk.opt.broadcast) return fail(sk.kind === 'tcp' ? 'ENETUNREACH' : 'EACCES');
  return ok({ route: r.value, src: keys.src ?? r.value.src });
}
