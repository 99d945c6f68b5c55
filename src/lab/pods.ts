/** Pods of a world without Kubernetes: wired and unwired as a CNI plugin does it. */

import { setUp } from '../cluster/setup.ts';
import { netnsName, type PodSpec, podLinks, vethName } from '../cluster/world/w1.ts';
import { addNetns, delNetns } from '../net/rtnl/netns.ts';
import type { Machine } from '../os/machine.ts';
import { startCommand } from '../os/run.ts';
import type { Host } from './world.ts';

/** @throws Error naming the line that does not work, as it is when the node's bridge is gone. */
export function wirePod(m: Machine, pod: PodSpec, subnet: number): Host {
  const name = netnsName(pod.name);
  const made = addNetns(m.kernel, name);
  if (!made.ok) throw new Error(`${m.kernel.hostname}: namespace ${name}: ${made.errno}`);
  const ns = made.value;
  const named = (n: string) => m.kernel.named.get(n);
  const links = podLinks(pod, subnet);
  setUp(m.kernel.init, [...links.node, `link set ${vethName(pod.name)} hairpin on`], named);
  setUp(ns, links.pod, named);
  m.separate(ns, pod.name);
  if (pod.serves) startCommand(m, ['podserver', pod.name, String(pod.port ?? 8080)], { ns });
  return { id: pod.name, title: `pod ${pod.name}`, kind: 'pod', machine: m, ns };
}

/** Its processes end, its namespace with its end of the cable a moment later. */
export function unwirePod({ machine, ns }: Host): void {
  const { kernel, processes } = machine;
  for (const p of [...processes.values()]) if (p.ns === ns) p.raise('KILL');
  const name = kernel.nameOf(ns);
  if (name !== undefined) delNetns(kernel, name, (held) => [...processes.values()].some((p) => p.ns === held));
}
