/** Tunnels as dashed lines: from VTEP to VTEP where few stand in one row, else one line past all of them. */

import type { Topology } from '../../lab/view/types.ts';
import { keyOf, type Point } from './geometry.ts';
import type { Sheet } from './machine.ts';
import { isTunnel } from './machine.ts';

export const TUNNEL_LANE = 9;
const PAIRS_MAX = 4;

interface Vtep {
  readonly space: string;
  readonly dev: string;
  readonly detail: string;
  readonly ends: readonly string[];
}

function vtepsOf(topology: Topology): Vtep[] {
  return topology.spaces.flatMap((s) =>
    s.devices.filter(isTunnel).map((d) => ({ space: s.id, dev: d.name, detail: d.detail, ends: d.ends.map((e) => keyOf(e.space, e.dev)) })),
  );
}

interface Pair {
  readonly a: Vtep;
  readonly b: Vtep;
  readonly both: boolean;
}

function pairsOf(vteps: readonly Vtep[]): Pair[] {
  const out: Pair[] = [];
  vteps.forEach((a, i) => {
    vteps.forEach((b, j) => {
      if (j <= i) return;
      const there = a.ends.includes(keyOf(b.space, b.dev));
      const back = b.ends.includes(keyOf(a.space, a.dev));
      if (there || back) out.push(there ? { a, b, both: back } : { a: b, b: a, both: false });
    });
  });
  return out;
}

/** Lines that a row needs below it. `machines` is Infinity where they stand in more than one row. */
function lanes(topology: Topology, machines: number): number {
  const vteps = vtepsOf(topology);
  const pairs = pairsOf(vteps);
  if (pairs.length === 0) return 0;
  return vteps.length <= PAIRS_MAX && Number.isFinite(machines) ? Math.max(1, vteps.length - 1) : 1;
}

function draw(sheet: Sheet, topology: Topology, rowOf: ReadonlyMap<string, number>, bottoms: readonly number[], side: number): void {
  const vteps = vtepsOf(topology);
  const pairs = pairsOf(vteps);
  if (pairs.length === 0) return;
  const foot = (v: Vtep): Point | undefined => {
    const box = sheet.devices.find((d) => d.space === v.space && d.dev === v.dev);
    return box && { x: box.x + box.w / 2, y: box.y + box.h };
  };
  if (vteps.length <= PAIRS_MAX && bottoms.length === 1) pairwise(sheet, pairs, foot, bottoms[0] as number);
  else overlay(sheet, pairs, foot, rowOf, bottoms, side);
}

export const drawTunnels = Object.assign(draw, { lanes });

type Foot = (v: Vtep) => Point | undefined;

function pairwise(sheet: Sheet, pairs: readonly Pair[], foot: Foot, bottom: number): void {
  const taken: { lane: number; from: number; to: number }[] = [];
  const spans = pairs
    .flatMap((pair) => {
      const [a, b] = [foot(pair.a), foot(pair.b)];
      return a && b ? [{ pair, a, b, from: Math.min(a.x, b.x), to: Math.max(a.x, b.x) }] : [];
    })
    .sort((p, q) => p.to - p.from - (q.to - q.from));
  spans.forEach(({ pair, a, b, from, to }, i) => {
    let lane = 0;
    while (taken.some((t) => t.lane === lane && t.from < to - 1 && t.to > from + 1)) lane += 1;
    taken.push({ lane, from, to });
    const y = bottom + 8 + lane * TUNNEL_LANE;
    const bend = (p: Point, other: Point): Point => ({ x: p.x + Math.sign(other.x - p.x) * (4 + lane * 5), y: p.y });
    const [start, end] = [bend(a, b), bend(b, a)];
    const points = [start, { x: start.x, y }, { x: end.x, y }, end];
    sheet.wires.push({
      ...{ id: `tunnel ${keyOf(pair.a.space, pair.a.dev)} ${keyOf(pair.b.space, pair.b.dev)}`, kind: 'tunnel' as const, points, up: true },
      ...{ oneWay: !pair.both, title: i === spans.length - 1 ? pair.a.detail : '', titleAt: { x: (from + to) / 2, y: y + 3 } },
    });
  });
}

function overlay(
  sheet: Sheet,
  pairs: readonly Pair[],
  foot: Foot,
  rowOf: ReadonlyMap<string, number>,
  bottoms: readonly number[],
  side: number,
): void {
  const rows = new Map<number, Point[]>();
  const seen = new Set<string>();
  let detail = '';
  for (const { a, b } of pairs)
    for (const v of [a, b]) {
      const key = keyOf(v.space, v.dev);
      const at = foot(v);
      if (seen.has(key) || !at) continue;
      seen.add(key);
      detail ||= v.detail;
      const row = rowOf.get(v.space) ?? 0;
      rows.set(row, [...(rows.get(row) ?? []), at]);
    }
  const ys: number[] = [];
  [...rows].forEach(([row, feet], i) => {
    const y = (bottoms[row] as number) + 8;
    ys.push(y);
    const xs = feet.map((p) => p.x);
    const to = rows.size > 1 ? side : Math.max(...xs);
    const line = [
      { x: Math.min(...xs), y },
      { x: to, y },
    ];
    const title = i === 0 ? detail : '';
    const stops = [...xs, to].sort((p, q) => p - q);
    const widest = stops
      .slice(1)
      .reduce(
        (w, x, k) => (x - (stops[k] as number) > w.room ? { room: x - (stops[k] as number), x: (x + (stops[k] as number)) / 2 } : w),
        {
          room: 0,
          x: to,
        },
      );
    const at = { x: widest.x, y: y + 3 };
    sheet.wires.push({ id: `tunnel row ${row}`, kind: 'tunnel', points: line, up: true, oneWay: false, title, titleAt: at });
    feet.forEach((p, j) => {
      sheet.wires.push({
        id: `tunnel row ${row} ${j}`,
        kind: 'tunnel',
        points: [p, { x: p.x, y }],
        up: true,
        oneWay: false,
        title: '',
        titleAt: null,
      });
    });
  });
  if (ys.length < 2) return;
  const points = [
    { x: side, y: Math.min(...ys) },
    { x: side, y: Math.max(...ys) },
  ];
  sheet.wires.push({ id: 'tunnel side', kind: 'tunnel', points, up: true, oneWay: false, title: '', titleAt: null });
}
