/** EndpointSlices of Endpoints that people write by hand. Models pkg/controller/endpointslicemirroring. */

import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { type EndpointSlice, type Endpoints, type KubeObject, keyOf, type Service } from '../api/object.ts';
import type { DiscoveryV1EndpointPort, V1Endpoint, V1EndpointAddress } from '../api/types.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { ownerReference } from './pods.ts';
import { Behind } from './servicepods.ts';
import {
  type AddressType,
  isIPv6,
  MANAGED_BY,
  type NewSlice,
  portKey,
  SERVICE_NAME,
  slicePrefix,
  sortPorts,
  TRIGGER_TIME,
} from './slices.ts';

const SLICES = 'endpointslices.discovery.k8s.io';
const CONTROLLER = 'endpointslicemirroring-controller.k8s.io';
const SKIP = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
const MAX_PER_SUBSET = 1000;
const NOT_COPIED: ReadonlySet<string> = new Set([TRIGGER_TIME, 'kubectl.kubernetes.io/last-applied-configuration']);

function endpointOf(a: V1EndpointAddress, ready: boolean): V1Endpoint {
  return {
    addresses: [a.ip],
    conditions: { ready },
    ...(a.hostname && { hostname: a.hostname }),
    ...(a.nodeName !== undefined && { nodeName: a.nodeName }),
    ...(a.targetRef && { targetRef: a.targetRef }),
  };
}

/** Slices that say what the Endpoints object says. */
export function mirrorSlices(endpoints: Endpoints): readonly NewSlice[] {
  const groups = new Map<
    string,
    { readonly type: AddressType; readonly ports: readonly DiscoveryV1EndpointPort[]; readonly list: Map<string, V1Endpoint> }
  >();
  for (const subset of endpoints.subsets ?? []) {
    const ports = sortPorts(
      (subset.ports ?? []).map((p) => ({
        name: p.name ?? '',
        port: p.port,
        protocol: p.protocol ?? 'TCP',
        ...(p.appProtocol !== undefined && { appProtocol: p.appProtocol }),
      })),
    );
    let room = MAX_PER_SUBSET;
    const put = (a: V1EndpointAddress, ready: boolean): void => {
      if (room-- <= 0) return;
      const type: AddressType = isIPv6(a.ip) ? 'IPv6' : 'IPv4';
      const key = `${type} ${portKey(ports)}`;
      let group = groups.get(key);
      if (!group) {
        group = { type, ports, list: new Map() };
        groups.set(key, group);
      }
      const id = `${a.ip} ${a.hostname ?? ''} ${a.targetRef?.uid ?? ''}`;
      if (!group.list.has(id)) group.list.set(id, endpointOf(a, ready));
    };
    for (const a of subset.addresses ?? []) put(a, true);
    for (const a of subset.notReadyAddresses ?? []) put(a, false);
  }
  const { name, namespace, annotations } = endpoints.metadata;
  const kept = Object.fromEntries(Object.entries(annotations ?? {}).filter(([k]) => !NOT_COPIED.has(k)));
  return [...groups.values()].map((g) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      generateName: slicePrefix(name),
      namespace,
      labels: { ...endpoints.metadata.labels, [SERVICE_NAME]: name, [MANAGED_BY]: CONTROLLER },
      ...(Object.keys(kept).length > 0 && { annotations: kept }),
      ownerReferences: [ownerReference(endpoints)],
    },
    addressType: g.type,
    endpoints: [...g.list.values()],
    ports: g.ports.length > 0 ? g.ports : (null as unknown as readonly DiscoveryV1EndpointPort[]),
  }));
}

class Mirroring implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly behind = new Behind();

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    const enqueue = (o: KubeObject): void => this.queue.add(keyOf(o));
    ctx.informers.of<Endpoints>('endpoints').on({ add: enqueue, update: (_, e) => enqueue(e), delete: enqueue });
    ctx.informers.of<Service>('services').on({ add: enqueue, update: (_, s) => enqueue(s), delete: enqueue });
    const seen = (s: EndpointSlice, gone: boolean): void => {
      const labels = s.metadata.labels;
      if (labels?.[MANAGED_BY] !== CONTROLLER || labels[SERVICE_NAME] === undefined) return;
      const key = `${s.metadata.namespace}/${labels[SERVICE_NAME]}`;
      if (this.behind.seen(key, s, gone) !== 'own') this.queue.add(key);
    };
    ctx.informers
      .of<EndpointSlice>(SLICES)
      .on({ add: (s) => seen(s, false), update: (_, s) => seen(s, false), delete: (s) => seen(s, true) });
  }

  private sync(key: string): 'done' | 'again' {
    const { informers, client } = this.ctx;
    const slash = key.indexOf('/');
    const namespace = key.slice(0, slash);
    const name = key.slice(slash + 1);
    const endpoints = informers.of<Endpoints>('endpoints').get(key);
    const service = informers.of<Service>('services').get(key);
    if (this.behind.has(key)) return 'done';
    const mirrored =
      endpoints &&
      service &&
      Object.keys(service.spec?.selector ?? {}).length === 0 &&
      endpoints.metadata.labels?.[SKIP] !== 'true' &&
      endpoints.metadata.annotations?.[LEADER] === undefined;
    const existing = [...informers.withLabels<EndpointSlice>(SLICES, namespace, { [SERVICE_NAME]: name, [MANAGED_BY]: CONTROLLER })];
    for (const want of mirrored ? mirrorSlices(endpoints) : []) {
      const i = existing.findIndex((s) => s.addressType === want.addressType && portKey(s.ports) === portKey(want.ports));
      const j = i >= 0 ? i : existing.findIndex((s) => s.addressType === want.addressType);
      const have = existing[j];
      if (!have) {
        const made = client.create(want);
        if (made.ok) this.behind.expect(key, made.value.metadata.name, made.value.metadata.resourceVersion);
        else if (made.status.code !== 403) return 'again';
        continue;
      }
      existing.splice(j, 1);
      if (equal(have.endpoints, want.endpoints) && equal(have.ports, want.ports) && equal(have.metadata.labels, want.metadata.labels))
        continue;
      const written = client.update({
        ...have,
        metadata: { ...have.metadata, labels: want.metadata.labels, annotations: want.metadata.annotations },
        endpoints: want.endpoints,
        ports: want.ports,
      });
      if (!written.ok) return 'again';
      if (written.value.metadata.resourceVersion !== have.metadata.resourceVersion)
        this.behind.expect(key, have.metadata.name, written.value.metadata.resourceVersion);
    }
    for (const slice of existing)
      if (client.delete(SLICES, namespace, slice.metadata.name).ok) this.behind.expect(key, slice.metadata.name, '');
    return 'done';
  }

  stop(): void {
    this.queue.stop();
  }
}

export const endpointSliceMirroring: Controller = { name: 'endpointslice-mirroring-controller', start: (ctx) => new Mirroring(ctx) };
