/** A router with BIRD between two speakers. recorded.txt: Debian 12's bird2 2.0.12-7 and `ip` in a network of namespaces, spoken to with the bytes of MetalLB's native sessions */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commands } from '../../../bin/index.ts';
import { connect, Ether } from '../../../net/dev/ether.ts';
import { Kernel } from '../../../net/kernel.ts';
import { Machine } from '../../../os/machine.ts';
import type { Command } from '../../../os/program.ts';
import { runCommand, startCommand } from '../../../os/run.ts';
import { startThread } from '../../../os/thread.ts';
import { SEC, Sim } from '../../../sim/sim.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { emitBgp, FOUR_OCTETS, IPV4_UNICAST, IPV6_UNICAST, ip4 } from '../bgp/message.ts';
import { type Announcement, Session, type Speaker } from '../bgp/session.ts';
import { bird, CAPABILITIES } from './bird.ts';
import { birdc } from './birdc.ts';
import { ConfigError, parseBirdConfig } from './config.ts';

const CONFIG = `log stderr all;
router id 192.168.56.1;

protocol device {
}

protocol kernel {
	ipv4 {
		export all;
	};
	merge paths on;
}

template bgp node {
	local 192.168.56.1 as 64513;
	passive;
	ipv4 {
		import all;
		export none;
	};
}

protocol bgp node_1 from node {
	neighbor 192.168.56.11 as 64512;
}

protocol bgp node_2 from node {
	neighbor 192.168.56.12 as 64512;
}
`;

/** A speaker as MetalLB's: connects, announces, hears nothing. */
class Peer implements Speaker {
  readonly changed = new WaitQueue();
  list: readonly Announcement[] = [{ addr: ip4('192.168.70.240'), len: 32 }];
  session: Session | null = null;
  announced = (): readonly Announcement[] => this.list;
  learned(): void {}
  withdrawn(): void {}
  lost(): void {}
}

function network() {
  const sim = new Sim(3);
  const peers: Peer[] = [];
  const speaker: Command = {
    name: 'speak',
    *main(p) {
      const peer = new Peer();
      peers.push(peer);
      peer.session = new Session(p, peer, {
        peer: ip4('192.168.56.1'),
        as: Number(p.argv[1]),
        peerAs: 64513,
        role: 'active',
        hold: 90,
        origin: 2,
        capabilities: [IPV4_UNICAST, IPV6_UNICAST, { code: FOUR_OCTETS, value: [] }],
        retry: () => SEC,
      });
      startThread(p, peer.session.run());
      yield* p.sleep(1000 * SEC);
      return 0;
    },
  };
  const machine = (name: string, more: readonly Command[]): Machine => new Machine(new Kernel(sim, name), [...commands, ...more]);
  const fabric = machine('switch', []);
  const sh = (m: Machine, line: string): string => {
    const r = runCommand(m, ['bash', '-c', line]);
    return r.stdout + r.stderr;
  };
  sh(fabric, 'ip link add br0 type bridge; ip link set br0 up');
  const plugged = (name: string, n: number, more: readonly Command[]): Machine => {
    const m = machine(name, more);
    const port = new Ether(fabric.kernel.init, `p-${name}`);
    port.register();
    const dev = new Ether(m.kernel.init, 'eth0');
    dev.register();
    connect(port, dev, { delay: 10 });
    sh(fabric, `ip link set p-${name} up master br0`);
    sh(m, `ip link set eth0 up; ip addr add 192.168.56.${n}/24 dev eth0`);
    return m;
  };
  const rtr = plugged('vm', 1, [bird, birdc]);
  const nodes = [plugged('n1', 11, [speaker]), plugged('n2', 12, [speaker])] as const;
  sim.runUntil(sim.now + 2 * SEC);
  rtr.directory('/etc/bird');
  rtr.init.writeFile('/etc/bird/bird.conf', CONFIG);
  return { sim, rtr, nodes, peers, sh: (line: string) => sh(rtr, line), wait: (s: number) => sim.runUntil(sim.now + s * SEC) };
}

/** Times and what counts down. */
const noise = (text: string): string => text.replace(/\d\d:\d\d:\d\d\.\d{3}/g, 'TIME').replace(/\d+\.\d{3}\//g, 'LEFT/');

test('what birdc and the kernel show is what BIRD showed', () => {
  const { rtr, nodes, peers, sh, wait } = network();
  const recorded = readFileSync(join(import.meta.dirname, 'recorded.txt'), 'utf8');
  const out: string[] = [];
  const show = (...lines: readonly string[]): void => {
    for (const line of lines) out.push(`$ ${line}\n${sh(line)}`);
  };
  startCommand(rtr, ['bird', '-f']);
  wait(1);
  show('birdc show protocols');
  startCommand(nodes[0], ['speak', '64512']);
  wait(1);
  startCommand(nodes[1], ['speak', '64512']);
  wait(1);
  show(
    'birdc show protocols',
    'birdc show protocols all node_1',
    'birdc show route',
    'birdc show route all',
    'birdc show route count',
    'birdc show route for 192.168.70.240',
    'ip route',
  );
  const [one, two] = peers as [Peer, Peer];
  one.list = [];
  one.changed.wakeAll();
  wait(1);
  show('birdc show route', 'birdc show protocols all node_1', 'ip route');
  two.session?.stop(2);
  wait(1);
  show(
    'birdc show protocols',
    'birdc show protocols all node_2',
    'birdc show route',
    'ip route',
    'birdc show route for 10.1.1.1',
    'birdc show proto nosuch',
    'birdc nosuch',
  );
  show(
    'birdc disable node_1',
    'birdc show protocols',
    'birdc enable node_1',
    'birdc restart node_1',
    'birdc show protocols',
    'birdc configure check',
    'birdc configure',
  );
  expect(noise(out.join(''))).toBe(noise(recorded));
});

test('an OPEN has the bytes that BIRD sent', () => {
  const bytes = emitBgp({ type: 'open', as: 64513, hold: 240, id: ip4('192.168.56.1'), capabilities: CAPABILITIES });
  const hex = [...bytes].map((x) => x.toString(16).padStart(2, '0')).join('');
  expect(hex).toBe(`${'ff'.repeat(16)}00350104fc0100f0c0a8380118021601040001000102004002007841040000fc0146004700`);
});

test('a neighbour of another AS is refused, and not heard for a minute', () => {
  const { rtr, nodes, sh, wait } = network();
  startCommand(rtr, ['bird', '-f']);
  startCommand(nodes[0], ['speak', '64599']);
  wait(2);
  expect(sh('birdc show protocols')).toMatch(/^node_1 .* Idle {10}BGP Error: Bad peer AS$/m);
  expect(sh('birdc show protocols all node_1')).toMatch(/^ {4}Error wait: {7}5\d\.\d{3}\/60$/m);
});

test('without word from its neighbour a session ends with the hold time', () => {
  const { rtr, nodes, sh, wait } = network();
  startCommand(rtr, ['bird', '-f']);
  startCommand(nodes[0], ['speak', '64512']);
  wait(2);
  expect(sh('ip route')).toMatch(/^192\.168\.70\.240 via 192\.168\.56\.11 dev eth0 proto bird metric 32 $/m);
  runCommand(nodes[0], ['ip', 'link', 'set', 'eth0', 'down']);
  wait(80);
  expect(sh('ip route')).toMatch('192.168.70.240');
  wait(15);
  expect(sh('ip route')).not.toMatch('192.168.70.240');
  expect(sh('birdc show protocols')).toMatch(/^node_1 .*BGP Error: Hold timer expired$/m);
});

test.each([
  ['router id 1.2.3;', "1:12 syntax error, unexpected '.', expecting ';'"],
  ['protocol bgp x { local as 64513; ipv4 { import all; export none; }; }', '1:69 Neighbor must be configured'],
  ['protocol bgp x { neighbor 192.168.56.11 as 64512; ipv4; }', '1:57 Local AS number must be set'],
  ['protocol bgp x { local as 64513; neighbor 192.168.56.11; ipv4; }', '1:64 Remote AS number (or peer type) must be set'],
  [
    'protocol bgp x { local as 64513 ; neighbor 192.168.56.11 as 64512; ipv4 { import all; export none; } }',
    "1:102 syntax error, unexpected '}', expecting ';'",
  ],
  ['protocol bgp x from nosuch { }', '1:21 syntax error, unexpected CF_SYM_UNDEFINED, expecting CF_SYM_KNOWN'],
  ['foo', '1:1 syntax error, unexpected CF_SYM_UNDEFINED'],
  ['protocol kernel { ipv4 { import all; export all }; }', "1:49 syntax error, unexpected '}', expecting ';'"],
  ['protocol bgp x { hold time 2; }', '1:29 Hold time must be in range 3-65535 or zero'],
  ['protocol static { ipv4; route 10.0.0.0/8 blackhole; }', '1:10 protocol static is not emulated'],
])('%s', (text, error) => {
  expect(() => parseBirdConfig(text)).toThrow(new ConfigError(error));
});
