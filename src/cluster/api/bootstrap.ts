/** What a cluster has before anybody made anything: its namespaces. Models controlplane's controllers and post-start hooks. */

import type { AnyObject, KubeObject } from './object.ts';
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES } from './rbac-roles.ts';
import type { ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';
import { create } from './write.ts';

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'] as const;

const PRIORITIES = [
  ['system-node-critical', 2000001000, 'Used for system critical pods that must not be moved from their current node.'],
  [
    'system-cluster-critical',
    2000000000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ],
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
    const priority = {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name },
      value,
      globalDefault: false,
      description,
      preemptionPolicy: 'PreemptLowerPriority',
    };
    create(call, server.scheme.named('priorityclasses.scheduling.k8s.io') as ResourceDef, priority as KubeObject as AnyObject);
  }
  roles((resource, object) => create(call, server.scheme.named(resource) as ResourceDef, object as KubeObject));
}

const BOOTSTRAPPING = {
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' },
  annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
} as const;
const RBAC = 'rbac.authorization.k8s.io';

function roles(make: (resource: string, object: unknown) => unknown): void {
  for (const [name, role] of Object.entries(CLUSTER_ROLES)) {
    const own = name.startsWith('kubeadm:')
      ? {}
      : { annotations: BOOTSTRAPPING.annotations, labels: { ...BOOTSTRAPPING.labels, ...role.labels } };
    const aggregationRule = role.aggregate
      ? { clusterRoleSelectors: [{ matchLabels: { [`${RBAC}/aggregate-to-${role.aggregate}`]: 'true' } }] }
      : undefined;
    make(`clusterroles.${RBAC}`, {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRole',
      metadata: { name, ...own },
      ...(aggregationRule ? { aggregationRule } : {}),
      rules: role.rules,
    });
  }
  for (const [name, [role, ...subjects]] of Object.entries(CLUSTER_ROLE_BINDINGS)) {
    const own = name.startsWith('kubeadm:') ? {} : BOOTSTRAPPING;
    make(`clusterrolebindings.${RBAC}`, {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name, ...own },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
      subjects: subjects.map(([kind, subject]) => {
        if (kind !== 'ServiceAccount') return { apiGroup: RBAC, kind, name: subject };
        const [namespace, account] = subject.split('/');
        return { kind, name: account, namespace };
      }),
    });
  }
}
