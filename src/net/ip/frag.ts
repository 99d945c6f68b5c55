/** IPv4 fragmentation and reassembly (RFC 791). Models net/ipv4/ip_output.c, ip_fragment.c */

import type { Timer } from '../../sim/sim.ts';
import { SEC } from '../../sim/sim.ts';
import { readIp4 } from '../../wire/addr.ts';
import { alloc, put16, u16 } from '../../wire/bytes.ts';
import { ICMP_TIME_EXCEEDED } from '../../wire/icmp.ts';
import { IP_DF, IP_MF, ip4HeaderLen, refreshIp4Checksum } from '../../wire/ipv4.ts';
import { netDrop } from '../dev/trace.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { icmpSend } from './icmp.ts';

/** Cuts a whole packet into pieces of at most `mtu` bytes. Options that are not to be copied are turned into padding after the first. */
export function fragment4(data: Uint8Array, mtu: number): Uint8Array[] {
  const hlen = ip4HeaderLen(data);
  const room = Math.max(8, (mtu - hlen) & ~7);
  const flags = u16(data, 6);
  const base = flags & 0x1fff;
  const out: Uint8Array[] = [];
  for (let at = hlen; at < data.length; at += room) {
    const end = Math.min(data.length, at + room);
    const b = alloc(hlen + end - at);
    b.set(data.subarray(0, hlen));
    b.set(data.subarray(at, end), hlen);
    if (at > hlen) dropUncopied(b, hlen);
    put16(b, 2, b.length);
    const more = end < data.length || (flags & IP_MF) !== 0;
    put16(b, 6, (flags & IP_DF) | (more ? IP_MF : 0) | (base + (at - hlen) / 8));
    refreshIp4Checksum(b);
    out.push(b);
  }
  return out;
}

function dropUncopied(b: Uint8Array, hlen: number): void {
  for (let i = 20; i < hlen; ) {
    const kind = b[i] as number;
    if (kind === 0) return;
    const len = kind === 1 ? 1 : Math.max(2, b[i + 1] ?? 2);
    if ((kind & 0x80) === 0) b.fill(1, i, Math.min(hlen, i + len));
    i += len;
  }
}

export function isFragment(data: Uint8Array): boolean {
  return (u16(data, 6) & (IP_MF | 0x1fff)) !== 0;
}

interface Queue {
  readonly key: string;
  /** Non-overlapping pieces in order of offset. */
  parts: { from: number; bytes: Uint8Array }[];
  /** Payload length, once the last fragment came. */
  total: number | null;
  first: Skb | null;
  /** Size of the largest fragment that carried DF. */
  timer: Timer;
}

/** Fragments of one namespace that wait for the rest; forgotten after ipfrag_time. */
export class Reassembly {
  private readonly ns: Netns;
  private readonly queues = new Map<string, Queue>();

  constructor(ns: Netns) {
    this.ns = ns;
  }

  /** Packets that wait for more. */
  get size(): number {
    return this.queues.size;
  }

  /** ip_defrag(): the whole packet when `skb` completes it (in `skb` itself), else null: the fragment is kept. `user` keeps conntrack's and delivery's apart. */
  add(skb: Skb, user: string): Skb | null {
    const b = skb.data;
    const hlen = ip4HeaderLen(b);
    const key = `${user}/${readIp4(b, 12)}/${readIp4(b, 16)}/${b[9]}/${u16(b, 4)}`;
    this.ns.snmp.inc('IpReasmReqds');
    const q = this.queues.get(key) ?? this.open(key);
    const flags = u16(b, 6);
    const from = (flags & 0x1fff) * 8;
    const bytes = b.subarray(hlen);
    const end = from + bytes.length;
    const last = (flags & IP_MF) === 0;
    const clash = q.parts.some((p) => p.from < end && from < p.from + p.bytes.length);
    const twin = q.parts.some((p) => p.from === from && p.bytes.length === bytes.length);
    const astray =
      end > 65_515 ||
      (q.total !== null ? end > q.total || (last && end !== q.total) : last && q.parts.some((x) => x.from + x.bytes.length > end));
    if (clash || astray || (!last && bytes.length % 8 !== 0)) {
      netDrop(skb, skb.dev ?? this.ns.lo, 'FRAG_REASM');
      if (!twin) this.close(q);
      return null;
    }
    if (last) q.total = end;
    if (from === 0) q.first = skb;
    q.parts.push({ from, bytes });
    const have = q.parts.reduce((n, p) => n + p.bytes.length, 0);
    if (q.total === null || have < q.total || !q.first) return null;
    this.close(q);
    const head = q.first.data;
    const whole = new Uint8Array(ip4HeaderLen(head) + q.total);
    whole.set(head.subarray(0, ip4HeaderLen(head)));
    for (const p of q.parts) whole.set(p.bytes, ip4HeaderLen(head) + p.from);
    put16(whole, 2, whole.length);
    put16(whole, 6, 0);
    refreshIp4Checksum(whole);
    skb.data = whole;
    this.ns.snmp.inc('IpReasmOKs');
    return skb;
  }

  private open(key: string): Queue {
    const seconds = this.ns.sysctl.int('net.ipv4.ipfrag_time');
    const q: Queue = { key, parts: [], total: null, first: null, timer: this.ns.kernel.sim.schedule(seconds * SEC, () => this.expire(q)) };
    this.queues.set(key, q);
    return q;
  }

  private close(q: Queue): void {
    this.ns.kernel.sim.cancel(q.timer);
    this.queues.delete(q.key);
  }

  private expire(q: Queue): void {
    this.queues.delete(q.key);
    this.ns.snmp.inc('IpReasmTimeout');
    this.ns.snmp.inc('IpReasmFails');
    if (!q.first || !this.ns.alive) return;
    netDrop(q.first, q.first.dev ?? this.ns.lo, 'FRAG_REASM_TIMEOUT');
    icmpSend(q.first, ICMP_TIME_EXCEEDED, 1);
  }
}
