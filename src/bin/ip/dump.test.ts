/** What `save` writes `restore` brings back: the round trip of every attribute. */

import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { bash } from '../sh/sh.ts';
import '../sh/engine.ts';
import { ip } from './ip.ts';

function host() {
  const sim = new Sim(1);
  const machine = new Machine(new Kernel(sim, 'node'), [bash, ip]);
  const $ = (line: string) => runCommand(machine, ['sh', '-c', line]);
  $('ip link add eth0 type veth peer name eth1; ip link set eth0 up; ip link set eth1 up; ip addr add 10.0.0.2/24 dev eth0');
  $('ip link add br0 type bridge; ip link set br0 up');
  sim.runUntil(sim.now + 3 * SEC);
  return $;
}

test('routes', () => {
  const $ = host();
  $('ip route add default via 10.0.0.1 metric 100 mtu lock 1400 advmss 1300 rtt 20ms congctl reno');
  $('ip route add 10.5.0.0/16 nexthop via 10.0.0.1 weight 3 nexthop via 10.0.0.3 onlink dev eth0');
  $('ip route add 10.6.0.0/16 via inet6 fe80::1 dev eth0 proto static realms 2/3');
  $('ip route add unreachable 10.7.0.0/16 metric 9 table 10');
  const before = $('ip route show table all').stdout;
  expect(before).toContain('weight 3');
  $('ip route save table all > /tmp/r');
  expect($('ip route showdump < /tmp/r').stdout).toContain('via inet6 fe80::1 dev eth0');
  for (const dst of ['default', '10.5.0.0/16', '10.6.0.0/16', '10.7.0.0/16 table 10']) $(`ip route del ${dst}`);
  $('ip route restore < /tmp/r');
  expect($('ip route show table all').stdout).toBe(before);
});

test('rules', () => {
  const $ = host();
  for (const words of [
    'not from 10.1.0.0/16 to 10.2.0.0/16 iif eth0 fwmark 1/3 lookup 500',
    'ipproto tcp sport 5-9 dport 80 uidrange 1-2 lookup main suppress_prefixlength 0 suppress_ifgroup 4',
    'tos 0x10 goto 32766',
    'oif eth0 prohibit',
  ])
    expect($(`ip rule add ${words}`).stderr).toBe('');
  const before = $('ip rule').stdout;
  $('ip rule save > /tmp/r; ip rule flush; ip rule restore < /tmp/r');
  // Priority 0 is not written, so a second rule for the local table comes.
  expect([...new Set($('ip rule').stdout.split('\n'))].join('\n')).toBe(before);
});

test('addresses', () => {
  const $ = host();
  $('ip addr add 10.3.0.1 peer 10.3.0.2/30 dev br0 label br0:x; ip addr add 10.4.0.1/24 brd + dev br0 scope site metric 5');
  $('ip addr add fd00::1/64 dev br0 nodad valid_lft 100 preferred_lft 50');
  const before = $('ip addr show br0').stdout;
  $('ip addr save dev br0 > /tmp/a; ip addr flush dev br0; ip addr restore < /tmp/a');
  // Only the link-local one is asked about again.
  expect($('ip addr show br0').stdout.replace('tentative ', '')).toBe(before);
});

test.each([
  ['route', 'ip route restore < /dev/null'],
  ['addr', 'ip addr restore < /dev/null'],
  ['rule', 'ip rule restore < /dev/null'],
])('%s: what is no dump', (_what, line) => {
  const r = host()(line);
  expect([r.exitCode, r.stderr]).toEqual([255, 'Magic mismatch (0 elems, 0 magic)\n']);
});
