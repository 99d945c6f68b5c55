/** gateway-controller: a proxy Deployment and a LoadBalancer Service for each Gateway, and the status of classes, Gateways and routes. Models Gateway API's controllers */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { WaitQueue } from '../../sim/wait.ts';
import type { ApiResult, Client } from '../api/client.ts';
import type { KubeObject, Service, Stored } from '../api/object.ts';
import type { V1Condition, V1ObjectMeta } from '../api/types.ts';
import { GatewayCache } from './inputs.ts';
import { type AnyRoute, GATEWAY_RESOURCES, type Gateway, type GatewayClass, type RouteParentStatus } from './objects.ts';
import { CONTROLLER_NAME } from './proxy.ts';
import { type Condition, type ParentStatus, translate } from './translate.ts';

const IMAGE = 'hopwise/gateway-proxy:v1.4.0';

/** Conditions with times: the old time stays while the status does. */
function withTimes(
  conditions: readonly Condition[],
  before: readonly V1Condition[] | undefined,
  generation: number,
  now: string,
): V1Condition[] {
  return conditions.map((c) => {
    const old = before?.find((b) => b.type === c.type);
    return {
      type: c.type,
      status: c.status,
      reason: c.reason,
      message: c.message,
      observedGeneration: generation,
      lastTransitionTime: old && old.status === c.status ? old.lastTransitionTime : now,
    };
  });
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

class Controller {
  private readonly p: Process;
  private readonly client: Client;
  private readonly cache: GatewayCache;
  readonly errors: string[] = [];

  constructor(p: Process, client: Client, changed: () => void) {
    this.p = p;
    this.client = client;
    this.cache = new GatewayCache(p.sim, client, () => {
      this.reconcile();
      changed();
    });
  }

  stop(): void {
    this.cache.stop();
  }

  private get now(): string {
    return new Date(this.p.sim.epochMs + this.p.sim.now / 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  }

  private note(r: ApiResult<unknown>, what: string): void {
    if (!r.ok && r.status.code !== 409) this.errors.push(`${what}: ${r.status.message ?? r.status.reason ?? ''}`);
  }

  private setStatus(resource: string, o: Stored<object>, status: Record<string, unknown>): void {
    const { namespace = '', name } = o.metadata;
    this.note(
      this.client.patch(resource, namespace, name, 'merge', { status }, { subresource: 'status' }),
      `status of ${o.kind} ${namespace}/${name}`,
    );
  }

  private reconcile(): void {
    const classes = new Set<string>();
    for (const c of this.cache.classes.values()) {
      if (c.spec.controllerName !== CONTROLLER_NAME) continue;
      classes.add(c.metadata.name);
      this.acceptClass(c);
    }
    const parents = new Map<AnyRoute, ParentStatus[]>();
    for (const g of this.cache.gateways.values()) {
      if (!classes.has(g.spec.gatewayClassName)) continue;
      const t = translate(g, this.cache);
      for (const [route, status] of t.routeStatus) parents.set(route, [...(parents.get(route) ?? []), ...status]);
      this.provide(g);
      this.gatewayStatus(g, t.listenerStatus);
    }
    for (const route of this.cache.routes) this.routeStatus(route, parents.get(route) ?? []);
  }

  private acceptClass(c: GatewayClass): void {
    const accepted: Condition = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'Valid GatewayClass' };
    const conditions = withTimes([accepted], c.status?.conditions, c.metadata.generation ?? 1, this.now);
    if (!same(conditions, c.status?.conditions)) this.setStatus(GATEWAY_RESOURCES.classes, c, { conditions });
  }

  private provide(g: Gateway): void {
    const { namespace = '', name, uid } = g.metadata;
    const own = `${name}-${g.spec.gatewayClassName}`;
    const labels = { 'gateway.networking.k8s.io/gateway-name': name };
    const owner = { apiVersion: g.apiVersion, kind: 'Gateway', name, uid, controller: true };
    const metadata: V1ObjectMeta = { name: own, namespace, labels, ownerReferences: [owner] };
    const ports = [
      ...new Map(
        g.spec.listeners.map((l) => [
          l.port,
          { name: `${l.protocol.toLowerCase()}-${l.port}`, port: l.port, targetPort: l.port, protocol: 'TCP' },
        ]),
      ).values(),
    ];
    const service = this.cache.service(namespace, own);
    if (!service) {
      const spec = { type: 'LoadBalancer', selector: labels, ports };
      this.note(this.client.create({ apiVersion: 'v1', kind: 'Service', metadata, spec } as KubeObject), `service ${namespace}/${own}`);
    } else if (
      !same(
        service.spec?.ports?.map((x) => x.port),
        ports.map((x) => x.port),
      )
    )
      this.note(this.client.patch('services', namespace, own, 'merge', { spec: { ports } }), `service ${namespace}/${own}`);
    if (this.client.get('deployments.apps', namespace, own).ok) return;
    const container = {
      name: 'gateway-proxy',
      image: IMAGE,
      args: [`--gateway=${namespace}/${name}`],
      ports: ports.map((x) => ({ name: x.name, containerPort: x.port })),
    };
    const spec = {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { serviceAccountName: 'default', containers: [container] } },
    };
    this.note(
      this.client.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec } as KubeObject),
      `deployment ${namespace}/${own}`,
    );
  }

  private addresses(service: Service | undefined): { type: string; value: string }[] {
    return (service?.status?.loadBalancer?.ingress ?? []).flatMap((i) =>
      i.ip ? [{ type: 'IPAddress', value: i.ip }] : i.hostname ? [{ type: 'Hostname', value: i.hostname }] : [],
    );
  }

  private gatewayStatus(g: Gateway, listeners: ReturnType<typeof translate>['listenerStatus']): void {
    const { namespace = '', name, generation = 1 } = g.metadata;
    const before = g.status as
      | { conditions?: V1Condition[]; listeners?: { name: string; conditions?: V1Condition[] }[]; addresses?: unknown }
      | undefined;
    const addresses = this.addresses(this.cache.service(namespace, `${name}-${g.spec.gatewayClassName}`));
    const bad = listeners.some((l) => l.conditions.some((c) => c.type === 'Accepted' && c.status === 'False'));
    const conditions: Condition[] = [
      {
        type: 'Accepted',
        status: 'True',
        reason: bad ? 'ListenersNotValid' : 'Accepted',
        message: bad ? 'Some listeners are not valid.' : 'The Gateway has been scheduled by the controller',
      },
      addresses.length > 0
        ? {
            type: 'Programmed',
            status: 'True',
            reason: 'Programmed',
            message: 'Address assigned to the Gateway, 1/1 proxy replicas available',
          }
        : { type: 'Programmed', status: 'False', reason: 'AddressNotAssigned', message: 'No addresses have been assigned to the Gateway' },
    ];
    const status = {
      ...(addresses.length > 0 ? { addresses } : {}),
      conditions: withTimes(conditions, before?.conditions, generation, this.now),
      listeners: listeners.map((l) => ({
        name: l.name,
        supportedKinds: l.supportedKinds,
        attachedRoutes: l.attachedRoutes,
        conditions: withTimes(l.conditions, before?.listeners?.find((b) => b.name === l.name)?.conditions, generation, this.now),
      })),
    };
    const old = before && {
      ...(before.addresses ? { addresses: before.addresses } : {}),
      conditions: before.conditions,
      listeners: before.listeners,
    };
    if (!same(sorted(status), sorted(old))) this.setStatus(GATEWAY_RESOURCES.gateways, g, status);
  }

  private routeStatus(route: AnyRoute, parents: readonly ParentStatus[]): void {
    const before = route.status?.parents ?? [];
    const others = before.filter((b) => b.controllerName !== CONTROLLER_NAME);
    const own: RouteParentStatus[] = parents.map((s) => ({
      parentRef: s.parentRef,
      controllerName: CONTROLLER_NAME,
      conditions: withTimes(
        s.conditions,
        before.find((b) => b.controllerName === CONTROLLER_NAME && same(sorted(b.parentRef), sorted(s.parentRef)))?.conditions,
        route.metadata.generation ?? 1,
        this.now,
      ),
    }));
    if (own.length === 0 && before.length === others.length) return;
    const next = [...others, ...own];
    const resource =
      route.kind === 'GRPCRoute'
        ? GATEWAY_RESOURCES.grpcRoutes
        : route.kind === 'TLSRoute'
          ? GATEWAY_RESOURCES.tlsRoutes
          : GATEWAY_RESOURCES.httpRoutes;
    if (!same(sorted(next), sorted(before))) this.setStatus(resource, route, { parents: next });
  }
}

/** With the keys of all objects in order, for comparison. */
function sorted(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(sorted);
  if (typeof v !== 'object' || v === null) return v;
  return Object.fromEntries(
    Object.entries(v)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, x]) => [k, sorted(x)]),
  );
}

export function gatewayControllerCommand(clientOf: (p: Process) => Client | null): Command {
  return {
    name: 'gateway-controller',
    path: '/usr/local/bin/gateway-controller',
    *main(p) {
      const client = clientOf(p);
      if (!client) {
        yield* p.err('gateway-controller: not in a cluster: no service account and no KUBERNETES_SERVICE_HOST\n');
        return 1;
      }
      const nudge = new WaitQueue();
      const controller = new Controller(p, client, () => nudge.wakeAll());
      try {
        for (;;) {
          for (const e of controller.errors.splice(0)) yield* p.err(`${e}\n`);
          yield { on: [nudge] };
        }
      } finally {
        controller.stop();
      }
    },
  };
}
