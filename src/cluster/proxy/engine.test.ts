import { expect, test } from 'vitest';
import type { EndpointSlice, Service } from '../api/object.ts';
import { localDetector } from './detect.ts';
import { invocation } from './flags.ts';
import { type EngineConfig, restoreInput } from './iptables/engine.ts';
import { NftEngine } from './nftables/engine.ts';
import { matchingIPs, nodePortAddresses } from './nodeports.ts';
import { Tracker } from './tracker.ts';

const META = { namespace: 'default', uid: '', resourceVersion: '1', creationTimestamp: '' };

function service(name: string, clusterIP: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...META, name },
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ name: 'p', port: 80, protocol: 'TCP' }] },
  };
}

function slice(name: string, ips: readonly string[], protocol = 'TCP'): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...META, name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: ips.map((ip) => ({ addresses: [ip], nodeName: 'n' })),
    ports: [{ name: 'p', port: 80, protocol }],
  };
}

const detector = localDetector(
  { mode: 'ClusterCIDR', clusterCIDRs: ['10.244.0.0/16'], bridgeInterface: '', interfaceNamePrefix: '' },
  [],
  4,
);
const CONFIG: EngineConfig = {
  masqueradeAll: false,
  detector,
  countLocalhost: false,
  nodeIP: '192.168.0.1',
  mark: '0x00004000',
  localhostNodePorts: true,
  nodePortAddresses: nodePortAddresses([], 4),
  tcpLiberal: false,
  nfacct: false,
  place: { node: 'n', zone: '' },
  ownIPs: () => [],
};

function twoServices(): Tracker {
  const t = new Tracker(4, 'n');
  for (const [name, ip] of [
    ['a', '10.0.0.1'],
    ['b', '10.0.0.2'],
  ] as const) {
    t.service(service(name, ip), false);
    t.slice(slice(name, [`10.244.1.${name === 'a' ? 1 : 2}`]), false);
  }
  t.apply();
  return t;
}

test('a partial sync writes what dispatches to all Services, and the chains of the changed one', () => {
  const t = twoServices();
  expect(t.slice(slice('a', ['10.244.1.1', '10.244.1.9']), false)).toBe(true);
  const changes = t.apply();
  expect([...changes.updated]).toEqual(['default/a']);
  const { input } = restoreInput(t, CONFIG, changes.updated, false, ['KUBE-SEP-AAAAAAAAAAAAAAAA', 'OTHER']);
  expect(input.match(/^-A KUBE-SERVICES .*cluster IP.*$/gm)?.length).toBe(2);
  expect(input).toContain('"default/a:p -> 10.244.1.1:80" -m statistic --mode random --probability 0.5000000000');
  expect(input).not.toContain('default/b:p -> ');
  expect(input).toContain(':KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]\n');
  expect(input).toContain('-X KUBE-SEP-AAAAAAAAAAAAAAAA\n');
  expect(input).not.toContain('OTHER');
});

test('the same slice again is no change, one that only lost its annotation neither', () => {
  const t = twoServices();
  const again = slice('a', ['10.244.1.1']);
  expect(t.slice({ ...again, metadata: { ...again.metadata, annotations: { x: 'y' } } }, false)).toBe(false);
  expect(t.service(service('a', '10.0.0.1'), false)).toBe(false);
  expect(t.service(service('a', '10.0.0.1'), true)).toBe(true);
});

test('conntrack is cleaned when endpoints of a UDP port change, not for others', () => {
  const t = new Tracker(4, 'n');
  t.slice(slice('a', ['10.244.1.1']), false);
  expect(t.apply().conntrack).toBe(false);
  t.slice(slice('b', ['10.244.1.2'], 'UDP'), false);
  expect(t.apply().conntrack).toBe(true);
});

test('rules go without comments in a large cluster, but those of the dispatching chains', () => {
  const t = twoServices();
  const { input } = restoreInput(t, CONFIG, null, true, null);
  expect(input).toMatch(/^-A KUBE-SVC-\w+ -j KUBE-SEP-\w+$/m);
  expect(input).toContain('"default/a:p cluster IP"');
});

test('nftables: only differences of the maps are written, and a chain waits a second before it goes', () => {
  const t = twoServices();
  const engine = new NftEngine(t, { ...CONFIG, ownIPs: () => ['192.168.0.1'] });
  expect(engine.sync(null, 0).tx).toContain('add table ip kube-proxy');
  t.service(service('b', '10.0.0.2'), true);
  const { tx } = engine.sync(t.apply().updated, 1_000_000);
  expect(tx).toContain('delete element ip kube-proxy cluster-ips { 10.0.0.2 }');
  expect(tx).toMatch(/flush chain ip kube-proxy service-\w+-default\/b\/tcp\/p/);
  expect(tx).not.toContain('default/a/');
  expect(engine.cleanup(1_500_000)).toBe('');
  expect(engine.cleanup(2_000_000)).toMatch(/^delete chain ip kube-proxy service-\w+-default\/b\/tcp\/p\n$/);
});

test('addresses that answer node ports', () => {
  const own = ['127.0.0.1', '192.168.56.11', '10.244.1.1', 'fd00::1'];
  expect(nodePortAddresses([], 4)).toMatchObject({ matchAll: true, containsIPv4Loopback: true });
  const some = nodePortAddresses(['192.168.56.0/24', 'fd00::/8'], 4);
  expect([some.matchAll, some.containsIPv4Loopback, matchingIPs(some, own)]).toEqual([false, false, ['192.168.56.11']]);
  expect(nodePortAddresses(['192.168.56.0/24'], 6).matchAll).toBe(true);
});

test('flags and files', () => {
  const none = (): null => null;
  const run = (argv: string[], file: (path: string) => string | null = none) => invocation(argv, 'Node-1', file);
  expect(run(['--nope'])).toMatchObject({ kind: 'say', status: 1, err: expect.stringMatching(/^Error: unknown flag: --nope\n/) });
  expect(run(['--cleanup'])).toMatchObject({ kind: 'cleanup' });
  expect(run(['--version'])).toMatchObject({ out: 'Kubernetes v1.36.3\n' });
  expect(run(['-v=2', '--proxy-mode=nftables'])).toMatchObject({
    config: { hostname: 'node-1', mode: 'nftables', nodePortAddresses: ['primary'] },
  });
  expect(run(['--iptables-sync-period=1m30s'])).toMatchObject({ config: { syncPeriod: 90_000_000 } });
  expect(run(['--cluster-cidr=10.0.0.0'])).toMatchObject({ status: 1, err: expect.stringContaining('must be a valid CIDR block') });
  const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';
  const file = `${head}mode: iptables\nclusterCIDR: 10.244.0.0/16,fd00::/48\niptables:\n  masqueradeBit: 15\n`;
  expect(run(['--config=/c', '--hostname-override=x'], () => file)).toMatchObject({
    config: { hostname: 'x', masqueradeBit: 15, clusterCIDRs: ['10.244.0.0/16', 'fd00::/48'] },
  });
  expect(run(['--config=/c'])).toMatchObject({ status: 1, err: 'Error: failed to read /c: open /c: no such file or directory\n' });
});
