/** Operators, sets, maps, concatenations and constants from text to expressions. Models the expression rules of nftables/src/parser_bison.y */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { type Cursor, join, type Loc, locOf, NftError, type Token } from '../lexer.ts';
import { selector } from './selector.ts';
import { statefulStatement } from './stateful.ts';

const UNKNOWN = nft.TYPES.integer;

const locs = (a: xt.Expr, b: xt.Expr): { loc?: Loc } => (a.loc && b.loc ? { loc: join(a.loc, b.loc) } : {});

function symbol(t: Token): xt.SymbolExpr {
  return { k: 'symbol', text: t.text, quoted: t.kind === 'quoted', type: UNKNOWN, bits: 0, loc: locOf(t) };
}

/** How deep expressions may nest. */
const MAX_DEPTH = 60;
let depth = 0;

function nested<T>(c: Cursor, run: () => T): T {
  if (++depth > MAX_DEPTH) {
    depth = 0;
    throw new NftError('syntax error, nested too deep', c.token);
  }
  try {
    return run();
  } finally {
    depth = Math.max(0, depth - 1);
  }
}

const VERDICTS: readonly string[] = ['accept', 'drop', 'continue', 'return', 'jump', 'goto', 'queue'];

export function verdictExpr(c: Cursor): xt.VerdictExpr | null {
  const t = c.token;
  if (t.kind !== 'string' || !VERDICTS.includes(t.text)) return null;
  if (t.text === 'queue') return null;
  c.next();
  let chain: string | null = null;
  if (t.text === 'jump' || t.text === 'goto') chain = c.word(c.end ? "'{'" : 'string').text;
  return {
    k: 'verdict',
    verdict: t.text as xt.VerdictName,
    chain,
    type: nft.TYPES.verdict,
    bits: 0,
    loc: join(locOf(t), locOf(c.previous)),
  };
}

/** A constant: word, number, address, `(…)`. */
function primaryRhs(c: Cursor): xt.Expr {
  const t = c.token;
  if (t.kind === 'punct' && t.text === '(') {
    c.next();
    const e = nested(c, () => rhsList(c));
    c.expect(')');
    return e;
  }
  if (t.kind === 'punct' && t.text === '*') {
    c.next();
    return symbol(t);
  }
  if (t.kind === 'punct' && t.text === '[') {
    c.next();
    const inner = primaryRhs(c);
    c.expect(']');
    return inner;
  }
  if (t.kind === 'punct' && t.text === '@') {
    c.next();
    const name = c.word();
    return { k: 'ref', name: name.text, type: UNKNOWN, bits: 0, loc: join(locOf(t), locOf(name)) };
  }
  if (t.kind !== 'string' && t.kind !== 'number' && t.kind !== 'quoted') c.unexpected(null);
  c.next();
  return symbol(t);
}

type Level = { readonly op: xt.BinOp }[];

function binary(c: Cursor, ops: readonly string[], operand: () => xt.Expr): xt.Expr {
  let left = operand();
  for (let i = 0; i < 1000 && c.token.kind === 'punct' && ops.includes(c.token.text); i++) {
    const op = c.next().text as xt.BinOp;
    const right = operand();
    left = { k: 'binop', op, left, right, type: left.type, bits: left.bits, ...locs(left, right) };
  }
  return left;
}

const shiftRhs = (c: Cursor): xt.Expr => binary(c, ['<<', '>>'], () => primaryRhs(c));
const andRhs = (c: Cursor): xt.Expr => binary(c, ['&'], () => shiftRhs(c));
const xorRhs = (c: Cursor): xt.Expr => binary(c, ['^'], () => andRhs(c));
const orRhs = (c: Cursor): xt.Expr => binary(c, ['|'], () => xorRhs(c));

/** With prefix and range. */
function basicRhs(c: Cursor): xt.Expr {
  const left = orRhs(c);
  if (c.is('/') && left.k === 'symbol') {
    c.next();
    const t = c.token;
    if (t.kind !== 'number') return prefixOrMask(c, left);
    const len = c.number();
    return withRange(c, { k: 'prefix', base: left, len, type: UNKNOWN, bits: 0, loc: join(left.loc ?? locOf(t), locOf(t)) });
  }
  return withRange(c, left);
}

function prefixOrMask(c: Cursor, left: xt.Expr): xt.Expr {
  c.at--;
  return left;
}

function withRange(c: Cursor, left: xt.Expr): xt.Expr {
  if (!c.is('-') || c.token.kind !== 'punct') return left;
  c.next();
  const right = orRhs(c);
  return { k: 'range', left, right, type: UNKNOWN, bits: 0, ...locs(left, right) };
}

export function concatRhs(c: Cursor): xt.Expr {
  const v = verdictExpr(c);
  if (v) return v;
  const first = basicRhs(c);
  if (!c.is('.') || c.token.kind !== 'punct') return first;
  const items = [first];
  for (let i = 0; i < 64 && c.take('.'); i++) items.push(basicRhs(c));
  const last = items[items.length - 1] as xt.Expr;
  return { k: 'concat', items, type: UNKNOWN, bits: 0, ...locs(first, last) };
}

/** `a,b,c` of bit masks. */
function rhsList(c: Cursor): xt.Expr {
  const first = concatRhs(c);
  if (!c.is(',')) return first;
  const items = [first];
  for (let i = 0; i < 10000 && c.take(','); i++) items.push(concatRhs(c));
  return { k: 'list', items, type: UNKNOWN, bits: 0, ...locs(first, items[items.length - 1] as xt.Expr) };
}

/** One right-hand side of a match. */
export function rhs(c: Cursor): xt.Expr {
  if (c.is('{') && c.token.kind === 'punct') return setExpr(c, false);
  return rhsList(c);
}

function elemOptions(c: Cursor, key: xt.Expr | null, from: Token, data: (c: Cursor) => xt.Expr | null): xt.Elem {
  let comment: string | null = null;
  let timeout: number | null = null;
  let expires: number | null = null;
  const stmts: xt.Stmt[] = [];
  let value: xt.Expr | null = null;
  for (let i = 0; i < 64; i++) {
    if (c.take('comment')) comment = c.string();
    else if (c.take('timeout')) timeout = duration(c);
    else if (c.take('expires')) expires = duration(c);
    else if (c.is(':') && value === null) {
      c.next();
      value = data(c);
      break;
    } else {
      const s = statefulStatement(c);
      if (!s) break;
      stmts.push(s);
    }
  }
  return { key, data: value, comment, timeout, expires, stmts, loc: join(locOf(from), locOf(c.previous)) };
}

export function duration(c: Cursor): number {
  const t = c.word(null);
  const ms = nft.parseDuration(t.text);
  if (ms === null) throw new NftError('Could not parse time string', t);
  return ms;
}

/** What stands after the colon: a constant, a verdict, a range, a concatenation. */
function mapData(c: Cursor): xt.Expr {
  return concatRhs(c);
}

/** `{ a, b : c timeout 5s, * : d }` */
export function setExpr(c: Cursor, vmap: boolean): xt.SetExpr {
  const open = c.expect('{');
  const elems: xt.Elem[] = [];
  for (let i = 0; i < 1000000; i++) {
    while (c.newline) c.next();
    if (c.is('}') && i > 0) break;
    if (c.is('}')) c.unexpected(null);
    if (c.done && i > 0) c.unexpected("comma or '}'");
    const from = c.token;
    const wild = from.kind === 'punct' && from.text === '*';
    let key: xt.Expr | null = null;
    if (wild) c.next();
    else key = c.is('{') ? setExpr(c, false) : concatRhs(c);
    const el = elemOptions(c, key, from, mapData);
    // Verdict maps have nothing but verdicts.
    if (vmap && !el.data) c.unexpected('colon');
    if (vmap && el.data?.k !== 'verdict') {
      c.at--;
      c.unexpected(null);
    }
    elems.push(el);
    while (c.newline) c.next();
    if (!c.take(',')) break;
  }
  while (c.newline) c.next();
  if (!c.is('}')) c.unexpected(elems.length > 0 && elems[elems.length - 1]?.data === null ? "comma or '}'" : null);
  const close = c.next();
  return { k: 'set', elems, type: UNKNOWN, bits: 0, loc: join(locOf(open), locOf(close)) };
}

/** A selector, a constant or a parenthesis: what assignments and NAT take. */
function primaryStmt(c: Cursor): xt.Expr {
  const t = c.token;
  if (t.kind === 'punct' && t.text === '(') {
    c.next();
    const e = nested(c, () => orStmt(c));
    c.expect(')', null);
    return e;
  }
  return selector(c) ?? primaryRhs(c);
}

const shiftStmt = (c: Cursor): xt.Expr => binary(c, ['<<', '>>'], () => primaryStmt(c));
const andStmt = (c: Cursor): xt.Expr => binary(c, ['&'], () => shiftStmt(c));
const xorStmt = (c: Cursor): xt.Expr => binary(c, ['^'], () => andStmt(c));
const orStmt = (c: Cursor): xt.Expr => binary(c, ['|'], () => xorStmt(c));

function basicStmt(c: Cursor): xt.Expr {
  const left = orStmt(c);
  if (c.is('/') && left.k === 'symbol' && c.peek().kind === 'number') {
    c.next();
    const t = c.token;
    const len = c.number();
    return withRange(c, { k: 'prefix', base: left, len, type: UNKNOWN, bits: 0, loc: join(left.loc ?? locOf(t), locOf(t)) });
  }
  return withRange(c, left);
}

function concatStmt(c: Cursor): xt.Expr {
  const first = basicStmt(c);
  if (!c.is('.') || c.token.kind !== 'punct') return first;
  const items = [first];
  for (let i = 0; i < 64 && c.take('.'); i++) items.push(basicStmt(c));
  return { k: 'concat', items, type: UNKNOWN, bits: 0, ...locs(first, items[items.length - 1] as xt.Expr) };
}

function mapTail(c: Cursor, key: xt.Expr): xt.Expr {
  c.expect('map');
  const table = c.is('{') ? setExpr(c, false) : refExpr(c);
  return { k: 'map', key, table: table as xt.SetExpr, type: UNKNOWN, bits: 0, ...locs(key, table) };
}

export function refExpr(c: Cursor): xt.RefExpr {
  const t = c.token;
  if (!c.is('@')) c.unexpected(null);
  c.next();
  const name = c.word();
  return { k: 'ref', name: name.text, type: UNKNOWN, bits: 0, loc: join(locOf(t), locOf(name)) };
}

/** The value of an assignment or NAT: an expression, a map look-up, a list of bits. */
export function stmtExpr(c: Cursor): xt.Expr {
  if (c.is('{')) return setExpr(c, false);
  const first = concatStmt(c);
  if (c.is('map')) return mapTail(c, first);
  if (!c.is(',')) return first;
  const items = [first];
  for (let i = 0; i < 64 && c.take(','); i++) items.push(concatStmt(c));
  return { k: 'list', items, type: UNKNOWN, bits: 0, ...locs(first, items[items.length - 1] as xt.Expr) };
}

/** The left side of a match: selectors with operators, concatenated. Null when no selector stands there. */
export function lhs(c: Cursor): xt.Expr | null {
  const at = c.at;
  const part = (): xt.Expr | null => {
    if (c.is('(') && c.token.kind === 'punct') {
      c.next();
      const inner = nested(c, () => part());
      if (!inner) return null;
      c.expect(')');
      return operators(c, inner);
    }
    const s = selector(c);
    return s && operators(c, s);
  };
  const first = part();
  if (!first) {
    c.at = at;
    return null;
  }
  if (!c.is('.') || c.token.kind !== 'punct') return first;
  const items = [first];
  for (let i = 0; i < 64 && c.take('.'); i++) {
    const next = part();
    if (!next) c.unexpected(null);
    items.push(next);
  }
  return { k: 'concat', items, type: UNKNOWN, bits: 0, ...locs(first, items[items.length - 1] as xt.Expr) };
}

const RANK: Readonly<Record<string, number>> = { '<<': 3, '>>': 3, '&': 2, '^': 1, '|': 0 };

/** Operators after a selector; the right operands are constants. */
function operators(c: Cursor, first: xt.Expr, min = 0): xt.Expr {
  let left = first;
  for (let i = 0; i < 64; i++) {
    const rank = c.token.kind === 'punct' ? RANK[c.token.text] : undefined;
    if (rank === undefined || rank < min) return left;
    const op = c.next().text as xt.BinOp;
    let right = primaryRhsOrSelector(c);
    right = operators(c, right, rank + 1);
    left = { k: 'binop', op, left, right, type: left.type, bits: left.bits, ...locs(left, right) };
  }
  return left;
}

function primaryRhsOrSelector(c: Cursor): xt.Expr {
  return primaryRhs(c);
}

/** What jhash looks at. */
export function hashOperand(c: Cursor): xt.Expr {
  const e = nested(c, () => lhs(c));
  if (!e) c.unexpected(null);
  return e;
}

export type { Level };
