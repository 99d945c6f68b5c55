import { expect, test } from 'vitest';
import { runCommand } from '../../os/run.ts';
import { SEC } from '../../sim/sim.ts';
import { loadWorld, WORLDS, type World } from '../world.ts';
import { Lookout, mark } from './lookout.ts';
import { topologyOf } from './topology.ts';
import type { SpaceView, Topology } from './types.ts';

async function built(name: string): Promise<World> {
  await loadWorld(name);
  return (WORLDS[name] as (typeof WORLDS)[string])(1);
}

const space = (t: Topology, title: string): SpaceView => t.spaces.find((s) => s.title === title) as SpaceView;
const dev = (s: SpaceView, name: string) => s.devices.find((d) => d.name === name);

function run(world: World, host: string, script: string): void {
  const r = runCommand((world.hosts.get(host) as { machine: Parameters<typeof runCommand>[0] }).machine, script);
  expect([r.exitCode, r.stderr]).toEqual([0, '']);
}

test('W1 without Kubernetes: cables, bridge, tunnel, Services', async () => {
  const world = await built('w1');
  const t = topologyOf(world);
  expect(t.spaces.map((s) => `${s.kind} ${s.title}`)).toEqual([
    'node cp-1',
    'node node-1',
    'pod pod client-pod',
    'pod pod web-a',
    'pod pod web-b',
    'node node-2',
    'pod pod web-c',
    'router router',
    'outside client (LAN)',
    'outside internet',
    'switch switch',
  ]);
  const node = space(t, 'node-1');
  const pod = space(t, 'pod web-a');
  const cable = dev(pod, 'eth0');
  expect(cable).toMatchObject({ kind: 'veth', up: true, addrs: ['10.244.1.5/24'], peer: { space: 'node-1' } });
  expect(dev(node, cable?.peer?.dev as string)).toMatchObject({ master: 'cni0', peer: { space: pod.id, dev: 'eth0' } });
  expect(dev(node, 'eth0')?.peer).toEqual({ space: 'switch', dev: 'port-node-1' });
  expect(dev(node, 'flannel.1')).toMatchObject({
    lower: 'eth0',
    detail: 'VXLAN 1, UDP 8472',
    ends: [
      { space: 'cp-1', dev: 'flannel.1' },
      { space: 'node-2', dev: 'flannel.1' },
    ],
  });
  expect(t.services.find((s) => s.id === 'default/web')?.endpoints).toEqual([pod.id, space(t, 'pod web-b').id, space(t, 'pod web-c').id]);
});

test('what a hand has made is there at once, and only then is there anything new', async () => {
  const world = await built('w1');
  const lookout = new Lookout(world, ['node-1']);
  expect(lookout.next()?.spaces.find((s) => s.title === 'node-2')?.place).toBeNull();
  expect(lookout.next()).toBeNull();
  run(world, 'node-1', 'ip netns add red; ip link add tap0 type veth peer name eth0 netns red');
  const made = lookout.next() as Topology;
  expect(space(made, 'red')).toMatchObject({ kind: 'netns', place: 'node-1/red', devices: [{ name: 'eth0', up: false, carrier: false }] });
  expect(dev(space(made, 'node-1'), 'tap0')?.peer).toEqual({ space: 'node-1/red', dev: 'eth0' });
  for (const line of [
    'ip link set tap0 up',
    'ip -n red addr add 10.9.0.1/24 dev eth0',
    'bridge fdb del 5e:00:00:00:02:01 dev flannel.1',
    'ip netns del red',
  ]) {
    run(world, 'node-1', line);
    expect(lookout.next(), line).not.toBeNull();
    expect(lookout.next(), line).toBeNull();
  }
});

test('W1 with Kubernetes: pods by their names, Services by the API; looking leaves no mark on the run', async () => {
  const world = await built('cluster-w1');
  const { sim } = world;
  const before = [sim.steps, sim.now, sim.waiting, sim.packets];
  const t = topologyOf(world, ['cp-1', 'client-pod']);
  mark(world);
  expect([sim.steps, sim.now, sim.waiting, sim.packets]).toEqual(before);
  expect(space(t, 'pod web-a')).toMatchObject({ kind: 'pod', host: 'node-1', namespace: 'default', place: 'pod default/web-a' });
  expect(space(t, 'pod client-pod').place).toBe('client-pod');
  expect(t.services.find((s) => s.id === 'default/web')).toEqual({
    id: 'default/web',
    type: 'NodePort',
    addresses: ['10.96.10.20'],
    ports: ['80:30080/TCP'],
    endpoints: ['web-a', 'web-b', 'web-c'].map((n) => space(t, `pod ${n}`).id),
  });
  expect(t.services.find((s) => s.id === 'kube-system/kube-dns')?.endpoints).toHaveLength(2);
  world.kube?.cluster.admin.delete('pods', 'default', 'web-b');
  sim.runUntil(sim.now + 60 * SEC);
  expect(topologyOf(world).spaces.some((s) => s.title === 'pod web-b')).toBe(false);
});

test('Calico: no bridge, tunnels by routes', async () => {
  const t = topologyOf(await built('w2'));
  const pod = space(t, 'pod web-c');
  const { peer } = dev(pod, 'eth0') as { peer: { space: string; dev: string } };
  expect(peer).toMatchObject({ space: 'node-2', dev: expect.stringMatching(/^cali/) });
  expect(dev(space(t, 'node-2'), peer.dev)?.master).toBeNull();
  expect(dev(space(t, 'node-1'), 'tunl0')?.ends.map((e) => e.space)).toEqual(['cp-1', 'node-2']);
});
