/** General rules of metadata: names, labels, annotations, owners, finalizers. Models apimachinery/pkg/api/validation/objectmeta.go. */

import { equal } from './equal.ts';
import { type FieldError, forbidden, invalid, required, tooLong } from './field.ts';
import type { KindRules } from './kind.ts';
import { labelValue, qualifiedName } from './names.ts';
import type { AnyObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import type { V1ObjectMeta } from './types.ts';

const SUBDOMAIN_REGEX = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const LABEL_REGEX = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = new RegExp(`^${SUBDOMAIN_REGEX}$`);
const LABEL = new RegExp(`^${LABEL_REGEX}$`);
const MAX_ANNOTATIONS = 256 * 1024;

/** Messages of a text that is not a DNS subdomain. */
export function subdomainErrors(text: string): string[] {
  const errors: string[] = [];
  if (text.length > 253) errors.push('must be no more than 253 bytes');
  if (!SUBDOMAIN.test(text))
    errors.push(
      `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN_REGEX}')`,
    );
  return errors;
}

/** Messages of a text that is not a DNS label. */
export function labelErrors(text: string): string[] {
  const errors: string[] = [];
  if (text.length > 63) errors.push('must be no more than 63 bytes');
  if (!LABEL.test(text))
    errors.push(
      `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL_REGEX}')`,
    );
  return errors;
}

/** Names that only must be usable in a path: RBAC's. */
export function pathSegmentErrors(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}

/** A name that a suffix is still to be put to may end in a dash. */
export function masked(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}

const DNS_LABEL_NAMES: ReadonlySet<string> = new Set(['Namespace', 'Service']);
const RBAC_GROUP = 'rbac.authorization.k8s.io';

function nameErrors(def: ResourceDef, rules: KindRules, name: string, prefix: boolean): readonly string[] {
  if (rules.nameCheck) return rules.nameCheck(name, prefix);
  const text = prefix ? masked(name) : name;
  if (def.group === '' && DNS_LABEL_NAMES.has(def.kind)) return labelErrors(text);
  return def.group === RBAC_GROUP || def.kind === 'APIService' ? pathSegmentErrors(text) : subdomainErrors(text);
}

export function metadataErrors(def: ResourceDef, rules: KindRules, meta: V1ObjectMeta): FieldError[] {
  const out: FieldError[] = [];
  if (meta.generateName)
    for (const text of nameErrors(def, rules, meta.generateName, true)) out.push(invalid('metadata.generateName', meta.generateName, text));
  if (!meta.name) out.push(required('metadata.name', 'name or generateName is required'));
  else for (const text of nameErrors(def, rules, meta.name, false)) out.push(invalid('metadata.name', meta.name, text));
  if (def.namespaced && meta.namespace !== undefined && !LABEL.test(meta.namespace))
    for (const text of labelErrors(meta.namespace)) out.push(invalid('metadata.namespace', meta.namespace, text));
  return out.concat(commonErrors(meta));
}

function commonErrors(meta: V1ObjectMeta): FieldError[] {
  const out: FieldError[] = [];
  if (meta.generation !== undefined && meta.generation < 0)
    out.push(invalid('metadata.generation', meta.generation, 'must be greater than or equal to 0'));
  if (meta.labels) out.push(...labelsErrors(meta.labels, 'metadata.labels'));
  if (meta.annotations) out.push(...annotationErrors(meta.annotations, 'metadata.annotations'));
  if (meta.ownerReferences) out.push(...ownerErrors(meta.ownerReferences));
  meta.finalizers?.forEach((f, i) => {
    for (const text of qualifiedName(f)) out.push(invalid(`metadata.finalizers[${i}]`, f, text));
    if (!f.includes('/') && !STANDARD_FINALIZERS.has(f))
      out.push(invalid(`metadata.finalizers[${i}]`, f, 'name is neither a standard finalizer name nor is it fully qualified'));
  });
  return out;
}

const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

/** Labels in order of their keys, so that messages come in one order. */
export function labelsErrors(labels: Readonly<Record<string, string>>, path: string): FieldError[] {
  const out: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    for (const text of qualifiedName(key)) out.push(invalid(path, key, text));
    for (const text of labelValue(value)) out.push(invalid(path, value, text));
  }
  return out;
}

export function annotationErrors(annotations: Readonly<Record<string, string>>, path: string): FieldError[] {
  const out: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    for (const text of qualifiedName(key.toLowerCase())) out.push(invalid(path, key, text));
    size += key.length + value.length;
  }
  if (size > MAX_ANNOTATIONS) out.push(tooLong(path, MAX_ANNOTATIONS));
  return out;
}

function ownerErrors(owners: NonNullable<V1ObjectMeta['ownerReferences']>): FieldError[] {
  const out: FieldError[] = [];
  let controller = '';
  for (const o of owners) {
    const path = 'metadata.ownerReferences';
    if (!o.apiVersion) out.push(invalid(`${path}.apiVersion`, o.apiVersion ?? '', 'version must not be empty'));
    if (!o.kind) out.push(invalid(`${path}.kind`, o.kind ?? '', 'must not be empty'));
    if (!o.name) out.push(invalid(`${path}.name`, o.name ?? '', 'must not be empty'));
    if (!o.uid) out.push(invalid(`${path}.uid`, o.uid ?? '', 'must not be empty'));
    if (o.controller !== true) continue;
    if (controller !== '')
      out.push(
        invalid(
          'metadata.ownerReferences',
          owners,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${o.kind}/${o.name}`,
        ),
      );
    else controller = `${o.kind}/${o.name}`;
  }
  return out;
}

/** Rules of an update, besides those of the new metadata. */
export function metadataUpdateErrors(meta: V1ObjectMeta, old: AnyObject): FieldError[] {
  const out: FieldError[] = [];
  const before = old.metadata;
  if (before.deletionTimestamp !== undefined) {
    const fresh = (meta.finalizers ?? []).filter((f) => !before.finalizers?.includes(f));
    if (fresh.length > 0)
      out.push(
        forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${fresh.map((f) => JSON.stringify(f)).join(', ')}}`,
        ),
      );
  }
  if (meta.name !== before.name) out.push(invalid('metadata.name', meta.name, 'field is immutable'));
  if ((meta.namespace ?? '') !== (before.namespace ?? '')) out.push(invalid('metadata.namespace', meta.namespace, 'field is immutable'));
  return equal(meta.labels, before.labels) &&
    equal(meta.annotations, before.annotations) &&
    equal(meta.ownerReferences, before.ownerReferences) &&
    equal(meta.finalizers, before.finalizers)
    ? out
    : out.concat(commonErrors(meta));
}
