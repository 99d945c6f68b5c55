/** Roles and their bindings. Models pkg/apis/rbac/{v1/defaults.go,validation} and printers. */

import { goText } from '../decode.ts';
import { equal } from '../equal.ts';
import { invalid, notSupported, required } from '../field.ts';
import { registerKind } from '../kind.ts';
import { dns1123Subdomain, pathSegmentName } from '../names.ts';
import type { Stored } from '../object.ts';
import type { RbacV1Subject, V1ClusterRole, V1ClusterRoleBinding, V1PolicyRule, V1Role, V1RoleBinding } from '../types.ts';
import { age, columns } from './columns.ts';
import { bad, type Errors, labelSelector, mapSame, withMembers } from './common.ts';

const GROUP = 'rbac.authorization.k8s.io';

function rule(field: string, r: V1PolicyRule, namespaced: boolean): Errors {
  const out: Errors = [];
  if (!r.verbs?.length) out.push(required(`${field}.verbs`, 'verbs must contain at least one value'));
  const urls = r.nonResourceURLs ?? [];
  if (urls.length > 0) {
    const at = `${field}.nonResourceURLs`;
    if (namespaced) out.push(invalid(at, urls, 'namespaced rules cannot apply to non-resource URLs'));
    if (r.apiGroups?.length || r.resources?.length || r.resourceNames?.length)
      out.push(invalid(at, urls, 'rules cannot apply to both regular resources and non-resource URLs'));
    return out;
  }
  if (!r.apiGroups?.length) out.push(required(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  if (!r.resources?.length) out.push(required(`${field}.resources`, 'resource rules must supply at least one resource'));
  return out;
}

type Role = Stored<V1Role>;
type ClusterRole = Stored<V1ClusterRole>;

registerKind<Role>(`Role.${GROUP}`, {
  nameCheck: pathSegmentName,
  validate: (r) => (r.rules ?? []).flatMap((x, i) => rule(`rules[${i}]`, x, true)),
  columns: columns('Name|Created At'),
  row: (r) => [r.metadata.name, r.metadata.creationTimestamp],
});

registerKind<ClusterRole>(`ClusterRole.${GROUP}`, {
  nameCheck: pathSegmentName,
  validate(r) {
    const out = (r.rules ?? []).flatMap((x, i) => rule(`rules[${i}]`, x, false));
    const field = 'aggregationRule.clusterRoleSelectors';
    const selectors = r.aggregationRule?.clusterRoleSelectors ?? [];
    if (r.aggregationRule && selectors.length === 0)
      out.push(required(field, 'at least one clusterRoleSelector required if aggregationRule is non-nil'));
    return [...out, ...selectors.flatMap((s, i) => labelSelector(`${field}[${i}]`, s))];
  },
  columns: columns('Name|Created At'),
  row: (r) => [r.metadata.name, r.metadata.creationTimestamp],
});

function subject(field: string, s: RbacV1Subject, namespaced: boolean): Errors {
  const out: Errors = s.name ? [] : [required(`${field}.name`)];
  const group = s.apiGroup ?? '';
  if (s.kind === 'ServiceAccount') {
    if (s.name) out.push(...bad(`${field}.name`, s.name, dns1123Subdomain(s.name)));
    if (group !== '') out.push(notSupported(`${field}.apiGroup`, group, ['']));
    if (!namespaced && !s.namespace) out.push(required(`${field}.namespace`));
  } else if (s.kind === 'User' || s.kind === 'Group') {
    if (group !== GROUP) out.push(notSupported(`${field}.apiGroup`, group, [GROUP]));
  } else out.push(notSupported(`${field}.kind`, s.kind, ['ServiceAccount', 'User', 'Group']));
  return out;
}

type Binding = Stored<V1RoleBinding> | Stored<V1ClusterRoleBinding>;

function validate(b: Binding, kinds: readonly string[], namespaced: boolean): Errors {
  const ref = b.roleRef;
  const out: Errors = [];
  if (ref.apiGroup !== GROUP) out.push(notSupported('roleRef.apiGroup', ref.apiGroup ?? '', [GROUP]));
  if (!kinds.includes(ref.kind)) out.push(notSupported('roleRef.kind', ref.kind, kinds));
  out.push(...(ref.name ? bad('roleRef.name', ref.name, pathSegmentName(ref.name)) : [required('roleRef.name')]));
  return [...out, ...(b.subjects ?? []).flatMap((s, i) => subject(`subjects[${i}]`, s, namespaced))];
}

function sameRole(b: Binding, old: Binding): Errors {
  return equal(b.roleRef, old.roleRef) ? [] : [invalid('roleRef', goText('V1RoleRef', b.roleRef), 'cannot change roleRef')];
}

function defaults<T extends Binding>(b: T): T {
  return withMembers(b, {
    roleRef: withMembers(b.roleRef, { apiGroup: b.roleRef.apiGroup || GROUP }),
    subjects: mapSame(b.subjects, (s) => (s.apiGroup || (s.kind !== 'User' && s.kind !== 'Group') ? s : { ...s, apiGroup: GROUP })),
  });
}

function row(b: Binding, now: string): readonly unknown[] {
  const named = (kind: string): string =>
    (b.subjects ?? [])
      .filter((s) => s.kind === kind)
      .map((s) => (kind === 'ServiceAccount' ? `${s.namespace ?? ''}/${s.name}` : s.name))
      .join(', ');
  return [b.metadata.name, `${b.roleRef.kind}/${b.roleRef.name}`, age(b, now), named('User'), named('Group'), named('ServiceAccount')];
}

const COLUMNS = columns('Name|Role|Age|+Users|+Groups|+ServiceAccounts');

registerKind<Stored<V1RoleBinding>>(`RoleBinding.${GROUP}`, {
  nameCheck: pathSegmentName,
  defaults,
  validate: (b) => validate(b, ['Role', 'ClusterRole'], true),
  validateUpdate: (b, old) => [...validate(b, ['Role', 'ClusterRole'], true), ...sameRole(b, old)],
  columns: COLUMNS,
  row,
});

registerKind<Stored<V1ClusterRoleBinding>>(`ClusterRoleBinding.${GROUP}`, {
  nameCheck: pathSegmentName,
  defaults,
  validate: (b) => validate(b, ['ClusterRole'], false),
  validateUpdate: (b, old) => [...validate(b, ['ClusterRole'], false), ...sameRole(b, old)],
  columns: COLUMNS,
  row,
});
