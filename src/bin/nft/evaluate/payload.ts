/** Payload expressions bring the matches that they depend on. Models nftables/src/payload.c and expr_evaluate_payload() */

import * as nft from '../../../os/nft.ts';
import type { xt } from '../../../os/uapi.ts';
import { NftError } from '../lexer.ts';
import { type EvalCx, equals, metaExpr, payloadExpr, valueExpr } from './context.ts';

function conflict(have: string, want: string, e: xt.Expr): never {
  throw new NftError(`conflicting protocols specified: ${have} vs. ${want}`, e.loc ?? { line: 0, from: 0, to: 1 });
}

function push(cx: EvalCx, s: xt.MatchStmt): void {
  cx.out.push(s);
  if (s.right.k === 'value') cx.ctx.learn(s.left, s.right.v);
}

/** Makes sure that the frame is Ethernet. */
function needEther(cx: EvalCx, e: xt.Expr): void {
  const { ctx } = cx;
  if (ctx.family === 'arp' && ctx.ll === null) push(cx, equals(metaExpr('iiftype'), 1));
  else if (ctx.ll === null || ctx.ll === 'inet' || ctx.ll === 'netdev') push(cx, equals(metaExpr('iiftype'), 1));
  else if (ctx.ll.name !== 'ether') conflict(ctx.ll.name, 'ether', e);
}

/** Makes sure that the network protocol is this one. */
export function needNetwork(cx: EvalCx, want: xt.Proto, e: xt.Expr): void {
  const { ctx } = cx;
  if (ctx.nh) {
    if (ctx.nh !== want) conflict(ctx.nh.name, want.name, e);
    return;
  }
  const number = nft.numberInLower(want, 'l3') as number;
  if (ctx.ll === 'inet') {
    if (want.name === 'arp') conflict('inet', 'arp', e);
    push(cx, equals(metaExpr('nfproto'), want.name === 'ip' ? 2 : 10));
  } else if (ctx.ll === 'netdev') push(cx, equals(metaExpr('protocol'), number));
  else if (ctx.ll) push(cx, equals(payloadExpr(ctx.ll, 'type'), number));
  else push(cx, equals(metaExpr('nfproto'), want.name === 'ip' ? 2 : 10));
}

function needTransport(cx: EvalCx, want: xt.Proto, e: xt.Expr): void {
  const { ctx } = cx;
  if (ctx.th) {
    if (ctx.th !== want) conflict(ctx.th.name, want.name, e);
    return;
  }
  if (ctx.nh && !ctx.nh.upper) conflict(ctx.nh.name, want.name, e);
  const l3only = want.name === 'icmp' || want.name === 'igmp' ? 'ip' : want.name === 'icmpv6' ? 'ip6' : null;
  if (l3only && !ctx.nh) needNetwork(cx, nft.protoByName(l3only) as xt.Proto, e);
  push(cx, equals(metaExpr('l4proto'), nft.numberInLower(want, 'l4') as number));
  cx.seen.th = e.loc ?? null;
}

/** ICMP fields that only some types have. */
function needIcmpType(cx: EvalCx, desc: xt.Proto, field: xt.Field, e: xt.Expr): void {
  if (!field.icmp) return;
  const types = nft.ICMP_NEEDS[desc.name as 'icmp' | 'icmpv6'][field.icmp] ?? [];
  const first = types[0] as number;
  const { ctx } = cx;
  if (ctx.icmpType !== null) {
    if (types.includes(ctx.icmpType)) return;
    throw new NftError(`incompatible icmp match: rule has ${ctx.icmpType}, need ${first}`, e.loc ?? { line: 0, from: 0, to: 1 });
  }
  const left = payloadExpr(desc, 'type');
  if (types.length === 1) push(cx, equals(left, first));
  else {
    const elems = types.map((v) => ({
      key: valueExpr(left.type, v),
      data: null,
      comment: null,
      timeout: null,
      expires: null,
      stmts: [],
    }));
    cx.out.push({ s: 'match', op: '==', left, right: { k: 'set', elems, type: left.type, bits: left.bits } });
    ctx.icmpType = first;
  }
}

export function evaluatePayload(cx: EvalCx, e: xt.PayloadExpr): xt.PayloadExpr {
  const { desc, field } = e;
  if (!desc || !field) return e;
  const { ctx } = cx;
  if (desc.name === 'th') return e;
  if (desc.base === 'll') {
    if (desc.name === 'ether') {
      if (ctx.ll === null || typeof ctx.ll === 'string') needEther(cx, e);
    } else if (ctx.ll !== desc) {
      if (ctx.nh && ctx.family !== 'ip' && ctx.family !== 'ip6' && ctx.family !== 'arp') conflict('ether', 'vlan', e);
      needEther(cx, e);
      push(cx, equals(payloadExpr(nft.protoByName('ether') as xt.Proto, 'type'), 0x8100));
    }
    return e;
  }
  if (desc.base === 'nh') needNetwork(cx, desc, e);
  else {
    needTransport(cx, desc, e);
    needIcmpType(cx, desc, field, e);
  }
  return e;
}

/** Extension headers belong to IPv6 and IP options to IPv4: that match goes to the begin of the rule. */
export function evaluateExt(cx: EvalCx, e: xt.ExtExpr): void {
  if (e.kind !== 'exthdr' && e.kind !== 'ipopt') return;
  const want = nft.protoByName(e.kind === 'exthdr' ? 'ip6' : 'ip') as xt.Proto;
  if (cx.ctx.nh === want) return;
  if (cx.ctx.nh) {
    const what = e.kind === 'exthdr' ? 'cannot use exthdr with ' : 'cannot use exthdr with ';
    throw new NftError(`${what}${cx.ctx.nh.name}`, e.loc ?? { line: 0, from: 0, to: 1 });
  }
  const at = cx.out.length;
  needNetwork(cx, want, e);
  cx.front.unshift(...cx.out.splice(at));
}
