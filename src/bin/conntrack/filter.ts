/** Which connections the filters of the command line mean. */

import { type Netns, xt } from '../../os/uapi.ts';
import { inPrefix } from '../../wire/addr.ts';
import type { CtOptions, Range } from './options.ts';

function inside(r: Range | undefined, addr: number | bigint): boolean {
  return r === undefined || inPrefix(addr, r.addr, r.len);
}

const same = (want: number | undefined, is: number): boolean => want === undefined || want === is;

export function wanted(o: CtOptions, ct: xt.Connection): boolean {
  const { original: a, reply: b } = ct;
  if (o.family !== undefined && xt.tupleFamily(a) !== o.family) return false;
  if (!same(o.proto, a.proto)) return false;
  if (!inside(o.src, a.src) || !inside(o.dst, a.dst) || !inside(o.replySrc, b.src) || !inside(o.replyDst, b.dst)) return false;
  if (!same(o.sport, a.sport) || !same(o.dport, a.dport) || !same(o.replySport, b.sport) || !same(o.replyDport, b.dport)) return false;
  if (!same(o.icmpType, a.icmpType) || !same(o.icmpCode, a.icmpCode) || !same(o.icmpId, a.sport)) return false;
  if (o.state !== undefined && ct.tcp?.state !== o.state) return false;
  if (o.mark && (ct.mark & o.mark.mask) >>> 0 !== o.mark.value) return false;
  if (!same(o.zone, ct.zone)) return false;
  const srcNat = ct.srcNat && (a.src !== b.dst || a.sport !== b.dport);
  const dstNat = ct.dstNat && (a.dst !== b.src || a.dport !== b.sport);
  if (o.srcNat !== undefined && !(srcNat && (o.srcNat === null || b.dst === o.srcNat))) return false;
  if (o.dstNat !== undefined && !(dstNat && (o.dstNat === null || b.src === o.dstNat))) return false;
  if (o.anyNat !== undefined) {
    const bySrc = srcNat && (o.anyNat === null || b.dst === o.anyNat);
    const byDst = dstNat && (o.anyNat === null || b.src === o.anyNat);
    if (!bySrc && !byDst) return false;
  }
  const status: Record<string, boolean> = {
    ASSURED: ct.assured,
    SEEN_REPLY: ct.seenReply,
    UNREPLIED: !ct.seenReply,
    EXPECTED: ct.master !== null,
    CONFIRMED: ct.confirmed,
    SRC_NAT: ct.srcNat,
    DST_NAT: ct.dstNat,
    FIXED_TIMEOUT: false,
    UNSET: false,
  };
  for (const s of o.status) if (!status[s]) return false;
  return true;
}

/** The kernel's table is a hash: its order is no order. Oldest first is as good as any. */
export function chosen(ns: Netns, o: CtOptions): xt.Connection[] {
  return ns.ct
    .list()
    .filter(
      (ct) => (o.family !== undefined || xt.tupleFamily(ct.original) === 4 || o.src !== undefined || o.dst !== undefined) && wanted(o, ct),
    );
}
