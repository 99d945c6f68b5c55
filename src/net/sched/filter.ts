/** Filters of a queueing discipline: u32 and matchall, with the actions gact and mirred. Models net/sched/cls_api.c, cls_u32.c, cls_matchall.c, act_gact.c, act_mirred.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import { u32 } from '../../wire/bytes.ts';
import type { Skb } from '../skb.ts';
import type { ActionSpec, FilterOptions, U32Key, Verdict } from './options.ts';
import type { Qdisc } from './qdisc.ts';

const ETH_P_ALL = 3;
const FIRST_NODE = 0x800;

export interface Action {
  readonly spec: ActionSpec;
  readonly index: number;
  bytes: number;
  packets: number;
  drops: number;
  overlimits: number;
}

export interface FilterNode {
  /** u32: `800::800`; matchall: 1. */
  readonly handle: number;
  /** Hash table of a u32 node. */
  readonly table: number;
  readonly classid: number | null;
  readonly keys: readonly U32Key[];
  readonly actions: readonly Action[];
  readonly terminal: boolean;
  tried: number;
  hits: number;
}

/** The filters of one priority. */
export interface Proto {
  readonly kind: 'u32' | 'matchall';
  readonly prio: number;
  readonly protocol: number;
  /** Hash table of u32. */
  readonly table: number;
  readonly nodes: FilterNode[];
}

export interface Found {
  readonly verdict: 'class' | 'drop' | 'stolen' | 'pass';
  readonly classid: number;
}

export interface FilterRequest {
  readonly parent: number;
  readonly kind: string;
  readonly prio: number;
  readonly protocol: number;
  readonly handle: number;
  readonly exclusive: boolean;
  readonly create: boolean;
  readonly options: FilterOptions | null;
}

export class FilterBlock {
  readonly protos: Proto[] = [];
  /** Under which parent filters were added last, which is how listings name it. */
  classid = 0;
  private readonly owner: Qdisc;
  /** Of packets that come in. */
  private readonly incoming: boolean;

  constructor(owner: Qdisc, incoming = false) {
    this.owner = owner;
    this.incoming = incoming;
  }

  sendsTo(classid: number): boolean {
    return this.protos.some((t) => t.nodes.some((n) => n.classid === classid));
  }

  // ---- changes ----

  /** Models tc_new_tfilter() */
  add(r: FilterRequest): Result {
    let { prio } = r;
    const allocate = prio === 0;
    if (allocate) {
      if (!r.create) return fail('ENOENT', 'Invalid filter command with priority of zero');
      const next = this.protos.find((t) => t.prio >= 0x8000);
      prio = next ? next.prio - 1 : 0xc000;
    }
    let tp = this.protos.find((t) => t.prio === prio);
    if (tp && r.protocol !== 0 && tp.protocol !== r.protocol) return fail('EINVAL', 'Filter with specified priority/protocol not found');
    let fresh = false;
    if (!tp) {
      if (r.kind === '' || r.protocol === 0) return fail('EINVAL', 'Filter kind and protocol must be specified');
      if (!r.create) return fail('ENOENT', 'Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter');
      if (r.kind !== 'u32' && r.kind !== 'matchall') return fail('ENOENT', 'TC classifier not found');
      tp = { kind: r.kind, prio, protocol: r.protocol, table: r.kind === 'u32' ? this.freeTable() : 0, nodes: [] };
      fresh = true;
    } else if (r.kind !== '' && r.kind !== tp.kind) return fail('EINVAL', 'Specified filter kind does not match existing one');
    const old = r.handle === 0 ? undefined : tp.nodes.find((n) => n.handle === r.handle);
    if (old && r.exclusive) return fail('EEXIST', 'Filter already exists');
    if (r.handle !== 0 && !old && !r.create) return fail('ENOENT', 'Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter');
    const node = this.node(tp, r, old);
    if (!node.ok) return node;
    if (fresh) {
      const at = this.protos.findIndex((t) => t.prio > prio);
      this.protos.splice(at < 0 ? this.protos.length : at, 0, tp);
    }
    if (old) tp.nodes[tp.nodes.indexOf(old)] = node.value;
    else tp.nodes.push(node.value);
    tp.nodes.sort((a, b) => a.handle - b.handle);
    this.classid = r.parent;
    return ok();
  }

  private node(tp: Proto, r: FilterRequest, old: FilterNode | undefined): Result<FilterNode> {
    const o = r.options;
    if (o === null && !old) return tp.kind === 'u32' ? fail('EINVAL', "Cannot use 'options' of NULL") : fail('EINVAL');
    const keys = o?.keys ?? old?.keys ?? null;
    if (tp.kind === 'u32' && keys === null) return fail('EINVAL', 'Selector not specified');
    if (tp.kind === 'matchall' && !old && tp.nodes.length > 0) return fail('EEXIST');
    const kernel = this.owner.dev.ns.kernel;
    const actions: Action[] = [];
    for (const spec of o?.actions ?? []) {
      if (spec.kind === 'mirred' && !this.owner.dev.ns.devices.get(spec.ifindex)) return fail('ENODEV');
      actions.push({
        spec,
        index: spec.index || kernel.sim.serial(`tc/${kernel.hostname}/${spec.kind}`),
        bytes: 0,
        packets: 0,
        drops: 0,
        overlimits: 0,
      });
    }
    let { handle } = r;
    if (handle === 0 || (handle & 0xfff) === 0) {
      if (tp.kind === 'u32') {
        let id = FIRST_NODE;
        while (tp.nodes.some((n) => (n.handle & 0xfff) === id)) id++;
        handle = tp.table * 0x100000 + id;
      } else handle = 1;
    } else if (tp.kind === 'u32' && handle < 0x100000) handle += tp.table * 0x100000;
    return ok({
      handle,
      table: tp.table,
      classid: o?.classid ?? null,
      keys: keys ?? [],
      actions,
      terminal: o?.terminal ?? false,
      tried: 0,
      hits: 0,
    });
  }

  private freeTable(): number {
    let id = FIRST_NODE;
    while (this.protos.some((t) => t.table === id)) id++;
    return id;
  }

  /** Models tc_del_tfilter() */
  delete(r: FilterRequest): Result {
    if (r.prio === 0) {
      if (r.protocol !== 0 || r.handle !== 0 || r.kind !== '')
        return fail('ENOENT', 'Cannot flush filters with protocol, handle or kind set');
      this.protos.length = 0;
      return ok();
    }
    const tp = this.protos.find((t) => t.prio === r.prio && (r.protocol === 0 || t.protocol === r.protocol));
    if (!tp) return fail('ENOENT', 'Filter with specified priority/protocol not found');
    if (r.kind !== '' && r.kind !== tp.kind) return fail('EINVAL', 'Specified filter kind does not match existing one');
    if (r.handle === 0) {
      this.protos.splice(this.protos.indexOf(tp), 1);
      return ok();
    }
    const at = tp.nodes.findIndex((n) => n.handle === r.handle);
    if (at < 0) return fail('ENOENT', 'Specified filter handle not found');
    tp.nodes.splice(at, 1);
    if (tp.nodes.length === 0 && tp.kind === 'matchall') this.protos.splice(this.protos.indexOf(tp), 1);
    return ok();
  }

  // ---- packets ----

  /** Null when no filter takes the packet. Models tcf_classify() */
  classify(skb: Skb): Found | null {
    for (const tp of this.protos) {
      if (tp.protocol !== skb.proto && tp.protocol !== ETH_P_ALL) continue;
      for (const n of tp.nodes) {
        n.tried++;
        if (!n.keys.every((k) => keyMatches(skb, k))) continue;
        if (!n.terminal && n.classid === null && n.actions.length === 0 && tp.kind === 'u32') continue;
        n.hits++;
        const verdict = this.act(n, skb);
        if (verdict === 'continue') continue;
        if (verdict === 'drop' || verdict === 'trap') return { verdict: 'drop', classid: 0 };
        if (verdict === 'stolen') return { verdict: 'stolen', classid: 0 };
        return { verdict: n.classid === null ? 'pass' : 'class', classid: n.classid ?? 0 };
      }
    }
    return null;
  }

  private act(n: FilterNode, skb: Skb): Verdict {
    for (const a of n.actions) {
      a.packets++;
      a.bytes += skb.data.length + this.owner.dev.hardHeaderLen;
      const verdict = this.owner.sched.perform(a, skb, this.incoming);
      if (verdict === 'drop') a.drops++;
      if (verdict !== 'pipe') return verdict;
    }
    return 'pass';
  }
}

function keyMatches(skb: Skb, k: U32Key): boolean {
  const b = skb.data;
  if (k.mask === 0) return true;
  const at = k.off;
  if (at < 0 || at + 4 > b.length) {
    if (at < 0 || at >= b.length) return false;
    // The last bytes of a packet whose length is no multiple of four.
    const tail = new Uint8Array(4);
    tail.set(b.subarray(at));
    return ((u32(tail, 0) ^ k.val) & k.mask) === 0;
  }
  return ((u32(b, at) ^ k.val) & k.mask) === 0;
}
