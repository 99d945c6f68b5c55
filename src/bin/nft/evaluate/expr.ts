/** Gives constants the types that their place asks for, folds them, checks them. Models nftables/src/evaluate.c (expressions) */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { NftError } from '../lexer.ts';
import { type EvalCx, valueExpr, type Want, wantOf } from './context.ts';
import { evaluateExt, evaluatePayload } from './payload.ts';

const NOWHERE = { line: 0, from: 0, to: 1 };

export function fail(e: { readonly loc?: xt.Loc }, message: string, about: readonly (xt.Loc | undefined)[] = []): never {
  throw new NftError(message, e.loc ?? NOWHERE, about);
}

const big = (v: xt.NftValue): bigint => (typeof v === 'string' ? 0n : BigInt(v));
const limitOf = (bits: number): bigint => (1n << BigInt(bits)) - 1n;

export const isConstant = (e: xt.Expr): boolean =>
  e.k === 'value' ||
  e.k === 'symbol' ||
  e.k === 'range' ||
  e.k === 'prefix' ||
  e.k === 'verdict' ||
  (e.k === 'list' && e.items.every(isConstant)) ||
  (e.k === 'concat' && e.items.every(isConstant)) ||
  (e.k === 'binop' && isConstant(e.left) && isConstant(e.right));

function symbol(cx: EvalCx, e: xt.SymbolExpr, want: Want): xt.Expr {
  const { type } = want;
  if (type.parts) fail(e, `invalid data type, expected concatenation of (${type.parts.map((p) => p.desc).join(', ')})`);
  if (type.base === 'verdict') fail(e, `Could not parse ${type.desc}`);
  if (type.base === 'none') fail(e, `Can't parse symbolic invalid expressions`);
  const v = nft.parseValue(type, e.text, cx.scope.names);
  if (v === null) fail(e, `Could not parse ${type.desc}`);
  if (typeof v === 'object') fail(e, v.error);
  const bits = want.bits || type.bits;
  if (typeof v === 'string') {
    if (v === '') fail(e, 'Empty string is not allowed');
    if (bits > 0 && v.length >= bits / 8) fail(e, `String exceeds maximum length of ${bits / 8}`);
    if (v === '*') fail(e, 'All-wildcard strings are not supported');
    return valueExpr(type, v, bits, e.loc);
  }
  if (bits > 0 && big(v) > limitOf(type.name === 'boolean' ? Math.max(1, Math.min(bits, 1)) : bits)) {
    fail(e, `Value ${big(v)} exceeds valid range 0-${limitOf(type.name === 'boolean' ? 1 : bits)}`);
  }
  return valueExpr(type, v, bits, e.loc);
}

/** The number that a folded constant has, or null. */
export function constant(e: xt.Expr): bigint | null {
  return e.k === 'value' && typeof e.v !== 'string' ? BigInt(e.v) : null;
}

function fold(op: xt.BinOp, a: bigint, b: bigint): bigint {
  if (op === '&') return a & b;
  if (op === '|') return a | b;
  if (op === '^') return a ^ b;
  return op === '<<' ? a << b : a >> b;
}

const INT32 = { type: nft.TYPES.integer, bits: 32 };

function binop(cx: EvalCx, e: xt.BinExpr, want: Want): xt.Expr {
  const left = evaluate(cx, e.left, want);
  const shift = e.op === '<<' || e.op === '>>';
  const inner: Want = shift ? INT32 : isConstant(left) ? want : wantOf(left);
  const right = evaluate(cx, e.right, inner);
  const a = constant(left);
  const b = constant(right);
  const base = left.type;
  if (b === null) fail(right, `Right hand side of binary operation (${e.op}) must be constant`, [e.loc]);
  if (shift && b >= BigInt(left.bits || 32)) {
    fail(e, `${e.op === '<<' ? 'Left' : 'Right'} shift of ${b} bits is undefined for type of ${left.bits} bits width`);
  }
  if (a !== null) return valueExpr(base, nft.fromBig(fold(e.op, a, b) & limitOf(left.bits || 32)), left.bits, e.loc);
  return { ...e, left, right, type: shift ? { ...nft.sized(nft.TYPES.integer, left.bits) } : base, bits: left.bits };
}

function prefix(cx: EvalCx, e: xt.PrefixExpr, want: Want): xt.Expr {
  if (want.type.base === 'string') fail(e, `Prefix expression expected integer value`);
  if (want.type.base === 'bitmask' || want.type.parts) fail(e, 'Prefix expression is undefined for this type');
  const base = evaluate(cx, e.base, want);
  const bits = want.bits || want.type.bits;
  if (e.len > bits) fail(e, `Prefix length ${e.len} is invalid for type of ${bits} bits width`);
  const v = constant(base);
  if (v === null) fail(e, 'Prefix expression is undefined for this value');
  const host = (1n << BigInt(bits - e.len)) - 1n;
  const low = valueExpr(base.type, nft.fromBig(v & ~host), bits, base.loc);
  return { ...e, base: low, type: base.type, bits };
}

function range(cx: EvalCx, e: xt.RangeExpr, want: Want): xt.Expr {
  const left = evaluate(cx, e.left, want);
  const right = evaluate(cx, e.right, want);
  const a = constant(left);
  const b = constant(right);
  if (a === null || b === null)
    fail(
      { ...(e.left.loc ? { loc: e.left.loc } : {}) },
      `Range expression is undefined for ${want.type.base === 'string' ? 'string types' : 'this type'}`,
      [e.loc],
    );
  if (a > b) {
    if (want.type.name !== 'hour') fail(e, 'Range has zero or negative size');
  }
  return { ...e, left, right, type: left.type, bits: left.bits };
}

function concat(cx: EvalCx, e: xt.ConcatExpr, want: Want): xt.Expr {
  const parts = want.type.parts;
  if (isConstant(e) && !parts) fail(e.items[0] ?? e, `Can't parse symbolic invalid expressions`);
  const items = e.items.map((item, i) => {
    if (!isConstant(item)) {
      const done = evaluate(cx, item, want);
      if (done.type.name === 'string') fail(item, 'can not use variable sized data types (string) in concat expressions', [e.loc]);
      return done;
    }
    const type = parts?.[i];
    if (!type) fail(item, `unexpected concat component, expecting ${parts ? `${want.type.desc}` : 'value'}`);
    return evaluate(cx, item, { type, bits: type.bits });
  });
  if (parts && items.length < parts.length) {
    fail(e, `datatype mismatch, expected ${want.type.desc}, expression has type ${nft.concatType(items.map((i) => i.type)).desc}`);
  }
  const type = nft.concatType(items.map((i) => nft.sized(i.type, i.bits || i.type.bits)));
  return { ...e, items, type, bits: type.bits };
}

function list(cx: EvalCx, e: xt.ListExpr, want: Want): xt.Expr {
  if (want.type.base !== 'bitmask') fail(e.items[0] ?? e, `Basetype of type ${want.type.desc} is not bitmask`);
  const items = e.items.map((i) => evaluate(cx, i, want));
  let sum = 0n;
  for (const i of items) {
    const v = constant(i);
    if (v === null) fail(i, 'List member must be constant');
    sum |= v;
  }
  return valueExpr(want.type, nft.fromBig(sum), want.bits, e.loc);
}

export function evaluateElems(cx: EvalCx, elems: readonly xt.Elem[], want: Want, data: Want | null): xt.Elem[] {
  const out: xt.Elem[] = [];
  for (const el of elems) {
    if (el.key?.k === 'set') {
      out.push(...evaluateElems(cx, el.key.elems, want, data));
      continue;
    }
    let key: xt.Expr | null = null;
    if (el.key) {
      key = evaluate(cx, el.key, want);
      if (!key.type.parts !== !want.type.parts) fail(el.key, `invalid data type, expected ${want.type.desc}`);
    }
    let value: xt.Expr | null = null;
    if (el.data) {
      if (!data) fail(el.data, 'Element is no mapping');
      value = el.data.k === 'verdict' ? el.data : evaluateData(cx, el.data, data);
      if (el.data.k === 'verdict' && data.type.base !== 'verdict') fail(el.data, `Could not parse ${data.type.desc}`);
    } else if (data) fail(el.key ?? { ...(el.loc ? { loc: el.loc } : {}) }, 'Element has no data');
    out.push({ ...el, key, data: value });
  }
  return out;
}

function evaluateData(cx: EvalCx, e: xt.Expr, want: Want): xt.Expr {
  return evaluate(cx, e, want);
}

/** A single element needs no set. */
function set(cx: EvalCx, e: xt.SetExpr, want: Want): xt.Expr {
  return { ...e, elems: evaluateElems(cx, e.elems, want, null), type: want.type, bits: want.bits };
}

export function lookupSet(cx: EvalCx, e: xt.RefExpr): xt.SetRefExpr {
  const s = cx.scope.findSet(e.name);
  if (!s) fail(e, `No such file or directory${cx.scope.hintSet(e.name)}`);
  return { k: 'setref', name: e.name, set: s, type: s.spec.keyType, bits: s.spec.keyType.bits, ...(e.loc ? { loc: e.loc } : {}) };
}

/** `want` of the data: what the map's place asks for. */
export function evaluateMap(cx: EvalCx, e: xt.MapExpr, want: Want, about?: xt.Loc): xt.MapExpr {
  if (e.key.k === 'ct' && (e.key.key === 'saddr' || e.key.key === 'daddr')) fail(e.key, 'specify either ip or ip6 for address matching');
  const key = evaluate(cx, e.key, { type: nft.TYPES.integer, bits: 32 });
  const keyWant = wantOf(key);
  const raw = e.table as xt.Expr;
  if (raw.k === 'ref') {
    const ref = lookupSet(cx, raw);
    if (ref.set.spec.kind !== 'map') fail(raw, 'Expression is not a map');
    if (!nft.sameType(ref.set.spec.keyType, key.type)) {
      fail(raw, `datatype mismatch, map expects ${ref.set.spec.keyType.desc}, mapping expression has type ${key.type.desc}`, [key.loc]);
    }
    const data = ref.set.spec.dataType;
    if (data && !data.parts && want.type.name !== 'string' && want.type.name !== 'integer' && !nft.sameType(data, want.type)) {
      fail(e, `datatype mismatch: expected ${want.type.desc}, expression has type ${data.desc}`, [about]);
    }
    return { ...e, key, table: ref, type: data ?? want.type, bits: want.bits };
  }
  if (raw.k !== 'set') fail(raw, 'Expression is not a map');
  const elems = evaluateElems(cx, raw.elems, keyWant, want);
  const firstData = elems.find((el) => el.data)?.data;
  const dataType = firstData?.type ?? want.type;
  return { ...e, key, table: { ...raw, elems, type: key.type, bits: key.bits }, type: dataType, bits: want.bits };
}

/** The expression with types; `want` is what symbols are read as. */
export function evaluate(cx: EvalCx, e: xt.Expr, want: Want): xt.Expr {
  switch (e.k) {
    case 'symbol':
      return symbol(cx, e, want);
    case 'binop':
      return binop(cx, e, want);
    case 'prefix':
      return prefix(cx, e, want);
    case 'range':
      return range(cx, e, want);
    case 'concat':
      return concat(cx, e, want);
    case 'list':
      return list(cx, e, want);
    case 'set':
      return set(cx, e, want);
    case 'ref':
      return lookupSet(cx, e);
    case 'map':
      return evaluateMap(cx, e, want);
    case 'payload':
      return evaluatePayload(cx, e);
    case 'ext':
      evaluateExt(cx, e);
      return e;
    case 'ct':
      return ct(cx, e);
    case 'rt':
      return rt(cx, e);
    case 'hash':
      return e.expr ? { ...e, expr: evaluate(cx, e.expr, want) } : e;
    case 'xfrm':
      if (cx.ctx.family !== 'ip' && cx.ctx.family !== 'ip6' && cx.ctx.family !== 'inet')
        fail(e, 'ipsec expression is only valid in ip/ip6/inet tables');
      return e;
    default:
      return e;
  }
}

function ct(cx: EvalCx, e: xt.CtExpr): xt.Expr {
  if (e.key === 'saddr' || e.key === 'daddr') {
    const nh = cx.ctx.nh?.name;
    if (nh !== 'ip' && nh !== 'ip6') fail(e, 'specify either ip or ip6 for address matching');
    const def = nft.keyOf(nft.CT_KEYS, `${nh} ${e.key}`);
    return { ...e, key: `${nh} ${e.key}`, type: def?.type ?? e.type, bits: def?.bits ?? e.bits };
  }
  const family = e.key.startsWith('ip6 ') ? 'ip6' : e.key.startsWith('ip ') ? 'ip' : null;
  const nh = cx.ctx.nh?.name;
  if (family && nh && nh !== family) fail(e, `conflicting protocols specified: ${nh} vs. ${family}`);
  return e;
}

function rt(cx: EvalCx, e: xt.RtExpr): xt.Expr {
  if (e.key === 'nexthop') {
    const nh = cx.ctx.nh?.name;
    if (nh !== 'ip' && nh !== 'ip6') fail(e, 'cannot determine ip protocol version, use "ip nexthop" or "ip6 nexthop" instead');
    const def = nft.keyOf(nft.RT_KEYS, `${nh} nexthop`);
    return { ...e, key: `${nh} nexthop`, type: def?.type ?? e.type, bits: def?.bits ?? e.bits };
  }
  const nh = cx.ctx.nh?.name;
  // Its address is then read as one of the other family.
  if (e.key === 'ip nexthop' && nh === 'ip6') return { ...e, type: nft.TYPES.ipv6_addr, bits: 128 };
  if (e.key === 'ip6 nexthop' && nh === 'ip') fail(e, 'ip6 nexthop will not match');
  return e;
}
