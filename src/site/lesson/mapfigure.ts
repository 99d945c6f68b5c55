/** Build time: a world's picture for a lesson, whole or in part, and the way of one packet that a command sends. */

import { loadLab } from 'virtual:hopwise-labs';
import { carryOut, createPlayground, createSession, type Session } from '../../lab/session.ts';
import { Recorder } from '../../lab/view/recorder.ts';
import { topologyOf } from '../../lab/view/topology.ts';
import { Traffic } from '../../lab/view/traffic.ts';
import type { DeviceView, ServiceView, SpaceView, Topology, TrafficEvent } from '../../lab/view/types.ts';
import { loadWorld } from '../../lab/world.ts';
import type { Geometry, Point } from '../map/geometry.ts';
import { layout } from '../map/layout.ts';
import { isQuiet } from '../map/machine.ts';
import { namesOf } from '../map/say.ts';
import { markAt, type Spot, spotAt, wayBetween } from '../map/way.ts';
import { mapWords } from '../words/map.ts';
import type { Where } from './emulator.ts';

const say = mapWords;

/** Room of the prose's column, and of a phone's. */
const WIDE = 640;
const NARROW = 340;
const EVENTS = 20_000;

export interface FigureWish {
  readonly where: Where;
  readonly seed: number;
  /** Names of machines, pods and namespaces to keep; without it everything. */
  readonly show?: readonly string[] | undefined;
  /** Services to draw: names, or all. */
  readonly services?: boolean | readonly string[] | undefined;
  readonly before: readonly { readonly host: string; readonly command: string }[];
  /** Host, command, and a text that the packet's description holds (else the first one that is not ARP). */
  readonly path?: readonly [host: string, command: string, of?: string] | undefined;
}

export interface Step {
  readonly number: number;
  readonly text: string;
}

export interface FigureView {
  readonly geometry: Geometry;
  readonly way: readonly Point[];
  readonly marks: readonly (Point & { readonly number: number })[];
  /** Where the packet ended before its time. */
  readonly cross: Point | null;
}

export interface Figure {
  readonly topology: Topology;
  readonly wide: FigureView;
  readonly narrow: FigureView;
  readonly steps: readonly Step[];
  /** The packet in words. */
  readonly packet: string;
}

async function sessionIn(where: Where, seed: number): Promise<Session> {
  if ('world' in where) {
    await loadWorld(where.world);
    return createPlayground(seed, where.world);
  }
  const lab = await loadLab(where.lab);
  await loadWorld(lab);
  return createSession({ lab, seed });
}

export async function figureOf(wish: FigureWish): Promise<Figure> {
  const session = await sessionIn(wish.where, wish.seed);
  const { world } = session;
  carryOut(world, wish.before);
  let events: readonly TrafficEvent[] = [];
  if (wish.path) {
    const recorder = new Recorder(world.sim, () => null);
    const traffic = new Traffic(recorder);
    carryOut(world, [{ host: wish.path[0], command: wish.path[1] }]);
    events = traffic.take(EVENTS).events;
    recorder.stop();
  }
  const topology = narrow(topologyOf(world), wish.show, wish.services ?? false);
  const moves = wish.path ? wayOf(events, wish.path[2]) : [];
  const packet = moves[0]?.label ?? '';
  if (wish.path && moves.length === 0) throw new Error(`MapFigure: ${wish.path[1]} on ${wish.path[0]} sends no such packet`);
  const stops = stopsOf(moves, topology);
  const view = (width: number): FigureView =>
    drawn(layout(topology, { width, height: Number.POSITIVE_INFINITY, level: 'full' }), moves, stops);
  return { topology, wide: view(WIDE), narrow: view(NARROW), steps: stops.map(({ number, text }) => ({ number, text })), packet };
}

// ---- a part of the picture

const bare = (title: string): string => title.replace(/^pod /, '');

function narrow(topology: Topology, show: readonly string[] | undefined, services: boolean | readonly string[]): Topology {
  const fits = (s: SpaceView, name: string): boolean =>
    name.endsWith('*') ? bare(s.title).startsWith(name.slice(0, -1)) : [s.id, s.title, bare(s.title)].includes(name);
  const wanted = show?.map((name) => name.replace(/^pod /, ''));
  for (const name of wanted ?? [])
    if (!topology.spaces.some((s) => fits(s, name)))
      throw new Error(`MapFigure: there is no "${name}"; there are: ${topology.spaces.map((s) => bare(s.title)).join(', ')}`);
  const named = (s: SpaceView): boolean => wanted?.some((name) => fits(s, name)) ?? true;
  const keep = new Set<string>();
  for (const s of topology.spaces) {
    const machine = topology.spaces.find((m) => m.id === s.host);
    if (s.id === s.host) {
      if (s.kind !== 'switch' && named(s)) keep.add(s.id);
      continue;
    }
    const others = topology.spaces.some((o) => o.host === s.host && o.id !== o.host && named(o));
    const byMachine = machine !== undefined && named(machine) && !others && !isQuiet(s);
    if (wanted === undefined || named(s) || byMachine) keep.add(s.id).add(s.host);
  }
  for (const s of topology.spaces)
    if (s.kind === 'switch' && (wanted === undefined || s.devices.filter((d) => d.peer && keep.has(d.peer.space)).length > 1))
      keep.add(s.id);
  const device = (d: DeviceView): DeviceView[] => {
    if (d.peer && !keep.has(d.peer.space)) return d.kind === 'veth' ? [] : [{ ...d, peer: null }];
    return [{ ...d, ends: d.ends.filter((e) => keep.has(e.space)) }];
  };
  const chosen = (s: ServiceView): boolean =>
    typeof services === 'boolean' ? services : services.some((name) => s.id === name || s.id === `default/${name}`);
  return {
    spaces: topology.spaces.filter((s) => keep.has(s.id)).map((s) => ({ ...s, devices: s.devices.flatMap(device) })),
    services: topology.services.filter(chosen).map((s) => ({ ...s, endpoints: s.endpoints.filter((e) => keep.has(e)) })),
  };
}

// ---- a packet's way

const isMove = (e: TrafficEvent): boolean => e.what === 'tx' || e.what === 'rx' || e.what === 'deliver' || e.what === 'drop';

/** What happened to the first packet that fits, without the copies that led elsewhere. */
function wayOf(events: readonly TrafficEvent[], of: string | undefined): TrafficEvent[] {
  const first = events.find((e) => isMove(e) && (of === undefined ? e.proto !== 'arp' : e.label.includes(of)));
  if (!first) return [];
  const own = events.filter((e) => e.root === first.root);
  const parents = new Map<number, number>();
  for (const e of own) if (e.parent !== 0 && e.parent !== e.skb) parents.set(e.skb, e.parent);
  const last = own.findLast((e) => e.what === 'drop') ?? own.findLast((e) => e.what === 'deliver') ?? own.findLast(isMove);
  const line = new Set<number>();
  for (let id = last?.skb; id !== undefined && !line.has(id); id = parents.get(id)) line.add(id);
  return own.filter((e) => line.has(e.skb) && (isMove(e) || e.what === 'nat'));
}

interface Stop extends Step {
  readonly spot: Spot;
}

const spotOf = (e: TrafficEvent): Spot => ({ space: e.space, dev: e.what === 'deliver' ? '' : e.dev });

function stopsOf(moves: readonly TrafficEvent[], topology: Topology): Stop[] {
  const names = namesOf(topology);
  const switches = new Set(topology.spaces.filter((s) => s.kind === 'switch').map((s) => s.id));
  const out: { spot: Spot; text: string; nat: string[] }[] = [];
  let depth = moves[0]?.tunnels.length ?? 0;
  let nat: string[] = [];
  for (const e of moves) {
    if (e.what === 'nat') {
      nat.push(e.text);
      continue;
    }
    const before = out.at(-1);
    const same = before && before.spot.space === e.space && (before.spot.dev === e.dev || switches.has(e.space));
    if (same && e.what !== 'drop' && e.what !== 'deliver') continue;
    // What carries a packet is delivered to the tunnel, which the next step tells.
    if (e.what === 'deliver' && e.tunnels.length > 0) continue;
    const how =
      e.tunnels.length > depth
        ? say.steps.wrapped(mapWords.tunnels[e.tunnels[0] ?? ''] ?? e.tunnels[0] ?? '')
        : e.tunnels.length < depth
          ? say.steps.unwrapped
          : '';
    depth = e.tunnels.length;
    const where = names(e.space);
    const what =
      e.what === 'drop'
        ? say.steps.drop(where, e.dev, e.text)
        : e.what === 'deliver'
          ? say.steps.deliver(where)
          : switches.has(e.space)
            ? say.steps.lan
            : say.steps[e.what === 'tx' ? 'tx' : 'rx'](e.dev, where);
    out.push({ spot: spotOf(e), text: `${what}${how}${nat.map((n) => say.steps.nat(n)).join('')}`, nat });
    nat = [];
  }
  return out.map(({ spot, text }, i) => ({ spot, text, number: i + 1 }));
}

function drawn(geometry: Geometry, moves: readonly TrafficEvent[], stops: readonly Stop[]): FigureView {
  const way: Point[] = [];
  const spots = moves.filter(isMove).map(spotOf);
  spots.forEach((spot, i) => {
    const before = spots[i - 1];
    const points = before ? wayBetween(geometry, before, spot) : [];
    const at = spotAt(geometry, spot);
    way.push(...(points.length > 0 ? points : i === 0 && at ? [at] : []));
  });
  const drop = moves.find((e) => e.what === 'drop');
  return {
    geometry,
    way,
    marks: stops.flatMap(({ spot, number }) => {
      const at = markAt(geometry, spot);
      return at ? [{ ...at, number }] : [];
    }),
    cross: drop ? spotAt(geometry, spotOf(drop)) : null,
  };
}
