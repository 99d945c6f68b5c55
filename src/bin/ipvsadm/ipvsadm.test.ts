import { describe, expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

/**
 * A balancer (the first namespace), servers s1 to s3 and a client, each on a network of its own behind it: 10.0.N.0/24.
 * With `lan` they are all neighbours in 10.0.0.0/16.
 */
function lab(lan = false): { sim: Sim; sh(text: string): string; ask(count: number): string } {
  const sim = new Sim(1);
  const machine = new Machine(new Kernel(sim, 'lb'), commands);
  const sh = (text: string): string => {
    let out = '';
    for (const line of text.trim().split(/\n\s*/)) {
      const r = runCommand(machine, line);
      expect([line, r.exitCode, r.stderr]).toEqual([line, 0, '']);
      out += r.stdout;
    }
    return out;
  };
  sh(`sysctl -qw net.ipv4.ip_forward=1
    ip link set lo up
    ip link add vip type dummy
    ip addr add 10.96.0.1/32 dev vip`);
  if (lan) sh('ip link add br0 type bridge\nip addr add 10.0.9.1/16 dev br0\nip link set br0 up');
  for (const [name, n] of [
    ['s1', 1],
    ['s2', 2],
    ['s3', 3],
    ['client', 9],
  ] as const) {
    sh(`ip netns add ${name}
      ip link add ${name} type veth peer name eth0 netns ${name}
      ${lan ? `ip link set ${name} master br0` : `ip addr add 10.0.${n}.1/24 dev ${name}`}
      ip link set ${name} up
      ip -n ${name} addr add 10.0.${n}.2/${lan ? 16 : 24} dev eth0
      ip -n ${name} link set eth0 up
      ip -n ${name} link set lo up
      ip -n ${name} route add default via 10.0.${lan ? 9 : n}.1`);
    if (name !== 'client') sh(`ip netns exec ${name} sh -c 'nohup podserver ${name} 80 >/dev/null 2>&1 &'`);
  }
  sim.runUntil(sim.now + 2 * SEC);
  /** Who answered, one letter each. */
  const ask = (count: number): string =>
    sh(`ip netns exec client sh -c 'for i in $(seq ${count}); do curl -s -m 2 http://10.96.0.1/ || echo none; done'`)
      .trim()
      .split('\n')
      .map((line) => /^s(\d)/.exec(line)?.[1] ?? '-')
      .join('');
  return { sim, sh, ask };
}

function servers(forward: string, weights: readonly number[]): string {
  return weights.map((w, i) => `ipvsadm -a -t 10.96.0.1:80 -r 10.0.${i + 1}.2 ${forward} -w ${w}`).join('\n');
}

describe('schedulers', () => {
  test.each([
    ['rr', [1, 1, 1], '321321'],
    ['wrr', [1, 0, 2], '331331'],
    ['wlc', [1, 1, 1], '321321'],
    ['sed', [1, 1, 1], '333333'],
    ['fo', [1, 5, 1], '222222'],
  ])('%s %j', (scheduler, weights, expected) => {
    const { sh, ask } = lab();
    sh(`ipvsadm -A -t 10.96.0.1:80 -s ${scheduler}
      ${servers('-m', weights)}`);
    expect(ask(6)).toBe(expected);
  });

  test('sh sends a client to one server', () => {
    const { sh, ask } = lab();
    sh(`ipvsadm -A -t 10.96.0.1:80 -s sh
      ${servers('-m', [1, 1, 1])}`);
    expect(new Set(ask(5)).size).toBe(1);
  });
});

test('a persistent service keeps a client with its server until it was quiet for that long', () => {
  const { sim, sh, ask } = lab();
  sh(`ipvsadm -A -t 10.96.0.1:80 -s rr -p 60
    ${servers('-m', [1, 1, 1])}`);
  expect(ask(3)).toBe('333');
  expect(sh('ipvsadm -Lnc')).toMatch(/TCP 0[01]:\d\d +NONE +10\.0\.9\.2:0 +10\.96\.0\.1:80 +10\.0\.3\.2:80/);
  sim.runUntil(sim.now + 61 * SEC);
  expect(ask(2)).toBe('22');
});

test('direct routing: the packet reaches the server unchanged, the answer goes its own way', () => {
  const { sh, ask } = lab(true);
  sh(`ipvsadm -A -t 10.96.0.1:80 -s rr
    ${servers('-g', [1, 1, 1])}`);
  expect(ask(1)).toBe('-');
  for (const s of ['s1', 's2', 's3']) sh(`ip -n ${s} addr add 10.96.0.1/32 dev lo`);
  expect(ask(4)).toBe('2132');
  // The balancer sees one way only.
  expect(sh('ipvsadm -Ln --stats')).toMatch(/TCP {2}10\.96\.0\.1:80 +5 +[1-9]\d* +0 +\d+ +0\n/);
});

test('tunnel: the server takes the packet out of the other', () => {
  const { sh, ask } = lab(true);
  sh(`ipvsadm -A -t 10.96.0.1:80 -s rr
    ${servers('-i', [1, 1, 1])}`);
  for (const n of [1, 2, 3]) {
    sh(`ip -n s${n} link add tt type ipip local 10.0.${n}.2
      ip -n s${n} addr add 10.96.0.1/32 dev tt
      ip netns exec s${n} sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tt.rp_filter=0
      ip -n s${n} link set tt up`);
  }
  expect(ask(4)).toBe('3213');
});

test('a server that is quiesced or deleted gets no new connections; thresholds hold others back', () => {
  const { sh, ask } = lab();
  sh(`ipvsadm -A -t 10.96.0.1:80 -s rr
    ${servers('-m', [1, 1, 1])}
    ipvsadm -e -t 10.96.0.1:80 -r 10.0.3.2 -m -w 0
    ipvsadm -d -t 10.96.0.1:80 -r 10.0.2.2`);
  expect(ask(3)).toBe('111');
  sh('ipvsadm -e -t 10.96.0.1:80 -r 10.0.1.2 -m -x 3');
  expect(ask(1)).toBe('-');
  expect(sh('ipvsadm -Ln --thresholds')).toContain('-> 10.0.1.2:80                  3          0          0          3');
});

test('what is saved can be restored', () => {
  const { sh } = lab();
  sh(`ipvsadm -A -t 10.96.0.1:80 -s wrr -p 30 -M 255.255.255.0
    ipvsadm -A -u 10.96.0.1:53
    ipvsadm -A -f 7 -s sh
    ${servers('-m', [1, 2, 3])}`);
  const saved = sh('ipvsadm -Sn');
  sh('ipvsadm -Sn > /tmp/saved\nipvsadm -C\nipvsadm -R < /tmp/saved');
  expect(sh('ipvsadm -Sn')).toBe(saved);
  expect(saved).toContain('-A -t 10.96.0.1:80 -s wrr -p 30 -M 255.255.255.0\n-a -t 10.96.0.1:80 -r 10.0.1.2:80 -m -w 1\n');
});
