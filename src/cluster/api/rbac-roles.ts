/** Cluster roles and bindings that every cluster starts with. Models rbac/bootstrappolicy/policy.go. */

export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

/** `get,list pods,services [apps]` in three parts. */
function rule(verbs: string, groups: string, resources: string, names?: string): PolicyRule {
  return {
    verbs: verbs.split(' '),
    apiGroups: groups.split(' ').map((g) => (g === '-' ? '' : g)),
    resources: resources.split(' '),
    ...(names ? { resourceNames: names.split(' ') } : {}),
  };
}

const paths = (text: string): PolicyRule => ({ verbs: ['get'], nonResourceURLs: text.split(' ') });

const READ = 'get list watch';
const WRITE = 'create delete deletecollection patch update';
const ALL = '*';
const EVENTS = 'events.k8s.io';

const VIEW: readonly PolicyRule[] = [
  rule(
    READ,
    '-',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
  ),
  rule(
    READ,
    '-',
    'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
  ),
  rule(READ, '-', 'namespaces'),
  rule(READ, 'discovery.k8s.io', 'endpointslices'),
  rule(
    READ,
    'apps',
    'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
  ),
  rule(READ, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
  rule(READ, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
  rule(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
  rule(READ, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
];

const EDIT: readonly PolicyRule[] = [
  rule(READ, '-', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy'),
  rule('impersonate', '-', 'serviceaccounts'),
  rule(WRITE, '-', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
  rule('create', '-', 'pods/eviction'),
  rule(
    WRITE,
    '-',
    'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
  ),
  rule('create', '-', 'serviceaccounts/token'),
  rule(
    WRITE,
    'apps',
    'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale',
  ),
  rule(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
  rule(WRITE, 'batch', 'cronjobs jobs'),
  rule(WRITE, 'policy', 'poddisruptionbudgets'),
  rule(WRITE, 'networking.k8s.io', 'ingresses networkpolicies'),
  rule('create delete deletecollection get list patch update watch', 'coordination.k8s.io', 'leases'),
];

const ADMIN: readonly PolicyRule[] = [
  rule('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
  rule('create delete deletecollection get list patch update watch', 'rbac.authorization.k8s.io', 'rolebindings roles'),
];

const eventsRule = rule('create patch update', `- ${EVENTS}`, 'events');
const review = [rule('create', 'authentication.k8s.io', 'tokenreviews'), rule('create', 'authorization.k8s.io', 'subjectaccessreviews')];

export interface BootstrapRole {
  readonly rules: readonly PolicyRule[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly aggregate?: string;
}

const aggregated = (to: string, rules: readonly PolicyRule[]): BootstrapRole => ({
  rules,
  labels: { [`rbac.authorization.k8s.io/aggregate-to-${to}`]: 'true' },
});

export const CLUSTER_ROLES: Readonly<Record<string, BootstrapRole>> = {
  'cluster-admin': { rules: [rule(ALL, ALL, ALL), { verbs: ['*'], nonResourceURLs: ['*'] }] },
  admin: { rules: [...ADMIN, ...EDIT, ...VIEW], aggregate: 'admin' },
  edit: { rules: [...EDIT, ...VIEW], aggregate: 'edit', labels: { 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' } },
  view: { rules: VIEW, aggregate: 'view', labels: { 'rbac.authorization.k8s.io/aggregate-to-edit': 'true' } },
  'system:aggregate-to-admin': aggregated('admin', ADMIN),
  'system:aggregate-to-edit': aggregated('edit', EDIT),
  'system:aggregate-to-view': aggregated('view', VIEW),
  'system:basic-user': {
    rules: [
      rule('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
      rule('create', 'authentication.k8s.io', 'selfsubjectreviews'),
    ],
  },
  'system:discovery': {
    rules: [paths('/.well-known /.well-known/* /api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/')],
  },
  'system:public-info-viewer': { rules: [paths('/healthz /livez /readyz /version /version/')] },
  'system:service-account-issuer-discovery': {
    rules: [paths('/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/')],
  },
  'system:monitoring': { rules: [paths('/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*')] },
  'system:auth-delegator': { rules: review },
  'system:kube-aggregator': { rules: [rule(READ, '-', 'endpoints services')] },
  'system:kubelet-api-admin': {
    rules: [
      rule('get list watch', '-', 'nodes'),
      rule('proxy', '-', 'nodes'),
      rule(ALL, '-', 'nodes/log nodes/metrics nodes/proxy nodes/stats'),
    ],
  },
  'system:heapster': { rules: [rule(READ, '-', 'events namespaces nodes pods'), rule(READ, 'extensions', 'deployments')] },
  'system:node': {
    rules: [
      ...review,
      rule(READ, '-', 'services'),
      rule('create get list watch', '-', 'nodes'),
      rule('patch update', '-', 'nodes/status'),
      rule('patch update', '-', 'nodes'),
      eventsRule,
      rule(READ, '-', 'pods'),
      rule('create delete', '-', 'pods'),
      rule('patch update', '-', 'pods/status'),
      rule('create', '-', 'pods/eviction'),
      rule(READ, '-', 'configmaps secrets'),
      rule('get', '-', 'persistentvolumeclaims persistentvolumes'),
      rule('get', '-', 'endpoints'),
      rule('create get list watch', 'certificates.k8s.io', 'certificatesigningrequests'),
      rule('create delete get patch update', 'coordination.k8s.io', 'leases'),
      rule(READ, 'storage.k8s.io', 'csidrivers csinodes volumeattachments'),
      rule('create', '-', 'serviceaccounts/token'),
      rule(READ, 'node.k8s.io', 'runtimeclasses'),
    ],
  },
  'system:node-proxier': {
    rules: [
      rule('list watch', '-', 'services endpoints'),
      rule(READ, '-', 'nodes'),
      eventsRule,
      rule('list watch', 'discovery.k8s.io', 'endpointslices'),
      rule('list watch', 'networking.k8s.io', 'servicecidrs'),
    ],
  },
  'system:node-problem-detector': { rules: [rule('get', '-', 'nodes'), rule('patch', '-', 'nodes/status'), eventsRule] },
  'system:node-bootstrapper': { rules: [rule('create get list watch', 'certificates.k8s.io', 'certificatesigningrequests')] },
  'system:kube-dns': { rules: [rule('list watch', '-', 'endpoints services')] },
  'system:kube-scheduler': {
    rules: [
      eventsRule,
      rule('create', 'coordination.k8s.io', 'leases'),
      rule('get patch update', 'coordination.k8s.io', 'leases', 'kube-scheduler'),
      rule(READ, '-', 'nodes'),
      rule('delete get list watch', '-', 'pods'),
      rule('create', '-', 'bindings pods/binding'),
      rule('patch update', '-', 'pods/status'),
      rule(READ, '-', 'replicationcontrollers services'),
      rule(READ, 'apps', 'replicasets statefulsets'),
      rule(READ, 'policy', 'poddisruptionbudgets'),
      rule(READ, '-', 'persistentvolumeclaims persistentvolumes namespaces'),
      ...review,
      rule(READ, 'storage.k8s.io', 'csidrivers csinodes csistoragecapacities storageclasses'),
    ],
  },
  'system:kube-controller-manager': {
    rules: [
      eventsRule,
      rule('create', 'coordination.k8s.io', 'leases'),
      rule('get patch update', 'coordination.k8s.io', 'leases', 'kube-controller-manager'),
      rule('create', '-', 'secrets serviceaccounts'),
      rule('delete', '-', 'secrets'),
      rule('get', '-', 'configmaps namespaces secrets serviceaccounts'),
      rule('update', '-', 'secrets serviceaccounts'),
      ...review,
      rule('list watch', ALL, ALL),
      rule('create', '-', 'serviceaccounts/token'),
    ],
  },
  'system:volume-scheduler': {
    rules: [
      rule('get list patch update watch', '-', 'persistentvolumes'),
      rule(READ, 'storage.k8s.io', 'storageclasses'),
      rule('get list patch update watch', '-', 'persistentvolumeclaims'),
    ],
  },
  'system:persistent-volume-provisioner': {
    rules: [
      rule('create delete get list watch', '-', 'persistentvolumes'),
      rule('get list update watch', '-', 'persistentvolumeclaims'),
      rule(READ, 'storage.k8s.io', 'storageclasses'),
      rule('watch', '-', 'events'),
      eventsRule,
    ],
  },
  'kubeadm:get-nodes': { rules: [rule('get', '-', 'nodes')] },
};

type Subject = readonly ['Group' | 'User' | 'ServiceAccount', string];

export const CLUSTER_ROLE_BINDINGS: Readonly<Record<string, readonly [role: string, ...Subject[]]>> = {
  'cluster-admin': ['cluster-admin', ['Group', 'system:masters']],
  'kubeadm:cluster-admins': ['cluster-admin', ['Group', 'kubeadm:cluster-admins']],
  'kubeadm:get-nodes': ['kubeadm:get-nodes', ['Group', 'system:bootstrappers:kubeadm:default-node-token']],
  'kubeadm:kubelet-bootstrap': ['system:node-bootstrapper', ['Group', 'system:bootstrappers:kubeadm:default-node-token']],
  'kubeadm:node-proxier': ['system:node-proxier', ['ServiceAccount', 'kube-system/kube-proxy']],
  'system:basic-user': ['system:basic-user', ['Group', 'system:authenticated']],
  'system:discovery': ['system:discovery', ['Group', 'system:authenticated']],
  'system:kube-controller-manager': ['system:kube-controller-manager', ['User', 'system:kube-controller-manager']],
  'system:kube-dns': ['system:kube-dns', ['ServiceAccount', 'kube-system/kube-dns']],
  'system:kube-scheduler': ['system:kube-scheduler', ['User', 'system:kube-scheduler']],
  'system:monitoring': ['system:monitoring', ['Group', 'system:monitoring']],
  'system:node': ['system:node', ['Group', 'system:nodes']],
  'system:node-proxier': ['system:node-proxier', ['User', 'system:kube-proxy']],
  'system:public-info-viewer': ['system:public-info-viewer', ['Group', 'system:authenticated'], ['Group', 'system:unauthenticated']],
  'system:service-account-issuer-discovery': ['system:service-account-issuer-discovery', ['Group', 'system:serviceaccounts']],
  'system:volume-scheduler': ['system:volume-scheduler', ['User', 'system:kube-scheduler']],
};
