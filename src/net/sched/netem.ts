/** Network emulator: delay, loss, duplication, corruption, reordering, rate. Models net/sched/sch_netem.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Rng } from '../../sim/rng.ts';
import { copy } from '../../wire/bytes.ts';
import { segment } from './gso.ts';
import type { NetemOptions, NetemSlot, QdiscOptions } from './options.ts';
import { minor, Qdisc, type Queued, queued } from './qdisc.ts';
import { TICK_NS } from './rate.ts';
import type { Sched } from './sched.ts';

const U32 = 4294967296;
/** What a table entry of one standard deviation is. */
export const NETEM_DIST_SCALE = 8192;

interface Correlation {
  last: number;
  rho: number;
}

export class Netem extends Qdisc {
  readonly kind = 'netem';
  limit = 1000;
  /** ns. */
  latency = 0;
  jitter = 0;
  gap = 0;
  loss = 0;
  duplicate = 0;
  reorder = 0;
  corrupt = 0;
  ecn = false;
  rate = { rate: 0, overhead: 0, cellSize: 0, cellOverhead: 0 };
  slot: NetemSlot | null = null;
  readonly cor = {
    delay: { last: 0, rho: 0 },
    loss: { last: 0, rho: 0 },
    dup: { last: 0, rho: 0 },
    reorder: { last: 0, rho: 0 },
    corrupt: { last: 0, rho: 0 },
  };
  lossModel: NetemOptions['lossModel'] = null;
  private lossState = 1;
  private distribution: Int16Array | null = null;
  private slotDistribution: Int16Array | null = null;
  private slotNext = 0;
  private slotPackets = 0;
  private slotBytes = 0;
  private counter = 0;
  private readonly rng: Rng;
  /** By time to send. */
  private waiting: Queued[] = [];
  /** Reordered packets, which go first. */
  private first: Queued[] = [];
  private child: Qdisc | null = null;

  constructor(sched: Sched) {
    super(sched);
    this.rng = sched.dev.sim.rng('netem');
  }

  override change(o: QdiscOptions | null): Result {
    if (o?.kind !== 'netem') return fail('EINVAL');
    this.latency = o.latency * TICK_NS;
    this.jitter = Math.min(o.jitter * TICK_NS, 0x7fffffff);
    this.limit = o.limit;
    this.gap = o.gap;
    this.counter = 0;
    this.loss = o.loss;
    this.duplicate = o.duplicate;
    if (this.gap > 0) this.reorder = U32 - 1;
    if (o.corr) {
      this.cor.delay = correlation(o.corr.delay);
      this.cor.loss = correlation(o.corr.loss);
      this.cor.dup = correlation(o.corr.dup);
    }
    if (o.reorder) {
      this.reorder = o.reorder.probability;
      this.cor.reorder = correlation(o.reorder.correlation);
    }
    if (o.corrupt) {
      this.corrupt = o.corrupt.probability;
      this.cor.corrupt = correlation(o.corrupt.correlation);
    }
    if (o.rate) this.rate = o.rate;
    this.lossModel = o.lossModel;
    this.lossState = 1;
    this.ecn = o.ecn;
    if (o.distribution) this.distribution = o.distribution;
    if (o.slotDistribution) this.slotDistribution = o.slotDistribution;
    if (o.slot) this.setSlot(o.slot);
    return ok();
  }

  private setSlot(s: NetemSlot): void {
    const maxPackets = s.maxPackets || 0x7fffffff;
    const maxBytes = s.maxBytes || 0x7fffffff;
    const slot = { ...s, maxPackets, maxBytes, distJitter: Math.min(s.distJitter, 0x7fffffff) };
    this.slot = slot;
    this.slotPackets = maxPackets;
    this.slotBytes = maxBytes;
    this.slotNext = slot.minDelay || slot.maxDelay || slot.distJitter ? this.now : 0;
  }

  // ---- chance ----

  private random(c: Correlation | null): number {
    const value = this.rng.u32();
    if (c === null || c.rho === 0) return value;
    const rho = BigInt(c.rho) + 1n;
    const answer = Number((BigInt(value) * ((1n << 32n) - rho) + BigInt(c.last) * rho) >> 32n);
    c.last = answer;
    return answer;
  }

  private hit(probability: number, c: Correlation): boolean {
    return probability !== 0 && probability >= this.random(c);
  }

  private spread(mu: number, sigma: number, c: Correlation | null, table: Int16Array | null): number {
    if (sigma === 0) return mu;
    const rnd = this.random(c);
    if (table === null) return (rnd % (2 * sigma)) + mu - sigma;
    const t = table[rnd % table.length] as number;
    return mu + Math.round((sigma * t) / NETEM_DIST_SCALE);
  }

  private lost(): boolean {
    const m = this.lossModel;
    if (m === null) return this.hit(this.loss, this.cor.loss);
    return m.type === 'state' ? this.lost4(m) : this.lostGe(m);
  }

  /** Four states: 1 in a gap, 2 in a burst, 3 lost in a burst, 4 lost alone. Models loss_4state() */
  private lost4(m: NonNullable<NetemOptions['lossModel']> & { type: 'state' }): boolean {
    const rnd = this.rng.u32();
    switch (this.lossState) {
      case 1:
        if (rnd < m.p14) this.lossState = 4;
        else if (rnd < m.p13 + m.p14) this.lossState = 3;
        else return false;
        return true;
      case 2:
        this.lossState = rnd < m.p23 ? 3 : 2;
        return this.lossState === 3;
      case 3:
        if (rnd < m.p32) this.lossState = 2;
        else if (rnd < m.p31 + m.p32) this.lossState = 1;
        return this.lossState === 3;
      default:
        this.lossState = 1;
        return false;
    }
  }

  /** Gilbert and Elliot: a good state and a bad one. Models loss_gilb_ell() */
  private lostGe(m: NonNullable<NetemOptions['lossModel']> & { type: 'gemodel' }): boolean {
    if (this.lossState === 1) {
      if (this.rng.u32() < m.p) this.lossState = 2;
      return this.rng.u32() < m.k1;
    }
    if (this.rng.u32() < m.r) this.lossState = 1;
    return this.rng.u32() > m.h;
  }

  // ---- queue ----

  enqueue(p: Queued): boolean {
    let count = 1;
    if (this.hit(this.duplicate, this.cor.dup)) count++;
    if (this.lost()) {
      if (this.ecn && setCe(p)) this.drops++;
      else count--;
    }
    if (count === 0) {
      this.drop(p, 'NETEM_LOSS');
      return true;
    }
    const twin = count > 1 ? p.skb.clone() : null;
    let own = p;
    if (this.hit(this.corrupt, this.cor.corrupt)) {
      own = this.corrupted(p);
    }
    if (this.qlen >= this.limit) return this.drop(own);
    if (twin) {
      const saved = this.duplicate;
      this.duplicate = 0;
      this.sched.root?.enqueue(queued(twin, this.dev.hardHeaderLen));
      this.duplicate = saved;
    }
    this.account(own, 1);
    if (this.gap === 0 || this.counter < this.gap - 1 || this.reorder < this.random(this.cor.reorder)) {
      own.at = this.timeToSend(own);
      this.counter++;
      this.insert(own);
    } else {
      own.at = this.now;
      this.counter = 0;
      this.requeues++;
      this.first.unshift(own);
    }
    return true;
  }

  private timeToSend(p: Queued): number {
    let delay = this.spread(this.latency, this.jitter, this.cor.delay, this.distribution);
    let now = this.now;
    if (this.rate.rate > 0) {
      const last = this.waiting.at(-1) ?? this.first.at(-1);
      if (last) {
        delay = Math.max(0, delay - (last.at - now));
        now = last.at;
      }
      delay += this.packetTime(p.len);
    }
    return now + delay;
  }

  /** Models packet_time_ns() */
  private packetTime(bytes: number): number {
    let len = bytes + this.rate.overhead;
    if (this.rate.cellSize > 0) {
      const cells = Math.max(1, Math.ceil(len / this.rate.cellSize));
      len = cells * (this.rate.cellSize + this.rate.cellOverhead);
    }
    return Math.floor((len * 1e9) / this.rate.rate);
  }

  private insert(p: Queued): void {
    let i = this.waiting.length;
    while (i > 0 && (this.waiting[i - 1] as Queued).at > p.at) i--;
    this.waiting.splice(i, 0, p);
  }

  /** One bit of the packet the other way round. */
  private corrupted(p: Queued): Queued {
    const parts = p.skb.gsoSize > 0 ? segment(p.skb) : null;
    let own = p;
    if (parts !== null) {
      own = queued(parts[0] ?? p.skb, this.dev.hardHeaderLen);
      for (const part of parts.slice(1)) {
        const q = queued(part, this.dev.hardHeaderLen);
        this.account(q, 1);
        q.at = this.timeToSend(q);
        this.insert(q);
      }
    }
    const { skb } = own;
    skb.checksumHelp();
    skb.data = copy(skb.data);
    const at = this.rng.below(skb.data.length);
    skb.data[at] = (skb.data[at] as number) ^ (1 << this.rng.below(8));
    return own;
  }

  protected take(): Queued | null {
    const quick = this.first.shift();
    if (quick) return this.deliver(quick);
    for (;;) {
      const p = this.waiting[0];
      if (p) {
        const now = this.now;
        if (this.slotNext !== 0 && this.slotNext < p.at) this.nextSlot(now);
        if (p.at <= now && this.slotNext <= now) {
          this.waiting.shift();
          if (this.slotNext !== 0) {
            this.slotPackets--;
            this.slotBytes -= p.len;
            if (this.slotPackets <= 0 || this.slotBytes <= 0) this.nextSlot(now);
          }
          if (this.child === null) return this.deliver(p);
          if (!this.child.enqueue(p)) {
            this.drops++;
            this.account(p, -1);
          }
          continue;
        }
      }
      const inner = this.child?.dequeue();
      if (inner) return this.deliver(inner);
      if (p) this.sched.wakeAt(Math.max(p.at, this.slotNext));
      return null;
    }
  }

  private nextSlot(now: number): void {
    const s = this.slot as NetemSlot;
    const table = this.slotDistribution;
    const delay =
      table === null
        ? s.minDelay + Math.floor(this.rng.float() * (s.maxDelay - s.minDelay))
        : this.spread(s.distDelay, s.distJitter, null, table);
    this.slotNext = now + delay;
    this.slotPackets = s.maxPackets;
    this.slotBytes = s.maxBytes;
  }

  private deliver(p: Queued): Queued {
    this.account(p, -1);
    this.sent(p);
    return p;
  }

  override reset(): void {
    super.reset();
    this.waiting = [];
    this.first = [];
    this.child?.reset();
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
    this.child = child;
    return ok(old);
  }

  override children(): Qdisc[] {
    return this.child ? [this.child] : [];
  }
}

function correlation(rho: number): Correlation {
  return { last: rho === 0 ? 0 : 0x80000000, rho };
}

/** Marks congestion where the packet allows it. Models INET_ECN_set_ce() */
export function setCe(p: Queued): boolean {
  const { skb } = p;
  const tos = skb.tos();
  if (p.skb.proto !== 0x800 && p.skb.proto !== 0x86dd) return false;
  if ((tos & 3) === 0) return false;
  if ((tos & 3) === 3) return true;
  const b = copy(skb.data);
  if (skb.proto === 0x800) {
    const before = ((b[0] as number) << 8) | tos;
    b[1] = tos | 3;
    // RFC 1624: the header's checksum with one word changed.
    let sum =
      (~(((b[10] as number) << 8) | (b[11] as number)) & 0xffff) + (~before & 0xffff) + (((b[0] as number) << 8) | (b[1] as number));
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    b[10] = (~sum >> 8) & 0xff;
    b[11] = ~sum & 0xff;
  } else b[1] = (b[1] as number) | 0x30;
  skb.data = b;
  return true;
}
