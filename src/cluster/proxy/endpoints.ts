/** Endpoints by service port, from the EndpointSlices of a Service. Models pkg/proxy/endpointslicecache.go, endpoint.go */

import type { EndpointSlice } from '../api/object.ts';
import { type Family, familyOfText, joinHostPort } from './family.ts';
import { portKey } from './serviceport.ts';

export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** `ip:port` */
  readonly text: string;
  readonly nodeName: string;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** Zones and nodes for which the control plane meant it; empty: no hint. */
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

/** Endpoints by key of the service port, each list in the order of `ip:port` as text. */
export type EndpointMap = ReadonlyMap<string, readonly Endpoint[]>;

export const SERVICE_NAME = 'kubernetes.io/service-name';

/** `namespace/name` of the slice's Service; null when it says none. */
export function serviceOf(slice: EndpointSlice): string | null {
  const name = slice.metadata.labels?.[SERVICE_NAME];
  return name ? `${slice.metadata.namespace ?? ''}/${name}` : null;
}

const NONE: readonly string[] = [];
const EMPTY: EndpointMap = new Map();
const known: Readonly<Record<Family, WeakMap<EndpointSlice, EndpointMap>>> = { 4: new WeakMap(), 6: new WeakMap() };

function ofSlice(slice: EndpointSlice, family: Family): EndpointMap {
  const before = known[family].get(slice);
  if (before) return before;
  const service = serviceOf(slice);
  const made = new Map<string, Endpoint[]>();
  if (service !== null && slice.addressType === (family === 4 ? 'IPv4' : 'IPv6')) {
    for (const port of slice.ports ?? []) {
      if (!port.port) continue;
      const list: Endpoint[] = [];
      for (const e of slice.endpoints ?? []) {
        const ip = e.addresses[0];
        if (ip === undefined || familyOfText(ip) !== family) continue;
        const c = e.conditions ?? {};
        list.push({
          ip,
          port: port.port,
          text: joinHostPort(ip, port.port),
          nodeName: e.nodeName ?? '',
          ready: c.ready ?? true,
          serving: c.serving ?? true,
          terminating: c.terminating ?? false,
          zoneHints: e.hints?.forZones?.map((z) => z.name) ?? NONE,
          nodeHints: e.hints?.forNodes?.map((n) => n.name) ?? NONE,
        });
      }
      const key = portKey(service, port.name ?? '', port.protocol ?? 'TCP');
      made.set(key, merge([made.get(key) ?? [], list], ''));
    }
  }
  known[family].set(slice, made);
  return made;
}

/** One endpoint for each `ip:port`; of two, the one on this node. */
function merge(lists: readonly (readonly Endpoint[])[], node: string): Endpoint[] {
  const all = new Map<string, Endpoint>();
  for (const list of lists) for (const e of list) if (!all.has(e.text) || (node !== '' && e.nodeName === node)) all.set(e.text, e);
  return [...all.values()].sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
}

/** What the slices of one Service say together, as seen from a node. The same slice alone gives the same map. */
export function endpointsOf(slices: readonly EndpointSlice[], family: Family, node: string): EndpointMap {
  const maps = slices.map((s) => ofSlice(s, family)).filter((m) => m.size > 0);
  if (maps.length === 0) return EMPTY;
  if (maps.length === 1) return maps[0] as EndpointMap;
  const keys = new Set(maps.flatMap((m) => [...m.keys()]));
  return new Map(
    [...keys].map((key) => [
      key,
      merge(
        maps.map((m) => m.get(key) ?? []),
        node,
      ),
    ]),
  );
}
