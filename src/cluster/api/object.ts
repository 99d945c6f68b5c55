/** API objects as components handle them: immutable values with type and metadata. Models apimachinery's runtime.Object. */

import type {
  CoreV1Event,
  V1ConfigMap,
  V1ControllerRevision,
  V1DaemonSet,
  V1Deployment,
  V1EndpointSlice,
  V1Endpoints,
  V1Ingress,
  V1IngressClass,
  V1Job,
  V1Lease,
  V1Namespace,
  V1NetworkPolicy,
  V1Node,
  V1ObjectMeta,
  V1OwnerReference,
  V1Pod,
  V1ReplicaSet,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1StatefulSet,
} from './types.ts';

/** Metadata of an object that the API has stored. */
export interface Meta extends V1ObjectMeta {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly creationTimestamp: string;
}

/** Any object on its way to or from the API. Objects are never changed in place: whoever changes one makes a new one. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: V1ObjectMeta;
}

/** T as it came from the API: with type, name, uid, resource version. */
export type Stored<T> = T & { readonly apiVersion: string; readonly kind: string; readonly metadata: Meta };

/** An object that the API has stored, of whatever kind; `spec`, `status`, `data` … are there as the kind has them. */
export type AnyObject = Stored<KubeObject> & Readonly<Record<string, unknown>>;

export type Pod = Stored<V1Pod>;
export type Service = Stored<V1Service>;
export type Node = Stored<V1Node>;
export type Namespace = Stored<V1Namespace>;
export type Endpoints = Stored<V1Endpoints>;
export type EndpointSlice = Stored<V1EndpointSlice>;
export type ConfigMap = Stored<V1ConfigMap>;
export type Secret = Stored<V1Secret>;
export type ServiceAccount = Stored<V1ServiceAccount>;
export type Event = Stored<CoreV1Event>;
export type Deployment = Stored<V1Deployment>;
export type ReplicaSet = Stored<V1ReplicaSet>;
export type DaemonSet = Stored<V1DaemonSet>;
export type StatefulSet = Stored<V1StatefulSet>;
export type ControllerRevision = Stored<V1ControllerRevision>;
export type Job = Stored<V1Job>;
export type Ingress = Stored<V1Ingress>;
export type IngressClass = Stored<V1IngressClass>;
export type NetworkPolicy = Stored<V1NetworkPolicy>;
export type Lease = Stored<V1Lease>;

/** `namespace/name`, or the name alone of a cluster-wide object. */
export function keyOf(o: { readonly metadata: V1ObjectMeta }): string {
  const { namespace, name } = o.metadata;
  return namespace ? `${namespace}/${name}` : (name ?? '');
}

/** The owner that manages the object, when it has one. */
export function controllerOf(o: { readonly metadata: V1ObjectMeta }): V1OwnerReference | undefined {
  return o.metadata.ownerReferences?.find((r) => r.controller === true);
}
