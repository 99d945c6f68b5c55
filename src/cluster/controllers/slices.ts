/** Endpoints of a Service packed into slices, as few changed as possible. Models k8s.io/endpointslice's reconciler. */

import { equal } from '../api/equal.ts';
import type { EndpointSlice, KubeObject, Node, Pod, Service } from '../api/object.ts';
import type { DiscoveryV1EndpointPort, V1Endpoint, V1EndpointSlice, V1ServicePort } from '../api/types.ts';
import { isPodReady, isPodTerminal, ownerReference } from './pods.ts';

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const HEADLESS = 'service.kubernetes.io/headless';
export const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';
export const CONTROLLER = 'endpointslice-controller.k8s.io';
export const MAX_ENDPOINTS = 100;

export type AddressType = 'IPv4' | 'IPv6';
export type NewSlice = V1EndpointSlice & KubeObject;

const RESERVED: ReadonlySet<string> = new Set([SERVICE_NAME, MANAGED_BY, HEADLESS]);

/** What is to be written: new slices, whole replacements, slices that go. */
export interface SliceChanges {
  create: NewSlice[];
  update: EndpointSlice[];
  remove: EndpointSlice[];
  /** Pods that were left out because their node is unknown: to be looked at again. */
  skipped: string[];
}

const PRIME = 0x0000000001000000000000000000013bn;
const MASK = (1n << 128n) - 1n;
const hashes = new Map<string, string>();

/** Hex of FNV-1a in 128 bits. */
export function fnv128(text: string): string {
  const known = hashes.get(text);
  if (known !== undefined) return known;
  let h = 0x6c62272e07bb014262b821756295c58dn;
  for (const b of new TextEncoder().encode(text)) h = ((h ^ BigInt(b)) * PRIME) & MASK;
  const hex = h.toString(16).padStart(32, '0');
  if (hashes.size > 4096) hashes.clear();
  hashes.set(text, hex);
  return hex;
}

function portText(p: DiscoveryV1EndpointPort): string {
  const part = (name: string, type: string, v: string | number | undefined): string => `${name}:(*${type})${v ?? '<nil>'}`;
  return `(v1.EndpointPort){${part('Name', 'string', p.name)} ${part('Protocol', 'v1.Protocol', p.protocol)} ${part('Port', 'int32', p.port)} ${part('AppProtocol', 'string', p.appProtocol)}}`;
}

/** The order in which slices list their ports: by hash. */
export function sortPorts(ports: readonly DiscoveryV1EndpointPort[]): readonly DiscoveryV1EndpointPort[] {
  if (ports.length < 2) return ports;
  return [...ports].sort((a, b) => (fnv128(portText(a)) < fnv128(portText(b)) ? -1 : 1));
}

export function portKey(ports: readonly DiscoveryV1EndpointPort[] | null | undefined): string {
  return sortPorts(ports ?? [])
    .map(portText)
    .join(' ');
}

/** The container port that a Service's port means in this pod. */
export function findPort(pod: Pod, port: V1ServicePort): number | undefined {
  const target = port.targetPort as number | string | undefined;
  if (typeof target !== 'string') return target ?? port.port;
  const protocol = port.protocol ?? 'TCP';
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  for (const c of [...(pod.spec?.containers ?? []), ...sidecars])
    for (const p of c.ports ?? []) if (p.name === target && (p.protocol ?? 'TCP') === protocol) return p.containerPort;
  return undefined;
}

function portsOf(service: Service, pod: Pod): readonly DiscoveryV1EndpointPort[] {
  const out: DiscoveryV1EndpointPort[] = [];
  for (const p of service.spec?.ports ?? []) {
    const port = findPort(pod, p);
    if (port === undefined) continue;
    out.push({
      name: p.name ?? '',
      port,
      protocol: p.protocol ?? 'TCP',
      ...(p.appProtocol !== undefined && { appProtocol: p.appProtocol }),
    });
  }
  return sortPorts(out);
}

export const isIPv6 = (ip: string): boolean => ip.includes(':');

export function hasAddress(pod: Pod): boolean {
  return !isPodTerminal(pod) && (!!pod.status?.podIP || (pod.status?.podIPs?.length ?? 0) > 0);
}

export function setsHostname(pod: Pod, service: Service): boolean {
  return !!pod.spec?.hostname && pod.spec.subdomain === service.metadata.name && pod.metadata.namespace === service.metadata.namespace;
}

function endpointOf(pod: Pod, node: Node | undefined, service: Service, type: AddressType): V1Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const zone = node?.metadata.labels?.['topology.kubernetes.io/zone'];
  return {
    addresses: (pod.status?.podIPs ?? []).map((p) => p.ip).filter((ip) => isIPv6(ip) === (type === 'IPv6')),
    conditions: { ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...(setsHostname(pod, service) && { hostname: pod.spec?.hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
    ...(zone && { zone }),
  };
}

export function addressTypes(service: Service): readonly AddressType[] {
  const families = service.spec?.ipFamilies ?? [];
  if (families.length > 0) return families.filter((f): f is AddressType => f === 'IPv4' || f === 'IPv6');
  const ip = service.spec?.clusterIP;
  if (ip && ip !== 'None') return [isIPv6(ip) ? 'IPv6' : 'IPv4'];
  return ['IPv4', 'IPv6'];
}

const ownedBy = (slice: EndpointSlice, service: Service): boolean =>
  slice.metadata.ownerReferences?.some((o) => o.uid === service.metadata.uid && o.kind === 'Service' && o.apiVersion === 'v1') === true;

function ownLabels(labels: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const out: Record<string, string> = {};
  for (const [k, v] of Object.entries(labels ?? {})) if (!RESERVED.has(k)) out[k] = v;
  return out;
}

function sliceLabels(service: Service, controller: string): Record<string, string> {
  const ip = service.spec?.clusterIP;
  return {
    ...ownLabels(service.metadata.labels),
    ...((!ip || ip === 'None') && { [HEADLESS]: '' }),
    [SERVICE_NAME]: service.metadata.name,
    [MANAGED_BY]: controller,
  };
}

/** `web-`, or the name alone where a dash would make it too long. */
export function slicePrefix(name: string): string {
  return name.length < 253 ? `${name}-` : name;
}

/** Go writes an empty list that came by protobuf as null. */
function listOrNull<T>(list: readonly T[]): readonly T[] {
  return list.length > 0 ? list : (null as unknown as readonly T[]);
}

function newSlice(
  service: Service,
  type: AddressType,
  ports: readonly DiscoveryV1EndpointPort[],
  endpoints: readonly V1Endpoint[],
): NewSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: slicePrefix(service.metadata.name),
      namespace: service.metadata.namespace,
      labels: sliceLabels(service, CONTROLLER),
      ownerReferences: [ownerReference(service)],
    },
    addressType: type,
    endpoints: listOrNull(endpoints),
    ports: listOrNull(ports),
  };
}

function endpointKey(e: V1Endpoint): string {
  return `${e.addresses.join(',')} ${e.hostname ?? ''} ${e.targetRef?.namespace ?? ''}/${e.targetRef?.name ?? ''}/${e.targetRef?.uid ?? ''}`;
}

function sameBeyondKey(a: V1Endpoint, b: V1Endpoint): boolean {
  return (
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    a.conditions?.ready === b.conditions?.ready &&
    a.conditions?.serving === b.conditions?.serving &&
    a.conditions?.terminating === b.conditions?.terminating
  );
}

/** Takes up to `room` endpoints out of the set. */
function take(from: Map<string, V1Endpoint>, room: number): V1Endpoint[] {
  const out: V1Endpoint[] = [];
  for (const [key, e] of from) {
    if (out.length >= room) break;
    out.push(e);
    from.delete(key);
  }
  return out;
}

interface Group {
  readonly ports: readonly DiscoveryV1EndpointPort[];
  readonly desired: Map<string, V1Endpoint>;
}

function packGroup(
  service: Service,
  type: AddressType,
  existing: readonly EndpointSlice[],
  group: Group,
  changes: SliceChanges,
  max: number,
): void {
  const { desired } = group;
  const labels = sliceLabels(service, CONTROLLER);
  const updates: EndpointSlice[] = [];
  const unchanged: EndpointSlice[] = [];
  for (const slice of existing) {
    const old = slice.endpoints ?? [];
    let changed = false;
    const kept: V1Endpoint[] = [];
    for (const e of old) {
      const key = endpointKey(e);
      const got = desired.get(key);
      if (!got) continue;
      const same = sameBeyondKey(got, e);
      if (!same) changed = true;
      kept.push(same && e.hints ? { ...got, hints: e.hints } : got);
      desired.delete(key);
    }
    const relabelled = !equal(ownLabels(slice.metadata.labels), ownLabels(service.metadata.labels));
    if (changed || kept.length !== old.length) {
      if (kept.length === 0) changes.remove.push(slice);
      else updates.push({ ...slice, metadata: { ...slice.metadata, labels }, endpoints: kept });
    } else if (relabelled) updates.push({ ...slice, metadata: { ...slice.metadata, labels } });
    else unchanged.push(slice);
  }
  if (desired.size > 0) {
    updates.sort((a, b) => (b.endpoints?.length ?? 0) - (a.endpoints?.length ?? 0));
    for (let i = 0; i < updates.length; i++) {
      const slice = updates[i] as EndpointSlice;
      const have = slice.endpoints ?? [];
      const more = take(desired, max - have.length);
      if (more.length > 0) updates[i] = { ...slice, endpoints: [...have, ...more] };
    }
  }
  while (desired.size > 0) {
    let fill: EndpointSlice | undefined;
    if (desired.size < max) {
      let closest = max;
      for (const slice of unchanged) {
        const left = max - (desired.size + (slice.endpoints?.length ?? 0));
        if (left < 0 || left >= closest) continue;
        closest = left;
        fill = slice;
      }
    }
    const have = fill?.endpoints ?? [];
    const endpoints = [...have, ...take(desired, max - have.length)];
    if (fill) {
      updates.push({ ...fill, endpoints });
      unchanged.splice(unchanged.indexOf(fill), 1);
    } else changes.create.push(newSlice(service, type, group.ports, endpoints));
  }
  changes.update.push(...updates);
}

export type Hinter = (type: AddressType, changes: SliceChanges, unchanged: readonly EndpointSlice[]) => void;

function reconcileType(
  service: Service,
  pods: readonly Pod[],
  nodes: (name: string) => Node | undefined,
  existing: readonly EndpointSlice[],
  type: AddressType,
  hint: Hinter,
  max: number,
): SliceChanges {
  const changes: SliceChanges = { create: [], update: [], remove: [], skipped: [] };
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of existing) {
    if (!ownedBy(slice, service)) {
      changes.remove.push(slice);
      continue;
    }
    const key = portKey(slice.ports);
    const list = byPorts.get(key);
    if (list) list.push(slice);
    else byPorts.set(key, [slice]);
  }
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    if (!hasAddress(pod)) continue;
    const ports = portsOf(service, pod);
    const key = ports.map(portText).join(' ');
    let group = groups.get(key);
    if (!group) {
      group = { ports, desired: new Map() };
      groups.set(key, group);
    }
    const node = nodes(pod.spec?.nodeName ?? '');
    if (!node && service.spec?.publishNotReadyAddresses !== true) {
      changes.skipped.push(
        `skipping Pod ${pod.metadata.name} for Service ${service.metadata.namespace}/${service.metadata.name}: Node ${pod.spec?.nodeName ?? ''} Not Found`,
      );
      continue;
    }
    const endpoint = endpointOf(pod, node, service, type);
    if (endpoint.addresses.length > 0) group.desired.set(endpointKey(endpoint), endpoint);
  }
  for (const [key, group] of groups) packGroup(service, type, byPorts.get(key) ?? [], group, changes, max);
  for (const [key, slices] of byPorts) if (!groups.has(key)) changes.remove.push(...slices);
  if (existing.length === changes.remove.length && changes.create.length === 0) {
    const placeholder = newSlice(service, type, [], []);
    const only = changes.remove.length === 1 ? changes.remove[0] : undefined;
    const same =
      only &&
      equal(only.metadata.labels ?? {}, placeholder.metadata.labels) &&
      equal(only.metadata.ownerReferences, placeholder.metadata.ownerReferences) &&
      (only.endpoints ?? []).length === 0 &&
      (only.ports ?? []).length === 0;
    if (same) changes.remove = [];
    else changes.create.push(placeholder);
  }
  const touched = new Set([...changes.update, ...changes.remove].map((s) => s.metadata.name));
  hint(
    type,
    changes,
    existing.filter((s) => !touched.has(s.metadata.name)),
  );
  for (let i = 0; i < changes.remove.length && changes.create.length > 0; ) {
    const doomed = changes.remove[i] as EndpointSlice;
    const made = changes.create.at(-1) as NewSlice;
    if (doomed.addressType !== made.addressType || !ownedBy(doomed, service)) {
      i++;
      continue;
    }
    changes.create.pop();
    changes.update.push({
      ...doomed,
      ...made,
      metadata: {
        ...doomed.metadata,
        ...made.metadata,
        name: doomed.metadata.name,
        ...(doomed.metadata.annotations && { annotations: doomed.metadata.annotations }),
      },
    } as EndpointSlice);
    changes.remove.splice(i, 1);
  }
  return changes;
}

/** What has to be written so that the slices say what the pods are. */
export function reconcileSlices(
  service: Service,
  pods: readonly Pod[],
  nodes: (name: string) => Node | undefined,
  existing: readonly EndpointSlice[],
  hint: Hinter,
  max = MAX_ENDPOINTS,
): SliceChanges {
  const types = addressTypes(service);
  const total: SliceChanges = { create: [], update: [], remove: [], skipped: [] };
  for (const slice of existing) if (!(types as readonly string[]).includes(slice.addressType)) total.remove.push(slice);
  for (const type of types) {
    const one = reconcileType(
      service,
      pods,
      nodes,
      existing.filter((s) => s.addressType === type),
      type,
      hint,
      max,
    );
    total.create.push(...one.create);
    total.update.push(...one.update);
    total.remove.push(...one.remove);
    total.skipped.push(...one.skipped);
  }
  return total;
}
