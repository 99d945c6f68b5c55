/** A large cluster's picture, made up: for measurements and tests of the map. */

import type { DeviceView, SpaceView, Topology } from '../../lab/view/types.ts';

const device = (name: string, kind: string, more: Partial<DeviceView> = {}): DeviceView => ({
  ...{ name, kind, up: true, carrier: true, mac: '', mtu: 1450, addrs: [], master: null, peer: null, lower: null, ends: [], detail: '' },
  ...more,
});

/** Nodes on one switch, each with a bridge, a tunnel and its share of the pods. */
export function big(nodes: number, pods: number): Topology {
  const spaces: SpaceView[] = [];
  const ports: DeviceView[] = [device('lan', 'bridge')];
  const all = Array.from({ length: nodes }, (_, i) => `node-${i + 1}`);
  all.forEach((id, i) => {
    const n = i + 1;
    const own = Array.from({ length: Math.floor(pods / nodes) + (i < pods % nodes ? 1 : 0) }, (_, p) => p);
    spaces.push({
      ...{ id, host: id, title: id, kind: 'node', place: id, namespace: null },
      devices: [
        device('eth0', 'ether', { addrs: [`192.168.56.${10 + n}/24`], peer: { space: 'switch', dev: `port-${id}` } }),
        device('cni0', 'bridge', { addrs: [`10.244.${n}.1/24`] }),
        device('flannel.1', 'vxlan', {
          ...{ lower: 'eth0', detail: 'VXLAN 1, UDP 8472' },
          ends: all.filter((o) => o !== id).map((space) => ({ space, dev: 'flannel.1' })),
        }),
        ...own.map((p) => device(`veth${n}-${p}`, 'veth', { master: 'cni0', peer: { space: `${id}/pod-${p}`, dev: 'eth0' } })),
      ],
    });
    for (const p of own)
      spaces.push({
        ...{
          id: `${id}/pod-${p}`,
          host: id,
          title: `pod web-${n}-${p}`,
          kind: 'pod',
          place: `pod default/web-${n}-${p}`,
          namespace: 'default',
        },
        devices: [device('eth0', 'veth', { addrs: [`10.244.${n}.${5 + p}/24`], peer: { space: id, dev: `veth${n}-${p}` } })],
      });
    ports.push(device(`port-${id}`, 'ether', { master: 'lan', peer: { space: id, dev: 'eth0' } }));
  });
  const outside = (id: string, kind: 'router' | 'outside', devices: readonly DeviceView[]): void => {
    spaces.push({ id, host: id, title: id, kind, place: id, namespace: null, devices });
  };
  outside('router', 'router', [
    device('eth0', 'ether', { addrs: ['192.168.56.1/24'], peer: { space: 'switch', dev: 'port-router' } }),
    device('wan', 'ether', { addrs: ['203.0.113.1/24'], peer: { space: 'internet', dev: 'eth0' } }),
  ]);
  outside('internet', 'outside', [device('eth0', 'ether', { addrs: ['203.0.113.10/24'], peer: { space: 'router', dev: 'wan' } })]);
  ports.push(device('port-router', 'ether', { master: 'lan', peer: { space: 'router', dev: 'eth0' } }));
  spaces.push({ id: 'switch', host: 'switch', title: 'switch', kind: 'switch', place: null, namespace: null, devices: ports });
  const endpoints = spaces.filter((s) => s.kind === 'pod').map((s) => s.id);
  return {
    spaces,
    services: [{ id: 'default/web', type: 'ClusterIP', addresses: ['10.96.10.20'], ports: ['80/TCP'], endpoints }],
  };
}
