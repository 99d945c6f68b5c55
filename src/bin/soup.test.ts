import { expect, test } from 'vitest';
import { Kernel } from '../net/kernel.ts';
import { Machine } from '../os/machine.ts';
import { runCommand } from '../os/run.ts';
import { Sim } from '../sim/sim.ts';
import { commands } from './index.ts';

/** Words that meet in wrong places: options, objects, addresses, numbers, punctuation. */
const WORDS = (
  'add del show list set get flush replace change append help link addr route rule neigh netns nexthop monitor dev via type table lookup ' +
  'eth0 eth1 br0 lo nosuch 10.0.0.1 10.0.0.1/24 10.0.0.0/33 fd00::1 fe80::1%eth0 0.0.0.0/0 default all any -1 0 1 99999 4294967296 0x10 1e3 ' +
  '-n -v -a -A -c -l -p -s -t -w -W -o -j -6 -4 -h --help --version --nosuch -- - -x -e -L -S -D -I -F -P FORWARD INPUT nat filter ACCEPT DROP ' +
  'tcp udp icmp 80 http 80-81 80:81 up down master bridge veth vxlan vlan macvlan peer name id dstport mtu lladdr permanent ' +
  '/etc/hosts /proc/net/dev /nosuch . / http://10.0.0.1/ host net port and or not ( ) [ ] { } ; | && > /dev/null < $x $(( ` \' " * ? ~ ! # \\ ü'
).split(' ');

/** They wait for input or run until they are told to stop, and then the limit ends them. */
const QUIET = new Set(['bash', 'sh', 'sleep', 'yes', 'watch', 'top']);

test('400 random command lines: none throws, all end, nothing stays behind', () => {
  const sim = new Sim(3);
  const kernel = new Kernel(sim, 'h');
  kernel.init.lo.setUp();
  const m = new Machine(kernel, commands);
  const run = (line: string, seconds = 3): void => {
    runCommand(m, line, { limits: { micros: seconds * 1_000_000, steps: 300_000, bytes: 1 << 18 } });
  };
  run('ip link add eth0 type veth peer name eth1; ip addr add 10.0.0.1/24 dev eth0; ip link set eth0 up; ip link set eth1 up');
  const names = [...new Set(commands.map((c) => c.name))].filter((n) => !QUIET.has(n));
  const before = m.processes.size;
  const rng = sim.rng('soup');
  for (let i = 0; i < 400; i++) {
    const words = Array.from({ length: rng.below(6) }, () => WORDS[rng.below(WORDS.length)]);
    const line = [names[rng.below(names.length)], ...words].join(' ');
    try {
      run(line, 1);
    } catch (e) {
      throw new Error(`${line}: ${(e as Error).stack}`);
    }
    for (const p of [...m.processes.values()]) if (p.pid > 1 && !p.dead) m.killGroup(p.pgid, 'KILL');
    sim.runUntil(sim.now + 1000);
  }
  expect(m.processes.size).toBe(before);
  expect([...kernel.init.sockets.all].filter((s) => s.owner !== null && s.kind !== 'tcp')).toEqual([]);
  expect(kernel.init.taps.size).toBe(0);
}, 60_000);
