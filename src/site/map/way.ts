/** The way of a packet across the drawing: from one place to the next along bridges, IP layers and cables. */

import { type Geometry, type Hub, keyOf, type Point, type Rect, type SpaceBox } from './geometry.ts';

/** A device, or a namespace's IP layer where `dev` is empty. */
export interface Spot {
  readonly space: string;
  readonly dev: string;
}

export const spotKey = (s: Spot): string => (s.dev === '' ? s.space : keyOf(s.space, s.dev));

/** Where it is drawn; null: nowhere. Devices that are not drawn stand for their namespace. */
export function spotAt(g: Geometry, s: Spot): Point | null {
  return g.anchors.get(keyOf(s.space, s.dev))?.at ?? g.hubs.get(s.space)?.centre ?? null;
}

/** Beside a spot: at the edge of what is drawn there, so that a mark covers neither names nor addresses. */
export function markAt(g: Geometry, s: Spot): Point | null {
  const at = spotAt(g, s);
  if (!at) return null;
  const space = g.spaces.find((b) => b.id === s.space);
  const corner = (b: Rect): Point => ({ x: b.x + b.w - 2, y: b.y + 1 });
  const box = g.devices.find((d) => d.space === s.space && d.dev === s.dev);
  if (box?.form === 'plate') return { x: box.x + 3, y: box.y + 1 };
  if (box?.form === 'bridge') return { x: box.x + box.w - 12, y: box.y + box.h / 2 };
  if (s.dev === '') return space && (space.inner || isPlain(space)) ? corner(space) : at;
  if (!box || !space) return { x: at.x + 24, y: at.y };
  if (isPlain(space) && at.x > space.x + space.w - 6) return { x: at.x, y: at.y - 16 };
  // At the upper and lower edges it keeps out of the lines of text there.
  const dy = at.y > space.y + space.h - 6 ? 4 : at.y < space.y + 6 ? -4 : isPlain(space) ? 0 : -3;
  return { x: at.x - 13, y: at.y + dy };
}

const isPlain = (b: SpaceBox): boolean => b.kind === 'outside' || b.kind === 'router';

function alongHub(hub: Hub | undefined, a: Point, b: Point): Point[] {
  if (hub?.trunk == null || a.y === b.y) return [];
  return [
    { x: hub.trunk, y: a.y },
    { x: hub.trunk, y: b.y },
  ];
}

/** Line from a hub up to the IP layer of its namespace. */
function toStack(g: Geometry, hub: string): readonly Point[] {
  return g.hubs.get(hub)?.up ?? [];
}

function within(g: Geometry, from: Spot, to: Spot): Point[] | null {
  const a = g.anchors.get(keyOf(from.space, from.dev));
  const b = g.anchors.get(keyOf(to.space, to.dev));
  const centre = g.hubs.get(from.space)?.centre;
  if (a && b) {
    const [keyA, keyB] = [keyOf(from.space, from.dev), keyOf(to.space, to.dev)];
    if (b.hub === keyA) return [a.at, { x: a.at.x, y: b.on.y }, b.on, b.at];
    if (a.hub === keyB) return [a.at, a.on, { x: b.at.x, y: a.on.y }, b.at];
    if (a.hub === b.hub) return [a.at, a.on, ...alongHub(g.hubs.get(a.hub), a.on, b.on), b.on, b.at];
    return [a.at, a.on, ...toStack(g, a.hub), ...[...toStack(g, b.hub)].reverse(), b.on, b.at];
  }
  // At the IP layer a packet stays below or above the device that it came by, or goes by.
  if (a) return [a.at, a.on, ...toStack(g, a.hub)];
  if (b) return [...[...toStack(g, b.hub)].reverse(), b.on, b.at];
  return centre ? [centre] : null;
}

const linkOf = (g: Geometry, s: Spot) => g.links.get(keyOf(s.space, s.dev));

const parse = (key: string): Spot => {
  const at = key.lastIndexOf(' ');
  return { space: key.slice(0, at), dev: key.slice(at + 1) };
};

/** Points from one spot to the next; empty where nothing moves. */
export function wayBetween(g: Geometry, from: Spot, to: Spot): readonly Point[] {
  if (from.space === to.space) {
    if (from.dev === to.dev) return [];
    return tidy(within(g, from, to) ?? []);
  }
  const out = linkOf(g, from);
  if (out?.to === keyOf(to.space, to.dev)) return out.points;
  if (out) {
    const far = parse(out.to);
    if (far.space === to.space) return tidy([...out.points, ...(within(g, far, to) ?? [])]);
  }
  const back = linkOf(g, to);
  if (back) {
    const near = parse(back.to);
    if (near.space === from.space) return tidy([...(within(g, from, near) ?? []), ...[...back.points].reverse()]);
  }
  const [a, b] = [spotAt(g, from), spotAt(g, to)];
  return a && b ? [a, b] : [];
}

/** Without points that stand still. */
function tidy(points: readonly Point[]): Point[] {
  return points.filter((p, i) => {
    const before = points[i - 1];
    return !before || Math.abs(before.x - p.x) > 0.3 || Math.abs(before.y - p.y) > 0.3;
  });
}
