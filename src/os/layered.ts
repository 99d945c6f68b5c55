/** An environment over a shared one: thousands of processes with the same variables keep them once. What fork() shares until somebody writes */

export class LayeredMap extends Map<string, string> {
  private readonly base: ReadonlyMap<string, string>;
  private readonly gone = new Set<string>();

  /** `own` wins over `base`, which must never change. */
  constructor(base: ReadonlyMap<string, string>, own: Iterable<readonly [string, string]> = []) {
    super();
    this.base = base;
    for (const [k, v] of own) this.set(k, v);
  }

  copy(): LayeredMap {
    const made = new LayeredMap(this.base);
    for (const [k, v] of super.entries()) made.set(k, v);
    for (const k of this.gone) made.gone.add(k);
    return made;
  }

  private shown(key: string): boolean {
    return !super.has(key) && !this.gone?.has(key);
  }

  override get(key: string): string | undefined {
    return super.get(key) ?? (this.shown(key) ? this.base.get(key) : undefined);
  }

  override has(key: string): boolean {
    return super.has(key) || (this.shown(key) && this.base.has(key));
  }

  override set(key: string, value: string): this {
    this.gone?.delete(key);
    return super.set(key, value);
  }

  override delete(key: string): boolean {
    const had = this.has(key);
    super.delete(key);
    if (this.base.has(key)) this.gone.add(key);
    return had;
  }

  override clear(): void {
    super.clear();
    for (const k of this.base.keys()) this.gone.add(k);
  }

  override get size(): number {
    let n = super.size;
    if (this.base) for (const k of this.base.keys()) if (this.shown(k)) n++;
    return n;
  }

  override *entries(): MapIterator<[string, string]> {
    yield* super.entries();
    for (const [k, v] of this.base) if (this.shown(k)) yield [k, v];
  }

  override *keys(): MapIterator<string> {
    for (const [k] of this.entries()) yield k;
  }

  override *values(): MapIterator<string> {
    for (const [, v] of this.entries()) yield v;
  }

  override [Symbol.iterator](): MapIterator<[string, string]> {
    return this.entries();
  }

  override forEach(each: (value: string, key: string, map: Map<string, string>) => void): void {
    for (const [k, v] of this.entries()) each(v, k, this);
  }
}

/** A copy that may be written to. */
export function copyEnvironment(env: ReadonlyMap<string, string>): Map<string, string> {
  return env instanceof LayeredMap ? env.copy() : new Map(env);
}
