/** How lists and maps merge: patch strategies and list types of the API's Go tags. */

import FIELDS from './schema/fields.json' with { type: 'json' };
import type { Schema } from './structural.ts';

const fieldsOf = FIELDS as Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface ListRule {
  /** Strategic merge: by key, or as a set when there is no key. */
  readonly merge: boolean;
  readonly mergeKey?: string;
  /** Server-side apply: keys of a list that is a map; `set`; otherwise atomic. */
  readonly keys?: readonly string[];
  readonly set?: boolean;
}

const by = (mergeKey: string, ...more: readonly string[]): ListRule => ({ merge: true, mergeKey, keys: [mergeKey, ...more] });
const applyOnly = (...keys: readonly string[]): ListRule => ({ merge: false, keys });
const SET: ListRule = { merge: true, set: true };
const APPLY_SET: ListRule = { merge: false, set: true };

/** `Type.field` of schema/fields.json. */
const RULES: Readonly<Record<string, ListRule>> = {
  'V1ObjectMeta.ownerReferences': by('uid'),
  'V1ObjectMeta.finalizers': SET,
  'V1PodSpec.containers': by('name'),
  'V1PodSpec.initContainers': by('name'),
  'V1PodSpec.ephemeralContainers': by('name'),
  'V1PodSpec.volumes': { merge: true, mergeKey: 'name', keys: ['name'] },
  'V1PodSpec.imagePullSecrets': by('name'),
  'V1PodSpec.hostAliases': by('ip'),
  'V1PodSpec.topologySpreadConstraints': by('topologyKey', 'whenUnsatisfiable'),
  'V1PodSpec.schedulingGates': by('name'),
  'V1PodSpec.resourceClaims': by('name'),
  'V1Container.ports': by('containerPort', 'protocol'),
  'V1Container.env': by('name'),
  'V1Container.volumeMounts': by('mountPath'),
  'V1Container.volumeDevices': by('devicePath'),
  'V1EphemeralContainer.ports': by('containerPort', 'protocol'),
  'V1EphemeralContainer.env': by('name'),
  'V1EphemeralContainer.volumeMounts': by('mountPath'),
  'V1EphemeralContainer.volumeDevices': by('devicePath'),
  'V1ResourceRequirements.claims': applyOnly('name', 'request'),
  'V1ProjectedVolumeSource.sources': { merge: false },
  'V1PodStatus.conditions': by('type'),
  'V1PodStatus.podIPs': { merge: true, mergeKey: 'ip', keys: ['ip'] },
  'V1PodStatus.hostIPs': { merge: true, mergeKey: 'ip' },
  'V1ServiceSpec.ports': by('port', 'protocol'),
  'V1ServiceStatus.conditions': by('type'),
  'V1ServiceAccount.secrets': by('name'),
  'V1NodeSpec.podCIDRs': SET,
  'V1NodeSpec.taints': { merge: false },
  'V1NodeStatus.addresses': by('type'),
  'V1NodeStatus.conditions': by('type'),
  'V1NamespaceStatus.conditions': by('type'),
  'V1PersistentVolumeClaimStatus.conditions': by('type'),
  'V1ReplicationControllerStatus.conditions': by('type'),
  'V1DeploymentStatus.conditions': by('type'),
  'V1ReplicaSetStatus.conditions': by('type'),
  'V1DaemonSetStatus.conditions': by('type'),
  'V1StatefulSetStatus.conditions': by('type'),
  'V1JobStatus.conditions': { merge: true, mergeKey: 'type' },
  'V1IngressClassSpec.parameters': { merge: false },
  'V1PodDisruptionBudgetStatus.conditions': by('type'),
  'V2HorizontalPodAutoscalerStatus.conditions': by('type'),
  'V1CustomResourceDefinitionStatus.conditions': applyOnly('type'),
  'V1APIServiceStatus.conditions': by('type'),
  'V1CertificateSigningRequestStatus.conditions': applyOnly('type'),
  'V1ServiceCIDRStatus.conditions': by('type'),
  'V1MutatingWebhookConfiguration.webhooks': by('name'),
  'V1ValidatingWebhookConfiguration.webhooks': by('name'),
  'V1CSINodeSpec.drivers': by('name'),
  'V1FlowSchemaStatus.conditions': by('type'),
  'V1PriorityLevelConfigurationStatus.conditions': by('type'),
  'V1Capabilities.add': { merge: false },
  'V1LoadBalancerStatus.ingress': { merge: false },
  'V1TopologySelectorTerm.matchLabelExpressions': { merge: false },
  'V1PodFailurePolicyOnExitCodesRequirement.values': APPLY_SET,
  'V1VolumeAttributesClass.parameters': { merge: false },
};

/** Types that server-side apply takes or leaves as a whole. */
const ATOMIC: ReadonlySet<string> = new Set([
  'V1LabelSelector',
  'V1NodeSelector',
  'V1NodeSelectorTerm',
  'V1ObjectReference',
  'V1LocalObjectReference',
  'V1TypedLocalObjectReference',
  'V1ConfigMapKeySelector',
  'V1SecretKeySelector',
  'V1ObjectFieldSelector',
  'V1ResourceFieldSelector',
  'V1SecretReference',
  'V1TopologySelectorTerm',
  'V1OwnerReference',
  'V1RoleRef',
  'RbacV1Subject',
  'V1IngressServiceBackend.port',
  'V1ServiceBackendPort',
  'V1EndpointAddress',
  'CoreV1EndpointPort',
  'DiscoveryV1EndpointPort',
]);
const ATOMIC_FIELDS: ReadonlySet<string> = new Set([
  'V1ServiceSpec.selector',
  'V1PodSpec.nodeSelector',
  'V1ReplicationControllerSpec.selector',
  'V1Scheduling.nodeSelector',
  'V1Overhead.podFixed',
]);

export function listRule(type: string, field: string): ListRule | undefined {
  return RULES[`${type}.${field}`] ?? customFields.get(type)?.get(field)?.rule;
}

/** Types of custom resources are named `crd/GROUP/VERSION/KIND`, with `#field` for each step down. */
const CUSTOM = 'crd/';

interface CustomField {
  readonly type: string;
  readonly rule?: ListRule;
  readonly atomic: boolean;
}

const customFields = new Map<string, ReadonlyMap<string, CustomField>>();
const MAX_DEPTH = 40;

/** The root of a custom resource: of its metadata everything is known, whatever its schema says. */
export const isCustomRoot = (type: string): boolean => type.startsWith(CUSTOM) && !type.includes('#');

/** What server-side apply has to know of a schema. The name that this returns stands for the type. */
export function registerCustom(group: string, version: string, kind: string, schema: Schema): string {
  const root = `${CUSTOM}${group}/${version}/${kind}`;
  register(root, schema, 0);
  return root;
}

function register(name: string, schema: Schema, depth: number): void {
  if (depth > MAX_DEPTH) return;
  const known = new Map<string, CustomField>();
  customFields.set(name, known);
  for (const [field, p] of Object.entries(schema.properties ?? {})) {
    const inner = `${name}#${field}`;
    const list = p['x-kubernetes-list-type'];
    const keys = p['x-kubernetes-list-map-keys'];
    const rule: ListRule | undefined = list === 'map' && keys ? { merge: false, keys } : list === 'set' ? APPLY_SET : undefined;
    const values = typeof p.additionalProperties === 'object' ? p.additionalProperties : undefined;
    const type = p.type === 'array' ? `[]${inner}` : values ? `map[string]${inner}` : inner;
    known.set(field, {
      type,
      atomic: (p as { readonly 'x-kubernetes-map-type'?: string })['x-kubernetes-map-type'] === 'atomic',
      ...(rule ? { rule } : {}),
    });
    register(inner, p.items ?? values ?? p, depth + 1);
  }
}

export function typeOf(type: string, field: string): string {
  if (type.startsWith('map[string]')) return type.slice('map[string]'.length);
  if (type.startsWith(CUSTOM))
    return field === 'metadata' && isCustomRoot(type) ? 'V1ObjectMeta' : (customFields.get(type)?.get(field)?.type ?? '');
  return (fieldsOf[type]?.[field] ?? '').replace(/!$/, '');
}

/** Type of the values of a field: a list's items, or the field's own type. */
export function childType(type: string, field: string): string {
  const own = typeOf(type, field);
  return own.startsWith('[]') ? own.slice(2) : own;
}

export function isAtomic(type: string, field: string): boolean {
  return customFields.get(type)?.get(field)?.atomic === true || ATOMIC.has(typeOf(type, field)) || ATOMIC_FIELDS.has(`${type}.${field}`);
}

export const isAtomicType = (type: string): boolean => ATOMIC.has(type);
