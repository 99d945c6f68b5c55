/** CustomResourceDefinition: defaults and validation. Models apiextensions-apiserver/pkg/apis/apiextensions. */

import { type FieldError, invalid, notSupported, required } from '../field.ts';
import { type KindRules, registerKind } from '../kind.ts';
import { dns1035Label, dns1123Subdomain } from '../names.ts';
import type { AnyObject } from '../object.ts';
import type { Schema } from '../structural.ts';

interface Names {
  readonly plural?: string;
  readonly singular?: string;
  readonly kind?: string;
  readonly listKind?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}
interface Version {
  readonly name?: string;
  readonly served?: boolean;
  readonly storage?: boolean;
  readonly schema?: { readonly openAPIV3Schema?: Schema };
}
interface Spec {
  readonly group?: string;
  readonly scope?: string;
  readonly names?: Names;
  readonly versions?: readonly Version[];
  readonly conversion?: { readonly strategy?: string };
}

const specOf = (o: AnyObject): Spec => (o['spec'] ?? {}) as Spec;

function namesErrors(names: Names): FieldError[] {
  const path = 'spec.names';
  const out: FieldError[] = [];
  const label = (field: string, value: string): void => {
    const found = dns1035Label(value);
    if (found.length > 0) out.push(invalid(`${path}.${field}`, value, found.join(',')));
  };
  const mixed = (field: string, value: string): void => {
    const found = dns1035Label(value.toLowerCase());
    if (found.length > 0)
      out.push(invalid(`${path}.${field}`, value, `may have mixed case, but should otherwise match: ${found.join(',')}`));
  };
  label('plural', names.plural ?? '');
  if (names.singular) label('singular', names.singular);
  mixed('kind', names.kind ?? '');
  mixed('listKind', names.listKind ?? '');
  for (const [i, s] of (names.shortNames ?? []).entries()) label(`shortNames[${i}]`, s);
  if (names.kind === names.listKind) out.push(invalid(`${path}.listKind`, names.listKind ?? '', 'kind and listKind may not be the same'));
  for (const [i, s] of (names.categories ?? []).entries()) label(`categories[${i}]`, s);
  return out;
}

/** What a structural schema requires of its types. */
function structural(schema: Schema, path: string, at: 'root' | 'field' | 'item'): FieldError[] {
  const out: FieldError[] = [];
  const free = schema['x-kubernetes-int-or-string'] || schema['x-kubernetes-preserve-unknown-fields'];
  const where = at === 'root' ? 'at the root' : at === 'field' ? 'for specified object fields' : 'for specified array items';
  if (!schema.type && !(free && at !== 'root')) out.push(required(`${path}.type`, `must not be empty ${where}`));
  else if (at === 'root' && schema.type !== 'object') out.push(invalid(`${path}.type`, schema.type, 'must be object at the root'));
  for (const [name, of] of Object.entries(schema.properties ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)))
    out.push(...structural(of, `${path}.properties[${name}]`, 'field'));
  if (schema.items) out.push(...structural(schema.items, `${path}.items`, 'item'));
  if (typeof schema.additionalProperties === 'object')
    out.push(...structural(schema.additionalProperties, `${path}.additionalProperties`, 'field'));
  return out;
}

function versionsErrors(versions: readonly Version[]): FieldError[] {
  const path = 'spec.versions';
  const out: FieldError[] = [];
  for (const [i, v] of versions.entries()) {
    const found = dns1035Label(v.name ?? '');
    if (found.length > 0) out.push(invalid(`${path}[${i}].name`, v.name ?? '', found.join(',')));
  }
  for (const [i, v] of versions.entries()) {
    const schema = v.schema?.openAPIV3Schema;
    const at = `${path}[${i}].schema.openAPIV3Schema`;
    if (schema) out.push(...structural(schema, at, 'root'));
    else out.push(required(at, 'schemas are required'));
  }
  if (new Set(versions.map((v) => v.name)).size !== versions.length) out.push(invalid(path, versions, 'must contain unique version names'));
  if (versions.filter((v) => v.storage).length !== 1)
    out.push(invalid(path, versions, 'must have exactly one version marked as storage version'));
  return out;
}

const APPROVED = 'api-approved.kubernetes.io';
const SEE = 'see https://github.com/kubernetes/enhancements/pull/1111';

function approvalErrors(o: AnyObject): FieldError[] {
  const { group = '' } = specOf(o);
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(group)) return [];
  const said = o.metadata.annotations?.[APPROVED];
  const path = `metadata.annotations[${APPROVED}]`;
  if (!said) return [required(path, `protected groups must have approval annotation "${APPROVED}", ${SEE}`)];
  if (said.startsWith('unapproved') || /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(said)) return [];
  return [
    invalid(
      path,
      said,
      `protected groups must have approval annotation "${APPROVED}" with either a URL or a reason starting with "unapproved", ${SEE}`,
    ),
  ];
}

function specErrors(o: AnyObject): FieldError[] {
  const spec = specOf(o);
  const out: FieldError[] = [];
  const { group = '', scope = '' } = spec;
  const found = dns1123Subdomain(group);
  if (group === '') out.push(required('spec.group'));
  else if (found.length > 0) out.push(invalid('spec.group', group, found.join(',')));
  else if (!group.includes('.')) out.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  if (scope === '') out.push(required('spec.scope'));
  else if (scope !== 'Cluster' && scope !== 'Namespaced') out.push(notSupported('spec.scope', scope, ['Cluster', 'Namespaced']));
  out.push(...versionsErrors(spec.versions ?? []));
  out.push(...namesErrors(spec.names ?? {}));
  const strategy = spec.conversion?.strategy ?? 'None';
  if (strategy !== 'None' && strategy !== 'Webhook') out.push(notSupported('spec.conversion.strategy', strategy, ['None', 'Webhook']));
  return out;
}

function changeErrors(o: AnyObject, old: AnyObject): FieldError[] {
  const now = specOf(o);
  const was = specOf(old);
  const out: FieldError[] = [];
  const fixed = (path: string, a: string | undefined, b: string | undefined): void => {
    if (a !== b) out.push(invalid(path, a ?? '', 'field is immutable'));
  };
  fixed('spec.group', now.group, was.group);
  fixed('spec.names.plural', now.names?.plural, was.names?.plural);
  const conditions = ((old['status'] ?? {}) as { conditions?: { type: string; status: string }[] }).conditions ?? [];
  if (conditions.some((c) => c.type === 'Established' && c.status === 'True')) {
    fixed('spec.scope', now.scope, was.scope);
    fixed('spec.names.kind', now.names?.kind, was.names?.kind);
  }
  return out;
}

const rules: KindRules = {
  defaults(o) {
    const spec = specOf(o);
    const names = spec.names ?? {};
    const { kind = '', singular, listKind } = names;
    return {
      ...o,
      spec: {
        ...spec,
        conversion: { strategy: 'None', ...spec.conversion },
        names: { ...names, listKind: listKind || `${kind}List`, singular: singular || kind.toLowerCase() },
      },
    } as AnyObject;
  },
  validate(o) {
    const spec = specOf(o);
    const named: FieldError[] =
      o.metadata.name === `${spec.names?.plural ?? ''}.${spec.group ?? ''}`
        ? []
        : [invalid('metadata.name', o.metadata.name, 'must be spec.names.plural+"."+spec.group')];
    return [...named, ...specErrors(o), ...approvalErrors(o)];
  },
  validateUpdate: (o, old) => [...specErrors(o), ...changeErrors(o, old), ...approvalErrors(o)],
};

registerKind<AnyObject>('CustomResourceDefinition.apiextensions.k8s.io', rules);
