/** Subresources that are written as objects of their own: binding, eviction, scale. Models registry/core/pod/storage and apps/*\/storage. */

import type { ApiResult } from './client.ts';
import { evict } from './eviction.ts';
import type { AnyObject, KubeObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import { conflict, invalid, noSuchResource, notFound } from './status.ts';
import { issueToken } from './tokens.ts';
import { type Call, hasSubresource, replace, store } from './write.ts';

/** Subresources whose body is not the resource's own kind. */
export const SUBRESOURCE_WRITES: ReadonlySet<string> = new Set(['scale']);

type Spec = Readonly<Record<string, unknown>>;
const PODS = { group: '', plural: 'pods' };

/** Labels of the node that a bound pod gets. */
const TOPOLOGY = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'] as const;

function bind(call: Call, def: ResourceDef, binding: KubeObject): ApiResult<AnyObject> {
  const { server } = call;
  const name = binding.metadata.name ?? '';
  const key = `${binding.metadata.namespace ?? 'default'}/${name}`;
  const target = (binding as unknown as { readonly target?: { readonly kind?: string; readonly name?: string } }).target;
  if (target?.kind !== undefined && target.kind !== '' && target.kind !== 'Node')
    return invalid({ group: '', kind: 'Binding' }, name, [
      { type: 'FieldValueNotSupported', field: 'target.kind', bad: target.kind, detail: 'supported values: "Node", "<empty>"' },
    ]);
  if (!target?.name)
    return invalid({ group: '', kind: 'Binding' }, name, [{ type: 'FieldValueRequired', field: 'target.name', detail: '' }]);
  const pod = server.table(def).get(key);
  if (!pod) return notFound(PODS, name);
  const spec = pod.spec as Spec;
  if (pod.metadata.deletionTimestamp !== undefined)
    return conflict({ group: '', plural: 'pods/binding' }, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (spec.nodeName)
    return conflict({ group: '', plural: 'pods/binding' }, name, `pod ${name} is already assigned to node "${spec.nodeName}"`);
  if (((spec.schedulingGates as readonly unknown[] | undefined)?.length ?? 0) > 0)
    return conflict({ group: '', plural: 'pods/binding' }, name, `pod ${name} has non-empty .spec.schedulingGates`);
  const node = server.peek('nodes', '', target.name);
  const labels: Record<string, string> = { ...pod.metadata.labels };
  for (const label of TOPOLOGY) {
    const value = node?.metadata.labels?.[label];
    if (value !== undefined) labels[label] = value;
  }
  const annotations = { ...pod.metadata.annotations, ...binding.metadata.annotations };
  const status = (pod.status ?? {}) as Spec;
  const conditions = ((status.conditions ?? []) as readonly Spec[]).filter((c) => c.type !== 'PodScheduled');
  const bound: AnyObject = {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    spec: { ...spec, nodeName: target.name },
    status: {
      ...status,
      conditions: [
        ...conditions,
        {
          lastProbeTime: null,
          lastTransitionTime: server.now,
          ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
          status: 'True',
          type: 'PodScheduled',
        },
      ],
    },
  };
  if (!call.write.dryRun) store(call, def, bound, pod);
  return { ok: true, value: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } as unknown as AnyObject };
}

export function createSubresource(call: Call, object: KubeObject, subresource: string): ApiResult<AnyObject> {
  const pods = call.server.scheme.named('pods') as ResourceDef;
  if (subresource === 'binding') return bind(call, pods, object);
  if (subresource === 'eviction') {
    const pod = call.server.table(pods).get(`${object.metadata.namespace ?? 'default'}/${object.metadata.name ?? ''}`);
    return pod ? evict(call, pods, pod, object) : notFound(PODS, object.metadata.name ?? '');
  }
  if (subresource === 'token') return issueToken(call.server, object as AnyObject);
  return noSuchResource();
}

/** The Scale of a workload. */
export function scaleOf(object: AnyObject): AnyObject {
  const spec = object.spec as {
    readonly replicas?: number;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  };
  const status = (object.status ?? {}) as { readonly replicas?: number };
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = Object.entries(
    object.kind === 'ReplicationController'
      ? ((spec.selector ?? {}) as Readonly<Record<string, string>>)
      : (spec.selector?.matchLabels ?? {}),
  )
    .map(([k, v]) => `${k}=${v}`)
    .sort()
    .join(',');
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { ...(spec.replicas ? { replicas: spec.replicas } : {}) },
    status: { replicas: status.replicas ?? 0, ...(selector ? { selector } : {}) },
  } as unknown as AnyObject;
}

export function updateSubresource(call: Call, def: ResourceDef, scale: KubeObject, subresource: string): ApiResult<AnyObject> {
  if (subresource !== 'scale' || !hasSubresource(def, 'scale')) return noSuchResource();
  const { metadata } = scale;
  const name = metadata.name ?? '';
  const old = call.server.table(def).get(def.namespaced ? `${metadata.namespace ?? 'default'}/${name}` : name);
  if (!old) return notFound(def, name);
  return rescale(call, def, old, scale as AnyObject);
}

/** Writes the replicas of `scale` into the workload; answers with the new Scale. */
export function rescale(call: Call, def: ResourceDef, old: AnyObject, scale: AnyObject): ApiResult<AnyObject> {
  const replicas = (scale.spec as { readonly replicas?: number } | undefined)?.replicas ?? 0;
  if (replicas < 0)
    return invalid({ group: 'autoscaling', kind: 'Scale' }, old.metadata.name, [
      { type: 'FieldValueInvalid', field: 'spec.replicas', bad: replicas, detail: 'must be greater than or equal to 0' },
    ]);
  const { resourceVersion } = scale.metadata;
  if (resourceVersion && resourceVersion !== old.metadata.resourceVersion)
    return conflict(def, old.metadata.name, 'the object has been modified; please apply your changes to the latest version and try again');
  const result = replace(call, def, old, { ...old, spec: { ...(old.spec as object), replicas } } as AnyObject);
  return result.ok ? { ok: true, value: scaleOf(result.value) } : result;
}
