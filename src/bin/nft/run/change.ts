/** What add, create, insert, replace and their like do to tables, chains, rules, sets and objects. Models nftables/src/evaluate.c (commands) and mnl.c */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { type EvalCx, ProtoContext, type Want } from '../evaluate/context.ts';
import { evaluate, evaluateElems } from '../evaluate/expr.ts';
import { concatKey, hasInterval, intervalExpr } from '../evaluate/sets.ts';
import { evaluateRule } from '../evaluate/stmt.ts';
import { type Loc, NftError, type Token } from '../lexer.ts';
import type { ChainBody, ObjBody, SetBody } from '../parse/block.ts';
import type { ParsedRule } from '../parse/stmt.ts';
import type { Executor } from './executor.ts';

const HOOK_NAMES: Readonly<Record<string, xt.NftHook>> = {
  prerouting: 'PREROUTING',
  input: 'INPUT',
  forward: 'FORWARD',
  output: 'OUTPUT',
  postrouting: 'POSTROUTING',
  ingress: 'INGRESS',
  egress: 'EGRESS',
};

export function addTable(
  ex: Executor,
  family: xt.NftFamily,
  name: Token,
  create: boolean,
  more: { comment?: string | null; dormant?: boolean } = {},
): xt.NftTable {
  if (create && ex.nft.get(family, name.text)) ex.refuse('EEXIST', name);
  return ex.nft.addTable(family, name.text, more);
}

export function addChain(ex: Executor, table: xt.NftTable, name: Token, body: ChainBody | null, create: boolean, whole: Loc): xt.NftChain {
  if (create && table.chains.has(name.text)) ex.refuse('EEXIST', name);
  let base: xt.BaseChain | null = null;
  if (body?.base) {
    const b = body.base;
    const hook = HOOK_NAMES[b.hook] as xt.NftHook;
    const { family } = table;
    if (b.type !== 'filter' && (family === 'netdev' || family === 'bridge' || family === 'arp')) ex.refuse('ENOENT', b.typeToken);
    base = { type: b.type as xt.ChainType, hook, priority: b.priority, policy: body.policy, devices: [...new Set(b.devices)].sort() };
  }
  const known = table.chains.get(name.text)?.base;
  const asked = !base && body?.policy && known ? { ...known, policy: body.policy } : base;
  const r = ex.nft.addChain(table, name.text, asked, body?.comment ?? null);
  if (!r.ok) return ex.refuse(r.errno, r.errno === 'EEXIST' ? name : { ...name, ...whole });
  if (!base && body?.policy && !r.value.base) ex.refuse('EOPNOTSUPP', { ...name, ...(body.policyLoc ?? whole) });
  return r.value;
}

/** Where the refused part of a rule stands. */
function placeOf(rule: ParsedRule, family: xt.NftFamily, at: Loc & { source?: Token['source'] }, refusal: xt.NftRefusal | undefined): Loc {
  if (!refusal) return at;
  const s = rule.stmts[refusal.index];
  const statement = rule.locs[refusal.index];
  if (refusal.about === 'chain' && statement && s?.s === 'verdict' && s.expr.k === 'verdict') {
    const length = s.expr.chain?.length ?? 0;
    return { ...at, line: statement.line, from: statement.to - length, to: statement.to };
  }
  if (refusal.about === 'statement' && s?.s === 'match' && s.left.loc) {
    // Keys that the kernel does not have are refused as such, a wrong hook is the rule's fault.
    const key = s.left.k === 'meta' && (s.left.key.startsWith('ibr') || s.left.key.startsWith('obr'));
    const socket = s.left.k === 'socket' && (family === 'bridge' || family === 'arp' || family === 'netdev');
    return refusal.errno !== 'EOPNOTSUPP' || key || socket ? { ...at, ...s.left.loc } : at;
  }
  if (refusal.about === 'statement' && statement && s && ['assign', 'connlimit'].includes(s.s)) return { ...at, ...statement };
  if (refusal.about === 'statement' && statement && s && ['reject', 'queue', 'synproxy'].includes(s.s))
    return { ...at, ...statement, to: statement.from + s.s.length };
  if (refusal.about === 'statement' && s?.s === 'verdict' && s.expr.k === 'map' && s.expr.key.loc) return { ...at, ...s.expr.key.loc };
  if (refusal.about === 'statement' && s?.s === 'objref' && s.expr.loc) return { ...at, ...s.expr.loc };
  return at;
}

/** Handles of dependencies shift indexes: refusals count the rule's own statements from the end. */
export function addRule(
  ex: Executor,
  table: xt.NftTable,
  chain: xt.NftChain,
  rule: ParsedRule,
  at: number | undefined,
  whole: Loc & { source?: Token['source'] },
  replaced: xt.NftRule | null = null,
): xt.NftRule {
  const done = evaluateRule(rule, ex.scope(table));
  const r = replaced
    ? ex.nft.replaceRule(table, chain, replaced, done.stmts, done.comment)
    : ex.nft.addRule(table, chain, done.stmts, done.comment, at);
  if (!r.ok) {
    const refusal = (r as { refusal?: xt.NftRefusal }).refusal;
    const own = refusal ? { ...refusal, index: rule.stmts.findIndex((s) => sameKind(s, done.stmts[refusal.index] as xt.Stmt)) } : undefined;
    const at = { ...whole, ...placeOf(rule, table.family, whole, own), ...(whole.source ? { source: whole.source } : {}) };
    if (r.errno === 'ENOENT') ex.refuseNear(at, table.family, table.name, chain.name);
    return ex.refuse(r.errno, at);
  }
  return r.value;
}

function sameKind(a: xt.Stmt, b: xt.Stmt): boolean {
  if (a.s !== b.s) return false;
  if (a.s === 'verdict' && b.s === 'verdict') return a.expr.k === b.expr.k;
  if (a.s === 'match' && b.s === 'match')
    return a.left.k === b.left.k && (a.left.k !== 'meta' || (b.left.k === 'meta' && a.left.key === b.left.key));
  return true;
}

function evalCx(ex: Executor, table: xt.NftTable): EvalCx {
  return { scope: ex.scope(table), ctx: new ProtoContext(table.family), out: [], front: [], seen: { th: null } };
}

/** A typeof expression: its type, without the matches that it would bring. */
function typeOf(ex: Executor, table: xt.NftTable, e: xt.Expr): { expr: xt.Expr; type: xt.DataType } {
  const parts = e.k === 'concat' ? e.items : [e];
  const typed = parts.map((p) => {
    const cx = evalCx(ex, table);
    if (p.k === 'payload' || p.k === 'ext') return p;
    return evaluate(cx, p, { type: nft.TYPES.integer, bits: 32 });
  });
  if (typed.length === 1) {
    const [only] = typed as [xt.Expr];
    return { expr: only, type: nft.sized(only.type, only.bits || only.type.bits) };
  }
  const type = nft.concatType(typed.map((t) => nft.sized(t.type, t.bits || t.type.bits)));
  return { expr: { ...(e as xt.ConcatExpr), items: typed, type, bits: type.bits }, type };
}

function listType(types: readonly xt.DataType[]): xt.DataType {
  return types.length === 1 ? (types[0] as xt.DataType) : nft.concatType(types);
}

export function addSet(ex: Executor, table: xt.NftTable, name: Token, body: SetBody, map: boolean, create: boolean, whole: Loc): xt.NftSet {
  if (!body.type && !body.typeofKey) throw new NftError('set definition does not specify key', { ...name, ...body.loc });
  const key = body.typeofKey ? typeOf(ex, table, body.typeofKey) : null;
  const keyType = key ? key.type : listType(body.type as readonly xt.DataType[]);
  if (keyType.bits === 0 && keyType.name !== 'string')
    throw new NftError(
      `unqualified type ${keyType.name} specified in ${map ? 'map' : 'set'} definition. Try "typeof expression" instead of "type datatype".`,
      name,
    );
  let dataType: xt.DataType | null = null;
  let typeofData: xt.Expr | null = null;
  if (map) {
    if (body.verdict) dataType = nft.TYPES.verdict;
    else if (body.data) dataType = listType(body.data);
    else if (body.typeofData) {
      const d = typeOf(ex, table, body.typeofData);
      dataType = d.type;
      typeofData = d.expr;
    } else if (body.objType) dataType = nft.TYPES.string;
    else throw new NftError('map definition does not specify mapping data type', { ...name, ...body.loc });
  }
  const old = table.sets.get(name.text);
  if (old) {
    if (create) ex.refuse('EEXIST', name);
    if (old.spec.kind !== (map ? 'map' : 'set') || !nft.sameType(old.spec.keyType, keyType)) ex.refuse('EEXIST', name);
    ex.nft.sameSet(table, old);
    return old;
  }
  const flags = new Set(body.flags);
  if (body.timeout !== null) flags.add('timeout');
  if (body.gcInterval !== null && !flags.has('timeout')) ex.refuse('EINVAL', { ...name, ...whole });
  const order = ['constant', 'dynamic', 'interval', 'timeout'] as const;
  const dynamic = flags.has('dynamic');
  return ex.nft.addSet(table, {
    name: name.text,
    kind: map ? 'map' : 'set',
    keyType,
    dataType,
    objType: body.objType,
    dataInterval: body.dataInterval,
    flags: order.filter((f) => flags.has(f)),
    timeout: body.timeout,
    gcInterval: body.gcInterval,
    size: body.size ?? (dynamic ? nft.DYNAMIC_SIZE : null),
    policy: body.policy === 'memory' ? 'memory' : null,
    autoMerge: body.autoMerge,
    comment: body.comment,
    typeofKey: key?.expr ?? null,
    typeofData,
    stmts: body.stmts,
    anonymous: false,
  });
}

/** Sets of meters are made by the rule that names them. */
export function meterSet(ex: Executor, table: xt.NftTable, s: xt.SetStmt, size: number): void {
  if (s.set.k !== 'ref' || table.sets.has(s.set.name)) return;
  const { type } = typeOf(ex, table, s.key);
  ex.nft.addSet(table, {
    name: s.set.name,
    kind: 'set',
    keyType: type,
    dataType: null,
    objType: null,
    dataInterval: false,
    flags: ['dynamic'],
    timeout: null,
    gcInterval: null,
    size,
    policy: null,
    autoMerge: false,
    comment: null,
    typeofKey: null,
    typeofData: null,
    stmts: [],
    anonymous: false,
    meter: true,
  });
}

/** Elements with types, as the set wants them; those of a map may be named by their keys alone. */
export function typedElems(ex: Executor, table: xt.NftTable, set: xt.NftSet, e: xt.SetExpr, keysOnly = false): xt.Elem[] {
  const { spec } = set;
  const want: Want = { type: spec.keyType, bits: spec.keyType.bits };
  const data: Want | null = spec.dataType && !keysOnly ? { type: spec.dataType, bits: spec.dataType.bits } : null;
  const given = keysOnly ? e.elems.map((el) => ({ ...el, data: null })) : e.elems;
  if (data && data.type.base !== 'verdict') {
    const bare = given.find((el) => !el.data && el.key);
    if (bare) ex.refuse('EINVAL', { ...(bare.key?.loc ?? { line: 0, from: 0, to: 1 }) });
  }
  const elems = evaluateElems(evalCx(ex, table), given, want, data);
  if (!set.interval) {
    const wild = (e: xt.Expr): boolean => e.k === 'value' && typeof e.v === 'string' && e.v.endsWith('*') && !e.v.endsWith('\\*');
    const bad = elems.find((el) => el.key && (hasInterval(el.key) || wild(el.key)));
    if (bad)
      throw new NftError("You must add 'flags interval' to your set declaration if you want to add prefix elements", {
        ...(bad.key?.loc ?? { line: 0, from: 0, to: 1 }),
      });
  }
  return elems.map((el) => {
    if (!el.key) return el;
    if (el.key.k === 'prefix' && el.key.len === el.key.bits) return { ...el, key: el.key.base };
    if (el.key.k === 'range') {
      const [s] = nft.spansOf(el.key) as [xt.Span];
      return { ...el, key: intervalExpr(el.key.type, el.key.bits, s.low, s.high) };
    }
    return { ...el, key: concatKey(el.key) };
  });
}

const big = (v: xt.NftValue): bigint => (typeof v === 'string' ? 0n : BigInt(v));

function compareSpans(a: xt.SetElem, b: xt.SetElem): number {
  const x = a.spans?.[0];
  const y = b.spans?.[0];
  if (!x || !y) return x ? -1 : y ? 1 : 0;
  return nft.compareValues(x.low, y.low) || -nft.compareValues(x.high, y.high);
}

/** auto-merge: overlapping and adjacent intervals become one. */
function merged(set: xt.NftSet, all: readonly xt.SetElem[], make: (el: xt.Elem) => xt.SetElem): xt.SetElem[] {
  const rows = [...all].filter((e) => e.spans).sort(compareSpans);
  const out: xt.SetElem[] = [];
  for (const row of rows) {
    const last = out[out.length - 1];
    const l = last?.spans?.[0];
    const r = row.spans?.[0] as xt.Span;
    if (last && l && big(r.low) <= big(l.high) + 1n) {
      if (big(r.high) <= big(l.high)) continue;
      const key = intervalExpr(set.spec.keyType, set.spec.keyType.bits, l.low, r.high);
      out[out.length - 1] = make({ ...last.elem, key });
      continue;
    }
    out.push(row);
  }
  return [...out, ...all.filter((e) => !e.spans)];
}

export function addElements(
  ex: Executor,
  table: xt.NftTable,
  set: xt.NftSet,
  e: xt.SetExpr,
  create: boolean,
  name: Token,
  whole: Loc,
): void {
  const elems = typedElems(ex, table, set, e);
  const now = ex.p.ns.kernel.sim.now;
  set.sweep(now);
  const list = [...set.elems];
  const added: xt.SetElem[] = [];
  const { spec } = set;
  const known = new Map(list.map((x) => [spanKey(x.spans), x]));
  for (const el of elems) {
    const item = ex.nft.makeElem(set, el);
    const where = { ...name, ...(el.key?.loc ?? el.loc ?? whole) };
    const same = known.get(spanKey(item.spans));
    if (same) {
      if (create) ex.refuse('EEXIST', where);
      if (spec.dataType && JSON.stringify(plain(same.elem.data)) !== JSON.stringify(plain(item.elem.data))) ex.refuse('EEXIST', where);
      continue;
    }
    if (set.interval && !spec.autoMerge) {
      const clash = list.find((x) => x.spans && item.spans && nft.overlap(x.spans, item.spans));
      if (clash && spec.keyType.parts) ex.refuse('EEXIST', where);
      if (clash) {
        if (added.includes(clash)) throw new NftError('conflicting intervals specified', where, [clash.elem.loc]);
        throw new NftError('interval overlaps with an existing one', where);
      }
    }
    if (spec.size !== null && list.length >= spec.size) ex.refuse('ENFILE', where);
    list.push(item);
    added.push(item);
    known.set(spanKey(item.spans), item);
  }
  for (const item of added) {
    const target = item.elem.data?.k === 'verdict' && item.elem.data.chain !== null ? item.elem.data.chain : null;
    if (target !== null && !table.chains.get(target)) {
      ex.refuse('ENOENT', { ...name, ...(item.elem.key?.loc ?? item.elem.loc ?? whole) });
    }
    if (target !== null && table.chains.get(target)?.base) {
      ex.refuse('EOPNOTSUPP', { ...name, ...(item.elem.key?.loc ?? item.elem.loc ?? whole) });
    }
    if (spec.objType && item.elem.data?.k === 'value' && !ex.nft.object(table, spec.objType, String(item.elem.data.v))) {
      ex.refuse('ENOENT', { ...name, ...(item.elem.key?.loc ?? item.elem.loc ?? whole) });
    }
  }
  const final = set.interval && spec.autoMerge && !spec.keyType.parts ? merged(set, list, (el) => ex.nft.makeElem(set, el)) : list;
  ex.nft.setElems(table, set, final, added, []);
}

/** The same text for the same values. */
function spanKey(spans: xt.SetElem['spans']): string {
  return spans === null ? '*' : spans.map((s) => `${s.low}-${s.high}`).join(' ');
}

/** Data without its place in the input. */
function plain(e: xt.Expr | null): unknown {
  if (!e) return null;
  return e.k === 'verdict' ? [e.verdict, e.chain] : nft.spansOf(e).map((s) => [String(s.low), String(s.high)]);
}

export function deleteElements(ex: Executor, table: xt.NftTable, set: xt.NftSet, e: xt.SetExpr, name: Token, whole: Loc): void {
  const now = ex.p.ns.kernel.sim.now;
  set.sweep(now);
  const wanted = typedElems(ex, table, set, e, true);
  let list = [...set.elems];
  const removed: xt.SetElem[] = [];
  for (const el of wanted) {
    const spans = el.key ? nft.spansOf(el.key) : null;
    const hit = list.find((x) => nft.sameSpans(x.spans, spans));
    if (hit) {
      list = list.filter((x) => x !== hit);
      removed.push(hit);
      continue;
    }
    if (set.interval && !set.spec.keyType.parts)
      throw new NftError('element does not exist', { ...name, ...(el.key?.loc ?? el.loc ?? whole) });
    ex.refuse('ENOENT', { ...name, ...(el.key?.loc ?? el.loc ?? whole) });
  }
  ex.nft.setElems(table, set, list, [], removed);
}

export function addObject(ex: Executor, table: xt.NftTable, kind: xt.ObjKind, name: Token, body: ObjBody, create: boolean): void {
  const old = ex.nft.object(table, kind, name.text);
  if (old) {
    if (create) ex.refuse('EEXIST', name);
    return;
  }
  ex.nft.addObject(table, name.text, { kind, stmt: body.stmt, lines: body.lines, comment: body.comment });
}
