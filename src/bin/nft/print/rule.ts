/** A rule as it is listed: matches that others imply are left out. Models rule_parse_postprocess() of nftables/src/netlink_delinearize.c */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { ProtoContext } from '../evaluate/context.ts';
import type { Format } from './expr.ts';
import { stmtText } from './stmt.ts';

type Layer = 'll' | 'nh' | 'th';

/** The layer that a match makes known. */
function layerNamed(left: xt.Expr): Layer | null {
  if (left.k === 'meta') {
    if (left.key === 'iiftype' || left.key === 'oiftype') return 'll';
    if (left.key === 'nfproto' || left.key === 'protocol') return 'nh';
    return left.key === 'l4proto' ? 'th' : null;
  }
  if (left.k !== 'payload' || !left.desc || left.field?.name !== left.desc.key) return null;
  return left.desc.base === 'll' ? 'nh' : 'th';
}

const MIXED: readonly xt.NftFamily[] = ['inet', 'bridge', 'netdev'];

class Listing {
  readonly ctx: ProtoContext;
  readonly deps: Partial<Record<Layer, xt.Stmt>> = {};
  readonly dropped = new Set<xt.Stmt>();
  private readonly family: xt.NftFamily;
  icmpDep: xt.Stmt | null = null;

  constructor(family: xt.NftFamily) {
    this.family = family;
    this.ctx = new ProtoContext(family);
  }

  release(layer: Layer): void {
    const dep = this.deps[layer];
    if (dep) this.dropped.add(dep);
    delete this.deps[layer];
  }

  /** A payload of the layer makes the match before it redundant. */
  payload(e: xt.PayloadExpr): void {
    const { desc } = e;
    if (!desc || e.base === 'ih') return;
    if (desc.name === 'vlan') {
      this.release('ll');
      return;
    }
    this.icmp(e, desc);
    const layer = e.base as Layer;
    const dep = this.deps[layer];
    if (dep?.s === 'match' && this.may(dep, layer)) this.release(layer);
  }

  /** A field that only one ICMP type has makes the type redundant. */
  private icmp(e: xt.PayloadExpr, desc: xt.Proto): void {
    const { icmpDep } = this;
    if (icmpDep?.s !== 'match' || !e.field?.icmp) return;
    const needs = nft.ICMP_NEEDS[desc.name as 'icmp' | 'icmpv6']?.[e.field.icmp] ?? [];
    if (needs.length === 1 && icmpDep.right.k === 'value' && needs[0] === icmpDep.right.v) this.dropped.add(icmpDep);
    this.icmpDep = null;
  }

  private may(dep: xt.MatchStmt, layer: Layer): boolean {
    const mixed = MIXED.includes(this.family);
    if (mixed && layer === 'th' && dep.left.k === 'payload' && dep.left.base === 'nh') return false;
    if (layer === 'nh' && dep.left.k === 'meta' && dep.left.key === 'protocol' && this.family === 'inet') return false;
    return true;
  }

  ext(e: xt.ExtExpr): void {
    if (e.kind === 'exthdr') {
      const dep = this.deps.nh;
      if (dep?.s === 'match' && this.may(dep, 'nh')) this.release('nh');
    } else if (e.kind === 'ipopt') this.release('nh');
    else this.release('th');
  }

  /** Everything inside an expression. */
  visit(e: xt.Expr | null): void {
    if (!e) return;
    switch (e.k) {
      case 'payload':
        this.payload(e);
        return;
      case 'ext':
        this.ext(e);
        return;
      case 'concat':
      case 'list':
        for (const i of e.items) this.visit(i);
        return;
      case 'binop':
        this.visit(e.left);
        return;
      case 'map':
        this.visit(e.key);
        return;
      case 'hash':
        this.visit(e.expr);
        return;
      default:
    }
  }

  match(s: xt.MatchStmt): void {
    const { left } = s;
    this.visit(left);
    if (s.op !== '==' || s.right.k !== 'value') return;
    const layer = layerNamed(left);
    if (left.k === 'meta' && left.key === 'l4proto' && this.deps.nh) {
      if (MIXED.includes(this.family)) this.icmpOverNetwork(Number(s.right.v));
      else this.release('nh');
    }
    this.ctx.learn(left, s.right.v);
    if (left.k === 'payload' && left.field?.name === 'type' && (left.desc?.name === 'icmp' || left.desc?.name === 'icmpv6'))
      this.icmpDep = s;
    // A VLAN header lies on the same layer as what names it.
    if (layer) this.deps[layer === 'nh' && left.k === 'payload' && Number(s.right.v) === 0x8100 ? 'll' : layer] = s;
  }

  /** ICMP names its own network protocol. */
  private icmpOverNetwork(l4: number): void {
    const dep = this.deps.nh;
    if (dep?.s !== 'match' || dep.right.k !== 'value') return;
    const v = Number(dep.right.v);
    const four = v === 2 || v === 0x800;
    const six = v === 10 || v === 0x86dd;
    if ((l4 === 1 && four) || (l4 === 58 && six)) this.release('nh');
  }

  reset(): void {
    delete this.deps.ll;
    delete this.deps.nh;
    delete this.deps.th;
    this.icmpDep = null;
  }
}

/** A raw field or `th` whose header is known by now gets that header's name. */
function named(e: xt.Expr, ctx: ProtoContext): xt.Expr {
  if (e.k === 'binop') return { ...e, left: named(e.left, ctx) };
  if (e.k === 'concat') return { ...e, items: e.items.map((i) => named(i, ctx)) };
  if (e.k === 'map') return { ...e, key: named(e.key, ctx) };
  if (e.k === 'hash' && e.expr) return { ...e, expr: named(e.expr, ctx) };
  if (e.k !== 'payload' || (e.desc && e.desc.name !== 'th') || e.base === 'ih') return e;
  const known = e.base === 'll' ? ctx.ll : e.base === 'nh' ? ctx.nh : (ctx.th ?? nft.protoByName('th'));
  if (!known || typeof known === 'string') return e;
  const field = known.fields.find((x) => x.off === e.off && x.len === e.len);
  if (!field) return e;
  return { ...e, desc: known, field, type: field.type };
}

/** Constants of a field that got its name only now are read with that field's type. */
function retyped(e: xt.Expr, type: xt.DataType): xt.Expr {
  if (e.k === 'value') return { ...e, type };
  if (e.k === 'range') return { ...e, left: retyped(e.left, type), right: retyped(e.right, type), type };
  if (e.k === 'prefix') return { ...e, base: retyped(e.base, type), type };
  if (e.k === 'set') return { ...e, elems: e.elems.map((el) => (el.key ? { ...el, key: retyped(el.key, type) } : el)), type };
  return e;
}

/** `x & mask == v` of addresses, where the mask is a prefix's. */
function asPrefix(s: xt.MatchStmt): xt.MatchStmt {
  const { left, right } = s;
  if (left.k !== 'binop' || left.op !== '&' || !left.left.type.prefix || left.right.k !== 'value' || right.k !== 'value') return s;
  const bits = left.left.bits;
  const host = ((1n << BigInt(bits)) - 1n) ^ BigInt(left.right.v);
  if ((host & (host + 1n)) !== 0n) return s;
  let len = bits;
  for (let h = host; h > 0n; h >>= 1n) len--;
  return { ...s, left: left.left, right: { k: 'prefix', base: right, len, type: right.type, bits } };
}

export interface Listed {
  readonly stmts: readonly xt.Stmt[];
  /** Reject statements whose code has to be written. */
  readonly verbose: ReadonlySet<xt.Stmt>;
}

function rejectStmt(l: Listing, s: xt.RejectStmt, family: xt.NftFamily, verbose: Set<xt.Stmt>): void {
  if (family === 'ip' || family === 'ip6') {
    if (s.kind === 'tcp') l.release('th');
    return;
  }
  if (s.kind === 'icmpx') return;
  verbose.add(s);
  l.release('nh');
}

export function listRule(stmts: readonly xt.Stmt[], family: xt.NftFamily): Listed {
  const l = new Listing(family);
  const verbose = new Set<xt.Stmt>();
  const out: xt.Stmt[] = [];
  for (const original of stmts) {
    let s = original;
    if (s.s === 'match') {
      const left = named(s.left, l.ctx);
      if (left !== s.left) {
        s = { ...s, left, right: left.k === 'payload' ? retyped(s.right, left.type) : s.right };
      }
      s = asPrefix(s);
      out.push(s);
      l.match(s as xt.MatchStmt);
      continue;
    }
    if (s.s === 'verdict' && s.expr.k === 'map') s = { ...s, expr: named(s.expr, l.ctx) };
    out.push(s);
    switch (s.s) {
      case 'verdict':
        l.visit(s.expr);
        break;
      case 'assign':
        l.visit(s.target);
        l.visit(s.value);
        break;
      case 'resetopt':
        l.visit(s.target);
        break;
      case 'nat':
        l.visit(s.addr);
        l.visit(s.port);
        break;
      case 'setop':
        l.visit(s.key);
        l.visit(s.data);
        break;
      case 'objref':
        l.visit(s.expr);
        break;
      case 'queue':
        l.visit(s.num);
        break;
      case 'reject':
        rejectStmt(l, s, family, verbose);
        break;
      default:
    }
    // Verdict maps are expressions to nft, and copies of packets change nothing.
    if (!(s.s === 'verdict' && s.expr.k === 'map') && s.s !== 'dup') l.reset();
  }
  return { stmts: out.filter((s, i) => !l.dropped.has(s) && !l.dropped.has(stmts[i] as xt.Stmt)), verbose };
}

export function ruleText(stmts: readonly xt.Stmt[], comment: string | null, family: xt.NftFamily, f: Format): string {
  const { stmts: shown, verbose } = listRule(stmts, family);
  const parts = shown.map((s) => stmtText(s, f, { table: family, plainReject: !verbose.has(s) }));
  if (comment !== null) parts.push(`comment "${comment}"`);
  return parts.join(' ');
}
