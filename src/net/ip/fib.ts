/** Forwarding information base: tables, longest prefix match, multipath. Models net/ipv4/fib_trie.c, fib_semantics.c, net/ipv6/ip6_fib.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { type Family, type IpAddr, network, type Prefix } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import { buildRoute, sameNexthops } from './fib-semantics.ts';
import { FibTable } from './fib-table.ts';
import { NexthopObjects } from './nexthop.ts';
import { FibRules } from './rule.ts';

export const RT_TABLE_UNSPEC = 0;
export const RT_TABLE_DEFAULT = 253;
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;

export const RT_SCOPE_UNIVERSE = 0;
export const RT_SCOPE_SITE = 200;
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;
export const RT_SCOPE_NOWHERE = 255;

export const RTPROT_UNSPEC = 0;
export const RTPROT_REDIRECT = 1;
export const RTPROT_KERNEL = 2;
export const RTPROT_BOOT = 3;
export const RTPROT_STATIC = 4;
const RTPROT_RA = 9;

export type RouteType = 'unicast' | 'local' | 'broadcast' | 'anycast' | 'multicast' | 'blackhole' | 'unreachable' | 'prohibit' | 'throw';

export interface Nexthop {
  /** null for blackhole and its like. */
  dev: NetDevice | null;
  gateway: IpAddr | null;
  /** 1 … 256; `weight` as ip prints it. */
  weight: number;
  onlink: boolean;
  /** The device is down: never used. */
  dead: boolean;
  /** The device has no carrier: used unless ignore_routes_with_linkdown. */
  linkdown: boolean;
  /** Realms (RTA_FLOW): the source's in the upper half; absent = 0. */
  realms?: number;
  /** RT_SCOPE_* of the next hop itself: NOWHERE for the host's own addresses, HOST on link, LINK behind a gateway. */
  scope: number;
  /** Learned path MTUs by destination. */
  exceptions: Map<IpAddr, PathMtu> | null;
}

export interface PathMtu {
  mtu: number;
  /** Below min_pmtu: not used, so that packets are fragmented. */
  lock: boolean;
  /** Another router, learned from an ICMP redirect; `mtu` is 0 when that is all. */
  gateway: IpAddr | null;
  /** Virtual time when it is forgotten, µs. */
  expires: number;
}

export type RoutePref = 'low' | 'medium' | 'high';

export interface FibRoute {
  readonly family: Family;
  readonly dst: Prefix;
  readonly tos: number;
  readonly table: number;
  readonly type: RouteType;
  readonly proto: number;
  readonly scope: number;
  readonly prefsrc: IpAddr | null;
  /** 0 in IPv4 when not given, 1024 in IPv6. */
  readonly metric: number;
  readonly nexthops: Nexthop[];
  /** Route metrics; 0 = not set. */
  readonly mtu: number;
  readonly mtuLock: boolean;
  readonly advmss: number;
  /** Others by name as `ip route` prints them: window, rtt, initcwnd, hoplimit, quickack … */
  readonly metrics: Readonly<Record<string, number>>;
  /** Congestion control algorithm, '' = not set. */
  readonly congctl: string;
  /** Names of the metrics that are locked, besides mtu. */
  readonly locks: readonly string[];
  /** IPv6: source prefix of a subtree (`from`), null = any. */
  readonly src: Prefix | null;
  /** IPv6: ICMPv6 router preference. */
  readonly pref: RoutePref;
  /** IPv6: virtual time when it ends, µs; 0 = never. */
  readonly expires: number;
  /** Nexthop object that it was made with, 0 = none. */
  readonly nhid: number;
}

export interface NexthopSpec {
  dev?: NetDevice | null;
  gateway?: IpAddr | null;
  weight?: number;
  onlink?: boolean;
  realms?: number;
}

/** What RTM_NEWROUTE carries; absent fields get the kernel's defaults. ip's defaults for proto (boot) and scope are the tool's. */
export interface RouteSpec {
  dst: Prefix;
  family: Family;
  tos?: number;
  table?: number;
  type?: RouteType;
  proto?: number;
  scope?: number;
  prefsrc?: IpAddr | null;
  metric?: number;
  nexthops?: NexthopSpec[];
  /** RTA_GATEWAY and RTA_OIF beside several next hops: they must agree with the first one. */
  gateway?: IpAddr | null;
  oif?: NetDevice | null;
  mtu?: number;
  mtuLock?: boolean;
  advmss?: number;
  metrics?: Record<string, number>;
  congctl?: string;
  locks?: readonly string[];
  src?: Prefix | null;
  pref?: RoutePref;
  /** Seconds from now (RTA_EXPIRES); IPv6 only. */
  expires?: number;
  nhid?: number;
}

/** NLM_F_*: add = create+excl, append = create+append, prepend = create, replace = create+replace, change = replace. */
export type RouteMode = 'add' | 'append' | 'prepend' | 'replace' | 'change';

type DelSpec = Partial<RouteSpec> & { family: Family; dst: Prefix };

export class Fib {
  readonly ns: Netns;
  readonly rules: FibRules;
  readonly nexthops: NexthopObjects;
  /** Grows with every change that may alter a routing decision; caches compare it. */
  generation = 1;
  private readonly tables4 = new Map<number, FibTable>();
  private readonly tables6 = new Map<number, FibTable>();
  /** Somebody added a local route by hand: source validation must look at the tables. */
  customLocal = false;

  constructor(ns: Netns) {
    this.ns = ns;
    this.rules = new FibRules(ns);
    this.nexthops = new NexthopObjects(ns);
    for (const id of [RT_TABLE_LOCAL, RT_TABLE_MAIN]) {
      this.tables4.set(id, new FibTable(id, 4));
      this.tables6.set(id, new FibTable(id, 6));
    }
    ns.events.subscribe((e) => {
      if (e.type === 'link') this.generation++;
    });
  }

  table(family: Family, id: number): FibTable | undefined {
    return (family === 4 ? this.tables4 : this.tables6).get(id);
  }

  private makeTable(family: Family, id: number): FibTable {
    const tables = family === 4 ? this.tables4 : this.tables6;
    let t = tables.get(id);
    if (!t) {
      t = new FibTable(id, family);
      tables.set(id, t);
    }
    return t;
  }

  /** RTM_NEWROUTE with the kernel's checks and extack texts. */
  add(spec: RouteSpec, mode: RouteMode = 'add'): Result<FibRoute> {
    const built = buildRoute(this.ns, spec);
    if (!built.ok) return built;
    const route = built.value;
    const table = this.makeTable(route.family, route.table);
    return route.family === 4 ? this.insert4(table, route, mode) : this.insert6(table, route, mode);
  }

  private insert4(table: FibTable, route: FibRoute, mode: RouteMode): Result<FibRoute> {
    const list = table.at(route.dst.addr, route.dst.len);
    let i = 0;
    while (i < list.length && before(list[i] as FibRoute, route)) i++;
    const rivals: FibRoute[] = [];
    for (let j = i; j < list.length && equalKey(list[j] as FibRoute, route); j++) rivals.push(list[j] as FibRoute);
    if (rivals.length > 0) {
      if (mode === 'add') return fail('EEXIST');
      const same = rivals.find((r) => sameRoute(r, route));
      if (mode === 'replace' || mode === 'change') {
        if (same) return same === rivals[0] ? ok(same) : fail('EEXIST');
        table.remove(rivals[0] as FibRoute);
        return this.inserted(table, route, i);
      }
      if (same) return fail('EEXIST');
      return this.inserted(table, route, mode === 'append' ? i + rivals.length : i);
    }
    if (mode === 'change') return fail('ENOENT');
    return this.inserted(table, route, i);
  }

  /** fib6_add_rt2node(): routes of one metric that go through gateways become one multipath route. */
  private insert6(table: FibTable, route: FibRoute, mode: RouteMode): Result<FibRoute> {
    const list = table.at(route.dst.addr, route.dst.len);
    if (route.expires > 0) this.startGc();
    let i = 0;
    while (i < list.length && before6(list[i] as FibRoute, route)) i++;
    const rivals: FibRoute[] = [];
    let j = i;
    for (; j < list.length && sameKey6(list[j] as FibRoute, route); j++) rivals.push(list[j] as FibRoute);
    const same = rivals.find((r) => sameNexthops(r, route) && r.type === route.type);
    if (rivals.length > 0) {
      if (mode === 'replace' || mode === 'change') {
        const old = rivals[0] as FibRoute;
        table.remove(old);
        return this.inserted(table, route, i);
      }
      if (same) return fail('EEXIST');
      if (mode === 'add') return fail('EEXIST');
      const group = rivals.find((r) => ecmp(r) && r.metric === route.metric);
      if (ecmp(route) && group) {
        group.nexthops.push(...route.nexthops);
        this.generation++;
        this.ns.events.emit({ type: 'route', action: 'new', route: group });
        return ok(group);
      }
      return this.inserted(table, route, mode === 'prepend' ? i : j);
    }
    if (mode === 'change') return fail('ENOENT', 'Can not replace route - no match found');
    return this.inserted(table, route, i);
  }

  private gcDue = false;

  /** fib6_run_gc(): routes whose time is over are taken away every 30 s. */
  private startGc(): void {
    if (this.gcDue) return;
    this.gcDue = true;
    const { sim } = this.ns.kernel;
    sim.schedule(GC_INTERVAL, () => {
      this.gcDue = false;
      if (!this.ns.alive) return;
      const timed = this.all().filter((r) => r.expires > 0);
      for (const r of timed) if (r.expires <= sim.now) this.remove(r);
      if (timed.some((r) => r.expires > sim.now)) this.startGc();
    });
  }

  private inserted(table: FibTable, route: FibRoute, index: number): Result<FibRoute> {
    table.insert(route, index);
    if (route.type === 'local' && route.proto !== RTPROT_KERNEL) this.customLocal = true;
    this.generation++;
    this.ns.events.emit({ type: 'route', action: 'new', route });
    return ok(route);
  }

  /** RTM_DELROUTE: the first route that agrees with every given field; ESRCH when none. */
  del(spec: DelSpec): Result {
    const table = this.table(spec.family, spec.table || RT_TABLE_MAIN);
    const route = table?.at(network(spec.dst.addr, spec.dst.len), spec.dst.len).find((r) => sameSrc(r.src, spec.src) && agrees(r, spec));
    if (!route) return fail('ESRCH');
    const hop = spec.nexthops?.length === 1 && spec.family === 6 && route.nexthops.length > 1 ? spec.nexthops[0] : null;
    if (hop && (hop.gateway ?? null) !== null) {
      const at = route.nexthops.findIndex((nh) => nh.gateway === hop.gateway && (!hop.dev || nh.dev === hop.dev));
      route.nexthops.splice(at, 1);
      this.generation++;
      return ok();
    }
    this.remove(route);
    return ok();
  }

  /** Removes exactly this route. `silent`: as fib_flush(), without telling `ip monitor`. */
  remove(route: FibRoute, silent = false): void {
    if (!this.table(route.family, route.table)?.remove(route)) return;
    this.generation++;
    if (!silent) this.ns.events.emit({ type: 'route', action: 'del', route });
  }

  /** Ids of the existing tables, in the kernel's dump order (hash of the id modulo 256). */
  tables(family: Family): number[] {
    const ids = [...(family === 4 ? this.tables4 : this.tables6).keys()];
    return ids.reverse().sort((a, b) => (a & 255) - (b & 255));
  }

  /** Routes as the kernel dumps them (v4: by address, longer prefix first); without table all, table after table. */
  list(family: Family, table?: number): FibRoute[] {
    if (table !== undefined) return this.table(family, table)?.list() ?? [];
    return this.tables(family).flatMap((id) => this.table(family, id)?.list() ?? []);
  }

  /** Longest prefix match in one table, whatever the routes' state. */
  lookup(table: number, addr: IpAddr): FibRoute | null {
    return this.table(typeof addr === 'number' ? 4 : 6, table)?.lookup(addr) ?? null;
  }

  all(): FibRoute[] {
    const out: FibRoute[] = [];
    for (const t of this.tables4.values()) t.collect(out);
    for (const t of this.tables6.values()) t.collect(out);
    return out;
  }

  // ---- devices ----

  /** fib_sync_down_dev(): next hops over `dev` die (down), or lose their carrier (change). Routes without a living one are flushed. */
  deviceDown(dev: NetDevice, event: 'down' | 'change' | 'unregister'): void {
    this.generation++;
    const force = event === 'unregister';
    const over = this.all().filter((r) => r.nexthops.some((nh) => nh.dev === dev));
    // fib6_clean_all() goes table after table, and what it deletes is told as it was.
    const gone6 = event === 'change' ? [] : over.filter((r) => r.family === 6 && r.nexthops.every((nh) => nh.dead || nh.dev === dev));
    for (const route of gone6.sort((a, b) => a.table - b.table)) this.remove(route);
    for (const route of over) {
      if (gone6.includes(route)) continue;
      for (const nh of route.nexthops) {
        if (!dies(nh, dev, force)) continue;
        if (event !== 'change') nh.dead = true;
        nh.linkdown = true;
      }
      if (event === 'change') continue;
      if (force || route.nexthops.every((nh) => nh.dead)) this.remove(route, route.family === 4);
    }
  }

  /** fib_sync_up(): next hops over `dev` live again (up) or have carrier again. */
  deviceUp(dev: NetDevice, carrier: boolean): void {
    this.generation++;
    const revive = (route: FibRoute): void => {
      for (const nh of route.nexthops) {
        if (nh.dev !== dev) continue;
        if (dev.up) nh.dead = false;
        if (carrier) nh.linkdown = false;
      }
    };
    for (const t of this.tables4.values()) t.each(revive);
    for (const t of this.tables6.values()) t.each(revive);
  }

  /** fib_sync_down_addr(): routes whose preferred source has gone. */
  flushPrefsrc(addr: IpAddr): void {
    for (const route of this.all()) if (route.prefsrc === addr) this.remove(route, true);
  }
}

/** The host's own addresses stay while their device is down. */
function dies(nh: Nexthop, dev: NetDevice, force: boolean): boolean {
  return nh.dev === dev && (force || nh.scope !== RT_SCOPE_NOWHERE);
}

/** rt6_qualify_for_ecmp() */
function ecmp(r: FibRoute): boolean {
  return r.type === 'unicast' && r.proto !== RTPROT_RA && r.nexthops.every((nh) => nh.gateway !== null);
}

/** fib_find_alias(): larger tos first, then smaller metric. */
function before(a: FibRoute, b: FibRoute): boolean {
  return a.tos > b.tos || (a.tos === b.tos && a.metric < b.metric);
}

/** fib6_gc's interval (ip6_rt_gc_interval), µs. */
const GC_INTERVAL = 30_000_000;

/** More specific sources first, then smaller metrics. */
function before6(a: FibRoute, b: FibRoute): boolean {
  const x = a.src?.len ?? 0;
  const y = b.src?.len ?? 0;
  return x > y || (x === y && a.metric < b.metric);
}

function sameKey6(a: FibRoute, b: FibRoute): boolean {
  return a.metric === b.metric && sameSrc(a.src, b.src);
}

function sameSrc(a: Prefix | null, b: Prefix | null | undefined): boolean {
  return (a?.len ?? 0) === (b?.len ?? 0) && (a?.addr ?? 0n) === (b?.addr ?? 0n);
}

function equalKey(a: FibRoute, b: FibRoute): boolean {
  return a.tos === b.tos && a.metric === b.metric;
}

function sameRoute(a: FibRoute, b: FibRoute): boolean {
  return (
    a.type === b.type &&
    a.scope === b.scope &&
    a.proto === b.proto &&
    a.prefsrc === b.prefsrc &&
    a.mtu === b.mtu &&
    a.mtuLock === b.mtuLock &&
    a.advmss === b.advmss &&
    a.nhid === b.nhid &&
    sameNexthops(a, b)
  );
}

function agrees(r: FibRoute, s: DelSpec): boolean {
  if (r.family === 4 && (s.tos ?? 0) !== r.tos) return false;
  if (s.type !== undefined && s.type !== r.type) return false;
  if (s.scope !== undefined && s.scope !== RT_SCOPE_NOWHERE && s.scope !== r.scope) return false;
  if (s.prefsrc !== undefined && s.prefsrc !== null && s.prefsrc !== r.prefsrc) return false;
  if (s.proto !== undefined && s.proto !== 0 && s.proto !== r.proto) return false;
  if (s.metric !== undefined && s.metric !== 0 && s.metric !== r.metric) return false;
  if (s.mtu !== undefined && s.mtu !== 0 && s.mtu !== r.mtu) return false;
  if (s.nhid !== undefined && s.nhid !== 0 && s.nhid !== r.nhid) return false;
  const hops = s.nexthops ?? [];
  if (hops.length > 1 && hops.length !== r.nexthops.length) return false;
  return hops.every((h, i) => {
    const nh =
      hops.length > 1
        ? r.nexthops[i]
        : r.nexthops.find((n) => (!h.dev || n.dev === h.dev) && (h.gateway == null || n.gateway === h.gateway));
    return nh !== undefined && (!h.dev || nh.dev === h.dev) && (h.gateway === undefined || h.gateway === null || nh.gateway === h.gateway);
  });
}
