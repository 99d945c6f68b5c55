/** An API that holds recorded objects as they are: a component reads and watches them, nobody validates or defaults them. */

import type { ApiResult, Client, ListOptions, ListResult, Watch, WatchEvent } from '../../../cluster/api/client.ts';
import { type AnyObject, keyOf } from '../../../cluster/api/object.ts';
import { matchesRequirements, parseLabelSelector, type Requirement } from '../../../cluster/api/selectors.ts';
import type { Sim } from '../../../sim/sim.ts';

interface Watcher {
  readonly resource: string;
  readonly labels: readonly Requirement[];
  /** `metadata.name`, when asked for. */
  readonly name: string | null;
  readonly on: (event: WatchEvent<AnyObject>) => void;
}

const refused = (code: number, reason: string, message: string): { ok: false; status: never } => ({
  ok: false,
  status: { apiVersion: 'v1', kind: 'Status', status: 'Failure', code, reason, message } as never,
});

export class Fixture implements Client {
  readonly user = { name: 'system:kube-proxy', groups: ['system:authenticated'] };
  private readonly sim: Sim;
  private readonly objects = new Map<string, Map<string, AnyObject>>();
  private readonly watchers = new Set<Watcher>();

  constructor(sim: Sim) {
    this.sim = sim;
  }

  put(resource: string, object: AnyObject): void {
    const all = this.of(resource);
    const key = keyOf(object);
    const old = all.get(key);
    all.set(key, object);
    for (const w of this.watchers) {
      if (w.resource !== resource) continue;
      const was = old !== undefined && this.wants(w, old);
      const is = this.wants(w, object);
      if (is) this.tell(w, was ? 'MODIFIED' : 'ADDED', object);
      else if (was) this.tell(w, 'DELETED', object);
    }
  }

  remove(resource: string, key: string): void {
    const old = this.of(resource).get(key);
    if (!old) return;
    this.of(resource).delete(key);
    for (const w of this.watchers) if (w.resource === resource && this.wants(w, old)) this.tell(w, 'DELETED', old);
  }

  private of(resource: string): Map<string, AnyObject> {
    let all = this.objects.get(resource);
    if (!all) {
      all = new Map();
      this.objects.set(resource, all);
    }
    return all;
  }

  private wants(w: Pick<Watcher, 'labels' | 'name'>, o: AnyObject): boolean {
    return (w.name === null || o.metadata.name === w.name) && matchesRequirements(w.labels, o.metadata.labels);
  }

  private tell(w: Watcher, type: WatchEvent<AnyObject>['type'], object: AnyObject): void {
    this.sim.schedule(1000, () => {
      if (this.watchers.has(w)) w.on({ type, object });
    });
  }

  private filter(resource: string, options: ListOptions, on: Watcher['on'] = () => {}): Watcher {
    const labels = parseLabelSelector(options.labelSelector ?? '');
    if (!labels.ok) throw new Error(labels.error);
    const name = /^metadata\.name=(.*)$/.exec(options.fieldSelector ?? '')?.[1] ?? null;
    return { resource, labels: labels.value, name, on };
  }

  list<T>(resource: string, options: ListOptions = {}): ApiResult<ListResult<T>> {
    const f = this.filter(resource, options);
    return { ok: true, value: { resourceVersion: '1', items: [...this.of(resource).values()].filter((o) => this.wants(f, o)) as T[] } };
  }

  get<T>(resource: string, namespace: string, name: string): ApiResult<T> {
    const o = this.of(resource).get(namespace === '' ? name : `${namespace}/${name}`);
    return o ? { ok: true, value: o as T } : refused(404, 'NotFound', `${resource} "${name}" not found`);
  }

  watch<T>(resource: string, options: ListOptions, on: (event: WatchEvent<T>) => void): Watch {
    const w = this.filter(resource, options, on as Watcher['on']);
    this.watchers.add(w);
    for (const o of this.of(resource).values()) if (this.wants(w, o)) this.tell(w, 'ADDED', o);
    return { stop: () => void this.watchers.delete(w) };
  }

  create(): ReturnType<typeof refused> {
    return refused(405, 'MethodNotAllowed', 'recorded objects are read only');
  }
  update(): ReturnType<typeof refused> {
    return this.create();
  }
  patch(): ReturnType<typeof refused> {
    return this.create();
  }
  delete(): ReturnType<typeof refused> {
    return this.create();
  }
}
