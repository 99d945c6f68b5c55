/** describe of configuration, rights, classes and of everything that has no describer of its own. Models describeSecret, RoleDescriber, genericDescriber */

import { fromBase64 } from '../base64.ts';
import { Failure } from '../errors.ts';
import { goValue } from '../gofmt.ts';
import { compareStrings, isArray, isObject, type Json, type JsonObject, list, num, obj, sortedKeys, str } from '../json.ts';
import {
  type Describer,
  type Describing,
  describeEvents,
  itemsAt,
  labelsAndAnnotations,
  labelsText,
  meta,
  nameAndNamespace,
  rfc1123,
} from './writer.ts';

const octets = (base64: string): number => fromBase64(base64)?.length ?? 0;
const name = (d: Describing): void => d.w.write(0, `Name:\t${meta(d, 'name')}\n`);

export const describeConfigMap: Describer = function* (d) {
  const { w } = d;
  nameAndNamespace(d);
  labelsAndAnnotations(d);
  w.write(0, '\nData\n====\n');
  const data = obj(d.object, 'data');
  for (const k of sortedKeys(data)) {
    w.write(0, `${k}:\n----\n`);
    w.write(0, `${str(data, k)}\n`);
    w.write(0, '\n');
  }
  w.write(0, '\nBinaryData\n====\n');
  const binary = obj(d.object, 'binaryData');
  for (const k of sortedKeys(binary)) w.write(0, `${k}: ${octets(str(binary, k))} bytes\n`);
  w.write(0, '\n');
  yield* describeEvents(d);
  return null;
};

export const describeSecret: Describer = function* (d) {
  const { w } = d;
  nameAndNamespace(d);
  labelsAndAnnotations(d);
  w.write(0, `\nType:\t${str(d.object, 'type')}\n`);
  w.write(0, '\nData\n====\n');
  const data = obj(d.object, 'data');
  for (const k of sortedKeys(data)) {
    const token = k === 'token' && str(d.object, 'type') === 'kubernetes.io/service-account-token';
    const bytes = fromBase64(str(data, k)) ?? new Uint8Array(0);
    w.write(0, token ? `${k}:\t${new TextDecoder().decode(bytes)}\n` : `${k}:\t${bytes.length} bytes\n`);
  }
  yield { cost: 0 };
  return null;
};

export const describeServiceAccount: Describer = function* (d) {
  nameAndNamespace(d);
  labelsAndAnnotations(d);
  const secrets = list(d.object, 'imagePullSecrets').map((s) => str(s, 'name'));
  if (secrets.length === 0) d.w.write(0, 'Image pull secrets:\t<none>\n');
  secrets.forEach((s, i) => {
    d.w.write(0, `${i === 0 ? 'Image pull secrets:' : ' '.repeat(19)}\t${s}\n`);
  });
  yield* describeEvents(d);
  return null;
};

interface Rule {
  readonly resource: string;
  readonly group: string;
  readonly url: string;
  readonly names: readonly string[];
  readonly verbs: string[];
}

/** Rules broken down to one resource each, verbs of equal ones joined, sorted. Models rbac.BreakdownRule, CompactRules */
function compact(rules: readonly Json[]): Rule[] {
  const out: Rule[] = [];
  const words = (r: Json, key: string): string[] => list(r, key).map(String);
  const add = (rule: Rule): void => {
    const same = out.find(
      (x) =>
        x.resource === rule.resource && x.group === rule.group && x.url === '' && rule.url === '' && x.names.join() === rule.names.join(),
    );
    if (same) same.verbs.push(...rule.verbs);
    else out.push(rule);
  };
  for (const r of rules) {
    const names = words(r, 'resourceNames');
    for (const group of words(r, 'apiGroups'))
      for (const resource of words(r, 'resources'))
        for (const one of names.length > 0 ? names.map((n) => [n]) : [[]])
          add({ resource, group, url: '', names: one, verbs: words(r, 'verbs') });
    for (const url of words(r, 'nonResourceURLs')) add({ resource: '', group: '', url, names: [], verbs: words(r, 'verbs') });
  }
  const key = (x: Rule): string => `${x.resource === '' ? '' : `${x.group}/${x.resource}`}`;
  const text = (x: Rule): string => `${x.resource}${x.group === '' ? '' : `.${x.group}`}`;
  return out.sort((a, b) => compareStrings(text(a), text(b)) || compareStrings(key(a), key(b)));
}

export const describeRole: Describer = function* (d) {
  const { w } = d;
  name(d);
  labelsAndAnnotations(d);
  w.write(0, 'PolicyRule:\n');
  w.write(1, 'Resources\tNon-Resource URLs\tResource Names\tVerbs\n');
  w.write(1, '---------\t-----------------\t--------------\t-----\n');
  for (const r of compact(list(d.object, 'rules')))
    w.write(
      1,
      `${r.resource === '' ? '' : `${r.resource}${r.group === '' ? '' : `.${r.group}`}`}\t[${r.url}]\t[${r.names.join(' ')}]\t[${r.verbs.join(' ')}]\n`,
    );
  yield { cost: 0 };
  return null;
};

export const describeBinding: Describer = function* (d) {
  const { w } = d;
  name(d);
  labelsAndAnnotations(d);
  w.write(0, 'Role:\n');
  w.write(1, `Kind:\t${str(d.object, 'roleRef', 'kind')}\n`);
  w.write(1, `Name:\t${str(d.object, 'roleRef', 'name')}\n`);
  w.write(0, 'Subjects:\n');
  w.write(1, 'Kind\tName\tNamespace\n');
  w.write(1, '----\t----\t---------\n');
  for (const s of list(d.object, 'subjects')) w.write(1, `${str(s, 'kind')}\t${str(s, 'name')}\t${str(s, 'namespace')}\n`);
  yield { cost: 0 };
  return null;
};

export const describeServiceCidr: Describer = function* (d) {
  const { w } = d;
  name(d);
  labelsAndAnnotations(d);
  w.write(0, `CIDRs:\t${list(d.object, 'spec', 'cidrs').map(String).join(', ')}\n`);
  const conditions = list(d.object, 'status', 'conditions');
  if (conditions.length > 0) {
    w.write(0, 'Status:\nConditions:\n');
    w.write(1, 'Type\tStatus\tLastTransitionTime\tReason\tMessage\n');
    w.write(1, '----\t------\t------------------\t------\t-------\n');
  }
  for (const c of conditions)
    w.write(
      1,
      `${str(c, 'type')}\t${str(c, 'status')}\t${rfc1123(str(c, 'lastTransitionTime'))}\t${str(c, 'reason')}\t${str(c, 'message')}\n`,
    );
  yield* describeEvents(d);
  return null;
};

export const describeIpAddress: Describer = function* (d) {
  const { w } = d;
  name(d);
  labelsAndAnnotations(d);
  const parent = obj(d.object, 'spec', 'parentRef');
  if (Object.keys(parent).length > 0) w.write(0, 'Parent Reference:\n');
  if (Object.keys(parent).length > 0)
    for (const [label, key] of [
      ['Group', 'group'],
      ['Resource', 'resource'],
      ['Namespace', 'namespace'],
      ['Name', 'name'],
    ] as const)
      w.write(1, `${label}:\t${str(parent, key)}\n`);
  yield* describeEvents(d);
  return null;
};

export const describePriorityClass: Describer = function* (d) {
  const { w, object } = d;
  name(d);
  w.write(0, `Value:\t${num(object, 'value')}\n`);
  w.write(0, `GlobalDefault:\t${object.globalDefault === true}\n`);
  w.write(0, `PreemptionPolicy:\t${str(object, 'preemptionPolicy')}\n`);
  w.write(0, `Description:\t${str(object, 'description')}\n`);
  w.write(0, `Annotations:\t${labelsText(obj(object, 'metadata', 'annotations'))}\n`);
  yield* describeEvents(d);
  return null;
};

export const describeStorageClass: Describer = function* (d) {
  const { w, object } = d;
  const notes = obj(object, 'metadata', 'annotations');
  const isDefault = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'].some(
    (k) => str(notes, k) === 'true',
  );
  name(d);
  w.write(0, `IsDefaultClass:\t${isDefault ? 'Yes' : 'No'}\n`);
  w.write(0, `Annotations:\t${labelsText(notes)}\n`);
  w.write(0, `Provisioner:\t${str(object, 'provisioner')}\n`);
  w.write(0, `Parameters:\t${labelsText(obj(object, 'parameters'))}\n`);
  w.write(
    0,
    `AllowVolumeExpansion:\t${object.allowVolumeExpansion === undefined ? '<unset>' : object.allowVolumeExpansion === true ? 'True' : 'False'}\n`,
  );
  const options = list(object, 'mountOptions').map(String);
  w.write(0, options.length === 0 ? 'MountOptions:\t<none>\n' : 'MountOptions:\n');
  for (const o of options) w.write(1, `${o}\n`);
  for (const [label, key] of [
    ['ReclaimPolicy', 'reclaimPolicy'],
    ['VolumeBindingMode', 'volumeBindingMode'],
  ] as const)
    if (str(object, key) !== '') w.write(0, `${label}:\t${str(object, key)}\n`);
  yield* describeEvents(d);
  return null;
};

const MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const modes = (o: Json | undefined, ...path: string[]): string =>
  list(o, ...path)
    .map((m) => MODES[String(m)] ?? '')
    .join(',');
const phase = (d: Describing): string =>
  meta(d, 'deletionTimestamp') === '' ? str(d.object, 'status', 'phase') : `Terminating (lasts ${meta(d, 'deletionTimestamp')})`;

export const describeClaim: Describer = function* (d) {
  const { w } = d;
  const spec = obj(d.object, 'spec');
  nameAndNamespace(d);
  w.write(0, `StorageClass:\t${str(spec, 'storageClassName')}\n`);
  w.write(0, `Status:\t${phase(d)}\n`);
  w.write(0, `Volume:\t${str(spec, 'volumeName')}\n`);
  labelsAndAnnotations(d);
  const finalizers = list(d.object, 'metadata', 'finalizers').map(String);
  w.write(0, `Finalizers:\t[${finalizers.join(' ')}]\n`);
  const bound = str(spec, 'volumeName') !== '';
  w.write(0, `Capacity:\t${bound ? str(d.object, 'status', 'capacity', 'storage') : ''}\n`);
  w.write(0, `Access Modes:\t${bound ? modes(d.object, 'status', 'accessModes') : ''}\n`);
  if (str(spec, 'volumeMode') !== '') w.write(0, `VolumeMode:\t${str(spec, 'volumeMode')}\n`);
  const pods = yield* itemsAt(d, `/api/v1/namespaces/${meta(d, 'namespace')}/pods`);
  const used =
    pods instanceof Failure
      ? []
      : pods
          .filter((p) => list(p, 'spec', 'volumes').some((v) => str(v, 'persistentVolumeClaim', 'claimName') === meta(d, 'name')))
          .map((p) => str(p, 'metadata', 'name'));
  if (used.length === 0) w.write(0, 'Used By:\t<none>\n');
  used.sort(compareStrings).forEach((p, i) => {
    w.write(0, `${i === 0 ? 'Used By:' : ''}\t${p}\n`);
  });
  yield* describeEvents(d);
  return null;
};

/** `creationTimestamp` -> `Creation Timestamp`; names with other signs stay. Models smartLabelFor() */
function label(field: string): string {
  if (/[^\p{L}-]/u.test(field)) return field;
  const parts = field.match(/\p{Lu}+(?=\p{Lu}\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lu}+|-+/gu) ?? [field];
  return parts
    .map((p) =>
      ['API', 'URL', 'UID', 'GUID'].includes(p.toUpperCase())
        ? p.toUpperCase()
        : p.toLowerCase() === p
          ? p.charAt(0).toUpperCase() + p.slice(1)
          : p,
    )
    .join(' ');
}

const SKIP = new Set(['.metadata.managedFields', '.metadata.name', '.metadata.namespace', '.metadata.labels', '.metadata.annotations']);

function content(d: Describing, level: number, o: JsonObject, prefix: string, depth = 0): void {
  if (depth > 100) return;
  for (const field of sortedKeys(o)) {
    const path = `${prefix}.${field}`;
    if (SKIP.has(path)) continue;
    const v = o[field] as Json;
    if (isObject(v)) {
      d.w.write(level, `${label(field)}:\n`);
      content(d, level + 1, v, path, depth + 1);
    } else if (isArray(v)) {
      d.w.write(level, `${label(field)}:\n`);
      for (const child of v) {
        if (isObject(child)) content(d, level + 1, child, path, depth + 1);
        else d.w.write(level + 1, `${goValue(child)}\n`);
      }
    } else d.w.write(level, `${label(field)}:\t${goValue(v)}\n`);
  }
}

export const describeGeneric: Describer = function* (d) {
  nameAndNamespace(d);
  labelsAndAnnotations(d);
  content(d, 0, d.object, '');
  yield* describeEvents(d);
  return null;
};
