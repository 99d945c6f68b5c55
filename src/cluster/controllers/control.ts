/** Pods made and deleted on behalf of an owner, with events; what is expected to arrive by the watch; adoption. Models controller_utils.go and controller_ref_manager.go. */

import { SEC, type Sim } from '../../sim/sim.ts';
import { controllerOf, type KubeObject, keyOf, type Pod, type Stored } from '../api/object.ts';
import { matchesSelector } from '../api/selectors.ts';
import type { V1LabelSelector, V1ObjectMeta, V1PodTemplateSpec } from '../api/types.ts';
import type { ControllerContext } from './context.ts';
import { Recorder } from './events.ts';
import { ownerReference, podFromTemplate } from './pods.ts';

const EXPECTATION_LIFE = 300 * SEC;

/** Creations and deletions whose watch events are still to come: until then a controller does not count again. */
export class Expectations {
  private readonly sim: Sim;
  private readonly adds = new Map<string, number>();
  private readonly dels = new Map<string, Set<string>>();
  private readonly since = new Map<string, number>();

  constructor(sim: Sim) {
    this.sim = sim;
  }

  satisfied(key: string): boolean {
    const since = this.since.get(key);
    if (since === undefined || this.sim.now - since > EXPECTATION_LIFE) return true;
    return (this.adds.get(key) ?? 0) <= 0 && (this.dels.get(key)?.size ?? 0) === 0;
  }

  expectCreation(key: string): void {
    this.since.set(key, this.sim.now);
    this.adds.set(key, (this.adds.get(key) ?? 0) + 1);
  }

  expectDeletion(key: string, pod: string): void {
    this.since.set(key, this.sim.now);
    let set = this.dels.get(key);
    if (!set) {
      set = new Set();
      this.dels.set(key, set);
    }
    set.add(pod);
  }

  created(key: string): void {
    const n = this.adds.get(key);
    if (n !== undefined) this.adds.set(key, n - 1);
  }

  deleted(key: string, pod: string): void {
    this.dels.get(key)?.delete(pod);
  }

  forget(key: string): void {
    this.adds.delete(key);
    this.dels.delete(key);
    this.since.delete(key);
  }
}

/** 1, 2, 4 … attempts until one batch has a failure. Returns how many succeeded. */
export function slowStart(count: number, attempt: () => boolean): number {
  let done = 0;
  for (let batch = 1; done < count; batch *= 2) {
    const size = Math.min(batch, count - done);
    let failed = false;
    for (let i = 0; i < size; i++) {
      if (attempt()) done++;
      else failed = true;
    }
    if (failed) return done;
  }
  return done;
}

export class PodControl {
  private readonly ctx: ControllerContext;
  readonly events: Recorder;
  /** Why the last creation failed. */
  error = '';

  constructor(ctx: ControllerContext, component: string) {
    this.ctx = ctx;
    this.events = new Recorder(ctx.sim, ctx.client, component);
  }

  /** The pod's key, or undefined when the API refused; a namespace that goes away is not told of. */
  create(template: V1PodTemplateSpec, owner: KubeObject, metadata?: V1ObjectMeta): Pod | undefined {
    const made = this.ctx.client.create(podFromTemplate(template, owner, metadata));
    if (made.ok) {
      this.events.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${made.value.metadata.name}`);
      return made.value as Pod;
    }
    this.error = made.status.message ?? '';
    const terminating = made.status.details?.causes?.some((c) => c.reason === 'NamespaceTerminating');
    if (!terminating) this.events.event(owner, 'Warning', 'FailedCreate', `Error creating: ${this.error}`);
    return undefined;
  }

  delete(pod: Pod, owner: KubeObject): boolean {
    const { namespace = '', name, uid } = pod.metadata;
    const gone = this.ctx.client.delete('pods', namespace, name, { preconditions: { uid } });
    if (gone.ok) {
      this.events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
      return true;
    }
    if (gone.status.code === 404) return false;
    this.error = gone.status.message ?? '';
    this.events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${this.error}`);
    return false;
  }
}

export interface Owner extends KubeObject {
  readonly metadata: Stored<KubeObject>['metadata'];
}

/** Objects that belong to an owner: its own ones, orphans that match are adopted, own ones that no longer match are let go. */
export function claim<T extends Stored<KubeObject>>(
  ctx: ControllerContext,
  resource: string,
  owner: Owner,
  selector: V1LabelSelector | undefined,
  adoptable: (object: T) => boolean = () => true,
): T[] {
  const { informers, client } = ctx;
  const out: T[] = [];
  const going = owner.metadata.deletionTimestamp !== undefined;
  for (const o of informers.byController<T>(resource).get(owner.metadata.uid)) {
    if (matchesSelector(selector, o.metadata.labels)) {
      out.push(o);
      continue;
    }
    if (going) continue;
    const ownerReferences = o.metadata.ownerReferences?.filter((r) => r.uid !== owner.metadata.uid) ?? [];
    client.update({ ...o, metadata: { ...o.metadata, ownerReferences } });
  }
  if (going) return out;
  for (const o of informers.selected<T>(resource, owner.metadata.namespace ?? '', selector)) {
    if (controllerOf(o) || o.metadata.deletionTimestamp !== undefined || !adoptable(o)) continue;
    const present = client.get<Owner>(resourceOf(owner), owner.metadata.namespace ?? '', owner.metadata.name);
    if (!present.ok || present.value.metadata.uid !== owner.metadata.uid || present.value.metadata.deletionTimestamp !== undefined) break;
    const ownerReferences = [...(o.metadata.ownerReferences ?? []), ownerReference(owner)];
    const adopted = client.update({ ...o, metadata: { ...o.metadata, ownerReferences } });
    if (adopted.ok) out.push(adopted.value as T);
  }
  return out;
}

/** The resource of a workload kind: what it is called in requests. */
export function resourceOf(o: KubeObject): string {
  const slash = o.apiVersion.indexOf('/');
  const plural = `${o.kind.toLowerCase()}s`;
  return slash < 0 ? plural : `${plural}.${o.apiVersion.slice(0, slash)}`;
}

/** Key of the object's managing owner of that kind, when the informer still has that very one. */
export function ownerKey(ctx: ControllerContext, o: KubeObject, kind: string, resource: string): string | undefined {
  const ref = controllerOf(o);
  if (ref?.kind !== kind) return undefined;
  const key = o.metadata.namespace ? `${o.metadata.namespace}/${ref.name}` : ref.name;
  return ctx.informers.of<KubeObject>(resource).get(key)?.metadata.uid === ref.uid ? key : undefined;
}

/** Keys of workloads of a namespace whose selector matches an object that nobody owns. */
export function adopters<T extends KubeObject & { readonly spec?: { readonly selector?: V1LabelSelector } }>(
  ctx: ControllerContext,
  o: KubeObject,
  resource: string,
): string[] {
  if (controllerOf(o) || o.metadata.labels === undefined) return [];
  return ctx.informers
    .byNamespace<T>(resource)
    .get(o.metadata.namespace ?? '')
    .filter((w) => matchesSelector(w.spec?.selector, o.metadata.labels))
    .map(keyOf);
}
