/** Routes as messages: of the FIB for listings and monitors, and look-ups for `ip route get`. Models fib_dump_info(), inet_rtm_getroute() */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { type Family, familyOf, type IpAddr, maxLen, type Prefix, zeroOf } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import { type FibRoute, type Nexthop, type RoutePref, type RouteType, RT_TABLE_LOCAL, RT_TABLE_MAIN, RTPROT_UNSPEC } from '../ip/fib.ts';
import { type Dst, type Flow, fibLookup, pmtuOf, routeInput, routeOutput, selectAddr } from '../ip/route.ts';
import type { Netns } from '../netns.ts';

export interface RouteHop {
  readonly gateway: IpAddr | null;
  readonly dev: NetDevice | null;
  readonly weight: number;
  /** Realms, the source's in the upper half. */
  readonly realms: number;
  /** `dead`, `onlink`, `linkdown` as ip prints them. */
  readonly flags: readonly string[];
}

export interface RouteMsg {
  readonly family: Family;
  readonly type: RouteType;
  readonly dst: Prefix;
  readonly src: Prefix | null;
  readonly nhid: number;
  readonly tos: number;
  readonly table: number;
  readonly proto: number;
  readonly scope: number;
  readonly prefsrc: IpAddr | null;
  readonly metric: number | null;
  /** One hop is shown in line; several are a multipath route, and so is one of an IPv6 group. */
  readonly hops: readonly RouteHop[];
  readonly group: boolean;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly mtuLock: boolean;
  readonly advmss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly congctl: string;
  readonly locks: readonly string[];
  readonly pref: RoutePref;
  readonly realms: number;
  readonly mark: number;
  readonly uid: number | null;
  readonly iif: NetDevice | null;
  /** A look-up's answer (RTM_F_CLONED): cache flags, and seconds until a learned MTU expires. */
  readonly cache: { readonly flags: readonly string[]; readonly expires: number } | null;
  readonly expires: number;
}

function hopFlags(n: Nexthop): string[] {
  const flags: string[] = [];
  if (n.dead || (n.linkdown && n.dev?.ns.sysctl.or4(n.dev, 'ignore_routes_with_linkdown'))) flags.push('dead');
  if (n.onlink) flags.push('onlink');
  if (n.linkdown) flags.push('linkdown');
  return flags;
}

export function routeMsg(r: FibRoute, now: number): RouteMsg {
  const hops = r.nexthops.map((n) => ({ gateway: n.gateway, dev: n.dev, weight: n.weight, realms: n.realms ?? 0, flags: hopFlags(n) }));
  return {
    family: r.family,
    type: r.type,
    dst: r.dst,
    src: r.src,
    nhid: r.nhid,
    tos: r.tos,
    table: r.table,
    proto: r.proto,
    scope: r.scope,
    prefsrc: r.prefsrc,
    metric: r.family === 6 || r.metric !== 0 ? r.metric : null,
    hops,
    group: r.family === 6 && r.nhid !== 0 && (hops[0]?.dev?.ns.fib.nexthops.get(r.nhid)?.group ?? null) !== null,
    flags: hops.length === 1 ? (hops[0]?.flags ?? []) : [],
    mtu: r.mtu,
    mtuLock: r.mtuLock,
    advmss: r.advmss,
    metrics: r.metrics,
    congctl: r.congctl,
    locks: r.locks,
    pref: r.pref,
    realms: hops.length === 1 ? (hops[0]?.realms ?? 0) : 0,
    mark: 0,
    uid: null,
    iif: null,
    cache: null,
    expires: r.expires > 0 ? Math.floor((r.expires - now) / 1e6) : 0,
  };
}

export interface RouteQuery {
  dst: IpAddr;
  src: IpAddr | null;
  iif: NetDevice | null;
  oif: NetDevice | null;
  mark: number;
  tos: number;
  uid: number;
  proto: number;
  sport: number;
  dport: number;
  fibmatch: boolean;
  /** Prefix length of `from`; only that of a host is taken. */
  srcLen?: number;
  /** RTM_F_NOTIFY: comes back as a flag. */
  notify?: boolean;
}

function flowOf(q: RouteQuery): Flow {
  const flow: Flow = { dst: q.dst, src: q.src, oif: q.oif, mark: q.mark, tos: q.tos, uid: q.uid };
  if (q.proto) flow.proto = q.proto;
  if (q.sport) flow.sport = q.sport;
  if (q.dport) flow.dport = q.dport;
  return flow;
}

/** RTM_GETROUTE for one destination. */
export function getRoute(ns: Netns, q: RouteQuery): Result<RouteMsg> {
  const family = familyOf(q.dst);
  if (q.src !== null && q.srcLen !== undefined && q.srcLen !== maxLen(family)) {
    return fail(
      'EINVAL',
      family === 4 ? 'ipv4: Invalid values in header for route get request' : 'Invalid values in header for get route request',
    );
  }
  const flow = flowOf(q);
  if (family === 6 && q.iif) return input6(ns, q, flow, q.iif);
  const found = q.iif ? routeInput(ns, { ...flow, oif: null, iif: q.iif, src: q.src ?? zeroOf(family) }) : routeOutput(ns, flow);
  // rp_filter's EXDEV is a reason to drop, and the asker only hears EINVAL.
  if (!found.ok) return fail(found.errno === 'EXDEV' ? 'EINVAL' : found.errno);
  const dst = found.value;
  if (q.fibmatch && dst.route) return ok(routeMsg(dst.route, ns.kernel.sim.now));
  return ok(family === 4 ? answer4(ns, q, dst) : answer6(ns, q, dst));
}

/** ip6_route_input_lookup(): unlike a packet, a question does not care whether the device forwards. */
function input6(ns: Netns, q: RouteQuery, flow: Flow, iif: NetDevice): Result<RouteMsg> {
  const found = fibLookup(ns, { ...flow, oif: null, iif });
  if (!found.ok) return found;
  const { route, nh } = found.value;
  if (q.fibmatch) return ok(routeMsg(route, ns.kernel.sim.now));
  const dev = nh?.dev ?? ns.lo;
  return ok(
    answer6(ns, q, {
      type: route.type,
      dev,
      gateway: nh?.gateway ?? null,
      route,
      table: route.table,
      routeMtu: route.mtu,
      mtuLock: route.mtuLock,
    }),
  );
}

type Answer6 = Pick<Dst, 'type' | 'dev' | 'gateway' | 'route' | 'table' | 'routeMtu' | 'mtuLock'>;

function cacheFlags(dst: Dst, to: IpAddr): string[] {
  if (dst.type === 'broadcast') return ['local', 'brd'];
  if (dst.type === 'multicast') {
    const group = 0x01005e000000 + ((to as number) & 0x7fffff);
    return dst.kind === 'local' || dst.dev.mc.has(group) ? ['local', 'mc'] : ['mc'];
  }
  return dst.kind === 'local' || dst.type === 'local' || dst.dev === dst.ns.lo ? ['local'] : [];
}

/** Local and main are one trie until the first rule comes, and then look-ups report main for local addresses. */
function shownTable(ns: Netns, dst: Dst, to: IpAddr): number {
  if (dst.type === 'broadcast' && to !== 0xffffffff) return ns.fib.rules.plain[4] ? RT_TABLE_MAIN : RT_TABLE_LOCAL;
  if (dst.type === 'broadcast' || dst.type === 'multicast' || !dst.route) return 0;
  return dst.table === RT_TABLE_LOCAL && ns.fib.rules.plain[4] ? RT_TABLE_MAIN : dst.table;
}

function answer4(ns: Netns, q: RouteQuery, dst: Dst): RouteMsg {
  const learned = pmtuOf(ns, q.dst);
  const sameSrc = q.src !== null && q.src === dst.src;
  return {
    family: 4,
    type: dst.type,
    dst: { addr: q.dst, len: 32 },
    src: q.src === null ? null : { addr: q.src, len: 32 },
    nhid: 0,
    tos: dst.route?.tos ?? 0,
    table: shownTable(ns, dst, q.dst),
    proto: RTPROT_UNSPEC,
    scope: 0,
    prefsrc: q.iif || sameSrc ? null : dst.src,
    metric: null,
    hops: [{ gateway: dst.gateway, dev: dst.dev, weight: 1, realms: 0, flags: [] }],
    group: false,
    flags: [...(dst.type === 'multicast' ? ['rt_offload_failed'] : []), ...(q.notify ? ['notify'] : [])],
    mtu: learned?.mtu || dst.routeMtu,
    mtuLock: learned?.mtu ? learned.lock : dst.mtuLock,
    advmss: dst.route?.advmss ?? 0,
    metrics: dst.route?.metrics ?? {},
    congctl: dst.route?.congctl ?? '',
    locks: dst.route?.locks ?? [],
    pref: 'medium',
    realms: dst.nh?.realms ?? 0,
    mark: q.mark,
    uid: q.iif ? null : q.uid,
    iif: q.iif,
    cache: {
      flags: [
        ...cacheFlags(dst, q.dst),
        ...(q.notify ? ['notify'] : []),
        ...(learned?.gateway != null ? ['redirected'] : []),
        ...(dst.redirect ? ['redirect'] : []),
      ],
      expires: learned ? Math.max(0, Math.ceil((learned.expires - ns.kernel.sim.now) / 1e6)) : 0,
    },
    expires: 0,
  };
}

function answer6(ns: Netns, q: RouteQuery, dst: Answer6): RouteMsg {
  const r = dst.route;
  const learned = pmtuOf(ns, q.dst);
  return {
    family: 6,
    type: dst.type,
    dst: { addr: q.dst, len: maxLen(6) },
    src: { addr: q.src ?? 0n, len: 128 },
    nhid: 0,
    tos: 0,
    table: dst.table,
    proto: r?.proto ?? 0,
    scope: 0,
    prefsrc: q.iif ? null : (r?.prefsrc ?? selectAddr(dst.dev, q.dst, 0)),
    metric: r?.metric ?? 0,
    hops: [{ gateway: dst.gateway, dev: dst.dev, weight: 1, realms: 0, flags: [] }],
    group: false,
    flags: [],
    mtu: learned?.mtu || dst.routeMtu,
    mtuLock: dst.mtuLock,
    advmss: r?.advmss ?? 0,
    metrics: r?.metrics ?? {},
    congctl: r?.congctl ?? '',
    locks: r?.locks ?? [],
    pref: r?.pref ?? 'medium',
    realms: 0,
    mark: 0,
    uid: null,
    iif: q.iif,
    cache: null,
    expires: learned ? Math.max(0, Math.ceil((learned.expires - ns.kernel.sim.now) / 1e6)) : 0,
  };
}
