import { expect, test } from 'vitest';
import { commands } from '../bin/index.ts';
import { Kernel } from '../net/kernel.ts';
import { Machine } from '../os/machine.ts';
import { runCommand } from '../os/run.ts';
import { Sim } from '../sim/sim.ts';
import { setUp } from './setup.ts';
import { NODES, nodeForwarding, nodeLinks } from './world/w1.ts';

const LINKS = ['link add eth0 type veth peer name far', 'link set far up'];
const VIEWS = ['ip -d addr', 'ip route show table all', 'ip neigh', 'bridge fdb'];

test("the lists do what iproute2's tools do with them", () => {
  const views = [true, false].map((direct) => {
    const kernel = new Kernel(new Sim(1), 'host');
    const machine = new Machine(kernel, commands);
    const lines = [...LINKS, ...nodeLinks(NODES[1] as (typeof NODES)[number])];
    const fdb = nodeForwarding(NODES[1] as (typeof NODES)[number]);
    if (direct) setUp(kernel.init, [...lines, ...fdb], () => undefined);
    else {
      for (const line of lines) expect(runCommand(machine, ['ip', ...line.split(' ')]).stderr).toBe('');
      for (const line of fdb) expect(runCommand(machine, ['bridge', ...line.split(' ')]).stderr).toBe('');
    }
    kernel.sim.runUntil(5_000_000);
    return VIEWS.map((view) =>
      runCommand(machine, view)
        .stdout.replace(/gc_timer +\S+/, '')
        .split('\n')
        .sort(),
    );
  });
  expect(views[0]).toEqual(views[1]);
});

test.each([
  ['link set eth9 up', 'set-up line "link set eth9 up": no device eth9'],
  ['addr add 10.0.0.300/24 dev lo', 'set-up line "addr add 10.0.0.300/24 dev lo": 10.0.0.300 is no IPv4 address'],
  ['route add default via 10.0.0.1', 'set-up line "route add default via 10.0.0.1": Nexthop has invalid gateway'],
  ['rule add', 'set-up line "rule add": rule add is unknown'],
])('%s is refused with its place', (line, message) => {
  expect(() => setUp(new Kernel(new Sim(1), 'host').init, [line], () => undefined)).toThrow(message);
});
