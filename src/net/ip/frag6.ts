/** IPv6 fragments (RFC 8200 4.5): cut by the sender, put together by the destination. Models net/ipv6/ip6_output.c, reassembly.c */

import { SEC, type Timer } from '../../sim/sim.ts';
import { readIp6 } from '../../wire/addr.ts';
import { put16, put32, u16, u32 } from '../../wire/bytes.ts';
import { ICMPV6_TIME_EXCEED } from '../../wire/icmp6.ts';
import { netDrop } from '../dev/trace.ts';
import type { Netns } from '../netns.ts';
import type { Skb } from '../skb.ts';
import { icmp6Send } from './icmp6.ts';

export const NEXTHDR_FRAGMENT = 44;
const HEADERS = 48;

/** Cuts a whole packet without extension headers into pieces of at most `mtu` bytes. */
export function fragment6(data: Uint8Array, mtu: number, id: number): Uint8Array[] {
  const room = (mtu - HEADERS) & ~7;
  const out: Uint8Array[] = [];
  for (let at = 40; at < data.length; at += room) {
    const end = Math.min(data.length, at + room);
    const b = new Uint8Array(HEADERS + end - at);
    b.set(data.subarray(0, 40));
    put16(b, 4, b.length - 40);
    b[40] = data[6] as number;
    b[6] = NEXTHDR_FRAGMENT;
    put16(b, 42, (at - 40) | (end < data.length ? 1 : 0));
    put32(b, 44, id);
    b.set(data.subarray(at, end), HEADERS);
    out.push(b);
  }
  return out;
}

interface Queue {
  parts: { from: number; bytes: Uint8Array }[];
  total: number | null;
  first: Skb | null;
  timer: Timer;
}

/** Fragments that wait for the rest; forgotten after ip6frag_time. */
export class Reassembly6 {
  private readonly ns: Netns;
  private readonly queues = new Map<string, Queue>();

  constructor(ns: Netns) {
    this.ns = ns;
  }

  /** Packets that wait for more. */
  get size(): number {
    return this.queues.size;
  }

  /** The whole packet in `skb` when it completes one, else null: the fragment is kept or dropped. */
  add(skb: Skb, user: string): Skb | null {
    const b = skb.data;
    const dev = skb.dev ?? this.ns.lo;
    if (b.length < HEADERS) {
      netDrop(skb, dev, 'FRAG_REASM');
      return null;
    }
    const key = `${user}/${readIp6(b, 8)}/${readIp6(b, 24)}/${u32(b, 44)}`;
    this.ns.snmp.inc('Ip6ReasmReqds');
    const q = this.queues.get(key) ?? this.open(key);
    const word = u16(b, 42);
    const from = word & 0xfff8;
    const bytes = b.subarray(HEADERS);
    const end = from + bytes.length;
    const last = (word & 1) === 0;
    const twin = q.parts.some((p) => p.from === from && p.bytes.length === bytes.length);
    const clash = q.parts.some((p) => p.from < end && from < p.from + p.bytes.length);
    // Beyond the end that the last fragment told, or a second end.
    const astray =
      end > 65_535 ||
      (q.total !== null ? end > q.total || (last && end !== q.total) : last && q.parts.some((x) => x.from + x.bytes.length > end));
    if (clash || astray || (!last && bytes.length % 8 !== 0)) {
      // RFC 5722: an overlap ends the whole packet.
      netDrop(skb, dev, 'FRAG_REASM');
      if (!twin) this.close(key, q);
      return null;
    }
    if (last) q.total = end;
    if (from === 0) q.first = skb;
    q.parts.push({ from, bytes });
    const have = q.parts.reduce((n, p) => n + p.bytes.length, 0);
    if (q.total === null || have < q.total || !q.first) return null;
    this.close(key, q);
    const head = q.first.data;
    const whole = new Uint8Array(40 + q.total);
    whole.set(head.subarray(0, 40));
    whole[6] = head[40] as number;
    put16(whole, 4, q.total);
    for (const p of q.parts) whole.set(p.bytes, 40 + p.from);
    skb.data = whole;
    this.ns.snmp.inc('Ip6ReasmOKs');
    return skb;
  }

  private open(key: string): Queue {
    const { sim } = this.ns.kernel;
    const seconds = this.ns.sysctl.int('net.ipv6.ip6frag_time');
    const q: Queue = { parts: [], total: null, first: null, timer: sim.schedule(seconds * SEC, () => this.expire(key, q)) };
    this.queues.set(key, q);
    return q;
  }

  private close(key: string, q: Queue): void {
    this.ns.kernel.sim.cancel(q.timer);
    this.queues.delete(key);
  }

  private expire(key: string, q: Queue): void {
    this.queues.delete(key);
    this.ns.snmp.inc('Ip6ReasmTimeout');
    this.ns.snmp.inc('Ip6ReasmFails');
    if (!q.first || !this.ns.alive) return;
    netDrop(q.first, q.first.dev ?? this.ns.lo, 'FRAG_REASM_TIMEOUT');
    icmp6Send(q.first, ICMPV6_TIME_EXCEED, 1);
  }
}
