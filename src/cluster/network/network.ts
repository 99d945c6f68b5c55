/** What a pod network is made of: objects for the API, programs of nodes and of its images. */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import type { Client } from '../api/client.ts';
import type { KubeObject } from '../api/object.ts';
import type { Image } from '../images/image.ts';

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
  readonly images: readonly Image[];
  /** Programs that the images name. */
  readonly commands: (api: ApiFor) => readonly Command[];
}
