/** Hears the trace and keeps the last packets with all that happened to them: raw, so that a flood stays cheap; values are made when asked for. */

import { fibLookup } from '../../net/ip/route.ts';
import type { Netns } from '../../net/netns.ts';
import type { Skb } from '../../net/skb.ts';
import type { Sim } from '../../sim/sim.ts';
import type { TraceEvent } from '../../sim/trace.ts';
import { readIp4, readIp6 } from '../../wire/addr.ts';
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../wire/ethernet.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, ip4HeaderLen } from '../../wire/ipv4.ts';
import { type CtAt, ctAt } from './ctat.ts';

export type PacketEvent = Extract<TraceEvent, { skb: number }>;

/** One thing that happened to a packet, with the kernel's objects as they were told. */
export interface Seen {
  readonly seq: number;
  readonly e: PacketEvent;
  /** The packet that this skb was made from; 0: none. */
  readonly parent: number;
  readonly v6: boolean;
  /** Its bytes from the network header on, when it has not been at a device yet. */
  readonly data: Uint8Array | null;
  readonly about: unknown;
  /** What connection tracking knew of it. */
  readonly ct: CtAt | null;
}

/** A packet with its copies: clones of floods, what encapsulates it, what comes out of that again. */
export interface Traced {
  /** Id of the first skb. */
  readonly root: number;
  readonly began: number;
  /** The packet that made a host send this one (an ICMP error, a reset, an ARP request); null: none. */
  readonly cause: Traced | null;
  readonly seen: Seen[];
  /** Ids of its skbs, the first one first. */
  readonly ids: number[];
  /** Skbs whose bytes were seen. */
  readonly shown: Set<number>;
  /** What tells an answer from a copy. */
  readonly sort: number;
  /** Login whose program sent it; 0: the kernel or a daemon. */
  readonly login: number;
  /** Process that sent it; 0: the kernel itself. */
  readonly pid: number;
  bytes: number;
  /** Grows with every change. */
  version: number;
}

/** Where a packet leaves a namespace, or ends. */
const ends = (e: PacketEvent): boolean => e.kind === 'net.tx' || e.kind === 'net.deliver' || e.kind === 'net.drop';

/** Who runs at the moment a packet is made. */
export type Sender = (host: string) => { readonly pid: number; readonly login: number } | null;

export interface Bounds {
  readonly packets: number;
  readonly events: number;
  readonly bytes: number;
  /** Which ones stay when there are more. */
  readonly keep: 'first' | 'last';
}

export const BOUNDS: Bounds = { packets: 2000, events: 40_000, bytes: 16 << 20, keep: 'last' };
/** A packet that goes round in circles does not fill everything. */
const MAX_PER_PACKET = 2000;

/** What a header says of the packet's own kind: 0 for what only carries or is carried. */
function sortOf(proto: number, b: Uint8Array): number {
  if (proto === ETH_P_ARP) return 0x100 | (b[7] ?? 0);
  const v6 = proto === ETH_P_IPV6;
  if ((!v6 && proto !== ETH_P_IP) || b.length < 20) return 0;
  const l4 = v6 ? 40 : ip4HeaderLen(b);
  const kind = b[v6 ? 6 : 9];
  if (kind === IPPROTO_ICMP || kind === IPPROTO_ICMPV6) return (kind << 8) | 0x10000 | (b[l4] ?? 0);
  return kind === IPPROTO_TCP ? 0x20000 | ((b[l4 + 13] ?? 0) & 4) : 0;
}

/** Whether a packet made from one of `from` is the same packet, copied, wrapped or unwrapped, and not what somebody sent because of it. */
function isCopy(sort: number, from: number): boolean {
  if (sort === 0 || sort === from) return true;
  // Watching began while it was in its tunnel.
  return from === 0 && (sort & 0x20000) !== 0;
}

/** What tells more of a drop than its reason: of a failed reverse path check the route that leads back. */
function aboutDrop(reason: string, skb: Skb | null, ns: unknown): unknown {
  if (!skb || reason !== 'RP_FILTER') return null;
  const src = skb.proto === ETH_P_IPV6 ? readIp6(skb.data, 8) : readIp4(skb.data, 12);
  const found = fibLookup(ns as Netns, { dst: src });
  return found.ok ? found.value : null;
}

export class Recorder {
  /** In order of their beginnings. */
  readonly packets = new Map<number, Traced>();
  /** Hears of every event that is kept. */
  onSeen: ((packet: Traced, seen: Seen) => void) | null = null;
  /** Counts packets that were forgotten. */
  forgotten = 0;
  version = 0;
  private readonly byId = new Map<number, Traced>();
  private readonly bounds: Bounds;
  private readonly sim: Sim;
  private readonly sender: Sender;
  private seq = 0;
  private events = 0;
  private bytes = 0;
  private readonly silence: () => void;

  constructor(sim: Sim, sender: Sender, bounds: Bounds = BOUNDS) {
    this.sim = sim;
    this.sender = sender;
    this.bounds = bounds;
    this.silence = sim.trace.listen((e, packet, about) => this.hear(e, packet as Skb | null, about));
  }

  stop(): void {
    if (this.full && this.bounds.keep === 'first') this.forgotten = 1;
    this.silence();
    this.onSeen = null;
  }

  clear(): void {
    this.packets.clear();
    this.byId.clear();
    this.events = 0;
    this.bytes = 0;
    this.forgotten = 0;
    this.version++;
  }

  /** The packet that an skb belongs to. */
  packetOf(skb: number): Traced | undefined {
    return this.byId.get(skb);
  }

  private hear(e: TraceEvent, skb: Skb | null, about: unknown): void {
    if (!('skb' in e) || e.skb === 0) return;
    const packet = this.byId.get(e.skb) ?? this.take(e, skb);
    if (!packet || packet.seen.length >= MAX_PER_PACKET) return;
    const frame = e.kind === 'net.tx' || e.kind === 'net.rx' ? e.bytes : null;
    const known = frame !== null || packet.shown.has(e.skb);
    // What a connection's entry rewrites on its way to a program passes no device any more.
    const handed = e.kind === 'net.deliver' && skb?.ct && (skb.ct.srcNat || skb.ct.dstNat);
    const data = !skb || (known && !handed) ? null : skb.data.slice();
    if (frame || data) packet.shown.add(e.skb);
    const size = (frame ?? data)?.length ?? 0;
    const told = e.kind === 'net.drop' ? aboutDrop(e.reason, skb, about) : about;
    const parent = skb?.parent ?? ('parent' in e ? e.parent : 0);
    const seen: Seen = {
      seq: ++this.seq,
      e,
      parent,
      v6: skb?.proto === ETH_P_IPV6,
      data,
      about: told,
      ct: skb?.ct && ends(e) ? ctAt(skb.ct, skb.ctInfo, e.time) : null,
    };
    packet.seen.push(seen);
    packet.bytes += size;
    packet.version = ++this.version;
    this.events++;
    this.bytes += size;
    this.onSeen?.(packet, seen);
    if (this.full) {
      if (this.bounds.keep === 'last') this.forget();
      else this.stop();
    }
  }

  private get full(): boolean {
    const { packets, events, bytes } = this.bounds;
    return this.events > events || this.bytes > bytes || this.packets.size > packets;
  }

  /** Something happened to a packet of a program of interest within the last `quiet` µs, or it waits for an answer to ARP. */
  waiting(quiet: number): boolean {
    for (const p of this.packets.values()) {
      const last = p.seen.at(-1)?.e;
      if (!last || (p.login === 0 && p.cause === null)) continue;
      if (last.kind === 'net.neigh' && last.state === 'INCOMPLETE') return true;
      if (last.kind !== 'net.drop' && last.kind !== 'net.deliver' && this.now - last.time < quiet) return true;
    }
    return false;
  }

  private take(e: PacketEvent, skb: Skb | null): Traced | null {
    const parent = skb?.parent ?? ('parent' in e ? e.parent : 0);
    const from = parent === 0 ? undefined : this.byId.get(parent);
    const sort = skb ? sortOf(skb.proto, skb.data) : 0;
    if (from && isCopy(sort, from.sort)) {
      from.ids.push(e.skb);
      this.byId.set(e.skb, from);
      return from;
    }
    // What is told without its bytes and belongs to nothing known says too little.
    if (!skb && e.kind !== 'net.tx' && e.kind !== 'net.rx') return null;
    const who = parent === 0 ? this.sender(e.host) : null;
    const made: Traced = {
      root: e.skb,
      began: e.time,
      cause: from ?? null,
      seen: [],
      ids: [e.skb],
      shown: new Set(),
      sort,
      login: who?.login ?? 0,
      pid: who?.pid ?? 0,
      bytes: 0,
      version: 0,
    };
    this.packets.set(e.skb, made);
    this.byId.set(e.skb, made);
    return made;
  }

  /** Lets the oldest packets go until an eighth is free again. */
  private forget(): void {
    const { packets, events, bytes } = this.bounds;
    for (const [root, p] of this.packets) {
      if (this.packets.size <= packets * 0.875 && this.events <= events * 0.875 && this.bytes <= bytes * 0.875) break;
      this.packets.delete(root);
      for (const id of p.ids) this.byId.delete(id);
      this.events -= p.seen.length;
      this.bytes -= p.bytes;
      this.forgotten++;
    }
  }

  get now(): number {
    return this.sim.now;
  }
}
