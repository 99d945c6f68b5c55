/** kubectl auth can-i | whoami | reconcile. Models kubectl/pkg/cmd/auth */

import type { Task } from '../../../os/program.ts';
import { filenameFlags } from '../builder.ts';
import { emit } from '../common.ts';
import { onlySubcommands } from '../create/service.ts';
import { exitWith, Failure, failure } from '../errors.ts';
import { at, type Json, type JsonObject, list, obj, sortedKeys, str } from '../json.ts';
import { ALL_FORMATS, PRINT_FLAGS, printerFor } from '../printers.ts';
import { TabWriter } from '../tabwriter.ts';
import type { Ctx, Verb } from '../verb.ts';
import { reconcile } from './reconcile.ts';

const RESOURCE_VERBS = new Set([
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  'deletecollection',
  'use',
  'bind',
  'impersonate',
  '*',
  'approve',
  'sign',
  'escalate',
  'attest',
]);
const URL_VERBS = new Set(['get', 'put', 'post', 'head', 'options', 'delete', 'patch', '*']);
const NON_STANDARD = new Set(['users', 'groups']);

/** Rows in columns, as printers.GetNewTabWriter() aligns them. */
function tabbed(text: string): string {
  const w = new TabWriter(6, 3, true);
  w.write(text);
  return w.flush();
}

interface Rule {
  readonly verbs: string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly urls: readonly string[];
}

const strings = (v: Json, k: string): string[] => list(v, k).map(String);

/** BreakdownRule(): one group, one resource, at most one name in each. */
function breakdown(r: Rule): Rule[] {
  const out: Rule[] = [];
  for (const g of r.apiGroups)
    for (const resource of r.resources) {
      const one = { verbs: r.verbs, apiGroups: [g], resources: [resource], urls: [] };
      if (r.resourceNames.length === 0) out.push({ ...one, resourceNames: [] });
      else for (const name of r.resourceNames) out.push({ ...one, resourceNames: [name] });
    }
  for (const url of r.urls) out.push({ verbs: r.verbs, apiGroups: [], resources: [], resourceNames: [], urls: [url] });
  return out;
}

/** CompactRules(): verbs of the same resource come together. */
function compact(rules: readonly Rule[]): Rule[] {
  const simple = new Map<string, Rule>();
  const out: Rule[] = [];
  for (const r of rules) {
    if (r.urls.length > 0) {
      out.push(r);
      continue;
    }
    const key = JSON.stringify([r.apiGroups, r.resources, r.resourceNames]);
    const have = simple.get(key);
    if (have) have.verbs.push(...r.verbs.filter((v) => !have.verbs.includes(v)));
    else simple.set(key, { ...r, verbs: [...r.verbs] });
  }
  return [...out, ...simple.values()];
}

/** PolicyRule.String(), by which rules are sorted. */
const ruleText = (r: Rule): string =>
  `&PolicyRule{Verbs:[${r.verbs.join(' ')}],APIGroups:[${r.apiGroups.join(' ')}],Resources:[${r.resources.join(' ')}],ResourceNames:[${r.resourceNames.join(' ')}],NonResourceURLs:[${r.urls.join(' ')}],}`;

/** CombineResourceGroup() */
function combined(resources: readonly string[], groups: readonly string[]): string {
  const first = resources[0];
  if (first === undefined) return '';
  const slash = first.indexOf('/');
  const name = slash < 0 ? first : first.slice(0, slash);
  return `${name}${groups[0] ? `.${groups[0]}` : ''}${slash < 0 ? '' : first.slice(slash)}`;
}

function* accessList(ctx: Ctx, namespace: string): Task<number | Failure> {
  const r = yield* ctx.rest.json('POST', '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
    json: { kind: 'SelfSubjectRulesReview', apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec: { namespace } },
  });
  if (r instanceof Failure) return r;
  if (at(r, 'status', 'incomplete') === true)
    yield* ctx.err(`Warning: the list may be incomplete: ${str(r, 'status', 'evaluationError')}\n`);
  const all: Rule[] = [
    ...list(r, 'status', 'resourceRules').map((x) => ({
      verbs: strings(x, 'verbs'),
      apiGroups: strings(x, 'apiGroups'),
      resources: strings(x, 'resources'),
      resourceNames: strings(x, 'resourceNames'),
      urls: [],
    })),
    ...list(r, 'status', 'nonResourceRules').map((x) => ({
      verbs: strings(x, 'verbs'),
      apiGroups: [],
      resources: [],
      resourceNames: [],
      urls: strings(x, 'nonResourceURLs'),
    })),
  ];
  const texts = compact(all.flatMap(breakdown)).map((rule) => ({ rule, key: ruleText(rule) }));
  texts.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const rows = texts.map(({ rule }) => [
    combined(rule.resources, rule.apiGroups),
    `[${rule.urls.join(' ')}]`,
    `[${rule.resourceNames.join(' ')}]`,
    `[${rule.verbs.join(' ')}]`,
  ]);
  const head = ctx.bool('no-headers') ? [] : [['Resources', 'Non-Resource URLs', 'Resource Names', 'Verbs']];
  yield* ctx.out(tabbed([...head, ...rows].map((row) => `${row.join('\t')}\n`).join('')));
  return 0;
}

/** The resource that the argument means, with warnings about it. */
function* resourceOf(ctx: Ctx, arg: string): Task<{ group: string; resource: string; namespaced: boolean | null }> {
  if (arg === '*') return { group: '', resource: '*', namespaced: true };
  const found = yield* ctx.mapper.find(arg.toLowerCase());
  if (!(found instanceof Failure)) return { group: found.group, resource: found.resource, namespaced: found.namespaced };
  const dot = arg.indexOf('.');
  const [name, group] = dot < 0 ? [arg.toLowerCase(), ''] : [arg.slice(0, dot).toLowerCase(), arg.slice(dot + 1).toLowerCase()];
  if (!NON_STANDARD.has(group === '' ? name : `${name}.${group}`))
    yield* ctx.err(`Warning: the server doesn't have a resource type '${name}'${group === '' ? '' : ` in group '${group}'`}\n\n`);
  return { group: '', resource: arg, namespaced: null };
}

function* canI(ctx: Ctx): Task<number | Failure> {
  const all = ctx.bool('all-namespaces');
  const listing = ctx.bool('list');
  const sub = ctx.str('subresource');
  const [verb, what] = ctx.args as [string, string];
  if (listing && ctx.args.length > 0) return failure('list option must be specified with no arguments');
  if (!listing && ctx.args.length !== 2)
    return failure(
      "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
    );
  const url = !listing && what.startsWith('/');
  const slash = listing || url ? -1 : what.indexOf('/');
  const resource = listing || url ? null : yield* resourceOf(ctx, slash < 0 ? what : what.slice(0, slash));
  const ns = all ? { name: '' } : ctx.namespace();
  if (ns instanceof Failure) return ns;
  if (listing) {
    if (ctx.bool('quiet') || all || sub !== '')
      return failure("list option can't be specified with neither quiet, all-namespaces nor subresource options");
    return yield* accessList(ctx, ns.name);
  }
  if (url) {
    if (sub !== '') return failure('--subresource can not be used with NonResourceURL');
    if (!URL_VERBS.has(verb)) yield* ctx.err(`Warning: verb '${verb}' is not a known verb\n\n`);
  } else if (resource && !all) {
    if (resource.namespaced === false)
      yield* ctx.err(
        `Warning: resource '${resource.resource}' is not namespace scoped${resource.group === '' ? '' : ` in group '${resource.group}'`}\n\n`,
      );
    if (!RESOURCE_VERBS.has(verb)) yield* ctx.err(`Warning: verb '${verb}' is not a known verb\n\n`);
  }
  if (ctx.bool('no-headers')) return failure('--no-headers cannot be set without --list specified');
  const spec: JsonObject = url
    ? { nonResourceAttributes: { path: what, verb } }
    : {
        resourceAttributes: {
          ...(ns.name === '' ? {} : { namespace: ns.name }),
          verb,
          ...(resource?.group ? { group: resource.group } : {}),
          resource: resource?.resource,
          ...(sub === '' ? {} : { subresource: sub }),
          ...(slash < 0 ? {} : { name: what.slice(slash + 1) }),
        },
      };
  const r = yield* ctx.rest.json('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
    json: { kind: 'SelfSubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', metadata: {}, spec },
  });
  if (r instanceof Failure) return r;
  const allowed = at(r, 'status', 'allowed') === true;
  const why = ['reason', 'evaluationError'].map((k) => str(r, 'status', k)).filter((s) => s !== '');
  if (!ctx.bool('quiet')) yield* ctx.out(allowed ? 'yes\n' : `no${why.map((w) => ` - ${w}`).join('')}\n`);
  return allowed ? 0 : exitWith(1);
}

function* whoAmI(ctx: Ctx): Task<number | Failure> {
  const output = ctx.str('output');
  const printer =
    output === '' && ctx.str('template') === '' ? null : printerFor(ctx, { allowed: ALL_FORMATS.filter((f) => f !== 'name') });
  if (printer instanceof Failure) return printer;
  const r = yield* ctx.rest.json('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    json: { kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1', metadata: {}, status: { userInfo: {} } },
  });
  if (r instanceof Failure) {
    if (r.reason === 'Forbidden')
      return failure('the selfsubjectreviews API is not enabled in the cluster or you do not have permission to call it');
    return r.notFound ? failure('the selfsubjectreviews API is not enabled in the cluster') : r;
  }
  if (printer) return (yield* emit(ctx, printer, r)) ?? 0;
  const user = obj(r, 'status', 'userInfo');
  const rows = [['ATTRIBUTE', 'VALUE']];
  if (str(user, 'username') !== '') rows.push(['Username', str(user, 'username')]);
  if (str(user, 'uid') !== '') rows.push(['UID', str(user, 'uid')]);
  if (list(user, 'groups').length > 0) rows.push(['Groups', `[${list(user, 'groups').join(' ')}]`]);
  for (const k of sortedKeys(obj(user, 'extra'))) rows.push([`Extra: ${k}`, `[${list(user, 'extra', k).join(' ')}]`]);
  yield* ctx.out(tabbed(rows.map((row) => `${row.join('\t')}\n`).join('')));
  return 0;
}

export const authVerb: Verb = {
  name: 'auth',
  use: 'auth [flags]',
  short: 'Inspect authorization',
  long: 'Inspect authorization.',
  flags: [],
  subcommands: [
    {
      name: 'can-i',
      use: 'can-i VERB [TYPE | TYPE/NAME | NONRESOURCEURL]',
      short: 'Check whether an action is allowed',
      long: "Check whether an action is allowed.\n\n VERB is a logical Kubernetes API verb like 'get', 'list', 'watch', 'delete', etc. TYPE is a Kubernetes resource. Shortcuts and groups will be resolved. NONRESOURCEURL is a partial URL that starts with \"/\". NAME is the name of a particular Kubernetes resource. This command pairs nicely with impersonation. See --as global flag.",
      example:
        '  # Check to see if I can create pods in any namespace\n  kubectl auth can-i create pods --all-namespaces\n  \n  # Check to see if I can list deployments in my current namespace\n  kubectl auth can-i list deployments.apps\n  \n  # Check to see if service account "foo" of namespace "dev" can list pods in the namespace "prod"\n  # You must be allowed to use impersonation for the global option "--as"\n  kubectl auth can-i list pods --as=system:serviceaccount:dev:foo -n prod\n  \n  # Check to see if I can do everything in my current namespace ("*" means all)\n  kubectl auth can-i \'*\' \'*\'\n  \n  # Check to see if I can read pod logs\n  kubectl auth can-i get pods --subresource=log\n  \n  # Check to see if I can access the URL /logs/\n  kubectl auth can-i get /logs/\n  \n  # List all allowed actions in namespace "foo"\n  kubectl auth can-i --list --namespace=foo',
      flags: [
        { name: 'all-namespaces', short: 'A', type: 'bool', usage: 'If true, check the specified action in all namespaces.' },
        { name: 'quiet', short: 'q', type: 'bool', usage: 'If true, suppress output and just return the exit code.' },
        { name: 'subresource', type: 'string', usage: 'SubResource such as pod/log or deployment/scale' },
        { name: 'list', type: 'bool', usage: 'If true, prints all allowed actions.' },
        { name: 'no-headers', type: 'bool', usage: 'If true, prints allowed actions without headers' },
      ],
      run: canI,
    },
    {
      name: 'reconcile',
      use: 'reconcile -f FILENAME',
      short: 'Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects',
      long: "Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects.\n\n Missing objects are created, and the containing namespace is created for namespaced objects, if required.\n\n Existing roles are updated to include the permissions in the input objects, and remove extra permissions if --remove-extra-permissions is specified.\n\n Existing bindings are updated to include the subjects in the input objects, and remove extra subjects if --remove-extra-subjects is specified.\n\n This is preferred to 'apply' for RBAC resources so that semantically-aware merging of rules and subjects is done.",
      flags: [
        ...PRINT_FLAGS,
        ...filenameFlags('identifying the resource to reconcile.'),
        {
          name: 'dry-run',
          type: 'string',
          def: 'none',
          alone: 'unchanged',
          usage:
            'Must be "none", "server", or "client". If client strategy, only print the object that would be sent, without sending it. If server strategy, submit server-side request without persisting the resource.',
        },
        { name: 'remove-extra-permissions', type: 'bool', usage: 'If true, removes extra permissions added to roles' },
        { name: 'remove-extra-subjects', type: 'bool', usage: 'If true, removes extra subjects added to rolebindings' },
      ],
      run: reconcile,
    },
    {
      name: 'whoami',
      use: 'whoami',
      short: 'Experimental: Check self subject attributes',
      long: 'Experimental: Check who you are and your attributes (groups, extra).\n\n        This command is helpful to get yourself aware of the current user attributes,\n        especially when dynamic authentication, e.g., token webhook, auth proxy, or OIDC provider,\n        is enabled in the Kubernetes cluster.',
      example:
        '  # Get your subject attributes\n  kubectl auth whoami\n  \n  # Get your subject attributes in JSON format\n  kubectl auth whoami -o json',
      flags: PRINT_FLAGS,
      run: whoAmI,
    },
  ],
  run: onlySubcommands,
};
