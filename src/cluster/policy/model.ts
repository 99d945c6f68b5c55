/** What NetworkPolicies mean for a pod: selected or not, and which peers on which ports. Models networking.k8s.io/v1 NetworkPolicy */

import { type Family, familyOf, formatIp, type IpAddr, inPrefix, maxLen, network, parseIp } from '../../wire/addr.ts';
import { keyOf, type Namespace, type NetworkPolicy, type Pod } from '../api/object.ts';
import { matchesSelector } from '../api/selectors.ts';
import type { V1NetworkPolicyPeer, V1NetworkPolicyPort } from '../api/types.ts';

export type Direction = 'ingress' | 'egress';
export type Protocol = 'tcp' | 'udp' | 'sctp';

export interface Cidr {
  readonly addr: IpAddr;
  readonly len: number;
}

export interface Block {
  readonly cidr: Cidr;
  readonly except: readonly Cidr[];
}

/** Null: everybody. */
export interface Peers {
  /** Keys of pods, in the order of their names. */
  readonly pods: readonly string[];
  readonly blocks: readonly Block[];
}

export interface NumberedPort {
  readonly protocol: Protocol;
  /** 0 to 65535: every port. */
  readonly from: number;
  readonly to: number;
}

/** A port that each pod numbers by itself: the selected pod's for ingress, the peer's for egress. */
export interface NamedPort {
  readonly protocol: Protocol;
  readonly name: string;
}

export type PolicyPort = NumberedPort | NamedPort;

export interface PolicyRule {
  readonly peers: Peers | null;
  /** Null: every port of every protocol. */
  readonly ports: readonly PolicyPort[] | null;
}

export interface CompiledPolicy {
  /** `namespace/name` */
  readonly key: string;
  /** Keys of the pods that it selects. */
  readonly pods: ReadonlySet<string>;
  /** Null: does not speak of that direction. */
  readonly ingress: readonly PolicyRule[] | null;
  readonly egress: readonly PolicyRule[] | null;
}

export interface PodView {
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly ips: readonly IpAddr[];
  readonly labels: Readonly<Record<string, string>>;
  /** `protocol/name` of its containers' ports. */
  readonly ports: ReadonlyMap<string, number>;
}

const FINISHED = new Set(['Succeeded', 'Failed']);

/** Null: a pod that policies do not see, because it has no network of its own or not yet an address. */
export function podView(pod: Pod): PodView | null {
  const { spec, status } = pod;
  if (spec?.hostNetwork === true || FINISHED.has(status?.phase ?? '')) return null;
  const texts = status?.podIPs?.map((i) => i.ip ?? '') ?? [status?.podIP ?? ''];
  const ips = texts.map((t) => parseIp(t)).filter((a) => a !== null);
  if (ips.length === 0) return null;
  const ports = new Map<string, number>();
  for (const c of [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])])
    for (const p of c.ports ?? []) if (p.name) ports.set(`${protocolOf(p.protocol)}/${p.name}`, p.containerPort);
  return {
    key: keyOf(pod),
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    node: spec?.nodeName ?? '',
    ips,
    labels: pod.metadata.labels ?? {},
    ports,
  };
}

function protocolOf(text: string | undefined): Protocol {
  return text === 'UDP' ? 'udp' : text === 'SCTP' ? 'sctp' : 'tcp';
}

export function parseCidr(text: string): Cidr | null {
  const [ip = '', bits = ''] = text.split('/');
  const addr = parseIp(ip);
  const len = Number(bits);
  if (addr === null || !/^\d{1,3}$/.test(bits) || len > maxLen(familyOf(addr))) return null;
  return { addr: network(addr, len), len };
}

export function cidrText(c: Cidr): string {
  return `${formatIp(c.addr)}/${c.len}`;
}

export class PolicyModel {
  private readonly pods: ReadonlyMap<string, PodView>;
  private readonly sorted: readonly PodView[];
  private readonly namespaces: ReadonlyMap<string, Namespace>;

  constructor(pods: ReadonlyMap<string, PodView>, namespaces: ReadonlyMap<string, Namespace>) {
    this.pods = pods;
    this.sorted = [...pods.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
    this.namespaces = namespaces;
  }

  pod(key: string): PodView | undefined {
    return this.pods.get(key);
  }

  all(): PodView[] {
    return [...this.sorted];
  }

  compile(policy: NetworkPolicy): CompiledPolicy {
    const spec = policy.spec ?? {};
    const namespace = policy.metadata.namespace ?? '';
    const types = spec.policyTypes ?? (spec.egress && spec.egress.length > 0 ? ['Ingress', 'Egress'] : ['Ingress']);
    const selector = spec.podSelector ?? {};
    const pods = new Set(this.sorted.filter((p) => p.namespace === namespace && matchesSelector(selector, p.labels)).map((p) => p.key));
    const rule = (peers: readonly V1NetworkPolicyPeer[] | undefined, ports: readonly V1NetworkPolicyPort[] | undefined): PolicyRule => ({
      peers: this.peers(namespace, peers),
      ports: ports && ports.length > 0 ? ports.map(portOf) : null,
    });
    return {
      key: keyOf(policy),
      pods,
      ingress: types.includes('Ingress') ? (spec.ingress ?? []).map((r) => rule(r.from, r.ports)) : null,
      egress: types.includes('Egress') ? (spec.egress ?? []).map((r) => rule(r.to, r.ports)) : null,
    };
  }

  private peers(namespace: string, peers: readonly V1NetworkPolicyPeer[] | undefined): Peers | null {
    if (!peers || peers.length === 0) return null;
    const pods = new Set<string>();
    const blocks: Block[] = [];
    for (const peer of peers) {
      if (peer.ipBlock) {
        const cidr = parseCidr(peer.ipBlock.cidr);
        const except = (peer.ipBlock.except ?? []).map(parseCidr).filter((c) => c !== null);
        if (cidr) blocks.push({ cidr, except });
        continue;
      }
      for (const p of this.sorted) {
        const inNamespace = peer.namespaceSelector
          ? matchesSelector(peer.namespaceSelector, this.namespaces.get(p.namespace)?.metadata.labels ?? {})
          : p.namespace === namespace;
        if (inNamespace && (!peer.podSelector || matchesSelector(peer.podSelector, p.labels))) pods.add(p.key);
      }
    }
    return { pods: [...pods].sort(), blocks };
  }
}

function portOf(p: V1NetworkPolicyPort): PolicyPort {
  const protocol = protocolOf(p.protocol);
  if (typeof p.port === 'string') return { protocol, name: p.port };
  if (p.port === undefined) return { protocol, from: 0, to: 65535 };
  return { protocol, from: p.port, to: p.endPort ?? p.port };
}

/** Number of a named port on a pod; undefined when the pod has none of that name and protocol. */
export function portNumber(pod: PodView, port: NamedPort): number | undefined {
  return pod.ports.get(`${port.protocol}/${port.name}`);
}

export function inBlock(block: Block, ip: IpAddr): boolean {
  const inside = (c: Cidr): boolean => typeof c.addr === typeof ip && inPrefix(ip, c.addr, c.len);
  return inside(block.cidr) && !block.except.some(inside);
}

export function ipsOf(pod: PodView, family: Family): IpAddr[] {
  return pod.ips.filter((ip) => familyOf(ip) === family);
}
