/** A device's queueing disciplines: what is sent goes through them, and a timer calls again. Models net/sched/sch_generic.c and net/core/dev.c */

import type { Timer } from '../../sim/sim.ts';
import type { NetDevice } from '../dev/device.ts';
import { Ifb } from '../dev/simple.ts';
import { netDrop } from '../dev/trace.ts';
import type { Skb } from '../skb.ts';
import { type Action, FilterBlock } from './filter.ts';
import type { Verdict } from './options.ts';
import { Qdisc, type Queued, queued, TC_H_CLSACT_EGRESS, TC_H_CLSACT_INGRESS, TC_H_INGRESS } from './qdisc.ts';

/** How the stack goes on with a packet: sends it by the device, or takes it up as if it had come in there. */
export interface Stack {
  xmit(skb: Skb): void;
  queueXmit(skb: Skb): void;
  receive(skb: Skb): void;
  /** The same past packet sockets and filters. */
  resume(skb: Skb): void;
}

/** MIRRED_NEST_LIMIT of act_mirred.c, here for a packet on all of its way: loops that go by the ingress side end as well. */
const MIRRED_NEST_LIMIT = 4;
const nests = new WeakMap<Skb, number>();

/** Filters where packets come in; clsact has some where they go out too. Models net/sched/sch_ingress.c */
export class Ingress extends Qdisc {
  readonly kind: 'ingress' | 'clsact';
  readonly in: FilterBlock;
  readonly out: FilterBlock;

  constructor(sched: Sched, kind: 'ingress' | 'clsact') {
    super(sched);
    this.kind = kind;
    this.handle = 0xffff0000;
    this.parent = TC_H_INGRESS;
    this.in = new FilterBlock(this, true);
    this.out = new FilterBlock(this);
  }

  enqueue(): boolean {
    return false;
  }

  protected take(): Queued | null {
    return null;
  }

  override filters(id: number): FilterBlock | null {
    if (this.kind === 'ingress') return this.in;
    return id === TC_H_CLSACT_INGRESS ? this.in : id === TC_H_CLSACT_EGRESS ? this.out : null;
  }

  override hasClass(): boolean {
    return true;
  }
}

export class Sched {
  readonly dev: NetDevice;
  /** Null: the device's default one. */
  root: Qdisc | null = null;
  ingress: Ingress | null = null;
  /** There was one once, so that its queue exists. */
  hadIngress = false;
  /** All below the root, by the kernel's hash of handles. */
  private readonly hash: Qdisc[][] = Array.from({ length: 16 }, () => []);
  private readonly stack: Stack;
  private timer: Timer | null = null;
  private due = Number.POSITIVE_INFINITY;
  private running = false;
  /** A packet is being put into the queue: what its filters send here again is dropped. Models qdisc->owner */
  private owned = false;

  constructor(dev: NetDevice, stack: Stack) {
    this.dev = dev;
    this.stack = stack;
  }

  // ---- packets ----

  /** Sends a frame through filters and queues. Models __dev_queue_xmit() */
  transmit(skb: Skb): void {
    if (this.ingress?.kind === 'clsact' && this.ingress.out.protos.length > 0) {
      if (!this.filter(this.ingress.out, skb, 'TC_EGRESS')) return;
    }
    const { root } = this;
    if (root === null) {
      this.stack.xmit(skb);
      return;
    }
    const p = queued(skb, this.dev.hardHeaderLen);
    if (root.canBypass && root.qlen === 0 && !this.running) {
      root.sent(p);
      this.stack.xmit(skb);
      return;
    }
    if (this.owned) {
      this.drop(skb, 'TC_RECLASSIFY_LOOP');
      return;
    }
    this.owned = true;
    if (!root.enqueue(p)) skb.refused = true;
    this.owned = false;
    this.run();
  }

  /** False when filters took the frame. Models sch_handle_ingress() */
  receive(skb: Skb): boolean {
    if (this.ingress === null || this.ingress.in.protos.length === 0) return true;
    return this.filter(this.ingress.in, skb, 'TC_INGRESS');
  }

  private filter(block: FilterBlock, skb: Skb, reason: string): boolean {
    const q = this.ingress as Ingress;
    q.bytes += skb.data.length + this.dev.hardHeaderLen;
    q.packets++;
    const found = block.classify(skb);
    if (found?.verdict === 'drop') {
      q.drops++;
      this.drop(skb, reason);
    }
    return found === null || found.verdict === 'pass' || found.verdict === 'class';
  }

  /** Models act_gact.c and act_mirred.c */
  perform(a: Action, skb: Skb, ingress: boolean): Verdict {
    const { spec } = a;
    if (spec.kind === 'gact') return spec.verdict;
    const to = this.dev.ns.devices.get(spec.ifindex);
    if (!to?.up) {
      a.overlimits++;
      return spec.redirect ? 'drop' : spec.verdict;
    }
    const nest = (nests.get(skb) ?? 0) + 1;
    if (nest > MIRRED_NEST_LIMIT) return 'drop';
    const twin = spec.redirect ? skb : skb.clone();
    nests.set(twin, nest);
    if (to instanceof Ifb) to.redirected(twin, this.dev, ingress ? () => this.takeBack(twin) : null);
    twin.dev = to;
    if (spec.direction === 'ingress') this.dev.sim.schedule(0, () => this.stack.receive(twin));
    else this.stack.queueXmit(twin);
    return spec.verdict;
  }

  /** What was redirected to an ifb from where packets come in goes on from there. */
  private takeBack(skb: Skb): void {
    skb.dev = this.dev;
    if (this.dev.up) this.stack.resume(skb);
    else this.drop(skb, 'DEV_DOWN');
  }

  drop(skb: Skb, reason: string): void {
    netDrop(skb, this.dev, reason);
  }

  /** Calls the queues again at that time, in ns, or before. */
  wakeAt(ns: number): void {
    const at = Math.ceil(ns / 1000);
    if (at >= this.due) return;
    this.dev.sim.cancel(this.timer);
    this.due = at;
    this.timer = this.dev.sim.at(at, () => {
      this.due = Number.POSITIVE_INFINITY;
      this.run();
    });
  }

  /** Models __qdisc_run() */
  private run(): void {
    if (this.running) return;
    this.running = true;
    try {
      for (;;) {
        const p = this.dev.active ? this.root?.dequeue() : null;
        if (!p) return;
        this.stack.xmit(p.skb);
      }
    } finally {
      this.running = false;
    }
  }

  /** The device went down: nothing waits any more. Models dev_deactivate() */
  reset(): void {
    this.root?.reset();
    this.dev.sim.cancel(this.timer);
    this.due = Number.POSITIVE_INFINITY;
  }

  // ---- qdiscs ----

  lookup(handle: number): Qdisc | null {
    if (handle === 0) return null;
    if (this.root?.handle === handle) return this.root;
    const found = this.bucket(handle).find((q) => q.handle === handle);
    if (found) return found;
    return this.ingress?.handle === handle ? this.ingress : null;
  }

  add(q: Qdisc): void {
    if (q.handle !== 0 && !q.invisible) this.bucket(q.handle).unshift(q);
  }

  /** Takes a qdisc and all below it out of the listing. */
  forget(q: Qdisc): void {
    const b = this.bucket(q.handle);
    const at = b.indexOf(q);
    if (at >= 0) b.splice(at, 1);
    for (const child of q.children()) this.forget(child);
  }

  below(): Qdisc[] {
    return this.hash.flat();
  }

  private bucket(handle: number): Qdisc[] {
    return this.hash[Math.imul(handle, 0x61c88647) >>> 28] as Qdisc[];
  }
}
