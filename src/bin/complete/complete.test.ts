/** What Tab offers behind a command line. */

import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { drive, runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';
import { optionsIn } from './options.ts';

const m = new Machine(new Kernel(new Sim(1), 'host'), commands);
runCommand(
  m,
  'ip netns add blue; ip -n blue link add blue0 type dummy; ip link add br7 type bridge; iptables -N MINE; ipset create peers hash:ip; nft add table inet mytable; nft add chain inet mytable mychain; echo 10.0.0.9 gateway.example >> /etc/hosts; touch "/root/a b"',
);

/** The line after Tab, and what is listed below after two more. */
function tab(line: string): { line: string; list: string[] } {
  const tty = m.newTty(400, 50);
  let out = '';
  tty.onOutput = () => {
    out += new TextDecoder().decode(tty.take());
  };
  m.login(tty, ['bash'], { env: m.baseEnv(), cwd: '/root' });
  const pump = (): boolean => drive(m.sim, () => false, { micros: 700_000 });
  pump();
  tty.type('PS1="> "; alias i=ip\r');
  pump();
  out = '';
  tty.type(line);
  pump();
  tty.type('\t');
  pump();
  const typed = out.replace(/\x07/g, '');
  out = '';
  tty.type('\t\t');
  pump();
  const rows = out.replace(/\x07/g, '').split('\r\n').slice(1);
  const list = rows
    .slice(
      0,
      Math.max(
        0,
        rows.findIndex((l) => l.startsWith('> ')),
      ),
    )
    .flatMap((l) => l.trim().split(/\s{2,}/));
  tty.hangUp();
  pump();
  return { line: typed, list };
}

test.each([
  ['ip li', 'ip link '],
  ['ip li s', 'ip li s', 'set show'],
  ['ip link show br', 'ip link show br7 '],
  ['i -n blue link set dev blu', 'i -n blue link set dev blue0 '],
  ['ip netns exec b', 'ip netns exec blue '],
  ['ip netns exec blue tcpd', 'ip netns exec blue tcpdump '],
  ['sudo ip netns de', 'sudo ip netns delete '],
  ['watch -n 1 ip ro', 'watch -n 1 ip route '],
  ['timeout 5 xargs -n 1 bridge fd', 'timeout 5 xargs -n 1 bridge fdb '],
  ['bridge fdb show br b', 'bridge fdb show br br7 '],
  ['tc qdisc add dev br', 'tc qdisc add dev br7 '],
  ['iptables -t na', 'iptables -t nat '],
  ['iptables -A MI', 'iptables -A MINE '],
  ['iptables -A INPUT -j MA', 'iptables -A INPUT -j MA', 'MARK MASQUERADE'],
  ['iptables -A INPUT -m conntr', 'iptables -A INPUT -m conntrack '],
  ['iptables -A INPUT -m conntrack --cts', 'iptables -A INPUT -m conntrack --ctstat'],
  ['iptables -A INPUT -m set --match-set p', 'iptables -A INPUT -m set --match-set peers '],
  ['ipset add p', 'ipset add peers '],
  ['nft add rule inet mytable my', 'nft add rule inet mytable mychain '],
  [
    'sysctl net.ipv4.ip_forward',
    'sysctl net.ipv4.ip_forward',
    'net.ipv4.ip_forward net.ipv4.ip_forward_update_priority net.ipv4.ip_forward_use_pmtu',
  ],
  ['sysctl -w net.ipv4.tcp_ecn_f', 'sysctl -w net.ipv4.tcp_ecn_fallback='],
  ['tcpdump -ni b', 'tcpdump -ni br7 '],
  ['ping gate', 'ping gateway.example '],
  ['curl --data-url', 'curl --data-urlencode '],
  ['conntrack -L -p ud', 'conntrack -L -p udp', 'udp udplite'],
  ['cat a', 'cat a\\ b '],
  ['cat "a', 'cat "a b" '],
  ['echo hi >/etc/hostn', 'echo hi >/etc/hostname '],
  ['grep --line-b', 'grep --line-buffered '],
  ['sort --output=/etc/hostn', 'sort --output=/etc/hostname '],
  ['man -k x; man conntr', 'man -k x; man conntrack '],
  ['x=$(ip ru', 'x=$(ip rule '],
  ['for i in 1; do ip ru', 'for i in 1; do ip rule '],
  ['echo "$HOM', 'echo "$HOME/'],
  ['ls ~roo', 'ls ~root/'],
  ['shopt exp', 'shopt expand_aliases '],
  ['trap x SIGUS', 'trap x SIGUSR', 'SIGUSR1 SIGUSR2'],
] as readonly (readonly [string, string, string?])[])('%s', (typed = '', line, list) => {
  const got = tab(typed);
  expect(got.line).toBe(line);
  if (list !== undefined) expect(got.list).toEqual(list.split(' '));
});

test('options are read from usage texts', () => {
  expect(
    optionsIn(
      'Usage: x [-v]\n  -a, --all    do not\n  -b           short\n      --color[=WHEN]  c\n      --size=SIZE\n  --[no-]fork  f\ntext - with dash\n',
    ),
  ).toEqual(['-v', '--all', '-b', '--color', '--size=', '--fork', '--no-fork']);
});
