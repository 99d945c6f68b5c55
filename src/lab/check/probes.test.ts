import { expect, test } from 'vitest';
import { bench } from './harness.ts';

const VXLAN = 'node-1 flannel.1';

test.each<[string, object, boolean, string]>([
  ['ping', { from: 'web-a', to: 'host:web-c' }, true, 'a reply with ttl 62'],
  ['ping', { from: 'web-a', to: '10.244.2.7', size: 1423, df: true, expect: 'too-long' }, true, 'refused by the sender'],
  ['ping', { from: 'web-a', to: '10.244.2.7', ttl: 1, expect: 'ttl-exceeded' }, true, 'says 10.244.1.1'],
  ['ping', { from: 'web-a', to: '10.244.2.77' }, false, 'destination host unreachable'],
  ['ping', { from: 'web-a', to: 'pod:nobody' }, false, 'there is no pod nobody'],
  ['ping', { from: 'node-1/blue', to: '10.244.2.7' }, false, 'no network namespace blue'],
  ['tcp', { from: 'web-a', to: '10.244.2.7', port: 8080 }, true, 'connected'],
  ['tcp', { from: 'web-a', to: '10.244.2.7', port: 81, expect: 'refused' }, true, 'refused'],
  ['tcp', { from: 'web-a', to: '10.244.2.7', port: 81 }, false, 'refused'],
  ['tcp', { from: 'web-a', to: '10.244.2.77', port: 81, expect: 'unreachable-host' }, true, 'says 10.244.2.0'],
  ['udp', { from: 'web-a', to: '10.244.2.7', port: 81, expect: 'refused' }, true, 'refused'],
  ['udp', { from: 'web-a', to: '10.244.2.7', port: 81 }, false, 'refused'],
  ['http', { from: 'web-a', url: 'http://host:web-c:8080/', source: '10.244.1.5' }, true, 'status 200'],
  ['http', { from: 'web-a', url: 'http://203.0.113.10/', source: '10.244.1.5' }, false, 'seen by the server as 192.168.56.11'],
  [
    'http',
    { from: 'web-a', url: 'http://10.244.2.7:8080/echo', method: 'POST', send: 3, body: '^POST /echo Host=10.244.2.7:8080\\nhhh$' },
    true,
    '',
  ],
  ['http', { from: 'web-a', url: 'http://10.244.2.7:8080/slow/2', within: 1 }, false, 'no whole answer'],
  ['http', { from: 'web-a', url: 'http://10.96.10.99/', expect: 'refused' }, true, 'refused'],
  ['http', { from: 'web-a', url: 'https://10.244.2.7/', expect: 'fails' }, true, ''],
  ['http', { from: 'client', url: 'http://10.244.1.5:8080/', expect: 'fails' }, true, 'unreachable'],
  ['http', { from: 'client-pod', url: 'http://10.96.10.20/', times: 90, backends: { each: { min: 0.15 }, of: 3 } }, true, 'web-a'],
  ['http', { from: 'client-pod', url: 'http://10.96.10.20/', body: '^web-c ', tries: 40 }, true, 'status 200'],
  ['http', { from: 'client-pod', url: 'http://10.96.10.20/', body: '^web-d ', tries: 3 }, false, 'body: web-'],
  ['http', { from: 'client-pod', url: 'http://10.96.10.20/', times: 30, backends: { 'web-c': { min: 0.9 } } }, false, 'web-c'],
  [
    'path',
    {
      from: 'web-a',
      to: '10.244.2.7',
      through: [VXLAN, { host: 'node-2', device: 'flannel.1' }],
      encapsulated: 'vxlan',
      nat: 'none',
      once: true,
    },
    true,
    'flannel.1',
  ],
  [
    'path',
    { from: 'web-a', to: '10.244.2.7', through: [{ host: 'node-1', device: 'eth0', vni: 7 }] },
    false,
    'does not pass node-1 eth0 VNI 7',
  ],
  ['path', { from: 'web-a', to: '10.244.1.6', encapsulated: 'none', 'not-through': [VXLAN] }, true, 'node-1 veth'],
  ['path', { from: 'web-a', to: '10.244.2.7', 'not-through': [VXLAN] }, false, 'it passes node-1 flannel.1'],
  ['path', { from: 'client-pod', to: '10.96.10.20', with: 'tcp', port: 80, nat: 'dnat', through: [{ rule: 'nat/KUBE-SVC-*' }] }, true, ''],
  ['path', { from: 'web-a', to: '203.0.113.10', nat: 'none' }, false, 'rewritten (snat)'],
])('%s %j: %s', (kind, own, passed, actual) => {
  const found = bench().says(kind, own);
  expect(found).toMatchObject({ passed });
  expect(found.actual).toContain(actual);
  expect(found.log?.length ?? 0).toBeLessThanOrEqual(12);
});

test('what was dropped is told with host, device and rule, and does not take the whole patience', () => {
  const b = bench().does('node-2', 'iptables -I FORWARD -p tcp --dport 8080 -j DROP');
  const begin = b.world.sim.now;
  const found = b.says('tcp', { from: 'web-a', to: '10.244.2.7', port: 8080 });
  expect(found.hop).toBe('node-2 flannel.1: NETFILTER filter/FORWARD#1');
  expect(found.log).toContainEqual(expect.stringMatching(/^node-2 flannel.1: dropped by filter FORWARD rule 1/));
  expect(b.world.sim.now - begin).toBeLessThan(1_500_000);
  const rejected = bench().does('node-2', 'iptables -I FORWARD -p tcp -j REJECT --reject-with icmp-admin-prohibited');
  expect(rejected.says('tcp', { from: 'web-a', to: '10.244.2.7', port: 8080, expect: 'unreachable-admin' }).passed).toBe(true);
});

test('a datagram is answered, and the server saw where it came from', () => {
  const b = bench().does('web-c', 'podserver clock 123 --udp &');
  expect(b.says('udp', { from: 'web-a', to: 'pod:web-c', port: 123, source: '10.244.1.5', body: '^clock' }).passed).toBe(true);
  expect(b.says('udp', { from: 'web-a', to: 'pod:web-c', port: 123, source: '10.244.1.1' }).passed).toBe(false);
});

test('a copy for somebody else is told with its link', () => {
  const way = { from: 'web-a', to: '10.244.2.7', once: true, through: ['pod web-a eth0', 'pod web-c eth0'] };
  expect(bench().says('path', way).passed).toBe(true);
  const mac = '5e:00:00:00:02:01';
  const twice = bench().does(
    'node-1',
    `bridge fdb del ${mac} dev flannel.1; for n in 10 12; do bridge fdb append 00:00:00:00:00:00 dev flannel.1 dst 192.168.56.$n; done`,
  );
  expect(twice.says('path', way).actual).toContain('a packet leaves by node-1 eth0 more than once');
  expect(twice.says('path', { ...way, once: false, way: 'back', through: ['pod web-c eth0', 'pod web-a eth0'] }).passed).toBe(true);
});

test('a rewriting is told with its rule', () => {
  const found = bench().says('http', { from: 'client-pod', url: 'http://10.96.10.20/', expect: 404 });
  expect(found.log).toContainEqual(
    expect.stringMatching(/^node-1: DNAT 10\.96\.10\.20:80 -> 10\.244\.\d\.\d:8080 \(nat KUBE-SEP-\w+ rule \d\)$/),
  );
});

const TABLE = {
  from: ['web-*', 'client-pod', 'client'],
  to: ['web-*', 'internet'],
  ports: ['8080', 'icmp'],
  'must-pass': [
    { from: ['web-*', 'client-pod'], to: 'web-*' },
    { from: '*', to: 'internet', ports: 'icmp' },
  ],
  else: 'must-fail',
};

test('a matrix names the flow that is closed and the one that is open', () => {
  const plain = bench().says('matrix', TABLE);
  expect(plain).toMatchObject({ passed: true, actual: '34 flows are as they must be' });
  const shut = bench().does('node-2', 'iptables -I FORWARD -p tcp -s 10.244.1.9 -j DROP').says('matrix', TABLE);
  expect(shut).toMatchObject({
    passed: false,
    actual: 'must pass, but does not: pod client-pod -> pod web-c, tcp 8080 (no answer to the connection request)',
  });
  expect(shut.hop).toBe('node-2 flannel.1: NETFILTER filter/FORWARD#1');
  const open = bench().does('client', 'ip route add 10.244.0.0/16 via 192.168.56.11').says('matrix', TABLE);
  expect(open.actual).toMatch(/^must not pass, but does: client \(LAN\) -> pod web-a, tcp 8080/);
});

test('sixty flows of a matrix are tried at once', () => {
  const b = bench();
  const wide = {
    from: ['web-*', 'client-pod', 'node-1', 'node-2'],
    to: ['web-*', 'node-1', 'cp-1'],
    ports: ['8080', 'icmp'],
    else: 'must-fail',
  };
  const begin = b.world.sim.now;
  b.says('matrix', wide);
  expect(b.world.sim.now - begin).toBeLessThan(4_000_000);
});
