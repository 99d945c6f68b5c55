/** The grader's hands in a world without Kubernetes: pods are wired as the world's own builder wires them. */

import { NODES } from '../cluster/world/w1.ts';
import { formatIp, parseIp4 } from '../wire/addr.ts';
import type { NewPod, Operations } from './operations.ts';
import { pass } from './passing.ts';
import { unwirePod, wirePod } from './pods.ts';
import type { Host, World } from './world.ts';

const NO_KUBERNETES = 'this world has no Kubernetes; ask for it in a world with a cluster, as cluster-w1';
/** Where the search for a free address of a node's pod network begins. */
const FIRST_FREE = 200;

export class StaticOperations implements Operations {
  readonly api = null;
  readonly controlPlane = null;
  private readonly world: World;
  private readonly hosts: Map<string, Host>;

  constructor(world: World) {
    this.world = world;
    this.hosts = world.hosts as Map<string, Host>;
  }

  private freeAddress(subnet: number): string {
    const taken = new Set<string>();
    for (const { machine } of this.hosts.values())
      for (const ns of [machine.kernel.init, ...machine.kernel.named.values()])
        for (const dev of ns.devices.values()) for (const a of dev.addrs4) taken.add(formatIp(a.local));
    let n = FIRST_FREE;
    while (taken.has(`10.244.${subnet}.${n}`) && n < 254) n++;
    return `10.244.${subnet}.${n}`;
  }

  addPod(pod: NewPod): string | null {
    const node = NODES.find((n) => n.name === pod.node);
    const machine = this.hosts.get(pod.node)?.machine;
    if (!node || !machine) return `there is no node ${pod.node}; there are: ${NODES.map((n) => n.name).join(', ')}`;
    if (this.hosts.has(pod.name)) return `there is a host ${pod.name} already`;
    if (pod.ip !== undefined && parseIp4(pod.ip) === null) return `"${pod.ip}" is no IPv4 address`;
    try {
      const ip = pod.ip ?? this.freeAddress(node.subnet);
      this.hosts.set(pod.name, wirePod(machine, { name: pod.name, node: pod.node, ip, serves: pod.serves }, node.subnet));
      return null;
    } catch (e) {
      return (e as Error).message;
    }
  }

  deletePod(name: string): string | null {
    const host = this.hosts.get(name);
    if (host?.kind !== 'pod') return `there is no pod ${name}`;
    unwirePod(host);
    this.hosts.delete(name);
    return null;
  }

  movePod(name: string, namespace: string, node: string, ip: string | undefined): string | null {
    const serves = [...(this.hosts.get(name)?.machine.processes.values() ?? [])].some(
      (p) => p.ns === this.hosts.get(name)?.ns && p.name === 'podserver',
    );
    const gone = this.deletePod(name);
    if (gone !== null) return gone;
    // The cable's name is free only once the old one has gone.
    pass(this.world.sim, 20_000);
    return this.addPod({ name, namespace, node, serves, ...(ip === undefined ? {} : { ip }) });
  }

  settle(): void {}

  resync(): string {
    return NO_KUBERNETES;
  }

  reboot(): string {
    return NO_KUBERNETES;
  }

  resource(): null {
    return null;
  }

  restart(): string {
    return NO_KUBERNETES;
  }

  scale(): string {
    return NO_KUBERNETES;
  }

  ready(): null {
    return null;
  }
}
