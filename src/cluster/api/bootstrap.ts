/** What a cluster has before anybody made anything: its namespaces. Models controlplane's controllers and post-start hooks. */

import type { AnyObject, KubeObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';
import { create } from './write.ts';

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'] as const;

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
}
