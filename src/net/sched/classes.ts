/** Classes by id, in the order of the kernel's hash table, which is the order of `tc class show`. Models Qdisc_class_hash of net/sched/sch_api.c */

export class ClassTable<T extends { readonly id: number }> {
  private buckets: T[][] = [[], [], [], []];
  private count = 0;

  get(id: number): T | undefined {
    return this.bucket(id).find((c) => c.id === id);
  }

  add(cl: T): void {
    this.bucket(cl.id).unshift(cl);
    this.count++;
    if (this.count * 4 <= this.buckets.length * 3) return;
    const all = [...this];
    this.buckets = Array.from({ length: this.buckets.length * 2 }, () => []);
    for (const c of all) this.bucket(c.id).unshift(c);
  }

  delete(cl: T): void {
    const b = this.bucket(cl.id);
    const at = b.indexOf(cl);
    if (at < 0) return;
    b.splice(at, 1);
    this.count--;
  }

  *[Symbol.iterator](): Generator<T> {
    for (const b of this.buckets) yield* b;
  }

  private bucket(id: number): T[] {
    let h = id ^ (id >>> 8);
    h ^= h >>> 4;
    return this.buckets[h & (this.buckets.length - 1)] as T[];
  }
}
