/** EndpointSlices of Services with selectors. Models pkg/controller/endpointslice. */

import { WorkQueue } from '../api/informer.ts';
import { type EndpointSlice, keyOf, type Node, type Pod, type Service } from '../api/object.ts';
import { parseTime, timeText } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';
import { Recorder } from './events.ts';
import { type HintEvent, Hints } from './hints.ts';
import { podCondition } from './pods.ts';
import { Behind, podHandlers } from './servicepods.ts';
import { CONTROLLER, MANAGED_BY, reconcileSlices, SERVICE_NAME, TRIGGER_TIME } from './slices.ts';

const SLICES = 'endpointslices.discovery.k8s.io';

interface Triggers {
  readonly service: number;
  readonly pods: ReadonlyMap<string, number>;
}

class EndpointSliceController implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly events: Recorder;
  private readonly behind = new Behind();
  private readonly hints = new Hints();
  private readonly triggers = new Map<string, Triggers>();

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, 'endpoint-slice-controller');
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    const { informers } = ctx;
    const enqueue = (s: Service): void => this.queue.add(keyOf(s));
    informers.of<Pod>('pods').on(podHandlers(ctx, (key) => this.queue.add(key)));
    informers.of<Service>('services').on({ add: enqueue, update: (_, s) => enqueue(s), delete: enqueue });
    informers
      .of<Node>('nodes')
      .on({ add: () => this.nodes(), update: (old, node) => this.nodeChanged(old, node), delete: () => this.nodes() });
    informers.of<EndpointSlice>(SLICES).on({
      add: (s) => this.sliceSeen(s, false),
      update: (_, s) => this.sliceSeen(s, false),
      delete: (s) => this.sliceSeen(s, true),
    });
  }

  private nodeChanged(old: Node, node: Node): void {
    const zone = 'topology.kubernetes.io/zone';
    const ready = (n: Node): string | undefined => n.status?.conditions?.find((c) => c.type === 'Ready')?.status;
    if (
      old.metadata.labels?.[zone] !== node.metadata.labels?.[zone] ||
      ready(old) !== ready(node) ||
      old.status?.allocatable?.cpu !== node.status?.allocatable?.cpu
    )
      this.nodes();
  }

  private nodes(): void {
    if (!this.hints.setNodes(this.ctx.informers.of<Node>('nodes').values())) return;
    for (const key of this.hints.services()) this.queue.add(key);
  }

  private sliceSeen(slice: EndpointSlice, gone: boolean): void {
    const labels = slice.metadata.labels;
    if (labels?.[MANAGED_BY] !== CONTROLLER || labels[SERVICE_NAME] === undefined) return;
    const key = `${slice.metadata.namespace}/${labels[SERVICE_NAME]}`;
    const seen = this.behind.seen(key, slice, gone);
    if (seen !== 'own') this.queue.add(key);
  }

  private sync(key: string): 'done' | 'again' {
    const { informers, client } = this.ctx;
    const service = informers.of<Service>('services').get(key);
    if (!service) {
      this.hints.forget(key);
      this.triggers.delete(key);
      this.behind.forget(key);
      return 'done';
    }
    const selector = service.spec?.selector;
    if (service.spec?.type === 'ExternalName' || !selector || Object.keys(selector).length === 0) return 'done';
    if (this.behind.has(key)) return 'done';
    const namespace = service.metadata.namespace ?? '';
    const pods = informers.withLabels<Pod>('pods', namespace, selector);
    const existing = informers
      .withLabels<EndpointSlice>(SLICES, namespace, { [SERVICE_NAME]: service.metadata.name, [MANAGED_BY]: CONTROLLER })
      .filter((s) => s.metadata.deletionTimestamp === undefined);
    const told: HintEvent[] = [];
    const nodes = informers.of<Node>('nodes');
    const changes = reconcileSlices(
      service,
      pods,
      (name) => nodes.get(name),
      existing,
      (type, c, unchanged) => told.push(...this.hints.apply(key, service, type, c, unchanged)),
    );
    const trigger = this.trigger(key, service, pods);
    const errors = [...changes.skipped];
    const note = (what: string, status: { readonly message?: string }): void => {
      errors.push(`failed to ${what} EndpointSlice for Service ${key}: ${status.message}`);
    };
    if (service.metadata.deletionTimestamp === undefined)
      for (const slice of changes.create) {
        const made = client.create({
          ...slice,
          metadata: { ...slice.metadata, ...(trigger !== undefined && { annotations: { [TRIGGER_TIME]: trigger } }) },
        });
        if (made.ok) this.behind.expect(key, made.value.metadata.name, made.value.metadata.resourceVersion);
        else if (made.status.details?.causes?.some((c) => c.reason === 'NamespaceTerminating')) return 'done';
        else note('create', made.status);
      }
    for (const slice of changes.update) {
      const { [TRIGGER_TIME]: _old, ...rest } = slice.metadata.annotations ?? {};
      const annotations = trigger === undefined ? rest : { ...rest, [TRIGGER_TIME]: trigger };
      const written = client.update({
        ...slice,
        metadata: { ...slice.metadata, annotations: Object.keys(annotations).length > 0 ? annotations : undefined },
      });
      if (!written.ok) note(`update ${slice.metadata.name}`, written.status);
      else if (written.value.metadata.resourceVersion !== slice.metadata.resourceVersion)
        this.behind.expect(key, slice.metadata.name, written.value.metadata.resourceVersion);
    }
    for (const slice of changes.remove)
      if (client.delete(SLICES, namespace, slice.metadata.name).ok) this.behind.expect(key, slice.metadata.name, '');
    for (const e of told) this.events.event(service, e.type, e.reason, e.message);
    if (errors.length === 0) return 'done';
    const text = errors.length === 1 ? errors[0] : `[${errors.join(', ')}]`;
    this.events.event(service, 'Warning', 'FailedToUpdateEndpointSlices', `Error updating Endpoint Slices for Service ${key}: ${text}`);
    return 'again';
  }

  /** The earliest of the times of what changed since the last look. */
  private trigger(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const before = this.triggers.get(key);
    let least = Number.POSITIVE_INFINITY;
    const times = new Map<string, number>();
    for (const pod of pods) {
      const t = parseTime(podCondition(pod, 'Ready')?.lastTransitionTime);
      if (Number.isNaN(t)) continue;
      times.set(pod.metadata.name, t);
      if (t > (before?.pods.get(pod.metadata.name) ?? Number.NEGATIVE_INFINITY)) least = Math.min(least, t);
    }
    const born = parseTime(service.metadata.creationTimestamp);
    if (born > (before?.service ?? Number.NEGATIVE_INFINITY)) least = Math.min(least, born);
    this.triggers.set(key, { service: born, pods: times });
    if (!before) return service.metadata.creationTimestamp;
    return Number.isFinite(least) ? timeText(least) : undefined;
  }

  stop(): void {
    this.queue.stop();
  }
}

export const endpointSlice: Controller = { name: 'endpointslice-controller', start: (ctx) => new EndpointSliceController(ctx) };
