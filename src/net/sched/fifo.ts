/** First in, first out: pfifo, bfifo, pfifo_fast, noqueue. Models net/sched/sch_fifo.c and sch_generic.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { QdiscOptions } from './options.ts';
import { PRIO2BAND, priorityOf } from './prio.ts';
import { Qdisc, type Queued } from './qdisc.ts';
import type { Sched } from './sched.ts';

export class Fifo extends Qdisc {
  readonly kind: 'pfifo' | 'bfifo' | 'pfifo_head_drop';
  limit: number;
  private items: Queued[] = [];
  private head = 0;

  constructor(sched: Sched, kind: 'pfifo' | 'bfifo' | 'pfifo_head_drop', limit?: number) {
    super(sched);
    this.kind = kind;
    const packets = sched.dev.txqlen || 1;
    this.limit = limit ?? (kind === 'bfifo' ? packets * (sched.dev.mtu + sched.dev.hardHeaderLen) : packets);
  }

  override change(o: QdiscOptions | null): Result {
    if (o === null) return ok();
    if (o.kind !== 'fifo') return fail('EINVAL');
    if (o.limit !== null) this.limit = o.limit;
    return ok();
  }

  enqueue(p: Queued): boolean {
    if (this.kind === 'bfifo' ? this.backlog + p.len > this.limit : this.qlen >= this.limit) {
      if (this.kind !== 'pfifo_head_drop' || this.limit === 0) return this.drop(p);
      const oldest = this.shift();
      if (oldest) this.drop(oldest);
    }
    this.account(p, 1);
    this.items.push(p);
    return true;
  }

  protected take(): Queued | null {
    const p = this.shift();
    if (p) this.sent(p);
    return p;
  }

  private shift(): Queued | null {
    const p = this.items[this.head];
    if (!p) return null;
    this.account(p, -1);
    this.head++;
    if (this.head > 64 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return p;
  }

  override reset(): void {
    super.reset();
    this.items = [];
    this.head = 0;
  }
}

/** Three bands by priority. */
export class PfifoFast extends Qdisc {
  readonly kind = 'pfifo_fast';
  override readonly canBypass = true;
  private readonly bands: Queued[][] = [[], [], []];

  enqueue(p: Queued): boolean {
    const band = this.bands[PRIO2BAND[priorityOf(p.skb) & 15] as number] as Queued[];
    if (band.length >= (this.dev.txqlen || 1)) return this.drop(p);
    this.account(p, 1);
    band.push(p);
    return true;
  }

  protected take(): Queued | null {
    for (const band of this.bands) {
      const p = band.shift();
      if (!p) continue;
      this.account(p, -1);
      this.sent(p);
      return p;
    }
    return null;
  }

  override reset(): void {
    super.reset();
    for (const band of this.bands) band.length = 0;
  }
}

/** Asked for by name: sends at once. */
export class Noqueue extends Qdisc {
  readonly kind = 'noqueue';
  private next: Queued | null = null;

  enqueue(p: Queued): boolean {
    if (this.next !== null) return this.drop(p);
    this.next = p;
    return true;
  }

  protected take(): Queued | null {
    const p = this.next;
    this.next = null;
    return p;
  }
}
