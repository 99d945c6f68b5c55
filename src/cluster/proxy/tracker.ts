/** Services and endpoints of one family, and what has changed since the last sync. Models pkg/proxy/servicechangetracker.go, endpointschangetracker.go */

import type { EndpointSlice, Service } from '../api/object.ts';
import { keyOf } from '../api/object.ts';
import { type Endpoint, type EndpointMap, endpointsOf, serviceOf } from './endpoints.ts';
import type { Family } from './family.ts';
import { type ServicePort, samePorts, servicePorts } from './serviceport.ts';

export interface Changes {
  /** `namespace/name` of Services whose own chains must be written anew. */
  readonly updated: ReadonlySet<string>;
  /** Endpoints of a UDP port have changed: flows to those that are gone must be forgotten. */
  readonly conntrack: boolean;
}

const NO_PORTS: readonly ServicePort[] = [];
const NO_ENDPOINTS: readonly Endpoint[] = [];

export class Tracker {
  readonly family: Family;
  readonly node: string;
  private readonly services = new Map<string, readonly ServicePort[]>();
  private readonly slices = new Map<string, Map<string, EndpointSlice>>();
  private readonly endpoints = new Map<string, EndpointMap>();
  private readonly newServices = new Map<string, readonly ServicePort[]>();
  private readonly newEndpoints = new Set<string>();

  constructor(family: Family, node: string) {
    this.family = family;
    this.node = node;
  }

  /** True when rules may have to change. */
  service(service: Service, deleted: boolean): boolean {
    const key = keyOf(service);
    const ports = deleted ? NO_PORTS : servicePorts(service, this.family);
    if (samePorts(ports, this.services.get(key) ?? NO_PORTS)) {
      this.newServices.delete(key);
      return this.newServices.size > 0;
    }
    this.newServices.set(key, ports);
    return true;
  }

  slice(slice: EndpointSlice, deleted: boolean): boolean {
    const service = serviceOf(slice);
    if (service === null) return false;
    let own = this.slices.get(service);
    if (!own) {
      if (deleted) return false;
      own = new Map();
      this.slices.set(service, own);
    }
    const key = keyOf(slice);
    const before = own.get(key);
    if (deleted) own.delete(key);
    else own.set(key, slice);
    if (own.size === 0) this.slices.delete(service);
    const old = before ? endpointsOf([before], this.family, this.node) : null;
    const now = deleted ? null : endpointsOf([slice], this.family, this.node);
    if (old !== null && now !== null && sameEndpoints(old, now)) return false;
    if ((old?.size ?? 0) === 0 && (now?.size ?? 0) === 0) return false;
    this.newEndpoints.add(service);
    return true;
  }

  /** Takes the changes over into the present state. */
  apply(): Changes {
    const updated = new Set<string>();
    let conntrack = false;
    for (const [key, ports] of this.newServices) {
      if (ports.length === 0) this.services.delete(key);
      else this.services.set(key, ports);
      updated.add(key);
    }
    this.newServices.clear();
    for (const key of this.newEndpoints) {
      const before = this.endpoints.get(key);
      const now = endpointsOf([...(this.slices.get(key)?.values() ?? [])], this.family, this.node);
      for (const map of [before, now]) for (const [port, list] of map ?? []) if (port.endsWith(':udp') && list.length > 0) conntrack = true;
      if (now.size === 0) this.endpoints.delete(key);
      else this.endpoints.set(key, now);
      updated.add(key);
    }
    this.newEndpoints.clear();
    return { updated, conntrack };
  }

  /** All ports, those of a Service together. */
  *ports(): Generator<ServicePort> {
    for (const ports of this.services.values()) yield* ports;
  }

  endpointsFor(port: ServicePort): readonly Endpoint[] {
    return this.endpoints.get(port.service)?.get(port.key) ?? NO_ENDPOINTS;
  }

  get serviceCount(): number {
    return this.services.size;
  }

  countEndpoints(): number {
    let n = 0;
    for (const port of this.ports()) n += this.endpointsFor(port).length;
    return n;
  }
}

function sameEndpoints(a: EndpointMap, b: EndpointMap): boolean {
  if (a.size !== b.size) return false;
  for (const [key, list] of a) {
    const other = b.get(key);
    if (!other || other.length !== list.length) return false;
    for (const [i, e] of list.entries()) if (!sameEndpoint(e, other[i] as Endpoint)) return false;
  }
  return true;
}

function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.text === b.text &&
    a.nodeName === b.nodeName &&
    a.ready === b.ready &&
    a.serving === b.serving &&
    a.terminating === b.terminating &&
    a.zoneHints.join() === b.zoneHints.join() &&
    a.nodeHints.join() === b.nodeHints.join()
  );
}
