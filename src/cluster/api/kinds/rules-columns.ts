/** Columns of kinds whose rules are stored and not modelled. Models pkg/printers/internalversion. */

import { registerKind } from '../kind.ts';
import type { AnyObject } from '../object.ts';
import { humanDuration } from '../time.ts';
import { age, columns } from './columns.ts';

type Json = Readonly<Record<string, unknown>>;
const of = (v: unknown): Json => (typeof v === 'object' && v !== null ? (v as Json) : {});
const list = (v: unknown): readonly Json[] => (Array.isArray(v) ? (v as Json[]) : []);
const spec = (o: AnyObject): Json => of(o['spec']);

function add(type: string, names: string, cells: (o: AnyObject) => readonly unknown[], ages = true): void {
  registerKind<AnyObject>(type, {
    columns: columns(ages ? `${names}|Age` : names),
    row: (o, now) => [o.metadata.name, ...cells(o), ...(ages ? [age(o, now)] : [])],
  });
}

const ADMISSION = 'admissionregistration.k8s.io';
for (const kind of ['ValidatingWebhookConfiguration', 'MutatingWebhookConfiguration'])
  add(`${kind}.${ADMISSION}`, 'Name|Webhooks', (o) => [list(o['webhooks']).length]);

const paramKind = (o: AnyObject): string => {
  const p = spec(o)['paramKind'];
  return p === undefined ? '<unset>' : `${of(p)['apiVersion']}/${of(p)['kind']}`;
};
add(`ValidatingAdmissionPolicy.${ADMISSION}`, 'Name|Validations|ParamKind', (o) => [list(spec(o)['validations']).length, paramKind(o)]);
add(`MutatingAdmissionPolicy.${ADMISSION}`, 'Name|Mutations|ParamKind', (o) => [list(spec(o)['mutations']).length, paramKind(o)]);
for (const kind of ['ValidatingAdmissionPolicyBinding', 'MutatingAdmissionPolicyBinding'])
  add(`${kind}.${ADMISSION}`, 'Name|PolicyName|ParamRef', (o) => {
    const { name, namespace } = of(spec(o)['paramRef']);
    return [spec(o)['policyName'] ?? '', name ? `${namespace || '*'}/${name}` : '<unset>'];
  });

add('APIService.apiregistration.k8s.io', 'Name|Service|Available', (o) => {
  const service = spec(o)['service'];
  const found = list(of(o['status'])['conditions']).find((c) => c['type'] === 'Available');
  const status = String(found?.['status'] ?? 'Unknown');
  return [
    service === undefined ? 'Local' : `${of(service)['namespace']}/${of(service)['name']}`,
    status === 'True' || found === undefined ? status : `${status} (${found['reason']})`,
  ];
});

registerKind<AnyObject>('CertificateSigningRequest.certificates.k8s.io', {
  columns: columns('Name|Age|SignerName|Requestor|RequestedDuration|Condition'),
  row(o, now) {
    const { signerName, username, expirationSeconds } = spec(o);
    const status = of(o['status']);
    const has = (type: string): boolean => list(status['conditions']).some((c) => c['type'] === type);
    const condition = `${has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'}${has('Failed') ? ',Failed' : ''}${status['certificate'] ? ',Issued' : ''}`;
    const asked = typeof expirationSeconds === 'number' ? humanDuration(expirationSeconds) : '<none>';
    return [o.metadata.name, age(o, now), signerName || '<none>', username ?? '', asked, condition];
  },
});

registerKind<AnyObject>('FlowSchema.flowcontrol.apiserver.k8s.io', {
  columns: columns('Name|PriorityLevel|MatchingPrecedence|DistinguisherMethod|Age|MissingPL'),
  row: (o, now) => [
    o.metadata.name,
    of(spec(o)['priorityLevelConfiguration'])['name'] ?? '',
    spec(o)['matchingPrecedence'] ?? 0,
    of(spec(o)['distinguisherMethod'])['type'] ?? '<none>',
    age(o, now),
    list(of(o['status'])['conditions']).find((c) => c['type'] === 'Dangling')?.['status'] ?? '?',
  ],
});
add(
  'PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io',
  'Name|Type|NominalConcurrencyShares|Queues|HandSize|QueueLengthLimit',
  (o) => {
    const limited = of(spec(o)['limited']);
    const queuing = of(of(limited['limitResponse'])['queuing']);
    return [
      spec(o)['type'] ?? '',
      limited['nominalConcurrencyShares'] ?? '<none>',
      queuing['queues'] ?? '<none>',
      queuing['handSize'] ?? '<none>',
      queuing['queueLengthLimit'] ?? '<none>',
    ];
  },
);

const STORAGE = 'storage.k8s.io';
add(`CSINode.${STORAGE}`, 'Name|Drivers', (o) => [list(spec(o)['drivers']).length]);
add(`CSIDriver.${STORAGE}`, 'Name|AttachRequired|PodInfoOnMount|StorageCapacity|TokenRequests|RequiresRepublish|Modes', (o) => {
  const s = spec(o);
  const tokens = s['tokenRequests'];
  const modes = Array.isArray(s['volumeLifecycleModes']) ? s['volumeLifecycleModes'].join(',') : '';
  return [
    s['attachRequired'] ?? true,
    s['podInfoOnMount'] ?? false,
    s['storageCapacity'] ?? false,
    tokens === undefined
      ? '<unset>'
      : list(tokens)
          .map((t) => t['audience'] ?? '')
          .join(','),
    s['requiresRepublish'] ?? false,
    modes || '<none>',
  ];
});
add(
  `CSIStorageCapacity.${STORAGE}`,
  'Name|StorageClassName|Capacity',
  (o) => [o['storageClassName'] ?? '', o['capacity'] ?? '<unset>'],
  false,
);
add(`VolumeAttachment.${STORAGE}`, 'Name|Attacher|PV|Node|Attached', (o) => [
  spec(o)['attacher'] ?? '',
  of(spec(o)['source'])['persistentVolumeName'] ?? '',
  spec(o)['nodeName'] ?? '',
  of(o['status'])['attached'] ?? false,
]);
add(`VolumeAttributesClass.${STORAGE}`, 'Name|DriverName', (o) => [o['driverName'] ?? '']);

const DYNAMIC = 'resource.k8s.io';
add(`DeviceClass.${DYNAMIC}`, 'Name', () => []);
add(`ResourceClaimTemplate.${DYNAMIC}`, 'Name', () => []);
add(`ResourceSlice.${DYNAMIC}`, 'Name|Node|Driver|Pool', (o) => [
  spec(o)['nodeName'] ?? '',
  spec(o)['driver'] ?? '',
  of(spec(o)['pool'])['name'] ?? '',
]);
add(`ResourceClaim.${DYNAMIC}`, 'Name|State', (o) => {
  const status = of(o['status']);
  const states: string[] = o.metadata.deletionTimestamp ? ['deleted'] : [];
  if (status['allocation'] === undefined) {
    if (!o.metadata.deletionTimestamp) states.push('pending');
  } else states.push('allocated', ...(list(status['reservedFor']).length > 0 ? ['reserved'] : []));
  return [states.join(',')];
});
