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
  readonly events: PacketEvent[] = [];
  /** Packets of frames that were seen, by the event's place in `events`. */
  readonly frames = new Map<PacketEvent, Packet>();
  /** First packets of their line that were dropped for good. */
  private readonly lost = new Set<number>();
  private readonly own = new Set<number>();
  /** Packet -> the packet it was made from. */
  private readonly parents = new Map<number, number>();
  private readonly talks = new Set<string>();
  private readonly asked = new Set<string>();
  private readonly sim: Sim;
  private readonly stopListening: () => void;

  private readonly home: { readonly host: string; readonly ns: string };

  /** `ns`: where the probe starts. */
  constructor(sim: Sim, ns: Netns) {
    this.sim = sim;
    this.home = { host: ns.kernel.hostname, ns: ns.kernel.nameOf(ns) ?? '' };
    this.stopListening = sim.trace.listen((e) => this.hear(e));
  }

  /** Packets `first` to `last` were made by the probe itself. */
  readonly made = (first: number, last: number): void => {
    for (let id = first; id <= last; id++) this.own.add(id);
    // What was sent at once has been seen before it was known whose it is.
    let i = this.events.length;
    while (i > 0 && (this.events[i - 1] as PacketEvent).skb >= first) i--;
    for (; i < this.events.length; i++) this.claim(this.events[i] as PacketEvent);
  };

  isOwn(skb: number): boolean {
    return this.own.has(skb);
  }

  /** The packet that this one was made from; 0 when from none. */
  parentOf(skb: number): number {
    return this.parents.get(skb) ?? 0;
  }

  /** The packet that this one was made from, copy by copy, as far back as it is the probe's. */
  root(skb: number): number {
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
    return this.lost.size >= tries ? this.lostAt + GRACE : null;
  }

  private lostAt = 0;

  private hear(e: TraceEvent): void {
    if (!('skb' in e) || this.events.length >= MAX_KEPT) return;
    this.events.push(e);
    this.claim(e);
  }

  private claim(e: PacketEvent): void {
    const { own } = this;
    const parent = 'parent' in e ? e.parent : 0;
    if (parent !== 0) this.parents.set(e.skb, parent);
    if (parent !== 0 && own.has(parent)) own.add(e.skb);
    if (e.kind === 'net.tx' || e.kind === 'net.rx') {
      const packet = this.frames.get(e) ?? packetOf(e.bytes);
      if (packet === null) return;
      this.frames.set(e, packet);
      if (own.has(e.skb)) this.learn(packet);
      else if (this.known(packet)) own.add(e.skb);
    } else if (e.kind === 'net.drop' && own.has(e.skb) && FOR_GOOD.test(e.reason)) {
      this.lost.add(this.root(e.skb));
      this.lostAt = this.sim.now;
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
