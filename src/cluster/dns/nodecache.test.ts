import { expect, test } from 'vitest';
import { commands } from '../../bin/index.ts';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand, startCommand } from '../../os/run.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { nodeCacheCommand } from './nodecache.ts';

const BASE = `.:53 {
  cache 30
  bind __PILLAR__LOCAL__DNS__
  hosts {
    192.0.2.7 web.test
  }
}
`;

test('answers on its own address without conntrack, and leaves nothing behind', () => {
  const sim = new Sim(1);
  const kernel = new Kernel(sim, 'node');
  kernel.init.lo.setUp();
  const m = new Machine(kernel, [...commands, nodeCacheCommand(() => null)]);
  m.init.writeFile('/Corefile.base', BASE);
  const job = startCommand(m, ['/node-cache', '-localip', '169.254.20.10', '-conf', '/etc/Corefile', '-basecorefile=/Corefile.base']);
  sim.runUntil(3 * SEC);
  const sh = (line: string): string => runCommand(m, ['bash', '-c', line]).stdout;
  expect(sh('dig +short @169.254.20.10 web.test')).toBe('192.0.2.7\n');
  expect(sh('iptables -t raw -S OUTPUT | grep -c NOTRACK')).toBe('6\n');
  expect(sh('conntrack -L 2>/dev/null | grep -c dport=53')).toBe('0\n');
  job.signal('TERM');
  sim.runUntil(6 * SEC);
  expect(sh('iptables -t raw -S | grep -c NOTRACK; ip -br link show type dummy')).toBe('0\n');
});
