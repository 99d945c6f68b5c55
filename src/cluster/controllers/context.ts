/** What every controller is given: clock, client, shared informers with their indexes, options. Models kube-controller-manager's ControllerContext. */

import type { Sim } from '../../sim/sim.ts';
import type { Client } from '../api/client.ts';
import { Informer } from '../api/informer.ts';
import { type KubeObject, keyOf, type Pod } from '../api/object.ts';
import type { ResourceDef } from '../api/resources.ts';
import { matchesSelector } from '../api/selectors.ts';
import type { V1LabelSelector } from '../api/types.ts';
import { type Labels, matchesAll } from './selector.ts';

/** What kube-controller-manager's flags set. */
export interface ControllerOptions {
  /** --cluster-cidr: one range, or two of different families. */
  readonly clusterCIDRs?: readonly string[];
  /** --allocate-node-cidrs. */
  readonly allocateNodeCIDRs?: boolean;
  /** --node-cidr-mask-size-ipv4, -ipv6. */
  readonly nodeMaskIPv4?: number;
  readonly nodeMaskIPv6?: number;
  /** --node-monitor-grace-period, in seconds. */
  readonly nodeMonitorGraceSeconds?: number;
  /** --node-monitor-period, in seconds. */
  readonly nodeMonitorSeconds?: number;
  /** --root-ca-file's text. */
  readonly rootCA?: string;
  /** MetalLB's controller runs: IPAddressPools give Services of type LoadBalancer their addresses. */
  readonly loadBalancers?: boolean;
  /** --terminated-pod-gc-threshold. */
  readonly terminatedPodThreshold?: number;
  /** Where the autoscaler reads its load. */
  readonly metrics?: MetricsSource;
}

/** CPU in millicores and memory in bytes of a pod, as metrics-server would say. */
export interface MetricsSource {
  /** Whether the API is served; without it: always. */
  readonly available?: () => boolean;
  pod(pod: Pod): PodMetrics | undefined;
}

export interface PodMetrics {
  readonly containers: readonly { readonly name: string; readonly cpuMillis: number; readonly memoryBytes: number }[];
}

export interface ControllerContext {
  readonly sim: Sim;
  readonly client: Client;
  readonly informers: Informers;
  readonly options: ControllerOptions;
  /** All resources that the API serves now, custom ones included, in a fixed order. */
  readonly resources: () => readonly ResourceDef[];
}

export interface Running {
  stop(): void;
}

export interface Controller {
  readonly name: string;
  start(ctx: ControllerContext): Running;
}

const NO_KEYS: readonly string[] = [];

/** Objects of an informer by words that a function finds in them. */
export class Index<T extends KubeObject> {
  private readonly buckets = new Map<string, Map<string, T>>();
  private readonly words = new Map<string, readonly string[]>();
  private readonly find: (object: T) => readonly string[];

  constructor(informer: Informer<T>, find: (object: T) => readonly string[]) {
    this.find = find;
    informer.on({
      add: (o) => this.put(o),
      update: (_, o) => this.put(o),
      delete: (o) => this.drop(keyOf(o)),
    });
  }

  private put(object: T): void {
    const key = keyOf(object);
    const words = this.find(object);
    const before = this.words.get(key);
    if (before?.some((w) => !words.includes(w))) this.drop(key);
    for (const w of words) {
      let bucket = this.buckets.get(w);
      if (!bucket) {
        bucket = new Map();
        this.buckets.set(w, bucket);
      }
      bucket.set(key, object);
    }
    this.words.set(key, words);
  }

  private drop(key: string): void {
    for (const w of this.words.get(key) ?? NO_KEYS) {
      const bucket = this.buckets.get(w);
      bucket?.delete(key);
      if (bucket?.size === 0) this.buckets.delete(w);
    }
    this.words.delete(key);
  }

  get(word: string): readonly T[] {
    const bucket = this.buckets.get(word);
    return bucket ? [...bucket.values()] : [];
  }

  count(word: string): number {
    return this.buckets.get(word)?.size ?? 0;
  }

  has(word: string): boolean {
    return this.buckets.has(word);
  }
}

/** One informer a resource for all controllers of a process. */
export class Informers {
  private readonly client: Client;
  private readonly all = new Map<string, Informer<KubeObject>>();
  private readonly indexes = new Map<string, Index<KubeObject>>();

  constructor(client: Client) {
    this.client = client;
  }

  of<T extends KubeObject>(resource: string): Informer<T> {
    let informer = this.all.get(resource);
    if (!informer) {
      informer = new Informer<KubeObject>(this.client, resource);
      this.all.set(resource, informer);
    }
    return informer as unknown as Informer<T>;
  }

  index<T extends KubeObject>(resource: string, name: string, find: (object: T) => readonly string[]): Index<T> {
    const id = `${resource} ${name}`;
    let index = this.indexes.get(id);
    if (!index) {
      index = new Index(this.of<T>(resource), find) as unknown as Index<KubeObject>;
      this.indexes.set(id, index);
    }
    return index as unknown as Index<T>;
  }

  /** By the uid of the managing owner. */
  byController<T extends KubeObject>(resource: string): Index<T> {
    return this.index<T>(resource, 'controller', (o) => {
      const owner = o.metadata.ownerReferences?.find((r) => r.controller === true);
      return owner ? [owner.uid] : NO_KEYS;
    });
  }

  byNamespace<T extends KubeObject>(resource: string): Index<T> {
    return this.index<T>(resource, 'namespace', (o) => [o.metadata.namespace ?? '']);
  }

  podsByNode(): Index<Pod> {
    return this.index<Pod>('pods', 'node', (p) => (p.spec?.nodeName ? [p.spec.nodeName] : NO_KEYS));
  }

  private byLabel(resource: string): Index<KubeObject> {
    return this.index<KubeObject>(resource, 'label', (o) => {
      const labels = o.metadata.labels;
      return labels ? Object.keys(labels).map((k) => `${o.metadata.namespace}/${k}=${labels[k]}`) : NO_KEYS;
    });
  }

  /** Objects of a namespace that carry all pairs: only those of the rarest pair are looked at. */
  withLabels<T extends KubeObject>(resource: string, namespace: string, want: Labels): readonly T[] {
    const index = this.byLabel(resource);
    let rarest: string | undefined;
    let size = Number.POSITIVE_INFINITY;
    for (const k in want) {
      const word = `${namespace}/${k}=${want[k]}`;
      const n = index.count(word);
      if (n === 0) return [];
      if (n < size) {
        size = n;
        rarest = word;
      }
    }
    if (rarest === undefined) return this.byNamespace<T>(resource).get(namespace);
    const found = index.get(rarest) as unknown as readonly T[];
    return found.filter((o) => matchesAll(want, o.metadata.labels));
  }

  /** Objects of a namespace that a selector matches. */
  selected<T extends KubeObject>(resource: string, namespace: string, selector: V1LabelSelector | undefined): readonly T[] {
    if (selector === undefined) return [];
    return this.withLabels<T>(resource, namespace, selector.matchLabels ?? {}).filter((o) => matchesSelector(selector, o.metadata.labels));
  }

  stop(): void {
    for (const i of this.all.values()) i.stop();
  }
}
