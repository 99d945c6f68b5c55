/** Bands served strictly in order. Models net/sched/sch_prio.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Skb } from '../skb.ts';
import { Fifo } from './fifo.ts';
import { FilterBlock } from './filter.ts';
import type { QdiscOptions } from './options.ts';
import { major, minor, Qdisc, type Queued } from './qdisc.ts';

export const PRIO2BAND: readonly number[] = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
const TOS2PRIO: readonly number[] = [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4];

/** The packet's priority, from its TOS when nobody set one. Models rt_tos2priority() */
export function priorityOf(skb: Skb): number {
  if (skb.priority !== 0 || skb.proto !== 0x800) return skb.priority;
  return TOS2PRIO[(skb.tos() & 0x1e) >> 1] as number;
}

export class Prio extends Qdisc {
  readonly kind = 'prio';
  bands = 3;
  priomap: readonly number[] = PRIO2BAND;
  private queues: Qdisc[] = [];
  private readonly block = new FilterBlock(this);

  override change(o: QdiscOptions | null): Result {
    if (o?.kind !== 'prio' || o.bands > 16 || o.bands < 2) return fail('EINVAL');
    this.bands = o.bands;
    this.priomap = o.priomap;
    this.queues.length = Math.min(this.queues.length, o.bands);
    while (this.queues.length < o.bands) this.queues.push(this.fresh(this.queues.length + 1));
    return ok();
  }

  private fresh(id: number): Qdisc {
    const q = new Fifo(this.sched, 'pfifo');
    q.parent = this.handle + id;
    q.invisible = true;
    return q;
  }

  enqueue(p: Queued): boolean {
    const queue = this.classify(p);
    if (queue === null) return true;
    if (!queue.enqueue(p)) {
      this.drops++;
      return false;
    }
    this.account(p, 1);
    return true;
  }

  private classify(p: Queued): Qdisc | null {
    let band = priorityOf(p.skb);
    if (major(band) !== this.handle || band === 0) {
      const found = this.block.classify(p.skb);
      if (found?.verdict === 'stolen') return null;
      if (found?.verdict === 'drop') {
        this.drop(p, 'TC_EGRESS');
        return null;
      }
      if (!found) return this.queues[this.priomap[(major(band) !== 0 ? 0 : band) & 15] as number] as Qdisc;
      band = found.classid;
    }
    return this.queues[minor(band) - 1] ?? (this.queues[this.priomap[0] as number] as Qdisc);
  }

  protected take(): Queued | null {
    for (const queue of this.queues) {
      const p = queue.dequeue();
      if (!p) continue;
      this.account(p, -1);
      this.sent(p);
      return p;
    }
    return null;
  }

  override reset(): void {
    super.reset();
    for (const q of this.queues) q.reset();
  }

  override get classful(): boolean {
    return true;
  }

  override hasClass(id: number): boolean {
    return minor(id) >= 1 && minor(id) <= this.bands;
  }

  override leaf(id: number): Qdisc | null {
    return this.queues[minor(id) - 1] ?? null;
  }

  override graft(id: number, child: Qdisc | null): Result<Qdisc | null> {
    const old = this.leaf(id);
    if (!old) return fail('ENOENT', 'Specified class not found');
    this.account({ len: old.backlog } as Queued, -1);
    this.qlen += 1 - old.qlen;
    this.queues[minor(id) - 1] = child ?? this.fresh(minor(id));
    return ok(old);
  }

  override filters(id: number): FilterBlock | null {
    return minor(id) === 0 ? this.block : null;
  }

  override children(): Qdisc[] {
    return this.queues;
  }
}
