/** Forbidden programs: for all that the learner starts, wherever it gets to, and for nobody else. */

import { beforeAll, expect, test } from 'vitest';
import { bench } from './check/harness.ts';
import { start } from './log.ts';
import { loadWorld } from './world.ts';

beforeAll(() => loadWorld('cluster-w1'));

const says = (script: string, commands: object, host = 'node-1', world = 'w1') => {
  const b = bench({ commands, world }).does(host, `exec >/tmp/said 2>&1\n${script}`);
  return (b.world.hosts.get(host)?.machine.init.readText('/tmp/said') ?? '').trimEnd();
};

const forbid = { forbid: ['iptables*', 'nft'] };

test.each([
  ['iptables -L; echo $?', 'bash: line 2: /usr/sbin/iptables: Operation not permitted\n126'],
  ['iptables-save', 'bash: line 2: /usr/sbin/iptables-save: Operation not permitted'],
  [
    'ip netns exec $(ip netns list | head -1 | cut -d" " -f1) bash -c "iptables -L"',
    'bash: line 1: /usr/sbin/iptables: Operation not permitted',
  ],
  ['ln -s /usr/sbin/iptables /tmp/x; /tmp/x -L', 'bash: line 2: /tmp/x: Operation not permitted'],
  ['(exec iptables -L) & wait', 'bash: line 2: /usr/sbin/iptables: Operation not permitted'],
  ['ip -br link show lo', 'lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP>'],
])('forbidden: %s', (script, said) => {
  expect(says(script, forbid)).toBe(said);
});

test('only what is allowed runs, and shells do', () => {
  expect(says('bash -c "type cd; ping -c1 127.0.0.1"; curl x; echo hi', { allow: ['ip'] })).toBe(
    'cd is a shell builtin\nbash: line 1: /usr/bin/ping: Operation not permitted\nbash: line 2: /usr/bin/curl: Operation not permitted\nhi',
  );
});

test('in containers too, when the learner gets there through the API; kubelet and kube-proxy go on', () => {
  const said = says('kubectl exec client-pod -- iptables -L; kubectl exec client-pod -- ip -br link show lo', forbid, 'cp-1', 'cluster-w1');
  expect(said).toContain('"iptables": operation not permitted');
  expect(said).toContain('lo               UNKNOWN');
  const { world } = start(bench({ commands: forbid, world: 'cluster-w1' }).lab);
  const rules = () => world.kube?.operations.resync();
  expect(rules()).toBe(null);
});
