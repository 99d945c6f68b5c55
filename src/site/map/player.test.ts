import { expect, test } from 'vitest';
import type { TrafficEvent, TrafficKind } from '../../lab/view/types.ts';
import { type Drop, Player, type Stage } from './player.ts';

let seq = 0;

function event(skb: number, where: string, what: TrafficKind, more: Partial<TrafficEvent> = {}): TrafficEvent {
  const [space = '', dev = ''] = where.split(' ');
  return {
    ...{ seq: ++seq, time: seq, skb, parent: 0, root: skb, space, dev, what, proto: 'icmp', label: `packet ${skb}`, tunnels: [], text: '' },
    ...more,
  };
}

function staged(): { player: Player; log: string[]; drops: Drop[]; merged: () => number } {
  const log: string[] = [];
  const drops: Drop[] = [];
  let merged = 0;
  const stage: Stage = {
    cost: (from, to) => (from.space === to.space && from.dev === to.dev ? 0 : 100),
    arrived: (t, e) => log.push(`${t.skb} ${e.space} ${e.dev} ${e.what}`),
    dropped: (d) => drops.push(d),
    left: () => undefined,
    rewritten: (e) => log.push(`nat ${e.text}`),
    merged: (n) => {
      merged += n;
    },
  };
  return { player: new Player(stage), log, drops, merged: () => merged };
}

/** Plays up to a time in steps of a frame. */
function play(player: Player, until: number): void {
  for (let now = 0; now <= until; now += 16) player.advance(now);
}

test('hop after hop, in order; an answer waits for what it answers', () => {
  const { player, log } = staged();
  player.feed([
    event(1, 'a eth0', 'tx'),
    event(1, 'b eth0', 'rx'),
    event(1, 'b eth0', 'deliver'),
    event(2, 'b eth0', 'tx'),
    event(2, 'a eth0', 'rx'),
  ]);
  play(player, 150);
  expect(log).toEqual(['1 a eth0 tx']);
  play(player, 5000);
  expect(log).toEqual(['1 a eth0 tx', '1 b eth0 rx', '1 b eth0 deliver', '2 b eth0 tx', '2 a eth0 rx']);
  expect(player.told.map((t) => [t.root, t.state])).toEqual([
    [2, 'seen'],
    [1, 'arrived'],
  ]);
  expect(player.busy).toBe(false);
});

test('copies of a flood go at the same time, a tunnel changes the coat of one packet', () => {
  const { player } = staged();
  const time = 500;
  player.feed([
    event(1, 'sw p1', 'rx', { time }),
    event(2, 'sw p2', 'tx', { parent: 1, root: 1, time: time + 1 }),
    event(3, 'sw p3', 'tx', { parent: 1, root: 1, time: time + 1 }),
  ]);
  play(player, 50);
  expect([...player.tokens.values()].filter((t) => t.to).map((t) => t.skb)).toEqual([2, 3]);
  player.clear();
  player.feed([event(7, 'n flannel.1', 'tx'), event(8, 'n eth0', 'tx', { parent: 7, root: 7, tunnels: ['vxlan'] })]);
  play(player, 150);
  expect([...player.tokens.values()].map((t) => [t.skb, t.tunnels])).toEqual([[8, ['vxlan']]]);
});

test('a drop is told with its reason, and outlives the thinning of a flood', () => {
  const { player, drops, merged } = staged();
  const flood = Array.from({ length: 400 }, (_, i) => [event(100 + i, 'a eth0', 'tx'), event(100 + i, 'b eth0', 'rx')]).flat();
  player.feed([...flood.slice(0, 300), event(9, 'a eth0', 'tx'), event(9, 'a', 'drop', { text: 'no route' }), ...flood.slice(300)]);
  expect(merged()).toBeGreaterThan(300);
  play(player, 60_000);
  expect(drops.map((d) => [d.root, d.why])).toEqual([[9, 'no route']]);
  expect(player.busy).toBe(false);
});
