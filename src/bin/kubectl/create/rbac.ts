/** kubectl create role | clusterrole | rolebinding | clusterrolebinding. Models kubectl/pkg/cmd/create/create_{role,clusterrole,rolebinding,clusterrolebinding}.go */

import type { Task } from '../../../os/program.ts';
import { Failure, failure } from '../errors.ts';
import type { Flag } from '../flags.ts';
import type { JsonObject } from '../json.ts';
import type { Ctx } from '../verb.ts';
import { builtin, createVerb, head } from './spec.ts';

const GROUP = 'rbac.authorization.k8s.io';
const API = `${GROUP}/v1`;

const RESOURCE_VERBS = [
  '*',
  'get',
  'delete',
  'list',
  'create',
  'update',
  'patch',
  'watch',
  'proxy',
  'deletecollection',
  'use',
  'bind',
  'escalate',
  'impersonate',
];
const URL_VERBS = ['*', 'get', 'put', 'post', 'head', 'options', 'delete', 'patch'];

const ROLES = [`roles.${GROUP}`, `clusterroles.${GROUP}`];
/** Verbs that only some resources have. */
const SPECIAL: Readonly<Record<string, readonly string[]>> = {
  use: ['podsecuritypolicies.policy', 'podsecuritypolicies.extensions'],
  bind: ROLES,
  escalate: ROLES,
  impersonate: ['users.', 'serviceaccounts.', 'groups.', 'userextras.authentication.k8s.io'],
};

interface Resource {
  readonly group: string;
  readonly resource: string;
  readonly sub: string;
}

function verbsOf(given: readonly string[]): string[] {
  return given.includes('*') ? ['*'] : [...new Set(given)];
}

function resourcesOf(given: readonly string[]): Resource[] {
  const out: Resource[] = [];
  for (const r of given) {
    const slash = r.indexOf('/');
    const name = slash < 0 ? r : r.slice(0, slash);
    const dot = name.indexOf('.');
    const one = {
      resource: dot < 0 ? name : name.slice(0, dot),
      group: dot < 0 ? '' : name.slice(dot + 1),
      sub: slash < 0 ? '' : r.slice(slash + 1),
    };
    if (one.resource === '*' && dot < 0 && slash < 0) return [one];
    out.push(one);
  }
  return out;
}

/** The full name of a resource, or what it was called when the server has none. */
function* named(ctx: Ctx, r: Resource): Task<{ group: string; resource: string; error: Failure | null }> {
  const found = yield* ctx.mapper.find(r.group === '' ? r.resource : `${r.resource}.${r.group}`);
  if (!(found instanceof Failure)) return { group: found.group, resource: found.resource, error: null };
  const { group, resource } = r;
  const shown = group === '' ? `{Resource:${resource}}` : '';
  return {
    group,
    resource,
    error: failure(`the server doesn't have a resource type "${shown === '' ? `${resource}.${group}` : resource}"`),
  };
}

function* validate(ctx: Ctx, verbs: readonly string[], resources: readonly Resource[]): Task<Failure | null> {
  for (const v of verbs) if (!RESOURCE_VERBS.includes(v)) yield* ctx.err(`Warning: '${v}' is not a standard resource verb\n`);
  for (const r of resources) {
    if (r.resource === '') return failure('resource must be specified if apiGroup/subresource specified');
    if (r.resource === '*') return null;
    const n = yield* named(ctx, r);
    let { error } = n;
    for (const v of verbs) {
      const only = SPECIAL[v];
      if (!only) continue;
      if (!only.includes(`${n.resource}.${n.group}`)) return failure(`can not perform '${v}' on '${n.resource}' in group '${n.group}'`);
      error = null;
    }
    if (error) return error;
  }
  return null;
}

function* rulesOf(
  ctx: Ctx,
  verbs: readonly string[],
  resources: readonly Resource[],
  names: readonly string[],
  urls: readonly string[],
): Task<JsonObject[]> {
  const groups = new Map<string, string[]>();
  for (const r of resources) {
    const n = yield* named(ctx, r);
    const full = r.sub === '' ? n.resource : `${n.resource}/${r.sub}`;
    const list = groups.get(n.group) ?? [];
    if (!list.includes(full)) list.push(full);
    groups.set(n.group, list);
  }
  const rules: JsonObject[] = [...groups.keys()].sort().map((g) => ({
    verbs,
    apiGroups: [g],
    resources: groups.get(g) as string[],
    ...(names.length > 0 ? { resourceNames: names } : {}),
  }));
  if (urls.length > 0) rules.push({ verbs, nonResourceURLs: urls });
  return rules;
}

const VERB: Flag = { name: 'verb', type: 'stringSlice', usage: 'Verb that applies to the resources contained in the rule' };
const RESOURCE: Flag = { name: 'resource', type: 'stringSlice', usage: 'Resource that the rule applies to' };
const RESOURCE_NAME: Flag = {
  name: 'resource-name',
  type: 'stringArray',
  usage: 'Resource in the white list that the rule applies to, repeat this flag for multiple items',
};

export const createRoleVerb = createVerb({
  name: 'role',
  use: 'role NAME --verb=verb --resource=resource.group/subresource [--resource-name=resourcename] [--dry-run=server|client|none]',
  short: 'Create a role with single rule',
  long: 'Create a role with single rule.',
  example:
    '  # Create a role named "pod-reader" that allows user to perform "get", "watch" and "list" on pods\n  kubectl create role pod-reader --verb=get --verb=list --verb=watch --resource=pods\n  \n  # Create a role named "pod-reader" with ResourceName specified\n  kubectl create role pod-reader --verb=get --resource=pods --resource-name=readablepod --resource-name=anotherpod\n  \n  # Create a role named "foo" with API Group specified\n  kubectl create role foo --verb=get,list,watch --resource=rs.apps\n  \n  # Create a role named "foo" with SubResource specified\n  kubectl create role foo --verb=get,list,watch --resource=pods,pods/status',
  flags: [VERB, RESOURCE, RESOURCE_NAME],
  mapping: builtin(GROUP, 'v1', 'Role', 'roles'),
  *generate(ctx, name) {
    const verbs = verbsOf(ctx.list('verb'));
    const resources = resourcesOf(ctx.list('resource'));
    if (name === '') return failure('name must be specified');
    if (verbs.length === 0) return failure('at least one verb must be specified');
    if (resources.length === 0) {
      yield* validate(ctx, verbs, []);
      return failure('at least one resource must be specified');
    }
    const wrong = yield* validate(ctx, verbs, resources);
    if (wrong) return wrong;
    return { ...head(API, 'Role', { name }), rules: yield* rulesOf(ctx, verbs, resources, [...new Set(ctx.list('resource-name'))], []) };
  },
});

/** `a=b,c=d` */
function pairs(values: readonly string[]): Record<string, string> | Failure {
  const out: Record<string, string> = {};
  for (const v of values.flatMap((x) => x.split(','))) {
    const eq = v.indexOf('=');
    if (eq < 0) return failure(`malformed pair, expect string=string`);
    out[v.slice(0, eq).trim()] = v.slice(eq + 1).trim();
  }
  return out;
}

export const createClusterRoleVerb = createVerb({
  name: 'clusterrole',
  use: 'clusterrole NAME --verb=verb --resource=resource.group [--resource-name=resourcename] [--dry-run=server|client|none]',
  short: 'Create a cluster role',
  long: 'Create a cluster role.',
  example:
    '  # Create a cluster role named "pod-reader" that allows user to perform "get", "watch" and "list" on pods\n  kubectl create clusterrole pod-reader --verb=get,list,watch --resource=pods\n  \n  # Create a cluster role named "pod-reader" with ResourceName specified\n  kubectl create clusterrole pod-reader --verb=get --resource=pods --resource-name=readablepod --resource-name=anotherpod\n  \n  # Create a cluster role named "foo" with API Group specified\n  kubectl create clusterrole foo --verb=get,list,watch --resource=rs.apps\n  \n  # Create a cluster role named "foo" with SubResource specified\n  kubectl create clusterrole foo --verb=get,list,watch --resource=pods,pods/status\n  \n  # Create a cluster role name "foo" with NonResourceURL specified\n  kubectl create clusterrole "foo" --verb=get --non-resource-url=/logs/*\n  \n  # Create a cluster role name "monitoring" with AggregationRule specified\n  kubectl create clusterrole monitoring --aggregation-rule="rbac.example.com/aggregate-to-monitoring=true"',
  flags: [
    VERB,
    { name: 'non-resource-url', type: 'stringSlice', usage: 'A partial url that user should have access to.' },
    RESOURCE,
    RESOURCE_NAME,
    { name: 'aggregation-rule', type: 'stringArray', usage: 'An aggregation label selector for combining ClusterRoles.' },
  ],
  mapping: builtin(GROUP, 'v1', 'ClusterRole', 'clusterroles', false),
  *generate(ctx, name) {
    const verbs = verbsOf(ctx.list('verb'));
    const resources = resourcesOf(ctx.list('resource'));
    const urls = [...new Set(ctx.list('non-resource-url'))];
    const names = [...new Set(ctx.list('resource-name'))];
    if (name === '') return failure('name must be specified');
    if (ctx.changed('aggregation-rule')) {
      const matchLabels = pairs(ctx.list('aggregation-rule'));
      if (matchLabels instanceof Failure) return matchLabels;
      if (urls.length + verbs.length + resources.length + names.length > 0)
        return failure('aggregation rule must be specified without nonResourceURLs, verbs, resources or resourceNames');
      return { ...head(API, 'ClusterRole', { name }), rules: null, aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } };
    }
    if (verbs.length === 0) return failure('at least one verb must be specified');
    if (resources.length === 0 && urls.length === 0) return failure('one of resource or nonResourceURL must be specified');
    if (resources.length > 0) {
      const wrong = yield* validate(ctx, verbs, resources);
      if (wrong) return wrong;
    }
    if (urls.length > 0) for (const v of verbs) if (!URL_VERBS.includes(v)) return failure(`invalid verb: '${v}' for nonResourceURL`);
    for (const url of urls) {
      if (url === '*') continue;
      if (!url.startsWith('/')) return failure('nonResourceURL should start with /');
      if (url.slice(0, -1).includes('*')) return failure("nonResourceURL only supports wildcard matches when '*' is at the end");
    }
    return { ...head(API, 'ClusterRole', { name }), rules: yield* rulesOf(ctx, verbs, resources, names, urls) };
  },
});

function subjects(ctx: Ctx): JsonObject[] | Failure {
  const out: JsonObject[] = [];
  for (const name of ctx.list('user')) out.push({ kind: 'User', apiGroup: GROUP, name });
  for (const name of ctx.list('group')) out.push({ kind: 'Group', apiGroup: GROUP, name });
  for (const sa of ctx.list('serviceaccount')) {
    const [namespace = '', name = '', ...more] = sa.split(':');
    if (namespace === '' || name === '' || more.length > 0) return failure('serviceaccount must be <namespace>:<name>');
    out.push({ kind: 'ServiceAccount', name, namespace });
  }
  return out;
}

const subjectFlags = (what: string): readonly Flag[] => [
  { name: 'user', type: 'stringArray', usage: `Usernames to bind to the ${what}. The flag can be repeated to add multiple users.` },
  { name: 'group', type: 'stringArray', usage: `Groups to bind to the ${what}. The flag can be repeated to add multiple groups.` },
  {
    name: 'serviceaccount',
    type: 'stringArray',
    usage: `Service accounts to bind to the ${what}, in the format <namespace>:<name>. The flag can be repeated to add multiple service accounts.`,
  },
];

function binding(ctx: Ctx, kind: string, name: string, refKind: string, ref: string): JsonObject | Failure {
  const list = subjects(ctx);
  if (list instanceof Failure) return list;
  return {
    ...head(API, kind, { name }),
    ...(list.length > 0 ? { subjects: list } : {}),
    roleRef: { apiGroup: GROUP, kind: refKind, name: ref },
  };
}

export const createRoleBindingVerb = createVerb({
  name: 'rolebinding',
  use: 'rolebinding NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]',
  short: 'Create a role binding for a particular role or cluster role',
  long: 'Create a role binding for a particular role or cluster role.',
  example:
    '  # Create a role binding for user1, user2, and group1 using the admin cluster role\n  kubectl create rolebinding admin --clusterrole=admin --user=user1 --user=user2 --group=group1\n  \n  # Create a role binding for service account monitoring:sa-dev using the admin role\n  kubectl create rolebinding admin-binding --role=admin --serviceaccount=monitoring:sa-dev',
  flags: [
    { name: 'clusterrole', type: 'string', usage: 'ClusterRole this RoleBinding should reference' },
    { name: 'role', type: 'string', usage: 'Role this RoleBinding should reference' },
    ...subjectFlags('role'),
  ],
  mapping: builtin(GROUP, 'v1', 'RoleBinding', 'rolebindings'),
  failed: 'failed to create rolebinding: ',
  generate(ctx, name) {
    const [clusterRole, role] = [ctx.str('clusterrole'), ctx.str('role')];
    if (name === '') return failure('name must be specified');
    if ((clusterRole === '') === (role === '')) return failure('exactly one of clusterrole or role must be specified');
    return binding(ctx, 'RoleBinding', name, role === '' ? 'ClusterRole' : 'Role', role || clusterRole);
  },
});

export const createClusterRoleBindingVerb = createVerb({
  name: 'clusterrolebinding',
  use: 'clusterrolebinding NAME --clusterrole=NAME [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]',
  short: 'Create a cluster role binding for a particular cluster role',
  long: 'Create a cluster role binding for a particular cluster role.',
  example:
    '  # Create a cluster role binding for user1, user2, and group1 using the cluster-admin cluster role\n  kubectl create clusterrolebinding cluster-admin --clusterrole=cluster-admin --user=user1 --user=user2 --group=group1',
  flags: [
    { name: 'clusterrole', type: 'string', usage: 'ClusterRole this ClusterRoleBinding should reference' },
    ...subjectFlags('clusterrole'),
  ],
  required: ['clusterrole'],
  mapping: builtin(GROUP, 'v1', 'ClusterRoleBinding', 'clusterrolebindings', false),
  failed: 'failed to create clusterrolebinding: ',
  generate(ctx, name) {
    return binding(ctx, 'ClusterRoleBinding', name, 'ClusterRole', ctx.str('clusterrole'));
  },
});
