/** Garbage collection by owner references: background, foreground, orphan. Models pkg/controller/garbagecollector. */

import { SEC } from '../../sim/sim.ts';
import { type Informer, WorkQueue } from '../api/informer.ts';
import type { AnyObject, KubeObject } from '../api/object.ts';
import { type ResourceDef, resourceName } from '../api/resources.ts';
import type { V1OwnerReference } from '../api/types.ts';
import type { Controller, ControllerContext, Running } from './context.ts';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';
const RESYNC = 30 * SEC;
const NO_OWNERS: readonly V1OwnerReference[] = [];
/** Not owned and not owning, and many. */
const IGNORED: ReadonlySet<string> = new Set(['events', 'events.events.k8s.io']);

interface Item {
  readonly resource: string;
  readonly object: AnyObject;
}

class GarbageCollector implements Running {
  private readonly ctx: ControllerContext;
  private readonly items = new Map<string, Item>();
  /** uids of what refers to an owner, by the owner's uid. */
  private readonly dependents = new Map<string, Set<string>>();
  private readonly absent = new Set<string>();
  private readonly watched = new Map<string, Informer<KubeObject>>();
  private readonly toDelete: WorkQueue;
  private readonly toOrphan: WorkQueue;
  private stopped = false;

  constructor(ctx: ControllerContext) {
    this.ctx = ctx;
    this.toDelete = new WorkQueue(ctx.sim, (uid) => this.attemptDelete(uid));
    this.toOrphan = new WorkQueue(ctx.sim, (uid) => this.orphan(uid));
    this.resync();
  }

  /** New resources are watched, gone ones no longer. */
  private resync(): void {
    if (this.stopped) return;
    const now = new Set<string>();
    for (const def of this.ctx.resources()) {
      const name = resourceName(def);
      if (IGNORED.has(name) || def.storedAs !== undefined || !watchable(def)) continue;
      now.add(name);
      if (this.watched.has(name)) continue;
      const informer = this.ctx.informers.of<KubeObject>(name);
      this.watched.set(name, informer);
      informer.on({
        add: (o) => this.seen(name, o as AnyObject, undefined),
        update: (old, o) => this.seen(name, o as AnyObject, old as AnyObject),
        delete: (o) => this.gone(o as AnyObject),
      });
    }
    this.ctx.sim.schedule(RESYNC, () => this.resync());
  }

  private seen(resource: string, object: AnyObject, old: AnyObject | undefined): void {
    const { uid } = object.metadata;
    this.items.set(uid, { resource, object });
    const before = old?.metadata.ownerReferences ?? NO_OWNERS;
    const owners = object.metadata.ownerReferences ?? NO_OWNERS;
    if (before !== owners) {
      for (const r of before) if (!owners.some((o) => o.uid === r.uid)) this.unlink(r.uid, uid);
      for (const r of owners) {
        let set = this.dependents.get(r.uid);
        if (!set) {
          set = new Set();
          this.dependents.set(r.uid, set);
        }
        set.add(uid);
        if (!this.items.has(r.uid)) this.toDelete.add(uid);
      }
      if (before.length > owners.length || before.some((r) => !owners.some((o) => o.uid === r.uid))) this.toDelete.add(uid);
      for (const r of before)
        if (r.blockOwnerDeletion && !owners.some((o) => o.uid === r.uid && o.blockOwnerDeletion)) this.toDelete.add(r.uid);
    }
    if (object.metadata.deletionTimestamp === undefined) return;
    const finalizers = object.metadata.finalizers ?? [];
    if (finalizers.includes(ORPHAN)) this.toOrphan.add(uid);
    else if (finalizers.includes(FOREGROUND)) {
      for (const d of this.dependents.get(uid) ?? []) this.toDelete.add(d);
      this.toDelete.add(uid);
    }
  }

  private unlink(owner: string, dependent: string): void {
    const set = this.dependents.get(owner);
    set?.delete(dependent);
    if (set?.size === 0) this.dependents.delete(owner);
  }

  private gone(object: AnyObject): void {
    const { uid } = object.metadata;
    this.items.delete(uid);
    if (this.dependents.has(uid)) this.absent.add(uid);
    for (const d of this.dependents.get(uid) ?? []) this.toDelete.add(d);
    for (const r of object.metadata.ownerReferences ?? []) {
      this.unlink(r.uid, uid);
      if (!this.dependents.has(r.uid)) this.absent.delete(r.uid);
      const owner = this.items.get(r.uid);
      if (owner?.object.metadata.deletionTimestamp !== undefined && owner.object.metadata.finalizers?.includes(FOREGROUND))
        this.toDelete.add(r.uid);
    }
  }

  private resourceOf(ref: V1OwnerReference): ResourceDef | undefined {
    return this.ctx
      .resources()
      .find((d) => d.kind === ref.kind && (d.group === '' ? d.version : `${d.group}/${d.version}`) === ref.apiVersion);
  }

  private stateOf(ref: V1OwnerReference, namespace: string): 'solid' | 'dangling' | 'waiting' {
    const known = this.items.get(ref.uid);
    if (!known) {
      if (this.absent.has(ref.uid)) return 'dangling';
      const def = this.resourceOf(ref);
      if (!def) return 'solid';
      const live = this.ctx.client.get<AnyObject>(resourceName(def), def.namespaced ? namespace : '', ref.name);
      if (!live.ok || live.value.metadata.uid !== ref.uid) return 'dangling';
      return waits(live.value) ? 'waiting' : 'solid';
    }
    return waits(known.object) ? 'waiting' : 'solid';
  }

  private attemptDelete(uid: string): 'done' | 'again' {
    const item = this.items.get(uid);
    if (!item) return 'done';
    const { client } = this.ctx;
    const { namespace = '', name } = item.object.metadata;
    const live = client.get<AnyObject>(item.resource, namespace, name);
    if (!live.ok || live.value.metadata.uid !== uid) return 'done';
    const object = live.value;
    if (waits(object)) return this.finishForeground(item.resource, object);
    const owners = object.metadata.ownerReferences ?? NO_OWNERS;
    if (owners.length === 0 || (object.metadata.deletionTimestamp !== undefined && object.metadata.finalizers === undefined)) return 'done';
    const states = owners.map((r) => this.stateOf(r, namespace));
    const solid = owners.filter((_, i) => states[i] === 'solid');
    if (solid.length === owners.length) return 'done';
    if (solid.length > 0) {
      const written = client.update({ ...object, metadata: { ...object.metadata, ownerReferences: solid } });
      return written.ok || written.status.code === 404 ? 'done' : 'again';
    }
    const blocking = states.includes('waiting') && [...(this.dependents.get(uid) ?? [])].length > 0;
    const finalizers = object.metadata.finalizers ?? [];
    const policy = blocking || finalizers.includes(FOREGROUND) ? 'Foreground' : finalizers.includes(ORPHAN) ? 'Orphan' : 'Background';
    if (object.metadata.deletionTimestamp !== undefined) return 'done';
    const removed = client.delete(item.resource, namespace, name, { propagationPolicy: policy, preconditions: { uid } });
    return removed.ok || removed.status.code === 404 ? 'done' : 'again';
  }

  /** An owner that waits goes when nothing that blocks it is left. */
  private finishForeground(resource: string, object: AnyObject): 'done' | 'again' {
    const { uid, namespace = '', name } = object.metadata;
    let blocked = false;
    for (const d of this.dependents.get(uid) ?? []) {
      const dep = this.items.get(d);
      if (!dep?.object.metadata.ownerReferences?.some((r) => r.uid === uid && r.blockOwnerDeletion)) continue;
      const live = this.ctx.client.get<AnyObject>(dep.resource, dep.object.metadata.namespace ?? '', dep.object.metadata.name);
      if (!live.ok || live.value.metadata.uid !== d) continue;
      blocked = true;
      if (dep.object.metadata.deletionTimestamp === undefined) this.toDelete.add(d);
    }
    if (blocked) return 'done';
    return this.removeFinalizer(resource, namespace, name, uid, FOREGROUND);
  }

  private removeFinalizer(resource: string, namespace: string, name: string, uid: string, finalizer: string): 'done' | 'again' {
    const live = this.ctx.client.get<AnyObject>(resource, namespace, name);
    if (!live.ok || live.value.metadata.uid !== uid) return 'done';
    const finalizers = (live.value.metadata.finalizers ?? []).filter((f) => f !== finalizer);
    const metadata = { ...live.value.metadata, finalizers: finalizers.length > 0 ? finalizers : undefined };
    const written = this.ctx.client.update({ ...live.value, metadata });
    return written.ok || written.status.code === 404 ? 'done' : 'again';
  }

  private orphan(uid: string): 'done' | 'again' {
    const item = this.items.get(uid);
    if (!item) return 'done';
    for (const d of [...(this.dependents.get(uid) ?? [])]) {
      const dep = this.items.get(d);
      const live = dep && this.ctx.client.get<AnyObject>(dep.resource, dep.object.metadata.namespace ?? '', dep.object.metadata.name);
      if (!live?.ok || live.value.metadata.uid !== d) continue;
      const ownerReferences = (live.value.metadata.ownerReferences ?? []).filter((r) => r.uid !== uid);
      const written = this.ctx.client.update({
        ...live.value,
        metadata: { ...live.value.metadata, ownerReferences: ownerReferences.length > 0 ? ownerReferences : undefined },
      });
      if (!written.ok && written.status.code !== 404) return 'again';
    }
    const { namespace = '', name } = item.object.metadata;
    return this.removeFinalizer(item.resource, namespace, name, uid, ORPHAN);
  }

  stop(): void {
    this.stopped = true;
    this.toDelete.stop();
    this.toOrphan.stop();
  }
}

/** Waits for its dependents. */
function waits(o: AnyObject): boolean {
  return o.metadata.deletionTimestamp !== undefined && o.metadata.finalizers?.includes(FOREGROUND) === true;
}

function watchable(def: ResourceDef): boolean {
  return !def.virtual && def.verbs.includes('watch') && def.verbs.includes('delete');
}

export const garbageCollector: Controller = { name: 'garbage-collector-controller', start: (ctx) => new GarbageCollector(ctx) };
