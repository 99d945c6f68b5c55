/** The names of the Kubernetes DNS specification: what a name asks for, and the services, endpoints and pods behind it. Models plugin/kubernetes/{parse,kubernetes,reverse}.go */

import { formatIp, type IpAddr, parseIp } from '../../../wire/addr.ts';
import { labelsOf } from '../query.ts';
import type { ClusterView, DnsAddress, DnsEndpoints, DnsService } from '../view.ts';

export type PodMode = 'disabled' | 'insecure' | 'verified';

export interface KubernetesOptions {
  readonly zones: readonly string[];
  readonly pods: PodMode;
  readonly ttl: number;
  readonly namespaces: readonly string[];
  readonly endpointPodNames: boolean;
  readonly ignoreEmptyService: boolean;
  readonly zonal: boolean;
  readonly multicluster: readonly string[];
}

/** One record's worth: an address or, for external names, a name; `owner` is its own name. */
export interface Found {
  readonly host: string;
  readonly port: number;
  readonly owner: string;
  readonly text?: string;
}

/** NXDOMAIN. */
export const NO_ITEMS = 'no items';
export type Search = readonly Found[] | typeof NO_ITEMS;

interface Request {
  port: string;
  protocol: string;
  endpoint: string;
  cluster: string;
  zone: string;
  prefer: boolean;
  service: string;
  namespace: string;
  kind: '' | 'svc' | 'pod';
}

/** Labels left of the zone. */
export function trimZone(name: string, zone: string): string {
  const labels = labelsOf(name);
  return labels.slice(0, labels.length - labelsOf(zone).length).join('.');
}

const stripUnderscore = (label: string): string => label.replace(/^_/, '');

/** Null for a name that the specification does not have. */
export function parseRequest(name: string, zone: string, multicluster: boolean, zonal: boolean): Request | null {
  const r: Request = { port: '', protocol: '', endpoint: '', cluster: '', zone: '', prefer: false, service: '', namespace: '', kind: '' };
  const base = trimZone(name, zone);
  if (base === '' || base === 'svc' || base === 'pod') return r;
  const labels = labelsOf(base);
  const kind = labels.pop();
  if (kind !== 'svc' && kind !== 'pod') return null;
  r.kind = kind;
  r.namespace = labels.pop() ?? '';
  r.service = labels.pop() ?? '';
  if (labels.length === 0) return r;
  const last = labels[labels.length - 1] as string;
  if (labels.length === 1) r.endpoint = last;
  else if (labels.length === 2) {
    const first = labels[0] as string;
    if (!multicluster || last.startsWith('_') || first.startsWith('_')) {
      r.protocol = stripUnderscore(last);
      r.port = stripUnderscore(first);
    } else {
      r.cluster = last;
      r.endpoint = first;
    }
  } else {
    const directive = labels[labels.length - 2];
    if (!zonal || multicluster || last !== '_zone' || kind !== 'svc' || (directive !== 'pin' && directive !== 'prefer')) return null;
    r.prefer = directive === 'prefer';
    r.zone = labels.slice(0, -2).join('.');
  }
  return r;
}

export function endpointName(a: DnsAddress, podNames: boolean): string {
  if (a.hostname !== '') return a.hostname;
  if (podNames && a.target !== '') return a.target;
  if (a.ip.includes('.')) return a.ip.replaceAll('.', '-');
  const v6 = a.ip.replaceAll(':', '-');
  return v6.endsWith('-') ? `${v6}0` : v6;
}

export class Finder {
  readonly options: KubernetesOptions;
  readonly view: ClusterView;

  constructor(options: KubernetesOptions, view: ClusterView) {
    this.options = options;
    this.view = view;
  }

  exposed(namespace: string): boolean {
    const { namespaces } = this.options;
    return (namespaces.length === 0 || namespaces.includes(namespace)) && this.view.hasNamespace(namespace);
  }

  /** `zone` as it was asked: owners keep its case. */
  search(name: string, zone: string): Search {
    const multicluster = this.options.multicluster.includes(zone.toLowerCase());
    const r = parseRequest(name, zone, multicluster, this.options.zonal);
    if (r === null) return NO_ITEMS;
    if (r.kind === '') return [];
    if (/(^|\.)(in-addr|ip6)\.arpa$/.test(name)) return NO_ITEMS;
    if (!this.exposed(r.namespace)) return NO_ITEMS;
    if (r.service === '' && (r.kind === 'svc' || this.options.pods !== 'disabled')) return [];
    return r.kind === 'pod' ? this.pods(r, zone) : this.services(r, zone, multicluster);
  }

  /** A name with a zone label, whatever is behind it. */
  isZonal(name: string, zone: string): boolean {
    return (parseRequest(name, zone, false, this.options.zonal)?.zone ?? '') !== '';
  }

  private pods(r: Request, zone: string): Search {
    if (this.options.pods === 'disabled') return NO_ITEMS;
    const v4 = (r.service.match(/-/g)?.length ?? 0) === 3 && !r.service.includes('--');
    const ip = r.service.replaceAll('-', v4 ? '.' : ':');
    const found: Found = { host: ip, port: 0, owner: `${r.service}.${r.namespace}.pod.${zone}` };
    if (this.options.pods === 'insecure') return parseIp(ip) === null ? NO_ITEMS : [found];
    const pods = this.view.podsAt(ip).filter((p) => p.metadata.namespace === r.namespace);
    return pods.length > 0 ? pods.map(() => found) : NO_ITEMS;
  }

  private services(r: Request, zone: string, multicluster: boolean): Search {
    const key = `${r.service}.${r.namespace}`;
    const service = (multicluster ? this.view.imports : this.view.services).get(key);
    if (!service) return NO_ITEMS;
    const slices = multicluster ? this.view.importedEndpoints(key) : this.view.endpointsOf(key);
    const external = service.externalName !== '';
    if (this.options.ignoreEmptyService && !external && !service.headless && slices.every((s) => s.addresses.length === 0)) return NO_ITEMS;
    if (r.zone !== '' && !service.headless) return NO_ITEMS;
    const owner = `${service.name}.${service.namespace}.svc.${zone}`;
    if (external) {
      const qualified = r.endpoint !== '' || r.port !== '' || r.protocol !== '';
      if (qualified || parseIp(service.externalName) !== null) return NO_ITEMS;
      return [{ host: service.externalName.replace(/\.$/, ''), port: 0, owner }];
    }
    if (service.headless || r.endpoint !== '') return this.endpoints(r, slices, owner);
    const found: Found[] = [];
    for (const p of service.ports) if (wanted(r, p)) for (const ip of service.clusterIPs) found.push({ host: ip, port: p.port, owner });
    return found.length > 0 ? found : NO_ITEMS;
  }

  private endpoints(r: Request, slices: readonly DnsEndpoints[], owner: string): Search {
    const inZone = (zone: string): Found[] => {
      const found: Found[] = [];
      for (const s of slices)
        for (const a of s.addresses) {
          if (zone !== '' && a.zone !== zone) continue;
          const name = endpointName(a, this.options.endpointPodNames);
          if (r.endpoint !== '' && r.endpoint !== name.toLowerCase()) continue;
          if (r.endpoint !== '' && s.clusterId !== '' && r.cluster !== s.clusterId.toLowerCase()) continue;
          const own = s.clusterId === '' ? `${name}.${owner}` : `${name}.${s.clusterId}.${owner}`;
          for (const p of s.ports) if (wanted(r, p)) found.push({ host: a.ip, port: p.port, owner: own });
        }
      return found;
    };
    let found = inZone(r.zone);
    if (found.length === 0 && r.prefer) found = inZone('');
    return found.length > 0 || r.zone !== '' ? found : NO_ITEMS;
  }

  /** Names of an address, for PTR: its Service, or the endpoints that have it. */
  reverse(addr: IpAddr, primaryZone: string): Search {
    const ip = formatIp(addr);
    const limited = this.options.namespaces.length > 0;
    const shown = (namespace: string): boolean => !limited || this.exposed(namespace);
    const owner = (host: string): Found => ({ host, port: 0, owner: '' });
    for (const s of this.view.servicesAt(ip)) if (shown(s.namespace)) return [owner(`${s.name}.${s.namespace}.svc.${primaryZone}`)];
    const found: Found[] = [];
    for (const e of this.view.endpointsAt(ip)) {
      if (!shown(e.namespace)) continue;
      for (const a of e.addresses)
        if (a.ip === ip)
          found.push(owner(`${endpointName(a, this.options.endpointPodNames)}.${e.service}.${e.namespace}.svc.${primaryZone}`));
    }
    return found.length > 0 ? found : NO_ITEMS;
  }

  /** Names and addresses of the servers themselves: the Services whose endpoints have one of `local`, else ns.dns. */
  nameServers(local: readonly IpAddr[], zone: string): { name: string; ip: string }[] {
    const out: { name: string; ip: string }[] = [];
    let endpoint = false;
    for (const addr of local)
      for (const e of this.view.endpointsAt(formatIp(addr))) {
        endpoint = true;
        const s: DnsService | undefined = this.view.services.get(`${e.service}.${e.namespace}`);
        if (!s) continue;
        const name = `${s.name}.${s.namespace}.svc.${zone}`;
        if (s.headless)
          for (const a of e.addresses) out.push({ name: `${endpointName(a, this.options.endpointPodNames)}.${name}`, ip: a.ip });
        else for (const ip of s.clusterIPs) out.push({ name, ip });
      }
    return endpoint ? out : local.map((addr) => ({ name: zone === '' ? 'ns.dns' : `ns.dns.${zone}`, ip: formatIp(addr) }));
  }
}

function wanted(r: Request, p: { name: string; protocol: string }): boolean {
  return (r.port === '' || r.port === p.name.toLowerCase()) && (r.protocol === '' || r.protocol === p.protocol.toLowerCase());
}
