/** Expressions in nft's language. Models the print functions of nftables/src/{expression,payload,meta,ct,exthdr,…}.c */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { sortElems } from '../evaluate/sets.ts';

export interface Format extends xt.NftStyle {
  readonly handles: boolean;
  readonly stateless: boolean;
  readonly terse: boolean;
  readonly numericPriority: boolean;
}

/** A mask of several bits, joined. */
function bits(e: xt.ValueExpr, f: Format, glue: string): string {
  const list = nft.bitsOf(e.v);
  return list.length === 0 ? nft.printValue(e.type, e.v, f) : list.map((b) => nft.printValue(e.type, b, f)).join(glue);
}

export function maskList(e: xt.Expr, f: Format): string {
  return e.k === 'value' && e.type.base === 'bitmask' ? bits(e, f, ',') : exprText(e, f);
}

const several = (e: xt.Expr): boolean =>
  e.k === 'value' && e.type.base === 'bitmask' && typeof e.v !== 'string' && nft.bitsOf(e.v).length > 1;

/** As an operand: several bits stand in parentheses when something surrounds them. */
export function operandText(e: xt.Expr, f: Format): string {
  if (e.k === 'binop' || several(e)) return `(${exprText(e, f)})`;
  return exprText(e, f);
}

const RANK: Readonly<Record<xt.BinOp, number>> = { '<<': 3, '>>': 3, '&': 2, '^': 1, '|': 0 };

function binopText(e: xt.BinExpr, f: Format): string {
  const rank = RANK[e.op];
  const left = e.left.k === 'binop' && RANK[e.left.op] < rank ? `(${exprText(e.left, f)})` : exprText(e.left, f);
  const right = e.op === '<<' || e.op === '>>' ? exprText(e.right, f) : operandText(e.right, f);
  return `${left} ${e.op} ${right}`;
}

function valueText(e: xt.ValueExpr, f: Format): string {
  if (e.type.base === 'bitmask' && several(e)) return bits(e, f, ' | ');
  return nft.printValue(e.type, e.v, f);
}

/** A part of a raw payload, number of bits and base. */
function rawText(e: xt.PayloadExpr): string {
  return `@${e.base},${e.off},${e.len}`;
}

function durationText(ms: number): string {
  return nft.formatDuration(ms);
}

function elemText(el: xt.Elem, f: Format, stmtText: (s: xt.Stmt, f: Format) => string): string {
  let s = el.key ? exprText(el.key, f) : '*';
  if (el.timeout !== null) s += ` timeout ${durationText(el.timeout)}`;
  if (el.expires !== null && !f.stateless) s += ` expires ${durationText(el.expires)}`;
  for (const st of el.stmts) s += ` ${stmtText(st, f)}`;
  if (el.comment !== null) s += ` comment "${el.comment}"`;
  if (el.data) s += ` : ${exprText(el.data, f)}`;
  return s;
}

let statement: (s: xt.Stmt, f: Format) => string = () => '';

/** The printer of statements, which needs this one. */
export function usesStatements(print: typeof statement): void {
  statement = print;
}

export function elemsOf(e: xt.SetExpr): readonly xt.Elem[] {
  const interval = e.elems.some((el) => el.key && isInterval(el.key));
  return interval ? e.elems : sortElems(e.elems);
}

function isInterval(e: xt.Expr): boolean {
  return e.k === 'range' || e.k === 'prefix' || (e.k === 'concat' && e.items.some(isInterval));
}

export function elemsText(elems: readonly xt.Elem[], f: Format): string[] {
  return elems.map((el) => elemText(el, f, statement));
}

function setText(e: xt.SetExpr | xt.SetRefExpr, f: Format): string {
  if (e.k === 'setref') return `@${e.name}`;
  return `{ ${elemsText(elemsOf(e), f).join(', ')} }`;
}

function extText(e: xt.ExtExpr): string {
  const name = e.header.name;
  // The type 0 routing header's first address lies where a segment's does.
  if (name === 'rt0') return 'srh sid[1]';
  if (e.kind === 'exthdr') return e.field ? `${name} ${e.field.name}` : `exthdr ${name}`;
  if (e.raw) return `tcp option @${e.header.kind},${e.raw.off},${e.raw.len}`;
  const words = e.kind === 'tcpopt' ? 'tcp option' : e.kind === 'ipopt' ? 'ip option' : 'sctp chunk';
  return `${words} ${name}${e.field ? ` ${e.field.name}` : ''}`;
}

function hashText(e: xt.HashExpr, f: Format): string {
  let s: string = e.what;
  if (e.expr) s += ` ${exprText(e.expr, f)}`;
  s += ` mod ${e.mod}`;
  if (e.seed !== null) s += ` seed 0x${e.seed.toString(16)}`;
  if (e.offset) s += ` offset ${e.offset}`;
  return s;
}

export function verdictText(e: xt.VerdictExpr): string {
  return e.chain === null ? e.verdict : `${e.verdict} ${e.chain}`;
}

export function exprText(e: xt.Expr, f: Format): string {
  switch (e.k) {
    case 'value':
      return valueText(e, f);
    case 'symbol':
      return e.quoted ? `"${e.text}"` : e.text;
    case 'verdict':
      return verdictText(e);
    case 'prefix':
      return `${exprText(e.base, f)}/${e.len}`;
    case 'range': {
      // The ends of a range are numbers, whatever names they have.
      const style = { ...f, numeric: true, numericProto: true, services: false, guid: false };
      return `${exprText(e.left, style)}-${exprText(e.right, style)}`;
    }
    case 'concat':
      return e.items.map((i) => exprText(i, f)).join(' . ');
    case 'list':
      return e.items.map((i) => exprText(i, f)).join(',');
    case 'binop':
      return binopText(e, f);
    case 'payload':
      return e.desc && e.field ? `${e.desc.name} ${e.field.name}` : rawText(e);
    case 'ext':
      return extText(e);
    case 'meta':
      return nft.META_BARE.includes(e.key) ? e.key : `meta ${e.key}`;
    case 'ct':
      return `ct ${e.dir && e.key !== 'l3proto' && e.key !== 'protocol' ? `${e.dir} ` : ''}${e.key}`;
    case 'rt':
      return `rt ${e.key}`;
    case 'socket':
      return `socket ${e.key}${e.key === 'cgroupv2' ? ` level ${e.level}` : ''}`;
    case 'osf':
      return `osf ${e.ttl ? `ttl ${e.ttl} ` : ''}${e.version ? 'version' : 'name'}`;
    case 'fib':
      return `fib ${e.flags.join(' . ')} ${e.result}`;
    case 'numgen':
      return `numgen ${e.mode} mod ${e.mod}${e.offset ? ` offset ${e.offset}` : ''}`;
    case 'hash':
      return hashText(e, f);
    case 'xfrm':
      return `ipsec ${e.dir} ${e.spnum ? `spnum ${e.spnum} ` : ''}${e.key}`;
    case 'set':
    case 'setref':
      return setText(e, f);
    case 'ref':
      return `@${e.name}`;
    case 'map':
      return `${exprText(e.key, f)} ${e.type.base === 'verdict' ? 'vmap' : 'map'} ${setText(e.table, f)}`;
    default:
      return '';
  }
}
