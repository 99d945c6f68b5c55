/** What the downward API can show of a pod: its fields, its containers' resources. Models validateObjectFieldSelector and its kin. */

import { invalid, notSupported, required } from '../field.ts';
import { qualifiedName } from '../names.ts';
import { compareQuantities } from '../quantity.ts';
import type { V1ObjectFieldSelector, V1ResourceFieldSelector } from '../types.ts';
import { bad, type Errors } from './common.ts';

export const ENV_FIELDS: readonly string[] = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
export const VOLUME_FIELDS: readonly string[] = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
/** Labels that ConvertDownwardAPIFieldLabel knows. */
const DOWNWARD = new Set([...ENV_FIELDS, ...VOLUME_FIELDS, 'spec.host', 'spec.restartPolicy', 'status.phase']);
const RESOURCE_FIELDS = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

export function objectField(field: string, ref: V1ObjectFieldSelector, known: readonly string[]): Errors {
  if (!ref.apiVersion) return [required(`${field}.apiVersion`)];
  if (!ref.fieldPath) return [required(`${field}.fieldPath`)];
  const wrong = (why: string): Errors => [invalid(`${field}.fieldPath`, ref.fieldPath, `error converting fieldPath: ${why}`)];
  if (ref.apiVersion !== 'v1') return wrong(`unsupported pod version: ${ref.apiVersion}`);
  const subscript = /^(.*)\['(.*)'\]$/s.exec(ref.fieldPath);
  if (subscript) {
    const [, path = '', key = ''] = subscript;
    if (path === 'metadata.annotations') return bad(field, key.toLowerCase(), qualifiedName(key.toLowerCase()));
    if (path === 'metadata.labels') return bad(field, key, qualifiedName(key));
    return wrong(`field label does not support subscript: ${ref.fieldPath}`);
  }
  if (!DOWNWARD.has(ref.fieldPath)) return wrong(`field label not supported: ${ref.fieldPath}`);
  const path = ref.fieldPath === 'spec.host' ? 'spec.nodeName' : ref.fieldPath;
  return known.includes(path) ? [] : [notSupported(`${field}.fieldPath`, path, known)];
}

export function resourceField(field: string, ref: V1ResourceFieldSelector, inVolume: boolean): Errors {
  const out: Errors = [];
  const huge = /^(requests|limits)\.hugepages-/.test(ref.resource);
  if (inVolume && !ref.containerName) out.push(required(`${field}.containerName`));
  else if (!ref.resource) out.push(required(`${field}.resource`));
  else if (!RESOURCE_FIELDS.includes(ref.resource) && !huge) out.push(notSupported(`${field}.resource`, ref.resource, RESOURCE_FIELDS));
  const divisor = ref.divisor;
  if (divisor === undefined || compareQuantities(divisor, '0') === 0) return out;
  const bytes = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
  const what = huge ? 'hugepages' : ref.resource.endsWith('.memory') ? 'memory' : 'local ephemeral storage';
  if (ref.resource.endsWith('.cpu')) {
    if (divisor !== '1' && divisor !== '1m')
      out.push(invalid(`${field}.divisor`, ref.resource, "only divisor's values 1m and 1 are supported with the cpu resource"));
  } else if (!bytes.includes(divisor))
    out.push(
      invalid(`${field}.divisor`, ref.resource, `only divisor's values ${bytes.join(', ')} are supported with the ${what} resource`),
    );
  return out;
}
