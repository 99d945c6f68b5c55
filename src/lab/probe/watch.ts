/** Listens to the trace while a probe runs, and finds out which packets are the probe's own. */

import type { Netns } from '../../net/netns.ts';
import type { Sim } from '../../sim/sim.ts';
import type { TraceEvent } from '../../sim/trace.ts';
import { IPPROTO_ICMPV6 } from '../../wire/ipv4.ts';
import { ARP, conversation, type Packet, packetOf } from './flow.ts';
import { type Said, unreachableOf } from './outcome.ts';

/** What a watch keeps: events of packets. */
export type PacketEvent = Extract<TraceEvent, { skb: number }>;

const MAX_KEPT = 40_000;
/** How long the last copies of a packet may still be under way when one of them was dropped for good, µs. */
const GRACE = 100_000;

/** Drops that come again however often the packet is sent anew: nobody's queue was full, and nobody had to be found first. */
const FOR_GOOD =
  /^(NETFILTER|NO_ROUTE|ROUTE_|BLACKHOLE|NOT_FORWARDING|MARTIAN|RP_FILTER|IP_RPFILTER|VXLAN_(VNI|NO_REMOTE)|GENEVE_VNI|NO_TUNNEL|TTL_EXCEEDED|EACCES|EHOSTUNREACH)/;

export class Watch {
  private readonly kept: PacketEvent[] = [];
  private readonly packets = new Map<PacketEvent, Packet>();
  /** How many of what was kept have been looked at: what a probe that passes has seen is of no interest. */
  private looked = 0;
  /** Packets that the probe made, `first` to `last`, told when `at` events were kept. */
  private readonly told: { readonly at: number; readonly first: number; readonly last: number }[] = [];
  private readonly own = new Set<number>();
  /** First packets of their line that were dropped for good. */
  private readonly lost = new Set<number>();
  /** Packet -> the packet it was made from. */
  private readonly parents = new Map<number, number>();
  private readonly talks = new Set<string>();
  private readonly asked = new Set<string>();
  private readonly stopListening: () => void;

  private readonly home: { readonly host: string; readonly ns: string };

  /** `ns`: where the probe starts. */
  constructor(sim: Sim, ns: Netns) {
    this.home = { host: ns.kernel.hostname, ns: ns.kernel.nameOf(ns) ?? '' };
    this.stopListening = sim.trace.listen((e) => this.hear(e));
  }

  /** Packets `first` to `last` were made by the probe itself. */
  readonly made = (first: number, last: number): void => {
    this.told.push({ at: this.kept.length, first, last });
  };

  get events(): readonly PacketEvent[] {
    this.look();
    return this.kept;
  }

  /** Packets of frames that were seen. */
  get frames(): ReadonlyMap<PacketEvent, Packet> {
    this.look();
    return this.packets;
  }

  /** Finds out whose packets all are that came since it was done last. */
  private look(): void {
    for (;;) {
      const next = this.told[0];
      const until = next?.at ?? this.kept.length;
      while (this.looked < until) this.claim(this.kept[this.looked++] as PacketEvent);
      if (!next) return;
      this.told.shift();
      for (let id = next.first; id <= next.last; id++) this.own.add(id);
      // What was sent at once has been seen before it was known whose it is.
      let i = until;
      while (i > 0 && (this.kept[i - 1] as PacketEvent).skb >= next.first) i--;
      for (; i < until; i++) this.claim(this.kept[i] as PacketEvent);
    }
  }

  isOwn(skb: number): boolean {
    this.look();
    return this.own.has(skb);
  }

  /** The packet that this one was made from; 0 when from none. */
  parentOf(skb: number): number {
    this.look();
    return this.parents.get(skb) ?? 0;
  }

  /** The packet that this one was made from, copy by copy, as far back as it is the probe's. */
  root(skb: number): number {
    this.look();
    return this.rootOf(skb);
  }

  private rootOf(skb: number): number {
    let id = skb;
    for (let n = 0; n < 16; n++) {
      const parent = this.parents.get(id);
      if (parent === undefined || !this.own.has(parent)) break;
      id = parent;
    }
    return id;
  }

  /** Time when a probe that may lose `tries` packets in a row before it gives up may be given up; null while there is hope. */
  hopeless(tries: number): number | null {
    if (!this.dropped) return null;
    this.look();
    return this.lost.size >= tries ? this.lostAt + GRACE : null;
  }

  private lostAt = 0;
  /** Whether anything was dropped for good, be it the probe's or not. */
  private dropped = false;

  private hear(e: TraceEvent): void {
    if (!('skb' in e) || this.kept.length >= MAX_KEPT) return;
    this.kept.push(e);
    if (e.kind === 'net.drop' && FOR_GOOD.test(e.reason)) this.dropped = true;
  }

  private claim(e: PacketEvent): void {
    const { own } = this;
    const parent = 'parent' in e ? e.parent : 0;
    if (parent !== 0) this.parents.set(e.skb, parent);
    if (parent !== 0 && own.has(parent)) own.add(e.skb);
    if (e.kind === 'net.tx' || e.kind === 'net.rx') {
      const packet = this.packets.get(e) ?? packetOf(e.bytes);
      if (packet === null) return;
      this.packets.set(e, packet);
      if (own.has(e.skb)) this.learn(packet);
      else if (this.known(packet)) own.add(e.skb);
    } else if (e.kind === 'net.drop' && own.has(e.skb) && FOR_GOOD.test(e.reason)) {
      this.lost.add(this.rootOf(e.skb));
      this.lostAt = e.time;
    } else if (e.kind === 'net.deliver' && e.host === this.home.host && e.ns === this.home.ns && own.has(e.skb)) this.lost.clear();
  }

  private learn(p: Packet): void {
    if (p.proto === ARP) {
      if (p.code === 1) this.asked.add(`${p.dst} ${p.src}`);
    } else if (!p.quoted) this.talks.add(conversation(p));
  }

  private known(p: Packet): boolean {
    if (p.proto === ARP) return p.code === 2 && this.asked.has(`${p.src} ${p.dst}`);
    return this.talks.has(conversation(p.quoted ?? p));
  }

  /** The last ICMP error about one of the probe's packets that came back to where it started. */
  said(): Said | null {
    for (let i = this.events.length - 1; i >= 0; i--) {
      const e = this.events[i] as PacketEvent;
      if (e.kind !== 'net.rx' || e.host !== this.home.host || e.ns !== this.home.ns || !this.own.has(e.skb)) continue;
      const p = this.frames.get(e);
      if (!p?.quoted) continue;
      const v6 = p.proto === IPPROTO_ICMPV6;
      if (p.code === (v6 ? 1 : 3)) return { what: unreachableOf(p.detail, v6), from: p.src };
    }
    return null;
  }

  /** Stops listening. */
  end(): void {
    this.stopListening();
  }
}
