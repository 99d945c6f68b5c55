/** `why COMMAND` in both kinds of worlds, on nodes and in pods. */

import { beforeAll, expect, test } from 'vitest';
import { runCommand } from '../../os/run.ts';
import { loadWorld, WORLDS, type World } from '../world.ts';

beforeAll(() => loadWorld('cluster-w1'), 60_000);

const says = (world: string, host: string, ...commands: string[]) => {
  const w = (WORLDS[world] as (seed: number) => World)(1);
  const h = w.hosts.get(host);
  if (!h) throw new Error(`no host ${host}`);
  const results = commands.map((c) => runCommand(h.machine, c, { ns: h.ns, ...(h.enter ? { enter: h.enter } : {}) }));
  return results.at(-1) as (typeof results)[number];
};

test.each(['w1', 'cluster-w1'])('%s: there and back, in a pod', (world) => {
  const { stdout, exitCode } = says(world, 'web-a', 'why ping -c1 10.244.2.7');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('1 packets transmitted, 1 received');
  expect(stdout).toContain('why: 2 packets in 1 conversation\n\n10.244.1.5 -> 10.244.2.7 echo request\n there: arrived at pod web-c\n');
  expect(stdout).toContain(' wrap    VXLAN 1 192.168.56.11 -> 192.168.56.12\n');
  expect(stdout).toContain('\n back: arrived at pod web-a\n');
  expect(says(world, 'web-a', 'why ping -c1 10.244.2.7').stdout).toBe(stdout);
});

test.each(['w1', 'cluster-w1'])('%s: a Service, on a node, in a pipeline', (world) => {
  const { stdout } = says(world, 'node-1', 'why curl -sm1 10.96.10.20 | grep -A1 DNAT');
  expect(stdout).toMatch(
    /rule +nat: -A KUBE-SEP-.* -j DNAT --to-destination 10\.244\.\d\.\d:8080\n +rewrite destination rewritten: 10\.96\.10\.20:80 -> /,
  );
});

test.each([
  [
    'ping -c1 -W1 10.244.2.7',
    1,
    / there: node-1: dropped by filter FORWARD rule 1\n[\s\S]* DROP {4}dropped by filter FORWARD rule 1\n +-A FORWARD -d 10\.244\.2\.7\/32 -j DROP\n[\s\S]*back: nothing came back\n$/,
  ],
  ['curl -sm1 10.244.1.6:9999', 7, / there: arrived at pod web-b, and nothing listens there\n/],
  ['ping -c1 -W1 10.244.1.99', 1, / there: (pod web-a|node-1): nobody answered ARP for the next hop\n/],
  ['true', 0, /why: no packet was sent\n$/],
])('w1: why %s', (command, status, text) => {
  const w = (WORLDS.w1 as (seed: number) => World)(1);
  const node = w.hosts.get('node-1');
  const pod = w.hosts.get('web-a');
  if (!node || !pod) throw new Error('W1 has lost its hosts');
  runCommand(node.machine, 'iptables -I FORWARD -d 10.244.2.7 -j DROP');
  const r = runCommand(pod.machine, `why ${command}`, { ns: pod.ns });
  expect(r.stdout).toMatch(text);
  expect(r.exitCode).toBe(status);
});

test('w1: no route at the sender itself, a program that is not there, no program at all', () => {
  expect(says('w1', 'web-a', 'ip route flush all', 'why ping -c1 1.2.3.4').stdout).toContain('there: not sent: no route leads there');
  expect(says('w1', 'web-a', 'why nosuch')).toMatchObject({ exitCode: 127, stderr: 'why: nosuch: No such file or directory\n' });
  expect(says('w1', 'web-a', 'why')).toMatchObject({ exitCode: 125, stderr: expect.stringContaining('Usage: why COMMAND') });
});
