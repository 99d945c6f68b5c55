/** Two nodes of Calico: blocks, BGP between them, routes as BIRD writes them, a pod on a veth of its own. */

import { expect, test } from 'vitest';
import { connect, Ether } from '../../../net/dev/ether.ts';
import { Kernel } from '../../../net/kernel.ts';
import { addNetns } from '../../../net/rtnl/netns.ts';
import { Machine } from '../../../os/machine.ts';
import { runCommand } from '../../../os/run.ts';
import { newAddr, RT_TABLE_MAIN } from '../../../os/uapi.ts';
import { Sim } from '../../../sim/sim.ts';
import { formatIp, parseIp4 } from '../../../wire/addr.ts';
import type { Client } from '../../api/client.ts';
import type { KubeObject } from '../../api/object.ts';
import { ApiServer } from '../../api/server.ts';
import { emitBgp, parseBgp } from '../bgp/message.ts';
import { NETWORKS } from '../index.ts';
import { calicoManifests } from './manifest.ts';
import { vethName } from './plugin.ts';
import { ruleHashes } from './rules.ts';

const ip = (text: string): number => parseIp4(text) as number;

function world(ipip: boolean) {
  const sim = new Sim(5);
  const api = new ApiServer(sim, {});
  const client: Client = api.client({ name: 'admin', groups: ['system:masters'] });
  for (const o of calicoManifests(ipip, { clusterCIDR: '10.244.0.0/16' }))
    if (o.kind === 'CustomResourceDefinition') expect(client.create(o).ok).toBe(true);
  const commands = NETWORKS.find((n) => n.name === 'calico-bgp')?.commands(() => client) ?? [];
  const nodes = [11, 12].map((n, i) => {
    const kernel = new Kernel(sim, `node-${i + 1}`);
    const m = new Machine(kernel, commands);
    const eth0 = new Ether(kernel.init, 'eth0');
    eth0.register();
    eth0.setUp();
    newAddr(eth0, { local: ip(`192.168.56.${n}`), len: 24 }, 'add');
    kernel.init.fib.add({ family: 4, dst: { addr: 0, len: 0 }, nexthops: [{ gateway: ip('192.168.56.1') }] });
    client.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: kernel.hostname } } as KubeObject);
    return { m, eth0 };
  });
  const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  connect(a.eth0, b.eth0, { delay: 10 });
  for (const { m } of nodes) {
    const env = new Map([
      ['NODENAME', m.hostname],
      ['CALICO_IPV4POOL_CIDR', '10.244.0.0/16'],
      ['CALICO_IPV4POOL_IPIP', ipip ? 'Always' : 'Never'],
      ['PATH', '/usr/bin'],
    ]);
    expect(m.spawn(['/bin/calico-node'], { env }).ok).toBe(true);
  }
  sim.runUntil(sim.now + 8e6);
  return { sim, client, a: a.m, b: b.m };
}

function pod(m: Machine, name: string): { rc: number; out: { ips?: { address: string }[]; msg?: string } } {
  if (!m.kernel.named.has(name)) addNetns(m.kernel, name);
  const conf = {
    cniVersion: '0.3.1',
    name: 'k8s-pod-network',
    type: 'calico',
    nodename: m.hostname,
    mtu: 1480,
    ipam: { type: 'calico-ipam' },
  };
  const env = {
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: `id-${name}`,
    CNI_NETNS: `/var/run/netns/${name}`,
    CNI_IFNAME: 'eth0',
    CNI_PATH: '/opt/cni/bin',
    CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=${name}`,
  };
  const r = runCommand(m, ['/opt/cni/bin/calico'], { stdin: JSON.stringify(conf), env });
  return { rc: r.exitCode, out: JSON.parse(r.stdout) };
}

function routes(m: Machine): string[] {
  return m.kernel.init.fib
    .list(4, RT_TABLE_MAIN)
    .filter((r) => r.dst.addr >= ip('10.244.0.0') && r.dst.addr <= ip('10.244.255.255'))
    .map((r) => {
      const hop = r.nexthops[0];
      const via = hop?.gateway == null ? '' : ` via ${formatIp(hop.gateway)}`;
      return `${r.type === 'unicast' ? '' : `${r.type} `}/${r.dst.len}${via} ${hop?.dev?.name ?? '-'} proto ${r.proto}`;
    });
}

test('a pod has a /32, the node a route to it; its block reaches the other node by BGP', () => {
  const { a, b, sim } = world(false);
  const { rc, out } = pod(a, 'web');
  expect(out.msg).toBeUndefined();
  expect(rc).toBe(0);
  expect(out.ips?.[0]?.address).toMatch(/^10\.244\.\d+\.\d+\/32$/);
  sim.runUntil(sim.now + 8e6);
  const inside = a.kernel.named.get('web')?.fib.list(4, RT_TABLE_MAIN) ?? [];
  expect(inside.map((r) => `${formatIp(r.dst.addr)}/${r.dst.len}`)).toEqual(['0.0.0.0/0', '169.254.1.1/32']);
  expect(a.kernel.init.sysctl.get(`net.ipv4.conf.${vethName('default', 'web')}.proxy_arp`)).toBe('1');
  expect(routes(a).sort()).toEqual([`/32 ${vethName('default', 'web')} proto 3`, 'blackhole /26 - proto 12']);
  expect(routes(b)).toEqual(['/26 via 192.168.56.11 eth0 proto 12']);
  const status = runCommand(a, ['/usr/local/bin/calicoctl', 'node', 'status']).stdout;
  expect(status).toMatch(/\| 192\.168\.56\.12 \| node-to-node mesh \| up {4}\| \d\d:\d\d:\d\d \| Established \|/);
  const shown = runCommand(a, ['/usr/local/bin/calicoctl', 'ipam', 'show']).stdout;
  expect(shown).toContain('| IP Pool  | 10.244.0.0/16 |     65536 | 1 (0%)     | 65535 (100%) |');
});

test('with IPIP each node has a tunnel address, and blocks are reached through the tunnel', () => {
  const { a, b } = world(true);
  expect(a.kernel.init.device('tunl0')?.mtu).toBe(1480);
  expect(routes(a).sort()).toEqual(['/26 via 192.168.56.12 tunl0 proto 12', 'blackhole /26 - proto 12']);
  expect(routes(b).sort()).toEqual(['/26 via 192.168.56.11 tunl0 proto 12', 'blackhole /26 - proto 12']);
});

test('a node that goes takes its routes along', () => {
  const { a, client, sim } = world(true);
  client.delete('nodes', '', 'node-2');
  sim.runUntil(sim.now + 2e6);
  expect(routes(a)).toEqual(['blackhole /26 - proto 12']);
});

test.each([
  ['cali-PREROUTING', ['--jump cali-fip-dnat'], ['r6XmIziWUJsdOK6Z']],
  ['cali-POSTROUTING', ['--jump cali-fip-snat', '--jump cali-nat-outgoing'], ['Z-c7XtVd2Bq7s_hA', 'nYKhEzDlr11Jccal']],
  ['POSTROUTING', ['--jump cali-POSTROUTING'], ['O3lYWMrLQYEMJtB5']],
  ['PREROUTING', ['--jump cali-PREROUTING'], ['6gwbT8clXdHdC1b1']],
])('rules of %s carry the hashes that Felix gives them', (chain, rules, hashes) => {
  expect(ruleHashes(chain, rules)).toEqual(hashes);
});

test('BGP messages read back as they were written', () => {
  const update = {
    type: 'update',
    withdrawn: [{ addr: ip('10.1.0.0'), len: 16 }],
    attributes: { origin: 0, asPath: [64512], nexthop: ip('192.168.56.11'), localPref: 100, med: null },
    nlri: [{ addr: ip('10.244.1.64'), len: 26 }],
  } as const;
  const bytes = emitBgp(update);
  expect(parseBgp(bytes)).toEqual({ message: update, used: bytes.length });
  expect(parseBgp(bytes.subarray(0, 20))).toBeNull();
});
