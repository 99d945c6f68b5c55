/** IPv6 extension headers, TCP and IP options, SCTP chunks: finding, reading, changing. Models net/netfilter/nft_exthdr.c */

import { fold16, put16, sum16, u16 } from '../../../wire/bytes.ts';
import { pseudo } from '../../../wire/pseudo.ts';
import { hasL4, type XtPacket } from '../xt/packet.ts';
import type { Value } from './datatype.ts';
import type { ExtExpr } from './expr.ts';
import { readBits } from './load.ts';

/** Offset of the header, or -1. */
function findIpv6(p: XtPacket, kind: number): number {
  if (p.family !== 6) return -1;
  const b = p.skb.data;
  let next = b[6] as number;
  let at = 40;
  for (let i = 0; i < 32 && at + 8 <= b.length; i++) {
    if (next === kind) return at;
    if (next !== 0 && next !== 43 && next !== 44 && next !== 51 && next !== 60 && next !== 135) return -1;
    const size = next === 44 ? 8 : next === 51 ? ((b[at + 1] as number) + 2) * 4 : ((b[at + 1] as number) + 1) * 8;
    next = b[at] as number;
    at += size;
  }
  return -1;
}

function findOption(b: Uint8Array, from: number, to: number, kind: number, eol: number, nop: number): number {
  for (let i = from; i < to; ) {
    const k = b[i] as number;
    if (k === kind) return i;
    if (k === eol) return -1;
    i += k === nop ? 1 : Math.max(1, b[i + 1] ?? 1);
  }
  return -1;
}

function findTcp(p: XtPacket, kind: number): number {
  if (p.proto !== 6 || !hasL4(p, 20)) return -1;
  const b = p.skb.data;
  const end = Math.min(b.length, p.l4 + ((b[p.l4 + 12] as number) >> 4) * 4);
  return findOption(b, p.l4 + 20, end, kind, 0, 1);
}

function findIpv4(p: XtPacket, kind: number): number {
  if (p.family !== 4) return -1;
  return findOption(p.skb.data, 20, ((p.skb.data[0] as number) & 15) * 4, kind, 0, 1);
}

function findChunk(p: XtPacket, kind: number): number {
  if (p.proto !== 132 || !hasL4(p, 12)) return -1;
  const b = p.skb.data;
  for (let at = p.l4 + 12; at + 4 <= b.length; ) {
    if (b[at] === kind) return at;
    at += Math.max(4, (u16(b, at + 2) + 3) & ~3);
  }
  return -1;
}

const FIND = { exthdr: findIpv6, tcpopt: findTcp, ipopt: findIpv4, sctp: findChunk } as const;

export function loadExt(e: ExtExpr): (p: XtPacket) => Value | null {
  const find = FIND[e.kind];
  const { kind } = e.header;
  const where = e.raw ?? e.field;
  if (!where) return (p) => (find(p, kind) >= 0 ? 1 : 0);
  const { off, len } = where;
  return (p) => {
    const at = find(p, kind);
    return at < 0 ? null : readBits(p.skb.data, at, off, len);
  };
}

function tcpChecksum(p: XtPacket): void {
  const b = p.skb.data;
  put16(b, p.l4 + 16, 0);
  put16(b, p.l4 + 16, fold16(sum16(b, p.l4, b.length, pseudo(p.src, p.dst, 6, b.length - p.l4))));
}

/** `tcp option maxseg size set`: only ever lowers the MSS. */
export function setExt(e: ExtExpr): (p: XtPacket, v: number) => boolean {
  const { field, header } = e;
  if (e.kind !== 'tcpopt' || !field || field.len % 8 !== 0) return () => false;
  const at = field.off / 8;
  const size = field.len / 8;
  return (p, v) => {
    const i = findTcp(p, header.kind);
    if (i < 0) return false;
    const b = p.skb.data;
    if (header.kind === 2 && size === 2 && u16(b, i + at) <= v) return true;
    for (let n = 0; n < size; n++) b[i + at + n] = Math.floor(v / 2 ** (8 * (size - 1 - n))) & 255;
    if (p.skb.csumBytes === 0) tcpChecksum(p);
    return true;
  };
}

/** `reset tcp option`: the option becomes padding. */
export function resetExt(e: ExtExpr): (p: XtPacket) => boolean {
  return (p) => {
    const i = findTcp(p, e.header.kind);
    if (i < 0) return false;
    const b = p.skb.data;
    const size = e.header.kind < 2 ? 1 : Math.max(1, b[i + 1] ?? 1);
    b.fill(1, i, Math.min(b.length, i + size));
    if (p.skb.csumBytes === 0) tcpChecksum(p);
    return true;
  };
}
