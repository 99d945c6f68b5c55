/** Which endpoints a node uses: traffic policies, readiness, hints. Models pkg/proxy/topology.go */

import type { Endpoint } from './endpoints.ts';
import type { ServicePort } from './serviceport.ts';

export interface Categorized {
  /** For the Cluster traffic policy. */
  readonly cluster: readonly Endpoint[];
  /** For the Local traffic policy. */
  readonly local: readonly Endpoint[];
  /** Both together: those that need a chain. */
  readonly reachable: readonly Endpoint[];
  /** There is a usable endpoint somewhere in the cluster. */
  readonly any: boolean;
}

export interface Place {
  readonly node: string;
  readonly zone: string;
}

const NO_ENDPOINTS: readonly Endpoint[] = [];

/** Lists that are the same on every node, by list of all endpoints. */
const readyOf = new WeakMap<readonly Endpoint[], readonly Endpoint[]>();

function ready(all: readonly Endpoint[]): readonly Endpoint[] {
  const before = readyOf.get(all);
  if (before) return before;
  const made = all.every((e) => e.ready) ? all : all.filter((e) => e.ready);
  readyOf.set(all, made);
  return made;
}

type Mode = 'PreferSameNode' | 'PreferSameZone' | '';

function topologyMode(usable: readonly Endpoint[], place: Place): Mode {
  if (usable.length === 0) return '';
  const { node, zone } = place;
  if (usable.every((e) => e.nodeHints.length > 0) && usable.some((e) => e.nodeHints.includes(node))) return 'PreferSameNode';
  if (usable.every((e) => e.zoneHints.length > 0) && usable.some((e) => e.zoneHints.includes(zone))) return 'PreferSameZone';
  return '';
}

/** Ready endpoints; when there are none, those that still serve while they terminate, for each policy on its own (KEP-1669). */
export function categorize(all: readonly Endpoint[], port: ServicePort, place: Place): Categorized {
  let cluster = NO_ENDPOINTS;
  let any = false;
  let mode: Mode = '';
  if (port.usesClusterEndpoints) {
    const usable = ready(all);
    mode = topologyMode(usable, place);
    cluster =
      mode === ''
        ? usable
        : usable.filter((e) => (mode === 'PreferSameNode' ? e.nodeHints.includes(place.node) : e.zoneHints.includes(place.zone)));
    if (cluster.length === 0) cluster = all.filter((e) => e.serving && e.terminating);
    any = cluster.length > 0;
  }
  if (!port.usesLocalEndpoints) return { cluster, local: NO_ENDPOINTS, reachable: cluster, any };
  const here = all.filter((e) => e.nodeName === place.node && place.node !== '');
  let local = here.filter((e) => e.ready);
  const terminating = local.length === 0;
  if (terminating) local = here.filter((e) => e.serving && e.terminating);
  any ||= all.some((e) => e.ready || (e.serving && e.terminating));
  if (!port.usesClusterEndpoints) return { cluster, local, reachable: local, any };
  if (mode === '' && !(terminating && local.length > 0)) return { cluster, local, reachable: cluster, any };
  const both = new Map<string, Endpoint>();
  for (const e of [...cluster, ...local]) both.set(e.text, e);
  const reachable = [...both.values()].sort((a, b) => (a.text < b.text ? -1 : 1));
  return { cluster, local, reachable, any };
}
