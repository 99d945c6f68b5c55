/** Where everything of a picture goes: machines in rows, the cable that joins them below each row, hosts outside at one side. */

import type { DeviceView, ServiceView, SpaceView, Topology } from '../../lab/view/types.ts';
import type { Geometry, Level, Point, Rect } from './geometry.ts';
import { keyOf, monoWidth, sansWidth, shorten } from './geometry.ts';
import { type Drawing, isQuiet, link, type MachineView, machineDrawing, outsideDrawing, type Sheet, type Side } from './machine.ts';
import { drawTunnels, TUNNEL_LANE } from './tunnels.ts';

export interface Room {
  /** CSS pixels that there are; Infinity where the page scrolls. */
  readonly width: number;
  readonly height: number;
  /** Ids of machines that show everything, however little room there is. */
  readonly opened?: ReadonlySet<string>;
  readonly level?: Level;
}

const MARGIN = 8;
const GAP = 14;
/** Below that scale small text is hard to read: less is drawn instead. */
const READABLE = 0.74;
/** Room in which hosts outside stand beside the nodes, else below. */
const BESIDE = 560;
const BUS = 10;
const WIDER = [1, 1.12, 1.25, 1.4, 1.6, 1.9] as const;

const emptySheet = (): Sheet => ({
  ...{ spaces: [], devices: [], stacks: [], wires: [], services: [] },
  ...{ anchors: new Map(), hubs: new Map(), links: new Map() },
});

interface Cast {
  readonly machines: readonly MachineView[];
  readonly outside: readonly MachineView[];
  readonly switches: readonly SpaceView[];
}

/** The system's own last, then by name. */
const byName = (a: SpaceView, b: SpaceView): number =>
  Number(isQuiet(a)) - Number(isQuiet(b)) || (a.title < b.title ? -1 : a.title > b.title ? 1 : 0);

function castOf({ spaces }: Topology): Cast {
  const owns = spaces.filter((s) => s.id === s.host);
  const all = owns
    .filter((s) => s.kind !== 'switch')
    .map((space) => ({ space, inner: spaces.filter((s) => s.host === space.host && s.id !== space.id).sort(byName) }));
  const isNode = (m: MachineView): boolean =>
    m.space.kind === 'node' || m.inner.length > 0 || m.space.devices.some((d) => d.kind === 'bridge');
  return {
    machines: all.filter(isNode),
    outside: all.filter((m) => !isNode(m)),
    switches: owns.filter((s) => s.kind === 'switch'),
  };
}

/** A switch's bridge: the machines on it are joined by it. */
interface Bus {
  readonly hub: string;
  readonly space: SpaceView;
  readonly bridge: DeviceView;
}

export function layout(topology: Topology, room: Room): Geometry {
  if (room.level) return fitting(topology, room, room.level);
  const cast = castOf(topology);
  const pods = cast.machines.reduce((n, m) => n + m.inner.length, 0);
  const tries: Level[] = cast.machines.length > 6 || pods > 30 ? ['compact', 'dots'] : ['full', 'compact', 'dots'];
  let best: Geometry | undefined;
  for (const level of tries) {
    if (level === 'compact' && (cast.machines.length > 16 || pods > 90)) continue;
    best = fitting(topology, room, level);
    if (scaleOf(best, room) >= READABLE) return best;
  }
  return best as Geometry;
}

/** The one that is made smaller least, of some that are drawn wider than the room. */
function fitting(topology: Topology, room: Room, level: Level): Geometry {
  let best: Geometry | undefined;
  for (const wider of WIDER) {
    const tried = arrange(topology, { ...room, width: room.width * wider }, level, room.width >= BESIDE);
    if (!best || scaleOf(tried, room) > scaleOf(best, room) * 1.02) best = tried;
  }
  return best as Geometry;
}

/** How much a drawing is made smaller so that all of it is seen; never larger than 1. */
export const scaleOf = (g: Rect | Geometry, room: Pick<Room, 'width' | 'height'>): number => {
  const { width, height } = 'w' in g ? { width: g.w, height: g.h } : g;
  return Math.min(1, room.width / width, room.height / height);
};

function arrange(topology: Topology, room: Room, level: Level, wide: boolean): Geometry {
  const sheet = emptySheet();
  const { machines, outside, switches } = castOf(topology);
  const buses = switches.flatMap((space): Bus[] =>
    space.devices.filter((d) => d.kind === 'bridge').map((bridge) => ({ space, bridge, hub: keyOf(space.id, bridge.name) })),
  );
  const busOf = (dev: DeviceView): Bus | undefined =>
    buses.find(
      (b) => b.space.id === dev.peer?.space && b.space.devices.some((p) => p.name === dev.peer?.dev && p.master === b.bridge.name),
    );

  const beside = outside.length > 0 && wide;
  const sides = outsideSides(outside, busOf, beside);
  const guests = outsideOrder(outside, busOf, beside).map((m) => ({ machine: m, drawing: outsideDrawing(m, level, (d) => sides(m, d)) }));
  const column = beside ? Math.max(0, ...guests.map((g) => g.drawing.w)) + 34 + (buses.length - 1) * BUS : 0;
  const width = Number.isFinite(room.width) ? room.width : 900;
  const forNodes = Math.max(120, width - 2 * MARGIN - column);

  const drawings = machines.map((m) => machineDrawing(m, room.opened?.has(m.space.id) ? 'full' : level, forNodes));
  const rows = rowsOf(drawings, forNodes);
  const columns = widths(rows, forNodes);
  const nodesWidth = Math.max(...columns.map((row) => row.reduce((n, w) => n + w, 0) + (row.length - 1) * GAP), 0);
  const strip = placeServices(sheet, topology.services, level, Math.max(nodesWidth + column, Math.min(forNodes, 240)));

  let y = MARGIN + strip;
  const rowOf = new Map<string, number>();
  const bottoms: number[] = [];
  const busYs: number[] = [];
  const right = MARGIN + nodesWidth;
  let index = 0;
  rows.forEach((row, r) => {
    const h = Math.max(...row.map((d) => d.h));
    let x = MARGIN;
    row.forEach((drawing, i) => {
      const w = columns[r]?.[i] ?? drawing.w;
      drawing.place(sheet, x, y, w, h);
      rowOf.set((machines[index++] as MachineView).space.id, r);
      x += w + GAP;
    });
    bottoms.push(y + h);
    const lanes = drawTunnels.lanes(topology, rows.length === 1 ? machines.length : Number.POSITIVE_INFINITY);
    const below = y + h + 8 + lanes * TUNNEL_LANE + (buses.length > 0 ? 8 : 0);
    busYs.push(below);
    y = below + Math.max(0, buses.length - 1) * BUS + (r < rows.length - 1 ? 16 : 6);
  });
  if (rows.length === 0) busYs.push(y);
  const trunk = (b: number): number => right + (beside || rows.length > 1 ? 18 : 8) + b * BUS;
  drawTunnels(sheet, topology, rowOf, bottoms, right + 7);

  // Hosts outside: a column at the right, or a row below everything.
  let bottom = y;
  if (beside) {
    const all = guests.reduce((n, g) => n + g.drawing.h, 0) + (guests.length - 1) * 26;
    let gy = Math.max(MARGIN + strip, MARGIN + strip + (y - MARGIN - strip - all) / 2);
    const gx = trunk(buses.length - 1) + 16;
    const gw = Math.max(...guests.map((g) => g.drawing.w));
    for (const g of guests) {
      g.drawing.place(sheet, gx, gy, gw, g.drawing.h);
      gy += g.drawing.h + 26;
    }
    bottom = Math.max(bottom, gy - 26 + 4);
  } else if (guests.length > 0) {
    bottom = placeBelow(
      sheet,
      guests.map((g) => g.drawing),
      y + 14,
      Math.max(nodesWidth, forNodes),
    );
  }

  for (const [b, bus] of buses.entries())
    drawBus(sheet, bus, { b, busYs, rowOf, trunk: trunk(b), spans: rows.length > 1 || beside, beside });
  joinDirect(sheet, [...machines, ...outside]);

  const extent = [...sheet.spaces, ...sheet.services].reduce((m, s) => Math.max(m, s.x + s.w), 0);
  const wiresTo = sheet.wires.flatMap((w) => w.points).reduce((m, p) => Math.max(m, p.x + 4), 0);
  return {
    ...sheet,
    width: Math.ceil(Math.max(extent, wiresTo) + MARGIN),
    height: Math.ceil(bottom + MARGIN),
    level,
    moreServices: topology.services.length - sheet.services.length,
  };
}

/** Greedy rows, then as equal in number as they can be. */
function rowsOf(drawings: readonly Drawing[], width: number): Drawing[][] {
  const greedy: Drawing[][] = [];
  let used = 0;
  for (const d of drawings) {
    const row = greedy.at(-1);
    if (row && used + GAP + d.w <= width * 1.06) {
      row.push(d);
      used += GAP + d.w;
    } else {
      greedy.push([d]);
      used = d.w;
    }
  }
  if (greedy.length < 2) return greedy;
  const each = Math.ceil(drawings.length / greedy.length);
  const equal = Array.from({ length: greedy.length }, (_, r) => drawings.slice(r * each, (r + 1) * each)).filter((row) => row.length > 0);
  const fits = equal.every((row) => row.reduce((n, d) => n + d.w, 0) + (row.length - 1) * GAP <= width * 1.06);
  return fits ? equal : greedy;
}

/** Columns stand under each other when rows have the same number of boxes, or nearly. */
function widths(rows: readonly (readonly Drawing[])[], room: number): number[][] {
  if (rows.length < 2) return rows.map((row) => row.map((d) => d.w));
  const count = Math.max(...rows.map((r) => r.length));
  const even = Array.from({ length: count }, (_, i) => Math.max(...rows.map((r) => r[i]?.w ?? 0)));
  if (count === 1) return rows.map(() => [Math.max(even[0] as number, Math.min(room, 420))]);
  const all = even.reduce((n, w) => n + w, 0) + (count - 1) * GAP;
  return all <= room * 1.06 ? rows.map((r) => r.map((_, i) => even[i] as number)) : rows.map((r) => r.map((d) => d.w));
}

/** Those behind a router come first, then the router, then who is on the cable; in a row the other way round. */
function outsideOrder(outside: readonly MachineView[], busOf: (d: DeviceView) => Bus | undefined, beside: boolean): MachineView[] {
  const rank = (m: MachineView): number => {
    const on = m.space.devices.some((d) => busOf(d));
    if (!on) return 0;
    return m.space.devices.some((d) => d.peer && !busOf(d)) ? 1 : 2;
  };
  const sorted = [...outside].sort((a, b) => rank(a) - rank(b));
  return beside ? sorted : sorted.reverse();
}

function outsideSides(
  outside: readonly MachineView[],
  busOf: (d: DeviceView) => Bus | undefined,
  beside: boolean,
): (m: MachineView, d: DeviceView) => Side {
  const order = outsideOrder(outside, busOf, beside);
  return (m, d) => {
    if (!d.peer) return 'bottom';
    if (busOf(d)) return beside ? 'left' : 'top';
    const there = order.findIndex((o) => o.space.id === d.peer?.space);
    if (there < 0) return beside ? 'left' : 'top';
    const before = there < order.indexOf(m);
    return beside ? (before ? 'top' : 'bottom') : before ? 'left' : 'right';
  };
}

function placeBelow(sheet: Sheet, drawings: readonly Drawing[], y: number, width: number): number {
  let x = MARGIN;
  let top = y;
  let tallest = 0;
  const all = drawings.reduce((n, d) => n + d.w, 0);
  const gap = Math.max(14, Math.min(40, (width - all) / Math.max(1, drawings.length - 1)));
  for (const d of drawings) {
    if (x > MARGIN && x + d.w > MARGIN + width * 1.06) {
      x = MARGIN;
      top += tallest + 16;
      tallest = 0;
    }
    d.place(sheet, x, top, d.w, d.h);
    x += d.w + gap;
    tallest = Math.max(tallest, d.h);
  }
  return top + tallest;
}

interface BusPlace {
  readonly b: number;
  readonly busYs: readonly number[];
  readonly rowOf: ReadonlyMap<string, number>;
  readonly trunk: number;
  /** Rows are joined by a line at the right. */
  readonly spans: boolean;
  readonly beside: boolean;
}

function drawBus(sheet: Sheet, { space, bridge, hub }: Bus, p: BusPlace): void {
  const yOf = (row: number): number => (p.busYs[row] as number) + p.b * BUS;
  const rowEnds = p.busYs.map(() => ({ from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY }));
  const trunkYs: number[] = [];
  const ports = space.devices.filter((d) => d.master === bridge.name && d.peer);
  for (const port of ports) {
    const key = keyOf(port.peer?.space ?? '', port.peer?.dev ?? '');
    const anchor = sheet.anchors.get(key);
    if (!anchor) continue;
    const box = sheet.devices.find((d) => d.space === port.peer?.space && d.dev === port.peer?.dev);
    const row = p.rowOf.get(port.peer?.space ?? '');
    const onTrunk = row === undefined && p.beside;
    const y = onTrunk ? anchor.at.y : yOf(row ?? p.busYs.length - 1);
    const meet: Point = { x: onTrunk ? p.trunk : anchor.at.x, y };
    const from = box && box.h > 0 && !onTrunk ? { x: anchor.at.x, y: box.y + box.h } : anchor.at;
    const up = port.up && port.carrier && box?.up !== false;
    sheet.wires.push({ id: key, kind: 'cable', points: [from, meet], up, oneWay: false, title: '', titleAt: null });
    const portKey = keyOf(space.id, port.name);
    sheet.anchors.set(portKey, { at: meet, hub, on: meet });
    link(sheet, key, portKey, [anchor.at, meet]);
    if (onTrunk) trunkYs.push(y);
    else {
      const ends = rowEnds[row ?? p.busYs.length - 1] as { from: number; to: number };
      ends.from = Math.min(ends.from, meet.x);
      ends.to = Math.max(ends.to, meet.x);
    }
  }
  const used = rowEnds.map((e, r) => ({ ...e, y: yOf(r) })).filter((e) => Number.isFinite(e.from));
  const joined = p.spans && (used.length > 1 || trunkYs.length > 0);
  used.forEach((e, i) => {
    const from = e.from - 12;
    const to = joined ? p.trunk : e.to + 12;
    const points = [
      { x: from, y: e.y },
      { x: to, y: e.y },
    ];
    const title = i === 0 ? bridge.name : '';
    sheet.wires.push({ id: `${hub} ${i}`, kind: 'bus', points, up: bridge.up, oneWay: false, title, titleAt: { x: from - 7, y: e.y + 3 } });
  });
  const ys = [...trunkYs, ...used.map((e) => e.y)];
  if (joined) {
    const points = [
      { x: p.trunk, y: Math.min(...ys) },
      { x: p.trunk, y: Math.max(...ys) },
    ];
    sheet.wires.push({ id: `${hub} trunk`, kind: 'bus', points, up: bridge.up, oneWay: false, title: '', titleAt: null });
  }
  const first = used[0];
  const centre = first ? { x: (first.from + first.to) / 2, y: first.y } : { x: p.trunk, y: ys[0] ?? 0 };
  sheet.hubs.set(hub, { parent: null, up: [], trunk: joined ? p.trunk : null, centre });
  sheet.anchors.set(keyOf(space.id, bridge.name), { at: centre, hub, on: centre });
}

const onCard = (sheet: Sheet, key: string): boolean => sheet.devices.some((d) => d.form === 'plate' && keyOf(d.space, d.dev) === key);

/** From side to side of small boxes, or under the machines whose cards it joins. */
function directWay(a: Point, b: Point, cards: boolean): Point[] {
  if (Math.abs(a.x - b.x) < 1 || Math.abs(a.y - b.y) < 1) return [a, b];
  if (cards) {
    const low = Math.max(a.y, b.y) + 26;
    return [a, { x: a.x, y: low }, { x: b.x, y: low }, b];
  }
  const middle = (a.x + b.x) / 2;
  return [a, { x: middle, y: a.y }, { x: middle, y: b.y }, b];
}

/** Cables without a switch. */
function joinDirect(sheet: Sheet, machines: readonly MachineView[]): void {
  for (const { space } of machines)
    for (const dev of space.devices) {
      const key = keyOf(space.id, dev.name);
      if (dev.kind !== 'ether' || !dev.peer || sheet.links.has(key)) continue;
      const other = keyOf(dev.peer.space, dev.peer.dev);
      const [a, b] = [sheet.anchors.get(key)?.at, sheet.anchors.get(other)?.at];
      if (!a || !b) continue;
      const points = directWay(a, b, onCard(sheet, key) || onCard(sheet, other));
      sheet.wires.push({ id: key, kind: 'cable', points, up: dev.up && dev.carrier, oneWay: false, title: '', titleAt: null });
      link(sheet, key, other, points);
    }
}

const QUIET = /^(kube-system|.*-system)\/|^default\/kubernetes$/;

/** Badges above the machines, in at most two lines; returns the height that they take. */
function placeServices(sheet: Sheet, services: readonly ServiceView[], level: Level, width: number): number {
  if (services.length === 0) return 0;
  const h = level === 'full' ? 22 : 19;
  const lines = level === 'dots' ? 1 : 2;
  const sorted = [...services].sort((a, b) => Number(QUIET.test(a.id)) - Number(QUIET.test(b.id)));
  let x = MARGIN;
  let line = 0;
  for (const s of sorted) {
    const title = shorten(s.id.replace(/^default\//, ''), 22);
    const address = s.addresses[0] ?? '';
    const port = s.ports[0]?.replace(/[:/].*/, '') ?? '';
    const sub = level === 'dots' || address === '' ? '' : address === 'None' ? 'headless' : `${address}:${port}`;
    const w = 24 + Math.ceil(sansWidth(title) * 0.92) + (sub ? monoWidth(sub, 9.5) + 11 : 0) + 8;
    if (x > MARGIN && x + w > MARGIN + width) {
      if (line + 1 >= lines) break;
      line += 1;
      x = MARGIN;
    }
    sheet.services.push({ id: s.id, title, sub, x, y: MARGIN + line * (h + 5), w, h, quiet: QUIET.test(s.id), endpoints: s.endpoints });
    x += w + 7;
  }
  return (line + 1) * (h + 5) + 7;
}
