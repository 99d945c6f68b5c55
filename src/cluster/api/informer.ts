/** A component's copy of one resource, kept by a watch, and its queue of keys to look at. Models client-go's informer and workqueue. */

import { type Micros, MS, SEC, type Sim, type Timer } from '../../sim/sim.ts';
import type { Client, ListOptions, Watch } from './client.ts';
import { type KubeObject, keyOf } from './object.ts';

export interface Handlers<T> {
  add?(object: T): void;
  update?(old: T, object: T): void;
  delete?(object: T): void;
}

export class Informer<T extends KubeObject> {
  readonly store = new Map<string, T>();
  private readonly handlers: Handlers<T>[] = [];
  private readonly watch: Watch;

  constructor(client: Client, resource: string, options: ListOptions = {}) {
    this.watch = client.watch<T>(resource, options, (event) => {
      const key = keyOf(event.object);
      const old = this.store.get(key);
      if (event.type === 'DELETED') {
        this.store.delete(key);
        for (const h of this.handlers) h.delete?.(event.object);
        return;
      }
      this.store.set(key, event.object);
      for (const h of this.handlers) old === undefined ? h.add?.(event.object) : h.update?.(old, event.object);
    });
  }

  /** Handlers hear of what comes after this call; what is already in the store they are told at once. */
  on(handlers: Handlers<T>): this {
    for (const object of this.store.values()) handlers.add?.(object);
    this.handlers.push(handlers);
    return this;
  }

  get(key: string): T | undefined {
    return this.store.get(key);
  }

  values(): IterableIterator<T> {
    return this.store.values();
  }

  stop(): void {
    this.watch.stop();
  }
}

/** Keys to look at, each once however often it was added; what fails comes again after 5 ms, 10 ms … 16 min. */
export class WorkQueue {
  private readonly sim: Sim;
  private readonly work: (key: string) => 'done' | 'again' | Micros;
  private readonly delay: Micros;
  private readonly waiting = new Set<string>();
  private readonly later = new Map<string, Timer>();
  private readonly failures = new Map<string, number>();
  private stopped = false;

  /** `work` returns `again` for a retry with back-off, or a time in µs after which the key is to be looked at again. */
  constructor(sim: Sim, work: (key: string) => 'done' | 'again' | Micros, delay: Micros = 1 * MS) {
    this.sim = sim;
    this.work = work;
    this.delay = delay;
  }

  add(key: string): void {
    if (this.stopped || this.waiting.has(key)) return;
    this.waiting.add(key);
    this.sim.schedule(this.delay, () => this.run(key));
  }

  addAfter(key: string, delay: Micros): void {
    if (this.stopped) return;
    this.sim.cancel(this.later.get(key));
    this.later.set(
      key,
      this.sim.schedule(delay, () => {
        this.later.delete(key);
        this.add(key);
      }),
    );
  }

  private run(key: string): void {
    this.waiting.delete(key);
    if (this.stopped) return;
    const result = this.work(key);
    if (result === 'again') {
      const n = this.failures.get(key) ?? 0;
      this.failures.set(key, n + 1);
      this.addAfter(key, Math.min(5 * MS * 2 ** Math.min(n, 20), 1000 * SEC));
      return;
    }
    this.failures.delete(key);
    if (result !== 'done') this.addAfter(key, result);
  }

  stop(): void {
    this.stopped = true;
    for (const t of this.later.values()) this.sim.cancel(t);
    this.later.clear();
  }
}
