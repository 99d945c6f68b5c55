/** What the container runtime keeps: sandboxes, containers, their configuration. Models the messages of CRI v1 */

import type { OpenFile } from '../../../os/file.ts';
import type { Directory, Inode } from '../../../os/inode.ts';
import type { IpcNamespace } from '../../../os/ipc.ts';
import type { PidNamespace } from '../../../os/pidns.ts';
import type { Process, Uts } from '../../../os/process.ts';
import type { Tty } from '../../../os/tty.ts';
import type { Netns } from '../../../os/uapi.ts';
import type { MountTable } from '../../../os/vfs.ts';
import type { Micros } from '../../../sim/sim.ts';
import type { Image } from '../../images/image.ts';
import type { ContainerLog } from './logs.ts';

/** A gRPC status or a value. */
export type Rpc<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly code: string; readonly text: string };

export const rpcError = (r: { readonly code: string; readonly text: string }): string => `rpc error: code = ${r.code} desc = ${r.text}`;
export const unknown = (text: string): { readonly ok: false; readonly code: string; readonly text: string } => ({
  ok: false,
  code: 'Unknown',
  text,
});
export const missing = (text: string): { readonly ok: false; readonly code: string; readonly text: string } => ({
  ok: false,
  code: 'NotFound',
  text,
});

export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly containerPort: number;
  readonly hostPort: number;
  readonly hostIP: string;
}

export interface SandboxConfig {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly attempt: number;
  readonly hostname: string;
  readonly logDirectory: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly hostNetwork: boolean;
  readonly hostPid: boolean;
  readonly hostIpc: boolean;
  /** One PID namespace for all containers. */
  readonly sharedPid: boolean;
  readonly portMappings: readonly PortMapping[];
  /** Text of /etc/resolv.conf. */
  readonly resolvConf: string;
  readonly sysctls: readonly (readonly [string, string])[];
  readonly bandwidth?: { readonly ingress?: number; readonly egress?: number };
}

export interface Sandbox {
  readonly id: string;
  readonly config: SandboxConfig;
  readonly createdAt: Micros;
  state: 'Ready' | 'NotReady';
  /** Path below /run/netns; empty on the host's network. */
  readonly netnsPath: string;
  readonly ns: Netns;
  readonly uts: Uts;
  readonly pidns: PidNamespace | null;
  readonly ipcns: IpcNamespace;
  readonly shm: Directory;
  ips: readonly string[];
  shim: Process | null;
  pause: Process | null;
  readonly resolvConf: Inode;
  readonly hostname: Inode;
  /** The configuration list that the network was made with, for DEL. */
  network: string;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly node: Inode;
  readonly readonly: boolean;
  readonly type?: string;
}

export interface ContainerConfig {
  readonly name: string;
  readonly attempt: number;
  /** As the user wrote it. */
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly env: readonly (readonly [string, string])[];
  /** Further variables, shared by many containers; `env` wins. */
  readonly links: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly privileged: boolean;
  /** Shares the PID namespace of another container of the sandbox (kubectl debug --target). */
  readonly targetId: string;
}

export type ContainerState = 'Created' | 'Running' | 'Exited';

export interface Container {
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly config: ContainerConfig;
  readonly image: Image;
  /** With domain, path and tag. */
  readonly imageName: string;
  /** Repository and digest. */
  readonly imageRef: string;
  readonly createdAt: Micros;
  state: ContainerState;
  startedAt: Micros;
  finishedAt: Micros;
  exitCode: number;
  reason: string;
  message: string;
  process: Process | null;
  pidns: PidNamespace | null;
  readonly mnt: MountTable;
  readonly root: Directory;
  readonly log: ContainerLog;
  /** Where `attach` writes to; null without stdin or once it was closed. */
  stdin: OpenFile | null;
  tty: Tty | null;
}
