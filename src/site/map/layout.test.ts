import { expect, test } from 'vitest';
import { topologyOf } from '../../lab/view/topology.ts';
import type { DeviceView, SpaceView, Topology } from '../../lab/view/types.ts';
import { loadWorld, WORLDS } from '../../lab/world.ts';
import { big } from './big.ts';
import type { Geometry, Rect } from './geometry.ts';
import { itemsOf, nextItem } from './items.ts';
import { layout, scaleOf } from './layout.ts';
import { sectionsOf } from './say.ts';
import { wayBetween } from './way.ts';

const WIDE = { width: 785, height: 390 };
const PHONE = { width: 378, height: 470 };

async function picture(world: string): Promise<Topology> {
  await loadWorld(world);
  return topologyOf((WORLDS[world] as (typeof WORLDS)[string])(1));
}

const inside = (a: Rect, b: Rect): boolean =>
  a.x >= b.x - 0.5 && a.y >= b.y - 0.5 && a.x + a.w <= b.x + b.w + 0.5 && a.y + a.h <= b.y + b.h + 0.5;
const apart = (a: Rect, b: Rect): boolean => a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;

function sound(g: Geometry, topology: Topology): void {
  const whole = { x: 0, y: 0, w: g.width, h: g.height };
  const outer = g.spaces.filter((s) => !s.inner);
  for (const s of [...g.spaces, ...g.services]) expect(inside(s, whole), `${s.id} is on the sheet`).toBe(true);
  for (const [i, a] of outer.entries()) for (const b of outer.slice(i + 1)) expect(apart(a, b), `${a.id} and ${b.id}`).toBe(true);
  for (const s of topology.spaces.filter((x) => x.kind === 'pod')) {
    const box = g.spaces.find((b) => b.id === s.id) as Rect;
    const host = g.spaces.find((b) => b.id === s.host) as Rect;
    expect(inside(box, host), `${s.title} is in ${s.host}`).toBe(true);
    for (const d of s.devices) expect(g.anchors.has(`${s.id} ${d.name}`), `${d.name} of ${s.title}`).toBe(true);
  }
}

test.each(['w1', 'w2', 'w-000', 'w-001'])('%s: nothing overlaps, everything is on the sheet, the same again and again', async (world) => {
  const topology = await picture(world);
  for (const room of [WIDE, PHONE]) {
    const g = layout(topology, room);
    sound(g, topology);
    expect(scaleOf(g, room)).toBeGreaterThan(0.7);
    expect(layout(topology, room)).toEqual(g);
  }
});

test('thirty nodes with two hundred pods can be drawn, and one of them opened', () => {
  const topology = big(30, 200);
  const g = layout(topology, WIDE);
  expect(g.level).toBe('dots');
  expect(g.spaces.filter((s) => s.kind === 'pod')).toHaveLength(200);
  sound(g, topology);
  expect(scaleOf(g, WIDE)).toBeGreaterThan(0.6);
  const opened = layout(topology, { ...WIDE, opened: new Set(['node-7']) });
  expect(opened.devices.find((d) => d.space === 'node-7' && d.dev === 'cni0')?.title).toContain('10.244.7.1/24');
});

test('a packet goes along what joins two places', async () => {
  const topology = await picture('w1');
  const g = layout(topology, { width: 900, height: 900, level: 'full' });
  const pod = topology.spaces.find((s) => s.title === 'pod web-a') as SpaceView;
  const veth = (pod.devices[0] as DeviceView).peer as { space: string; dev: string };
  const cable = wayBetween(g, { space: pod.id, dev: 'eth0' }, veth);
  expect(cable[0]?.x).toBe(cable.at(-1)?.x);
  // From a port of the bridge to the tunnel: along the bridge, down to the routes, along them.
  const way = wayBetween(g, veth, { space: 'node-1', dev: 'flannel.1' });
  const y = g.hubs.get('node-1')?.centre.y;
  expect(way.filter((p) => p.y === y).length).toBeGreaterThan(1);
  // From card to card by the switch between them.
  const lan = wayBetween(g, { space: 'switch', dev: 'port-node-1' }, { space: 'switch', dev: 'port-rtr' });
  expect(lan.length).toBeGreaterThan(2);
  expect(wayBetween(g, { space: 'node-1', dev: 'eth0' }, { space: 'switch', dev: 'port-node-1' })).toHaveLength(2);
});

test('arrow keys reach every part, and the words name it', async () => {
  const topology = await picture('w1');
  const items = itemsOf(topology, layout(topology, WIDE));
  const seen = new Set([items[0]]);
  for (const item of seen)
    for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'] as const) {
      const next = item && nextItem(items, item, key);
      if (next) seen.add(next);
    }
  expect([...seen].map((i) => i?.key).sort()).toEqual(items.map((i) => i.key).sort());
  const text = sectionsOf(topology)
    .flatMap((s) => [s.title, ...s.lines])
    .join('\n');
  for (const space of topology.spaces) for (const d of space.devices) expect(text).toContain(d.name);
  expect(text).toContain('tunnel to flannel.1 of cp-1 and flannel.1 of node-2');
  expect(text).toContain('Service default/web, NodePort, 10.96.10.20');
});
