/** What rtnetlink does for tc: qdiscs, classes, filters made, changed, deleted, listed. Models net/sched/sch_api.c and cls_api.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { schedStack } from '../dev/core.ts';
import type { NetDevice } from '../dev/device.ts';
import type { Kernel } from '../kernel.ts';
import type { Netns } from '../netns.ts';
import { Fifo, Noqueue, PfifoFast } from './fifo.ts';
import type { FilterBlock, FilterRequest } from './filter.ts';
import { FqCodel } from './fqcodel.ts';
import { Htb, type HtbClass } from './htb.ts';
import { Netem } from './netem.ts';
import type { HtbClassOptions, QdiscOptions } from './options.ts';
import { Prio } from './prio.ts';
import { major, minor, type Qdisc, TC_H_INGRESS, TC_H_ROOT } from './qdisc.ts';
import { Ingress, Sched } from './sched.ts';
import { Tbf } from './tbf.ts';

export interface Flags {
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly replace: boolean;
}

export interface QdiscRequest {
  /** 0: none named. */
  readonly ifindex: number;
  readonly parent: number;
  readonly handle: number;
  readonly kind: string;
  readonly options: QdiscOptions | null;
}

const autoHandles = new WeakMap<Kernel, number>();

function newHandle(s: Sched): number {
  const { kernel } = s.dev.ns;
  let h = autoHandles.get(kernel) ?? 0x80000000;
  do {
    h += 0x10000;
    if (h >= 0xffff0000) h = 0x80010000;
  } while (s.lookup(h) !== null);
  autoHandles.set(kernel, h);
  return h;
}

function schedOf(dev: NetDevice): Sched {
  dev.sched ??= new Sched(dev, schedStack);
  return dev.sched;
}

function make(s: Sched, kind: string): Qdisc | null {
  switch (kind) {
    case 'pfifo':
    case 'bfifo':
    case 'pfifo_head_drop':
      return new Fifo(s, kind);
    case 'pfifo_fast':
      return new PfifoFast(s);
    case 'noqueue':
      return new Noqueue(s);
    case 'tbf':
      return new Tbf(s);
    case 'netem':
      return new Netem(s);
    case 'prio':
      return new Prio(s);
    case 'fq_codel':
      return new FqCodel(s);
    case 'htb':
      return new Htb(s);
    case 'ingress':
    case 'clsact':
      return new Ingress(s, kind);
    default:
      return null;
  }
}

/** The qdisc of a class, or the class's absence as a fault. */
function leafOf(p: Qdisc, id: number): Qdisc | null {
  return p.classful && p.hasClass(id) ? p.leaf(id) : null;
}

/** Models tc_modify_qdisc() */
export function modifyQdisc(ns: Netns, r: QdiscRequest, flags: Flags): Result {
  const dev = ns.devices.get(r.ifindex);
  if (!dev) return fail('ENODEV');
  const s = schedOf(dev);
  const { parent, handle } = r;
  let p: Qdisc | null = null;
  let q: Qdisc | null;
  if (parent !== 0) {
    if (parent === TC_H_ROOT) q = s.root;
    else if (parent === TC_H_INGRESS) {
      s.hadIngress = true;
      q = s.ingress;
    } else {
      p = s.lookup(major(parent));
      if (p === null) return fail('ENOENT', 'Failed to find specified qdisc');
      q = leafOf(p, parent);
    }
    if (q?.handle === 0) q = null;
    if (q === null || handle === 0 || q.handle !== handle) {
      if (handle !== 0) {
        if (q !== null && !flags.replace) return fail('EEXIST', 'NLM_F_REPLACE needed to override');
        if (minor(handle) !== 0) return fail('EINVAL', 'Invalid minor handle');
        q = s.lookup(handle);
        if (q === null) return createAndGraft(s, p, r, flags);
        if (flags.exclusive) return fail('EEXIST', 'Exclusivity flag on, cannot override');
        if (r.kind !== '' && r.kind !== q.kind) return fail('EINVAL', 'Invalid qdisc name: must match existing qdisc');
        if (q instanceof Ingress) return fail('EINVAL', 'Cannot regraft ingress or clsact Qdiscs');
        return fail('ELOOP', 'Qdisc parent/child loop detected');
      }
      if (q === null) return createAndGraft(s, p, r, flags);
      if (r.kind !== '' && r.kind !== q.kind) {
        const change = !flags.create && !flags.replace && !flags.exclusive;
        if (flags.create || change) return createAndGraft(s, p, r, { ...flags, create: true });
      }
    }
  } else {
    if (handle === 0) return fail('EINVAL', 'Handle cannot be zero');
    q = s.lookup(handle);
  }
  if (q === null) return fail('ENOENT', 'Specified qdisc not found');
  if (flags.exclusive) return fail('EEXIST', 'Exclusivity flag on, cannot modify');
  if (r.kind !== '' && r.kind !== q.kind) return fail('EINVAL', 'Invalid qdisc name: must match existing qdisc');
  if (r.options === null) return ok();
  if (!q.changeable) return fail('EINVAL', 'Change operation not supported by specified qdisc');
  return q.change(r.options);
}

function createAndGraft(s: Sched, p: Qdisc | null, r: QdiscRequest, flags: Flags): Result {
  if (!flags.create) return fail('ENOENT', 'Qdisc not found. To create specify NLM_F_CREATE flag');
  if (r.kind === 'mq') return fail('EOPNOTSUPP');
  const q = make(s, r.kind);
  if (q === null) return fail('ENOENT', 'Specified qdisc kind is unknown');
  const ingress = q instanceof Ingress;
  // qdisc_create(): a queue on a device that had none needs a length.
  if (s.dev.qdisc === 'noqueue' && s.dev.txqlen === 0) s.dev.txqlen = 1000;
  if (ingress !== (r.parent === TC_H_INGRESS)) return fail('EINVAL');
  if (p !== null) {
    if (!p.classful) return fail('EOPNOTSUPP');
    if (!p.hasClass(r.parent)) return fail('ENOENT', 'Specified class not found');
  }
  if (!ingress) {
    if (minor(r.handle) !== 0) return fail('EINVAL', 'Invalid minor handle');
    q.handle = r.handle === 0 ? newHandle(s) : r.handle;
    q.parent = r.parent;
  }
  if (!ingress) {
    const made = q.kind === 'noqueue' || q.kind === 'pfifo_fast' ? ok() : q.change(r.options);
    if (!made.ok) return made;
  }
  if (q instanceof Ingress) s.ingress = q;
  else if (p === null) setRoot(s, q);
  else {
    const old = p.graft(r.parent, q);
    if (!old.ok) return old;
    if (old.value) discard(s, old.value);
    s.add(q);
  }
  return ok();
}

function setRoot(s: Sched, q: Qdisc | null): void {
  if (s.root) discard(s, s.root);
  s.root = q;
  s.dev.rootQdisc = q?.kind ?? null;
}

function discard(s: Sched, q: Qdisc): void {
  q.reset();
  s.forget(q);
}

/** Models tc_get_qdisc() for RTM_DELQDISC */
export function deleteQdisc(ns: Netns, r: QdiscRequest): Result {
  const dev = ns.devices.get(r.ifindex);
  if (!dev) return fail('ENODEV');
  const s = schedOf(dev);
  let p: Qdisc | null = null;
  let q: Qdisc | null = null;
  // A default qdisc is there, with handle zero.
  let byDefault = false;
  if (r.parent !== 0) {
    if (r.parent === TC_H_ROOT) {
      q = s.root;
      byDefault = q === null;
    } else if (r.parent === TC_H_INGRESS) {
      q = s.ingress;
      byDefault = q === null && s.hadIngress;
    } else {
      p = s.lookup(major(r.parent));
      if (p === null) return fail('ENOENT', 'Failed to find qdisc with specified classid');
      q = leafOf(p, r.parent);
    }
    if (q === null && !byDefault) return fail('ENOENT', 'Cannot find specified qdisc on specified device');
    if (r.handle !== 0 && (q?.handle ?? 0) !== r.handle) return fail('EINVAL', 'Invalid handle');
  } else {
    q = s.lookup(r.handle);
    if (q === null) return fail('ENOENT', 'Failed to find qdisc with specified handle');
  }
  if (r.kind !== '' && r.kind !== (q?.kind ?? s.dev.qdisc)) return fail('EINVAL', 'Invalid qdisc name: must match existing qdisc');
  if (r.parent === 0) return fail('EINVAL', 'Classid cannot be zero');
  if (q === null || q.handle === 0) return fail('ENOENT', 'Cannot delete qdisc with handle of zero');
  if (q instanceof Ingress) s.ingress = null;
  else if (p === null) setRoot(s, null);
  else {
    const old = p.graft(r.parent, null);
    if (!old.ok) return old;
    discard(s, q);
  }
  return ok();
}

export interface QdiscEntry {
  readonly dev: NetDevice;
  readonly qdisc: Qdisc;
  readonly refcnt: number;
}

/** All qdiscs of a device as `tc qdisc show` lists them: the root, those below, the ingress. */
export function listQdiscs(dev: NetDevice, invisible = false): QdiscEntry[] {
  const out: QdiscEntry[] = [];
  const s = dev.sched;
  if (s?.root) {
    out.push({ dev, qdisc: s.root, refcnt: txQueues(dev) + 1 });
    if (invisible) for (const q of hidden(s.root)) out.push({ dev, qdisc: q, refcnt: 1 });
    for (const q of s.below()) out.push({ dev, qdisc: q, refcnt: 1 });
  } else if (dev.qdiscShown() !== 'noop') {
    const q = make(new Sched(dev, schedStack), dev.qdisc);
    if (q) {
      if (q.kind !== 'noqueue') {
        q.bytes = dev.stats.txBytes;
        q.packets = dev.stats.txPackets;
      }
      out.push({ dev, qdisc: q, refcnt: 2 });
    }
  }
  if (s?.ingress) out.push({ dev, qdisc: s.ingress, refcnt: 1 });
  return out;
}

function* hidden(q: Qdisc): Generator<Qdisc> {
  for (const child of q.children()) {
    if (child.invisible) yield child;
    yield* hidden(child);
  }
}

/** A veth pair is made with a queue per processor. */
function txQueues(dev: NetDevice): number {
  return dev.kind === 'veth' ? Math.max(2, dev.numTxQueues) : dev.numTxQueues;
}

// ---- classes ----

export interface ClassRequest {
  readonly ifindex: number;
  readonly parent: number;
  readonly classid: number;
  readonly options: HtbClassOptions | null;
}

/** Where a class request leads. Models the start of tc_ctl_tclass() */
function resolveClass(ns: Netns, r: ClassRequest): Result<{ q: Qdisc; id: number; parent: number }> {
  const dev = ns.devices.get(r.ifindex);
  if (!dev) return fail('ENODEV');
  const s = schedOf(dev);
  let { parent } = r;
  let qid = major(r.classid);
  if (parent !== TC_H_ROOT) {
    const above = major(parent);
    if (qid !== 0 && above !== 0) {
      if (qid !== above) return fail('EINVAL');
    } else if (above !== 0) qid = above;
    else if (qid === 0) qid = s.root?.handle ?? 0;
    if (parent !== 0) parent = qid + minor(parent);
  } else if (qid === 0) qid = s.root?.handle ?? 0;
  const q = s.lookup(qid);
  if (q === null) return fail('ENOENT');
  if (!q.classful) return fail('EINVAL');
  let id = r.classid;
  if (id === 0) {
    if (parent === TC_H_ROOT) id = qid;
  } else id = qid + minor(id);
  return ok({ q, id, parent });
}

/** The kernel's remark, if any. */
export function modifyClass(ns: Netns, r: ClassRequest, flags: Flags): Result<string> {
  const at = resolveClass(ns, r);
  if (!at.ok) return at;
  const { q, id, parent } = at.value;
  const exists = id !== 0 && q.hasClass(id);
  if (!exists && !flags.create) return fail('ENOENT');
  if (exists && flags.exclusive) return fail('EEXIST');
  if (!(q instanceof Htb)) return fail('EOPNOTSUPP');
  return q.changeClass(q.classes.get(id) ?? null, id, parent, r.options);
}

export function deleteClass(ns: Netns, r: ClassRequest): Result {
  const at = resolveClass(ns, r);
  if (!at.ok) return at;
  const { q, id } = at.value;
  if (!q.hasClass(id)) return fail('ENOENT');
  const cl = q instanceof Htb ? q.classes.get(id) : undefined;
  return cl && q instanceof Htb ? q.deleteClass(cl) : fail('EOPNOTSUPP');
}

export interface ClassEntry {
  readonly qdisc: Qdisc;
  readonly id: number;
  readonly parent: number;
  /** Handle of the qdisc below, 0 when it is none of its own. */
  readonly leaf: number;
  readonly htb: HtbClass | null;
  readonly below: Qdisc | null;
}

/** Models tc_dump_tclass() */
export function listClasses(dev: NetDevice, parent: number): ClassEntry[] {
  const s = dev.sched;
  if (!s?.root) return [];
  let from = [s.root, ...s.below()];
  if (parent !== 0 && parent !== TC_H_ROOT) {
    const q = s.lookup(major(parent));
    from = q ? [q] : [];
  } else if (parent === TC_H_ROOT) from = [s.root];
  const out: ClassEntry[] = [];
  for (const qdisc of from) {
    if (qdisc instanceof Htb) {
      for (const htb of qdisc.classes) {
        const leaf = htb.leaf && !htb.leaf.invisible ? htb.leaf.handle : 0;
        out.push({ qdisc, id: htb.id, parent: htb.parent?.id ?? TC_H_ROOT, leaf, htb, below: htb.leaf });
      }
    } else if (qdisc.classful) {
      const bands = qdisc instanceof Prio ? qdisc.children() : [qdisc.leaf(1)];
      bands.forEach((below, i) => {
        const leaf = below && !below.invisible ? below.handle : 0;
        if (below || qdisc.kind === 'netem') out.push({ qdisc, id: qdisc.handle + i + 1, parent: qdisc.handle, leaf, htb: null, below });
      });
    }
  }
  return out;
}

// ---- filters ----

function blockOf(ns: Netns, ifindex: number, wanted: number): Result<{ block: FilterBlock; parent: number }> {
  const dev = ns.devices.get(ifindex);
  if (!dev) return fail('ENODEV');
  const s = schedOf(dev);
  const parent = wanted === 0 ? (s.root?.handle ?? 0) : wanted;
  const q = wanted === 0 ? s.root : s.lookup(major(parent));
  if (q === null) return fail('EINVAL', "Parent Qdisc doesn't exists");
  if (!q.classful && !(q instanceof Ingress)) return fail('EINVAL', 'Qdisc not classful');
  if (minor(parent) !== 0 && !q.hasClass(parent)) return fail('ENOENT', "Specified class doesn't exist");
  const block = q.filters(parent);
  if (block === null) return fail('EOPNOTSUPP', "Class doesn't support blocks");
  return ok({ block, parent });
}

export function modifyFilter(ns: Netns, ifindex: number, r: FilterRequest): Result {
  const at = blockOf(ns, ifindex, r.parent);
  if (!at.ok) return at;
  return at.value.block.add({ ...r, parent: at.value.parent });
}

export function deleteFilter(ns: Netns, ifindex: number, r: FilterRequest): Result {
  const at = blockOf(ns, ifindex, r.parent);
  if (!at.ok) return at;
  return at.value.block.delete(r);
}

/** The block whose filters `tc filter show` lists, or null. */
export function filterBlock(ns: Netns, ifindex: number, parent: number): FilterBlock | null {
  const at = blockOf(ns, ifindex, parent === TC_H_ROOT ? 0 : parent);
  return at.ok ? at.value.block : null;
}
