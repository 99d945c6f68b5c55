/** state: every fact holds where it is so, and says what is there instead where it is not. */

import { expect, test } from 'vitest';
import { bench } from './harness.ts';

const b = bench().does(
  'node-1',
  `ip neigh add 10.244.1.99 lladdr 02:00:00:00:00:99 dev cni0 nud permanent
   iptables -t nat -A POSTROUTING -s 10.244.1.0/24 ! -d 10.244.0.0/16 -j MASQUERADE
   ip route add blackhole 10.9.0.0/16`,
);

test.each([
  [{ link: { name: 'cni0', kind: 'bridge', mtu: 1450, up: true } }, true, ''],
  [{ link: { name: 'cni0', mtu: { max: 1400 } } }, false, 'its MTU is 1450'],
  [{ link: { name: 'flannel.1', kind: 'vxlan', vni: 1, learning: false, local: '192.168.56.11', dstport: 8472 } }, true, ''],
  [{ link: { name: 'flannel.1', learning: true } }, false, 'it does not learn'],
  [{ link: { name: 'eth0', master: 'cni0' } }, false, 'it has no master'],
  [{ link: { name: 'eth7', absent: true } }, true, ''],
  [{ link: { name: 'eth7' } }, false, 'there is no device eth7'],
  [{ route: { to: '10.244.2.0/24', via: '10.244.2.0', dev: 'flannel.1' } }, true, ''],
  [{ route: { to: '10.244.2.0/24', via: '192.168.56.12' } }, false, 'there is 10.244.2.0/24 via 10.244.2.0 dev flannel.1'],
  [{ route: { to: '10.9.0.0/16', type: 'blackhole' } }, true, ''],
  [{ route: { to: 'default', absent: true } }, false, 'there is: 0.0.0.0/0 via 192.168.56.1 dev eth0'],
  [{ neigh: { ip: '10.244.1.99', mac: '02:00:00:00:00:99', permanent: true } }, true, ''],
  [{ neigh: { ip: '10.244.1.99', absent: true } }, false, 'there is: 10.244.1.99 dev cni0 02:00:00:00:00:99 PERMANENT'],
  [{ fdb: { mac: '5e:00:00:00:02:01', dev: 'flannel.1', dst: '192.168.56.12' } }, true, ''],
  [{ fdb: { mac: '5e:00:00:00:02:01', dev: 'flannel.1', dst: '192.168.56.10' } }, false, 'dst 192.168.56.12'],
  [{ sysctl: { name: 'net.ipv4.ip_forward', equals: 1 } }, true, ''],
  [{ sysctl: { name: 'net.ipv4.ip_forward', equals: 0 } }, false, 'it is 1'],
  [{ rule: { table: 'nat', target: 'MASQUERADE', source: '10.244.1.0/24', destination: '!10.244.0.0/16' } }, true, ''],
  [{ rule: { table: 'nat', chain: 'POSTROUTING', target: 'MASQUERADE', absent: true } }, false, 'there is: -A POSTROUTING -s'],
  [{ rule: { table: 'nat', target: 'DNAT', text: '10\\.244\\.2\\.7:8080' } }, true, ''],
  [{ rule: { table: 'filter', target: 'DROP', source: '10.0.0.1' } }, false, 'there is none'],
  [{ process: { name: 'podserver', running: true } }, true, ''],
  [{ process: { name: 'nginx', running: true } }, false, 'it does not run'],
])('node-1 %o', (fact, passed, actual) => {
  const f = b.says('state', { on: 'node-1', ...fact });
  expect(f).toMatchObject({ passed, actual: expect.stringContaining(actual) });
});

test.each([
  [{ on: 'web-a', listening: { port: 8080, address: 'any' } }, true],
  [{ on: 'web-a', listening: { port: 80 } }, false],
  [{ on: 'web-a', link: { name: 'eth0', mtu: { max: 1450, min: 1400 } } }, true],
  [{ 'pods-same-netns': ['web-a', 'pod web-a'] }, true],
  [{ 'pods-same-netns': ['web-a', 'web-b'] }, false],
  [{ on: 'nowhere', link: { name: 'eth0' } }, false],
])('%o', (own, passed) => {
  expect(b.says('state', own).passed).toBe(passed);
});
