/**
 * Where a learner may open a terminal: on the lab's hosts, and where he could get to from them anyway. From a node that is one of them
 * into the pods and named network namespaces there (`crictl exec`, `nsenter`, `ip netns exec`); from any of them that has kubectl and a
 * kubeconfig into every pod (`kubectl exec`). A lab that forbids those programs forbids those ways.
 */

import type { AuditSession } from '../os/audit.ts';
import type { Lab } from './lab.ts';
import type { Host, World } from './world.ts';

export interface Entrance {
  readonly lab: Lab;
  readonly world: World;
  readonly learner: AuditSession;
}

const KUBECONFIG = '/root/.kube/config';

const allowed = ({ learner }: Entrance, names: readonly string[]): boolean => names.some((n) => learner.allows(n, `/usr/bin/${n}`));

/** The hosts that the lab lists; all of the world's without a list. */
export function ownHosts({ lab, world }: Entrance): Host[] {
  return [...world.hosts.values()].filter((h) => lab.hosts.length === 0 || lab.hosts.includes(h.id));
}

const isNode = (h: Host): boolean => h.kind !== 'pod' && h.ns === h.machine.kernel.init;

/** Nodes into whose namespaces the learner may go. */
export function ownNodes(e: Entrance): Host[] {
  return allowed(e, ['ip', 'nsenter']) ? ownHosts(e).filter(isNode) : [];
}

/** Whether the learner has a way to the pods on that machine. */
export function reachesPods(e: Entrance, machine: Host['machine']): boolean {
  const own = ownHosts(e).filter(isNode);
  if (own.some((h) => h.machine === machine) && allowed(e, ['crictl', 'nsenter', 'ip'])) return true;
  return allowed(e, ['kubectl']) && own.some(({ machine: m }) => m.init.which('kubectl').ok && m.init.stat(KUBECONFIG).ok);
}

/** `pod [NAMESPACE/]NAME[:CONTAINER]` */
function podAt(e: Entrance, place: string): Host | string {
  const [, namespace = 'default', name = '', container] = /^pod (?:([^/:*]+)\/)?([^/:*]+)(?::([^/:*]+))?$/.exec(place) ?? [];
  const { world } = e;
  if (name === '') return `"${place}" is no pod's name: write pod NAMESPACE/NAME or pod NAMESPACE/NAME:CONTAINER`;
  const hosts = world.hosts.get(name);
  const found = world.kube
    ? world.kube.pods(namespace, name, container)[0]
    : namespace === 'default' && hosts?.kind === 'pod' && container === undefined
      ? hosts
      : undefined;
  if (!found)
    return container === undefined
      ? `no pod ${namespace}/${name} is running`
      : `no container ${container} is running in pod ${namespace}/${name}`;
  if (!reachesPods(e, found.machine)) return `pod ${namespace}/${name} is out of reach: none of this lab's hosts has a way into it`;
  return { ...found, id: place };
}

/** `NODE/NAME` of a network namespace with a name. */
function netnsAt(e: Entrance, place: string): Host | string {
  const [id = '', name = ''] = place.split('/');
  const node = ownNodes(e).find((h) => h.id === id);
  if (!node) return `there is no host "${place}" in this lab`;
  const { machine } = node;
  const ns = machine.kernel.named.get(name);
  if (!ns) return `there is no network namespace ${name} on ${id}`;
  const enter: Host['enter'] = (argv, opts) =>
    machine.spawn(['ip', 'netns', 'exec', name, ...argv], {
      env: new Map([...machine.baseEnv(), ['TERM', 'xterm-256color']]),
      cwd: '/root',
      ...opts,
    });
  return { id: place, title: place, kind: 'node', machine, ns, enter };
}

/** A pod that has been made anew since the world began is found under its old id. */
function today({ world }: Entrance, host: Host): Host {
  if (host.kind !== 'pod' || !world.kube) return host;
  const [name = '', namespace = 'default'] = host.id.split('/').reverse();
  return { ...host, ...world.kube.pods(namespace, name)[0], id: host.id };
}

/** What a terminal at that place runs on; a text that says why there is none. */
export function enterAt(e: Entrance, place: string): Host | string {
  const host = ownHosts(e).find((h) => h.id === place);
  if (host) return today(e, host);
  if (place.startsWith('pod ')) return podAt(e, place);
  return place.includes('/') ? netnsAt(e, place) : `there is no host "${place}" in this lab`;
}
