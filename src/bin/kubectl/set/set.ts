/** kubectl set image | resources | selector | serviceaccount | subject. Models kubectl/pkg/cmd/set */

import type { Task } from '../../../os/program.ts';
import { dryRunOf, parsePairs, resourcesAndPairs } from '../common.ts';
import { resourceList } from '../create/policy.ts';
import { onlySubcommands } from '../create/service.ts';
import { aggregate, Failure, failure } from '../errors.ts';
import { isObject, type Json, type JsonObject, list, obj, str, withPath } from '../json.ts';
import { equal } from '../patch/equal.ts';
import { labelSelector } from '../selector.ts';
import { quote } from '../strconv.ts';
import type { Ctx, Verb } from '../verb.ts';
import { setEnvVerb } from './env.ts';
import { changePodSpec, LOCAL_WITH_SERVER, selects, setAll, setFlags, targets } from './podspec.ts';

const GROUPS = ['initContainers', 'containers'] as const;

/** Changes the containers of a pod spec one by one. */
function eachContainer(spec: JsonObject, change: (c: JsonObject) => JsonObject): JsonObject {
  let out = spec;
  for (const g of GROUPS) {
    const containers = list(spec, g).filter(isObject);
    if (containers.length > 0) out = { ...out, [g]: containers.map(change) };
  }
  return out;
}

const noFiles = (ctx: Ctx): boolean => ctx.list('filename').length === 0 && ctx.str('kustomize') === '';

function* image(ctx: Ctx): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const split = resourcesAndPairs(ctx.args, 'image');
  if (split instanceof Failure) return split;
  const images = parsePairs(split.pairs, 'image', false);
  if (images instanceof Failure) return images;
  const local = ctx.bool('local');
  const infos = split.resources.length > 0 || !noFiles(ctx) ? yield* targets(ctx, split.resources) : [];
  if (infos instanceof Failure) return infos;
  const names = Object.keys(images.set);
  const wrong: Failure[] = [];
  if (ctx.bool('all') && ctx.str('selector') !== '') wrong.push(failure('cannot set --all and --selector at the same time'));
  if (split.resources.length < 1 && noFiles(ctx))
    wrong.push(failure('one or more resources must be specified as <resource> <name> or <resource>/<name>'));
  if (names.length < 1) wrong.push(failure('at least one image update is required'));
  else if (names.length > 1 && names.includes('*'))
    wrong.push(failure('all containers are already specified by *, but saw more than one container_name=container_image pairs'));
  if (local && dry === 'server') wrong.push(failure(LOCAL_WITH_SERVER));
  const bad = aggregate(wrong);
  if (bad) return bad;
  const missing: Failure[] = [];
  const change = (o: JsonObject): JsonObject | Failure =>
    changePodSpec(o, (spec) => {
      for (const name of names)
        if (!GROUPS.some((g) => list(spec, g).some((c) => name === '*' || str(c, 'name') === name)))
          missing.push(failure(`error: unable to find container named ${quote(name)}`));
      return eachContainer(spec, (c) => {
        const value = images.set[str(c, 'name')] ?? images.set['*'];
        return value === undefined ? c : { ...c, image: value };
      });
    });
  const r = yield* setAll(
    ctx,
    infos,
    { dry, local, operation: 'image updated', failed: 'failed to patch image update to pod template: ' },
    change,
  );
  return aggregate([...missing, ...(r instanceof Failure ? (r.kind === 'aggregate' ? r.errors : [r]) : [])]) ?? 0;
}

function* resources(ctx: Ctx): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const local = ctx.bool('local');
  const infos = yield* targets(ctx, ctx.args);
  if (infos instanceof Failure) return infos;
  if (local && dry === 'server') return failure(LOCAL_WITH_SERVER);
  if (ctx.bool('all') && ctx.str('selector') !== '') return failure('cannot set --all and --selector at the same time');
  if (ctx.str('limits') === '' && ctx.str('requests') === '')
    return failure('you must specify an update to requests or limits (in the form of --requests/--limits)');
  const parsed: Record<string, Record<string, string>> = {};
  for (const field of ['limits', 'requests']) {
    const r = resourceList(ctx.str(field));
    if (r instanceof Failure) return failure(r.message.replace(/^Invalid/, 'invalid'));
    if (r) parsed[field] = r;
  }
  const pattern = ctx.str('containers');
  const missing: Failure[] = [];
  const change = (o: JsonObject): JsonObject | Failure | null => {
    let found = false;
    const next = changePodSpec(o, (spec) =>
      eachContainer(spec, (c) => {
        if (!selects(pattern, str(c, 'name'))) return c;
        found = true;
        const merged = Object.fromEntries(Object.entries(parsed).map(([k, v]) => [k, { ...obj(c, 'resources', k), ...v }]));
        return { ...c, resources: { ...obj(c, 'resources'), ...merged } };
      }),
    );
    if (next instanceof Failure || found) return next;
    missing.push(failure(`error: unable to find container named ${pattern}`));
    return null;
  };
  const r = yield* setAll(
    ctx,
    infos,
    { dry, local, operation: 'resource requirements updated', failed: 'failed to patch resources update to pod template ' },
    change,
  );
  return aggregate([...missing, ...(r instanceof Failure ? (r.kind === 'aggregate' ? r.errors : [r]) : [])]) ?? 0;
}

function* selector(ctx: Ctx): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  if (ctx.args.length === 0) return failure('one selector is required');
  const parsed = labelSelector(ctx.args.at(-1) as string);
  if (parsed instanceof Failure) return parsed;
  const infos = yield* targets(ctx, ctx.args.slice(0, -1));
  if (infos instanceof Failure) return infos;
  const version = ctx.str('resource-version');
  for (const info of infos) {
    if (str(info.object, 'kind') !== 'Service') return failure('setting a selector is only supported for Services');
    const r = yield* setAll(
      ctx,
      [info],
      { dry, local: ctx.bool('local'), operation: 'selector updated', failed: '', always: true },
      (o) => {
        const next = withPath(o, ['spec', 'selector'], obj(parsed, 'matchLabels'));
        return version === '' ? next : withPath(next, ['metadata', 'resourceVersion'], version);
      },
    );
    if (r instanceof Failure) return r;
  }
  return 0;
}

function* serviceAccount(ctx: Ctx): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const local = ctx.bool('local');
  if (local && dry === 'server') return failure(LOCAL_WITH_SERVER);
  if (ctx.args.length === 0) return failure('serviceaccount is required');
  const name = ctx.args.at(-1) as string;
  const infos = yield* targets(ctx, ctx.args.slice(0, -1));
  if (infos instanceof Failure) return infos;
  return yield* setAll(
    ctx,
    infos,
    { dry, local, operation: 'serviceaccount updated', failed: 'failed to patch ServiceAccountName ', always: true },
    (o) => changePodSpec(o, (spec) => ({ ...spec, serviceAccountName: name })),
  );
}

function* subject(ctx: Ctx): Task<number | Failure> {
  const dry = yield* dryRunOf(ctx);
  if (dry instanceof Failure) return dry;
  const ns = ctx.namespace();
  if (ns instanceof Failure) return ns;
  const local = ctx.bool('local');
  const infos = yield* targets(ctx, ctx.args);
  if (infos instanceof Failure) return infos;
  if (local && dry === 'server') return failure(LOCAL_WITH_SERVER);
  if (ctx.bool('all') && ctx.str('selector') !== '') return failure('cannot set --all and --selector at the same time');
  const [users, groups, accounts] = ['user', 'group', 'serviceaccount'].map((f) => [...new Set(ctx.list(f))].sort()) as [
    string[],
    string[],
    string[],
  ];
  if (users.length + groups.length + accounts.length === 0)
    return failure('you must specify at least one value of user, group or serviceaccount');
  const apiGroup = 'rbac.authorization.k8s.io';
  const added: JsonObject[] = [
    ...users.map((name) => ({ kind: 'User', apiGroup, name })),
    ...groups.map((name) => ({ kind: 'Group', apiGroup, name })),
  ];
  for (const sa of accounts) {
    const [namespace, name = '', ...more] = sa.split(':');
    if (name === '' || more.length > 0) return failure('serviceaccount must be <namespace>:<name>');
    if (namespace === '' && infos.some((i) => str(i.object, 'kind') === 'ClusterRoleBinding'))
      return failure('serviceaccount must be <namespace>:<name>, namespace must be specified');
    added.push({ kind: 'ServiceAccount', name, namespace: namespace || ns.name });
  }
  return yield* setAll(
    ctx,
    infos,
    { dry, local, operation: 'subjects updated', failed: 'failed to patch subjects to rolebinding: ' },
    (o) => {
      if (!['RoleBinding', 'ClusterRoleBinding'].includes(str(o, 'kind')))
        return failure('setting subjects is only supported for RoleBinding/ClusterRoleBinding');
      const have: readonly Json[] = list(o, 'subjects');
      const more = added.filter((s) => !have.some((h) => equal(h, s)));
      return more.length === 0 ? null : { ...o, subjects: [...have, ...more] };
    },
  );
}

const RESOURCES_USAGE =
  "The resource requirement requests for this container.  For example, 'cpu=100m,memory=256Mi'.  Note that server side components may assign requests depending on the server configuration, such as limit ranges.";

export const setVerb: Verb = {
  name: 'set',
  use: 'set SUBCOMMAND',
  short: 'Set specific features on objects',
  long: 'Configure application resources.\n\n These commands help you make changes to existing application resources.',
  flags: [],
  subcommands: [
    setEnvVerb,
    {
      name: 'image',
      use: 'image (-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N',
      short: 'Update the image of a pod template',
      long: 'Update existing container image(s) of resources.\n\n Possible resources include (case insensitive):\n\n  pod (po), replicationcontroller (rc), deployment (deploy), daemonset (ds), statefulset (sts), cronjob (cj), replicaset (rs)',
      example:
        "  # Set a deployment's nginx container image to 'nginx:1.9.1', and its busybox container image to 'busybox'\n  kubectl set image deployment/nginx busybox=busybox nginx=nginx:1.9.1\n  \n  # Update all deployments' and rc's nginx container's image to 'nginx:1.9.1'\n  kubectl set image deployments,rc nginx=nginx:1.9.1 --all\n  \n  # Update image of all containers of daemonset abc to 'nginx:1.9.1'\n  kubectl set image daemonset abc *=nginx:1.9.1\n  \n  # Print result (in yaml format) of updating nginx container image from local file, without hitting the server\n  kubectl set image -f path/to/file.yaml nginx=nginx:1.9.1 --local -o yaml",
      flags: setFlags('identifying the resource to get from a server.', 'image'),
      run: image,
    },
    {
      name: 'resources',
      use: 'resources (-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS]',
      short: 'Update resource requests/limits on objects with pod templates',
      long: 'Specify compute resource requirements (CPU, memory) for any resource that defines a pod template.  If a pod is successfully scheduled, it is guaranteed the amount of resource requested, but may burst up to its specified limits.\n\n For each compute resource, if a limit is specified and a request is omitted, the request will default to the limit.',
      example:
        '  # Set a deployments nginx container cpu limits to "200m" and memory to "512Mi"\n  kubectl set resources deployment nginx -c=nginx --limits=cpu=200m,memory=512Mi\n  \n  # Set the resource request and limits for all containers in nginx\n  kubectl set resources deployment nginx --limits=cpu=200m,memory=512Mi --requests=cpu=100m,memory=256Mi',
      flags: [
        ...setFlags('identifying the resource to get from a server.', 'resources'),
        {
          name: 'containers',
          short: 'c',
          type: 'string',
          def: '*',
          usage:
            'The names of containers in the selected pod templates to change, all containers are selected by default - may use wildcards',
        },
        { name: 'limits', type: 'string', usage: RESOURCES_USAGE },
        { name: 'requests', type: 'string', usage: RESOURCES_USAGE },
      ],
      run: resources,
    },
    {
      name: 'selector',
      use: 'selector (-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version]',
      short: 'Set the selector on a resource',
      long: "Set the selector on a resource. Note that the new selector will overwrite the old selector if the resource had one prior to the invocation of 'set selector'.\n\n Note: currently selectors can only be set on Service objects.",
      flags: [
        ...setFlags('identifying the resource.', 'selector').filter((f) => f.name !== 'selector'),
        {
          name: 'resource-version',
          type: 'string',
          usage:
            'If non-empty, the selectors update will only succeed if this is the current resource-version for the object. Only valid when specifying a single resource.',
        },
      ],
      run: selector,
    },
    {
      name: 'serviceaccount',
      aliases: ['sa'],
      use: 'serviceaccount (-f FILENAME | TYPE NAME) SERVICE_ACCOUNT',
      short: 'Update the service account of a resource',
      long: 'Update the service account of pod template resources.',
      flags: setFlags('identifying the resource to get from a server.', 'serviceaccount').filter((f) => f.name !== 'selector'),
      run: serviceAccount,
    },
    {
      name: 'subject',
      use: 'subject (-f FILENAME | TYPE NAME) [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]',
      short: 'Update the user, group, or service account in a role binding or cluster role binding',
      long: 'Update the user, group, or service account in a role binding or cluster role binding.',
      flags: [
        ...setFlags('the resource to update the subjects', 'subject').filter((f) => f.name !== 'record'),
        { name: 'user', type: 'stringArray', usage: 'Usernames to bind to the role' },
        { name: 'group', type: 'stringArray', usage: 'Groups to bind to the role' },
        { name: 'serviceaccount', type: 'stringArray', usage: 'Service accounts to bind to the role' },
      ],
      run: subject,
    },
  ],
  run: onlySubcommands,
};
