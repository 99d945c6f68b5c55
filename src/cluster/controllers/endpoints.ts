/** Endpoints objects of Services with selectors. Models pkg/controller/endpoint. */

import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { type Endpoints, type KubeObject, keyOf, type Pod, type Service } from '../api/object.ts';
import type { V1EndpointAddress, V1EndpointSubset, V1Endpoints } from '../api/types.ts';
import { parseTime, timeText } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { isPodReady, podCondition } from './pods.ts';
import { Behind, podHandlers } from './servicepods.ts';
import { findPort, HEADLESS, hasAddress, isIPv6, setsHostname, TRIGGER_TIME } from './slices.ts';
import { type Placed, repack } from './subsets.ts';

const CAPACITY = 1000;
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const CONTROLLER = 'endpoint-controller';

function addressOf(pod: Pod, service: Service): V1EndpointAddress | undefined {
  const family = service.spec?.ipFamilies?.[0];
  const wants6 = family !== undefined ? family === 'IPv6' : isIPv6(service.spec?.clusterIP ?? '');
  const ip = (pod.status?.podIPs ?? []).map((p) => p.ip).find((a) => isIPv6(a) === wants6);
  if (ip === undefined) return undefined;
  return {
    ip,
    ...(setsHostname(pod, service) && { hostname: pod.spec?.hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace: pod.metadata.namespace, name: pod.metadata.name, uid: pod.metadata.uid },
  };
}

/** Subsets of a Service, and whether some addresses had to be left out. */
export function subsetsOf(service: Service, pods: readonly Pod[]): readonly [readonly V1EndpointSubset[], boolean] {
  const placed: Placed[] = [];
  for (const pod of pods) {
    if (!hasAddress(pod)) continue;
    const publish = service.spec?.publishNotReadyAddresses === true;
    if (pod.metadata.deletionTimestamp !== undefined && !publish) continue;
    const address = addressOf(pod, service);
    if (!address) continue;
    const ready = publish || isPodReady(pod);
    const ports = service.spec?.ports ?? [];
    if (ports.length === 0 && service.spec?.clusterIP === 'None') placed.push({ address, port: undefined, ready });
    for (const p of ports) {
      const port = findPort(pod, p);
      if (port === undefined) continue;
      const { name, appProtocol, protocol = 'TCP' } = p;
      placed.push({ address, port: { ...(name && { name }), port, protocol, ...(appProtocol !== undefined && { appProtocol }) }, ready });
    }
  }
  const subsets = repack(placed);
  const total = subsets.reduce((n, s) => n + (s.addresses?.length ?? 0) + (s.notReadyAddresses?.length ?? 0), 0);
  if (total <= CAPACITY) return [subsets, false];
  let room = CAPACITY;
  const cut: V1EndpointSubset[] = [];
  for (const s of subsets) {
    const addresses = (s.addresses ?? []).slice(0, room);
    room -= addresses.length;
    const notReadyAddresses = (s.notReadyAddresses ?? []).slice(0, room);
    room -= notReadyAddresses.length;
    if (addresses.length + notReadyAddresses.length > 0) cut.push({ ...s, addresses, notReadyAddresses });
  }
  return [cut, true];
}

class EndpointsController implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly behind = new Behind();

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    const enqueue = (o: KubeObject): void => this.queue.add(keyOf(o));
    ctx.informers.of<Pod>('pods').on(podHandlers(ctx, (key) => this.queue.add(key)));
    ctx.informers.of<Service>('services').on({ add: enqueue, update: (_, s) => enqueue(s), delete: enqueue });
    const seen = (e: Endpoints, gone: boolean): void => {
      if (this.behind.seen(keyOf(e), e, gone) !== 'own') enqueue(e);
    };
    ctx.informers
      .of<Endpoints>('endpoints')
      .on({ add: (e) => seen(e, false), update: (_, e) => seen(e, false), delete: (e) => seen(e, true) });
  }

  private sync(key: string): 'done' | 'again' {
    const { informers, client } = this.ctx;
    const service = informers.of<Service>('services').get(key);
    const have = informers.of<Endpoints>('endpoints').get(key);
    if (!service) {
      this.behind.forget(key);
      const slash = key.indexOf('/');
      if (have?.metadata.labels?.[MANAGED_BY] === CONTROLLER) client.delete('endpoints', key.slice(0, slash), key.slice(slash + 1));
      return 'done';
    }
    const selector = service.spec?.selector;
    if (service.spec?.type === 'ExternalName' || !selector || Object.keys(selector).length === 0 || this.behind.has(key)) return 'done';
    const pods = informers.withLabels<Pod>('pods', service.metadata.namespace ?? '', selector);
    const [subsets, over] = subsetsOf(service, pods);
    const headless = !service.spec?.clusterIP || service.spec.clusterIP === 'None';
    const labels = { ...service.metadata.labels, [MANAGED_BY]: CONTROLLER, ...(headless && { [HEADLESS]: '' }) };
    const { [TRIGGER_TIME]: _t, [OVER_CAPACITY]: _o, ...rest } = have?.metadata.annotations ?? {};
    if (
      have &&
      equal(have.subsets ?? [], subsets) &&
      equal(have.metadata.labels ?? {}, labels) &&
      (have.metadata.annotations?.[OVER_CAPACITY] !== undefined) === over
    )
      return 'done';
    const annotations = { ...rest, [TRIGGER_TIME]: this.trigger(service, pods, have), ...(over && { [OVER_CAPACITY]: 'truncated' }) };
    const metadata = { ...(have?.metadata ?? { name: service.metadata.name, namespace: service.metadata.namespace }), labels, annotations };
    const wanted = { apiVersion: 'v1', kind: 'Endpoints', metadata, ...(subsets.length > 0 && { subsets }) } as V1Endpoints & KubeObject;
    const written = have ? client.update(wanted) : client.create(wanted);
    if (written.ok) {
      if (written.value.metadata.resourceVersion !== have?.metadata.resourceVersion)
        this.behind.expect(key, service.metadata.name, written.value.metadata.resourceVersion);
      return 'done';
    }
    return written.status.code === 404 || written.status.details?.causes?.some((c) => c.reason === 'NamespaceTerminating')
      ? 'done'
      : 'again';
  }

  private trigger(service: Service, pods: readonly Pod[], have: Endpoints | undefined): string {
    if (!have) return service.metadata.creationTimestamp;
    let last = parseTime(service.metadata.creationTimestamp);
    for (const pod of pods) {
      const t = parseTime(podCondition(pod, 'Ready')?.lastTransitionTime);
      if (t > last) last = t;
    }
    return timeText(last);
  }

  stop(): void {
    this.queue.stop();
  }
}

export const endpoints: Controller = { name: 'endpoints-controller', start: (ctx) => new EndpointsController(ctx) };
