/** Subsets of Endpoints objects in the one form that counts as canonical. Models pkg/api/v1/endpoints's RepackSubsets. */

import type { CoreV1EndpointPort, V1EndpointAddress, V1EndpointSubset } from '../api/types.ts';
import { fnv128 } from './slices.ts';

/** One pod's address at one port; without a port for headless Services that have none. */
export interface Placed {
  readonly address: V1EndpointAddress;
  readonly port: CoreV1EndpointPort | undefined;
  readonly ready: boolean;
}

function portText(p: CoreV1EndpointPort): string {
  return `{Name:(string)${p.name ?? ''} Port:(int32)${p.port} Protocol:(v1.Protocol)${p.protocol ?? ''} AppProtocol:(*string)${p.appProtocol ?? '<nil>'}}`;
}

function addressText(a: V1EndpointAddress): string {
  const r = a.targetRef;
  const ref = r
    ? `(*v1.ObjectReference){Kind:(string)${r.kind ?? ''} Namespace:(string)${r.namespace ?? ''} Name:(string)${r.name ?? ''} UID:(types.UID)${r.uid ?? ''} APIVersion:(string)${r.apiVersion ?? ''} ResourceVersion:(string)${r.resourceVersion ?? ''} FieldPath:(string)${r.fieldPath ?? ''}}`
    : '(*v1.ObjectReference)<nil>';
  return `{IP:(string)${a.ip} Hostname:(string)${a.hostname ?? ''} NodeName:(*string)${a.nodeName ?? '<nil>'} TargetRef:${ref}}`;
}

function subsetText(s: V1EndpointSubset): string {
  const list = (type: string, items: readonly string[] | undefined): string => `([]v1.${type})${items ? `[${items.join(' ')}]` : '<nil>'}`;
  return `(v1.EndpointSubset){Addresses:${list('EndpointAddress', s.addresses?.map(addressText))} NotReadyAddresses:${list('EndpointAddress', s.notReadyAddresses?.map(addressText))} Ports:${list('EndpointPort', s.ports?.map(portText))}}`;
}

const byHash = (a: string, b: string): number => (fnv128(a) < fnv128(b) ? -1 : 1);

function byAddress(a: V1EndpointAddress, b: V1EndpointAddress): number {
  if (a.ip !== b.ip) return a.ip < b.ip ? -1 : 1;
  return (a.targetRef?.uid ?? '') < (b.targetRef?.uid ?? '') ? -1 : 1;
}

/** Ports that the same addresses offer come together; ports, then subsets by hash. */
export function repack(placed: readonly Placed[]): readonly V1EndpointSubset[] {
  const ports = new Map<string, { readonly port: CoreV1EndpointPort | undefined; readonly addresses: Map<string, Placed> }>();
  for (const p of placed) {
    const key = p.port ? portText(p.port) : '';
    let entry = ports.get(key);
    if (!entry) {
      entry = { port: p.port, addresses: new Map() };
      ports.set(key, entry);
    }
    const id = `${p.address.ip} ${p.address.targetRef?.uid ?? ''}`;
    const before = entry.addresses.get(id);
    if (!before || before.ready) entry.addresses.set(id, p);
  }
  const groups = new Map<string, { readonly addresses: readonly Placed[]; readonly ports: CoreV1EndpointPort[] }>();
  for (const { port, addresses } of ports.values()) {
    const sorted = [...addresses.values()].sort((a, b) => byAddress(a.address, b.address));
    const key = sorted.map((p) => `${p.address.ip} ${p.address.targetRef?.uid ?? ''} ${p.ready}`).join();
    const group = groups.get(key);
    if (group) {
      if (port) group.ports.push(port);
    } else groups.set(key, { addresses: sorted, ports: port ? [port] : [] });
  }
  const subsets = [...groups.values()].map((g): V1EndpointSubset => {
    const addresses = g.addresses.filter((p) => p.ready).map((p) => p.address);
    const notReadyAddresses = g.addresses.filter((p) => !p.ready).map((p) => p.address);
    const sorted =
      g.ports.length > 1 ? g.ports.sort((a, b) => byHash(`(v1.EndpointPort)${portText(a)}`, `(v1.EndpointPort)${portText(b)}`)) : g.ports;
    return {
      ...(addresses.length > 0 && { addresses }),
      ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
      ...(sorted.length > 0 && { ports: sorted }),
    };
  });
  return subsets.length > 1 ? subsets.sort((a, b) => byHash(subsetText(a), subsetText(b))) : subsets;
}
