/** The show on the stage: a player's packets on the canvas, the parts that they pass lit up, drops with their reasons. */

import type { TrafficEvent } from '../../lab/view/types.ts';
import { FLASH, type Flash, type Frame, type Inks, inksOf, type Moving, paint } from './canvas.ts';
import { type Geometry, keyOf, lengthOf, type Point, pathOf } from './geometry.ts';
import { type Drop, Player, type Stage, type Token, type Told } from './player.ts';
import { type Spot, spotAt, spotKey, wayBetween } from './way.ts';

export interface ShownDrop {
  readonly key: string;
  readonly at: Point;
  readonly where: string;
  /** Id of the namespace. */
  readonly space: string;
  readonly why: string;
}

/** What the page around the canvas says. */
export interface Shown {
  readonly drops: readonly ShownDrop[];
  readonly told: readonly Told[];
  readonly merged: number;
}

interface Sources {
  geometry(): Geometry | null;
  frame(): Frame;
  tell(shown: Shown): void;
}

/** ms: a hop over a usual distance, and the least and the most that one takes. */
const HOP = 150;
const LEAST = 90;
const MOST = 210;
const USUAL = 70;
const LIT = 320;
const TOLD_EVERY = 250;
const DROP_STAYS = 5_000;
const DROPS_SHOWN = 3;
const MERGED_STAYS = 2_500;
const SVG = 'http://www.w3.org/2000/svg';
const LINES = 60;

export class Show implements Stage {
  private readonly player = new Player(this);
  private readonly stage: HTMLElement;
  private readonly canvas: HTMLCanvasElement;
  private readonly from: Sources;
  private readonly still = matchMedia('(prefers-reduced-motion: reduce)');
  private elements = new Map<string, Element>();
  private readonly lit = new Map<Element, number>();
  private flashes: Flash[] = [];
  private drops: (ShownDrop & { readonly until: number })[] = [];
  private ways = new WeakMap<Token, { readonly to: Spot; readonly way: readonly Point[] }>();
  private merges = { n: 0, until: 0 };
  private inks: Inks | null = null;
  private readonly theme = new MutationObserver(() => {
    this.inks = inksOf(this.stage);
    this.wake();
  });
  private request = 0;
  private paused = false;
  private toldAt = 0;
  private dirty = false;
  /** Frames drawn, for measurements. */
  frames = 0;

  constructor(stage: HTMLElement, canvas: HTMLCanvasElement, from: Sources) {
    this.stage = stage;
    this.canvas = canvas;
    this.from = from;
    this.theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    Object.assign(stage, { show: this });
  }

  feed(events: readonly TrafficEvent[], left: number): void {
    this.player.feed(events, left);
    this.wake();
  }

  clear(): void {
    this.player.clear();
    this.flashes = [];
    this.drops = [];
    this.dirty = true;
    this.wake();
  }

  pause(on: boolean): void {
    this.paused = on;
    if (on) this.player.clear();
    this.wake();
  }

  /** The drawing is another one. */
  redrawn(): void {
    this.elements = new Map();
    for (const e of this.stage.querySelectorAll('[data-dev], [data-space], [data-service]')) {
      const key = e.getAttribute('data-dev') ?? e.getAttribute('data-space') ?? `service ${e.getAttribute('data-service')}`;
      this.elements.set(key, e);
    }
    this.inks = inksOf(this.stage);
    this.ways = new WeakMap();
    this.wake();
  }

  stop(): void {
    cancelAnimationFrame(this.request);
    this.theme.disconnect();
  }

  wake(): void {
    if (this.request === 0) this.request = requestAnimationFrame((now) => this.tick(now));
  }

  // ---- what the player says

  cost(from: Spot, to: Spot): number {
    const g = this.from.geometry();
    if (!g) return 0;
    const length = lengthOf(wayBetween(g, from, to));
    return length < 1 ? 0 : Math.min(MOST, Math.max(LEAST, (HOP * length) / USUAL));
  }

  arrived(token: Token, e: TrafficEvent): void {
    const key = spotKey({ space: e.space, dev: e.dev });
    const element = this.elements.get(key) ?? this.elements.get(e.space);
    if (element) this.light(element, token.proto);
    if (e.what === 'deliver') {
      const space = this.elements.get(e.space);
      if (space && space !== element) this.light(space, token.proto);
    }
    this.dirty = true;
  }

  private light(element: Element, proto: string): void {
    const data = (element as SVGElement).dataset;
    data.passing = proto;
    data.passed = `${Number(data.passed ?? 0) + 1}`;
    this.lit.set(element, performance.now() + LIT);
  }

  dropped(drop: Drop): void {
    const g = this.from.geometry();
    const at = g && spotAt(g, drop.at);
    if (!at) return;
    this.flashes.push({ drop, at });
    const where = spotKey(drop.at);
    const same = this.drops.findIndex((d) => d.where === where);
    if (same >= 0) this.drops.splice(same, 1);
    this.drops.push({
      key: `${drop.root} ${where}`,
      at,
      where,
      space: drop.at.space,
      why: drop.why,
      until: performance.now() + DROP_STAYS,
    });
    if (this.drops.length > DROPS_SHOWN) this.drops.shift();
    const element = this.elements.get(where) ?? this.elements.get(drop.at.space);
    if (element) this.light(element, 'drop');
    this.dirty = true;
    this.toldAt = 0;
  }

  rewritten(e: TrafficEvent): void {
    const g = this.from.geometry();
    const service = g?.services.find((s) => s.sub !== '' && e.text.includes(s.sub.replace(/:\d+$/, '')));
    const element = service && this.elements.get(`service ${service.id}`);
    if (element) this.light(element, e.proto);
  }

  left(): void {
    this.dirty = true;
  }

  merged(packets: number): void {
    this.merges = { n: this.merges.n + packets, until: performance.now() + MERGED_STAYS };
    this.dirty = true;
  }

  // ---- frames

  private tick(now: number): void {
    this.request = 0;
    if (!this.paused) this.player.advance(now);
    const g = this.from.geometry();
    this.flashes = this.flashes.filter((f) => now - f.drop.began < FLASH);
    for (const [element, until] of this.lit)
      if (now > until) {
        delete (element as SVGElement).dataset.passing;
        this.lit.delete(element);
      }
    const kept = this.drops.filter((d) => d.until > now);
    if (kept.length !== this.drops.length) {
      this.drops = kept;
      this.dirty = true;
    }
    if (this.merges.n > 0 && now > this.merges.until) {
      this.merges = { n: 0, until: 0 };
      this.dirty = true;
    }
    if (g) {
      const moving = this.moving(g, now);
      if (this.still.matches) this.lines(moving);
      else this.draw(moving, now);
    }
    if (this.dirty && now - this.toldAt > TOLD_EVERY) {
      this.toldAt = now;
      this.dirty = false;
      this.from.tell({ drops: this.drops, told: this.player.told.map((t) => ({ ...t, hops: [...t.hops] })), merged: this.merges.n });
    }
    const more = this.player.busy && !this.paused;
    if (more || this.lit.size > 0 || this.flashes.length > 0) this.wake();
    else if (this.dirty || this.drops.length > 0 || this.merges.n > 0) setTimeout(() => this.wake(), TOLD_EVERY);
  }

  private moving(g: Geometry, now: number): Moving[] {
    const out: Moving[] = [];
    for (const token of this.player.tokens.values()) {
      if (!token.to) {
        const at = spotAt(g, token.at);
        if (at && now <= token.until) out.push({ token, way: [at], share: 1 });
        continue;
      }
      let known = this.ways.get(token);
      if (!known || known.to !== token.to) {
        known = { to: token.to, way: wayBetween(g, token.at, token.to) };
        this.ways.set(token, known);
      }
      if (known.way.length > 0) out.push({ token, way: known.way, share: Math.min(1, (now - token.began) / token.takes) });
    }
    return out;
  }

  private draw(moving: readonly Moving[], now: number): void {
    const { canvas, inks } = this;
    const ctx = canvas.getContext('2d');
    if (!ctx || !inks) return;
    const width = this.stage.clientWidth;
    const height = this.stage.clientHeight;
    const ratio = Math.min(2, devicePixelRatio);
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    this.frames += 1;
    paint(ctx, { width, height, ratio }, this.from.frame(), moving, this.flashes, now, inks);
  }

  /** Without motion: the ways that are taken appear as lines and stay a moment. */
  private lines(moving: readonly Moving[]): void {
    const layer = this.stage.querySelector('.map-lit');
    if (!layer) return;
    for (const { token, way } of moving) {
      if (!token.to) continue;
      const id = `${token.skb} ${keyOf(token.to.space, token.to.dev)}`;
      if ([...layer.children].some((c) => c.getAttribute('data-way') === id)) continue;
      const line = document.createElementNS(SVG, 'path');
      line.setAttribute('d', pathOf(way));
      line.setAttribute('data-way', id);
      line.setAttribute('class', `map-way map-way-${token.proto}${token.tunnels.length > 0 ? ' map-way-wrapped' : ''}`);
      layer.append(line);
      while (layer.children.length > LINES) layer.firstChild?.remove();
      setTimeout(() => line.remove(), 2_500);
    }
  }
}
