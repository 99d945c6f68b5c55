/** The table of built-in resources: names, versions, verbs, subresources. Models discovery of v1.36. */

import type { KindRules } from './kind.ts';

export interface Subresource {
  /** `status`, `scale`, `binding`, `log` … */
  readonly name: string;
  readonly kind: string;
  /** Group and version of the kind where they are not the resource's. */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

export interface ResourceDef {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly namespaced: boolean;
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly Subresource[];
  /** Whether metadata.generation counts changes of the spec. */
  readonly generation: boolean;
  /** Name of its type in schema/fields.json. */
  readonly schema: string;
  /** An update without resourceVersion is refused. */
  readonly conditional: boolean;
  /** Served from another resource's objects: `horizontalpodautoscalers.autoscaling` v1 from v2, `events.k8s.io` from core. */
  readonly storedAs?: string;
  /** A request that is answered and not stored (reviews). */
  readonly virtual: boolean;
  /** Of a custom resource: the name of its type (see listtypes.ts). */
  readonly typing?: string;
  /** Of a custom resource: what its definition says. */
  readonly rules?: KindRules;
}

const ALL = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const;
const GPU = ['get', 'patch', 'update'] as const;

/** `pods`, `deployments.apps` */
export function resourceName(def: { readonly group: string; readonly plural: string }): string {
  return def.group === '' ? def.plural : `${def.plural}.${def.group}`;
}

/** Name of the type of its objects. */
export const typingOf = (def: ResourceDef): string => def.typing ?? def.schema;

export function groupVersion(def: { readonly group: string; readonly version: string }): string {
  return def.group === '' ? def.version : `${def.group}/${def.version}`;
}

const SCALE: Subresource = { name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: GPU };

interface Row {
  readonly group: string;
  readonly version?: string;
  readonly plural: string;
  readonly kind: string;
  /** Short names, blank-separated. */
  readonly short?: string;
  readonly cluster?: boolean;
  readonly all?: boolean;
  readonly status?: boolean;
  readonly scale?: boolean;
  readonly more?: readonly Subresource[];
  readonly verbs?: readonly string[];
  readonly generation?: boolean;
  readonly schema?: string;
  readonly conditional?: boolean;
  readonly storedAs?: string;
  readonly categories?: readonly string[];
  readonly singular?: string;
}

const POD_SUBRESOURCES: readonly Subresource[] = [
  { name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
  { name: 'binding', kind: 'Binding', verbs: ['create'] },
  { name: 'ephemeralcontainers', kind: 'Pod', verbs: GPU },
  { name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
  { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
  { name: 'log', kind: 'Pod', verbs: ['get'] },
  { name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
  { name: 'proxy', kind: 'PodProxyOptions', verbs: ['create', 'delete', 'get', 'patch', 'update'] },
  { name: 'resize', kind: 'Pod', verbs: GPU },
];
const proxy = (kind: string): Subresource => ({ name: 'proxy', kind, verbs: ['create', 'delete', 'get', 'patch', 'update'] });

const CREATE = ['create'] as const;
const ADMISSION = 'admissionregistration.k8s.io';
const AUTHZ = 'authorization.k8s.io';
const FLOW = 'flowcontrol.apiserver.k8s.io';
const NET = 'networking.k8s.io';
const RBAC = 'rbac.authorization.k8s.io';
const STORAGE = 'storage.k8s.io';
const DRA = 'resource.k8s.io';
const EXT = ['api-extensions'] as const;

const ROWS: readonly Row[] = [
  { group: '', plural: 'bindings', kind: 'Binding', verbs: CREATE },
  { group: '', plural: 'componentstatuses', kind: 'ComponentStatus', short: 'cs', cluster: true, verbs: ['get', 'list'] },
  { group: '', plural: 'configmaps', kind: 'ConfigMap', short: 'cm' },
  { group: '', plural: 'endpoints', kind: 'Endpoints', short: 'ep', schema: 'V1Endpoints', singular: 'endpoints' },
  { group: '', plural: 'events', kind: 'Event', short: 'ev', schema: 'CoreV1Event' },
  { group: '', plural: 'limitranges', kind: 'LimitRange', short: 'limits' },
  {
    group: '',
    plural: 'namespaces',
    kind: 'Namespace',
    short: 'ns',
    cluster: true,
    status: true,
    more: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }],
    verbs: ALL.filter((v) => v !== 'deletecollection'),
  },
  { group: '', plural: 'nodes', kind: 'Node', short: 'no', cluster: true, status: true, more: [proxy('NodeProxyOptions')] },
  { group: '', plural: 'persistentvolumeclaims', kind: 'PersistentVolumeClaim', short: 'pvc', status: true },
  { group: '', plural: 'persistentvolumes', kind: 'PersistentVolume', short: 'pv', cluster: true, status: true },
  { group: '', plural: 'pods', kind: 'Pod', short: 'po', all: true, status: true, more: POD_SUBRESOURCES, generation: true },
  { group: '', plural: 'podtemplates', kind: 'PodTemplate', generation: true },
  {
    group: '',
    plural: 'replicationcontrollers',
    kind: 'ReplicationController',
    short: 'rc',
    all: true,
    status: true,
    scale: true,
    generation: true,
  },
  { group: '', plural: 'resourcequotas', kind: 'ResourceQuota', short: 'quota', status: true },
  { group: '', plural: 'secrets', kind: 'Secret' },
  {
    group: '',
    plural: 'serviceaccounts',
    kind: 'ServiceAccount',
    short: 'sa',
    more: [{ name: 'token', kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: CREATE }],
  },
  { group: '', plural: 'services', kind: 'Service', short: 'svc', all: true, status: true, more: [proxy('ServiceProxyOptions')] },
  {
    group: ADMISSION,
    plural: 'mutatingadmissionpolicies',
    kind: 'MutatingAdmissionPolicy',
    cluster: true,
    categories: EXT,
    generation: true,
  },
  {
    group: ADMISSION,
    plural: 'mutatingadmissionpolicybindings',
    kind: 'MutatingAdmissionPolicyBinding',
    cluster: true,
    categories: EXT,
    generation: true,
  },
  {
    group: ADMISSION,
    plural: 'mutatingwebhookconfigurations',
    kind: 'MutatingWebhookConfiguration',
    cluster: true,
    categories: EXT,
    generation: true,
  },
  {
    group: ADMISSION,
    plural: 'validatingadmissionpolicies',
    kind: 'ValidatingAdmissionPolicy',
    cluster: true,
    status: true,
    categories: EXT,
    generation: true,
  },
  {
    group: ADMISSION,
    plural: 'validatingadmissionpolicybindings',
    kind: 'ValidatingAdmissionPolicyBinding',
    cluster: true,
    categories: EXT,
    generation: true,
  },
  {
    group: ADMISSION,
    plural: 'validatingwebhookconfigurations',
    kind: 'ValidatingWebhookConfiguration',
    cluster: true,
    categories: EXT,
    generation: true,
  },
  {
    group: 'apiextensions.k8s.io',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    short: 'crd crds',
    cluster: true,
    status: true,
    categories: EXT,
    generation: true,
    conditional: true,
  },
  {
    group: 'apiregistration.k8s.io',
    plural: 'apiservices',
    kind: 'APIService',
    cluster: true,
    status: true,
    categories: EXT,
    conditional: true,
  },
  { group: 'apps', plural: 'controllerrevisions', kind: 'ControllerRevision' },
  { group: 'apps', plural: 'daemonsets', kind: 'DaemonSet', short: 'ds', all: true, status: true, generation: true },
  { group: 'apps', plural: 'deployments', kind: 'Deployment', short: 'deploy', all: true, status: true, scale: true, generation: true },
  { group: 'apps', plural: 'replicasets', kind: 'ReplicaSet', short: 'rs', all: true, status: true, scale: true, generation: true },
  { group: 'apps', plural: 'statefulsets', kind: 'StatefulSet', short: 'sts', all: true, status: true, scale: true, generation: true },
  { group: 'authentication.k8s.io', plural: 'selfsubjectreviews', kind: 'SelfSubjectReview', cluster: true, verbs: CREATE },
  { group: 'authentication.k8s.io', plural: 'tokenreviews', kind: 'TokenReview', cluster: true, verbs: CREATE },
  { group: AUTHZ, plural: 'localsubjectaccessreviews', kind: 'LocalSubjectAccessReview', verbs: CREATE },
  { group: AUTHZ, plural: 'selfsubjectaccessreviews', kind: 'SelfSubjectAccessReview', cluster: true, verbs: CREATE },
  { group: AUTHZ, plural: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview', cluster: true, verbs: CREATE },
  { group: AUTHZ, plural: 'subjectaccessreviews', kind: 'SubjectAccessReview', cluster: true, verbs: CREATE },
  {
    group: 'autoscaling',
    version: 'v2',
    plural: 'horizontalpodautoscalers',
    kind: 'HorizontalPodAutoscaler',
    short: 'hpa',
    all: true,
    status: true,
    schema: 'V2HorizontalPodAutoscaler',
  },
  {
    group: 'autoscaling',
    version: 'v1',
    plural: 'horizontalpodautoscalers',
    kind: 'HorizontalPodAutoscaler',
    short: 'hpa',
    all: true,
    status: true,
    storedAs: 'horizontalpodautoscalers.autoscaling',
  },
  { group: 'batch', plural: 'cronjobs', kind: 'CronJob', short: 'cj', all: true, status: true, generation: true },
  { group: 'batch', plural: 'jobs', kind: 'Job', all: true, status: true, generation: true },
  {
    group: 'certificates.k8s.io',
    plural: 'certificatesigningrequests',
    kind: 'CertificateSigningRequest',
    short: 'csr',
    cluster: true,
    status: true,
    more: [{ name: 'approval', kind: 'CertificateSigningRequest', verbs: GPU }],
  },
  { group: 'coordination.k8s.io', plural: 'leases', kind: 'Lease', conditional: true },
  { group: 'discovery.k8s.io', plural: 'endpointslices', kind: 'EndpointSlice', generation: true },
  { group: 'events.k8s.io', plural: 'events', kind: 'Event', short: 'ev', schema: 'EventsV1Event', storedAs: 'events' },
  { group: FLOW, plural: 'flowschemas', kind: 'FlowSchema', cluster: true, status: true, generation: true },
  { group: FLOW, plural: 'prioritylevelconfigurations', kind: 'PriorityLevelConfiguration', cluster: true, status: true, generation: true },
  { group: NET, plural: 'ingressclasses', kind: 'IngressClass', cluster: true, generation: true },
  { group: NET, plural: 'ingresses', kind: 'Ingress', short: 'ing', status: true, generation: true },
  { group: NET, plural: 'ipaddresses', kind: 'IPAddress', short: 'ip', cluster: true, schema: 'V1IPAddress' },
  { group: NET, plural: 'networkpolicies', kind: 'NetworkPolicy', short: 'netpol', generation: true },
  { group: NET, plural: 'servicecidrs', kind: 'ServiceCIDR', cluster: true, status: true, generation: true },
  { group: 'node.k8s.io', plural: 'runtimeclasses', kind: 'RuntimeClass', cluster: true },
  { group: 'policy', plural: 'poddisruptionbudgets', kind: 'PodDisruptionBudget', short: 'pdb', status: true, generation: true },
  { group: RBAC, plural: 'clusterrolebindings', kind: 'ClusterRoleBinding', cluster: true },
  { group: RBAC, plural: 'clusterroles', kind: 'ClusterRole', cluster: true },
  { group: RBAC, plural: 'rolebindings', kind: 'RoleBinding' },
  { group: RBAC, plural: 'roles', kind: 'Role' },
  { group: DRA, plural: 'deviceclasses', kind: 'DeviceClass', cluster: true, generation: true },
  { group: DRA, plural: 'resourceclaims', kind: 'ResourceClaim', status: true, schema: 'ResourceV1ResourceClaim', more: [] },
  { group: DRA, plural: 'resourceclaimtemplates', kind: 'ResourceClaimTemplate' },
  { group: DRA, plural: 'resourceslices', kind: 'ResourceSlice', cluster: true, generation: true },
  { group: 'scheduling.k8s.io', plural: 'priorityclasses', kind: 'PriorityClass', short: 'pc', cluster: true, generation: true },
  { group: STORAGE, plural: 'csidrivers', kind: 'CSIDriver', cluster: true, generation: true },
  { group: STORAGE, plural: 'csinodes', kind: 'CSINode', cluster: true },
  { group: STORAGE, plural: 'csistoragecapacities', kind: 'CSIStorageCapacity' },
  { group: STORAGE, plural: 'storageclasses', kind: 'StorageClass', short: 'sc', cluster: true },
  { group: STORAGE, plural: 'volumeattachments', kind: 'VolumeAttachment', cluster: true, status: true },
  { group: STORAGE, plural: 'volumeattributesclasses', kind: 'VolumeAttributesClass', short: 'vac', cluster: true },
];

function define(row: Row): ResourceDef {
  const verbs = row.verbs ?? ALL;
  const subresources = [
    ...(row.more ?? []),
    ...(row.scale ? [SCALE] : []),
    ...(row.status ? [{ name: 'status', kind: row.kind, verbs: GPU }] : []),
  ];
  return {
    group: row.group,
    version: row.version ?? 'v1',
    kind: row.kind,
    plural: row.plural,
    singular: row.singular ?? row.kind.toLowerCase(),
    shortNames: row.short ? row.short.split(' ') : [],
    namespaced: row.cluster !== true,
    categories: row.categories ?? (row.all ? ['all'] : []),
    verbs,
    subresources: subresources.sort((a, b) => (a.name < b.name ? -1 : 1)),
    generation: row.generation === true,
    schema: row.schema ?? `V1${row.kind}`,
    conditional: row.conditional === true,
    ...(row.storedAs ? { storedAs: row.storedAs } : {}),
    virtual: verbs === CREATE,
  };
}

/** In the order of discovery: core first, then groups by name, resources by name. */
export const BUILT_IN: readonly ResourceDef[] = ROWS.map(define);
