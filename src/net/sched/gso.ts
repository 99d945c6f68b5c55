/** A super-packet of TCP cut into the segments it stands for. Models net/ipv4/tcp_offload.c, tcp_gso_segment() */

import { checksum, put16, u16, u32 } from '../../wire/bytes.ts';
import type { Skb } from '../skb.ts';
import { headerBytes } from './qdisc.ts';

const FIN_PSH = 0x09;
const CWR = 0x80;

/** Null when the packet is none that can be cut here (encapsulated ones). */
export function segment(skb: Skb): Skb[] | null {
  const headers = headerBytes(skb);
  if (headers === 0 || skb.gsoSize === 0) return null;
  const b = skb.data;
  const v6 = (b[0] as number) >> 4 === 6;
  const l4 = v6 ? 40 : ((b[0] as number) & 15) * 4;
  const size = skb.gsoSize;
  const payload = b.length - headers;
  const seq = u32(b, l4 + 4);
  const id = v6 ? 0 : u16(b, 4);
  const flags = b[l4 + 13] as number;
  const out: Skb[] = [];
  for (let at = 0, n = 0; at < payload; at += size, n++) {
    const bytes = Math.min(size, payload - at);
    const part = skb.clone();
    const d = new Uint8Array(headers + bytes);
    d.set(b.subarray(0, headers));
    d.set(b.subarray(headers + at, headers + at + bytes), headers);
    const last = at + bytes >= payload;
    d[l4 + 13] = flags & (last ? 0xff : ~FIN_PSH) & (n === 0 ? 0xff : ~CWR);
    const s = (seq + at) >>> 0;
    put16(d, l4 + 4, s >>> 16);
    put16(d, l4 + 6, s & 0xffff);
    part.gsoSize = 0;
    part.data = d;
    fixLengths(d, v6, l4, (id + n) & 0xffff, skb.csumBytes > 0, b.length);
    if (skb.csumBytes > 0) part.csumBytes = d.length - l4;
    out.push(part);
  }
  return out;
}

function fixLengths(d: Uint8Array, v6: boolean, l4: number, id: number, partial: boolean, before: number): void {
  const l4len = d.length - l4;
  if (v6) put16(d, 4, l4len);
  else {
    put16(d, 2, d.length);
    put16(d, 4, id);
    put16(d, 10, 0);
    put16(d, 10, checksum(d.subarray(0, l4)));
  }
  const field = l4 + 16;
  if (partial) {
    // The pseudo header's sum, with the new length in place of the old one.
    let sum = u16(d, field) + (~(before - l4) & 0xffff) + l4len;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    put16(d, field, sum);
    return;
  }
  put16(d, field, 0);
  const addrs = v6 ? d.subarray(8, 40) : d.subarray(12, 20);
  const pseudo = new Uint8Array(addrs.length + 4 + l4len);
  pseudo.set(addrs);
  put16(pseudo, addrs.length, 6);
  put16(pseudo, addrs.length + 2, l4len);
  pseudo.set(d.subarray(l4), addrs.length + 4);
  put16(d, field, checksum(pseudo));
}
