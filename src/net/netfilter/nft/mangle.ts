/** Writing header fields, with the checksums that cover them. Models nft_payload_set_eval() of net/netfilter/nft_payload.c */

import { fold16, put16, sum16 } from '../../../wire/bytes.ts';
import { refreshIp4Checksum } from '../../../wire/ipv4.ts';
import { pseudo } from '../../../wire/pseudo.ts';
import { refreshView, type XtPacket } from '../xt/packet.ts';
import type { Value } from './datatype.ts';
import type { PayloadExpr } from './expr.ts';

function writeBits(b: Uint8Array, at: number, off: number, len: number, value: bigint): boolean {
  const first = at + (off >> 3);
  const last = at + ((off + len + 7) >> 3);
  if (last > b.length) return false;
  const shift = BigInt((last - at) * 8 - off - len);
  const mask = ((1n << BigInt(len)) - 1n) << shift;
  let old = 0n;
  for (let i = first; i < last; i++) old = (old << 8n) | BigInt(b[i] as number);
  let v = (old & ~mask) | ((value << shift) & mask);
  for (let i = last - 1; i >= first; i--) {
    b[i] = Number(v & 0xffn);
    v >>= 8n;
  }
  return true;
}

const CHECKSUM_AT: Readonly<Record<number, number>> = { 6: 16, 17: 6, 58: 2, 136: 6 };

function transportChecksum(p: XtPacket): void {
  const at = CHECKSUM_AT[p.proto];
  const { skb } = p;
  if (at === undefined || skb.csumBytes > 0 || p.frag !== 0 || p.l4 + at + 2 > skb.data.length) return;
  const b = skb.data;
  if (p.proto === 17 && b[p.l4 + at] === 0 && b[p.l4 + at + 1] === 0) return;
  put16(b, p.l4 + at, 0);
  put16(b, p.l4 + at, fold16(sum16(b, p.l4, b.length, pseudo(p.src, p.dst, p.proto, b.length - p.l4))));
}

export function setPayload(e: PayloadExpr): (p: XtPacket, v: Value) => void {
  const { base, off, len, desc, field } = e;
  if (base === 'll') {
    return (p, v) => {
      if (desc?.name === 'ether' && field?.name === 'saddr') p.skb.ethSrc = Number(v);
      else if (desc?.name === 'ether' && field?.name === 'daddr') p.skb.ethDst = Number(v);
    };
  }
  const own = field?.name === 'checksum';
  return (p, v) => {
    const at = base === 'nh' ? 0 : p.l4;
    if (base !== 'nh' && (p.frag !== 0 || p.proto < 0)) return;
    const wasPartial = p.skb.csumBytes > 0;
    if (wasPartial && base === 'nh' && desc?.name !== undefined && (field?.name === 'saddr' || field?.name === 'daddr'))
      p.skb.checksumHelp();
    if (!writeBits(p.skb.data, at, off, len, BigInt(v)) || p.proto < 0) return;
    refreshView(p);
    if (own) return;
    if (base === 'nh' && p.family === 4) refreshIp4Checksum(p.skb.data);
    if (base !== 'nh' || field?.name === 'saddr' || field?.name === 'daddr') transportChecksum(p);
  };
}
