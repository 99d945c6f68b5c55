/** Namespaces that go take their contents along. Models pkg/controller/namespace/deletion. */

import { SEC } from '../../sim/sim.ts';
import { equal } from '../api/equal.ts';
import { WorkQueue } from '../api/informer.ts';
import { type AnyObject, keyOf, type Namespace } from '../api/object.ts';
import { resourceName } from '../api/resources.ts';
import type { V1NamespaceCondition } from '../api/types.ts';
import { nowText } from './clock.ts';
import type { Controller, ControllerContext, Running } from './context.ts';

const FINALIZER = 'kubernetes';
/** namespaceDeletionGracePeriod: highly available API servers get this long to see the deletion. */
const DELETION_GRACE = 5 * SEC;

class NamespaceController implements Running {
  private readonly ctx: ControllerContext;
  private readonly queue: WorkQueue;
  private readonly begun = new Set<string>();

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.queue = new WorkQueue(ctx.sim, (key) => this.sync(key));
    const enqueue = (ns: Namespace): void => {
      if (ns.metadata.deletionTimestamp !== undefined) this.first(keyOf(ns));
    };
    ctx.informers
      .of<Namespace>('namespaces')
      .on({ add: enqueue, update: (_, ns) => enqueue(ns), delete: (ns) => this.begun.delete(keyOf(ns)) });
  }

  /** Later changes wait for the turn that is already set. */
  private first(key: string): void {
    if (this.begun.has(key)) return;
    this.begun.add(key);
    this.queue.addAfter(key, DELETION_GRACE);
  }

  private sync(name: string): 'done' | 'again' | number {
    const { client } = this.ctx;
    const live = client.get<Namespace>('namespaces', '', name);
    if (!live.ok || live.value.metadata.deletionTimestamp === undefined) return 'done';
    const ns = live.value;
    if (!ns.spec?.finalizers?.includes(FINALIZER)) return 'done';
    const left = new Map<string, number>();
    const finalizers = new Map<string, number>();
    let wait = 0;
    for (const def of this.ctx.resources()) {
      if (!def.namespaced || def.virtual || def.storedAs !== undefined || !def.verbs.includes('delete') || !def.verbs.includes('list'))
        continue;
      const resource = resourceName(def);
      const items = client.list<AnyObject>(resource, { namespace: name });
      if (!items.ok || items.value.items.length === 0) continue;
      for (const o of items.value.items) {
        const grace =
          resource === 'pods'
            ? ((o.spec as { readonly terminationGracePeriodSeconds?: number } | undefined)?.terminationGracePeriodSeconds ?? 30)
            : 0;
        if (o.metadata.deletionTimestamp === undefined) client.delete(resource, name, o.metadata.name, { propagationPolicy: 'Background' });
        if (client.get(resource, name, o.metadata.name).ok) wait = Math.max(wait, grace);
      }
      const after = client.list<AnyObject>(resource, { namespace: name });
      if (!after.ok || after.value.items.length === 0) continue;
      left.set(def.group === '' ? `${def.plural}.` : resource, after.value.items.length);
      for (const o of after.value.items) for (const f of o.metadata.finalizers ?? []) finalizers.set(f, (finalizers.get(f) ?? 0) + 1);
    }
    this.report(ns, left, finalizers);
    if (left.size > 0) return (Math.floor(wait / 2) + 1) * SEC;
    return this.finalize(name);
  }

  private finalize(name: string): 'done' | 'again' {
    const live = this.ctx.client.get<Namespace>('namespaces', '', name);
    if (!live.ok) return 'done';
    const rest = (live.value.spec?.finalizers ?? []).filter((f) => f !== FINALIZER);
    const written = this.ctx.client.update({ ...live.value, spec: { ...live.value.spec, finalizers: rest } }, { subresource: 'finalize' });
    return written.ok || written.status.code === 404 ? 'done' : 'again';
  }

  private report(ns: Namespace, left: ReadonlyMap<string, number>, finalizers: ReadonlyMap<string, number>): void {
    const now = nowText(this.ctx.sim);
    const had = ns.status?.conditions ?? [];
    const make = (type: string, bad: string | undefined, reason: string, goodReason: string, good: string): V1NamespaceCondition => {
      const status = bad === undefined ? 'False' : 'True';
      const before = had.find((c) => c.type === type);
      return {
        type,
        status,
        lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
        reason: bad === undefined ? goodReason : reason,
        message: bad ?? good,
      };
    };
    const list = (m: ReadonlyMap<string, number>, one: (k: string, n: number) => string): string | undefined =>
      m.size === 0
        ? undefined
        : [...m]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, n]) => one(k, n))
            .join(', ');
    const remaining = list(left, (k, n) => `${k} has ${n} resource instances`);
    const held = list(finalizers, (k, n) => `${k} in ${n} resource instances`);
    const conditions = [
      make('NamespaceDeletionDiscoveryFailure', undefined, '', 'ResourcesDiscovered', 'All resources successfully discovered'),
      make(
        'NamespaceDeletionGroupVersionParsingFailure',
        undefined,
        '',
        'ParsedGroupVersions',
        'All legacy kube types successfully parsed',
      ),
      make(
        'NamespaceDeletionContentFailure',
        undefined,
        '',
        'ContentDeleted',
        'All content successfully deleted, may be waiting on finalization',
      ),
      make(
        'NamespaceContentRemaining',
        remaining && `Some resources are remaining: ${remaining}`,
        'SomeResourcesRemain',
        'ContentRemoved',
        'All content successfully removed',
      ),
      make(
        'NamespaceFinalizersRemaining',
        held && `Some content in the namespace has finalizers remaining: ${held}`,
        'SomeFinalizersRemain',
        'ContentHasNoFinalizers',
        'All content-preserving finalizers finished',
      ),
    ];
    const live = this.ctx.client.get<Namespace>('namespaces', '', ns.metadata.name);
    if (!live.ok || equal(live.value.status?.conditions, conditions)) return;
    this.ctx.client.update({ ...live.value, status: { ...live.value.status, conditions } }, { subresource: 'status' });
  }

  stop(): void {
    this.queue.stop();
  }
}

export const namespace: Controller = { name: 'namespace-controller', start: (ctx) => new NamespaceController(ctx) };
