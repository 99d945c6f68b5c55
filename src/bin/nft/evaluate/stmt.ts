/** Statements checked and completed: from what was typed to what the kernel gets. Models nftables/src/evaluate.c (statements) */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { NftError } from '../lexer.ts';
import type { ParsedRule } from '../parse/stmt.ts';
import { type EvalCx, equals, metaExpr, ProtoContext, type Scope, valueExpr, type Want, wantOf } from './context.ts';
import { constant, evaluate, evaluateElems, evaluateMap, fail, isConstant, lookupSet } from './expr.ts';
import { mergePayloads } from './merge.ts';
import { needNetwork } from './payload.ts';
import { concatKey, hasInterval, joinIntervals, unique } from './sets.ts';

const INT: Want = { type: nft.TYPES.integer, bits: 32 };
const big = (v: xt.NftValue): bigint => (typeof v === 'string' ? 0n : BigInt(v));

/** `x ^ c == v` is `x == v ^ c`, and so for shifts. */
function transfer(left: xt.Expr, right: xt.Expr): { left: xt.Expr; right: xt.Expr } {
  let l = left;
  let r = right;
  for (let i = 0; i < 32 && l.k === 'binop' && l.op === '^' && r.k === 'value'; i++) {
    const c = constant(l.right);
    if (c === null) break;
    const v = big(r.v) ^ c;
    r = { ...r, v: nft.fromBig(v) };
    l = l.left;
  }
  return { left: l, right: r };
}

/** `(x & m) | o` and its kin become one mask and one exclusive or, as the kernel computes them. */
function normalBits(e: xt.Expr): xt.Expr {
  if (e.k !== 'binop') return e;
  if (e.op === '<<' || e.op === '>>') return { ...e, left: normalBits(e.left) };
  const all = (1n << BigInt(e.bits || 32)) - 1n;
  let mask = all;
  let xor = 0n;
  const steps: xt.BinExpr[] = [];
  let at: xt.Expr = e;
  while (at.k === 'binop' && (at.op === '&' || at.op === '|' || at.op === '^')) {
    steps.unshift(at);
    at = at.left;
  }
  for (const s of steps) {
    const c = constant(s.right);
    if (c === null) return e;
    if (s.op === '&') {
      mask &= c;
      xor &= c;
    } else if (s.op === '|') {
      mask &= ~c & all;
      xor = (xor & ~c) | c;
    } else xor ^= c;
  }
  const or = xor & ~mask & all;
  const flip = xor & mask;
  const and = mask | or;
  let out = normalBits(at);
  const add = (op: xt.BinOp, v: bigint): void => {
    out = { ...e, op, left: out, right: valueExpr(e.type, nft.fromBig(v), e.bits) };
  };
  if (and !== all) add('&', and);
  if (flip !== 0n) add('^', flip);
  if (or !== 0n) add('|', or);
  return out;
}

/** Bits that do not begin or end at a byte are read as bytes and masked. */
function alignRaw(e: xt.Expr, right: xt.Expr): { left: xt.Expr; right: xt.Expr } {
  if (e.k !== 'payload' || e.desc || (e.off % 8 === 0 && e.len % 8 === 0) || e.len === 0) return { left: e, right };
  const from = Math.floor(e.off / 8) * 8;
  const to = Math.ceil((e.off + e.len) / 8) * 8;
  const shift = BigInt(to - e.off - e.len);
  const bits = to - from;
  const type = { ...nft.sized(nft.TYPES.integer, bits), hex: 1, order: 'big' as const };
  const mask = ((1n << BigInt(e.len)) - 1n) << shift;
  const wide: xt.PayloadExpr = { ...e, off: from, len: bits, bits, type };
  const left: xt.Expr = { k: 'binop', op: '&', left: wide, right: valueExpr(type, nft.fromBig(mask), bits), type, bits };
  const lift = (v: xt.NftValue): xt.NftValue => nft.fromBig(big(v) << shift);
  if (right.k === 'value') return { left, right: valueExpr(type, lift(right.v), bits) };
  return { left, right };
}

function setValue(set: xt.SetExpr, want: Want): xt.SetExpr | xt.Expr {
  const interval = set.elems.some((el) => el.key && hasInterval(el.key));
  const [only] = set.elems;
  if (set.elems.length === 1 && only?.key && only.stmts.length === 0 && only.timeout === null && only.comment === null) {
    if (only.key.k === 'value' || only.key.k === 'range' || only.key.k === 'prefix') return only.key;
  }
  return { ...set, elems: readyElems(set.elems, want, interval, true) };
}

/** Elements of an anonymous set or map as they will be listed. */
function readyElems(elems: readonly xt.Elem[], want: Want, interval: boolean, merge: boolean): xt.Elem[] {
  differing(elems);
  if (want.type.parts) return unique(elems).map((el) => (el.key ? { ...el, key: concatKey(el.key) } : el));
  if (interval) return joinIntervals(elems, want.type, want.bits, merge);
  return unique(elems);
}

/** One key with two values is refused by the kernel. */
function differing(elems: readonly xt.Elem[]): void {
  const seen = new Map<string, string>();
  for (const el of elems) {
    if (!el.data || !el.key || el.key.k === 'range' || el.key.k === 'prefix') continue;
    const key = nft
      .spansOf(el.key)
      .map((x) => `${x.low}-${x.high}`)
      .join('|');
    const data =
      el.data.k === 'verdict'
        ? `${el.data.verdict} ${el.data.chain}`
        : nft
            .spansOf(el.data)
            .map((x) => `${x.low}-${x.high}`)
            .join('|');
    if (seen.has(key) && seen.get(key) !== data)
      throw new NftError('Could not process rule: File exists', el.key.loc ?? { line: 0, from: 0, to: 1 });
    seen.set(key, data);
  }
}

function readyMap(e: xt.Expr): xt.Expr {
  if (e.k !== 'map' || e.table.k !== 'set') return e;
  const { table } = e;
  const interval = table.elems.some((el) => el.key && hasInterval(el.key));
  return { ...e, table: { ...table, elems: readyElems(table.elems, wantOf(e.key), interval, false) } };
}

/** `fib saddr oif exists`: only whether there is one. */
function presence(e: xt.Expr): boolean {
  if (e.k === 'set') return e.elems.some((el) => el.key && presence(el.key));
  return e.k === 'symbol' && (e.text === 'exists' || e.text === 'missing');
}

function match(cx: EvalCx, s: xt.MatchStmt): xt.MatchStmt {
  if (isConstant(s.left)) fail(s.left, 'Left hand side of relational expression must not be constant');
  let left = evaluate(cx, s.left, INT);
  let want = wantOf(left);
  if (left.k === 'payload' && !left.desc && left.len === 0) fail(left, 'payload length 0 is invalid');
  if (left.k === 'meta' && left.key === 'nfproto' && cx.ctx.family !== 'inet') fail(left, 'meta nfproto is only useful in the inet family');
  if (left.k === 'meta' && left.key === 'secmark') fail(s.right, 'Cannot be used with right hand side constant value', [left.loc]);
  if (left.k === 'fib' && presence(s.right)) {
    left = { ...left, type: nft.TYPES.boolean, bits: 1 };
    want = wantOf(left);
  }
  let right = evaluate(cx, s.right, want);
  let { op } = s;
  const mask = left.type.base === 'bitmask';
  if (right.k === 'setref') {
    if (!nft.sameType(right.set.spec.keyType, left.type)) {
      fail(right, `datatype mismatch, expected ${left.type.desc}, expression has type ${right.set.spec.keyType.desc}`, [left.loc]);
    }
  } else if (left.k === 'binop' && left.type.name === 'integer' && left.left.type.name !== 'integer' && right.k === 'value') {
    fail(right, `datatype mismatch, expected ${left.left.type.desc}, expression has type integer`, [left.loc]);
  }
  if (right.k === 'concat' && right.items.some((i) => !isConstant(i)))
    fail(right, 'Right hand side of relational expression must be constant');
  if (right.k === 'set') {
    if (op !== '==' && op !== '!=' && op !== 'implicit') fail(right, 'invalid operator for set lookup', [left.loc]);
    right = setValue(right, want);
    if (op === 'implicit') op = '==';
  }
  if (right.k === 'setref' && op === 'implicit') op = '==';
  if (op === '!') {
    if (!mask) fail(right, `Basetype of type ${left.type.desc} is not bitmask`);
  } else if (op === 'implicit' && !(mask && right.k === 'value' && left.k !== 'binop')) op = '==';
  if (right.k === 'range' && left.type.name === 'hour') ({ op, right } = hourRange(op, right));
  if ((op === '<' || op === '>' || op === '<=' || op === '>=') && right.k !== 'value') {
    fail(right, 'Relational expression is not defined for this type', [left.loc]);
  }
  ({ left, right } = transfer(left, right));
  ({ left, right } = alignRaw(left, right));
  left = normalBits(left);
  if (right.k === 'prefix' && right.len === right.bits) right = right.base;
  if (op === '==' || op === 'implicit') {
    if (right.k === 'value') cx.ctx.learn(left, right.v);
    else if (right.k === 'set' && op === '==') {
      const last = right.elems.findLast((el) => el.key?.k === 'value')?.key;
      if (last?.k === 'value') cx.ctx.learn(left, last.v);
    }
  }
  return { s: 'match', op, left, right };
}

/** A time span over midnight is everything outside the rest of the day. */
function hourRange(op: xt.Op, right: xt.RangeExpr): { op: xt.Op; right: xt.Expr } {
  const a = constant(right.left) ?? 0n;
  const b = constant(right.right) ?? 0n;
  if (a <= b) return { op, right };
  return { op: op === '!=' ? '==' : '!=', right: { ...right, left: right.right, right: right.left } };
}

function reject(cx: EvalCx, s: xt.RejectStmt): xt.RejectStmt {
  const { ctx } = cx;
  const { family } = ctx;
  const nh = ctx.nh?.name ?? null;
  const where = { ...(s.loc ? { loc: s.loc } : {}) };
  if (family === 'arp') fail(where, 'cannot use reject with arp');
  if (s.kind === null) {
    if (nh === 'ip') return { s: 'reject', kind: 'icmp', code: 3 };
    if (nh === 'ip6') return { s: 'reject', kind: 'icmpv6', code: 4 };
    if (nh) fail(where, 'cannot infer ICMP reject variant to use: explicit value required.\n');
    return { s: 'reject', kind: 'icmpx', code: 1 };
  }
  if (s.kind === 'tcp') {
    if (ctx.th && ctx.th.name !== 'tcp')
      fail(
        { loc: { ...(s.loc as xt.Loc), to: (s.loc as xt.Loc).from + 6 } },
        'you cannot use tcp reset with this protocol',
        cx.seen.th ? [cx.seen.th] : [],
      );
    if (!ctx.th) {
      const dep = equals(metaExpr('l4proto'), 6);
      cx.front.push(dep);
      ctx.learn(dep.left, 6);
    }
    return { s: 'reject', kind: 'tcp', code: 1 };
  }
  const type = s.kind === 'icmp' ? nft.TYPES.icmp_code : s.kind === 'icmpv6' ? nft.TYPES.icmpv6_code : nft.TYPES.icmpx_code;
  const code = s.symbol ? constant(evaluate(cx, s.symbol, { type, bits: 8 })) : 3n;
  if (s.kind === 'icmpx') {
    if (family === 'ip' || family === 'ip6') fail(s.symbol ?? where, 'abstracted ICMP unreachable not supported');
    return { s: 'reject', kind: 'icmpx', code: Number(code) };
  }
  const need = s.kind === 'icmp' ? 'ip' : 'ip6';
  if (nh && nh !== need)
    fail(
      { ...(s.symbol?.loc ? { loc: s.symbol.loc } : {}) },
      `conflicting protocols specified: ${nh} vs ${need}`,
      s.loc ? [{ ...s.loc, to: s.loc.from + 6 }] : [],
    );
  if (!nh) {
    const saved = cx.out.length;
    needNetwork(cx, nft.protoByName(need) as xt.Proto, where as xt.Expr);
    cx.front.push(...cx.out.splice(saved));
  }
  return { s: 'reject', kind: s.kind, code: Number(code) };
}

const isTransport = (cx: EvalCx): boolean => cx.ctx.th !== null;

function nat(cx: EvalCx, s: xt.NatStmt, at: xt.Loc): xt.NatStmt {
  const keyword = { ...at, to: at.from + s.what.length };
  const table = cx.ctx.family;
  if (table !== 'ip' && table !== 'ip6' && table !== 'inet') fail({ loc: keyword }, 'NAT is only supported for IPv4/IPv6');
  let { family } = s;
  if (s.addr && !family) {
    if (table === 'ip' || table === 'ip6') family = table;
    else if (cx.ctx.nh?.name === 'ip' || cx.ctx.nh?.name === 'ip6') family = cx.ctx.nh.name;
    else fail({ loc: keyword }, 'ip or ip6 must be specified with address for inet tables.');
  }
  if (family && cx.ctx.nh && cx.ctx.nh.name !== family && (s.addr || s.family)) {
    fail(
      { loc: keyword },
      `conflicting protocols specified: ${cx.ctx.nh.name} vs. ${family}. You must specify ip or ip6 family in nat statement`,
    );
  }
  if (s.family && table === 'ip' && s.family === 'ip6') fail({ loc: keyword }, 'conflicting protocols specified: ip vs. ip6');
  let addr: xt.Expr | null = null;
  let port: xt.Expr | null = null;
  let { concat } = s;
  const needPort = (e: xt.Expr): void => {
    if (isTransport(cx)) return;
    fail(e, 'transport protocol mapping is only valid after transport protocol match', [keyword]);
  };
  const type = family === 'ip6' ? nft.TYPES.ipv6_addr : nft.TYPES.ipv4_addr;
  if (s.addr) {
    const want = { type: type as xt.DataType, bits: type.bits };
    if (s.addr.k === 'map') {
      const raw = s.addr.table as xt.Expr;
      const first = raw.k === 'set' ? raw.elems.find((el) => el.data)?.data : null;
      if (first?.k === 'concat') {
        concat = true;
        want.type = nft.concatType([type, nft.TYPES.inet_service]);
        want.bits = want.type.bits;
      }
      const map = evaluateMap(cx, s.addr, want);
      if (map.table.k === 'setref' && map.table.set.spec.dataType?.parts) concat = true;
      if (concat) needPort(map);
      addr = readyMap(map);
    } else {
      addr = evaluate(cx, s.addr, want);
      if (isConstant(addr) && addr.k === 'set') fail(addr, 'address must be constant or map');
    }
  }
  if (s.port) {
    needPort(s.port);
    const want = { type: nft.TYPES.inet_service, bits: 16 };
    port = s.port.k === 'map' ? readyMap(evaluateMap(cx, s.port, want)) : evaluate(cx, s.port, want);
  }
  return { ...s, family, addr, port, concat };
}

function tproxy(cx: EvalCx, s: xt.TproxyStmt, at: xt.Loc): xt.TproxyStmt {
  const keyword = { ...at, to: at.from + 6 };
  const table = cx.ctx.family;
  if (table !== 'ip' && table !== 'ip6' && table !== 'inet') fail({ loc: keyword }, 'tproxy is only supported for IPv4/IPv6/INET');
  if (cx.ctx.th?.name !== 'tcp' && cx.ctx.th?.name !== 'udp')
    fail({ loc: at }, 'Transparent proxy support requires transport protocol match');
  const family = s.family ?? (table === 'ip' || table === 'ip6' ? table : null);
  const nh = cx.ctx.nh?.name;
  if (nh && family && nh !== family)
    fail({ loc: keyword }, `conflicting protocols specified: ${nh} vs. ${family}. You must specify ip or ip6 family in tproxy statement`);
  if (!family && s.addr) fail({ loc: keyword }, `ip or ip6 must be specified with address for inet tables.`);
  if (!family) fail({ loc: keyword }, `ip or ip6 must be specified with address for inet tables.`);
  const type = family === 'ip6' ? nft.TYPES.ipv6_addr : nft.TYPES.ipv4_addr;
  const addr = s.addr && evaluate(cx, s.addr, { type, bits: type.bits });
  if (addr && addr.k === 'range') fail(addr, 'Address ranges are not supported for tproxy.');
  const port =
    s.port &&
    (s.port.k === 'map'
      ? readyMap(evaluateMap(cx, s.port, { type: nft.TYPES.inet_service, bits: 16 }))
      : evaluate(cx, s.port, { type: nft.TYPES.inet_service, bits: 16 }));
  if (port && port.k === 'range') fail(port, 'Port ranges are not supported for tproxy.');
  return { s: 'tproxy', family, addr: addr ?? null, port: port ?? null };
}

function assign(cx: EvalCx, s: xt.AssignStmt, at: xt.Loc): xt.AssignStmt {
  const target = evaluate(cx, s.target, INT) as xt.AssignStmt['target'];
  const want = wantOf(target);
  if (s.value.k === 'set') fail(s.value, 'you cannot use a set here, unknown value to use', [at]);
  if (s.value.k === 'map') {
    const value = readyMap(evaluateMap(cx, s.value, want, { ...at, to: s.value.loc?.from ?? at.to }));
    return { s: 'assign', target, value };
  }
  const constantValue = isConstant(s.value);
  let value = evaluate(cx, s.value, want);
  if (!constantValue && target.k === 'payload' && (target.len < 16 || target.off % 16 !== 0)) {
    if (target.len === 8) fail(target, 'Left shift of 8 bits is undefined for type of 8 bits width', [value.loc]);
    fail(target, 'Right hand side of binary operation (^) must be constant');
  }
  if (!constantValue) {
    const type = value.k === 'binop' && value.type.name === 'integer' ? value.left.type : value.type;
    const loose = type.name === 'integer' || target.type.name === 'integer';
    if (!nft.sameType(type, target.type) && !loose) {
      fail(value, `datatype mismatch: expected ${target.type.desc}, expression has type ${type.desc}`, [
        { ...at, to: value.loc?.from ?? at.to },
      ]);
    }
    value = normalBits(value);
  } else if (value.k === 'range' || value.k === 'prefix') fail(value, 'Value must be a constant');
  return { s: 'assign', target, value };
}

function setop(cx: EvalCx, s: xt.SetStmt): xt.SetStmt {
  const ref = s.set.k === 'ref' ? lookupSet(cx, s.set) : s.set;
  if (ref.k !== 'setref') fail(ref, 'Expression does not refer to a set');
  const spec = ref.set.spec;
  const key = evaluate(cx, s.key, { type: spec.keyType, bits: spec.keyType.bits });
  if (!nft.sameType(key.type, spec.keyType)) {
    fail(s.key, `datatype mismatch, expected ${spec.keyType.desc}, expression has type ${key.type.desc}`);
  }
  const data = s.data && spec.dataType ? evaluate(cx, s.data, { type: spec.dataType, bits: spec.dataType.bits }) : null;
  return { ...s, set: ref, key, data };
}

function one(cx: EvalCx, s: xt.Stmt, at: xt.Loc): xt.Stmt {
  switch (s.s) {
    case 'match':
      return match(cx, s);
    case 'verdict':
      if (s.expr.k === 'map') return { s: 'verdict', expr: readyMap(verdictMap(cx, s.expr)) };
      return s;
    case 'reject':
      return reject(cx, s);
    case 'nat':
      return nat(cx, s, at);
    case 'tproxy':
      return tproxy(cx, s, at);
    case 'assign':
      return assign(cx, s, at);
    case 'resetopt':
      evaluate(cx, s.target, INT);
      return s;
    case 'setop':
      return setop(cx, s);
    case 'objref': {
      const want = { type: nft.TYPES.string as xt.DataType, bits: 0 };
      const expr = s.expr.k === 'map' ? readyMap(evaluateMap(cx, s.expr, want)) : evaluate(cx, s.expr, want);
      return { ...s, expr };
    }
    case 'dup':
    case 'fwd': {
      const layer3 = cx.ctx.family === 'ip' || cx.ctx.family === 'ip6';
      if (cx.ctx.family !== 'netdev' && !(s.s === 'dup' && layer3)) fail({ loc: at }, 'unsupported family');
      const type = cx.ctx.family === 'ip6' || (s.s === 'fwd' && s.family === 'ip6') ? nft.TYPES.ipv6_addr : nft.TYPES.ipv4_addr;
      const dev = s.dev && evaluate(cx, s.dev, { type: nft.TYPES.iface_index, bits: 32 });
      if (s.s === 'dup' && cx.ctx.family === 'netdev') {
        const out = s.addr && evaluate(cx, s.addr, { type: nft.TYPES.iface_index, bits: 32 });
        return { s: 'dup', addr: null, dev: out };
      }
      const addr = s.addr && evaluate(cx, s.addr, { type, bits: type.bits });
      return s.s === 'dup' ? { s: 'dup', addr, dev } : { ...s, addr, dev: dev as xt.Expr };
    }
    case 'queue':
      return queue(cx, s);
    default:
      return s;
  }
}

function queue(cx: EvalCx, s: xt.QueueStmt): xt.QueueStmt {
  if (!s.num) return s;
  const num =
    s.num.k === 'map'
      ? readyMap(evaluateMap(cx, s.num, { type: nft.TYPES.integer, bits: 16 }))
      : evaluate(cx, s.num, { type: nft.sized(nft.TYPES.integer, 16), bits: 16 });
  if (num.k === 'hash' || num.k === 'numgen') {
    if (num.mod > 65535 || num.mod + num.offset > 65536) fail(num, 'queue number out of range');
  } else if (num.k !== 'value' && num.k !== 'range' && num.k !== 'map') fail(num, 'queue number is not singleton', []);
  if (s.flags.includes('fanout') && num.k !== 'range' && num.k !== 'hash' && num.k !== 'numgen' && num.k !== 'map') {
    fail(num, 'fanout requires a range to be specified');
  }
  return { ...s, num };
}

function verdictMap(cx: EvalCx, e: xt.MapExpr): xt.MapExpr {
  const map = evaluateMap(cx, e, { type: nft.TYPES.verdict, bits: 0 });
  if (map.table.k === 'setref' && map.table.set.spec.dataType?.base !== 'verdict') {
    fail(e.table, `map expression is not a verdict map`, [e.key.loc]);
  }
  return { ...map, type: nft.TYPES.verdict };
}

function isTerminal(s: xt.Stmt): boolean {
  if (s.s === 'verdict') return s.expr.k === 'verdict' && s.expr.verdict !== 'continue';
  return s.s === 'reject' || s.s === 'nat' || s.s === 'queue' || s.s === 'fwd';
}

export interface EvaluatedRule {
  readonly stmts: readonly xt.Stmt[];
  readonly comment: string | null;
}

/** These statements are known by their first word alone. */
const KEYWORD_LENGTH = (s: xt.Stmt): number => (s.s === 'nat' ? s.what.length : s.s.length);

/** The rule as the kernel gets it. */
export function evaluateRule(rule: ParsedRule, scope: Scope): EvaluatedRule {
  const ctx = new ProtoContext(scope.family);
  const cx: EvalCx = { scope, ctx, out: [], front: [], seen: { th: null } };
  let terminal: xt.Loc | null = null;
  for (const [i, s] of rule.stmts.entries()) {
    const whole = rule.locs[i] as xt.Loc;
    const at =
      s.s === 'reject' || s.s === 'nat' || s.s === 'log' || s.s === 'queue' || s.s === 'synproxy'
        ? { ...whole, to: whole.from + KEYWORD_LENGTH(s) }
        : whole;
    if (terminal) throw new NftError('Statement after terminal statement has no effect', at, [terminal]);
    if (isTerminal(s)) terminal = at;
    const done = one(cx, s, at);
    cx.out.push(done);
  }
  return { stmts: mergePayloads([...cx.front, ...cx.out]), comment: rule.comment };
}

export { evaluateElems };
