/** What CoreDNS knows of the cluster, indexed as it asks. Models plugin/kubernetes/controller.go and object/ */

import { MS, type Sim } from '../../sim/sim.ts';
import type { Client, ListOptions } from '../api/client.ts';
import { Informer } from '../api/informer.ts';
import type { AnyObject, EndpointSlice, Namespace, Pod, Service } from '../api/object.ts';

export interface DnsPort {
  readonly name: string;
  readonly protocol: string;
  /** -1 stands for "no port is declared". */
  readonly port: number;
}

export interface DnsService {
  readonly name: string;
  readonly namespace: string;
  readonly clusterIPs: readonly string[];
  readonly headless: boolean;
  /** Empty unless the type is ExternalName. */
  readonly externalName: string;
  readonly ports: readonly DnsPort[];
}

export interface DnsAddress {
  readonly ip: string;
  readonly hostname: string;
  readonly target: string;
  readonly zone: string;
}

/** One slice. */
export interface DnsEndpoints {
  readonly service: string;
  readonly namespace: string;
  /** Of a service imported from another cluster. */
  readonly clusterId: string;
  readonly addresses: readonly DnsAddress[];
  readonly ports: readonly DnsPort[];
}

const NO_PORT: readonly DnsPort[] = [{ name: '', protocol: '', port: -1 }];

export interface ViewOptions {
  readonly labels?: string | undefined;
  readonly namespaceLabels?: string | undefined;
  readonly pods: boolean;
  readonly endpoints: boolean;
  readonly multicluster: boolean;
}

function serviceOf(s: Service | AnyObject): DnsService {
  const spec = (s as Service).spec ?? {};
  const ips = spec.clusterIPs?.length ? spec.clusterIPs : spec.clusterIP ? [spec.clusterIP] : [];
  const external = spec.type === 'ExternalName' ? (spec.externalName ?? '') : '';
  return {
    name: s.metadata.name,
    namespace: s.metadata.namespace ?? '',
    clusterIPs: ips,
    headless: external === '' && ips[0] === 'None',
    externalName: external,
    ports: spec.ports?.length ? spec.ports.map((p) => ({ name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: p.port })) : NO_PORT,
  };
}

/** ServiceImport of the multi-cluster services API: `spec.type` Headless or ClusterSetIP, `spec.ips`. */
function importOf(o: AnyObject): DnsService {
  const spec = (o.spec ?? {}) as { type?: string; ips?: string[]; ports?: { name?: string; protocol?: string; port: number }[] };
  return {
    name: o.metadata.name,
    namespace: o.metadata.namespace ?? '',
    clusterIPs: spec.ips ?? [],
    headless: spec.type === 'Headless',
    externalName: '',
    ports: spec.ports?.length ? spec.ports.map((p) => ({ name: p.name ?? '', protocol: p.protocol ?? 'TCP', port: p.port })) : NO_PORT,
  };
}

function endpointsOf(slice: EndpointSlice, serviceLabel: string): DnsEndpoints {
  const labels = slice.metadata.labels ?? {};
  const addresses: DnsAddress[] = [];
  for (const e of slice.endpoints ?? []) {
    if (e.conditions?.ready === false) continue;
    for (const ip of e.addresses)
      addresses.push({
        ip,
        hostname: e.hostname ?? '',
        target: e.targetRef?.name && e.targetRef.name.length < 64 ? e.targetRef.name : '',
        zone: (e.zone ?? '').toLowerCase(),
      });
  }
  return {
    service: labels[serviceLabel] ?? '',
    namespace: slice.metadata.namespace ?? '',
    clusterId: labels['multicluster.kubernetes.io/source-cluster'] ?? '',
    addresses,
    ports: slice.ports?.length ? slice.ports.map((p) => ({ name: p.name ?? '', protocol: p.protocol ?? '', port: p.port ?? -1 })) : NO_PORT,
  };
}

/** Values by a key that several objects may share, in the order in which they came. */
class Index<T> {
  private readonly map = new Map<string, Map<string, T>>();

  set(key: string, id: string, value: T): void {
    const entry = this.map.get(key);
    if (entry) entry.set(id, value);
    else this.map.set(key, new Map([[id, value]]));
  }

  delete(key: string, id: string): void {
    const entry = this.map.get(key);
    entry?.delete(id);
    if (entry?.size === 0) this.map.delete(key);
  }

  get(key: string): readonly T[] {
    const entry = this.map.get(key);
    return entry ? [...entry.values()] : [];
  }
}

export class ClusterView {
  readonly services = new Map<string, DnsService>();
  readonly imports = new Map<string, DnsService>();
  private readonly servicesByIp = new Index<DnsService>();
  private readonly endpointsByService = new Index<DnsEndpoints>();
  private readonly imported = new Index<DnsEndpoints>();
  private readonly endpointsByIp = new Index<DnsEndpoints>();
  private readonly podsByIp = new Index<Pod>();
  private readonly namespaces = new Set<string>();
  private readonly informers: { stop(): void }[] = [];
  private readonly sim: Sim;
  private changed: number;
  private stopped = false;
  /** True once the first lists have come. */
  synced = false;

  constructor(sim: Sim, client: Client, options: ViewOptions) {
    this.sim = sim;
    this.changed = this.seconds();
    const services: ListOptions = options.labels === undefined ? {} : { labelSelector: options.labels };
    const keep = <T extends AnyObject>(
      resource: string,
      list: ListOptions,
      set: (o: T, id: string) => void,
      drop: (o: T, id: string) => void,
    ) => {
      const id = (o: T): string => `${o.metadata.namespace ?? ''}/${o.metadata.name}`;
      const informer = new Informer<T>(client, resource, list);
      informer.on({
        add: (o) => set(o, id(o)),
        update: (old, o) => {
          drop(old, id(old));
          set(o, id(o));
        },
        delete: (o) => drop(o, id(o)),
      });
      this.informers.push(informer);
    };
    keep<AnyObject & Service>(
      'services',
      services,
      (o) => this.setService(o),
      (o) => this.dropService(o),
    );
    if (options.endpoints)
      keep<AnyObject & EndpointSlice>(
        'endpointslices.discovery.k8s.io',
        {},
        (o, id) => this.setSlice(o, id),
        (o, id) => this.dropSlice(o, id),
      );
    const filter: ListOptions = options.namespaceLabels === undefined ? {} : { labelSelector: options.namespaceLabels };
    keep<AnyObject & Namespace>(
      'namespaces',
      filter,
      (o) => this.namespaces.add(o.metadata.name),
      (o) => this.namespaces.delete(o.metadata.name),
    );
    if (options.pods)
      keep<AnyObject & Pod>(
        'pods',
        {},
        (o, id) => {
          const ended = o.status?.phase === 'Succeeded' || o.status?.phase === 'Failed';
          if (!ended) for (const { ip } of o.status?.podIPs ?? []) this.podsByIp.set(ip, id, o);
        },
        (o, id) => {
          for (const { ip } of o.status?.podIPs ?? []) this.podsByIp.delete(ip, id);
        },
      );
    if (options.multicluster)
      keep<AnyObject>(
        'serviceimports.multicluster.x-k8s.io',
        {},
        (o) => this.imports.set(`${o.metadata.name}.${o.metadata.namespace}`, importOf(o)),
        (o) => this.imports.delete(`${o.metadata.name}.${o.metadata.namespace}`),
      );
    const look = (): void => {
      if (this.stopped) return;
      const reached = client.list('namespaces').ok;
      sim.schedule(reached ? 2 * MS : 100 * MS, () => {
        if (reached) this.synced = true;
        else look();
      });
    };
    look();
  }

  private seconds(): number {
    return Math.floor((this.sim.epochMs + this.sim.now / 1000) / 1000);
  }

  private setService(o: Service): void {
    this.changed = this.seconds();
    const s = serviceOf(o);
    this.services.set(`${s.name}.${s.namespace}`, s);
    for (const ip of s.clusterIPs) if (ip !== 'None') this.servicesByIp.set(ip, `${s.namespace}/${s.name}`, s);
  }

  private dropService(o: Service): void {
    this.changed = this.seconds();
    const s = serviceOf(o);
    this.services.delete(`${s.name}.${s.namespace}`);
    for (const ip of s.clusterIPs) this.servicesByIp.delete(ip, `${s.namespace}/${s.name}`);
  }

  private setSlice(o: EndpointSlice, id: string): void {
    this.changed = this.seconds();
    const e = endpointsOf(o, 'kubernetes.io/service-name');
    if (e.service !== '') {
      this.endpointsByService.set(`${e.service}.${e.namespace}`, id, e);
      for (const a of e.addresses) this.endpointsByIp.set(a.ip, id, e);
    }
    const m = endpointsOf(o, 'multicluster.kubernetes.io/service-name');
    if (m.service !== '') this.imported.set(`${m.service}.${m.namespace}`, id, m);
  }

  private dropSlice(o: EndpointSlice, id: string): void {
    this.changed = this.seconds();
    const labels = o.metadata.labels ?? {};
    const at = (label: string): string => `${labels[label] ?? ''}.${o.metadata.namespace}`;
    this.endpointsByService.delete(at('kubernetes.io/service-name'), id);
    this.imported.delete(at('multicluster.kubernetes.io/service-name'), id);
    for (const e of o.endpoints ?? []) for (const ip of e.addresses) this.endpointsByIp.delete(ip, id);
  }

  /** `key` is NAME.NAMESPACE. */
  endpointsOf(key: string): readonly DnsEndpoints[] {
    return this.endpointsByService.get(key);
  }

  importedEndpoints(key: string): readonly DnsEndpoints[] {
    return this.imported.get(key);
  }

  servicesAt(ip: string): readonly DnsService[] {
    return this.servicesByIp.get(ip);
  }

  endpointsAt(ip: string): readonly DnsEndpoints[] {
    return this.endpointsByIp.get(ip);
  }

  podsAt(ip: string): readonly Pod[] {
    return this.podsByIp.get(ip);
  }

  hasNamespace(name: string): boolean {
    return this.namespaces.has(name);
  }

  /** Serial number of the zone: when services or endpoints changed last, in seconds since 1970. */
  get serial(): number {
    return this.changed;
  }

  stop(): void {
    this.stopped = true;
    for (const i of this.informers) i.stop();
  }
}
