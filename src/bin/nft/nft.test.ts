import { expect, test } from 'vitest';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { Sim } from '../../sim/sim.ts';
import { commands } from '../index.ts';

function host() {
  const machine = new Machine(new Kernel(new Sim(1), 'h'), commands);
  const run = (...argv: string[]): { out: string; err: string; status: number } => {
    const r = runCommand(machine, argv);
    return { out: r.stdout, err: r.stderr, status: r.exitCode };
  };
  return {
    run,
    sim: machine.kernel.sim,
    nft: (line: string, ...flags: string[]) => run('nft', ...flags, line),
    ipset: (line: string) => run('ipset', ...line.split(' ')),
    iptables: (line: string) => run('iptables', ...line.split(' ')),
  };
}

/** What is typed, and how it is listed; null = the same. */
const RULES: readonly (readonly [string, string | null])[] = [
  ['ip saddr 10.0.0.0/8 accept', null],
  ['ip saddr { 10.1.0.0/16, 10.0.0.1 } drop', 'ip saddr { 10.0.0.1, 10.1.0.0/16 } drop'],
  ['tcp dport http counter', 'tcp dport 80 counter packets 0 bytes 0'],
  ['tcp dport != 80-90 accept', null],
  ['ct state new,established accept', 'ct state established,new accept'],
  ['tcp flags & (syn|ack) == syn drop', 'tcp flags syn / syn,ack drop'],
  ['mark 5 meta mark set 0x10', 'meta mark 0x00000005 meta mark set 0x00000010'],
  ['reject with icmpx type port-unreachable', 'reject'],
  ['iifname eth0 limit rate 5/minute accept', 'iifname "eth0" limit rate 5/minute accept'],
  ['meta l4proto tcp tcp dport 22', 'tcp dport 22'],
  ['meta nfproto ipv4 ip saddr 10.0.0.1', 'ip saddr 10.0.0.1'],
  ['ip protocol icmp icmp type echo-request', null],
  ['ip6 nexthdr tcp', null],
  ['tcp dport vmap { 22 : accept, 80-90 : jump d }', null],
  ['ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 23 } accept', null],
  ['dnat ip to 10.0.0.1-10.0.0.5 random,persistent', 'dnat ip to 10.0.0.1-10.0.0.5 random,persistent'],
  ['meta l4proto { tcp, udp } dnat ip to 10.0.0.1:80', null],
  ['ct mark set ct mark or 0x10', 'ct mark set ct mark | 0x00000010'],
  ['ip dscp set cs1', null],
  ['tcp option maxseg size set rt mtu', null],
  ['numgen inc mod 2 vmap { 0 : accept, 1 : drop }', null],
  ['fib daddr . iif type local', null],
  ['@nh,0,8 69', '@nh,0,8 0x45'],
  ['log prefix "a b" level debug flags all', null],
  ['ether saddr 0:1:2:3:4:5', 'ether saddr 00:01:02:03:04:05'],
];

test.each(RULES)('%s', (typed, listed) => {
  const h = host();
  h.nft('add table inet t');
  h.nft('add chain inet t d');
  h.nft('add chain inet t c');
  expect(h.nft(`add rule inet t c ${typed}`)).toEqual({ out: '', err: '', status: 0 });
  expect(h.nft('list chain inet t c').out).toBe(`table inet t {\n\tchain c {\n\t\t${listed ?? typed}\n\t}\n}\n`);
});

test('errors point at the place', () => {
  const h = host();
  h.nft('add table ip t');
  h.nft('add chain ip t c');
  expect(h.nft('add rule ip t nochain accept').err).toBe(
    'Error: Could not process rule: No such file or directory\nadd rule ip t nochain accept\n              ^^^^^^^\n',
  );
  expect(h.nft('add rule ip t c tcp dport abc accept').err).toContain('Error: Could not resolve service');
  expect(h.nft('add rule ip t c dnat to 10.0.0.1:80').err).toContain('only valid after transport protocol match');
});

test('rules of iptables in nft’s words', () => {
  const h = host();
  h.iptables('-A INPUT -s 10.0.0.0/8 -p udp --dport 53 -m comment --comment x -j ACCEPT');
  expect(h.nft('list chain ip filter INPUT')).toEqual({
    out: 'table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tip saddr 10.0.0.0/8 udp dport 53  counter packets 0 bytes 0 accept\n\t}\n}\n',
    err: '# Warning: table ip filter is managed by iptables-nft, do not touch!\n',
    status: 0,
  });
  h.nft('flush ruleset');
  expect(h.iptables('-S INPUT').out).toBe('-P INPUT ACCEPT\n');
});

test('sets: elements, use by rules, words of refusal', () => {
  const h = host();
  expect(h.iptables('-A INPUT -m set --match-set s src -j DROP').err).toContain("Set s doesn't exist.");
  h.ipset('create s hash:net');
  h.ipset('add s 10.0.0.0/8');
  expect(h.ipset('add s 10.0.0.0/8').err).toBe("ipset v7.17: Element cannot be added to the set: it's already added\n");
  expect(h.ipset('test s 10.1.2.3')).toMatchObject({ status: 0, err: 'Warning: 10.1.2.3 is in set s.\n' });
  expect(h.ipset('test s 11.1.2.3')).toMatchObject({ status: 1 });
  expect(h.iptables('-A INPUT -m set --match-set s src -j DROP').status).toBe(0);
  expect(h.ipset('destroy s').err).toBe('ipset v7.17: Set cannot be destroyed: it is in use by a kernel component\n');
});

/** Numbers from 0 up to `n`, the same each time. */
function dice(seed: number): (n: number) => number {
  let x = seed;
  return (n) => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    return (x >>> 8) % n;
  };
}

test('a file of commands is done whole or not at all', () => {
  const h = host();
  h.nft('table ip t { set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/24 } }; chain c { ip saddr @s accept }; }');
  const before = h.nft('list ruleset', '-a').out;
  const good = [
    'add table ip6 u',
    'flush chain ip t c',
    'add element ip t s { 10.1.0.0/16 }',
    'delete element ip t s { 10.0.0.0/24 }',
    'add rule ip t c counter drop',
    'insert rule ip t c tcp dport { 1, 2 } accept',
    'rename chain ip t c e',
    'add counter ip t n',
    'delete table ip t',
  ];
  const roll = dice(7);
  for (let round = 0; round < 40; round++) {
    const lines = good.filter(() => roll(2) === 0);
    const r = h.nft([...lines, 'delete table ip nothere'].join('; '));
    expect(r.status).toBe(1);
    expect(h.nft('list ruleset', '-a').out).toBe(before);
  }
});

test('elements of an interval set are those that its ranges cover', () => {
  const roll = dice(3);
  for (let round = 0; round < 20; round++) {
    const h = host();
    h.nft('add table ip t');
    h.nft('add set ip t s { type inet_service; flags interval; auto-merge; }');
    const inside = new Set<number>();
    for (let i = 0; i < 12; i++) {
      const low = roll(200);
      const high = low + roll(12);
      h.nft(`add element ip t s { ${low === high ? low : `${low}-${high}`} }`);
      for (let port = low; port <= high; port++) inside.add(port);
    }
    for (let port = 0; port < 215; port++)
      expect([port, h.nft(`get element ip t s { ${port} }`).status]).toEqual([port, inside.has(port) ? 0 : 1]);
  }
});

test('packets meet rules', () => {
  const h = host();
  h.run('ip', 'link', 'set', 'lo', 'up');
  const ping = (): number => h.run('ping', '-c', '1', '-W', '1', '127.0.0.1').status;
  expect(ping()).toBe(0);
  h.nft(
    'table inet t { counter n { }; chain c { type filter hook output priority 0; icmp type echo-request counter name n numgen inc mod 2 0 drop; }; }',
  );
  expect([ping(), ping(), ping()]).toEqual([1, 0, 1]);
  expect(h.nft('list counters').out).toBe('table inet t {\n\tcounter n {\n\t\tpackets 3 bytes 252\n\t}\n}\n');
  h.nft('add table inet t { flags dormant; }');
  expect([ping(), ping()]).toEqual([0, 0]);
  h.nft('flush ruleset');
  h.nft('table netdev d { chain c { type filter hook ingress device lo priority 0; ip saddr 127.0.0.1 icmp type echo-reply drop; }; }');
  expect(ping()).toBe(1);
  h.nft('delete table netdev d');
  expect(ping()).toBe(0);
});

test('a packet that a chain sends to its own device again ends', () => {
  const h = host();
  for (const line of ['link add v1 type veth peer name v2', 'link set v2 up', 'link set v1 up', 'addr add 10.0.0.1/24 dev v1'])
    h.run('ip', ...line.split(' '));
  h.nft('table netdev t { chain c { type filter hook egress device v1 priority 0; ether type arp counter fwd to v1; }; }');
  expect(h.run('ping', '-c1', '-W1', '10.0.0.2').status).toBe(1);
  // The first of the packet and three more of it: NF_RECURSION_LIMIT.
  expect(Number(/packets (\d+)/.exec(h.nft('list table netdev t').out)?.[1]) % 4).toBe(0);
});
