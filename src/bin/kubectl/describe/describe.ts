/** kubectl describe. Models kubectl/pkg/cmd/describe and describerMap() */

import type { Task } from '../../../os/program.ts';
import { Builder, filenameFlags, type Info } from '../builder.ts';
import { aggregate, Failure, failure } from '../errors.ts';
import { SUGGEST_API_RESOURCES } from '../get.ts';
import type { Ctx, Verb } from '../verb.ts';
import { describeLimitRange, describeNamespace, describeNode, describeQuota } from './node.ts';
import { describePod } from './pod.ts';
import {
  describeEndpointSlice,
  describeEndpoints,
  describeIngress,
  describeIngressClass,
  describeNetworkPolicy,
  describeService,
} from './service.ts';
import {
  describeBinding,
  describeClaim,
  describeConfigMap,
  describeGeneric,
  describeIpAddress,
  describePriorityClass,
  describeRole,
  describeSecret,
  describeServiceAccount,
  describeServiceCidr,
  describeStorageClass,
} from './small.ts';
import {
  describeAutoscaler,
  describeBudget,
  describeCronJob,
  describeDaemonSet,
  describeDeployment,
  describeJob,
  describeReplicaSet,
  describeStatefulSet,
} from './workload.ts';
import { type Describer, Writer } from './writer.ts';

/** By kind and group; everything else is described field by field. */
const DESCRIBERS: Readonly<Record<string, Describer>> = {
  Pod: describePod,
  Service: describeService,
  Endpoints: describeEndpoints,
  Node: describeNode,
  Namespace: describeNamespace,
  LimitRange: describeLimitRange,
  ResourceQuota: describeQuota,
  ConfigMap: describeConfigMap,
  Secret: describeSecret,
  ServiceAccount: describeServiceAccount,
  PersistentVolumeClaim: describeClaim,
  ReplicationController: describeReplicaSet,
  'EndpointSlice.discovery.k8s.io': describeEndpointSlice,
  'Ingress.networking.k8s.io': describeIngress,
  'IngressClass.networking.k8s.io': describeIngressClass,
  'NetworkPolicy.networking.k8s.io': describeNetworkPolicy,
  'ServiceCIDR.networking.k8s.io': describeServiceCidr,
  'IPAddress.networking.k8s.io': describeIpAddress,
  'Deployment.apps': describeDeployment,
  'ReplicaSet.apps': describeReplicaSet,
  'DaemonSet.apps': describeDaemonSet,
  'StatefulSet.apps': describeStatefulSet,
  'Job.batch': describeJob,
  'CronJob.batch': describeCronJob,
  'HorizontalPodAutoscaler.autoscaling': describeAutoscaler,
  'PodDisruptionBudget.policy': describeBudget,
  'PriorityClass.scheduling.k8s.io': describePriorityClass,
  'StorageClass.storage.k8s.io': describeStorageClass,
  'Role.rbac.authorization.k8s.io': describeRole,
  'ClusterRole.rbac.authorization.k8s.io': describeRole,
  'RoleBinding.rbac.authorization.k8s.io': describeBinding,
  'ClusterRoleBinding.rbac.authorization.k8s.io': describeBinding,
};

function* describeOne(ctx: Ctx, info: Info, showEvents: boolean): Task<string | Failure> {
  if (!info.object || !info.mapping) return failure(`no description has been implemented for ${info.name}`);
  const { kind, group } = info.mapping;
  const w = new Writer();
  const describer = DESCRIBERS[group === '' ? kind : `${kind}.${group}`] ?? describeGeneric;
  const wrong = yield* describer({ ctx, object: info.object, w, showEvents, chunk: ctx.int('chunk-size') });
  return wrong ?? w.text();
}

/** A name that is no object's may begin several. */
function* byPrefix(ctx: Ctx, namespace: string, missing: Failure, showEvents: boolean): Task<number | Failure> {
  const [resource, prefix] = ctx.args as [string, string];
  const b = new Builder(ctx).namespace(namespace).args([resource], true).singleType().chunksOf(ctx.int('chunk-size')).flatten();
  const { infos, error } = yield* b.infos();
  if (error) return error;
  const found = infos.filter((i) => i.name.startsWith(prefix));
  for (const info of found) {
    const text = yield* describeOne(ctx, info, showEvents);
    if (text instanceof Failure) return text;
    yield* ctx.out(`${text}\n`);
  }
  return found.length > 0 ? 0 : missing;
}

export const describeVerb: Verb = {
  name: 'describe',
  use: 'describe (-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)',
  short: 'Show details of a specific resource or group of resources',
  long: `Show details of a specific resource or group of resources.

 Print a detailed description of the selected resources, including related resources such as events or controllers. You may select a single object by name, all objects of that type, provide a name prefix, or label selector. For example:

  $ kubectl describe TYPE NAME_PREFIX

 will first check for an exact match on TYPE and NAME_PREFIX. If no such resource exists, it will output details for every resource that has a name prefixed with NAME_PREFIX.

${SUGGEST_API_RESOURCES}`,
  example: `# Describe a node
kubectl describe nodes kubernetes-node-emt8.c.myproject.internal

# Describe a pod
kubectl describe pods/nginx

# Describe a pod identified by type and name in "pod.json"
kubectl describe -f pod.json

# Describe all pods
kubectl describe pods

# Describe pods by label name=myLabel
kubectl describe pods -l name=myLabel

# Describe all pods managed by the 'frontend' replication controller
# (rc-created pods get the name of the rc as a prefix in the pod name)
kubectl describe pods frontend`,
  flags: [
    {
      name: 'all-namespaces',
      short: 'A',
      type: 'bool',
      usage:
        'If present, list the requested object(s) across all namespaces. Namespace in current context is ignored even if specified with --namespace.',
    },
    {
      name: 'chunk-size',
      type: 'int64',
      def: '500',
      usage: 'Return large lists in chunks rather than all at once. Pass 0 to disable. This flag is beta and may change in the future.',
    },
    ...filenameFlags('containing the resource to describe'),
    {
      name: 'selector',
      short: 'l',
      type: 'string',
      usage:
        "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.(e.g. -l key1=value1,key2=value2,key3 in (value3)). Matching objects must satisfy all of the specified label constraints.",
    },
    { name: 'show-events', type: 'bool', def: 'true', usage: 'If true, display events related to the described object.' },
  ],
  *run(ctx) {
    const ns = ctx.namespace();
    if (ns instanceof Failure) return ns;
    const all = ctx.bool('all-namespaces');
    if (ctx.args.length === 0 && ctx.list('filename').length === 0 && ctx.str('kustomize') === '')
      return failure(`You must specify the type of resource to describe. ${SUGGEST_API_RESOURCES}`);
    const b = new Builder(ctx)
      .namespace(ns.name, ns.explicit && !all && ctx.list('filename').length > 0)
      .allNamespaces(all)
      .continueOnError()
      .filenames()
      .selector()
      .args(ctx.args, true)
      .chunksOf(ctx.int('chunk-size'))
      .flatten();
    const { infos, error } = yield* b.infos();
    if (b.early && error) return error;
    let showEvents = ctx.bool('show-events');
    if ((error || infos.length > 1) && !ctx.changed('show-events')) showEvents = false;
    if (error?.notFound && ctx.args.length === 2) return yield* byPrefix(ctx, ns.name, error, showEvents);
    const errors = error ? [error] : [];
    const seen = new Set<string>();
    let first = true;
    for (const info of infos) {
      if (info.source !== '') {
        const wrong = yield* info.get(ctx.rest);
        if (wrong) {
          if (!seen.has(wrong.message)) errors.push(wrong);
          seen.add(wrong.message);
          continue;
        }
      }
      const text = yield* describeOne(ctx, info, showEvents);
      if (text instanceof Failure) {
        if (!seen.has(text.message)) errors.push(text);
        seen.add(text.message);
        continue;
      }
      yield* ctx.out(first ? text : `\n\n${text}`);
      first = false;
    }
    if (infos.length === 0 && errors.length === 0)
      yield* ctx.err(all ? 'No resources found\n' : `No resources found in ${ns.name} namespace.\n`);
    return aggregate(errors) ?? 0;
  },
};
