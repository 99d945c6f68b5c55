/** The parts of the map that the keyboard can go to, with their names and the terminals that they open. */

import type { Topology } from '../../lab/view/types.ts';
import { type Geometry, keyOf, type Point } from './geometry.ts';
import { deviceLabel, namesOf, serviceLine, spaceLabel } from './say.ts';

export interface Item {
  readonly key: string;
  readonly kind: 'space' | 'device' | 'service';
  /** Everything that it is, in one line. */
  readonly line: string;
  readonly place: string | null;
  readonly at: Point;
}

export function itemsOf(topology: Topology, g: Geometry): readonly Item[] {
  const names = namesOf(topology);
  const spaces = new Map(topology.spaces.map((s) => [s.id, s]));
  const out: Item[] = [];
  for (const b of g.services) {
    const service = topology.services.find((s) => s.id === b.id);
    if (service)
      out.push({
        key: `service ${b.id}`,
        kind: 'service',
        line: `${b.title}${b.sub === '' ? '' : ` ${b.sub}`}, ${serviceLine(service, names)}`,
        place: null,
        at: { x: b.x + b.w / 2, y: b.y + b.h / 2 },
      });
  }
  for (const b of g.spaces) {
    const space = spaces.get(b.id);
    if (!space) continue;
    // A machine is met at its name, its parts below that.
    const at = b.inner || b.h < 60 ? { x: b.x + b.w / 2, y: b.y + b.h / 2 } : { x: b.x + Math.min(50, b.w / 2), y: b.y + 12 };
    out.push({
      key: b.id,
      kind: 'space',
      line: spaceLabel([b.title, ...b.sub.split('\n')].filter(Boolean).join(' '), space),
      place: space.place,
      at,
    });
  }
  if (g.level === 'dots') return out;
  for (const b of g.devices) {
    if (b.form === 'port') continue;
    const space = spaces.get(b.space);
    const dev = space?.devices.find((d) => d.name === b.dev);
    if (!space || !dev) continue;
    out.push({
      ...{
        key: keyOf(b.space, b.dev),
        kind: 'device',
        line: deviceLabel([b.title.replace(/ +/g, ' '), b.sub].filter(Boolean).join(' '), dev, names, space.title),
        place: space.place,
      },
      at: { x: b.x + b.w / 2, y: b.y + b.h / 2 },
    });
  }
  return out;
}

export type Direction = 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown';

export const isDirection = (key: string): key is Direction => key.startsWith('Arrow');

/** The nearest one in that direction: what lies straight ahead counts more than what lies aside. */
export function nextItem(items: readonly Item[], from: Item, to: Direction): Item | undefined {
  const level = to === 'ArrowLeft' || to === 'ArrowRight';
  const sign = to === 'ArrowLeft' || to === 'ArrowUp' ? -1 : 1;
  let best: Item | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const dx = item.at.x - from.at.x;
    const dy = item.at.y - from.at.y;
    const ahead = sign * (level ? dx : dy);
    const aside = Math.abs(level ? dy : dx);
    if (ahead < 2 || item === from) continue;
    const cost = ahead + aside * 2.4;
    if (cost < least) [least, best] = [cost, item];
  }
  return best;
}
