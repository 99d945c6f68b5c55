/** Draws the packets that move: on a canvas above the drawing, so that nothing else is painted anew. */

import { mapWords } from '../words/map.ts';
import { along, lengthOf, type Point } from './geometry.ts';
import type { Drop, Proto, Token } from './player.ts';

/** Where the drawing stands on the stage: scale, and the place of its origin, CSS pixels. */
export interface Frame {
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Inks {
  readonly protos: Readonly<Record<Proto, string>>;
  readonly mark: string;
  readonly tunnel: string;
  readonly bad: string;
  readonly ground: string;
}

export function inksOf(element: Element): Inks {
  const style = getComputedStyle(element);
  const ink = (name: string): string => style.getPropertyValue(`--map-${name}`).trim();
  return {
    protos: { icmp: ink('icmp'), tcp: ink('tcp'), udp: ink('udp'), arp: ink('arp'), other: ink('other') },
    ...{ mark: ink('mark'), tunnel: ink('tunnel'), bad: ink('bad'), ground: ink('ground') },
  };
}

/** ms that a drop flashes. */
export const FLASH = 900;
const TAIL = 26;

export interface Moving {
  readonly token: Token;
  readonly way: readonly Point[];
  /** Share of the way, 0 to 1. */
  readonly share: number;
}

export interface Flash {
  readonly drop: Drop;
  readonly at: Point;
}

export function paint(
  ctx: CanvasRenderingContext2D,
  size: { readonly width: number; readonly height: number; readonly ratio: number },
  f: Frame,
  moving: readonly Moving[],
  flashes: readonly Flash[],
  now: number,
  inks: Inks,
): void {
  ctx.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  ctx.clearRect(0, 0, size.width, size.height);
  const r = Math.max(5.5, Math.min(10, 8.5 * f.scale));
  const place = (p: Point): Point => ({ x: f.x + p.x * f.scale, y: f.y + p.y * f.scale });
  for (const { at, drop } of flashes) flash(ctx, place(at), (now - drop.began) / FLASH, r, inks);
  for (const m of moving) tail(ctx, m, place, f.scale, inks);
  for (const m of moving) token(ctx, m.token, place(along(m.way, m.share)), r, inks);
}

function tail(ctx: CanvasRenderingContext2D, m: Moving, place: (p: Point) => Point, scale: number, inks: Inks): void {
  const all = lengthOf(m.way);
  if (all === 0) return;
  const from = Math.max(0, m.share - TAIL / (all * scale));
  if (m.share - from < 0.01) return;
  ctx.strokeStyle = inks.protos[m.token.proto];
  ctx.lineWidth = 3;
  ctx.lineCap = 'round';
  ctx.globalAlpha = 0.45;
  ctx.beginPath();
  const steps = 5;
  for (let i = 0; i <= steps; i++) {
    const p = place(along(m.way, from + ((m.share - from) * i) / steps));
    if (i === 0) ctx.moveTo(p.x, p.y);
    else ctx.lineTo(p.x, p.y);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** Its form and letter say the protocol as its colour does; a ring around it is the packet that carries it. */
function token(ctx: CanvasRenderingContext2D, t: Token, p: Point, r: number, inks: Inks): void {
  const ink = inks.protos[t.proto];
  if (t.tunnels.length > 0) {
    const w = r * 1.75;
    ctx.beginPath();
    ctx.roundRect(p.x - w, p.y - w * 0.86, w * 2, w * 1.72, r * 0.55);
    ctx.fillStyle = inks.ground;
    ctx.globalAlpha = 0.88;
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.strokeStyle = inks.tunnel;
    ctx.lineWidth = 2;
    ctx.stroke();
    // The flap of the envelope.
    ctx.beginPath();
    ctx.moveTo(p.x - w, p.y - w * 0.86 + 2);
    ctx.lineTo(p.x, p.y - w * 0.42);
    ctx.lineTo(p.x + w, p.y - w * 0.86 + 2);
    ctx.lineWidth = 1;
    ctx.stroke();
  } else {
    ctx.beginPath();
    ctx.arc(p.x, p.y, r + 2, 0, 7);
    ctx.fillStyle = inks.ground;
    ctx.globalAlpha = 0.8;
    ctx.fill();
    ctx.globalAlpha = 1;
  }
  const size = t.tunnels.length > 0 ? r * 0.92 : r;
  ctx.fillStyle = ink;
  ctx.beginPath();
  shape(ctx, t.proto, p, size);
  ctx.fill();
  if (size < 5) return;
  ctx.fillStyle = inks.mark;
  ctx.font = `700 ${Math.round(size * 1.25)}px system-ui, sans-serif`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillText(mapWords.letters[t.proto], p.x, p.y + (t.proto === 'arp' ? size * 0.18 : size * 0.06));
}

function shape(ctx: CanvasRenderingContext2D, proto: Proto, p: Point, r: number): void {
  if (proto === 'icmp') ctx.arc(p.x, p.y, r, 0, 7);
  else if (proto === 'tcp') ctx.roundRect(p.x - r * 0.92, p.y - r * 0.92, r * 1.84, r * 1.84, r * 0.3);
  else if (proto === 'udp') polygon(ctx, p, r * 1.22, 4, 0);
  else if (proto === 'arp') polygon(ctx, p, r * 1.28, 3, -Math.PI / 2);
  else polygon(ctx, p, r * 1.1, 6, 0);
}

function polygon(ctx: CanvasRenderingContext2D, p: Point, r: number, sides: number, turn: number): void {
  for (let i = 0; i < sides; i++) {
    const angle = turn + (i * 2 * Math.PI) / sides;
    const [x, y] = [p.x + r * Math.cos(angle), p.y + r * Math.sin(angle)];
    if (i === 0) ctx.moveTo(x, y);
    else ctx.lineTo(x, y);
  }
  ctx.closePath();
}

function flash(ctx: CanvasRenderingContext2D, p: Point, share: number, r: number, inks: Inks): void {
  if (share < 0 || share > 1) return;
  ctx.strokeStyle = inks.bad;
  ctx.globalAlpha = 1 - share;
  ctx.lineWidth = 3;
  ctx.beginPath();
  ctx.arc(p.x, p.y, r + share * r * 3.2, 0, 7);
  ctx.stroke();
  ctx.globalAlpha = 1;
  cross(ctx, p, r * 0.95);
}

function cross(ctx: CanvasRenderingContext2D, p: Point, r: number): void {
  ctx.lineWidth = 3.2;
  ctx.lineCap = 'round';
  ctx.beginPath();
  ctx.moveTo(p.x - r, p.y - r);
  ctx.lineTo(p.x + r, p.y + r);
  ctx.moveTo(p.x + r, p.y - r);
  ctx.lineTo(p.x - r, p.y + r);
  ctx.stroke();
}
