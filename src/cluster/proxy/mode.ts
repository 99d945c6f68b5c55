/** What a proxy mode is to kube-proxy: one object for each family. Models pkg/proxy/types.go Provider */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import type { Threads } from '../../os/threads.ts';
import type { LocalDetector } from './detect.ts';
import type { ProxyConfig } from './flags.ts';
import type { NodePortAddresses } from './nodeports.ts';
import type { Place } from './topology.ts';
import type { Changes, Tracker } from './tracker.ts';

/** What a mode is given. */
export interface ModeContext {
  readonly p: Process;
  readonly threads: Threads;
  readonly config: ProxyConfig;
  readonly tracker: Tracker;
  readonly detector: LocalDetector | null;
  readonly nodePortAddresses: NodePortAddresses;
  /** The node's address of the family, empty when it has none. */
  readonly nodeIP: string;
  /** Asked at each sync: labels of the node change. */
  readonly place: () => Place;
  readonly serviceCIDRs: () => readonly string[];
  readonly ownIPs: () => readonly string[];
  /** The rules were taken away behind kube-proxy's back: writes everything anew. */
  readonly reload: () => Task<void>;
}

export interface SyncOutcome {
  readonly ok: boolean;
  readonly error: string;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface Proxier {
  /** Before the first sync. */
  start(): Task<void>;
  sync(changes: Changes, full: boolean): Task<SyncOutcome>;
  /** Large clusters are not written anew from time to time. */
  readonly periodicFullSync: boolean;
}

export interface ProxyMode {
  readonly name: string;
  /** A line that says why it cannot run; null when it can. */
  readonly refused: string | null;
  create?(cx: ModeContext): Proxier;
  /** Takes all rules of the mode away. False when something failed. */
  cleanup?(p: Process): Task<boolean>;
}
