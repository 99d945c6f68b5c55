/** The places that a learner may enter, as a list to choose from. */

import { type Entrance, ownHosts, ownNodes, reachesPods } from './enter.ts';
import type { Host } from './world.ts';

export interface Place {
  /** As `enterAt` understands it. */
  readonly place: string;
  readonly title: string;
  readonly kind: 'node' | 'pod' | 'outside' | 'netns';
  /** The machine that it is on, where that is not the place itself. */
  readonly on: string | null;
}

/** A longer list is no help; a cluster of a dozen nodes has fewer. */
const MAX = 1000;

export function placesOf(e: Entrance): Place[] {
  const hosts = ownHosts(e);
  const out = hosts.map(
    (h): Place => ({ place: h.id, title: h.title, kind: h.kind, on: h.kind === 'pod' ? h.machine.kernel.hostname : null }),
  );
  const reached = new Map<object, boolean>();
  const reaches = (machine: Host['machine']): boolean => {
    const known = reached.get(machine) ?? reachesPods(e, machine);
    reached.set(machine, known);
    return known;
  };
  const all = e.world.kube?.containers() ?? [];
  const counts = new Map<string, number>();
  for (const { namespace, pod } of all) counts.set(`${namespace}/${pod}`, (counts.get(`${namespace}/${pod}`) ?? 0) + 1);
  const listed = new Set(hosts.map((h) => h.id));
  for (const { namespace, pod, container, machine } of all) {
    const one = counts.get(`${namespace}/${pod}`) === 1;
    if ((one && listed.has(namespace === 'default' ? pod : `${namespace}/${pod}`)) || !reaches(machine)) continue;
    const title = `${namespace}/${pod}${one ? '' : `:${container}`}`;
    out.push({ place: `pod ${title}`, title, kind: 'pod', on: machine.kernel.hostname });
  }
  if (!e.world.kube)
    for (const h of e.world.hosts.values())
      if (h.kind === 'pod' && !listed.has(h.id) && reaches(h.machine))
        out.push({ place: `pod ${h.id}`, title: h.id, kind: 'pod', on: h.machine.kernel.hostname });
  for (const node of ownNodes(e))
    for (const name of [...node.machine.kernel.named.keys()].sort()) {
      const pod = e.world.kube?.podIn(node.machine.kernel.hostname, name);
      out.push({ place: `${node.id}/${name}`, title: pod ? `${name} (pod ${pod})` : name, kind: 'netns', on: node.id });
    }
  return out.slice(0, MAX);
}
