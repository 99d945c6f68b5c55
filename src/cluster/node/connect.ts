/** How programs of a node find the API of their cluster. */

import type { Sim } from '../../sim/sim.ts';
import type { ApiServer } from '../api/server.ts';
import type { KubernetesSpec } from '../world/file.ts';

export interface ClusterApi {
  readonly api: ApiServer;
  readonly kubernetes: KubernetesSpec;
  /** The cluster's certificate authority, as PEM. */
  readonly rootCA: string;
  /** What nodes' objects have when they register. */
  readonly nodes: ReadonlyMap<string, { readonly podCIDRs: readonly string[]; readonly annotations: Readonly<Record<string, string>> }>;
}

const clusters = new WeakMap<Sim, ClusterApi>();

export function provideApi(sim: Sim, cluster: ClusterApi): void {
  clusters.set(sim, cluster);
}

export const clusterApiOf = (sim: Sim): ClusterApi | undefined => clusters.get(sim);
