/** events: any capture that saw the packet counts, whatever its filter; programs count, not the shell around them. */

import { expect, test } from 'vitest';
import { bench } from './harness.ts';

test.each([
  ['tcpdump -nni eth0 -c1 udp port 8472', { device: 'eth0', matches: { proto: 'icmp', dst: '10.244.2.7', encapsulated: true } }, true],
  ['tcpdump -nni eth0 -c1 udp port 8472', { device: 'eth0', host: 'node-1', matches: { proto: 'udp', port: 8472 } }, true],
  ['tcpdump -nni any -c20 -w /tmp/x.pcap', { device: 'cni0', matches: { proto: 'icmp', encapsulated: false } }, true],
  ['tcpdump -nni cni0 -c1 icmp', { device: 'flannel.1', matches: { proto: 'icmp' } }, false],
  ['tcpdump -nni cni0 -c1 icmp', { device: 'cni0', host: 'node-2', matches: { proto: 'icmp' } }, false],
  ['tcpdump -nni cni0 -c1 arp', { device: 'cni0', matches: { proto: 'icmp' } }, false],
])('%s', (capture, captured, passed) => {
  const b = bench().does('node-1', `timeout 3 ${capture} >/dev/null 2>&1 & sleep 1`);
  b.does('web-a', 'ping -c1 10.244.2.7').does('node-1', 'sleep 3');
  expect(b.says('events', { captured }).passed).toBe(passed);
});

test('what nobody of the learner captured does not count', () => {
  expect(bench().says('events', { captured: { matches: { proto: 'icmp' } } })).toMatchObject({
    passed: false,
    actual: 'nothing was captured there',
  });
});

test.each([
  [{ ran: '^ip route' }, true],
  [{ ran: '^ip link' }, false],
  [{ ran: '^ping', on: 'web-a' }, true],
  [{ ran: '^ping', on: 'node-2' }, false],
  [{ ran: '^tcpdump', max: 0 }, true],
  [{ ran: '^ip route', max: 0 }, false],
  [{ ran: '^ip', min: 3 }, true],
  [{ ran: '^bash' }, false],
  [{ order: ['^ip -br', '^ip route get'] }, true],
  [{ order: ['^ip route get', '^ip -br'] }, false],
])('ran %o', (own, passed) => {
  const b = bench().does('node-1', `ip -br addr; ip route | cat; ip route get 10.244.2.7; true`).does('web-a', 'ping -c1 10.244.2.7');
  expect(b.says('events', own).passed).toBe(passed);
});
