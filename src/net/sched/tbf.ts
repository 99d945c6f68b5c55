/** Token bucket. Models net/sched/sch_tbf.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { Fifo } from './fifo.ts';
import { segment } from './gso.ts';
import type { QdiscOptions } from './options.ts';
import { minor, Qdisc, type Queued, queued } from './qdisc.ts';
import { Rate, TICK_NS } from './rate.ts';

export class Tbf extends Qdisc {
  readonly kind = 'tbf';
  limit = 0;
  rate = new Rate({ rate: 1, overhead: 0, mpu: 0 });
  peak: Rate | null = null;
  private maxSize = 0;
  /** ns. */
  private buffer = 0;
  private mtu = 0;
  private tokens = 0;
  private ptokens = 0;
  private stamp = 0;
  private child: Qdisc | null = null;

  get bufferTicks(): number {
    return Math.floor(this.buffer / TICK_NS);
  }

  get mtuTicks(): number {
    return Math.floor(this.mtu / TICK_NS);
  }

  override change(o: QdiscOptions | null): Result {
    if (o?.kind !== 'tbf') return fail('EINVAL');
    const rate = new Rate(o.rate);
    const peak = o.peak ? new Rate(o.peak) : null;
    let maxSize = o.burst;
    if (peak) {
      if (peak.spec.rate <= rate.spec.rate) return fail('EINVAL');
      maxSize = Math.min(maxSize, o.mtu);
    }
    if (maxSize === 0) return fail('EINVAL');
    if (this.child instanceof Fifo && this.child.invisible) this.child.limit = o.limit;
    else if (this.child === null && o.limit > 0) this.child = this.fresh(o.limit);
    this.limit = o.limit;
    this.rate = rate;
    this.peak = peak;
    this.maxSize = maxSize;
    this.buffer = rate.ns(o.burst);
    this.mtu = peak ? peak.ns(o.mtu) : 0;
    this.tokens = this.buffer;
    this.ptokens = this.mtu;
    this.stamp = this.now;
    return ok();
  }

  private fresh(limit: number): Qdisc {
    const q = new Fifo(this.sched, 'bfifo', limit);
    q.parent = this.handle + 1;
    q.invisible = true;
    return q;
  }

  enqueue(p: Queued): boolean {
    if (p.len > this.maxSize) {
      const parts = p.skb.gsoSize > 0 ? segment(p.skb) : null;
      if (parts === null) return this.drop(p);
      let taken = 0;
      for (const part of parts) if (this.enqueue(queued(part, this.dev.hardHeaderLen))) taken++;
      return taken > 0;
    }
    if (!this.child?.enqueue(p)) {
      this.drops++;
      return false;
    }
    this.account(p, 1);
    return true;
  }

  protected take(): Queued | null {
    const p = this.child?.peek();
    if (!p) return null;
    const now = this.now;
    const passed = Math.min(now - this.stamp, this.buffer);
    let ptokens = 0;
    if (this.peak) ptokens = Math.min(passed + this.ptokens, this.mtu) - this.peak.ns(p.len);
    const tokens = Math.min(passed + this.tokens, this.buffer) - this.rate.ns(p.len);
    if (tokens < 0 || ptokens < 0) {
      this.overlimits++;
      this.sched.wakeAt(now + Math.max(-tokens, -ptokens));
      return null;
    }
    this.child?.dequeue();
    this.stamp = now;
    this.tokens = tokens;
    this.ptokens = ptokens;
    this.account(p, -1);
    this.sent(p);
    return p;
  }

  override reset(): void {
    super.reset();
    this.child?.reset();
    this.stamp = this.now;
    this.tokens = this.buffer;
    this.ptokens = this.mtu;
  }

  override get classful(): boolean {
    return true;
  }

  override hasClass(id: number): boolean {
    return minor(id) !== 0;
  }

  override leaf(): Qdisc | null {
    return this.child;
  }

  override graft(_id: number, child: Qdisc | null): Result<Qdisc | null> {
    const old = this.child;
    if (old) {
      this.qlen -= old.qlen;
      this.backlog -= old.backlog;
    }
    this.child = child;
    return ok(old);
  }

  override children(): Qdisc[] {
    return this.child ? [this.child] : [];
  }
}
