/** What enforces policies on a node. */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import type { IpAddr } from '../../wire/addr.ts';
import type { CompiledPolicy, PodView, PolicyModel } from './model.ts';

export interface PolicyState {
  readonly model: PolicyModel;
  /** In the order of their keys. */
  readonly policies: readonly CompiledPolicy[];
  /** Pods of this node, in the order of their keys. */
  readonly local: readonly PodView[];
  /** Cluster addresses of Services. */
  readonly services: ReadonlySet<IpAddr>;
}

export interface Enforcer {
  apply(state: PolicyState): Task<void>;
}

export interface EnforcerKind {
  readonly name: string;
  create(p: Process): Enforcer;
}
