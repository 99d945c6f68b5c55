/** What a gateway's proxy or an ingress controller keeps of the cluster, by watches, with a call when something changed. */

import type { Sim } from '../../sim/sim.ts';
import type { Client } from '../api/client.ts';
import { Informer } from '../api/informer.ts';
import type { EndpointSlice, KubeObject, Namespace, Secret, Service } from '../api/object.ts';
import { type AnyRoute, GATEWAY_RESOURCES, type Gateway, type GatewayClass, type ReferenceGrant } from './objects.ts';
import type { Inputs } from './translate.ts';

/** Services, endpoints, secrets, namespaces, and whatever else is asked for. */
export class ClusterCache {
  private readonly services: Informer<Service>;
  private readonly slicesByService = new Map<string, Map<string, EndpointSlice>>();
  private readonly secrets: Informer<Secret>;
  private readonly namespaces: Informer<Namespace>;
  private readonly informers: { stop(): void }[] = [];
  private readonly sim: Sim;
  private readonly client: Client;
  private readonly changed: () => void;
  private due = false;

  constructor(sim: Sim, client: Client, changed: () => void) {
    this.sim = sim;
    this.client = client;
    this.changed = changed;
    this.services = this.watch<Service>('services');
    this.secrets = this.watch<Secret>('secrets');
    this.namespaces = this.watch<Namespace>('namespaces');
    const set = (s: EndpointSlice): void => {
      const key = `${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`;
      const of = this.slicesByService.get(key) ?? new Map<string, EndpointSlice>();
      this.slicesByService.set(key, of.set(s.metadata.name, s));
    };
    this.watch<EndpointSlice>('endpointslices.discovery.k8s.io').on({
      add: set,
      update: (_, s) => set(s),
      delete: (s) =>
        this.slicesByService
          .get(`${s.metadata.namespace}/${s.metadata.labels?.['kubernetes.io/service-name'] ?? ''}`)
          ?.delete(s.metadata.name),
    });
  }

  /** Watches one more resource; its changes count too. */
  watch<T extends KubeObject>(resource: string): Informer<T> {
    const informer = new Informer<T>(this.client, resource);
    const tell = (): void => this.tell();
    informer.on({ add: tell, update: tell, delete: tell });
    this.informers.push(informer);
    return informer;
  }

  /** Several changes at a time are one call, 10 ms later. */
  private tell(): void {
    if (this.due) return;
    this.due = true;
    this.sim.schedule(10_000, () => {
      this.due = false;
      this.changed();
    });
  }

  service(namespace: string, name: string): Service | undefined {
    return this.services.get(`${namespace}/${name}`);
  }

  slices(namespace: string, service: string): readonly EndpointSlice[] {
    return [...(this.slicesByService.get(`${namespace}/${service}`)?.values() ?? [])];
  }

  secret(namespace: string, name: string): Secret | undefined {
    return this.secrets.get(`${namespace}/${name}`);
  }

  namespace(name: string): Namespace | undefined {
    return this.namespaces.get(name);
  }

  stop(): void {
    for (const i of this.informers) i.stop();
  }
}

/** The cache of a Gateway API implementation. */
export class GatewayCache extends ClusterCache implements Inputs {
  readonly classes: Informer<GatewayClass>;
  readonly gateways: Informer<Gateway>;
  private readonly grantInformer: Informer<ReferenceGrant>;
  private readonly routeInformers: readonly Informer<AnyRoute>[];

  constructor(sim: Sim, client: Client, changed: () => void) {
    super(sim, client, changed);
    this.classes = this.watch<GatewayClass>(GATEWAY_RESOURCES.classes);
    this.gateways = this.watch<Gateway>(GATEWAY_RESOURCES.gateways);
    this.grantInformer = this.watch<ReferenceGrant>(GATEWAY_RESOURCES.grants);
    this.routeInformers = [GATEWAY_RESOURCES.httpRoutes, GATEWAY_RESOURCES.grpcRoutes, GATEWAY_RESOURCES.tlsRoutes].map((r) =>
      this.watch<AnyRoute>(r),
    );
  }

  get routes(): readonly AnyRoute[] {
    return this.routeInformers.flatMap((i) => [...i.values()]);
  }

  get grants(): readonly ReferenceGrant[] {
    return [...this.grantInformer.values()];
  }
}
