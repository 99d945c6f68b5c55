/** Hints for endpoints: close ones by trafficDistribution, or zones in proportion to their CPUs. Models k8s.io/endpointslice's trafficdist and topologycache. */

import { equal } from '../api/equal.ts';
import type { EndpointSlice, Node, Service } from '../api/object.ts';
import { milliValue } from '../api/quantity.ts';
import type { V1Endpoint, V1EndpointHints } from '../api/types.ts';
import type { AddressType, NewSlice, SliceChanges } from './slices.ts';

const OVERLOAD = 0.2;

const CLOSE: ReadonlySet<string> = new Set(['PreferClose', 'PreferSameZone', 'PreferSameNode']);

export function wantsTopology(service: Service): boolean {
  const a = service.metadata.annotations;
  const mode = a?.['service.kubernetes.io/topology-aware-hints'] ?? a?.['service.kubernetes.io/topology-mode'];
  return mode === 'Auto' || mode === 'auto';
}

function withoutHints(e: V1Endpoint): V1Endpoint {
  if (!e.hints) return e;
  const { hints: _gone, ...rest } = e;
  return rest;
}

type AnySlice = NewSlice | EndpointSlice;

function mapEndpoints<T extends AnySlice>(slice: T, change: (e: V1Endpoint) => V1Endpoint): T {
  if (!slice.endpoints) return slice;
  let changed = false;
  const endpoints = slice.endpoints.map((e) => {
    const next = change(e);
    if (next !== e && !equal(next, e)) changed = true;
    return next;
  });
  return changed ? { ...slice, endpoints } : slice;
}

function rewrite(changes: SliceChanges, unchanged: readonly EndpointSlice[], change: (e: V1Endpoint) => V1Endpoint): void {
  changes.create = changes.create.map((s) => mapEndpoints(s, change));
  changes.update = changes.update.map((s) => mapEndpoints(s, change));
  for (const slice of unchanged) {
    const next = mapEndpoints(slice, change);
    if (next !== slice) changes.update.push(next);
  }
}

export interface HintEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

interface Allocation {
  readonly minimum: number;
  readonly desired: number;
  readonly maximum: number;
}

/** Remembers which Services have hints by zone, and the CPUs of zones. */
export class Hints {
  private ratios: ReadonlyMap<string, number> | undefined;
  private readonly given = new Map<string, Map<AddressType, Map<string, number>>>();

  /** Returns whether the zones' shares changed. */
  setNodes(nodes: Iterable<Node>): boolean {
    const cpus = new Map<string, number>();
    let total = 0;
    let enough = true;
    for (const node of nodes) {
      const labels = node.metadata.labels ?? {};
      if (labels['node-role.kubernetes.io/control-plane'] !== undefined || labels['node-role.kubernetes.io/master'] !== undefined) continue;
      if (!node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) continue;
      const cpu = milliValue(node.status.allocatable?.cpu);
      const zone = labels['topology.kubernetes.io/zone'];
      if (!zone || cpu === 0) {
        enough = false;
        break;
      }
      total += cpu;
      cpus.set(zone, (cpus.get(zone) ?? 0) + cpu);
    }
    const next =
      enough && total > 0 && cpus.size >= 2
        ? new Map([...cpus].sort(([a], [b]) => (a < b ? -1 : 1)).map(([z, c]) => [z, c / total]))
        : undefined;
    const changed = !equal([...(next ?? [])], [...(this.ratios ?? [])]);
    this.ratios = next;
    return changed;
  }

  forget(service: string): void {
    this.given.delete(service);
  }

  /** Services that have hints by zone: to be looked at again when nodes change. */
  services(): IterableIterator<string> {
    return this.given.keys();
  }

  apply(
    key: string,
    service: Service,
    type: AddressType,
    changes: SliceChanges,
    unchanged: readonly EndpointSlice[],
  ): readonly HintEvent[] {
    const events: HintEvent[] = [];
    if (wantsTopology(service)) return this.byZone(key, type, changes, unchanged);
    if (this.given.has(key))
      events.push({
        type: 'Warning',
        reason: 'TopologyAwareHintsDisabled',
        message: `Topology Aware Hints has been disabled, addressType: ${type}`,
      });
    this.given.delete(key);
    const distribution = service.spec?.trafficDistribution;
    if (distribution === undefined || !CLOSE.has(distribution)) {
      rewrite(changes, unchanged, withoutHints);
      return events;
    }
    rewrite(changes, unchanged, (e) => {
      if (e.conditions?.ready !== true) return e;
      const hints: V1EndpointHints = {
        ...(distribution === 'PreferSameNode' && e.nodeName !== undefined && { forNodes: [{ name: e.nodeName }] }),
        ...(e.zone !== undefined && { forZones: [{ name: e.zone }] }),
      };
      if (Object.keys(hints).length === 0) return withoutHints(e);
      return equal(e.hints, hints) ? e : { ...e, hints };
    });
    return events;
  }

  private refuse(key: string, changes: SliceChanges, unchanged: readonly EndpointSlice[], message: string): readonly HintEvent[] {
    this.given.delete(key);
    rewrite(changes, unchanged, withoutHints);
    return [{ type: 'Warning', reason: 'TopologyAwareHintsDisabled', message }];
  }

  private allocations(n: number): Map<string, Allocation> | string {
    const { ratios } = this;
    if (!ratios) return 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes';
    if (ratios.size > n) return `Insufficient number of endpoints (${n} endpoints, ${ratios.size} zones)`;
    const minima = [...ratios].map(([zone, ratio]) => ({ zone, desired: ratio * n, minimum: Math.ceil(ratio * n * (1 / (1 + OVERLOAD))) }));
    const least = minima.reduce((sum, m) => sum + m.minimum, 0);
    if (least > n)
      return `Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (${n} endpoints, ${ratios.size} zones)`;
    return new Map(
      minima.map((m) => [m.zone, { minimum: m.minimum, desired: Math.max(m.desired, m.minimum), maximum: m.minimum + n - least }]),
    );
  }

  private byZone(key: string, type: AddressType, changes: SliceChanges, unchanged: readonly EndpointSlice[]): readonly HintEvent[] {
    const ready = (s: AnySlice): readonly V1Endpoint[] => (s.endpoints ?? []).filter((e) => e.conditions?.ready === true);
    const total = [...changes.create, ...changes.update, ...unchanged].reduce((n, s) => n + ready(s).length, 0);
    const allocations = this.allocations(total);
    if (typeof allocations === 'string') return this.refuse(key, changes, unchanged, `${allocations}, addressType: ${type}`);
    const allocated = new Map<string, number>();
    const add = (zone: string, n: number): void => {
      allocated.set(zone, (allocated.get(zone) ?? 0) + n);
    };
    for (const slice of unchanged) {
      const counts = new Map<string, number>();
      let valid = true;
      for (const e of ready(slice)) {
        if (!e.hints?.forZones?.length) valid = false;
        for (const z of e.hints?.forZones ?? []) {
          if (!allocations.has(z.name)) valid = false;
          counts.set(z.name, (counts.get(z.name) ?? 0) + 1);
        }
      }
      for (const [zone, n] of counts) if (n + (allocated.get(zone) ?? 0) > (allocations.get(zone)?.maximum ?? 0)) valid = false;
      if (valid) for (const [zone, n] of counts) add(zone, n);
      else changes.update.push(slice);
    }
    const changing: AnySlice[] = [...changes.create, ...changes.update];
    for (const e of changing.flatMap(ready)) {
      if (!e.zone) return this.refuse(key, changes, unchanged, `One or more endpoints do not have a zone specified, addressType: ${type}`);
      add(e.zone, 1);
    }
    const [giving, receiving] = exchanges(allocations, allocated);
    const hinted = (e: V1Endpoint): V1Endpoint => {
      if (e.conditions?.ready !== true || e.zone === undefined) return e;
      let zone = e.zone;
      const left = giving.get(zone) ?? 0;
      const to = left > 0 ? [...receiving].find(([, n]) => n > 0)?.[0] : undefined;
      if (to !== undefined) {
        giving.set(e.zone, left - 1);
        receiving.set(to, (receiving.get(to) ?? 0) - 1);
        add(e.zone, -1);
        add(to, 1);
        zone = to;
      }
      const hints: V1EndpointHints = { forZones: [{ name: zone }] };
      return equal(e.hints, hints) ? e : { ...e, hints };
    };
    changes.create = changes.create.map((s) => mapEndpoints(s, hinted));
    changes.update = changes.update.map((s) => mapEndpoints(s, hinted));
    const before = this.given.get(key);
    const now = before ?? new Map<AddressType, Map<string, number>>();
    now.set(type, allocated);
    this.given.set(key, now);
    return before
      ? []
      : [{ type: 'Normal', reason: 'TopologyAwareHintsEnabled', message: `Topology Aware Hints has been enabled, addressType: ${type}` }];
  }
}

function most(zones: ReadonlyMap<string, number>): readonly [string, number] {
  let best: readonly [string, number] = ['', 0];
  for (const z of zones) if (z[1] > best[1]) best = z;
  return best;
}

/** How many endpoints each zone gives away and gets. */
function exchanges(
  allocations: ReadonlyMap<string, Allocation>,
  allocated: ReadonlyMap<string, number>,
): readonly [Map<string, number>, Map<string, number>] {
  const surplus = new Map<string, number>();
  const lack = new Map<string, number>();
  for (const [zone, { desired }] of allocations) {
    const have = allocated.get(zone) ?? 0;
    if (have > desired) surplus.set(zone, have - desired);
    else if (have < desired) lack.set(zone, desired - have);
  }
  const giving = new Map<string, number>();
  const receiving = new Map<string, number>();
  for (;;) {
    const [from, give] = most(surplus);
    const [to, get] = most(lack);
    if (from === '' || to === '' || (give < 1 && get < 1) || give < 0.5 || get < 0.5) return [giving, receiving];
    giving.set(from, (giving.get(from) ?? 0) + 1);
    surplus.set(from, give - 1);
    receiving.set(to, (receiving.get(to) ?? 0) + 1);
    lack.set(to, get - 1);
  }
}
