/** The shapes that the packet map is drawn from: plain numbers in CSS pixels at scale 1. */

import type { SpaceView } from '../../lab/view/types.ts';

/** How much a machine shows: addresses and names of all devices, names only, or pods as dots. */
export type Level = 'full' | 'compact' | 'dots';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Rect extends Point {
  readonly w: number;
  readonly h: number;
}

/** A machine, a pod or another namespace. */
export interface SpaceBox extends Rect {
  readonly id: string;
  readonly kind: SpaceView['kind'];
  readonly level: Level;
  /** Empty where there is no room. */
  readonly title: string;
  readonly sub: string;
  /** Within a machine's box. */
  readonly inner: boolean;
  /** Runs the cluster rather than in it: drawn quieter. */
  readonly quiet: boolean;
}

export interface DeviceBox extends Rect {
  readonly space: string;
  readonly dev: string;
  readonly form: 'plate' | 'port' | 'bridge';
  readonly title: string;
  readonly sub: string;
  readonly up: boolean;
  readonly tunnel: boolean;
}

/** Where a machine's IP layer decides: routes and rules. */
export interface StackBar extends Rect {
  readonly space: string;
  readonly title: string;
}

export interface Wire {
  readonly id: string;
  readonly kind: 'veth' | 'cable' | 'inner' | 'bus' | 'tunnel';
  readonly points: readonly Point[];
  readonly up: boolean;
  /** Of a tunnel that only the first end knows: an arrow points at the second. */
  readonly oneWay: boolean;
  readonly title: string;
  readonly titleAt: Point | null;
}

export interface ServiceBadge extends Rect {
  readonly id: string;
  readonly title: string;
  readonly sub: string;
  readonly quiet: boolean;
  /** Ids of spaces. */
  readonly endpoints: readonly string[];
}

/** Where a packet is when it is at a device, and the way from there to what the device hangs on. */
export interface Anchor {
  readonly at: Point;
  /** Key of the hub that joins it with the other devices of its space. */
  readonly hub: string;
  /** Where its line meets the hub. */
  readonly on: Point;
}

/** A bridge, an IP layer or a switch: packets go along it from device to device. */
export interface Hub {
  /** Bridges: the IP layer that they belong to, and the line to it. */
  readonly parent: string | null;
  readonly up: readonly Point[];
  /** Switches that span several rows: x of the line that joins these. */
  readonly trunk: number | null;
  readonly centre: Point;
}

export interface Geometry {
  readonly width: number;
  readonly height: number;
  readonly level: Level;
  readonly spaces: readonly SpaceBox[];
  readonly devices: readonly DeviceBox[];
  readonly stacks: readonly StackBar[];
  readonly wires: readonly Wire[];
  readonly services: readonly ServiceBadge[];
  /** Services for which there was no room. */
  readonly moreServices: number;
  /** By `SPACE DEVICE`. */
  readonly anchors: ReadonlyMap<string, Anchor>;
  /** By `SPACE` (the IP layer) or `SPACE BRIDGE`. */
  readonly hubs: ReadonlyMap<string, Hub>;
  /** By `SPACE DEVICE` of either end: the line between two ends, from the key's end to the other. */
  readonly links: ReadonlyMap<string, { readonly to: string; readonly points: readonly Point[] }>;
}

export const keyOf = (space: string, dev: string): string => `${space} ${dev}`;

/** Room that a text takes: sans at 12 px, monospace at 10 px. */
export const sansWidth = (text: string): number => Math.ceil(text.length * 7.2);
export const monoWidth = (text: string, size = 10): number => Math.ceil(text.length * size * 0.602);

/** Cuts the middle out, so that what tells names apart stays. */
export function shorten(text: string, max: number): string {
  if (text.length <= max) return text;
  const tail = Math.min(5, Math.floor((max - 1) / 2));
  return `${text.slice(0, max - 1 - tail)}…${text.slice(text.length - tail)}`;
}

export const pathOf = (points: readonly Point[]): string =>
  points.map((p, i) => `${i === 0 ? 'M' : 'L'}${round(p.x)} ${round(p.y)}`).join('');

/** The same with rounded corners. */
export function roundedPath(points: readonly Point[], radius = 7): string {
  if (points.length < 3) return pathOf(points);
  let d = '';
  points.forEach((p, i) => {
    const before = points[i - 1];
    const after = points[i + 1];
    if (!before) d += `M${round(p.x)} ${round(p.y)}`;
    else if (!after) d += `L${round(p.x)} ${round(p.y)}`;
    else {
      const r = Math.min(radius, distance(before, p) / 2, distance(p, after) / 2);
      const a = towards(p, before, r);
      const b = towards(p, after, r);
      d += `L${round(a.x)} ${round(a.y)}Q${round(p.x)} ${round(p.y)} ${round(b.x)} ${round(b.y)}`;
    }
  });
  return d;
}

export const round = (n: number): number => Math.round(n * 10) / 10;

export const distance = (a: Point, b: Point): number => Math.hypot(b.x - a.x, b.y - a.y);

function towards(from: Point, to: Point, by: number): Point {
  const all = distance(from, to) || 1;
  return { x: from.x + ((to.x - from.x) * by) / all, y: from.y + ((to.y - from.y) * by) / all };
}

export const lengthOf = (points: readonly Point[]): number =>
  points.reduce((sum, p, i) => sum + (i === 0 ? 0 : distance(points[i - 1] as Point, p)), 0);

/** The point at a share of a line's length, 0 to 1. */
export function along(points: readonly Point[], share: number): Point {
  let rest = lengthOf(points) * Math.min(1, Math.max(0, share));
  for (let i = 1; i < points.length; i++) {
    const a = points[i - 1] as Point;
    const b = points[i] as Point;
    const d = distance(a, b);
    if (rest <= d) return towards(a, b, rest);
    rest -= d;
  }
  return points.at(-1) ?? { x: 0, y: 0 };
}
