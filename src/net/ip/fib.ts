/** Forwarding information base: tables, longest prefix match, multipath. Models net/ipv4/fib_trie.c, fib_semantics.c, net/ipv6/ip6_fib.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Family, IpAddr, Prefix } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
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
export const RTPROT_RA = 9;

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
}

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
  /** IPv6: virtual time when it ends, µs; 0 = never. */
  readonly expires: number;
}

export interface NexthopSpec {
  dev?: NetDevice | null;
  gateway?: IpAddr | null;
  weight?: number;
  onlink?: boolean;
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
  mtu?: number;
  mtuLock?: boolean;
  advmss?: number;
  metrics?: Record<string, number>;
  expires?: number;
}

/** NLM_F_*: add = create+excl, append = create+append, prepend = create, replace = create+replace, change = replace. */
export type RouteMode = 'add' | 'append' | 'prepend' | 'replace' | 'change';

export class Fib {
  readonly ns: Netns;
  readonly rules: FibRules;
  /** Grows with every change that may alter a routing decision; caches compare it. */
  generation = 1;

  constructor(ns: Netns) {
    this.ns = ns;
    this.rules = new FibRules(ns);
  }

  /** RTM_NEWROUTE with the kernel's checks and extack texts. */
  add(spec: RouteSpec, mode: RouteMode = 'add'): Result<FibRoute> {
    void spec;
    void mode;
    return fail('EOPNOTSUPP');
  }

  /** RTM_DELROUTE: the first route that agrees with every given field; ESRCH when none. */
  del(spec: Partial<RouteSpec> & { family: Family; dst: Prefix }): Result {
    void spec;
    return fail('ESRCH');
  }

  /** Removes exactly this route (flush). */
  remove(route: FibRoute): void {
    void route;
  }

  /** Ids of the existing tables, in the kernel's dump order. */
  tables(family: Family): number[] {
    void family;
    return [];
  }

  /** Routes as the kernel dumps them (v4: by address, longer prefix first); without table all, table after table. */
  list(family: Family, table?: number): FibRoute[] {
    void family;
    void table;
    return [];
  }

  /** Longest prefix match in one table. */
  lookup(table: number, addr: IpAddr): FibRoute | null {
    void table;
    void addr;
    return null;
  }

  flush(): Result {
    return ok();
  }
}
