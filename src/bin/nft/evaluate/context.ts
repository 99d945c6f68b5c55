/** What is known while a rule is evaluated: which header is at which layer, where names lead. Models struct eval_ctx and proto_ctx */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';

/** `inet` and `netdev` stand where the link layer is not known but tells the network protocol by meta data. */
export type Known = xt.Proto | 'inet' | 'netdev' | null;

export class ProtoContext {
  readonly family: xt.NftFamily;
  ll: Known = null;
  nh: xt.Proto | null = null;
  th: xt.Proto | null = null;
  icmpType: number | null = null;

  constructor(family: xt.NftFamily) {
    this.family = family;
    if (family === 'ip' || family === 'ip6' || family === 'arp') this.nh = nft.protoByName(family);
    else if (family === 'bridge') this.ll = nft.protoByName('ether');
    else this.ll = family === 'inet' ? 'inet' : 'netdev';
  }

  /** A match that names the protocol of a layer makes that layer known. */
  learn(left: xt.Expr, value: xt.NftValue): void {
    const n = Number(value);
    if (left.k === 'meta') {
      if (left.key === 'nfproto') this.nh ??= n === 2 ? nft.protoByName('ip') : n === 10 ? nft.protoByName('ip6') : null;
      else if (left.key === 'protocol') this.network(n);
      else if (left.key === 'l4proto') this.transport(n);
      else if (left.key === 'iiftype' || left.key === 'oiftype') {
        if (n === 1) this.ll = nft.protoByName('ether');
      }
    } else if (left.k === 'payload' && left.desc && left.field && left.field.name === left.desc.key) {
      if (left.desc.base === 'll') this.network(n);
      else this.transport(n);
    } else if (left.k === 'payload' && (left.desc?.name === 'icmp' || left.desc?.name === 'icmpv6') && left.field?.name === 'type') {
      this.icmpType = n;
    }
  }

  private network(ethertype: number): void {
    const p = nft.upperProto(nft.protoByName('ether') as xt.Proto, ethertype);
    if (!p) return;
    if (p.base === 'll') this.ll = p;
    else this.nh ??= p;
  }

  private transport(n: number): void {
    this.th ??= nft.l4Proto(n);
  }
}

/** Names and objects that a rule may refer to: those there are and those that the same transaction makes. */
export interface Scope {
  readonly names: xt.Names;
  readonly family: xt.NftFamily;
  findSet(name: string): xt.NftSet | null;
  /** What is offered for a set that is not there. */
  hintSet(name: string): string;
}

export interface EvalCx {
  readonly scope: Scope;
  readonly ctx: ProtoContext;
  /** Statements so far; dependencies go in here. */
  readonly out: xt.Stmt[];
  /** Dependencies that stand at the begin of the rule. */
  readonly front: xt.Stmt[];
  /** The expression that made the transport protocol known. */
  readonly seen: { th: xt.Loc | null };
}

export interface Want {
  readonly type: xt.DataType;
  readonly bits: number;
}

export const wantOf = (e: xt.Expr): Want => ({ type: e.type, bits: e.bits });

export function valueExpr(type: xt.DataType, v: xt.NftValue, bits = type.bits, loc?: xt.Loc): xt.ValueExpr {
  return { k: 'value', v, type, bits, ...(loc ? { loc } : {}) };
}

export function metaExpr(key: string): xt.MetaExpr {
  const def = nft.keyOf(nft.META_KEYS, key);
  const type = def?.type ?? nft.TYPES.integer;
  return { k: 'meta', key, type, bits: def?.bits ?? 32 };
}

export function payloadExpr(proto: xt.Proto, fieldName: string): xt.PayloadExpr {
  const field = nft.fieldOf(proto, fieldName) as xt.Field;
  return { k: 'payload', base: proto.base, off: field.off, len: field.len, desc: proto, field, type: field.type, bits: field.len };
}

export function equals(left: xt.Expr, v: xt.NftValue): xt.MatchStmt {
  return { s: 'match', op: '==', left, right: valueExpr(left.type, v, left.bits) };
}
