/** Objects by resource and key, their versions, and who watches them. Models etcd behind the watch cache. */

import { MS, type Sim } from '../../sim/sim.ts';
import type { Watch, WatchEvent } from './client.ts';
import type { AnyObject } from './object.ts';
import { keyOf } from './object.ts';
import { type FieldTerm, matchesRequirements, type Requirement } from './selectors.ts';

/** How long after a change its watchers hear of it. */
const LATENCY = 1 * MS;
/** Changes a watch can be resumed from. */
const HISTORY = 1000;

export interface Change {
  readonly version: number;
  readonly old: AnyObject | undefined;
  /** For a deletion the last state, with the deletion's resource version. */
  readonly object: AnyObject;
  readonly gone: boolean;
}

export interface Filter {
  readonly namespace?: string;
  readonly labels: readonly Requirement[];
  readonly fields: readonly FieldTerm[];
}

export type FieldReader = (object: AnyObject, field: string) => string;

class Watcher implements Watch {
  stopped = false;
  readonly filter: Filter;
  readonly on: (event: WatchEvent<AnyObject>) => void;
  private readonly table: Table;

  constructor(table: Table, filter: Filter, on: (event: WatchEvent<AnyObject>) => void) {
    this.table = table;
    this.filter = filter;
    this.on = on;
  }

  stop(): void {
    if (this.stopped) return;
    this.stopped = true;
    this.table.forget(this);
  }

  tell(change: Change): void {
    const { old, object } = change;
    const was = old !== undefined && this.table.matches(old, this.filter);
    const is = !change.gone && this.table.matches(object, this.filter);
    if (is) this.on({ type: was ? 'MODIFIED' : 'ADDED', object });
    else if (was)
      this.on({ type: 'DELETED', object: change.gone ? object : withVersion(old as AnyObject, object.metadata.resourceVersion) });
  }
}

export function withVersion(object: AnyObject, resourceVersion: string): AnyObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
}

const inKeyOrder = (a: AnyObject, b: AnyObject): number => {
  const x = keyOf(a);
  const y = keyOf(b);
  return x < y ? -1 : x > y ? 1 : 0;
};

/** A set of objects with its list in key order at hand. */
class Bag {
  readonly map = new Map<string, AnyObject>();
  private list: readonly AnyObject[] | null = null;
  /** False while `map` is in key order. */
  private shuffled = false;
  private last = '';

  set(key: string, object: AnyObject): void {
    if (!this.map.has(key)) {
      if (key < this.last) this.shuffled = true;
      else this.last = key;
    }
    this.map.set(key, object);
    this.list = null;
  }

  delete(key: string): void {
    if (this.map.delete(key)) this.list = null;
  }

  values(): readonly AnyObject[] {
    if (this.list === null) {
      const list = [...this.map.values()];
      this.list = this.shuffled ? list.sort(inKeyOrder) : list;
    }
    return this.list;
  }
}

/** Objects of one resource. */
export class Table {
  private readonly sim: Sim;
  private readonly read: FieldReader;
  private readonly all = new Bag();
  private readonly namespaces = new Map<string, Bag>();
  /** Field whose values are indexed, for lists and watches: `spec.nodeName` of pods. */
  private readonly indexed: string | undefined;
  private readonly index = new Map<string, Bag>();
  private readonly wide = new Set<Watcher>();
  private readonly inNamespace = new Map<string, Set<Watcher>>();
  private readonly atKey = new Map<string, Set<Watcher>>();
  private readonly atValue = new Map<string, Set<Watcher>>();
  readonly history: Change[] = [];
  /** Version of the newest change that the history no longer has. */
  forgotten = 0;

  constructor(sim: Sim, read: FieldReader, indexed: string | undefined) {
    this.sim = sim;
    this.read = read;
    this.indexed = indexed;
  }

  get size(): number {
    return this.all.map.size;
  }

  get(key: string): AnyObject | undefined {
    return this.all.map.get(key);
  }

  /** In key order. */
  values(namespace?: string): readonly AnyObject[] {
    return namespace === undefined || namespace === '' ? this.all.values() : (this.namespaces.get(namespace)?.values() ?? []);
  }

  select(filter: Filter): readonly AnyObject[] {
    const { labels, fields, namespace } = filter;
    let from: readonly AnyObject[];
    const value = this.indexedValue(filter);
    const name = exact(filter, 'metadata.name');
    if (name !== undefined && namespace !== undefined) {
      const one = this.all.map.get(namespace === '' ? name : `${namespace}/${name}`);
      from = one ? [one] : [];
    } else if (value !== undefined) from = this.index.get(value)?.values() ?? [];
    else from = this.values(namespace);
    if (labels.length === 0 && fields.length === 0) return from;
    return from.filter((o) => this.matches(o, filter));
  }

  matches(object: AnyObject, filter: Filter): boolean {
    const { namespace, labels, fields } = filter;
    if (namespace !== undefined && (object.metadata.namespace ?? '') !== namespace) return false;
    if (labels.length > 0 && !matchesRequirements(labels, object.metadata.labels)) return false;
    for (const f of fields) if ((this.read(object, f.field) === f.value) !== f.equal) return false;
    return true;
  }

  put(object: AnyObject, version: number): void {
    const key = keyOf(object);
    const old = this.all.map.get(key);
    this.all.set(key, object);
    const { namespace } = object.metadata;
    if (namespace !== undefined) this.bag(this.namespaces, namespace).set(key, object);
    if (this.indexed !== undefined) {
      const value = this.read(object, this.indexed);
      if (old !== undefined) {
        const before = this.read(old, this.indexed);
        if (before !== value) this.index.get(before)?.delete(key);
      }
      this.bag(this.index, value).set(key, object);
    }
    this.changed({ version, old, object, gone: false }, key);
  }

  remove(old: AnyObject, last: AnyObject, version: number): void {
    const key = keyOf(old);
    this.all.delete(key);
    const { namespace } = old.metadata;
    if (namespace !== undefined) this.namespaces.get(namespace)?.delete(key);
    if (this.indexed !== undefined) this.index.get(this.read(old, this.indexed))?.delete(key);
    this.changed({ version, old, object: last, gone: true }, key);
  }

  private bag(bags: Map<string, Bag>, key: string): Bag {
    const known = bags.get(key);
    if (known) return known;
    const made = new Bag();
    bags.set(key, made);
    return made;
  }

  private changed(change: Change, key: string): void {
    this.history.push(change);
    if (this.history.length > 2 * HISTORY) this.forgotten = (this.history.splice(0, HISTORY).at(-1) as Change).version;
    const interested: Watcher[] = [...this.wide];
    const { namespace } = change.object.metadata;
    if (namespace !== undefined) for (const w of this.inNamespace.get(namespace) ?? []) interested.push(w);
    for (const w of this.atKey.get(key) ?? []) interested.push(w);
    if (this.indexed !== undefined && this.atValue.size > 0) {
      const now = this.read(change.object, this.indexed);
      for (const w of this.atValue.get(now) ?? []) interested.push(w);
      const before = change.old === undefined ? now : this.read(change.old, this.indexed);
      if (before !== now) for (const w of this.atValue.get(before) ?? []) interested.push(w);
    }
    if (interested.length > 0) this.sim.call(this.sim.now + LATENCY, deliver, interested, change);
  }

  /** Calls back with what is there, or, given a version, with what changed since; then with each change. */
  watch(filter: Filter, on: (event: WatchEvent<AnyObject>) => void, since?: number): Watch {
    const watcher = new Watcher(this, filter, on);
    this.place(watcher)?.add(watcher);
    if (since === undefined) {
      const present = this.select(filter);
      if (present.length > 0) this.sim.call(this.sim.now + LATENCY, introduce, watcher, present);
    } else {
      const missed = this.history.filter((c) => c.version > since);
      if (missed.length > 0) this.sim.call(this.sim.now + LATENCY, catchUp, watcher, missed);
    }
    return watcher;
  }

  forget(watcher: Watcher): void {
    this.place(watcher)?.delete(watcher);
  }

  private indexedValue(filter: Filter): string | undefined {
    return this.indexed === undefined ? undefined : exact(filter, this.indexed);
  }

  /** The set in which a change finds the watcher. */
  private place(watcher: Watcher): Set<Watcher> | undefined {
    const { filter } = watcher;
    const name = exact(filter, 'metadata.name');
    if (name !== undefined && filter.namespace !== undefined)
      return this.set(this.atKey, filter.namespace === '' ? name : `${filter.namespace}/${name}`);
    const value = this.indexedValue(filter);
    if (value !== undefined) return this.set(this.atValue, value);
    return filter.namespace === undefined || filter.namespace === '' ? this.wide : this.set(this.inNamespace, filter.namespace);
  }

  private set(sets: Map<string, Set<Watcher>>, key: string): Set<Watcher> {
    const known = sets.get(key);
    if (known) return known;
    const made = new Set<Watcher>();
    sets.set(key, made);
    return made;
  }
}

function exact(filter: Filter, field: string): string | undefined {
  for (const f of filter.fields) if (f.equal && f.field === field) return f.value;
  return undefined;
}

function deliver(watchers: readonly Watcher[], change: Change): void {
  for (const w of watchers) if (!w.stopped) w.tell(change);
}

function introduce(watcher: Watcher, objects: readonly AnyObject[]): void {
  for (const object of objects) {
    if (watcher.stopped) return;
    watcher.on({ type: 'ADDED', object });
  }
}

function catchUp(watcher: Watcher, changes: readonly Change[]): void {
  for (const change of changes) if (!watcher.stopped) watcher.tell(change);
}
