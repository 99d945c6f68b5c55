import { expect, test } from 'vitest';
import { commands } from '../../../bin/index.ts';
import { Kernel } from '../../../net/kernel.ts';
import { Machine } from '../../../os/machine.ts';
import { runCommand, startCommand } from '../../../os/run.ts';
import { SEC, Sim } from '../../../sim/sim.ts';
import { ipMasqAgent, masqConfig } from './agent.ts';

test('writes its chain, follows its file, and puts back what was taken away', () => {
  const sim = new Sim(1);
  const m = new Machine(new Kernel(sim, 'node'), [...commands, ipMasqAgent]);
  const sh = (line: string): string => runCommand(m, ['bash', '-c', line]).stdout;
  const job = startCommand(m, ['/ip-masq-agent']);
  sim.runUntil(2 * SEC);
  expect(sh('iptables -t nat -S IP-MASQ-AGENT | grep -o -- "-[dj] [^ ]*" | tr "\\n" " "')).toBe(
    '-d 169.254.0.0/16 -j RETURN -d 10.0.0.0/8 -j RETURN -d 172.16.0.0/12 -j RETURN -d 192.168.0.0/16 -j RETURN -j MASQUERADE ',
  );
  sh(
    'mkdir -p /etc/config; echo "nonMasqueradeCIDRs: [10.244.0.0/16]\nmasqLinkLocal: true" > /etc/config/ip-masq-agent; iptables -t nat -F',
  );
  sim.runUntil(sim.now + 61 * SEC);
  expect(sh('iptables -t nat -S | grep -c 10.244.0.0/16; iptables -t nat -S POSTROUTING | grep -c IP-MASQ-AGENT')).toBe('1\n1\n');
  expect(job.stderr).toBe('');
});

test.each([
  ['nonMasqueradeCIDRs: [10.0.0.1/8]', 'CIDR "10.0.0.1/8" is not aligned to a CIDR block'],
  ['nonMasqueradeCIDRs: [ten]', 'CIDR "ten" could not be parsed, invalid CIDR address: ten'],
  ['resyncInterval: 60', 'expected string value for unmarshal to field of type Duration, got "60"'],
  ['nonMasqueradeCIDRs: ["fd00::/8"]', 'ipv6 is not enabled, but ipv6 cidr fd00::/8 provided. Enable ipv6 using --enable-ipv6 agent flag'],
])('%s: %s', (text, error) => {
  expect(masqConfig(text, { reserved: false, ipv6: false })).toBe(error);
});
