/** What pods ask of a node: requests with init containers, sidecars and overhead. Models component-helpers/resource and scheduler/framework's NodeInfo. */

import { keyOf, type Node, type Pod } from '../api/object.ts';
import { milliValue, wholeValue } from '../api/quantity.ts';
import type { V1Container, V1PodSpec } from '../api/types.ts';

/** Amounts by resource: CPU in millis, all else in ones. */
export type Amounts = Map<string, number>;

type Quantities = Readonly<Record<string, string>> | undefined;

const amount = (name: string, text: string): number => (name === 'cpu' ? milliValue(text) : wholeValue(text));

function addTo(into: Amounts, list: Quantities): void {
  for (const name in list) into.set(name, (into.get(name) ?? 0) + amount(name, list[name] as string));
}

function atLeast(into: Amounts, other: Amounts): void {
  for (const [name, n] of other) if (n > (into.get(name) ?? 0)) into.set(name, n);
}

/** Without a request a container counts as this much when nodes are compared. */
const DEFAULTS: readonly (readonly [string, number])[] = [
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
];

function requestsOf(spec: V1PodSpec, defaults: boolean): Amounts {
  const list = (c: V1Container): Amounts => {
    const out: Amounts = new Map();
    addTo(out, c.resources?.requests as Quantities);
    if (defaults) for (const [name, n] of DEFAULTS) if (!out.has(name)) out.set(name, n);
    return out;
  };
  const total: Amounts = new Map();
  const add = (more: Amounts): void => {
    for (const [name, n] of more) total.set(name, (total.get(name) ?? 0) + n);
  };
  for (const c of spec.containers) add(list(c));
  const sidecars: Amounts = new Map();
  const init: Amounts = new Map();
  for (const c of spec.initContainers ?? []) {
    const own = list(c);
    if (c.restartPolicy === 'Always') {
      add(own);
      for (const [name, n] of own) sidecars.set(name, (sidecars.get(name) ?? 0) + n);
      atLeast(init, sidecars);
    } else atLeast(init, new Map([...own].map(([name, n]) => [name, n + (sidecars.get(name) ?? 0)])));
  }
  atLeast(total, init);
  for (const [name, text] of Object.entries((spec.resources?.requests ?? {}) as Readonly<Record<string, string>>))
    total.set(name, amount(name, text));
  addTo(total, spec.overhead as Quantities);
  return total;
}

export interface PodNeeds {
  readonly requests: Amounts;
  readonly counted: Amounts;
  /** `ip protocol port` of host ports. */
  readonly ports: readonly (readonly [ip: string, protocol: string, port: number])[];
  readonly affinity: boolean;
}

const known = new WeakMap<V1PodSpec, PodNeeds>();

function hostPorts(spec: V1PodSpec): (readonly [string, string, number])[] {
  const out: (readonly [string, string, number])[] = [];
  const sidecars = (spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  for (const c of [...spec.containers, ...sidecars])
    for (const p of c.ports ?? []) if (p.hostPort) out.push([p.hostIP || '0.0.0.0', p.protocol ?? 'TCP', p.hostPort]);
  return out;
}

const EMPTY: V1PodSpec = { containers: [] };

export function needsOf(pod: Pod): PodNeeds {
  const spec = pod.spec ?? EMPTY;
  let needs = known.get(spec);
  if (!needs) {
    const affinity = spec.affinity?.podAffinity !== undefined || spec.affinity?.podAntiAffinity !== undefined;
    needs = { requests: requestsOf(spec, false), counted: requestsOf(spec, true), ports: hostPorts(spec), affinity };
    known.set(spec, needs);
  }
  return needs;
}

/** A node and what is on it. */
export class NodeInfo {
  node: Node;
  readonly pods = new Map<string, Pod>();
  readonly withAffinity = new Map<string, Pod>();
  readonly requested: Amounts = new Map();
  readonly counted: Amounts = new Map();
  allocatable: Amounts = new Map();
  readonly images = new Map<string, number>();

  constructor(node: Node) {
    this.node = node;
    this.setNode(node);
  }

  setNode(node: Node): void {
    this.node = node;
    this.allocatable = new Map();
    addTo(this.allocatable, node.status?.allocatable as Quantities);
    this.images.clear();
    for (const image of node.status?.images ?? []) for (const name of image.names ?? []) this.images.set(name, image.sizeBytes ?? 0);
  }

  add(pod: Pod): void {
    const key = keyOf(pod);
    const before = this.pods.get(key);
    this.pods.set(key, pod);
    const needs = needsOf(pod);
    if (needs.affinity) this.withAffinity.set(key, pod);
    if (before?.spec === pod.spec) return;
    if (before) this.count(before, -1);
    this.count(pod, 1);
  }

  remove(key: string): void {
    const pod = this.pods.get(key);
    if (!pod) return;
    this.pods.delete(key);
    this.withAffinity.delete(key);
    this.count(pod, -1);
  }

  private count(pod: Pod, sign: number): void {
    const needs = needsOf(pod);
    for (const [name, n] of needs.requests) this.requested.set(name, (this.requested.get(name) ?? 0) + sign * n);
    for (const [name, n] of needs.counted) this.counted.set(name, (this.counted.get(name) ?? 0) + sign * n);
  }

  /** The same node without some pods: for what-if. */
  without(keys: readonly string[]): NodeInfo {
    const out = new NodeInfo(this.node);
    for (const pod of this.pods.values()) out.add(pod);
    for (const key of keys) out.remove(key);
    return out;
  }
}

export function portsConflict(pod: Pod, info: NodeInfo): boolean {
  const want = needsOf(pod).ports;
  if (want.length === 0) return false;
  for (const other of info.pods.values())
    for (const [ip, protocol, port] of needsOf(other).ports)
      for (const [wip, wprotocol, wport] of want)
        if (port === wport && protocol === wprotocol && (ip === wip || ip === '0.0.0.0' || wip === '0.0.0.0')) return true;
  return false;
}
