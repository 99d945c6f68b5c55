/** Deletion: preconditions, grace, finalizers, propagation. Models registry/rest/delete.go and the Delete of store.go. */

import type { ApiResult, DeleteOptions, ListOptions } from './client.ts';
import { rulesOf } from './kind.ts';
import type { AnyObject, Meta } from './object.ts';
import type { ResourceDef } from './resources.ts';
import { conflict, type Failure, notFound } from './status.ts';
import { withVersion } from './store.ts';
import { timestamp } from './time.ts';
import { type Call, store } from './write.ts';

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

/** Finalizers after a deletion that asks for `policy`. */
function finalizersFor(old: AnyObject, policy: DeleteOptions['propagationPolicy'], defaultPolicy: string): readonly string[] {
  const have = old.metadata.finalizers ?? [];
  const others = have.filter((f) => f !== ORPHAN && f !== FOREGROUND);
  const orphan =
    policy === 'Orphan' || (policy === undefined && (have.includes(ORPHAN) || (defaultPolicy === 'Orphan' && !have.includes(FOREGROUND))));
  const foreground = policy === 'Foreground' || (policy === undefined && have.includes(FOREGROUND));
  const want = [...others, ...(orphan ? [ORPHAN] : []), ...(foreground ? [FOREGROUND] : [])];
  return want.length === have.length && want.every((f) => have.includes(f)) ? have : want;
}

/** Grace of a deletion: pods have one, namespaces wait for their content. */
function graceOf(def: ResourceDef, old: AnyObject, asked: number | undefined): number | undefined {
  const own = rulesOf(def).deletionGrace;
  if (own) return own(old, asked);
  if (def.group !== '' || def.kind !== 'Pod') return undefined;
  const spec = old.spec as { readonly nodeName?: string; readonly terminationGracePeriodSeconds?: number } | undefined;
  const phase = (old.status as { readonly phase?: string } | undefined)?.phase;
  let grace = asked ?? spec?.terminationGracePeriodSeconds ?? 30;
  if (!spec?.nodeName || phase === 'Failed' || phase === 'Succeeded') grace = 0;
  return grace < 0 ? 1 : grace;
}

export function remove(call: Call, def: ResourceDef, namespace: string, name: string, options: DeleteOptions): ApiResult<AnyObject> {
  const old = call.server.table(def).get(def.namespaced ? `${namespace}/${name}` : name);
  if (!old) return notFound(def, name);
  return removeObject(call, def, old, options);
}

export function removeObject(call: Call, def: ResourceDef, old: AnyObject, options: DeleteOptions): ApiResult<AnyObject> {
  const { server } = call;
  const { metadata } = old;
  const rules = rulesOf(def);
  const context = call.context('delete');
  const { uid, resourceVersion } = options.preconditions ?? {};
  if (uid && uid !== metadata.uid)
    return conflict(def, metadata.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`);
  if (resourceVersion && resourceVersion !== metadata.resourceVersion)
    return conflict(
      def,
      metadata.name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`,
    );
  const refused: Failure | undefined = rules.admitDelete?.(old, context);
  if (refused) return refused;
  const finalizers = finalizersFor(old, options.propagationPolicy, rules.defaultPropagation ?? 'Background');
  const grace = graceOf(def, old, options.gracePeriodSeconds);
  const isNamespace = def.group === '' && def.kind === 'Namespace';
  const waits =
    finalizers.length > 0 ||
    (isNamespace && ((old.spec as { readonly finalizers?: readonly string[] } | undefined)?.finalizers?.length ?? 0) > 0);
  const marked = metadata.deletionTimestamp !== undefined;
  const lasts = grace !== undefined && grace > 0;
  if (!waits && !lasts) return options.dryRun ? { ok: true, value: old } : { ok: true, value: erase(call, def, old) };
  const present = metadata.deletionGracePeriodSeconds ?? 0;
  const period = grace ?? 0;
  if (marked && (!lasts || period >= present) && !(grace !== undefined && period < present) && finalizers === metadata.finalizers)
    return { ok: true, value: old };
  const next: { -readonly [K in keyof Meta]: Meta[K] } = { ...metadata };
  if (finalizers.length > 0) next.finalizers = finalizers;
  if (!marked || (grace !== undefined && period < present)) {
    next.deletionTimestamp = timestamp(server.sim, server.sim.now + period * 1_000_000);
    next.deletionGracePeriodSeconds = period;
    if (!marked && (next.generation ?? 0) > 0) next.generation = (next.generation ?? 0) + 1;
  }
  let draft: AnyObject = { ...old, metadata: next };
  if (isNamespace) draft = { ...draft, status: { ...(old.status as object | undefined), phase: 'Terminating' } } as AnyObject;
  if (options.dryRun) return { ok: true, value: draft };
  return { ok: true, value: store(call, def, draft, old) };
}

/** Takes the object out for good. Returns its last state. */
function erase(call: Call, def: ResourceDef, old: AnyObject): AnyObject {
  const { server } = call;
  const version = server.nextVersion();
  const last = withVersion(old, String(version));
  server.table(def).remove(old, last, version);
  server.changed(def, undefined, old);
  rulesOf(def).deleted?.(old, call.context('delete'));
  return last;
}

/** An update of an object that waits to go: whether it can go now. */
export function finishDeletion(call: Call, def: ResourceDef, old: AnyObject, draft: AnyObject): boolean {
  if ((draft.metadata.finalizers?.length ?? 0) > 0 || (old.metadata.deletionGracePeriodSeconds ?? 0) > 0) return false;
  if (
    def.group === '' &&
    def.kind === 'Namespace' &&
    ((draft.spec as { readonly finalizers?: readonly string[] } | undefined)?.finalizers?.length ?? 0) > 0
  )
    return false;
  if ((old.metadata.finalizers?.length ?? 0) === 0 && !(def.group === '' && def.kind === 'Namespace')) return false;
  erase(call, def, draft);
  return true;
}

/** Deletes all that match; the objects as they were. */
export function collect(call: Call, def: ResourceDef, list: ListOptions, options: DeleteOptions): ApiResult<readonly AnyObject[]> {
  const filter = call.server.filter(def, list);
  if (!filter.ok) return filter;
  const gone: AnyObject[] = [];
  for (const object of call.server.table(def).select(filter.value)) {
    const result = removeObject(call, def, object, options);
    if (!result.ok) return result;
    gone.push(result.value);
  }
  return { ok: true, value: gone };
}
