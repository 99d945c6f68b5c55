/** How lists and maps of each kind are patched: merge keys and strategies. The facts of the patchStrategy tags in k8s.io/api */

export interface FieldMeta {
  /** How the fields of the value (or of a list's elements) are patched. */
  readonly of?: PatchMeta;
  /** Elements are merged: those of maps by `key`, scalars as a set. */
  readonly merge?: boolean;
  readonly key?: string;
  /** Fields that the patch does not name are cleared. */
  readonly retainKeys?: boolean;
  /** The value is replaced as a whole, map though it is. */
  readonly replace?: boolean;
}

export interface PatchMeta {
  readonly [field: string]: FieldMeta | undefined;
}

const by = (key: string, of: PatchMeta = {}): FieldMeta => ({ merge: true, key, of });
const of = (meta: PatchMeta): FieldMeta => ({ of: meta });
const conditions: FieldMeta = by('type');

const metadata = of({ ownerReferences: by('uid'), finalizers: { merge: true } });

const container: PatchMeta = {
  ports: by('containerPort'),
  env: by('name'),
  volumeMounts: by('mountPath'),
  volumeDevices: by('devicePath'),
};

const podSpec: PatchMeta = {
  volumes: { merge: true, key: 'name', retainKeys: true, of: {} },
  initContainers: by('name', container),
  containers: by('name', container),
  ephemeralContainers: by('name', container),
  imagePullSecrets: by('name'),
  hostAliases: by('ip'),
  topologySpreadConstraints: by('topologyKey'),
  schedulingGates: by('name'),
  resourceClaims: { merge: true, key: 'name', retainKeys: true, of: {} },
};

const podStatus: PatchMeta = {
  conditions,
  hostIPs: by('ip'),
  podIPs: by('ip'),
  resourceClaimStatuses: { merge: true, key: 'name', retainKeys: true, of: {} },
};

const template = of({ metadata, spec: of(podSpec) });
const workload: PatchMeta = { metadata, spec: of({ template }), status: of({ conditions }) };
const conditioned: PatchMeta = { metadata, status: of({ conditions }) };
const webhooks: PatchMeta = { metadata, webhooks: by('name', { matchConditions: by('name') }) };

const KINDS: Readonly<Record<string, PatchMeta>> = {
  Pod: { metadata, spec: of(podSpec), status: of(podStatus) },
  PodTemplate: { metadata, template },
  ReplicationController: workload,
  Service: { metadata, spec: of({ ports: by('port') }), status: of({ conditions }) },
  ServiceAccount: { metadata, secrets: by('name'), imagePullSecrets: {} },
  Node: { metadata, spec: of({ podCIDRs: { merge: true } }), status: of({ conditions, addresses: by('type') }) },
  Namespace: conditioned,
  PersistentVolumeClaim: conditioned,
  Deployment: { metadata, spec: of({ strategy: { retainKeys: true, of: {} }, template }), status: of({ conditions }) },
  ReplicaSet: workload,
  DaemonSet: workload,
  StatefulSet: workload,
  Job: workload,
  CronJob: { metadata, spec: of({ jobTemplate: of({ metadata, spec: of({ template }) }) }) },
  HorizontalPodAutoscaler: conditioned,
  PodDisruptionBudget: { metadata, spec: of({ selector: { replace: true } }), status: of({ conditions }) },
  ServiceCIDR: conditioned,
  FlowSchema: conditioned,
  PriorityLevelConfiguration: conditioned,
  ValidatingWebhookConfiguration: webhooks,
  MutatingWebhookConfiguration: webhooks,
  CSINode: { metadata, spec: of({ drivers: by('name') }) },
};

/** Groups whose types kubectl has compiled in; k8s.io groups that CustomResourceDefinitions make are not among them. */
const GROUPS: ReadonlySet<string> = new Set([
  '',
  'apps',
  'batch',
  'autoscaling',
  'policy',
  'extensions',
  'admissionregistration.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'certificates.k8s.io',
  'coordination.k8s.io',
  'discovery.k8s.io',
  'events.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'internal.apiserver.k8s.io',
  'networking.k8s.io',
  'node.k8s.io',
  'rbac.authorization.k8s.io',
  'resource.k8s.io',
  'scheduling.k8s.io',
  'storage.k8s.io',
  'storagemigration.k8s.io',
]);

/** How objects of a kind are patched; null when only a JSON merge patch will do (custom resources). */
export function patchMetaOf(group: string, kind: string): PatchMeta | null {
  return GROUPS.has(group) ? (KINDS[kind] ?? { metadata }) : null;
}

/** Whether kubectl has the type compiled in (runtime.Scheme). */
export const isBuiltin = (group: string): boolean => GROUPS.has(group);
