/** Routing decisions of both families: output and input lookups, next-hop choice, martians, rp_filter. Models net/ipv4/route.c, fib_frontend.c */

import { type Errno, type Fail, fail, ok, type Result } from '../../sim/errno.ts';
import { hash32 } from '../../sim/rng.ts';
import { type Family, type IpAddr, inPrefix, isLinkLocal, isMulticast, zeroOf } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Neighbour } from '../neigh/neighbour.ts';
import type { Netns } from '../netns.ts';
import {
  type FibRoute,
  type Nexthop,
  type RouteType,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
} from './fib.ts';
import { redirected } from './pmtu.ts';
import { type FibRule, l3master, ruleMatches } from './rule.ts';
import { selectAddr } from './source.ts';

export { dstMtu, flushCache, listExceptions, pmtuOf, updatePmtu } from './pmtu.ts';
export { selectAddr } from './source.ts';

/** The keys of a lookup. `src` null or absent: let the route choose. */
export interface Flow {
  dst: IpAddr;
  src?: IpAddr | null;
  oif?: NetDevice | null;
  iif?: NetDevice | null;
  mark?: number;
  tos?: number;
  /** L4 keys, for rules. */
  proto?: number;
  sport?: number;
  dport?: number;
  uid?: number;
  /** Routes of a wider scope than this do not count (RT_SCOPE_*). */
  scope?: number;
  /** Next hops without carrier count whatever ignore_routes_with_linkdown says. */
  ignoreLinkstate?: boolean;
}

/** `local`: deliver here; `forward`: another host's; `output`: ours to send. */
export type DstKind = 'local' | 'forward' | 'output';

/** A routing decision. Output to an own address has kind `output` and type `local`: it goes out of lo and comes back. */
export interface Dst {
  readonly ns: Netns;
  readonly family: Family;
  readonly kind: DstKind;
  /** RTN_* of the destination: unicast, local, broadcast, multicast. */
  readonly type: RouteType;
  /** Output device (lo for local destinations). */
  readonly dev: NetDevice;
  /** The route's gateway, null when the destination is on link. */
  readonly gateway: IpAddr | null;
  /** Source address for locally made packets: the flow's own or the selected one. */
  readonly src: IpAddr;
  readonly route: FibRoute | null;
  readonly nh: Nexthop | null;
  readonly table: number;
  /** The rule of policy routing that led to the table; null while there are none but the three that every namespace begins with. */
  readonly rule: FibRule | null;
  /** mtu of the route, 0 = the device's. */
  readonly routeMtu: number;
  readonly mtuLock: boolean;
  /** Where the packet came in, for input lookups. */
  readonly iif: NetDevice | null;
  /** Sent back by the interface it came in by: the sender is told of a shorter way (ICMP redirect). */
  readonly redirect: boolean;
  /** The neighbour that the last packet went to. */
  neigh: Neighbour | null;
  /** Value of fib.generation when it was made; a kept Dst is stale when they differ. */
  readonly generation: number;
}

export interface FibResult {
  route: FibRoute;
  nh: Nexthop | null;
  rule?: FibRule;
}

/** A refused packet: the reason is for the trace, not for whoever asked by netlink. */
export interface RouteFail extends Fail {
  readonly reason?: string;
}

function refuse(errno: Errno, reason: string): RouteFail {
  return { ok: false, errno, reason };
}

const ERRORS: Partial<Record<RouteType, Errno>> = { blackhole: 'EINVAL', unreachable: 'EHOSTUNREACH', prohibit: 'EACCES' };

/** fib_lookup(): through the rules (or in one table), with the errno of blackhole, unreachable and prohibit routes. ENETUNREACH: nothing found. */
export function fibLookup(ns: Netns, flow: Flow, table?: number): Result<FibResult> {
  const family: Family = typeof flow.dst === 'number' ? 4 : 6;
  if (table !== undefined) return inTable(ns, family, flow, table, -1) ?? fail('ENETUNREACH');
  if (ns.fib.rules.plain[family]) {
    return (
      inTable(ns, family, flow, RT_TABLE_LOCAL, -1) ??
      inTable(ns, family, flow, RT_TABLE_MAIN, -1) ??
      (family === 4 ? inTable(ns, family, flow, RT_TABLE_DEFAULT, -1) : null) ??
      fail('ENETUNREACH')
    );
  }
  const rules = ns.fib.rules.list(family);
  const iif = flow.iif ?? ns.lo;
  for (let i = 0; i < rules.length; i++) {
    const rule = rules[i] as (typeof rules)[number];
    if (!ruleMatches(rule, flow, iif, flow.oif ?? null)) continue;
    switch (rule.action) {
      case 'lookup': {
        // A VRF chooses the table; its members' routes are what counts then.
        const vrf = rule.l3mdev ? l3master(flow) : null;
        const inner = flow.oif && flow.oif.l3table !== 0 ? { ...flow, oif: null } : flow;
        const found = inTable(ns, family, inner, vrf ? vrf.l3table : rule.table, rule.suppressPrefixlen);
        if (found) {
          if (found.ok) found.value.rule = rule;
          return found;
        }
        break;
      }
      case 'goto': {
        const at = rules.findIndex((r) => r.priority >= rule.target);
        if (at > i) i = at - 1;
        break;
      }
      case 'unreachable':
        return fail('ENETUNREACH');
      case 'prohibit':
        return fail('EACCES');
      case 'blackhole':
        return fail('EINVAL');
      default:
    }
  }
  return fail('ENETUNREACH');
}

/** null: go on with the next rule (nothing matches, or a throw route). */
function inTable(ns: Netns, family: Family, flow: Flow, id: number, suppress: number): Result<FibResult> | null {
  const table = ns.fib.table(family, id);
  if (!table || table.size === 0) return null;
  const scope = flow.scope ?? RT_SCOPE_UNIVERSE;
  const oif = flow.oif ?? null;
  const tos = (flow.tos ?? 0) & 0x1c;
  const found = table.match<Result<FibResult> | 'throw'>(flow.dst, (routes) => {
    for (const route of routes) {
      if (route.tos !== 0 && route.tos !== tos) continue;
      if (family === 4 && route.scope < scope) continue;
      if (family === 6 && !usable6(ns, route, flow)) continue;
      if (route.type === 'throw') return 'throw';
      const errno = ERRORS[route.type];
      if (errno) return fail(errno);
      const nh = livingHop(ns, route, oif, flow.ignoreLinkstate === true);
      if (nh) return { ok: true, value: { route, nh } };
    }
    return null;
  });
  if (found === null || found === 'throw') return null;
  if (found.ok && suppress >= 0 && found.value.route.dst.len <= suppress) return null;
  return found;
}

/** Not over yet, and of the flow's source where the route names one. */
function usable6(ns: Netns, route: FibRoute, flow: Flow): boolean {
  if (route.expires > 0 && route.expires <= ns.kernel.sim.now) return false;
  return route.src === null || inPrefix(flow.src ?? 0n, route.src.addr, route.src.len);
}

function livingHop(ns: Netns, route: FibRoute, oif: NetDevice | null, ignoreLinkstate: boolean): Nexthop | null {
  for (const nh of route.nexthops) {
    if (nh.dead || (oif !== null && nh.dev !== oif)) continue;
    if (nh.linkdown && !ignoreLinkstate && nh.dev && ns.sysctl.or4(nh.dev, 'ignore_routes_with_linkdown')) continue;
    return nh;
  }
  return null;
}

/** fib_select_multipath(): by the hash of the addresses (policy 0) or of the flow (policy 1), in proportion to the weights. */
function selectPath(ns: Netns, res: FibResult, flow: Flow): Nexthop | null {
  if (res.route.nexthops.length < 2 || flow.oif) return res.nh;
  const alive = res.route.nexthops.filter(
    (nh) => !nh.dead && !(nh.linkdown && nh.dev && ns.sysctl.or4(nh.dev, 'ignore_routes_with_linkdown')),
  );
  const total = alive.reduce((n, nh) => n + nh.weight, 0);
  const l4 = ns.sysctl.int('net.ipv4.fib_multipath_hash_policy') === 1;
  const key = l4 ? `${flow.src}/${flow.dst}/${flow.proto}/${flow.sport}/${flow.dport}` : `${flow.src ?? 0}/${flow.dst}`;
  let at = hash32(key) % Math.max(1, total);
  for (const nh of alive) {
    if (at < nh.weight) return nh;
    at -= nh.weight;
  }
  return res.nh;
}

/** The IPv4 gateway, 0 when there is none or it is an IPv6 one. */
function gateway4(nh: Nexthop): number {
  return typeof nh.gateway === 'number' ? nh.gateway : 0;
}

const BROADCAST_ALL = 0xffffffff;

/** ip_route_output_key(): ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ENODEV, EADDRNOTAVAIL as in Linux. Both families. */
export function routeOutput(ns: Netns, flow: Flow): Result<Dst> {
  return typeof flow.dst === 'number' ? output4(ns, flow, flow.dst) : output6(ns, flow, flow.dst);
}

function output4(ns: Netns, flow: Flow, to: number): Result<Dst> {
  let dst = to;
  let src = (flow.src as number | null | undefined) ?? 0;
  const oif = flow.oif ?? null;
  const group = isMulticast(dst) || dst === BROADCAST_ALL;
  if (src !== 0) {
    if (isMulticast(src) || src === BROADCAST_ALL) return fail('EINVAL');
    const owner = addrOwner(ns, src);
    if (!oif && group) {
      if (!owner) return fail('EINVAL');
      return output(ns, flow, dst, src, owner, null);
    }
    if (!owner && addrType(ns, src) !== 'local') return fail('ENETUNREACH');
  }
  if (oif) {
    if (!oif.up) return fail('ENETUNREACH');
    if (dst === BROADCAST_ALL || dst >>> 8 === 0xe00000) {
      if (src === 0) src = (selectAddr(oif, 0, RT_SCOPE_LINK) as number | null) ?? 0;
      return output(ns, flow, dst, src, oif, null);
    }
    if (src === 0 && isMulticast(dst)) src = (selectAddr(oif, 0, RT_SCOPE_UNIVERSE) as number | null) ?? 0;
  }
  if (dst === 0) {
    dst = src !== 0 ? src : 0x7f000001;
    return output(ns, flow, dst, dst, ns.lo, null, 'local');
  }
  const res = fibLookup(ns, flow);
  if (!res.ok) {
    if (!oif || res.errno !== 'ENETUNREACH') return res;
    // With a device given and no route, Linux takes the destination to be on its link.
    if (src === 0) src = (selectAddr(oif, 0, RT_SCOPE_LINK) as number | null) ?? 0;
    return output(ns, flow, dst, src, oif, null);
  }
  const { route } = res.value;
  if (route.type === 'local') {
    if (src === 0) src = (route.prefsrc as number | null) ?? dst;
    return output(ns, flow, dst, src, res.value.nh?.dev?.l3master ?? ns.lo, res.value, 'local');
  }
  const nh = selectPath(ns, res.value, flow) as Nexthop;
  const dev = nh.dev as NetDevice;
  if (src === 0) src = ((route.prefsrc ?? selectAddr(dev, gateway4(nh), route.scope)) as number | null) ?? 0;
  return output(ns, flow, dst, src, dev, { ...res.value, nh }, route.type);
}

/** __mkroute_output() */
function output(
  ns: Netns,
  flow: Flow,
  dst: number,
  src: number,
  dev: NetDevice,
  res: FibResult | null,
  found: RouteType = 'unicast',
): Result<Dst> {
  let type = found;
  if (src >>> 24 === 127 && dev !== ns.lo && !ns.sysctl.or4(dev, 'route_localnet')) return fail('EINVAL');
  if (dst === BROADCAST_ALL) type = 'broadcast';
  else if (isMulticast(dst)) type = 'multicast';
  else if (dst === 0) return fail('EINVAL');
  const via = type === 'unicast' ? redirected(ns, res?.nh ?? null, dst) : null;
  const on = type === 'broadcast' || (type === 'multicast' && (res?.route.dst.len ?? 0) < 4) ? null : res;
  return ok(makeDst(ns, 4, 'output', type, dev, src, on, flow.iif ?? null, false, res?.route.table, via));
}

/** rt_set_nexthop(): a gateway counts when it is a link away; one that is this host itself leads to the destination's own link. */
function usedGateway(family: Family, nh: Nexthop | null): IpAddr | null {
  return nh === null || (family === 4 && nh.scope !== RT_SCOPE_LINK) ? null : nh.gateway;
}

function makeDst(
  ns: Netns,
  family: Family,
  kind: DstKind,
  type: RouteType,
  dev: NetDevice,
  src: IpAddr,
  res: FibResult | null,
  iif: NetDevice | null,
  redirect: boolean,
  table = RT_TABLE_MAIN,
  via: IpAddr | null = null,
): Dst {
  const route = res?.route ?? null;
  return {
    ns,
    family,
    kind,
    type,
    dev,
    gateway: type === 'local' ? null : (via ?? usedGateway(family, res?.nh ?? null)),
    src,
    route,
    nh: res?.nh ?? null,
    table: route?.table ?? table,
    rule: res?.rule ?? null,
    routeMtu: route?.mtu ?? 0,
    mtuLock: route?.mtuLock ?? false,
    iif,
    redirect,
    neigh: null,
    generation: ns.fib.generation,
  };
}

/** ip6_route_output() after ip6_dst_lookup_tail(): without any source address to offer it is EADDRNOTAVAIL, before the route counts. */
function output6(ns: Netns, flow: Flow, dst: bigint): Result<Dst> {
  const oif = flow.oif ?? null;
  let src = (flow.src as bigint | null | undefined) ?? 0n;
  if (oif && !oif.up) return fail('ENETUNREACH');
  const res = fibLookup(ns, flow);
  const nh = res.ok ? selectPath(ns, res.value, flow) : null;
  const dev = res.ok ? (res.value.route.type === 'local' ? ns.lo : (nh?.dev ?? ns.lo)) : null;
  if (src === 0n) {
    const own = res.ok && res.value.route.type === 'local' && !isMulticast(dst) ? dst : null;
    const picked =
      own ?? (res.ok ? res.value.route.prefsrc : null) ?? selectAddr(res.ok ? (nh?.dev ?? oif ?? ns.lo) : (oif ?? ns.lo), dst, 0);
    if (picked === null && !(oif && isMulticast(dst))) return fail('EADDRNOTAVAIL');
    src = (picked as bigint | null) ?? 0n;
  }
  if (!res.ok) return res;
  const type = isMulticast(dst) ? 'multicast' : res.value.route.type;
  return ok(makeDst(ns, 6, 'output', type, dev as NetDevice, src, { ...res.value, nh }, flow.iif ?? null, false));
}

/** The device that has this address, when any. Models inet_lookup_ifaddr_rcu(): a hash look-up, here in the local table. */
function addrOwner(ns: Netns, addr: number): NetDevice | null {
  for (const r of ns.fib.table(4, RT_TABLE_LOCAL)?.at(addr, 32) ?? []) {
    const dev = r.type === 'local' ? r.nexthops[0]?.dev : null;
    if (dev?.addrs4.some((a) => a.local === addr)) return dev;
  }
  // Addresses of a VRF's members are in its table.
  if (!ns.fib.rules.plain[4])
    for (const dev of ns.devices.values()) if (dev.l3master && dev.addrs4.some((a) => a.local === addr)) return dev;
  return null;
}

type InputFlow = Flow & { iif: NetDevice; src: IpAddr };

/**
 * ip_route_input(): EXDEV = rp_filter, EINVAL = martian or blackhole (dropped without a word); EHOSTUNREACH, ENETUNREACH, EACCES are told to
 * the sender when the interface forwards.
 */
export function routeInput(ns: Netns, flow: InputFlow): Result<Dst> {
  return typeof flow.dst === 'number' ? input4(ns, flow, flow.dst, flow.src as number) : input6(ns, flow, flow.dst);
}

function input4(ns: Netns, flow: InputFlow, dst: number, src: number): Result<Dst> {
  const { iif } = flow;
  const local = (type: RouteType, res: FibResult | null): Result<Dst> =>
    ok(makeDst(ns, 4, 'local', type, ns.lo, src, res, iif, false, RT_TABLE_LOCAL));
  if (isMulticast(dst))
    return iif.mc.has(0x01005e000000 + (dst & 0x7fffff)) ? local('multicast', null) : refuse('EINVAL', 'MULTICAST_NOT_JOINED');
  if (isMulticast(src) || src === BROADCAST_ALL) return refuse('EINVAL', 'MARTIAN_SOURCE');
  if (dst === BROADCAST_ALL || (src === 0 && dst === 0)) return broadcastIn(ns, flow, src, local);
  if (src === 0) return refuse('EINVAL', 'MARTIAN_SOURCE');
  if (dst === 0) return refuse('EINVAL', 'MARTIAN_DESTINATION');
  if (dst >>> 24 === 127 || src >>> 24 === 127) {
    if (!ns.sysctl.or4(iif, 'route_localnet')) return refuse('EINVAL', dst >>> 24 === 127 ? 'MARTIAN_DESTINATION' : 'MARTIAN_SOURCE');
  }
  const forwards = ns.sysctl.conf4(iif, 'forwarding') !== 0;
  const res = fibLookup(ns, flow);
  if (!res.ok) return forwards || res.errno === 'EINVAL' ? res : refuse('EHOSTUNREACH', 'NOT_FORWARDING');
  const { route } = res.value;
  if (route.type === 'broadcast') return broadcastIn(ns, flow, src, local);
  if (route.type === 'local') {
    const valid = validateSource(ns, flow, src, dst, null);
    if (!valid.ok) return valid;
    return local('local', res.value);
  }
  if (!forwards) return refuse('EHOSTUNREACH', 'NOT_FORWARDING');
  if (route.type !== 'unicast') return refuse('EINVAL', 'MARTIAN_DESTINATION');
  const nh = selectPath(ns, res.value, flow) as Nexthop;
  const out = nh.dev as NetDevice;
  const valid = validateSource(ns, flow, src, dst, out);
  if (!valid.ok) return valid;
  const redirect =
    out === iif &&
    valid.value &&
    ns.sysctl.or4(out, 'send_redirects') &&
    (ns.sysctl.or4(out, 'shared_media') || sameSubnet(out, src, gateway4(nh)));
  return ok(makeDst(ns, 4, 'forward', 'unicast', out, src, { ...res.value, nh }, iif, redirect));
}

/** inet_addr_onlink(): one of the device's addresses has both in its prefix (b 0: a alone). */
export function sameSubnet(dev: NetDevice, a: number, b: number): boolean {
  return dev.addrs4.some((x) => inPrefix(a, x.peer, x.len) && (b === 0 || inPrefix(b, x.peer, x.len)));
}

function broadcastIn(ns: Netns, flow: InputFlow, src: number, local: (type: RouteType, res: null) => Result<Dst>): Result<Dst> {
  if (src !== 0) {
    const valid = validateSource(ns, flow, src, 0, null);
    if (!valid.ok) return valid;
  }
  return local('broadcast', null);
}

/** fib_validate_source(): the value says whether the source is on this link. */
function validateSource(ns: Netns, flow: InputFlow, src: number, dst: number, out: NetDevice | null): Result<boolean> {
  const { iif } = flow;
  const rpf = ns.sysctl.max4(iif, 'rp_filter');
  if (rpf === 0 && (out !== iif || !ns.sysctl.or4(iif, 'send_redirects'))) {
    if (ns.sysctl.conf4(iif, 'accept_local') !== 0) return ok(false);
    if (!ns.fib.customLocal && ns.fib.rules.plain[4]) return addrOwner(ns, src) ? refuse('EINVAL', 'MARTIAN_SOURCE') : ok(false);
  }
  const reverse: Flow = {
    dst: src,
    src: dst,
    iif: out ?? ns.lo,
    tos: flow.tos ?? 0,
    mark: ns.sysctl.or4(iif, 'src_valid_mark') ? (flow.mark ?? 0) : 0,
  };
  const res = fibLookup(ns, reverse);
  const lastResort = (): Result<boolean> => (rpf !== 0 ? refuse('EXDEV', 'RP_FILTER') : ok(false));
  if (!res.ok) return lastResort();
  const { route } = res.value;
  if (route.type !== 'unicast' && (route.type !== 'local' || ns.sysctl.conf4(iif, 'accept_local') === 0))
    return refuse('EINVAL', 'MARTIAN_SOURCE');
  const uses = route.nexthops.find((nh) => nh.dev === iif);
  if (uses || (route.type === 'local' && iif === ns.lo)) return ok((uses?.scope ?? RT_SCOPE_HOST) >= RT_SCOPE_HOST);
  if (iif.addrs4.length === 0) return lastResort();
  if (rpf === 1) return refuse('EXDEV', 'RP_FILTER');
  const again = fibLookup(ns, { ...reverse, oif: iif, ignoreLinkstate: true });
  return ok(again.ok && again.value.route.type === 'unicast' && (again.value.nh?.scope ?? 0) >= RT_SCOPE_HOST);
}

function input6(ns: Netns, flow: InputFlow, dst: bigint): Result<Dst> {
  const { iif, src } = flow;
  const local = (type: RouteType, res: FibResult | null): Result<Dst> =>
    ok(makeDst(ns, 6, 'local', type, ns.lo, src, res, iif, false, RT_TABLE_LOCAL));
  if (isMulticast(dst)) return ns.ip6.joined(iif, dst) ? local('multicast', null) : refuse('EINVAL', 'MULTICAST_NOT_JOINED');
  if (isMulticast(src)) return refuse('EINVAL', 'MARTIAN_SOURCE');
  const res = fibLookup(ns, isLinkLocal(dst) ? { ...flow, oif: iif } : flow);
  const forwards = ns.sysctl.conf6(iif, 'forwarding') !== 0;
  if (!res.ok) return res;
  if (res.value.route.type === 'local' || res.value.route.type === 'anycast') return local('local', res.value);
  if (!forwards) return refuse('EHOSTUNREACH', 'NOT_FORWARDING');
  const nh = selectPath(ns, res.value, flow) as Nexthop;
  return ok(makeDst(ns, 6, 'forward', 'unicast', nh.dev as NetDevice, src, { ...res.value, nh }, iif, false));
}

/** inet_addr_type(): what the address is to this namespace (local, broadcast, multicast, unicast …); `dev` limits to its addresses. */
export function addrType(ns: Netns, addr: IpAddr, dev?: NetDevice): RouteType {
  if (addr === zeroOf(typeof addr === 'number' ? 4 : 6) || addr === BROADCAST_ALL)
    return typeof addr === 'number' ? 'broadcast' : 'unicast';
  if (isMulticast(addr)) return 'multicast';
  const found = ns.fib.table(typeof addr === 'number' ? 4 : 6, RT_TABLE_LOCAL)?.match(addr, (routes) => {
    for (const r of routes) if (!dev || r.nexthops.some((nh) => nh.dev === dev)) return r.type;
    return null;
  });
  return found ?? (vrfOwns(ns, addr) ? 'local' : 'unicast');
}

/** An address of a VRF's member: it is in that VRF's table. */
function vrfOwns(ns: Netns, addr: IpAddr): boolean {
  if (ns.fib.rules.plain[typeof addr === 'number' ? 4 : 6]) return false;
  for (const dev of ns.devices.values()) {
    if (dev.l3master && (typeof addr === 'number' ? dev.addrs4 : dev.addrs6).some((a) => a.local === addr)) return true;
  }
  return false;
}

/** True when the address is one of this namespace's own. */
export function isLocalAddr(ns: Netns, addr: IpAddr): boolean {
  return addrType(ns, addr) === 'local';
}
