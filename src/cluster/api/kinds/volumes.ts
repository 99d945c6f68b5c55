/** Volumes of a pod: one source each, and what that source needs. Models ValidateVolumes (pkg/apis/core/validation). */

import { duplicate, forbidden, invalid, notSupported, required } from '../field.ts';
import { dns1123Label, dns1123Subdomain } from '../names.ts';
import { compareQuantities } from '../quantity.ts';
import type { V1DownwardAPIVolumeFile, V1KeyToPath, V1ProjectedVolumeSource, V1Volume, V1VolumeProjection } from '../types.ts';
import { bad, type Errors } from './common.ts';
import { objectField, resourceField, VOLUME_FIELDS } from './downward.ts';

export function noBacksteps(field: string, path: string): Errors {
  return path.split('/').includes('..') ? [invalid(field, path, "must not contain '..'")] : [];
}

export function localDescendingPath(field: string, path: string): Errors {
  return [...(path.startsWith('/') ? [invalid(field, path, 'must be a relative path')] : []), ...noBacksteps(field, path)];
}

function localNonReservedPath(field: string, path: string): Errors {
  const out = localDescendingPath(field, path);
  if (path.startsWith('..') && !path.startsWith('../') && path !== '..') out.push(invalid(field, path, "must not start with '..'"));
  return out;
}

function mode(field: string, value: number | undefined): Errors {
  return value !== undefined && (value > 0o777 || value < 0)
    ? [invalid(field, value, 'must be a number between 0 and 0777 (octal), both inclusive')]
    : [];
}

function keyToPath(field: string, k: V1KeyToPath): Errors {
  return [
    ...(k.key ? [] : [required(`${field}.key`)]),
    ...(k.path ? [] : [required(`${field}.path`)]),
    ...localNonReservedPath(`${field}.path`, k.path),
    ...mode(`${field}.mode`, k.mode),
  ];
}
const items = (field: string, list: readonly V1KeyToPath[] | undefined): Errors =>
  (list ?? []).flatMap((k, i) => keyToPath(`${field}.items[${i}]`, k));

function downwardFile(field: string, file: V1DownwardAPIVolumeFile): Errors {
  const out: Errors = [...(file.path ? [] : [required(`${field}.path`)]), ...localNonReservedPath(`${field}.path`, file.path)];
  if (file.fieldRef) {
    out.push(...objectField(`${field}.fieldRef`, file.fieldRef, VOLUME_FIELDS));
    if (file.resourceFieldRef) out.push(invalid(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
  } else if (file.resourceFieldRef) out.push(...resourceField(`${field}.resourceFieldRef`, file.resourceFieldRef, true));
  else out.push(required(field, 'one of fieldRef and resourceFieldRef is required'));
  return [...out, ...mode(`${field}.mode`, file.mode)];
}

function projection(whole: string, field: string, source: V1VolumeProjection, paths: Set<string>): Errors {
  const out: Errors = [];
  let sources = 0;
  const once = (path: string, value: string): void => {
    if (path === '') return;
    if (paths.has(path)) out.push(invalid(whole, value, 'conflicting duplicate paths'));
    paths.add(path);
  };
  for (const kind of ['secret', 'configMap'] as const) {
    const from = source[kind];
    if (!from) continue;
    sources++;
    if (!from.name) out.push(required(`${field}.${kind}.name`));
    (from.items ?? []).forEach((k, i) => {
      out.push(...keyToPath(`${field}.${kind}.items[${i}]`, k));
      once(k.path, from.name ?? '');
    });
  }
  if (source.downwardAPI) {
    sources++;
    for (const file of source.downwardAPI.items ?? []) {
      out.push(...downwardFile(`${field}.downwardAPI`, file));
      once(file.path, file.path);
    }
  }
  const token = source.serviceAccountToken;
  if (token) {
    sources++;
    const at = `${field}.serviceAccountToken`;
    const seconds = token.expirationSeconds ?? 3600;
    if (seconds < 600) out.push(invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > 2 ** 32) out.push(invalid(`${at}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'));
    if (!token.path) out.push(required(`${at}.path`));
    else out.push(...localNonReservedPath(`${at}.path`, token.path));
  }
  if (source.clusterTrustBundle) sources++;
  if (source.podCertificate) sources++;
  if (sources > 1) out.push(forbidden(field, 'may not specify more than 1 volume type per source'));
  return out;
}

function projected(field: string, p: V1ProjectedVolumeSource): Errors {
  const paths = new Set<string>();
  return [
    ...mode(`${field}.defaultMode`, p.defaultMode),
    ...(p.sources ?? []).flatMap((s, i) => projection(field, `${field}.sources[${i}]`, s, paths)),
  ];
}

const HOST_PATHS = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
const needs = (field: string, source: object, ...names: readonly string[]): Errors =>
  names.filter((n) => !(source as Readonly<Record<string, unknown>>)[n]).map((n) => required(`${field}.${n}`));

/** Sources in the order in which upstream looks for them. */
const SOURCES: readonly { readonly key: keyof V1Volume; check(field: string, volume: V1Volume): Errors }[] = [
  {
    key: 'hostPath',
    check(field, { hostPath }) {
      if (!hostPath?.path) return [required(`${field}.path`)];
      const type = hostPath.type ?? '';
      return [
        ...noBacksteps(`${field}.path`, hostPath.path),
        ...(HOST_PATHS.includes(type) ? [] : [notSupported(`${field}.type`, type, HOST_PATHS)]),
      ];
    },
  },
  { key: 'gitRepo', check: (field, v) => needs(field, v.gitRepo ?? {}, 'repository') },
  {
    key: 'gcePersistentDisk',
    check: (field, v) => needs(field.replace(/gcePersistentDisk$/, 'persistentDisk'), v.gcePersistentDisk ?? {}, 'pdName'),
  },
  { key: 'awsElasticBlockStore', check: (field, v) => needs(field, v.awsElasticBlockStore ?? {}, 'volumeID') },
  {
    key: 'secret',
    check: (field, { secret }) => [
      ...needs(field, secret ?? {}, 'secretName'),
      ...mode(`${field}.defaultMode`, secret?.defaultMode),
      ...items(field, secret?.items),
    ],
  },
  {
    key: 'nfs',
    check: (field, { nfs }) => [
      ...needs(field, nfs ?? {}, 'server', 'path'),
      ...(nfs?.path.startsWith('/') ? [] : [invalid(`${field}.path`, nfs?.path ?? '', 'must be an absolute path')]),
    ],
  },
  { key: 'iscsi', check: (field, v) => needs(field, v.iscsi ?? {}, 'targetPortal', 'iqn') },
  { key: 'glusterfs', check: (field, v) => needs(field, v.glusterfs ?? {}, 'endpoints', 'path') },
  { key: 'flocker', check: () => [] },
  { key: 'persistentVolumeClaim', check: (field, v) => needs(field, v.persistentVolumeClaim ?? {}, 'claimName') },
  { key: 'rbd', check: (field, v) => needs(field, v.rbd ?? {}, 'monitors', 'image') },
  { key: 'cinder', check: (field, v) => needs(field, v.cinder ?? {}, 'volumeID') },
  { key: 'cephfs', check: (field, v) => needs(field, v.cephfs ?? {}, 'monitors') },
  { key: 'quobyte', check: (field, v) => needs(field, v.quobyte ?? {}, 'registry', 'volume') },
  {
    key: 'downwardAPI',
    check: (field, { downwardAPI }) => [
      ...mode(`${field}.defaultMode`, downwardAPI?.defaultMode),
      ...(downwardAPI?.items ?? []).flatMap((f) => downwardFile(field, f)),
    ],
  },
  { key: 'fc', check: () => [] },
  { key: 'flexVolume', check: (field, v) => needs(field, v.flexVolume ?? {}, 'driver') },
  {
    key: 'configMap',
    check: (field, { configMap }) => [
      ...needs(field, configMap ?? {}, 'name'),
      ...mode(`${field}.defaultMode`, configMap?.defaultMode),
      ...items(field, configMap?.items),
    ],
  },
  { key: 'azureFile', check: (field, v) => needs(field, v.azureFile ?? {}, 'secretName', 'shareName') },
  { key: 'vsphereVolume', check: (field, v) => needs(field, v.vsphereVolume ?? {}, 'volumePath') },
  { key: 'photonPersistentDisk', check: (field, v) => needs(field, v.photonPersistentDisk ?? {}, 'pdID') },
  { key: 'portworxVolume', check: (field, v) => needs(field, v.portworxVolume ?? {}, 'volumeID') },
  { key: 'azureDisk', check: (field, v) => needs(field, v.azureDisk ?? {}, 'diskName', 'diskURI') },
  { key: 'storageos', check: (field, v) => needs(field, v.storageos ?? {}, 'volumeName') },
  { key: 'projected', check: (field, v) => projected(field, v.projected ?? {}) },
  { key: 'scaleIO', check: (field, v) => needs(field, v.scaleIO ?? {}, 'gateway', 'system', 'volumeName') },
  { key: 'csi', check: (field, v) => needs(field, v.csi ?? {}, 'driver') },
  { key: 'ephemeral', check: (field, v) => (v.ephemeral?.volumeClaimTemplate ? [] : [required(`${field}.volumeClaimTemplate`)]) },
  { key: 'image', check: (field, v) => needs(field, v.image ?? {}, 'reference') },
];

function source(field: string, volume: V1Volume, podName: string): Errors {
  const out: Errors = [];
  let found = false;
  if (volume.emptyDir) {
    found = true;
    if (volume.emptyDir.sizeLimit !== undefined && compareQuantities(volume.emptyDir.sizeLimit, '0') < 0)
      out.push(forbidden(`${field}.emptyDir.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
  }
  for (const { key, check } of SOURCES) {
    if (!volume[key]) continue;
    if (found) out.push(forbidden(`${field}.${key}`, 'may not specify more than 1 volume type'));
    else out.push(...check(`${field}.${key}`, volume));
    found = true;
  }
  if (volume.ephemeral && podName && volume.name) {
    const claim = `${podName}-${volume.name}`;
    out.push(...dns1123Subdomain(claim).map((m) => invalid(`${field}.name`, volume.name, `PVC name "${claim}": ${m}`)));
  }
  return found ? out : [...out, required(field, 'must specify a volume type')];
}

/** The errors, and the volumes that may be mounted. */
export function volumes(
  field: string,
  list: readonly V1Volume[] | undefined,
  podName: string,
): { errors: Errors; known: Map<string, V1Volume> } {
  const known = new Map<string, V1Volume>();
  const errors: Errors = [];
  (list ?? []).forEach((volume, i) => {
    const at = `${field}[${i}]`;
    const own = source(at, volume, podName);
    own.push(...(volume.name ? bad(`${at}.name`, volume.name, dns1123Label(volume.name)) : [required(`${at}.name`)]));
    if (known.has(volume.name)) own.push(duplicate(`${at}.name`, volume.name));
    if (own.length === 0) known.set(volume.name, volume);
    errors.push(...own);
  });
  return { errors, known };
}
