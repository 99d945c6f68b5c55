/** What a cluster has before anybody made anything: its namespaces. Models controlplane's controllers and post-start hooks. */

import type { AnyObject, KubeObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';
import { create } from './write.ts';

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'] as const;

const PRIORITIES = [
  ['system-node-critical', 2000001000, 'Used for system critical pods that must not be moved from their current node.'],
  ['system-cluster-critical', 2000000000, 'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.'],
] as const;

export function bootstrap(server: ApiServer): void {
  const call = server.call({ name: 'system:apiserver', groups: ['system:masters'] }, 'kube-apiserver');
  for (const name of NAMESPACES) {
    const namespace = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    };
    create(call, server.scheme.named('namespaces') as ResourceDef, namespace as KubeObject as AnyObject);
  }
  for (const [name, value, description] of PRIORITIES) {
    const priority = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value, globalDefault: false, description, preemptionPolicy: 'PreemptLowerPriority' };
    create(call, server.scheme.named('priorityclasses.scheduling.k8s.io') as ResourceDef, priority as KubeObject as AnyObject);
  }
}
