/** The API as a component sees it: requests that answer at once, watches that call back in virtual time. Models client-go. */

import type { AnyObject, KubeObject, Stored } from './object.ts';
import type { V1Status } from './types.ts';

/** Who asks. */
export interface UserInfo {
  readonly name: string;
  readonly groups: readonly string[];
}

/** An answer: the object, or the Status with which the API refuses (code, reason, message, details). */
export type ApiResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly status: Stored<V1Status> | V1Status };

export interface ListResult<T> {
  readonly resourceVersion: string;
  readonly items: readonly T[];
}

export interface ListOptions {
  /** All namespaces when not given. */
  readonly namespace?: string;
  /** As kubectl's -l: `a=b,c!=d,e in (x,y),!f`. */
  readonly labelSelector?: string;
  /** As kubectl's --field-selector: `spec.nodeName=node-1`. */
  readonly fieldSelector?: string;
}

export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  /** `status`, `scale`, `binding`, `eviction`, `ephemeralcontainers`, `resize`. */
  readonly subresource?: string;
  readonly fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  /** Receives the texts of Warning headers. */
  readonly warn?: (text: string) => void;
}

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: boolean;
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
}

export interface Watch {
  stop(): void;
}

/**
 * A resource is named as kubectl prints it: the plural, with its group where it has one: `pods`, `deployments.apps`,
 * `endpointslices.discovery.k8s.io`.
 */
export interface Client {
  readonly user: UserInfo;
  create<T extends KubeObject>(object: T, options?: WriteOptions): ApiResult<Stored<T>>;
  get<T = AnyObject>(resource: string, namespace: string, name: string): ApiResult<T>;
  list<T = AnyObject>(resource: string, options?: ListOptions): ApiResult<ListResult<T>>;
  /** Fails with Conflict when the object carries a resourceVersion that is not the present one. */
  update<T extends KubeObject>(object: T, options?: WriteOptions): ApiResult<Stored<T>>;
  /** `body` is parsed JSON (for `apply` too). `force` takes fields over from other managers. */
  patch<T = AnyObject>(
    resource: string,
    namespace: string,
    name: string,
    type: PatchType,
    body: unknown,
    options?: WriteOptions & { readonly force?: boolean },
  ): ApiResult<T>;
  delete<T = AnyObject>(resource: string, namespace: string, name: string, options?: DeleteOptions): ApiResult<T>;
  /**
   * Calls back with ADDED for everything that is there (in key order), then with each change, in order, each in an event of its own
   * shortly after it happened; never before this call returns.
   */
  watch<T = AnyObject>(resource: string, options: ListOptions, on: (event: WatchEvent<T>) => void): Watch;
}
