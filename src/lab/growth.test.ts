import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { runCommand } from '../os/run.ts';
import { SEC } from '../sim/sim.ts';
import { WORLDS, type World } from './world.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What a world keeps, besides what is under way. */
function holdings(world: World): Record<string, number> {
  const out: Record<string, number> = { events: world.sim.waiting };
  for (const [name, { ns, machine }] of world.hosts) {
    out[`${name} neighbours`] = ns.neigh.list().length;
    out[`${name} connections`] = ns.ct.count;
    out[`${name} sockets`] = ns.sockets.all.size;
    out[`${name} counters`] = ns.snmp.entries().length;
    out[`${name} processes`] = machine.processes.size;
    out[`${name} log`] = machine.kernel.log.length;
  }
  return out;
}

test('100,000 packets across nodes leave nothing behind', () => {
  const world = (WORLDS.w1 as (seed: number) => World)(1);
  const client = world.hosts.get('client-pod');
  if (!client) throw new Error('world without client-pod');
  const flood = (count: number): void => {
    const r = runCommand(client.machine, ['ping', '-f', '-q', '-c', String(count), '10.244.2.7'], { ns: client.ns });
    expect(r.stdout).toContain(`${count} received, 0% packet loss`);
    // Neighbours and connections that nobody uses age until then.
    world.sim.runUntil(world.sim.now + 3600 * SEC);
  };
  flood(20_000);
  const before = holdings(world);
  collect();
  const heap = process.memoryUsage().heapUsed;
  const packets = world.sim.packets;
  flood(30_000);
  expect(world.sim.packets - packets).toBeGreaterThan(100_000);
  expect(holdings(world)).toEqual(before);
  collect();
  expect(process.memoryUsage().heapUsed - heap).toBeLessThan(500_000);
});

test('1,000 connections through a Service leave nothing behind once TIME_WAIT and conntrack have run out', () => {
  const world = (WORLDS.w1 as (seed: number) => World)(1);
  const client = world.hosts.get('client-pod');
  if (!client) throw new Error('world without client-pod');
  const fetch = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const r = runCommand(client.machine, ['nc', '-w', '1', '10.96.10.20', '80'], { ns: client.ns, stdin: 'GET / HTTP/1.0\r\n\r\n' });
      expect(r.stdout).toContain('200 OK');
    }
    world.sim.runUntil(world.sim.now + 3600 * SEC);
  };
  fetch(30);
  const before = holdings(world);
  fetch(1000);
  expect(holdings(world)).toEqual(before);
});
