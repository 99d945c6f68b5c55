/** Nexthop objects: next hops with a number that routes share, and groups of them. Models net/ipv4/nexthop.c */

import { type Fail, fail, ok, type Result } from '../../sim/errno.ts';
import type { Family, IpAddr } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Netns } from '../netns.ts';
import { type FibRoute, type Nexthop, RT_SCOPE_LINK } from './fib.ts';
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
  /** A tunnel's end for `bridge fdb … nhid`: no device, no route. */
  fdb?: boolean;
  proto?: number;
}

export interface NexthopObject {
  readonly id: number;
  readonly family: Family;
  readonly blackhole: boolean;
  readonly fdb: boolean;
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
    const old = this.objects.get(id);
    if (old && mode === 'add') return fail('EEXIST');
    if (old?.group && !made.value.group) return fail('EINVAL', 'Can not replace a nexthop group with a nexthop');
    if (old && !old.group && made.value.group) return fail('EINVAL', 'Can not replace a nexthop with a nexthop group');
    this.objects.set(id, made.value);
    this.changed('new', made.value);
    this.refresh(id);
    for (const other of this.objects.values()) if (other.group?.some((g) => g.id === id)) this.refresh(other.id);
    return made;
  }

  private changed(action: 'new' | 'del', nexthop: NexthopObject): void {
    this.ns.events.emit({ type: 'nexthop', action, nexthop });
  }

  private freeId(): number {
    let id = 1;
    while (this.objects.has(id)) id++;
    return id;
  }

  private build(spec: NexthopObjectSpec, id: number): Result<NexthopObject> {
    const base = { id, family: spec.family ?? 4, blackhole: false, fdb: spec.fdb ?? false, group: null, hop: null, proto: spec.proto ?? 0 };
    const hasGateway = (spec.gateway ?? null) !== null;
    if (spec.family === undefined && !spec.group) return fail('EINVAL', 'Invalid address family');
    if (spec.fdb && (spec.dev || spec.blackhole)) return fail('EINVAL', 'Fdb attribute can not be used with encap, oif or blackhole');
    if (spec.fdb && spec.onlink) return fail('EINVAL', 'Unsupported nexthop flags in ancillary header');
    if (spec.group) {
      if (spec.family !== undefined) return fail('EINVAL', 'Invalid family for group');
      const wrong = this.badGroup(spec.group, spec.fdb ?? false);
      return wrong ?? ok({ ...base, group: spec.group });
    }
    if (spec.blackhole) {
      if (hasGateway || spec.dev) return fail('EINVAL', 'Blackhole attribute can not be used with gateway, oif, encap or fdb');
      const hop = checkNexthop(this.ns, base.family, { dev: this.ns.lo });
      return hop.ok ? ok({ ...base, blackhole: true, hop: hop.value }) : hop;
    }
    if (spec.fdb) {
      const hop: Nexthop = {
        dev: null,
        gateway: spec.gateway ?? null,
        weight: 1,
        onlink: false,
        dead: false,
        linkdown: false,
        scope: RT_SCOPE_LINK,
        exceptions: null,
      };
      return ok({ ...base, hop });
    }
    if (!spec.dev) return fail('EINVAL', 'Device attribute required for non-blackhole and non-fdb nexthops');
    if (!spec.dev.up) return fail('ENETDOWN', 'Nexthop device is not up');
    if (!spec.dev.carrier()) return fail('ENETDOWN', 'Carrier for nexthop device is down');
    if (!hasGateway && spec.onlink) return fail('EINVAL', 'ONLINK flag can not be set for nexthop without a gateway');
    const family = typeof spec.gateway === 'bigint' ? 6 : typeof spec.gateway === 'number' ? 4 : base.family;
    const hop = checkNexthop(this.ns, family, { dev: spec.dev, gateway: spec.gateway ?? null, onlink: spec.onlink ?? false });
    return hop.ok ? ok({ ...base, family, hop: hop.value }) : hop;
  }

  /** nh_check_attr_group() */
  private badGroup(group: readonly NexthopGroupEntry[], fdb: boolean): Fail | null {
    const ids = group.map((g) => g.id);
    if (new Set(ids).size < ids.length) return fail('EINVAL', 'Nexthop id can not be used twice in a group');
    const members = ids.map((id) => this.objects.get(id));
    for (const m of members) {
      if (!m) return fail('EINVAL', 'Invalid nexthop id');
      if (m.group) return fail('EINVAL', 'Hash-threshold group can not be a nexthop within a group');
      if (m.blackhole && group.length > 1) return fail('EINVAL', 'Blackhole nexthop can not be used in a group with more than 1 path');
      if (fdb && !m.fdb) return fail('EINVAL', 'FDB nexthop group can only have fdb nexthops');
      if (!fdb && m.fdb) return fail('EINVAL', 'Non FDB nexthop group cannot have fdb nexthops');
    }
    if (fdb && new Set(members.map((m) => m?.family)).size > 1)
      return fail('EINVAL', 'FDB nexthop group cannot have mixed family nexthops');
    return null;
  }

  /** RTM_DELNEXTHOP: groups lose the member, routes that used it go. */
  del(id: number): Result {
    if (id === 0) return fail('EINVAL', 'Nexthop id is missing');
    const old = this.objects.get(id);
    if (!old) return fail('ENOENT');
    this.objects.delete(id);
    this.changed('del', old);
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
