/** Plays what happened to packets slowly enough to be seen: in order, one hop after the other, whole packets left out when too many come. */

import type { TrafficEvent } from '../../lab/view/types.ts';
import type { Spot } from './way.ts';

export type Proto = TrafficEvent['proto'];

/** A packet on its way: one for each skb, since copies of a flood go different ways. */
export interface Token {
  readonly skb: number;
  readonly root: number;
  readonly proto: Proto;
  tunnels: readonly string[];
  /** Where it is, or was when its present move began. */
  at: Spot;
  to: Spot | null;
  /** ms. */
  began: number;
  takes: number;
  /** Until when it is seen, once it stands still; it is kept as long as more of it is to come. */
  until: number;
}

export interface Drop {
  readonly root: number;
  readonly at: Spot;
  readonly label: string;
  readonly why: string;
  readonly began: number;
}

/** One packet as the text has it. */
export interface Told {
  readonly root: number;
  readonly proto: Proto;
  label: string;
  readonly hops: Spot[];
  state: 'way' | 'arrived' | 'dropped' | 'seen';
  why: string;
}

export interface Stage {
  /** ms that a move takes when there is time; 0: nothing is drawn for it. */
  cost(from: Spot, to: Spot): number;
  /** A packet has come to a spot. */
  arrived(token: Token, event: TrafficEvent): void;
  dropped(drop: Drop): void;
  /** An address was rewritten. */
  rewritten(event: TrafficEvent): void;
  /** A packet is followed no further. */
  left(): void;
  /** That many packets were not drawn. */
  merged(packets: number): void;
}

/** Moves that may wait; beyond that whole packets are left out. */
const MAX_WAITING = 110;
/** Moves that may wait before everything goes faster, and how fast at most. */
const EASY = 22;
const FASTEST = 0.5;
const LINGER = 380;
const STAGGER = 0.4;
const KEPT = 14;
const MAX_HOPS = 40;

const moves = (e: TrafficEvent): boolean => e.what === 'tx' || e.what === 'rx' || e.what === 'deliver' || e.what === 'drop';

export class Player {
  readonly tokens = new Map<number, Token>();
  readonly told: Told[] = [];
  private queue: TrafficEvent[] = [];
  private head = 0;
  private waiting = 0;
  /** Events that wait, by the skb that they need: their own and its parent. */
  private readonly needed = new Map<number, number>();
  private readonly started = new Set<number>();
  private readonly skipped = new Set<number>();
  private last: { readonly event: TrafficEvent; readonly token: Token; readonly at: number } | null = null;
  private readonly stage: Stage;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  get busy(): boolean {
    return this.tokens.size > 0 || this.head < this.queue.length;
  }

  clear(): void {
    this.tokens.clear();
    this.queue = [];
    this.head = 0;
    this.waiting = 0;
    this.needed.clear();
    this.started.clear();
    this.skipped.clear();
    this.told.length = 0;
    this.last = null;
  }

  feed(events: readonly TrafficEvent[], left = 0): void {
    let merged = 0;
    if (left > 0) merged += 1;
    for (const e of events) {
      if (this.skipped.has(e.root) || !(moves(e) || e.what === 'nat')) continue;
      this.queue.push(e);
      this.count(e, 1);
    }
    if (this.waiting > MAX_WAITING) merged += this.thin();
    if (merged > 0) this.stage.merged(merged + Math.max(0, left - 1));
    if (this.skipped.size > 4000) this.skipped.clear();
    if (this.started.size > 4000) this.started.clear();
  }

  /** Leaves out the oldest packets that have not begun, those with a drop last. */
  private thin(): number {
    const rest = this.queue.slice(this.head);
    const sizes = new Map<number, number>();
    const drops = new Set<number>();
    for (const e of rest) {
      if (this.started.has(e.root)) continue;
      if (moves(e)) sizes.set(e.root, (sizes.get(e.root) ?? 0) + 1);
      if (e.what === 'drop') drops.add(e.root);
    }
    const gone = new Set<number>();
    let over = this.waiting - MAX_WAITING * 0.6;
    for (const withDrop of [false, true])
      for (const [root, size] of sizes) {
        if (over <= 0) break;
        if (drops.has(root) !== withDrop || gone.has(root)) continue;
        gone.add(root);
        over -= size;
      }
    for (const root of gone) this.skipped.add(root);
    this.queue = rest.filter((e) => !gone.has(e.root));
    this.head = 0;
    this.waiting = 0;
    this.needed.clear();
    for (const e of this.queue) this.count(e, 1);
    return gone.size;
  }

  private count(e: TrafficEvent, by: 1 | -1): void {
    if (moves(e)) this.waiting += by;
    for (const skb of e.parent === e.skb ? [e.skb] : [e.skb, e.parent]) {
      const n = (this.needed.get(skb) ?? 0) + by;
      if (n > 0) this.needed.set(skb, n);
      else this.needed.delete(skb);
    }
  }

  /** Takes everything to the moment `now`, ms. */
  advance(now: number): void {
    for (const token of this.tokens.values()) {
      if (token.to && now >= token.began + token.takes) this.land(token, now);
      else if (!token.to && now > token.until && !this.needed.has(token.skb)) this.leave(token);
    }
    // Everything that may begin now begins; the bound is that of the queue.
    while (this.head < this.queue.length) {
      const e = this.queue[this.head] as TrafficEvent;
      if (!this.mayBegin(e, now)) break;
      this.head += 1;
      this.count(e, -1);
      this.begin(e, now);
    }
    if (this.head > 500) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
  }

  private leave(token: Token): void {
    this.tokens.delete(token.skb);
    const told = this.told.find((t) => t.root === token.root);
    if (told?.state !== 'way' || [...this.tokens.values()].some((t) => t.root === token.root)) return;
    // Nobody tells that an ARP packet was taken in.
    told.state = token.proto === 'arp' ? 'arrived' : 'seen';
    this.stage.left();
  }

  private mayBegin(e: TrafficEvent, now: number): boolean {
    const own = this.tokens.get(e.skb);
    if (own?.to) return false;
    const { last } = this;
    if (!last || last.event.skb === e.skb) return true;
    const parent = this.tokens.get(e.parent);
    if (!own && parent?.to) return false;
    if (last.event.time === e.time) {
      if (last.event.root === e.root) return true;
      return now >= last.at + last.token.takes * STAGGER;
    }
    return !last.token.to;
  }

  private begin(e: TrafficEvent, now: number): void {
    this.started.add(e.root);
    const told = this.tell(e);
    if (e.what === 'nat') {
      this.stage.rewritten(e);
      return;
    }
    const spot: Spot = { space: e.space, dev: e.what === 'deliver' ? '' : e.dev };
    let token = this.tokens.get(e.skb);
    if (!token) {
      const from = this.parentOf(e);
      token = {
        ...{ skb: e.skb, root: e.root, proto: e.proto, tunnels: e.tunnels },
        ...{ at: from?.at ?? this.beginning(e), to: null, began: now, takes: 0, until: now + LINGER },
      };
      // What was wrapped or unwrapped is the same packet in another coat.
      if (from && from.tunnels.length !== e.tunnels.length) this.tokens.delete(from.skb);
      this.tokens.set(e.skb, token);
    }
    token.tunnels = e.tunnels;
    token.to = spot;
    token.began = now;
    const haste = this.waiting <= EASY ? 1 : Math.max(FASTEST, EASY / this.waiting);
    token.takes = this.stage.cost(token.at, spot) * haste;
    this.last = { event: e, token, at: now };
    this.coming.set(token, e);
    if (told.hops.length < MAX_HOPS) told.hops.push(spot);
    if (token.takes === 0) this.land(token, now);
  }

  private readonly coming = new WeakMap<Token, TrafficEvent>();

  private parentOf(e: TrafficEvent): Token | undefined {
    const parent = this.tokens.get(e.parent);
    if (parent?.root === e.root && parent.at.space === e.space) return parent;
    let found: Token | undefined;
    for (const t of this.tokens.values()) if (t.root === e.root && t.at.space === e.space) found = t;
    return found;
  }

  /** What a host sends comes out of its IP layer; what comes in without a past is there at once. */
  private beginning(e: TrafficEvent): Spot {
    return { space: e.space, dev: e.what === 'tx' ? '' : e.dev };
  }

  private land(token: Token, now: number): void {
    const e = this.coming.get(token);
    if (token.to) token.at = token.to;
    token.to = null;
    token.until = now + LINGER;
    if (!e) return;
    const told = this.told.find((t) => t.root === e.root);
    if (e.what === 'drop') {
      this.tokens.delete(token.skb);
      if (told) Object.assign(told, { state: 'dropped', why: e.text });
      this.stage.dropped({ root: e.root, at: { space: e.space, dev: e.dev }, label: e.label, why: e.text, began: now });
    } else if (e.what === 'deliver' && e.tunnels.length === 0 && told && told.state === 'way') told.state = 'arrived';
    this.stage.arrived(token, e);
  }

  private tell(e: TrafficEvent): Told {
    const known = this.told.find((t) => t.root === e.root);
    if (known) return known;
    const told: Told = { root: e.root, proto: e.proto, label: e.label, hops: [], state: 'way', why: '' };
    this.told.unshift(told);
    if (this.told.length > KEPT) this.told.pop();
    return told;
  }
}
