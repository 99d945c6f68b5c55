/** What probes ask of a cluster at the moment of a check: where a pod runs, what address a name has. */

import type { Node, Pod, Service } from '../cluster/api/object.ts';
import type { ApiServer } from '../cluster/api/server.ts';
import { execFailure, runtimeOf } from '../cluster/node/runtime/runtime.ts';
import type { Container } from '../cluster/node/runtime/types.ts';
import type { Cluster } from '../cluster/world/boot.ts';
import type { Netns } from '../net/netns.ts';
import type { Machine } from '../os/machine.ts';
import type { SpawnOptions } from '../os/process.ts';
import { ClusterOperations } from './clusterops.ts';
import type { Operations } from './operations.ts';
import { fits } from './pattern.ts';
import type { Host } from './world.ts';

/** A container as a place to start from. */
export interface PodPlace extends Host {
  /** How its programs see the machine: files, host name, environment. */
  readonly view: SpawnOptions;
}

/** A pod's network namespace, from the moment its sandbox is there. */
export interface PodNetwork {
  readonly namespace: string;
  readonly name: string;
  readonly ns: Netns;
}

/** A running container. */
export interface ContainerPlace {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly machine: Machine;
}

export interface Kube {
  /** All running containers, by namespace and pod; those of a pod in the order in which they were made. */
  containers(): readonly ContainerPlace[];
  /** Running pods by `NAMESPACE/NAME`; a name may end in `*`; those of the machines' runtimes, in order of name; of the same name the newest. */
  pods(namespace: string, name: string, container?: string): readonly PodPlace[];
  /** Address of a pod, Service or node as the API tells it; null when there is none. */
  address(kind: 'pod' | 'service' | 'node', name: string, namespace: string): string | null;
  /** The pod that lives in a network namespace. */
  podIn(hostname: string, netns: string): string | null;
  /** The networks of all pods that have one of their own, machine by machine. */
  networks(): readonly PodNetwork[];
  readonly cluster: Cluster;
  /** PEM of the authority that signed what the cluster's own servers show. */
  readonly authority: string | null;
  /** The API server's own memory. */
  readonly server: ApiServer;
  /** What a grader does to it. */
  readonly operations: Operations;
}

export function kubeOf(cluster: Cluster, machines: ReadonlyMap<string, Machine>): Kube {
  const placeOf = (machine: Machine, c: Container): PodPlace => {
    const runtime = runtimeOf(machine);
    const { namespace, name } = c.sandbox.config;
    const { ns, uts } = c.sandbox;
    return {
      id: namespace === 'default' ? name : `${namespace}/${name}`,
      title: `pod ${name}`,
      kind: 'pod',
      machine,
      ns,
      enter: (argv, opts) => runtime.enter(c, argv, opts),
      refused: (program, errno) =>
        `error: Internal error occurred: error executing command in container: ${execFailure(c.id, [program], errno)}`,
      view: { mnt: c.mnt, uts, ns },
    };
  };
  return {
    server: cluster.api,
    operations: new ClusterOperations(cluster, machines),
    containers() {
      const found: ContainerPlace[] = [];
      for (const machine of machines.values())
        for (const { state, config, sandbox } of runtimeOf(machine).containers.values())
          if (state === 'Running')
            found.push({ namespace: sandbox.config.namespace, pod: sandbox.config.name, container: config.name, machine });
      const key = (c: ContainerPlace): string => `${c.namespace}/${c.pod}`;
      return found.sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
    },
    pods(namespace, name, container) {
      const found = new Map<string, PodPlace>();
      for (const machine of machines.values())
        for (const c of runtimeOf(machine).containers.values()) {
          const { config } = c.sandbox;
          if (c.state !== 'Running' || !fits(namespace, config.namespace) || !fits(name, config.name)) continue;
          const key = `${config.namespace}/${config.name}`;
          const same = found.get(key)?.ns === c.sandbox.ns;
          if (container === undefined ? !same : c.config.name === container) found.set(key, placeOf(machine, c));
        }
      if (found.size > 1) {
        // One that is about to end is no place to ask from while there are others.
        const all = cluster.admin.list<Pod>('pods');
        const ending = (all.ok ? all.value.items : []).filter((p) => p.metadata.deletionTimestamp !== undefined);
        for (const { metadata } of ending) if (found.size > 1) found.delete(`${metadata.namespace}/${metadata.name}`);
      }
      return [...found].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, place]) => place);
    },
    address(kind, name, namespace) {
      if (kind === 'node') {
        const nodes = cluster.admin.list<Node>('nodes');
        const node = nodes.ok ? nodes.value.items.find((n) => fits(name, n.metadata.name)) : undefined;
        return node?.status?.addresses?.find((a) => a.type === 'InternalIP')?.address ?? null;
      }
      if (kind === 'service') {
        const services = cluster.admin.list<Service>('services', { namespace });
        const service = services.ok ? services.value.items.find((s) => fits(name, s.metadata.name)) : undefined;
        const ip = service?.spec?.clusterIP;
        return ip === undefined || ip === 'None' || ip === '' ? null : ip;
      }
      const pods = cluster.admin.list<Pod>('pods', { namespace });
      if (!pods.ok) return null;
      const pod = pods.value.items.find(
        (p) => fits(name, p.metadata.name) && p.metadata.deletionTimestamp === undefined && p.status?.phase === 'Running' && p.status.podIP,
      );
      return pod?.status?.podIP ?? null;
    },
    podIn(hostname, netns) {
      for (const machine of machines.values()) {
        if (machine.kernel.hostname !== hostname) continue;
        const ns: Netns | undefined = machine.kernel.named.get(netns);
        for (const s of ns ? runtimeOf(machine).sandboxes.values() : []) if (s.ns === ns) return s.config.name;
      }
      return null;
    },
    cluster,
    networks: () =>
      cluster.nodes.flatMap((node) => {
        const machine = machines.get(node.machine.name);
        const sandboxes = machine ? [...runtimeOf(machine).sandboxes.values()] : [];
        return sandboxes.flatMap(({ config: { namespace, name, hostNetwork }, ns }) =>
          ns.alive && !hostNetwork ? [{ namespace, name, ns }] : [],
        );
      }),
    get authority() {
      for (const machine of machines.values()) {
        const pem = machine.init.readText('/etc/kubernetes/pki/ca.crt');
        if (pem !== null) return pem;
      }
      return null;
    },
  };
}
