/** Which connections the filters of the command line mean. */

import { type Netns, xt } from '../../os/uapi.ts';
import { inPrefix } from '../../wire/addr.ts';
import type { CtOptions, NatWish, Range } from './options.ts';
import { idOf } from './text.ts';

function inside(r: Range | undefined, addr: number | bigint): boolean {
  return r === undefined || inPrefix(addr, r.addr, r.len);
}

const same = (want: number | undefined, is: number): boolean => want === undefined || want === is;

const head = (a: number | bigint): number => (typeof a === 'number' ? a : Number(a >> 96n));

export function wanted(o: CtOptions, ct: xt.Connection): boolean {
  const { original: a, reply: b } = ct;
  if (o.family !== undefined && xt.tupleFamily(a) !== o.family) return false;
  if (!same(o.proto, a.proto)) return false;
  if (!inside(o.src, a.src) || !inside(o.dst, a.dst) || !inside(o.replySrc, b.src) || !inside(o.replyDst, b.dst)) return false;
  if (!same(o.sport, a.sport) || !same(o.dport, a.dport) || !same(o.replySport, b.sport) || !same(o.replyDport, b.dport)) return false;
  if (!same(o.icmpType, a.icmpType) || !same(o.icmpCode, a.icmpCode) || !same(o.icmpId, a.sport)) return false;
  if (o.state !== undefined && ct.tcp?.state !== o.state) return false;
  if (o.given.has('mark') && o.mark && (ct.mark & o.mark.mask) >>> 0 !== o.mark.value) return false;
  if (!same(o.zone, ct.zone)) return false;
  // libnetfilter_conntrack looks at 32 bits of addresses, and takes an ICMP type for a port: every ping is translated to it.
  const icmp = a.proto === 1 || a.proto === 58;
  const srcNat = ct.srcNatDone && (icmp || head(a.src) !== head(b.dst) || a.sport !== b.dport);
  const dstNat = ct.dstNatDone && (icmp || head(a.dst) !== head(b.src) || a.dport !== b.sport);
  const bySource = (w: NatWish): boolean => srcNat && (w.addr === null || b.dst === w.addr) && (w.port === null || b.dport === w.port);
  const byDest = (w: NatWish): boolean => dstNat && (w.addr === null || b.src === w.addr) && (w.port === null || b.sport === w.port);
  if (o.srcNat !== undefined && !bySource(o.srcNat)) return false;
  if (o.dstNat !== undefined && !byDest(o.dstNat)) return false;
  if (o.anyNat !== undefined && !bySource(o.anyNat) && !byDest(o.anyNat)) return false;
  if (o.id !== undefined && idOf(ct) !== o.id) return false;
  if (o.origZone !== undefined || o.replyZone !== undefined) return false;
  const status: Record<string, boolean> = {
    ASSURED: ct.assured,
    SEEN_REPLY: ct.seenReply,
    UNREPLIED: !ct.seenReply,
    EXPECTED: ct.master !== null,
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
  return ns.ct.list().filter((ct) => wanted(o, ct));
}
