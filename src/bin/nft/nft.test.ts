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
];

test.each(RULES)('%s', (typed, listed) => {
  const h = host();
  h.nft('add table inet t');
  h.nft('add chain inet t c');
  expect(h.nft(`add rule inet t c ${typed}`)).toEqual({ out: '', err: '', status: 0 });
  expect(h.nft('list table inet t').out).toBe(`table inet t {\n\tchain c {\n\t\t${listed ?? typed}\n\t}\n}\n`);
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
