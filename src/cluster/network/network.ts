/** What a pod network is made of: objects for the API, programs of nodes and of its images. */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import type { Client } from '../api/client.ts';
import type { KubeObject } from '../api/object.ts';

export interface NetworkSettings {
  /** IPv4 range of all pods. */
  readonly clusterCIDR: string;
}

/** How a program of the network finds the API: as the account of its pod; null while there is none. */
export type ApiFor = (p: Process) => Client | null;

export interface Network {
  readonly name: string;
  readonly title: string;
  /** What an administrator applies. */
  readonly manifests: (settings: NetworkSettings) => KubeObject[];
  /** Images that the manifests name. */
  readonly images: readonly string[];
  /** Programs that the images name. */
  readonly commands: (api: ApiFor) => readonly Command[];
}

const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 1_000_000;

/** A client once `works` says so; the connection is made meanwhile. Null when `limit` µs have passed before. */
export function* reachable(p: Process, api: ApiFor, works: (client: Client) => boolean, limit: number | null): Task<Client | null> {
  const deadline = limit === null ? null : p.sim.now + limit;
  let client = api(p);
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    if (client && works(client)) return client;
    if (deadline !== null && p.sim.now >= deadline) return null;
    yield* p.sleep(pause);
    client ??= api(p);
  }
}
