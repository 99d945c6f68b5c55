import { expect, it } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import { netifReceive } from '../dev/core.ts';
import { Veth } from '../dev/veth.ts';
import { Kernel } from '../kernel.ts';
import { Skb } from '../skb.ts';
import { PacketSocket } from './packet.ts';

function tap() {
  const sim = new Sim(1);
  const ns = new Kernel(sim, 'h').newNetns();
  const [eth0, peer] = [new Veth(ns, 'eth0'), new Veth(ns, 'peer0')];
  Veth.pair(eth0, peer);
  eth0.setUp();
  peer.setUp();
  const sock = new PacketSocket(ns, 0x88cc);
  sock.bind(eth0);
  const arrive = (): void => {
    const skb = new Skb(sim, 0x88cc, new Uint8Array(46));
    skb.dev = eth0;
    netifReceive(skb);
  };
  const read = (): number => {
    let n = 0;
    while (sock.recv().ok) n++;
    return n;
  };
  return { sim, sock, arrive, read };
}

it('hands frames on at once without a ring', () => {
  const { arrive, read } = tap();
  arrive();
  expect(read()).toBe(1);
});

it('a ring hands frames on when its timer fires, and what is in the last block is counted and lost', () => {
  const { sim, sock, arrive, read } = tap();
  const start = sim.now;
  sock.useBlocks(1_000_000);
  sim.runUntil(start + 300_000);
  arrive();
  arrive();
  sim.runUntil(start + 990_000);
  expect(read()).toBe(0);
  sim.runUntil(start + 1_050_000);
  expect(read()).toBe(2);
  arrive();
  sim.runUntil(start + 1_900_000);
  expect([read(), sock.received]).toEqual([0, 3]);
});

it('a full block does not wait', () => {
  const { sock, arrive, read } = tap();
  sock.useBlocks(1_000_000);
  for (let i = 0; i < 5000; i++) arrive();
  expect(read()).toBeGreaterThan(4000);
});
