/** Statements as functions over packets. Models the eval functions of net/netfilter/nft_*.c */

import { devQueueXmit } from '../../dev/core.ts';
import type { NetDevice } from '../../dev/device.ts';
import { icmpSend } from '../../ip/icmp.ts';
import { icmp6Send } from '../../ip/icmp6.ts';
import type { Netns } from '../../netns.ts';
import type { Skb } from '../../skb.ts';
import { LOG } from '../xt/ext/LOG.ts';
import { Bucket } from '../xt/ext/limit.ts';
import { REJECT } from '../xt/ext/REJECT.ts';
import { TEE } from '../xt/ext/TEE.ts';
import type { XtPacket } from '../xt/packet.ts';
import type { Value } from './datatype.ts';
import type { Expr } from './expr.ts';
import { resetExt, setExt } from './exthdr.ts';
import { type NftPacket, PF } from './frame.ts';
import { type CompileCx, compileFind, compileLoad, type Load, loadParts } from './load.ts';
import { setPayload } from './mangle.ts';
import { compileMatch } from './match.ts';
import { compileNat, compileTproxy } from './nat.ts';
import { DYNAMIC_SIZE, type SetElem } from './set.ts';
import type { AssignStmt, ConnlimitStmt, DupStmt, LimitStmt, LogStmt, ObjrefStmt, QuotaStmt, RejectStmt, SetStmt, Stmt } from './stmt.ts';

/** What a statement does with a packet: `next` statement, `break` off this rule, or a verdict. */
export type Step =
  | 'next'
  | 'break'
  | 'accept'
  | 'drop'
  | 'return'
  | 'continue'
  | 'stolen'
  | { readonly jump: string; readonly goto: boolean };

export type Run = (p: XtPacket) => Step;

const NEXT: Run = () => 'next';

/** Named objects by kind and name, as a rule meets them. */
export type ObjectLookup = (kind: ObjrefStmt['kind'], name: string) => { readonly run: Run } | null;

export interface RunCx extends CompileCx {
  readonly objects: ObjectLookup;
}

const SECONDS = { second: 1, minute: 60, hour: 3600, day: 86400, week: 604800 } as const;

/** A token bucket of packets (burst besides the rate's one) or bytes. */
function compileLimit(s: LimitStmt, cx: CompileCx): Run {
  const { sim } = cx.ns.kernel;
  const span = SECONDS[s.unit] * 1e6;
  if (!s.bytes) {
    const bucket = new Bucket((10000 * SECONDS[s.unit]) / s.rate, Math.max(1, s.burst), sim.now);
    const { over } = s;
    return () => (bucket.take(sim.now) !== over ? 'next' : 'break');
  }
  // nft_limit_bytes: tokens are time, a packet costs its share of the rate.
  const cap = span * ((s.rate + s.burst) / s.rate);
  let tokens = cap;
  let last = sim.now;
  return (p) => {
    tokens = Math.min(cap, tokens + sim.now - last);
    last = sim.now;
    const cost = (span * p.len) / s.rate;
    if (tokens < cost) return s.over ? 'next' : 'break';
    tokens -= cost;
    return s.over ? 'break' : 'next';
  };
}

function compileQuota(s: QuotaStmt): Run {
  return (p) => {
    s.used += p.len;
    return s.used >= s.bytes === s.over ? 'next' : 'break';
  };
}

function compileConnlimit(s: ConnlimitStmt, cx: CompileCx): Run {
  const seen = new Set<number>();
  const alive = (): number => {
    for (const id of seen) if (!cx.ns.ct.list().some((ct) => ct.id === id)) seen.delete(id);
    return seen.size;
  };
  return (p) => {
    const { ct } = p.skb;
    if (!ct) return 'break';
    const others = alive();
    const count = seen.has(ct.id) ? others : others + 1;
    seen.add(ct.id);
    return count > s.count === s.over ? 'next' : 'break';
  };
}

function compileLog(s: LogStmt, cx: CompileCx): Run {
  if (s.group !== null) return NEXT;
  const f = s.flags;
  const opt = {
    level: s.level ?? 4,
    prefix: s.prefix ?? '',
    seq: (f & 1) !== 0,
    tcpOptions: (f & 2) !== 0,
    ipOptions: (f & 4) !== 0,
    uid: (f & 8) !== 0,
    macdecode: (f & 32) !== 0,
  };
  const run = LOG.run(opt, cx.ns);
  return (p) => {
    run(p);
    return 'next';
  };
}

/** icmpx codes: no route, port, host, admin. */
const X4 = [0, 3, 1, 13];
const X6 = [0, 4, 3, 1];

function compileReject(s: RejectStmt, cx: CompileCx): Run {
  if (s.kind === 'tcp') {
    const run = REJECT.run({ name: 'tcp-reset', code: -1 }, cx.ns);
    return (p) => {
      if (p.proto === 6) run(p);
      return 'drop';
    };
  }
  return (p) => {
    if (p.frag !== 0) return 'drop';
    const four = p.family === 4;
    const code = s.kind === 'icmpx' ? ((four ? X4 : X6)[s.code] ?? 3) : s.code;
    if (four) icmpSend(p.skb, 3, code);
    else icmp6Send(p.skb, 1, code);
    return 'drop';
  };
}

function compileAssign(s: AssignStmt, cx: CompileCx): Run {
  const load = compileLoad(s.value, cx);
  const { target } = s;
  const each = (set: (p: XtPacket, v: Value) => void): Run => {
    return (p) => {
      const v = load(p);
      if (v === null) return 'break';
      set(p, v);
      return 'next';
    };
  };
  if (target.k === 'payload') return each(setPayload(target));
  if (target.k === 'ext') {
    const set = setExt(target);
    return (p) => {
      const v = load(p);
      return v !== null && set(p, Number(v)) ? 'next' : 'break';
    };
  }
  if (target.k === 'meta') {
    if (target.key === 'mark')
      return each((p, v) => {
        p.skb.mark = Number(v) >>> 0;
      });
    if (target.key === 'priority')
      return each((p, v) => {
        p.skb.priority = Number(v) >>> 0;
      });
    if (target.key === 'nftrace')
      return each((p, v) => {
        p.skb.nfTrace = Number(v) !== 0;
      });
    if (target.key === 'pkttype')
      return each((p, v) => {
        p.skb.type = (['host', 'broadcast', 'multicast', 'otherhost'] as const)[Number(v)] ?? 'host';
      });
    return each(() => {});
  }
  if (target.key === 'mark')
    return each((p, v) => {
      const { ct } = p.skb;
      const mark = Number(v) >>> 0;
      if (!ct || ct.mark === mark) return;
      ct.mark = mark;
      ct.pending = true;
    });
  if (target.key === 'zone') return each((p, v) => cx.ns.ct.setZone(p.skb, Number(v)));
  if (target.key === 'label')
    return each((p, v) => {
      if (p.skb.ct) p.skb.ct.labels |= BigInt(v);
    });
  return each(() => {});
}

/** Statements that an element carries; false when one of them says no. */
export function runElem(el: SetElem, p: XtPacket, cx: CompileCx): boolean {
  if (el.stmts.length === 0) return true;
  el.run ??= el.stmts.map((s) => compileStateful(s, cx));
  for (const run of el.run as Run[]) if (run(p) === 'break') return false;
  return true;
}

/** A copy of a statement with counters of its own. */
function freshStmt(s: Stmt): Stmt {
  return { ...s };
}

function constantOf(e: Expr, v: Value): Expr {
  return { k: 'value', v, type: e.type, bits: e.bits || e.type.bits };
}

function compileSetop(s: SetStmt, cx: CompileCx): Run {
  const set = cx.setOf(s.set);
  const { sim } = cx.ns.kernel;
  const loads: Load[] = loadParts(s.key, cx);
  const data = s.data ? compileLoad(s.data, cx) : null;
  const { key } = s;
  return (p) => {
    const now = sim.now;
    const values: Value[] = [];
    for (const load of loads) {
      const v = load(p);
      if (v === null) return 'break';
      values.push(v);
    }
    const found = loads.length === 1 ? set.find(values[0] as Value, now) : set.findParts(values, now);
    if (s.op === 'delete') {
      if (!found) return 'break';
      set.remove(found);
      return 'next';
    }
    const timeout = s.timeout ?? set.spec.timeout;
    if (found) {
      if (s.op === 'update' && found.expires !== null) found.expires = now + (timeout ?? found.timeout ?? 0) * 1000;
      return runElem(found, p, cx) ? 'next' : 'break';
    }
    set.sweep(now);
    const max = set.spec.size ?? DYNAMIC_SIZE;
    if (set.elems.length >= max) return 'break';
    const exprKey: Expr =
      key.k === 'concat'
        ? { ...key, items: key.items.map((i, n) => constantOf(i, values[n] as Value)) }
        : constantOf(key, values[0] as Value);
    const dataValue = data && s.data ? data(p) : null;
    const stmts = (s.stmts.length > 0 ? s.stmts : set.spec.stmts).map(freshStmt);
    const own = set.spec.flags.includes('timeout') || timeout !== null ? timeout : null;
    const el: SetElem = {
      elem: {
        key: exprKey,
        data: dataValue !== null && s.data ? constantOf(s.data, dataValue) : null,
        comment: null,
        timeout: s.timeout !== null && s.timeout !== set.spec.timeout ? s.timeout : null,
        expires: null,
        stmts,
      },
      spans: values.map((v) => ({ low: v, high: v })),
      timeout: own,
      expires: own === null || own === 0 ? null : now + own * 1000,
      stmts,
      run: null,
    };
    set.append(el);
    return runElem(el, p, cx) ? 'next' : 'break';
  };
}

/** How often chains at the egress hook send a packet once more. */
const NF_RECURSION_LIMIT = 2;
const nests = new WeakMap<Skb, number>();

/** The packet or its copy goes out by a device; a packet that egress chains send in a circle is gone. Models nf_do_netdev_egress() */
function sendAgain(p: XtPacket, skb: Skb, out: NetDevice, ns: Netns): void {
  const nest = p.in === null ? (nests.get(p.skb) ?? 0) : 0;
  if (nest > NF_RECURSION_LIMIT) return;
  nests.set(skb, nest + 1);
  ns.kernel.sim.schedule(0, () => {
    skb.dev = out;
    devQueueXmit(skb);
  });
}

/** To a gateway at the IP hooks (nft_dup_ipv4.c), to a device below them (nft_dup_netdev.c). */
function compileDup(s: DupStmt, cx: CompileCx): Run {
  const { ns } = cx;
  const addr = s.addr ? compileLoad(s.addr, cx) : null;
  const dev = s.dev ? compileLoad(s.dev, cx) : null;
  return (p) => {
    const to = addr?.(p) ?? null;
    const index = dev ? Number(dev(p) ?? 0) : 0;
    const out = ns.deviceByIndex((p as NftPacket).pf === PF.netdev ? Number(to ?? index) : index) ?? null;
    if ((p as NftPacket).pf === PF.netdev) {
      if (!out) return 'next';
      sendAgain(p, p.skb.clone(), out, ns);
      return 'next';
    }
    if (to === null || typeof to === 'string') return 'break';
    TEE.run({ gateway: p.family === 6 ? BigInt(to) : Number(to), oif: out?.name ?? '' }, ns)(p);
    return 'next';
  };
}

function verdictStep(e: Expr): Step {
  if (e.k !== 'verdict') return 'break';
  if (e.verdict === 'jump' || e.verdict === 'goto') {
    return {
      goto: e.verdict === 'goto',
      // The chain may be renamed.
      get jump(): string {
        return e.chain ?? '';
      },
    };
  }
  if (e.verdict === 'queue') return 'drop';
  return e.verdict;
}

function compileVerdict(e: Expr, cx: CompileCx): Run {
  if (e.k !== 'map') {
    const step = verdictStep(e);
    return () => step;
  }
  const find = compileFind(e.key, cx.setOf(e.table), cx);
  const steps = new WeakMap<SetElem, Step>();
  return (p) => {
    const el = find(p);
    if (!el?.elem.data) return 'break';
    if (!runElem(el, p, cx)) return 'break';
    let step = steps.get(el);
    if (step === undefined) {
      step = verdictStep(el.elem.data);
      steps.set(el, step);
    }
    return step;
  };
}

function compileObjref(s: ObjrefStmt, cx: RunCx): Run {
  const { expr } = s;
  if (expr.k === 'value') {
    const name = String(expr.v);
    return (p) => cx.objects(s.kind, name)?.run(p) ?? 'break';
  }
  if (expr.k !== 'map') return NEXT;
  const find = compileFind(expr.key, cx.setOf(expr.table), cx);
  return (p) => {
    const data = find(p)?.elem.data;
    if (data?.k !== 'value') return 'break';
    return cx.objects(s.kind, String(data.v))?.run(p) ?? 'break';
  };
}

/** Statements that may stand in sets and objects. */
export function compileStateful(s: Stmt, cx: CompileCx): Run {
  switch (s.s) {
    case 'counter':
      return (p) => {
        s.packets++;
        s.bytes += p.len;
        return 'next';
      };
    case 'limit':
      return compileLimit(s, cx);
    case 'quota':
      return compileQuota(s);
    case 'connlimit':
      return compileConnlimit(s, cx);
    case 'last':
      return () => {
        s.at = cx.ns.kernel.sim.now;
        return 'next';
      };
    default:
      return NEXT;
  }
}

export function compileStmt(s: Stmt, cx: RunCx): Run {
  switch (s.s) {
    case 'match':
      return compileMatch(s, cx);
    case 'verdict':
      return compileVerdict(s.expr, cx);
    case 'log':
      return compileLog(s, cx);
    case 'reject':
      return compileReject(s, cx);
    case 'nat':
      return compileNat(s, cx);
    case 'tproxy':
      return compileTproxy(s, cx);
    case 'queue':
      // Nobody reads the queue: without bypass packets are lost.
      return s.flags.includes('bypass') ? () => 'accept' : () => 'drop';
    case 'notrack':
      return (p) => {
        if (!p.skb.ct) p.skb.untracked = true;
        return 'next';
      };
    case 'assign':
      return compileAssign(s, cx);
    case 'resetopt': {
      const reset = resetExt(s.target);
      return (p) => (reset(p) ? 'next' : 'break');
    }
    case 'setop':
      return compileSetop(s, cx);
    case 'objref':
      return compileObjref(s, cx);
    case 'dup':
      return compileDup(s, cx);
    case 'fwd': {
      const dev = compileLoad(s.dev, cx);
      return (p) => {
        const out = cx.ns.deviceByIndex(Number(dev(p) ?? 0));
        if (!out) return 'drop';
        sendAgain(p, p.skb, out, cx.ns);
        return 'stolen';
      };
    }
    default:
      return compileStateful(s, cx);
  }
}
