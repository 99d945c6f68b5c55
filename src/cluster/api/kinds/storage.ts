/** PersistentVolume, PersistentVolumeClaim, StorageClass: defaults and the checks that a learner meets. Models pkg/apis/core/validation, pkg/apis/storage. */

import { equal } from '../equal.ts';
import { forbidden, invalid, notSupported, required } from '../field.ts';
import { type Admitted, type RequestContext, registerKind } from '../kind.ts';
import { dns1123Subdomain, qualifiedName } from '../names.ts';
import type { AnyObject, Stored } from '../object.ts';
import { nanosOf } from '../quantity.ts';
import type {
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1PersistentVolumeClaimSpec,
  V1PersistentVolumeSpec,
  V1StorageClass,
} from '../types.ts';
import { age, columns } from './columns.ts';
import { bad, type Errors, immutable, labelSelector, withMembers } from './common.ts';
import { resourceList } from './pod-defaults.ts';
import { nodeSelector } from './scheduling.ts';

const MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const KNOWN_MODES = Object.keys(MODES).sort();
const modesText = (list: readonly string[] | undefined): string =>
  [...new Set(list ?? [])]
    .sort((a, b) => Object.keys(MODES).indexOf(a) - Object.keys(MODES).indexOf(b))
    .map((m) => MODES[m] ?? m)
    .join(',');

function accessModes(field: string, list: readonly string[] | undefined, text: string): Errors {
  const modes = list ?? [];
  if (modes.length === 0) return [required(field, text)];
  const out: Errors = [];
  for (const m of modes) if (!KNOWN_MODES.includes(m)) out.push(notSupported(field, m, KNOWN_MODES));
  if (modes.includes('ReadWriteOncePod') && modes.length > 1)
    out.push(forbidden(field, 'may not use ReadWriteOncePod with other access modes'));
  return out;
}

export function claimDefaults<T extends V1PersistentVolumeClaim>(c: T): T {
  const spec = c.spec ?? {};
  const made = withMembers(spec, {
    volumeMode: spec.volumeMode ?? 'Filesystem',
    resources: withMembers(spec.resources ?? {}, {
      requests: resourceList(spec.resources?.requests),
      limits: resourceList(spec.resources?.limits),
    }),
  });
  return withMembers(c, { spec: made, status: c.status?.phase ? c.status : { ...c.status, phase: 'Pending' } });
}

type Claim = Stored<V1PersistentVolumeClaim>;

function validateClaim(c: Claim): Errors {
  const spec: V1PersistentVolumeClaimSpec = c.spec ?? {};
  const out = accessModes('spec.accessModes', spec.accessModes, 'at least 1 access mode is required');
  out.push(...labelSelector('spec.selector', spec.selector));
  const size = spec.resources?.requests?.['storage'];
  if (size === undefined) out.push(required('spec.resources[storage]'));
  else if (nanosOf(size) <= 0n) out.push(invalid('spec.resources[storage]', size, 'must be greater than zero'));
  if (spec.storageClassName) out.push(...bad('spec.storageClassName', spec.storageClassName, dns1123Subdomain(spec.storageClassName)));
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Block' && spec.volumeMode !== 'Filesystem')
    out.push(notSupported('spec.volumeMode', spec.volumeMode, ['Block', 'Filesystem']));
  return out;
}

function validateClaimUpdate(c: Claim, old: Claim): Errors {
  const rest = (o: Claim): object => ({
    ...o.spec,
    resources: undefined,
    volumeAttributesClassName: undefined,
    volumeName: old.spec?.volumeName ? o.spec?.volumeName : undefined,
  });
  const out = validateClaim(c);
  if (!equal(rest(c), rest(old)))
    out.push(
      forbidden('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'),
    );
  const size = c.spec?.resources?.requests?.['storage'];
  const had = old.spec?.resources?.requests?.['storage'];
  if (nanosOf(size) < nanosOf(had)) out.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  return out;
}

const DEFAULT_CLASS = 'storageclass.kubernetes.io/is-default-class';
type StorageClass = Stored<V1StorageClass>;
const isDefault = (s: StorageClass): boolean => s.metadata.annotations?.[DEFAULT_CLASS] === 'true';

function defaultClass(c: Claim, old: Claim | undefined, context: RequestContext): Admitted<Claim> {
  if (old || context.subresource !== '' || c.spec?.storageClassName !== undefined) return { ok: true, value: c };
  const found = context.list<StorageClass>('storageclasses.storage.k8s.io').filter(isDefault);
  const newest = [...found].sort(
    (a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp) || (a.metadata.name < b.metadata.name ? -1 : 1),
  )[0];
  const protectedClaim = c.metadata.finalizers?.includes('kubernetes.io/pvc-protection')
    ? c
    : { ...c, metadata: { ...c.metadata, finalizers: [...(c.metadata.finalizers ?? []), 'kubernetes.io/pvc-protection'] } };
  return { ok: true, value: newest ? { ...protectedClaim, spec: { ...c.spec, storageClassName: newest.metadata.name } } : protectedClaim };
}

const className = (o: { readonly metadata: AnyObject['metadata']; readonly spec?: { readonly storageClassName?: string } }): string =>
  o.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? o.spec?.storageClassName ?? '';

registerKind<Claim>('PersistentVolumeClaim', {
  defaults: claimDefaults,
  admit: defaultClass,
  prepareForCreate: (c) => ({ ...c, status: { phase: 'Pending' } }),
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  columns: columns('Name|Status|Volume|Capacity|Access Modes|StorageClass|VolumeAttributesClass|Age|+VolumeMode'),
  row: (c, now) => [
    c.metadata.name,
    c.metadata.deletionTimestamp === undefined ? (c.status?.phase ?? '') : 'Terminating',
    c.spec?.volumeName ?? '',
    c.spec?.volumeName ? (c.status?.capacity?.['storage'] ?? '0') : '',
    c.spec?.volumeName ? modesText(c.status?.accessModes) : '',
    className(c),
    c.spec?.volumeAttributesClassName ?? '<unset>',
    age(c, now),
    c.spec?.volumeMode ?? '<unset>',
  ],
});

type Volume = Stored<V1PersistentVolume>;
const SOURCES = [
  'hostPath',
  'nfs',
  'local',
  'csi',
  'iscsi',
  'fc',
  'rbd',
  'cephfs',
  'glusterfs',
  'azureDisk',
  'azureFile',
  'awsElasticBlockStore',
  'gcePersistentDisk',
  'vsphereVolume',
  'flexVolume',
  'cinder',
  'portworxVolume',
  'scaleIO',
  'storageos',
  'quobyte',
  'flocker',
  'photonPersistentDisk',
] as const;

function validateVolume(v: Volume): Errors {
  const spec: V1PersistentVolumeSpec = v.spec ?? {};
  const out = accessModes('spec.accessModes', spec.accessModes, '');
  const capacity = Object.entries(spec.capacity ?? {});
  if (capacity.length === 0) out.push(required('spec.capacity'));
  else if (spec.capacity?.['storage'] === undefined || capacity.length > 1)
    out.push(notSupported('spec.capacity', spec.capacity, ['storage']));
  for (const [name, value] of capacity)
    if (nanosOf(value) <= 0n) out.push(invalid(`spec.capacity[${name}]`, value, 'must be greater than zero'));
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && !['Delete', 'Recycle', 'Retain'].includes(policy))
    out.push(notSupported('spec.persistentVolumeReclaimPolicy', policy, ['Delete', 'Recycle', 'Retain']));
  const node = spec.nodeAffinity?.required;
  if (spec.nodeAffinity)
    out.push(
      ...(node
        ? nodeSelector('spec.nodeAffinity.required', node)
        : [required('spec.nodeAffinity.required', 'must specify required node constraints')]),
    );
  const given = SOURCES.filter((k) => spec[k] !== undefined);
  if (given.length === 0) out.push(required('spec', 'must specify a volume type'));
  for (const k of given.slice(1)) out.push(forbidden(`spec.${k}`, 'may not specify more than 1 volume type'));
  if (spec.hostPath && !spec.hostPath.path) out.push(required('spec.hostPath.path'));
  if (spec.nfs && !spec.nfs.server) out.push(required('spec.nfs.server'));
  if (spec.nfs && !spec.nfs.path) out.push(required('spec.nfs.path'));
  if (spec.local && !spec.local.path) out.push(required('spec.local.path'));
  if (spec.local && !spec.nodeAffinity) out.push(required('metadata.annotations', 'Local volume requires node affinity'));
  if (spec.storageClassName) out.push(...bad('spec.storageClassName', spec.storageClassName, dns1123Subdomain(spec.storageClassName)));
  return out;
}

registerKind<Volume>('PersistentVolume', {
  defaults(v) {
    const spec = v.spec ?? {};
    const made = withMembers(spec, {
      persistentVolumeReclaimPolicy: spec.persistentVolumeReclaimPolicy || 'Retain',
      volumeMode: spec.volumeMode ?? 'Filesystem',
      capacity: resourceList(spec.capacity),
      hostPath: spec.hostPath && withMembers(spec.hostPath, { type: spec.hostPath.type ?? '' }),
    });
    return withMembers(v, { spec: made, status: v.status?.phase ? v.status : { ...v.status, phase: 'Pending' } });
  },
  admit(v, old, context) {
    const name = 'kubernetes.io/pv-protection';
    if (old || context.subresource !== '' || v.metadata.finalizers?.includes(name)) return { ok: true, value: v };
    return { ok: true, value: { ...v, metadata: { ...v.metadata, finalizers: [...(v.metadata.finalizers ?? []), name] } } };
  },
  prepareForCreate: (v) => ({ ...v, status: { phase: 'Pending' } }),
  validate: validateVolume,
  columns: columns('Name|Capacity|Access Modes|Reclaim Policy|Status|Claim|StorageClass|VolumeAttributesClass|Reason|Age|+VolumeMode'),
  row: (v, now) => [
    v.metadata.name,
    v.spec?.capacity?.['storage'] ?? '0',
    modesText(v.spec?.accessModes),
    v.spec?.persistentVolumeReclaimPolicy ?? '',
    v.metadata.deletionTimestamp === undefined ? (v.status?.phase ?? '') : 'Terminating',
    v.spec?.claimRef ? `${v.spec.claimRef.namespace ?? ''}/${v.spec.claimRef.name ?? ''}` : '',
    className(v),
    v.spec?.volumeAttributesClassName ?? '<unset>',
    v.status?.reason ?? '',
    age(v, now),
    v.spec?.volumeMode ?? '<unset>',
  ],
});

registerKind<StorageClass>('StorageClass.storage.k8s.io', {
  defaults: (s) => withMembers(s, { reclaimPolicy: s.reclaimPolicy ?? 'Delete', volumeBindingMode: s.volumeBindingMode ?? 'Immediate' }),
  validate(s) {
    const out: Errors = s.provisioner
      ? bad('provisioner', s.provisioner, qualifiedName(s.provisioner.toLowerCase()))
      : [required('provisioner')];
    if (s.reclaimPolicy && s.reclaimPolicy !== 'Delete' && s.reclaimPolicy !== 'Retain')
      out.push(notSupported('reclaimPolicy', s.reclaimPolicy, ['Delete', 'Retain']));
    if (s.volumeBindingMode && s.volumeBindingMode !== 'Immediate' && s.volumeBindingMode !== 'WaitForFirstConsumer')
      out.push(notSupported('volumeBindingMode', s.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer']));
    return out;
  },
  validateUpdate(s, old) {
    const out: Errors = [];
    if (!equal(s.parameters, old.parameters)) out.push(forbidden('parameters', 'updates to parameters are forbidden.'));
    if (s.provisioner !== old.provisioner) out.push(forbidden('provisioner', 'updates to provisioner are forbidden.'));
    if (s.reclaimPolicy !== old.reclaimPolicy) out.push(forbidden('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'));
    return [...out, ...immutable('volumeBindingMode', s.volumeBindingMode, old.volumeBindingMode)];
  },
  columns: columns('Name|Provisioner|ReclaimPolicy|VolumeBindingMode|AllowVolumeExpansion|Age'),
  row: (s, now) => [
    isDefault(s) ? `${s.metadata.name} (default)` : s.metadata.name,
    s.provisioner,
    s.reclaimPolicy ?? 'Delete',
    s.volumeBindingMode ?? 'Immediate',
    s.allowVolumeExpansion ?? false,
    age(s, now),
  ],
});
