/** Fair queueing with controlled delay. Models net/sched/sch_fq_codel.c and include/net/codel_impl.h */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { skbHash } from '../dev/flowhash.ts';
import { setCe } from './netem.ts';
import type { QdiscOptions } from './options.ts';
import { Qdisc, type Queued } from './qdisc.ts';
import type { Sched } from './sched.ts';

const US = 1000;

class Flow {
  readonly items: Queued[] = [];
  backlog = 0;
  deficit = 0;
  listed = false;
  // CoDel
  count = 0;
  lastCount = 0;
  dropping = false;
  firstAbove = 0;
  dropNext = 0;
}

export class FqCodel extends Qdisc {
  readonly kind = 'fq_codel';
  override readonly canBypass = true;
  limit = 10240;
  flowCount = 1024;
  quantum: number;
  /** µs. */
  target = 5000;
  interval = 100_000;
  ceThreshold: number | null = null;
  memoryLimit = 32 << 20;
  ecn = true;
  dropBatch = 64;
  maxPacket = 0;
  dropOverlimit = 0;
  newFlowCount = 0;
  ecnMark = 0;
  ceMark = 0;
  private readonly flows = new Map<number, Flow>();
  newFlows: Flow[] = [];
  oldFlows: Flow[] = [];

  constructor(sched: Sched) {
    super(sched);
    this.quantum = sched.dev.mtu + sched.dev.hardHeaderLen;
  }

  override change(o: QdiscOptions | null): Result {
    if (o === null) return ok();
    if (o.kind !== 'fq_codel') return fail('EINVAL');
    if (o.flows !== undefined) {
      if (o.flows === 0 || o.flows > 65536) return fail('EINVAL');
      this.flowCount = o.flows;
    }
    if (o.target !== undefined) this.target = o.target;
    if (o.ceThreshold !== undefined) this.ceThreshold = o.ceThreshold;
    if (o.interval !== undefined) this.interval = o.interval;
    if (o.limit !== undefined) this.limit = o.limit;
    if (o.ecn !== undefined) this.ecn = o.ecn;
    if (o.quantum !== undefined) this.quantum = Math.max(256, o.quantum);
    if (o.dropBatch !== undefined) this.dropBatch = Math.max(1, o.dropBatch);
    if (o.memoryLimit !== undefined) this.memoryLimit = Math.min(1 << 31, o.memoryLimit);
    return ok();
  }

  enqueue(p: Queued): boolean {
    const key = skbHash(p.skb, 0) % this.flowCount;
    let flow = this.flows.get(key);
    if (!flow) {
      flow = new Flow();
      this.flows.set(key, flow);
    }
    p.at = this.now;
    flow.items.push(p);
    flow.backlog += p.len;
    this.account(p, 1);
    if (!flow.listed) {
      flow.listed = true;
      flow.deficit = this.quantum;
      this.newFlows.push(flow);
      this.newFlowCount++;
    }
    if (this.qlen <= this.limit && this.backlog <= this.memoryLimit) return true;
    return this.dropFattest() !== flow;
  }

  /** Drops from the head of the flow with the most bytes. Models fq_codel_drop() */
  private dropFattest(): Flow {
    let fat = new Flow();
    for (const f of this.flows.values()) if (f.backlog > fat.backlog) fat = f;
    const threshold = fat.backlog >> 1;
    for (let n = 0, gone = 0; n < this.dropBatch && gone < threshold; n++) {
      const p = this.pop(fat);
      if (!p) break;
      gone += p.len;
      this.dropOverlimit++;
      this.drop(p, 'QDISC_OVERLIMIT');
    }
    return fat;
  }

  private pop(flow: Flow): Queued | null {
    const p = flow.items.shift();
    if (!p) return null;
    flow.backlog -= p.len;
    this.account(p, -1);
    return p;
  }

  protected take(): Queued | null {
    for (;;) {
      const list = this.newFlows.length > 0 ? this.newFlows : this.oldFlows;
      const flow = list[0];
      if (!flow) return null;
      if (flow.deficit <= 0) {
        flow.deficit += this.quantum;
        list.shift();
        this.oldFlows.push(flow);
        continue;
      }
      const p = this.codel(flow);
      if (p) {
        flow.deficit -= p.len;
        this.sent(p);
        return p;
      }
      list.shift();
      if (list === this.newFlows && this.oldFlows.length > 0) this.oldFlows.push(flow);
      else flow.listed = false;
    }
  }

  // ---- CoDel, times in ns ----

  private shouldDrop(flow: Flow, p: Queued | null, now: number): boolean {
    if (p === null) {
      flow.firstAbove = 0;
      return false;
    }
    if (p.len > this.maxPacket) this.maxPacket = p.len;
    if (now - p.at < this.target * US || flow.backlog <= this.dev.mtu) {
      flow.firstAbove = 0;
      return false;
    }
    if (flow.firstAbove === 0) {
      flow.firstAbove = now + this.interval * US;
      return false;
    }
    return now > flow.firstAbove;
  }

  private law(from: number, count: number): number {
    return from + (this.interval * US) / Math.sqrt(Math.max(1, count));
  }

  private codel(flow: Flow): Queued | null {
    const now = this.now;
    let p = this.pop(flow);
    if (p === null) {
      flow.dropping = false;
      return null;
    }
    const drop = this.shouldDrop(flow, p, now);
    if (flow.dropping) {
      if (!drop) flow.dropping = false;
      else {
        while (flow.dropping && now >= flow.dropNext) {
          flow.count++;
          if (this.ecn && setCe(p as Queued)) {
            this.ecnMark++;
            flow.dropNext = this.law(flow.dropNext, flow.count);
            break;
          }
          this.drop(p as Queued, 'QDISC_CONGESTED');
          p = this.pop(flow);
          if (this.shouldDrop(flow, p, now)) flow.dropNext = this.law(flow.dropNext, flow.count);
          else flow.dropping = false;
        }
      }
    } else if (drop) {
      if (this.ecn && setCe(p)) this.ecnMark++;
      else {
        this.drop(p, 'QDISC_CONGESTED');
        p = this.pop(flow);
        this.shouldDrop(flow, p, now);
      }
      flow.dropping = true;
      const delta = flow.count - flow.lastCount;
      flow.count = delta > 1 && now - flow.dropNext < 16 * this.interval * US ? delta : 1;
      flow.lastCount = flow.count;
      flow.dropNext = this.law(now, flow.count);
    }
    if (p && this.ceThreshold !== null && now - p.at > this.ceThreshold * US && setCe(p)) this.ceMark++;
    return p;
  }

  override reset(): void {
    super.reset();
    this.flows.clear();
    this.newFlows = [];
    this.oldFlows = [];
  }
}
