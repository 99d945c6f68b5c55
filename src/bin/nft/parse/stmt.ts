/** Statements of a rule from text. Models the stmt rules of nftables/src/parser_bison.y */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { type Cursor, isKeyword, type Loc, locOf, NftError, span, type Token } from '../lexer.ts';
import { concatRhs, duration, lhs, refExpr, rhs, setExpr, stmtExpr, verdictExpr } from './expr.ts';
import { log, STRINGS } from './log.ts';
import { nat, tproxy } from './nat.ts';
import { selector, tcpOptionKind } from './selector.ts';
import { connlimit, counterBody, limitBody, quotaBody, statefulStatement } from './stateful.ts';

function reject(c: Cursor, from: Token): xt.RejectStmt {
  if (!c.take('with')) return { s: 'reject', kind: null, code: -1, loc: span(c, from) };
  if (c.take('tcp')) {
    c.expect('reset');
    return { s: 'reject', kind: 'tcp', code: 1, loc: span(c, from) };
  }
  if (!c.isAny(['icmp', 'icmpv6', 'icmpx'])) c.unexpected('icmp or icmpv6 or tcp or icmpx');
  const kind = c.next().text as 'icmp' | 'icmpv6' | 'icmpx';
  if (c.is('type')) c.next();
  const t = c.word(null);
  return {
    s: 'reject',
    kind,
    code: -1,
    symbol: { k: 'symbol', text: t.text, quoted: t.kind === 'quoted', type: nft.TYPES.integer, bits: 0, loc: locOf(t) },
    loc: span(c, from),
  };
}

function queue(c: Cursor): xt.QueueStmt {
  let num: xt.Expr | null = null;
  const flags: ('bypass' | 'fanout')[] = [];
  let to = false;
  const readFlags = (): void => {
    do {
      if (!c.isAny(['bypass', 'fanout'])) c.unexpected(null);
      flags.push(c.next().text as 'bypass' | 'fanout');
    } while (c.take(','));
  };
  for (let i = 0; i < 8; i++) {
    if (c.take('flags')) readFlags();
    else if (c.take('num')) num = queueNumber(c);
    else if (c.take('to')) {
      to = true;
      num = stmtExpr(c);
    } else if (c.isAny(['bypass', 'fanout'])) readFlags();
    else break;
  }
  return { s: 'queue', num, flags: flags.includes('bypass') ? (flags.includes('fanout') ? ['bypass', 'fanout'] : ['bypass']) : flags, to };
}

function queueNumber(c: Cursor): xt.Expr {
  const t = c.token;
  if (t.kind !== 'number' && t.text !== '$') c.unexpected(null);
  return rhs(c);
}

function setOp(c: Cursor, from: Token): xt.SetStmt {
  const op = from.text as 'add' | 'update' | 'delete';
  const set = refExpr(c);
  return setOpBody(c, from, op, set, false);
}

function setOpBody(c: Cursor, from: Token, op: 'add' | 'update' | 'delete', set: xt.Expr, meter: boolean): xt.SetStmt {
  c.expect('{', null);
  while (c.newline) c.next();
  const key = stmtExpr(c);
  let timeout: number | null = null;
  let comment: string | null = null;
  let data: xt.Expr | null = null;
  const stmts: xt.Stmt[] = [];
  for (let i = 0; i < 32; i++) {
    if (c.take('timeout')) timeout = duration(c);
    else if (c.take('comment')) comment = c.string();
    else if (c.take(':')) data = stmtExpr(c);
    else {
      const s = statefulStatement(c);
      if (!s) break;
      stmts.push(s);
    }
  }
  while (c.newline) c.next();
  c.expect('}', null);
  return { s: 'setop', op, set, key, data, timeout, stmts, meter, comment, loc: span(c, from) };
}

/** `meter http1 size 1024 { ip saddr limit rate 5/second }` */
function meter(c: Cursor, from: Token): xt.SetStmt {
  const name = c.word();
  if (c.take('size')) c.number();
  return setOpBody(c, from, 'add', { k: 'ref', name: name.text, type: nft.TYPES.integer, bits: 0, loc: locOf(name) }, true);
}

function objref(kind: xt.ObjKind, expr: xt.Expr, loc: Loc): xt.ObjrefStmt {
  return { s: 'objref', kind, expr, loc };
}

/** The name of an object or a map of names. */
function objName(c: Cursor): xt.Expr {
  if (c.token.kind === 'quoted') {
    const t = c.next();
    return { k: 'symbol', text: t.text, quoted: true, type: nft.TYPES.string, bits: 0, loc: locOf(t) };
  }
  return stmtExpr(c);
}

function synproxy(c: Cursor): xt.SynproxyStmt {
  let mss: number | null = null;
  let wscale: number | null = null;
  let timestamp = false;
  let sackPerm = false;
  for (let i = 0; i < 8; i++) {
    if (c.take('mss')) mss = c.number();
    else if (c.take('wscale')) wscale = c.number();
    else if (c.take('timestamp')) timestamp = true;
    else if (c.take('sack-perm')) sackPerm = true;
    else break;
  }
  return { s: 'synproxy', mss, wscale, timestamp, sackPerm };
}

const OPERATORS: readonly string[] = ['==', '!=', '<', '>', '<=', '>=', '!'];

/** A match, an assignment or a verdict map, when an expression begins here. */
function expressionStatement(c: Cursor, from: Token): xt.Stmt | null {
  const left = lhs(c);
  if (!left) return null;
  if (c.is('set') && (left.k === 'meta' || left.k === 'ct' || left.k === 'payload' || left.k === 'ext')) {
    c.next();
    const value = stmtExpr(c);
    return { s: 'assign', target: left, value, loc: span(c, from) };
  }
  if (c.is('vmap')) {
    c.next();
    const table = c.is('{') ? setExpr(c, true) : refExpr(c);
    const loc = span(c, from);
    return { s: 'verdict', expr: { k: 'map', key: left, table: table as xt.SetExpr, type: nft.TYPES.verdict, bits: 0, loc } };
  }
  if (c.is('map')) {
    // A map by itself compares with nothing.
    c.next();
    if (c.is('{')) setExpr(c, false);
    else refExpr(c);
    c.unexpected(null);
  }
  let op: xt.Op = 'implicit';
  if (c.token.kind === 'punct' && OPERATORS.includes(c.token.text)) op = c.next().text as xt.Op;
  if (c.end && op === 'implicit') c.unexpected(null);
  const right = rhs(c);
  if (c.is('/') && c.token.kind === 'punct') {
    // `tcp flags syn / syn,ack`
    c.next();
    const mask = rhs(c);
    const masked: xt.Expr = {
      k: 'binop',
      op: '&',
      left,
      right: mask,
      type: left.type,
      bits: left.bits,
      ...(left.loc ? { loc: left.loc } : {}),
    };
    return { s: 'match', op: op === 'implicit' ? '==' : op, left: masked, right, loc: span(c, from) };
  }
  return { s: 'match', op, left, right, loc: span(c, from) };
}

/** One statement. */
export function statement(c: Cursor): xt.Stmt {
  const t = c.token;
  if (t.kind === 'string') {
    const s = named(c, t);
    if (s) return s;
  }
  const e = expressionStatement(c, t);
  if (e) return e;
  if (t.kind === 'string' && t.text === 'comment') c.unexpected(null);
  if (t.kind === 'string' || t.kind === 'quoted' || t.kind === 'number') {
    // A word that names nothing is a symbol to nft's grammar: the mistake is what follows it.
    c.next();
    const operand = c.token.kind === 'number' || c.token.kind === 'quoted' || (c.token.kind === 'string' && !isKeyword(c.token.text));
    if (c.end || c.is('-') || (c.token.kind !== 'punct' && !operand)) c.unexpected(null);
    const left = { k: 'symbol', text: t.text, quoted: t.kind === 'quoted', type: nft.TYPES.integer, bits: 0, loc: locOf(t) } as const;
    if (operand) {
      rhs(c);
      throw new NftError('No symbol type information', t);
    }
    c.next();
    return { s: 'match', op: '==', left, right: rhs(c), loc: span(c, t) };
  }
  c.unexpected(null);
}

function named(c: Cursor, t: Token): xt.Stmt | null {
  const second = c.peek();
  switch (t.text) {
    case 'counter':
      c.next();
      if (c.take('name')) return objref('counter', objName(c), span(c, t));
      return counterBody(c);
    case 'limit':
      c.next();
      if (c.take('name')) return objref('limit', objName(c), span(c, t));
      return limitBody(c);
    case 'quota':
      c.next();
      if (c.take('name')) return objref('quota', objName(c), span(c, t));
      return quotaBody(c);
    case 'log':
      c.next();
      return log(c);
    case 'reject':
      c.next();
      return reject(c, t);
    case 'snat':
    case 'dnat':
    case 'masquerade':
    case 'redirect':
      c.next();
      return nat(c, t);
    case 'tproxy':
      c.next();
      return tproxy(c, t);
    case 'queue':
      c.next();
      return queue(c);
    case 'notrack':
      c.next();
      return { s: 'notrack' };
    case 'dup': {
      c.next();
      c.expect('to', null);
      const addr = stmtExpr(c);
      return { s: 'dup', addr, dev: c.take('device') ? stmtExpr(c) : null };
    }
    case 'fwd': {
      c.next();
      const family = c.isAny(['ip', 'ip6']) ? (c.next().text as 'ip' | 'ip6') : null;
      c.expect('to', null);
      const first = stmtExpr(c);
      if (family) {
        c.expect('device');
        return { s: 'fwd', family, addr: first, dev: stmtExpr(c) };
      }
      return { s: 'fwd', family, addr: null, dev: first };
    }
    case 'synproxy':
      c.next();
      if (c.take('name')) return objref('synproxy', objName(c), span(c, t));
      return synproxy(c);
    case 'add':
    case 'update':
    case 'delete':
      if (second.text !== '@') return null;
      c.next();
      return setOp(c, t);
    case 'set': {
      // The old way round: `set add ip saddr @name`.
      if (!['add', 'update', 'delete'].includes(second.text)) return null;
      c.next();
      const op = c.next().text as 'add' | 'update' | 'delete';
      const key = stmtExpr(c);
      const timeout = c.take('timeout') ? duration(c) : null;
      const set = refExpr(c);
      return { s: 'setop', op, set, key, data: null, timeout, stmts: [], meter: false, comment: null, loc: span(c, t) };
    }
    case 'meter':
      c.next();
      return meter(c, t);
    case 'flow': {
      c.next();
      c.take('offload') || c.expect('add', null);
      const name = refExpr(c);
      return { s: 'flow', name: name.name, loc: name.loc ?? locOf(t) };
    }
    case 'reset': {
      if (second.text !== 'tcp') return null;
      c.at += 2;
      c.expect('option');
      const header = tcpOptionKind(c);
      const target: xt.ExtExpr = { k: 'ext', kind: 'tcpopt', header, field: null, type: nft.TYPES.boolean, bits: 1, loc: span(c, t) };
      return { s: 'resetopt', target };
    }
    case 'ct':
      return ctStatement(c, t, second);
    case 'meta':
      if (second.text === 'secmark' && c.peek(2).text === 'set' && c.peek(3).kind === 'quoted') {
        c.at += 3;
        return objref('secmark', objName(c), span(c, t));
      }
      return null;
    default: {
      const v = verdictExpr(c);
      return v ? { s: 'verdict', expr: v } : null;
    }
  }
}

function ctStatement(c: Cursor, t: Token, second: Token): xt.Stmt | null {
  if (second.text === 'count') {
    c.at += 2;
    return connlimit(c);
  }
  if (c.peek(2).text !== 'set') return null;
  if (second.text === 'helper' || second.text === 'timeout' || second.text === 'expectation') {
    c.at += 3;
    return objref(`ct ${second.text}` as xt.ObjKind, objName(c), span(c, t));
  }
  return null;
}

export interface ParsedRule {
  readonly stmts: readonly xt.Stmt[];
  /** Where each stood. */
  readonly locs: readonly Loc[];
  readonly comment: string | null;
  readonly loc: Loc;
}

/** Statements to the end of the line, and the comment. */
export function parseRule(c: Cursor): ParsedRule {
  const from = c.token;
  const stmts: xt.Stmt[] = [];
  const locs: Loc[] = [];
  let comment: string | null = null;
  if (c.end) c.unexpected(null);
  while (!c.end) {
    if (stmts.length > 500) throw new NftError('rule too long', c.token);
    if (c.is('comment') && stmts.length > 0) {
      c.next();
      const t = c.word(STRINGS);
      if (t.text.length > 128) throw new NftError('comment too long, 128 characters maximum allowed', t);
      comment = t.text;
      if (!c.end) c.unexpected(null);
      break;
    }
    const first = c.token;
    stmts.push(statement(c));
    locs.push(span(c, first));
  }
  return { stmts, locs, comment, loc: span(c, from) };
}

export { concatRhs, selector };
