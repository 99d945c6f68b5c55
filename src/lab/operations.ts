/** What a grader does to a world besides working in it: pods come, go and move, components write their state anew, nodes start again. */

import type { Client } from '../cluster/api/client.ts';
import type { Machine } from '../os/machine.ts';

export interface NewPod {
  readonly name: string;
  readonly node: string;
  /** A free one when not given. */
  readonly ip?: string;
  /** An HTTP server on 8080. */
  readonly serves: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** In a cluster; `default` when not given. */
  readonly namespace?: string;
}

/** Each returns null, or says why it cannot be done. Virtual time passes as far as the thing itself needs it. */
export interface Operations {
  addPod(pod: NewPod): string | null;
  /** A name may end in `*`. */
  deletePod(name: string, namespace: string): string | null;
  /** As `kubectl rollout restart`. */
  restart(kind: string, name: string, namespace: string): string | null;
  scale(deployment: string, namespace: string, replicas: number): string | null;
  /** The pod ends and is there again under the same name at another place. */
  movePod(name: string, namespace: string, node: string, ip: string | undefined): string | null;
  /** Lets components finish what they are at: until nothing changes any more and young pods are ready, or for some seconds. */
  settle(): void;
  /** kube-proxy writes all of its rules anew, on every node where it runs; with `touched` only where somebody changed them. */
  resync(touched?: boolean): string | null;
  /** Everything in the node's memory is lost, then it starts as its files say. */
  reboot(node: string): string | null;
  /** Waits until every pod is Ready, that long at most, in seconds. */
  ready(seconds: number): string | null;
  /** With all rights; null in a world without Kubernetes. */
  readonly api: Client | null;
  /** A resource by whatever name kubectl knows it: `deploy`, `Deployment`, `deployments.apps`. */
  resource(kind: string): { readonly name: string; readonly namespaced: boolean } | null;
  /** Where kubectl is at home. */
  readonly controlPlane: Machine | null;
}
