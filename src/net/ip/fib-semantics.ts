/** What makes a route valid: next hops, gateways, scopes, preferred source. Models net/ipv4/fib_semantics.c, net/ipv6/route.c */

import { type Fail, fail, ok, type Result } from '../../sim/errno.ts';
import { type Family, isLinkLocal, isMulticast, maxLen, network } from '../../wire/addr.ts';
import type { Netns } from '../netns.ts';
import {
  type FibRoute,
  type Nexthop,
  type NexthopSpec,
  type RouteSpec,
  type RouteType,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTPROT_BOOT,
} from './fib.ts';
import { validPrefix } from './fib-table.ts';
import { addrType, fibLookup } from './route.ts';

const ERROR_TYPES: ReadonlySet<RouteType> = new Set(['blackhole', 'unreachable', 'prohibit', 'throw']);

function isErrorType(type: RouteType): boolean {
  return ERROR_TYPES.has(type);
}

/** The scope of a route whose maker names none. */
function scopeOf(type: RouteType, hasGateway: boolean): number {
  if (type === 'local') return RT_SCOPE_HOST;
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return RT_SCOPE_LINK;
  if (type === 'unicast' && !hasGateway) return RT_SCOPE_LINK;
  return RT_SCOPE_UNIVERSE;
}

// A function and not a table: this module and fib.ts import each other.
function leastScope(type: RouteType): number | undefined {
  return type === 'local' ? RT_SCOPE_HOST : type === 'broadcast' || type === 'anycast' ? RT_SCOPE_LINK : undefined;
}

/** fib_create_info() / ip6_route_info_create(): the route with its next hops resolved, or the kernel's objection. */
export function buildRoute(ns: Netns, s: RouteSpec): Result<FibRoute> {
  const object = s.nhid ? ns.fib.nexthops.get(s.nhid) : undefined;
  const type = object?.blackhole ? 'blackhole' : (s.type ?? 'unicast');
  if (s.dst.len > maxLen(s.family)) return fail('EINVAL', 'Invalid prefix length');
  if (s.family === 4 && !validPrefix(s.dst.addr, s.dst.len, 4)) return fail('EINVAL', 'Invalid prefix for given prefix length');
  const specs = s.nexthops ?? [];
  const hasGateway = (s.nhid ?? 0) !== 0 || specs.some((n) => n.gateway !== undefined && n.gateway !== null);
  const scope = s.family === 6 ? RT_SCOPE_UNIVERSE : (s.scope ?? scopeOf(type, hasGateway));
  const table = s.table || (type === 'local' || type === 'broadcast' || type === 'anycast' ? RT_TABLE_LOCAL : RT_TABLE_MAIN);
  if (s.family === 6 && s.tos) return fail('EINVAL', 'Invalid dsfield (tos): option not available for IPv6');
  if (s.family === 4 && (s.tos ?? 0) & 3) return fail('EINVAL', 'Invalid dsfield (tos): ECN bits must be 0');
  if (s.congctl && !(ns.sysctl.get('net.ipv4.tcp_available_congestion_control') ?? '').split(' ').includes(s.congctl))
    return fail('EINVAL', 'Unknown tcp congestion algorithm');
  if (s.family === 4 && scope < (leastScope(type) ?? 0)) return fail('EINVAL', 'Invalid scope');
  const hops = nexthops(ns, s, type, scope, table);
  if (!hops.ok) return hops;
  const prefsrc = s.prefsrc ?? null;
  if (s.family === 4 && prefsrc !== null && !(type === 'local' && prefsrc === s.dst.addr) && addrType(ns, prefsrc) !== 'local') {
    return fail('EINVAL', 'Invalid prefsrc address');
  }
  if (s.family === 6 && prefsrc !== null && addrType(ns, prefsrc) !== 'local') return fail('EINVAL', 'Invalid source address');
  return ok({
    family: s.family,
    dst: { addr: network(s.dst.addr, s.dst.len), len: s.dst.len },
    tos: s.tos ?? 0,
    table,
    type,
    proto: s.proto ?? RTPROT_BOOT,
    scope,
    prefsrc,
    metric: s.metric ?? (s.family === 6 && !(s.proto === 2 && type === 'local') ? 1024 : 0),
    nexthops: hops.value,
    mtu: s.mtu ?? 0,
    mtuLock: s.mtuLock ?? false,
    advmss: s.advmss ?? 0,
    metrics: s.metrics ?? {},
    congctl: s.congctl ?? '',
    locks: s.locks ?? [],
    src: s.src && s.src.len > 0 ? { addr: network(s.src.addr, s.src.len), len: s.src.len } : null,
    pref: s.pref ?? 'medium',
    expires: s.family === 6 && s.expires ? ns.kernel.sim.now + s.expires * 1_000_000 : 0,
    nhid: s.nhid ?? 0,
  });
}

function nexthops(ns: Netns, s: RouteSpec, type: RouteType, scope: number, table: number): Result<Nexthop[]> {
  const specs = s.nexthops ?? [];
  if (isErrorType(type) && !s.nhid) {
    if (s.family === 6) return ok([hop({ dev: ns.lo }, RT_SCOPE_NOWHERE, ns)]);
    if (specs.some((n) => n.dev || (n.gateway ?? null) !== null) || specs.length > 1) {
      return fail('EINVAL', 'Gateway, device and multipath can not be specified for this route type');
    }
    return ok([]);
  }
  if (s.nhid) {
    if (specs.length > 0) return fail('EINVAL', 'Nexthop specification and nexthop id are mutually exclusive');
    const object = ns.fib.nexthops.get(s.nhid);
    if (object?.fdb) return fail('EINVAL', 'Route cannot point to a fdb nexthop');
    if (s.family === 6 && object && !object.group && object.family !== 6) return fail('EINVAL', 'IPv6 routes can not use an IPv4 nexthop');
    const hops = ns.fib.nexthops.hops(s.nhid);
    return hops ? ok(hops) : fail('EINVAL', 'Nexthop id does not exist');
  }
  if (s.family === 4 && scope > RT_SCOPE_HOST) return fail('EINVAL', 'Invalid scope');
  if (s.family === 4 && scope === RT_SCOPE_HOST) {
    if (specs.length > 1) return fail('EINVAL', 'Route with host scope can not have multiple nexthops');
    const only = specs[0];
    if (only && (only.gateway ?? null) !== null) return fail('EINVAL', 'Route with host scope can not have a gateway');
    if (!only?.dev) return fail('ENODEV');
    return ok([hop(only, RT_SCOPE_NOWHERE, ns)]);
  }
  if (s.oif && specs[0]?.dev !== s.oif) return fail('EINVAL', 'Nexthop device index does not match RTA_OIF');
  if ((s.gateway ?? null) !== null && specs[0]?.gateway !== s.gateway)
    return fail('EINVAL', 'Nexthop gateway does not match RTA_GATEWAY or RTA_VIA');
  const out: Nexthop[] = [];
  for (const spec of specs.length > 0 ? specs : [{}]) {
    const one = s.family === 4 ? check4(ns, spec, scope, table) : check6(ns, spec, type);
    if (!one.ok) return one;
    out.push(one.value);
  }
  return ok(out);
}

function hop(n: NexthopSpec, scope: number, ns: Netns): Nexthop {
  const dev = n.dev ?? null;
  return {
    dev,
    gateway: n.gateway ?? null,
    weight: n.weight ?? 1,
    onlink: n.onlink ?? false,
    dead: false,
    linkdown: dev !== null && dev !== ns.lo && scope !== RT_SCOPE_NOWHERE && !dev.carrier(),
    scope,
    exceptions: null,
    ...(n.realms ? { realms: n.realms } : {}),
  };
}

const BAD_GATEWAY = 'Nexthop has invalid gateway';

/** A nexthop object's hop: with the scope of a universal route. */
export function checkNexthop(ns: Netns, family: Family, n: NexthopSpec): Result<Nexthop> {
  return family === 4 ? check4(ns, n, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN) : check6(ns, n, 'unicast');
}

/** fib_check_nh() */
function check4(ns: Netns, n: NexthopSpec, scope: number, table: number): Result<Nexthop> {
  const gw = n.gateway ?? null;
  if (gw === null) {
    if (!n.dev) return fail('ENODEV');
    if (!n.dev.up) return fail('ENETDOWN', 'Device for nexthop is not up');
    return ok(hop(n, RT_SCOPE_HOST, ns));
  }
  if (n.onlink) {
    if (scope >= RT_SCOPE_LINK) return fail('EINVAL', 'Nexthop has invalid scope');
    if (!n.dev) return fail('ENODEV', 'Nexthop device required for onlink');
    if (!n.dev.up) return fail('ENETDOWN', 'Nexthop device is not up');
    if (addrType(ns, gw, n.dev) !== 'unicast') return fail('EINVAL', BAD_GATEWAY);
    return ok(hop(n, RT_SCOPE_LINK, ns));
  }
  const flow = { dst: gw, oif: n.dev ?? null, iif: ns.lo, scope: Math.max(scope + 1, RT_SCOPE_LINK) };
  const own = table !== RT_TABLE_MAIN && ns.fib.table(4, table) ? fibLookup(ns, flow, table) : null;
  const res = own?.ok ? own : fibLookup(ns, flow);
  if (!res.ok) return { ...(res as Fail), msg: BAD_GATEWAY };
  if (res.value.route.type !== 'unicast' && res.value.route.type !== 'local') return fail('EINVAL', BAD_GATEWAY);
  const dev = res.value.nh?.dev;
  if (!dev) return fail('EINVAL', 'No egress device for nexthop');
  if (!dev.up) return fail('ENETDOWN');
  return ok(hop({ ...n, dev }, typeof gw === 'bigint' ? RT_SCOPE_LINK : res.value.route.scope, ns));
}

/** fib6_nh_init(), ip6_validate_gw() */
function check6(ns: Netns, n: NexthopSpec, type: RouteType): Result<Nexthop> {
  const gw = n.gateway ?? null;
  let dev = n.dev ?? null;
  if (gw !== null) {
    if (addrType(ns, gw, dev ?? undefined) === 'local') return fail('EINVAL', 'Gateway can not be a local address');
    if (isMulticast(gw)) return fail('EINVAL', 'Invalid gateway address');
    if (isLinkLocal(gw)) {
      if (!dev) return fail('EINVAL', 'Egress device not specified');
    } else if (!n.onlink) {
      const res = fibLookup(ns, { dst: gw, oif: dev });
      const via = res.ok ? res.value.nh : null;
      if (!via?.dev || via.gateway !== null) return fail('EHOSTUNREACH');
      dev ??= via.dev;
    }
  }
  if (!dev) return fail('ENODEV');
  if (!dev.up && type !== 'local') return fail('ENETDOWN');
  if (dev !== ns.lo && type === 'unicast' && ns.sysctl.conf6(dev, 'disable_ipv6') !== 0)
    return fail('EACCES', 'IPv6 is disabled on nexthop device');
  const own = type === 'local' || type === 'anycast' ? RT_SCOPE_NOWHERE : RT_SCOPE_HOST;
  return ok(hop({ ...n, dev }, gw === null ? own : RT_SCOPE_LINK, ns));
}

export function sameNexthops(a: FibRoute, b: FibRoute): boolean {
  return (
    a.nexthops.length === b.nexthops.length &&
    a.nexthops.every((x, i) => {
      const y = b.nexthops[i] as Nexthop;
      return x.dev === y.dev && x.gateway === y.gateway && x.weight === y.weight && x.onlink === y.onlink;
    })
  );
}
