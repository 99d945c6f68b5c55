/** Services by the pods that they select, and which pod changes matter to them. Models GetPodServiceMemberships and podEndpointsChanged. */

import type { Handlers } from '../api/informer.ts';
import { type KubeObject, keyOf, type Pod, type Service } from '../api/object.ts';
import type { ControllerContext, Index } from './context.ts';
import { isPodReady, isPodTerminal } from './pods.ts';
import { matchesAll } from './selector.ts';

/** A Service is found by one pair of its selector. */
function servicesByPair(ctx: Pick<ControllerContext, 'informers'>): Index<Service> {
  return ctx.informers.index<Service>('services', 'selector', (s) => {
    const keys = Object.keys(s.spec?.selector ?? {}).sort();
    return keys[0] === undefined ? [] : [`${s.metadata.namespace}/${keys[0]}=${s.spec?.selector?.[keys[0]]}`];
  });
}

export function servicesOf(ctx: Pick<ControllerContext, 'informers'>, pod: Pod): string[] {
  const index = servicesByPair(ctx);
  const labels = pod.metadata.labels ?? {};
  const out: string[] = [];
  for (const k in labels) {
    const word = `${pod.metadata.namespace}/${k}=${labels[k]}`;
    if (!index.has(word)) continue;
    for (const s of index.get(word)) if (matchesAll(s.spec?.selector ?? {}, labels)) out.push(keyOf(s));
  }
  return out;
}

function sameAddresses(a: Pod, b: Pod): boolean {
  const x = a.status?.podIPs ?? [];
  const y = b.status?.podIPs ?? [];
  return x.length === y.length && x.every((ip, i) => ip.ip === y[i]?.ip);
}

/** Handlers for pods that name each Service which a change concerns. */
export function podHandlers(ctx: ControllerContext, enqueue: (service: string) => void): Handlers<Pod> {
  servicesByPair(ctx);
  const touch = (pod: Pod): void => {
    for (const key of servicesOf(ctx, pod)) enqueue(key);
  };
  return {
    add: touch,
    delete: touch,
    update: (old, pod) => {
      const moved =
        old.metadata.deletionTimestamp !== pod.metadata.deletionTimestamp ||
        isPodReady(old) !== isPodReady(pod) ||
        isPodTerminal(old) !== isPodTerminal(pod) ||
        !sameAddresses(old, pod);
      const relabelled =
        old.metadata.labels !== pod.metadata.labels ||
        old.spec?.hostname !== pod.spec?.hostname ||
        old.spec?.subdomain !== pod.spec?.subdomain;
      if (moved || relabelled) touch(pod);
      if (relabelled) touch(old);
    },
  };
}

/** Writes whose watch events have not come yet: until then an informer's copy is behind. */
export class Behind {
  private readonly waiting = new Map<string, Map<string, string>>();

  /** `version` is '' for a deletion. */
  expect(group: string, name: string, version: string): void {
    const names = this.waiting.get(group) ?? new Map<string, string>();
    names.set(name, version);
    this.waiting.set(group, names);
  }

  /** Whether this was an awaited event, and whether all have come. */
  seen(group: string, object: KubeObject, gone: boolean): 'own' | 'last' | 'foreign' {
    const names = this.waiting.get(group);
    const name = object.metadata.name ?? '';
    const version = names?.get(name);
    if (!names || version === undefined || version !== (gone ? '' : object.metadata.resourceVersion)) return 'foreign';
    names.delete(name);
    if (names.size > 0) return 'own';
    this.waiting.delete(group);
    return 'last';
  }

  has(group: string): boolean {
    return this.waiting.has(group);
  }

  forget(group: string): void {
    this.waiting.delete(group);
  }
}
