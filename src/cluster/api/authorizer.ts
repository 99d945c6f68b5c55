/** Whether a user may: RBAC over roles and bindings. Models plugin/pkg/auth/authorizer/rbac. */

import type { UserInfo } from './client.ts';
import type { AnyObject } from './object.ts';
import type { PolicyRule } from './rbac-roles.ts';
import type { ApiServer } from './server.ts';

export interface Attributes {
  readonly verb: string;
  readonly isResource: boolean;
  readonly path: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

const has = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes('*') || list.includes(value));

function allows(rule: PolicyRule, a: Attributes): boolean {
  if (!has(rule.verbs, a.verb)) return false;
  if (!a.isResource)
    return rule.nonResourceURLs?.some((u) => u === '*' || u === a.path || (u.endsWith('*') && a.path.startsWith(u.slice(0, -1)))) === true;
  if (!has(rule.apiGroups, a.group)) return false;
  const full = a.subresource === '' ? a.resource : `${a.resource}/${a.subresource}`;
  const named = rule.resources?.some((r) => r === '*' || r === full || (a.subresource !== '' && r === `*/${a.subresource}`));
  if (!named) return false;
  return !rule.resourceNames || rule.resourceNames.length === 0 || rule.resourceNames.includes(a.name);
}

function applies(subjects: readonly Subject[] | undefined, user: UserInfo, namespace: string): boolean {
  return (
    subjects?.some((s) => {
      if (s.kind === 'User') return s.name === user.name;
      if (s.kind === 'Group') return user.groups.includes(s.name);
      return s.kind === 'ServiceAccount' && user.name === `system:serviceaccount:${s.namespace ?? namespace}:${s.name}`;
    }) === true
  );
}

/** Rules that hold for the user in the namespace ('' for cluster-wide ones alone), in the order of the bindings. */
export function* rulesFor(server: ApiServer, user: UserInfo, namespace: string): Generator<PolicyRule> {
  const role = (binding: AnyObject, within: string): readonly PolicyRule[] => {
    const ref = binding.roleRef as { readonly kind: string; readonly name: string };
    const found =
      ref.kind === 'ClusterRole'
        ? server.peek('clusterroles.rbac.authorization.k8s.io', '', ref.name)
        : server.peek('roles.rbac.authorization.k8s.io', within, ref.name);
    return (found?.rules ?? []) as readonly PolicyRule[];
  };
  for (const binding of server.peekAll('clusterrolebindings.rbac.authorization.k8s.io'))
    if (applies(binding.subjects as readonly Subject[] | undefined, user, '')) yield* role(binding, '');
  if (namespace === '') return;
  for (const binding of server.peekAll('rolebindings.rbac.authorization.k8s.io', namespace))
    if (applies(binding.subjects as readonly Subject[] | undefined, user, namespace)) yield* role(binding, namespace);
}

export function authorize(server: ApiServer, user: UserInfo, a: Attributes): boolean {
  if (user.groups.includes('system:masters')) return true;
  for (const rule of rulesFor(server, user, a.namespace)) if (allows(rule, a)) return true;
  return false;
}
