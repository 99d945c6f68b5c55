/** Fields that field selectors may name. Models the AddFieldLabelConversionFunc of each group. */

import { goQuote } from './field.ts';
import { rulesOf } from './kind.ts';
import type { AnyObject } from './object.ts';
import { type ResourceDef, resourceName } from './resources.ts';
import type { FieldTerm } from './selectors.ts';

const FIELDS: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.podIPs',
    'status.nominatedNodeName',
  ],
  nodes: ['spec.unschedulable'],
  services: ['spec.clusterIP', 'spec.type'],
  namespaces: ['status.phase'],
  secrets: ['type'],
  replicationcontrollers: ['status.replicas'],
  events: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  'jobs.batch': ['status.successful'],
  'certificatesigningrequests.certificates.k8s.io': ['spec.signerName'],
  'resourceslices.resource.k8s.io': ['spec.nodeName', 'spec.driver'],
};

/** What an absent value reads as, where that is not the empty text. */
const ABSENT: Readonly<Record<string, string>> = {
  'spec.hostNetwork': 'false',
  'spec.unschedulable': 'false',
  'status.replicas': '0',
  'status.successful': '0',
};

export function readField(object: AnyObject, field: string): string {
  const { metadata } = object;
  if (field === 'metadata.name') return metadata.name;
  if (field === 'metadata.namespace') return metadata.namespace ?? '';
  if (field === 'spec.nodeName') return (object.spec as { readonly nodeName?: string } | undefined)?.nodeName ?? '';
  const own = rulesOf({ kind: object.kind, group: object.apiVersion.includes('/') ? (object.apiVersion.split('/')[0] as string) : '' })
    .selectableFields?.[field];
  if (own) return own(object);
  let value: unknown = object;
  for (const part of (field === 'source' && object.kind === 'Event' ? 'source.component' : field).split('.'))
    value = (value as Readonly<Record<string, unknown>> | undefined)?.[part];
  return value === undefined || value === null ? (ABSENT[field] ?? '') : String(value);
}

/** The text with which the API refuses a field that it cannot select by; undefined when it can. */
export function unsupportedField(def: ResourceDef, terms: readonly FieldTerm[], extra: readonly string[] = []): string | undefined {
  const name = resourceName(def);
  const known = FIELDS[def.storedAs === 'events' ? 'events' : name];
  for (const { field } of terms) {
    if (field === 'metadata.name' || field === 'metadata.namespace' || known?.includes(field) || extra.includes(field)) continue;
    if (rulesOf(def).selectableFields?.[field]) continue;
    if (def.group === 'batch' && known) return `field label ${goQuote(field)} not supported for Job`;
    if (known) return `field label not supported: ${field}`;
    if (extra.length > 0 || def.schema === '') return `field label not supported: ${field}`;
    return `${goQuote(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
  }
  return undefined;
}
