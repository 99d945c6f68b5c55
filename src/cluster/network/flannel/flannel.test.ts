/** Two nodes and a third that comes and goes: what flanneld makes of their annotations. */

import { expect, test } from 'vitest';
import { connect, Ether } from '../../../net/dev/ether.ts';
import { Kernel } from '../../../net/kernel.ts';
import { Machine } from '../../../os/machine.ts';
import { newAddr, RT_TABLE_MAIN } from '../../../os/uapi.ts';
import { Sim } from '../../../sim/sim.ts';
import { parseIp4 } from '../../../wire/addr.ts';
import type { Client } from '../../api/client.ts';
import type { KubeObject, Node } from '../../api/object.ts';
import { ApiServer } from '../../api/server.ts';
import { flanneldCommand } from './flanneld.ts';

const ip = (text: string): number => parseIp4(text) as number;

function nodeObject(name: string, podCIDR: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { podCIDR, podCIDRs: [podCIDR] } } as KubeObject;
}

function world(backend: string) {
  const sim = new Sim(3);
  const api = new ApiServer(sim, {});
  const client: Client = api.client({ name: 'admin', groups: ['system:masters'] });
  const machines = [11, 12].map((n) => {
    const kernel = new Kernel(sim, `node-${n - 10}`);
    const m = new Machine(kernel, [flanneldCommand(() => client)]);
    const eth0 = new Ether(kernel.init, 'eth0');
    eth0.register();
    eth0.setUp();
    newAddr(eth0, { local: ip(`192.168.56.${n}`), len: 24 }, 'add');
    kernel.init.fib.add({ family: 4, dst: { addr: 0, len: 0 }, nexthops: [{ gateway: ip('192.168.56.1') }] });
    m.directory('/etc/kube-flannel');
    m.init.writeFile('/etc/kube-flannel/net-conf.json', JSON.stringify({ Network: '10.244.0.0/16', Backend: { Type: backend } }));
    return { m, eth0 };
  });
  const [a, b] = machines as [(typeof machines)[0], (typeof machines)[0]];
  connect(a.eth0, b.eth0, { delay: 10 });
  machines.forEach(({ m }, i) => {
    expect(client.create(nodeObject(`node-${i + 1}`, `10.244.${i + 1}.0/24`)).ok).toBe(true);
    const started = m.spawn(['/opt/bin/flanneld', '--ip-masq', '--kube-subnet-mgr'], {
      env: new Map([
        ['NODE_NAME', `node-${i + 1}`],
        ['PATH', '/usr/bin'],
      ]),
    });
    expect(started.ok).toBe(true);
  });
  sim.runUntil(sim.now + 5e6);
  return { sim, client, a: a.m, b: b.m };
}

const routes = (m: Machine): string[] =>
  m.kernel.init.fib
    .list(4, RT_TABLE_MAIN)
    .filter((r) => r.dst.len === 24 && r.dst.addr !== ip('192.168.56.0'))
    .map((r) => `${Number(r.dst.addr) - Number(ip('10.244.0.0'))} ${r.nexthops[0]?.dev?.name}${r.nexthops[0]?.onlink ? ' onlink' : ''}`);

test('vxlan: device, subnet file, annotations, way to the other node', () => {
  const { a, client } = world('vxlan');
  const { init } = a.kernel;
  expect(init.device('flannel.1')?.mtu).toBe(1450);
  expect(a.init.readText('/run/flannel/subnet.env')).toBe(
    'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
  );
  expect(routes(a)).toEqual(['512 flannel.1 onlink']);
  expect(init.neigh.list(4).map((n) => n.dev.name)).toContain('flannel.1');
  const node = client.get<Node>('nodes', '', 'node-1');
  const annotations = node.ok ? node.value.metadata.annotations : {};
  expect(annotations).toMatchObject({
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/public-ip': '192.168.56.11',
  });
  expect(annotations?.['flannel.alpha.coreos.com/backend-data']).toMatch(/^\{"VNI":1,"VtepMAC":"[0-9a-f:]{17}"\}$/);
});

test('a node that comes gets a way, one that goes loses it', () => {
  const { a, sim, client } = world('host-gw');
  expect(routes(a)).toEqual(['512 eth0']);
  const third = nodeObject('node-3', '10.244.3.0/24');
  const annotations = {
    'flannel.alpha.coreos.com/backend-type': 'host-gw',
    'flannel.alpha.coreos.com/public-ip': '192.168.56.13',
    'flannel.alpha.coreos.com/backend-data': 'null',
  };
  client.create({ ...third, metadata: { ...third.metadata, annotations } } as KubeObject);
  sim.runUntil(sim.now + 1e6);
  expect(routes(a)).toEqual(['512 eth0', '768 eth0']);
  client.delete('nodes', '', 'node-3');
  sim.runUntil(sim.now + 1e6);
  expect(routes(a)).toEqual(['512 eth0']);
});
