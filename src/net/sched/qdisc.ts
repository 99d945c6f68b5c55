/** Queueing disciplines: what all have in common. Models struct Qdisc of include/net/sch_generic.h */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { IPPROTO_TCP } from '../../wire/ipv4.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Skb } from '../skb.ts';
import type { FilterBlock } from './filter.ts';
import type { QdiscOptions } from './options.ts';
import type { Sched } from './sched.ts';

export const TC_H_ROOT = 0xffffffff;
export const TC_H_INGRESS = 0xfffffff1;
export const TC_H_CLSACT_INGRESS = 0xfffffff2;
export const TC_H_CLSACT_EGRESS = 0xfffffff3;

export function major(handle: number): number {
  return (handle & 0xffff0000) >>> 0;
}

export function minor(handle: number): number {
  return handle & 0xffff;
}

/** A packet in a queue. */
export interface Queued {
  readonly skb: Skb;
  /** Bytes on the wire: with link header, and with the headers of all segments of a super-packet. */
  readonly len: number;
  readonly segs: number;
  /** ns: when it came in, or when it may leave. */
  at: number;
}

/** Models qdisc_pkt_len_init() */
export function queued(skb: Skb, headerLen: number): Queued {
  let len = skb.data.length + headerLen;
  let segs = 1;
  if (skb.gsoSize > 0) {
    const headers = headerBytes(skb);
    segs = Math.max(1, Math.ceil((skb.data.length - headers) / skb.gsoSize));
    len += (segs - 1) * (headers + headerLen);
  }
  return { skb, len, segs, at: 0 };
}

/** Network and TCP header; 0 when it is no plain TCP packet. */
export function headerBytes(skb: Skb): number {
  const b = skb.data;
  const v6 = (b[0] as number) >> 4 === 6;
  if (b[v6 ? 6 : 9] !== IPPROTO_TCP) return 0;
  const hlen = v6 ? 40 : ((b[0] as number) & 15) * 4;
  return hlen + ((b[hlen + 12] as number) >> 4) * 4;
}

export abstract class Qdisc {
  abstract readonly kind: string;
  readonly sched: Sched;
  readonly dev: NetDevice;
  handle = 0;
  parent = TC_H_ROOT;
  /** Made by its parent without being asked for: not listed. */
  invisible = false;
  /** Options can be changed after it was made. */
  readonly changeable: boolean = true;
  /** A packet may pass it while it is empty. */
  readonly canBypass: boolean = false;
  bytes = 0;
  packets = 0;
  drops = 0;
  overlimits = 0;
  requeues = 0;
  backlog = 0;
  qlen = 0;
  private peeked: Queued | null = null;

  constructor(sched: Sched) {
    this.sched = sched;
    this.dev = sched.dev;
  }

  /** Sets what a user may set; null: nothing was given. */
  change(o: QdiscOptions | null): Result {
    return o === null ? ok() : fail('EINVAL', 'Change operation not supported by specified qdisc');
  }

  /** Takes the packet, or drops it and says so. */
  abstract enqueue(p: Queued): boolean;
  protected abstract take(): Queued | null;

  dequeue(): Queued | null {
    const p = this.peeked;
    if (p === null) return this.take();
    this.peeked = null;
    this.account(p, -1);
    return p;
  }

  /** The packet that dequeue() would give, which stays. Models qdisc_peek_dequeued() */
  peek(): Queued | null {
    if (this.peeked === null) {
      this.peeked = this.take();
      if (this.peeked !== null) this.account(this.peeked, 1);
    }
    return this.peeked;
  }

  /** Throws away all that waits. */
  reset(): void {
    this.peeked = null;
    this.backlog = this.qlen = 0;
  }

  // ---- classes ----

  /** False where a qdisc cannot have others below it. */
  get classful(): boolean {
    return false;
  }

  hasClass(_id: number): boolean {
    return false;
  }

  leaf(_id: number): Qdisc | null {
    return null;
  }

  /** Puts `child` below the class and gives back what was there. */
  graft(_id: number, _child: Qdisc | null): Result<Qdisc | null> {
    return fail('EOPNOTSUPP');
  }

  /** Filters of the class, of the qdisc itself for 0; null when it has none. */
  filters(_id: number): FilterBlock | null {
    return null;
  }

  children(): Qdisc[] {
    return [];
  }

  // ---- for those who implement it ----

  get now(): number {
    return this.dev.sim.now * 1000;
  }

  protected account(p: Queued, by: 1 | -1): void {
    this.qlen += by;
    this.backlog += by * p.len;
  }

  /** Models qdisc_bstats_update() */
  sent(p: Queued): void {
    this.bytes += p.len;
    this.packets += p.segs;
  }

  protected drop(p: Queued, reason = 'QDISC_DROP'): false {
    this.drops++;
    this.sched.drop(p.skb, reason);
    return false;
  }
}
