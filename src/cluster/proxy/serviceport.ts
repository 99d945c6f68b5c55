/** A port of a Service as kube-proxy sees it in one family. Models pkg/proxy/serviceport.go, servicechangetracker.go */

import type { Service } from '../api/object.ts';
import type { V1ServicePort } from '../api/types.ts';
import { type Cidr, type Family, familyOfText, ofFamily, parseCidr } from './family.ts';

export interface ServicePort {
  /** `namespace/name` */
  readonly service: string;
  readonly namespace: string;
  readonly name: string;
  /** Name of the port, empty when it has none. */
  readonly portName: string;
  /** `namespace/name:portname` */
  readonly nameString: string;
  /** Key of its endpoints: nameString and protocol. */
  readonly key: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly clusterIP: string;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  readonly externalIPs: readonly string[];
  /** Addresses of the load balancer that the node answers itself (ipMode VIP). */
  readonly loadBalancerVIPs: readonly string[];
  readonly sourceRanges: readonly Cidr[];
  /** Seconds of ClientIP affinity, 0: no affinity. */
  readonly stickySeconds: number;
  /** 0: none. */
  readonly healthCheckNodePort: number;
  readonly externalLocal: boolean;
  readonly internalLocal: boolean;
  readonly externallyAccessible: boolean;
  readonly usesClusterEndpoints: boolean;
  readonly usesLocalEndpoints: boolean;
}

export function portKey(service: string, portName: string, protocol: string): string {
  return `${service}:${portName}:${protocol.toLowerCase()}`;
}

const PROTOCOLS: Readonly<Record<string, ServicePort['protocol']>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };
const NO_PORTS: readonly ServicePort[] = [];

const known: Readonly<Record<Family, WeakMap<Service, readonly ServicePort[]>>> = { 4: new WeakMap(), 6: new WeakMap() };

/** Ports of a Service that a family has rules for; the same list for the same object. */
export function servicePorts(service: Service, family: Family): readonly ServicePort[] {
  const before = known[family].get(service);
  if (before) return before;
  const made = build(service, family);
  known[family].set(service, made);
  return made;
}

/** The Service's address in a family; empty when it has none there. Models GetClusterIPByFamily() */
function clusterIPOf(service: Service, family: Family): string {
  const { clusterIP, clusterIPs, ipFamilies } = service.spec ?? {};
  if (!clusterIPs || clusterIPs.length === 0) {
    const ip = clusterIP ?? '';
    if (ip === '' || ip === 'None') return '';
    const declared = ipFamilies?.[0];
    if (declared !== undefined && (declared === 'IPv6') !== (family === 6)) return '';
    return familyOfText(ip) === family ? ip : '';
  }
  return clusterIPs.find((ip) => ip !== '' && ip !== 'None' && familyOfText(ip) === family) ?? '';
}

function build(service: Service, family: Family): readonly ServicePort[] {
  const spec = service.spec ?? {};
  if (spec.type === 'ExternalName' || spec.clusterIP === 'None' || !spec.clusterIP) return NO_PORTS;
  const clusterIP = clusterIPOf(service, family);
  if (clusterIP === '') return NO_PORTS;
  return (spec.ports ?? []).map((port) => portOf(service, port, family, clusterIP));
}

function portOf(service: Service, port: V1ServicePort, family: Family, clusterIP: string): ServicePort {
  const spec = service.spec ?? {};
  const { namespace = '', name } = service.metadata;
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs ?? []).length > 0;
  const externalLocal = external && spec.externalTrafficPolicy === 'Local';
  const internalLocal = spec.internalTrafficPolicy === 'Local';
  const ingress = service.status?.loadBalancer?.ingress ?? [];
  const loadBalancerVIPs = ofFamily(
    ingress.filter((i) => i.ipMode === undefined || i.ipMode === 'VIP').map((i) => i.ip ?? ''),
    family,
  );
  const externalIPs = ofFamily(spec.externalIPs, family);
  const nodePort = port.nodePort ?? 0;
  const externallyAccessible = nodePort !== 0 || loadBalancerVIPs.length > 0 || externalIPs.length > 0;
  const portName = port.name ?? '';
  const protocol = port.protocol ?? 'TCP';
  const key = `${namespace}/${name}`;
  return {
    service: key,
    namespace,
    name,
    portName,
    nameString: portName === '' ? key : `${key}:${portName}`,
    key: portKey(key, portName, protocol),
    protocol: PROTOCOLS[protocol] ?? 'tcp',
    clusterIP,
    port: port.port,
    nodePort,
    externalIPs,
    loadBalancerVIPs,
    sourceRanges: ofFamily(spec.loadBalancerSourceRanges, family)
      .map(parseCidr)
      .filter((c) => c !== null),
    stickySeconds: spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10800) : 0,
    healthCheckNodePort: spec.type === 'LoadBalancer' && externalLocal ? (spec.healthCheckNodePort ?? 0) : 0,
    externalLocal,
    internalLocal,
    externallyAccessible,
    usesClusterEndpoints: !internalLocal || externallyAccessible,
    usesLocalEndpoints: internalLocal || (externalLocal && externallyAccessible),
  };
}

/** Whether two lists would bring the same rules. */
export function samePorts(a: readonly ServicePort[], b: readonly ServicePort[]): boolean {
  return a === b || (a.length === b.length && text(a) === text(b));
}

function text(ports: readonly ServicePort[]): string {
  return JSON.stringify(ports, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v));
}
