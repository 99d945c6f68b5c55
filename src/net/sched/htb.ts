/** Hierarchical token buckets: classes that lend rate to each other. Models net/sched/sch_htb.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { ClassTable } from './classes.ts';
import { Fifo } from './fifo.ts';
import { FilterBlock } from './filter.ts';
import type { HtbClassOptions, QdiscOptions } from './options.ts';
import { major, minor, Qdisc, type Queued, TC_H_ROOT } from './qdisc.ts';
import { Rate, TICK_NS } from './rate.ts';
import type { Sched } from './sched.ts';

const MAX_DEPTH = 8;
const MAX_PRIO = 8;
const MINUTE = 60e9;

type Mode = 'cant' | 'borrow' | 'send';

export class HtbClass {
  readonly id: number;
  readonly parent: HtbClass | null;
  level = 0;
  children = 0;
  prio = 0;
  quantum = 0;
  rate: Rate;
  ceil: Rate;
  /** ns. */
  buffer = 0;
  cbuffer = 0;
  tokens = 0;
  ctokens = 0;
  stamp = 0;
  mode: Mode = 'send';
  leaf: Qdisc | null;
  readonly block: FilterBlock;
  bytes = 0;
  packets = 0;
  drops = 0;
  overlimits = 0;
  lends = 0;
  borrows = 0;
  readonly deficit: number[] = new Array(MAX_DEPTH).fill(0);

  constructor(q: Htb, id: number, parent: HtbClass | null, rate: Rate, ceil: Rate) {
    this.id = id;
    this.parent = parent;
    this.rate = rate;
    this.ceil = ceil;
    this.leaf = q.freshLeaf(id);
    this.block = new FilterBlock(q);
  }

  get bufferTicks(): number {
    return Math.floor(this.buffer / TICK_NS);
  }

  get cbufferTicks(): number {
    return Math.floor(this.cbuffer / TICK_NS);
  }
}

export class Htb extends Qdisc {
  readonly kind = 'htb';
  override readonly changeable = false;
  r2q = 10;
  defcls = 0;
  directQlen: number;
  directPackets = 0;
  readonly classes = new ClassTable<HtbClass>();
  private direct: Queued[] = [];
  private readonly block = new FilterBlock(this);
  /** Whose turn it was last, per level and priority. */
  private readonly turn = new Map<number, number>();

  constructor(sched: Sched) {
    super(sched);
    this.directQlen = sched.dev.txqlen || 2;
  }

  override change(o: QdiscOptions | null): Result {
    if (o?.kind !== 'htb') return fail('EINVAL');
    this.r2q = Math.max(1, o.r2q);
    this.defcls = o.defcls;
    if (o.directQlen !== null) this.directQlen = o.directQlen;
    return ok();
  }

  freshLeaf(id: number): Qdisc {
    const q = new Fifo(this.sched, 'pfifo');
    q.parent = id;
    q.invisible = true;
    return q;
  }

  // ---- classes ----

  /** The kernel's remark, if it has one. Models htb_change_class() */
  changeClass(old: HtbClass | null, id: number, parentId: number, o: HtbClassOptions | null): Result<string> {
    if (o === null || o.rate.rate === 0 || o.ceil.rate === 0) return fail('EINVAL');
    let cl = old;
    if (cl === null) {
      const parent = parentId === TC_H_ROOT ? null : (this.classes.get(parentId) ?? null);
      if (id === 0 || major(id) !== this.handle || minor(id) === 0) return fail('EINVAL');
      if (parent?.parent && parent.parent.level < 2) return fail('EINVAL', 'htb: tree is too deep');
      cl = new HtbClass(this, id, parent, new Rate(o.rate), new Rate(o.ceil));
      if (parent) {
        if (parent.level === 0) this.becomeInner(parent);
        parent.children++;
      }
      cl.buffer = o.buffer * TICK_NS;
      cl.cbuffer = o.cbuffer * TICK_NS;
      cl.tokens = cl.buffer;
      cl.ctokens = cl.cbuffer;
      cl.stamp = this.now;
      this.classes.add(cl);
    }
    cl.rate = new Rate(o.rate);
    cl.ceil = new Rate(o.ceil);
    cl.buffer = o.buffer * TICK_NS;
    cl.cbuffer = o.cbuffer * TICK_NS;
    let warning = '';
    if (cl.level === 0) {
      cl.quantum = o.quantum || Math.floor(o.rate.rate / this.r2q);
      const hex = cl.id.toString(16).toUpperCase();
      if (!o.quantum && cl.quantum < 1000) {
        warning = `sch_htb: quantum of class ${hex} is small. Consider r2q change.`;
        cl.quantum = 1000;
      } else if (!o.quantum && cl.quantum > 200_000) {
        warning = `sch_htb: quantum of class ${hex} is big. Consider r2q change.`;
        cl.quantum = 200_000;
      }
      cl.prio = Math.min(o.prio, MAX_PRIO - 1);
    }
    return ok(warning);
  }

  private becomeInner(cl: HtbClass): void {
    if (cl.leaf) {
      this.account({ len: cl.leaf.backlog } as Queued, -1);
      this.qlen += 1 - cl.leaf.qlen;
      cl.leaf.reset();
      this.sched.forget(cl.leaf);
    }
    cl.leaf = null;
    cl.level = (cl.parent?.level ?? MAX_DEPTH) - 1;
  }

  deleteClass(cl: HtbClass): Result {
    if (cl.children > 0 || this.boundTo(cl.id)) return fail('EBUSY', 'HTB class in use');
    if (cl.leaf) {
      this.qlen -= cl.leaf.qlen;
      this.backlog -= cl.leaf.backlog;
      this.sched.forget(cl.leaf);
    }
    this.classes.delete(cl);
    const { parent } = cl;
    if (parent && --parent.children === 0) {
      parent.level = 0;
      parent.leaf = this.freshLeaf(parent.id);
      parent.tokens = parent.buffer;
      parent.ctokens = parent.cbuffer;
      parent.stamp = this.now;
      parent.mode = 'send';
    }
    return ok();
  }

  /** A filter sends to the class. */
  private boundTo(id: number): boolean {
    if (this.block.sendsTo(id)) return true;
    for (const cl of this.classes) if (cl.block.sendsTo(id)) return true;
    return false;
  }

  // ---- queue ----

  /** 'direct': past all classes; null: gone. Models htb_classify() */
  private classify(p: Queued): HtbClass | 'direct' | null {
    const { priority } = p.skb;
    if (priority === this.handle) return 'direct';
    let block = this.block;
    const wanted = major(priority) === this.handle ? this.classes.get(priority) : undefined;
    if (wanted?.level === 0) return wanted;
    if (wanted) block = wanted.block;
    for (let depth = 0; depth <= MAX_DEPTH; depth++) {
      const found = block.classify(p.skb);
      if (!found) break;
      if (found.verdict === 'stolen') return null;
      if (found.verdict === 'drop') {
        this.drop(p, 'TC_EGRESS');
        return null;
      }
      if (found.classid === this.handle) return 'direct';
      const cl = this.classes.get(found.classid);
      if (!cl) break;
      if (cl.level === 0) return cl;
      block = cl.block;
    }
    const def = this.classes.get(this.handle + this.defcls);
    return def && def.level === 0 ? def : 'direct';
  }

  enqueue(p: Queued): boolean {
    const cl = this.classify(p);
    if (cl === null) return true;
    if (cl === 'direct') {
      if (this.direct.length >= this.directQlen) return this.drop(p);
      this.direct.push(p);
      this.directPackets++;
    } else if (!cl.leaf?.enqueue(p)) {
      this.drops++;
      cl.drops++;
      return false;
    }
    this.account(p, 1);
    return true;
  }

  private modeAt(cl: HtbClass, diff: number): { mode: Mode; wait: number } {
    const c = cl.ctokens + diff;
    if (c < 0) return { mode: 'cant', wait: -c };
    const t = cl.tokens + diff;
    return t >= 0 ? { mode: 'send', wait: 0 } : { mode: 'borrow', wait: -t };
  }

  protected take(): Queued | null {
    const direct = this.direct.shift();
    if (direct) return this.deliver(direct);
    if (this.qlen === 0) return null;
    const now = this.now;
    // Who may send, and on whose account.
    const ready: { cl: HtbClass; lender: HtbClass }[] = [];
    let wait = Number.POSITIVE_INFINITY;
    for (const cl of this.classes) {
      if (cl.level !== 0 || !cl.leaf || cl.leaf.qlen === 0) continue;
      for (let at: HtbClass | null = cl; at !== null; at = at.parent) {
        const m = this.modeAt(at, Math.min(now - at.stamp, MINUTE));
        at.mode = m.mode;
        if (m.mode === 'send') {
          ready.push({ cl, lender: at });
          break;
        }
        wait = Math.min(wait, m.wait);
        if (m.mode === 'cant') break;
      }
    }
    while (ready.length > 0) {
      const chosen = this.choose(ready);
      const p = chosen.cl.leaf?.dequeue();
      if (!p) {
        ready.splice(ready.indexOf(chosen), 1);
        continue;
      }
      const { cl, lender } = chosen;
      cl.bytes += p.len;
      cl.packets += p.segs;
      const left = (cl.deficit[lender.level] as number) - p.len;
      cl.deficit[lender.level] = left < 0 ? left + cl.quantum : left;
      const key = lender.level * MAX_PRIO + cl.prio;
      this.turn.set(key, left < 0 ? cl.id : cl.id - 1);
      this.charge(cl, lender.level, p, now);
      return this.deliver(p);
    }
    if (Number.isFinite(wait)) this.sched.wakeAt(now + wait);
    return null;
  }

  /** Lowest level, then lowest priority, then whose turn it is. */
  private choose(ready: { cl: HtbClass; lender: HtbClass }[]): { cl: HtbClass; lender: HtbClass } {
    let best = ready[0] as { cl: HtbClass; lender: HtbClass };
    for (const r of ready) {
      const d = r.lender.level - best.lender.level || r.cl.prio - best.cl.prio;
      if (d < 0) best = r;
    }
    const same = ready.filter((r) => r.lender.level === best.lender.level && r.cl.prio === best.cl.prio);
    same.sort((a, b) => a.cl.id - b.cl.id);
    const last = this.turn.get(best.lender.level * MAX_PRIO + best.cl.prio) ?? 0;
    return same.find((r) => r.cl.id > last) ?? (same[0] as { cl: HtbClass; lender: HtbClass });
  }

  /** Models htb_charge_class() */
  private charge(from: HtbClass, level: number, p: Queued, now: number): void {
    for (let cl: HtbClass | null = from; cl !== null; cl = cl.parent) {
      const diff = Math.min(now - cl.stamp, MINUTE);
      if (cl.level >= level) {
        if (cl.level === level) cl.lends++;
        cl.tokens = spend(cl.tokens + diff, cl.buffer, cl.rate.ns(p.len));
      } else {
        cl.borrows++;
        cl.tokens += diff;
      }
      cl.ctokens = spend(cl.ctokens + diff, cl.cbuffer, cl.ceil.ns(p.len));
      cl.stamp = now;
      const { mode } = this.modeAt(cl, 0);
      if (mode === 'cant' && cl.mode !== 'cant') {
        cl.overlimits++;
        this.overlimits++;
      }
      cl.mode = mode;
      if (cl.level > 0) {
        cl.bytes += p.len;
        cl.packets += p.segs;
      }
    }
  }

  private deliver(p: Queued): Queued {
    this.account(p, -1);
    this.sent(p);
    return p;
  }

  override reset(): void {
    super.reset();
    this.direct = [];
    for (const cl of this.classes) {
      cl.leaf?.reset();
      cl.mode = 'send';
    }
  }

  override get classful(): boolean {
    return true;
  }

  override hasClass(id: number): boolean {
    return this.classes.get(id) !== undefined;
  }

  override leaf(id: number): Qdisc | null {
    return this.classes.get(id)?.leaf ?? null;
  }

  override graft(id: number, child: Qdisc | null): Result<Qdisc | null> {
    const cl = this.classes.get(id);
    if (!cl) return fail('ENOENT', 'Specified class not found');
    if (cl.level > 0) return fail('EINVAL');
    const old = cl.leaf;
    if (old) {
      this.qlen -= old.qlen;
      this.backlog -= old.backlog;
    }
    cl.leaf = child ?? this.freshLeaf(id);
    return ok(old);
  }

  override filters(id: number): FilterBlock | null {
    return minor(id) === 0 ? this.block : (this.classes.get(id)?.block ?? null);
  }

  override children(): Qdisc[] {
    const out: Qdisc[] = [];
    for (const cl of this.classes) if (cl.leaf) out.push(cl.leaf);
    return out;
  }
}

function spend(tokens: number, buffer: number, cost: number): number {
  const left = Math.min(tokens, buffer) - cost;
  return left <= -MINUTE ? 1 - MINUTE : left;
}
