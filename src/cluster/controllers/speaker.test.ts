import { expect, test } from 'vitest';
import { commands } from '../../bin/index.ts';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand, startCommand } from '../../os/run.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import type { Client } from '../api/client.ts';
import type { EndpointSlice, KubeObject, Node, Service } from '../api/object.ts';
import { ApiServer } from '../api/server.ts';
import { metallbDefinitions, NAMESPACE, poolManifests } from './metallb.ts';
import { candidates, electedNode, speakerCommand } from './speaker.ts';

const node = (name: string, ready = 'True'): Node =>
  ({ metadata: { name }, status: { conditions: [{ type: 'Ready', status: ready }] } }) as unknown as Node;
const slice = (...nodes: string[]): EndpointSlice =>
  ({
    endpoints: nodes.map((nodeName) => ({ addresses: ['10.0.0.1'], nodeName, conditions: { ready: true } })),
  }) as unknown as EndpointSlice;

test('one of the ready nodes is elected; local policy wants an endpoint there', () => {
  const nodes = [node('a'), node('b'), node('c', 'Unknown')];
  const service = (policy: string): Service => ({ metadata: {}, spec: { externalTrafficPolicy: policy } }) as unknown as Service;
  expect(candidates(service('Cluster'), nodes, [slice('c')])).toEqual(['a', 'b']);
  expect(candidates(service('Local'), nodes, [slice('b', 'c')])).toEqual(['b']);
  expect(candidates(service('Cluster'), nodes, [])).toEqual([]);
  const won = Array.from({ length: 40 }, (_, i) => electedNode(['a', 'b'], `172.16.1.${i}`));
  expect(new Set(won)).toEqual(new Set(['a', 'b']));
  expect(electedNode(['b', 'a'], '172.16.1.7')).toBe(electedNode(['a', 'b'], '172.16.1.7'));
});

test('the elected node announces the address and answers for it, and falls silent when it goes', () => {
  const sim = new Sim(1);
  const api = new ApiServer(sim);
  const client: Client = api.client();
  const m = new Machine(new Kernel(sim, 'node-1'), [...commands, speakerCommand(() => client)]);
  const sh = (line: string): string => runCommand(m, ['bash', '-c', line]).stdout;
  sh('ip netns add lan; ip link add eth0 type veth peer name eth0 netns lan; ip addr add 172.16.1.10/24 dev eth0; ip link set eth0 up');
  sh('ip -n lan addr add 172.16.1.1/24 dev eth0; ip -n lan link set eth0 up');
  const ok = (r: { readonly ok: boolean }): void => expect(r).toMatchObject({ ok: true });
  ok(client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } } as KubeObject));
  for (const o of [...metallbDefinitions(), ...poolManifests(['172.16.1.240/29'], [])]) ok(client.create(o));
  ok(client.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } } as KubeObject));
  ok(
    client.patch(
      'nodes',
      '',
      'node-1',
      'merge',
      { status: { conditions: [{ type: 'Ready', status: 'True' }] } },
      { subresource: 'status' },
    ),
  );
  ok(
    client.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web', namespace: 'default' },
      spec: { type: 'LoadBalancer', selector: { a: 'b' }, ports: [{ port: 80 }] },
    } as KubeObject),
  );
  ok(
    client.patch(
      'services',
      'default',
      'web',
      'merge',
      { status: { loadBalancer: { ingress: [{ ip: '172.16.1.240', ipMode: 'VIP' }] } } },
      { subresource: 'status' },
    ),
  );
  ok(
    client.create({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'web-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.244.0.5'], conditions: { ready: true }, nodeName: 'node-1' }],
    } as KubeObject),
  );
  const asked = (): boolean => /[1-9] packets received/.test(sh('ip netns exec lan arping -c 1 -i eth0 172.16.1.240'));
  expect(asked()).toBe(false);
  startCommand(m, ['/speaker']);
  sim.runUntil(sim.now + 2 * SEC);
  expect(asked()).toBe(true);
  const events = client.list<KubeObject & { readonly message?: string }>('events');
  expect(events.ok && events.value.items.map((e) => e.message)).toEqual(['announcing from node "node-1" with protocol "layer2"']);
  ok(
    client.patch(
      'nodes',
      '',
      'node-1',
      'merge',
      { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
      { subresource: 'status' },
    ),
  );
  sim.runUntil(sim.now + 2 * SEC);
  expect(asked()).toBe(false);
});
