/** What a cluster has before anybody made anything: its namespaces. Models controlplane's controllers and post-start hooks. */

import type { AnyObject, KubeObject } from './object.ts';
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES } from './rbac-roles.ts';
import type { ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';
import { create, store } from './write.ts';

const NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'] as const;

const PRIORITIES = [
  ['system-node-critical', 2000001000, 'Used for system critical pods that must not be moved from their current node.'],
  [
    'system-cluster-critical',
    2000000000,
    'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  ],
] as const;

/** Group, version and the priorities with which kube-aggregator sorts discovery. */
const API_SERVICES = [
  ['', 'v1', 18000, 1],
  ['apps', 'v1', 17800, 15],
  ['events.k8s.io', 'v1', 17750, 15],
  ['authentication.k8s.io', 'v1', 17700, 15],
  ['authorization.k8s.io', 'v1', 17600, 15],
  ['autoscaling', 'v1', 17500, 15],
  ['autoscaling', 'v2', 17500, 30],
  ['batch', 'v1', 17400, 15],
  ['certificates.k8s.io', 'v1', 17300, 15],
  ['networking.k8s.io', 'v1', 17200, 15],
  ['policy', 'v1', 17100, 15],
  ['rbac.authorization.k8s.io', 'v1', 17000, 15],
  ['storage.k8s.io', 'v1', 16800, 15],
  ['apiextensions.k8s.io', 'v1', 16700, 15],
  ['admissionregistration.k8s.io', 'v1', 16700, 15],
  ['scheduling.k8s.io', 'v1', 16600, 15],
  ['coordination.k8s.io', 'v1', 16500, 15],
  ['node.k8s.io', 'v1', 16300, 15],
  ['discovery.k8s.io', 'v1', 16200, 15],
  ['flowcontrol.apiserver.k8s.io', 'v1', 16100, 21],
  ['resource.k8s.io', 'v1', 16000, 20],
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
  for (const [group, version, groupPriority, versionPriority] of API_SERVICES) {
    const name = group === '' ? version : `${version}.${group}`;
    const service = {
      apiVersion: 'apiregistration.k8s.io/v1',
      kind: 'APIService',
      metadata: { name: group === '' ? `${version}.` : name, labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } },
      spec: { ...(group === '' ? {} : { group }), groupPriorityMinimum: groupPriority, version, versionPriority },
    };
    const status = {
      conditions: [
        {
          lastTransitionTime: server.now,
          message: 'Local APIServices are always available',
          reason: 'Local',
          status: 'True',
          type: 'Available',
        },
      ],
    };
    const def = server.scheme.named('apiservices.apiregistration.k8s.io') as ResourceDef;
    const made = create(call, def, service as KubeObject);
    if (made.ok) store(call, def, { ...made.value, status }, made.value);
  }
  serviceRange(server);
  roles((resource, object) => create(call, server.scheme.named(resource) as ResourceDef, object as KubeObject));
}

/** The object of the server's own Service range. Models controller/defaultservicecidr. */
function serviceRange(server: ApiServer): void {
  const client = server.client({ name: 'system:apiserver', groups: ['system:masters'] });
  const cidrs = (server.options.serviceClusterIPRange ?? '10.96.0.0/12').split(',');
  const made = client.create<AnyObject>({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'ServiceCIDR',
    metadata: { name: 'kubernetes' },
    spec: { cidrs },
  } as unknown as AnyObject);
  if (!made.ok) return;
  const ready = {
    lastTransitionTime: server.now,
    message: 'Kubernetes default Service CIDR is ready',
    reason: '',
    status: 'True',
    type: 'Ready',
  };
  client.update({ ...made.value, status: { conditions: [ready] } } as AnyObject, { subresource: 'status' });
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
