/** Nexthop objects: next hops with a number that routes share, and groups of them. Models net/ipv4/nexthop.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Family, IpAddr } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import type { FibRoute, Nexthop } from './fib.ts';
import { checkNexthop } from './fib-semantics.ts';

export interface NexthopGroupEntry {
  readonly id: number;
  readonly weight: number;
}

/** What RTM_NEWNEXTHOP carries: one of `blackhole`, `group`, or `dev` with or without `gateway`. */
export interface NexthopObjectSpec {
  /** 0: the kernel chooses. */
  id: number;
  family?: Family;
  blackhole?: boolean;
  group?: readonly NexthopGroupEntry[];
  dev?: NetDevice | null;
  gateway?: IpAddr | null;
  onlink?: boolean;
  proto?: number;
}

export interface NexthopObject {
  readonly id: number;
  readonly family: Family;
  readonly blackhole: boolean;
  readonly group: readonly NexthopGroupEntry[] | null;
  /** null for a group. */
  readonly hop: Nexthop | null;
  readonly proto: number;
}

export class NexthopObjects {
  private readonly ns: Netns;
  private readonly objects = new Map<number, NexthopObject>();

  constructor(ns: Netns) {
    this.ns = ns;
    ns.events.subscribe((e) => {
      if (e.type === 'link' && (e.action === 'down' || e.action === 'unregister')) this.flushDevice(e.dev);
    });
  }

  get(id: number): NexthopObject | undefined {
    return this.objects.get(id);
  }

  /** In order of id. */
  list(): NexthopObject[] {
    return [...this.objects.values()].sort((a, b) => a.id - b.id);
  }

  /** RTM_NEWNEXTHOP: EEXIST when the id is taken and this is no replacement. */
  add(spec: NexthopObjectSpec, mode: 'add' | 'replace'): Result<NexthopObject> {
    const id = spec.id || this.freeId();
    const made = this.build(spec, id);
    if (!made.ok) return made;
    if (this.objects.has(id) && mode === 'add') return fail('EEXIST');
    this.objects.set(id, made.value);
    this.refresh(id);
    for (const other of this.objects.values()) if (other.group?.some((g) => g.id === id)) this.refresh(other.id);
    return made;
  }

  private freeId(): number {
    let id = 1;
    while (this.objects.has(id)) id++;
    return id;
  }

  private build(spec: NexthopObjectSpec, id: number): Result<NexthopObject> {
    const base = { id, family: spec.family ?? 4, blackhole: false, group: null, hop: null, proto: spec.proto ?? 0 };
    if (spec.group) {
      for (const g of spec.group) {
        const member = this.objects.get(g.id);
        if (!member) return fail('EINVAL', 'Invalid nexthop id');
        if (member.group) return fail('EINVAL', 'Nexthop group can not be a nexthop in another group');
        if (member.blackhole && spec.group.length > 1)
          return fail('EINVAL', 'Blackhole nexthop can not be used in a group with more than 1 path');
      }
      return ok({ ...base, group: spec.group });
    }
    if (spec.blackhole) {
      const hop = checkNexthop(this.ns, base.family, { dev: this.ns.lo });
      return hop.ok ? ok({ ...base, blackhole: true, hop: hop.value }) : hop;
    }
    if (!spec.dev) return fail('EINVAL', 'Device attribute required for non-blackhole and non-fdb nexthops');
    if (!spec.dev.up) return fail('ENETDOWN', 'Nexthop device is not up');
    if (!spec.dev.carrier()) return fail('ENETDOWN', 'Carrier for nexthop device is down');
    const family = typeof spec.gateway === 'bigint' ? 6 : typeof spec.gateway === 'number' ? 4 : base.family;
    const hop = checkNexthop(this.ns, family, { dev: spec.dev, gateway: spec.gateway ?? null, onlink: spec.onlink ?? false });
    return hop.ok ? ok({ ...base, family, hop: hop.value }) : hop;
  }

  /** RTM_DELNEXTHOP: groups lose the member, routes that used it go. */
  del(id: number): Result {
    if (!this.objects.delete(id)) return fail('ENOENT');
    for (const route of this.routesOf(id)) this.ns.fib.remove(route);
    for (const other of [...this.objects.values()]) {
      if (!other.group?.some((g) => g.id === id)) continue;
      const group = other.group.filter((g) => g.id !== id);
      if (group.length === 0) {
        this.del(other.id);
        continue;
      }
      this.objects.set(other.id, { ...other, group });
      this.refresh(other.id);
    }
    return ok();
  }

  private flushDevice(dev: NetDevice): void {
    for (const o of this.list()) if (o.hop?.dev === dev) this.del(o.id);
  }

  /** The next hops that a route with this id has now; null when there is no such object. */
  hops(id: number): Nexthop[] | null {
    const o = this.objects.get(id);
    if (!o) return null;
    if (o.hop) return [{ ...o.hop, exceptions: null }];
    return (o.group ?? []).flatMap((g) => {
      const member = this.objects.get(g.id)?.hop;
      return member ? [{ ...member, weight: g.weight, exceptions: null }] : [];
    });
  }

  private routesOf(id: number): FibRoute[] {
    return this.ns.fib.all().filter((r) => r.nhid === id);
  }

  private refresh(id: number): void {
    const hops = this.hops(id) ?? [];
    for (const route of this.routesOf(id)) route.nexthops.splice(0, route.nexthops.length, ...hops.map((h) => ({ ...h })));
    this.ns.fib.generation++;
  }
}
