import { expect, test } from 'vitest';
import { connect, Ether } from '../../net/dev/ether.ts';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { startCommand } from '../../os/run.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { provideApi } from '../node/connect.ts';
import { setUp } from '../setup.ts';
import { kubeApiserverCommand } from './apiserver.ts';
import type { Client } from './client.ts';
import { apiOf } from './connect.ts';
import { installNodeFiles } from './kubeconfig.ts';
import type { AnyObject } from './object.ts';
import { CA_PEM } from './pki.ts';
import { ApiServer } from './server.ts';

function* forever(): Task<never> {
  const never = new WaitQueue();
  for (;;) yield { on: [never] };
}

function world() {
  const sim = new Sim(1);
  const machine = (name: string, more: readonly Command[]): Machine => {
    const kernel = new Kernel(sim, name);
    kernel.init.lo.setUp();
    return new Machine(kernel, more);
  };
  let client: Client | null = null;
  const agent: Command = {
    name: 'agent',
    *main(p: Process) {
      client = apiOf(p, { name: 'system:node:n1', groups: ['system:nodes'] });
      return yield* forever();
    },
  };
  const [cp, node] = [machine('cp', [{ ...kubeApiserverCommand, hidden: false }]), machine('n1', [agent])];
  const [a, b] = [new Ether(cp.kernel.init, 'eth0'), new Ether(node.kernel.init, 'eth0')];
  a.register();
  b.register();
  connect(a, b, { delay: 40 });
  setUp(cp.kernel.init, ['link set eth0 up', 'addr add 192.168.56.10/24 brd + dev eth0'], () => undefined);
  setUp(node.kernel.init, ['link set eth0 up', 'addr add 192.168.56.11/24 brd + dev eth0'], () => undefined);
  const api = new ApiServer(sim, { serviceClusterIPRange: '10.96.0.0/12', advertiseAddress: '192.168.56.10', securePort: 6443 });
  provideApi(sim, { api, kubernetes: {} as never, rootCA: CA_PEM, nodes: new Map() });
  installNodeFiles(cp, api, 'cp', true);
  startCommand(cp, ['/usr/local/bin/kube-apiserver']);
  startCommand(node, ['agent']);
  sim.runUntil(1 * SEC);
  return { sim, cp, node, b, api, client: client as unknown as Client };
}

const config = (name: string): AnyObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } }) as AnyObject;

test('a cut node is refused, and hears later what changed, each object once', () => {
  const { sim, api, client, b } = world();
  const run = (seconds: number): void => void sim.runUntil(sim.now + seconds * SEC);
  const seen: string[] = [];
  client.watch<AnyObject>('configmaps', { namespace: 'default' }, (e) => seen.push(`${e.type} ${e.object.metadata.name}`));
  const admin = api.client();
  admin.create(config('a'));
  run(1);
  expect(seen).toEqual(['ADDED a']);
  b.setDown();
  admin.create(config('b'));
  admin.patch('configmaps', 'default', 'b', 'merge', { data: { x: '1' } });
  admin.create(config('c'));
  admin.delete('configmaps', 'default', 'c');
  admin.delete('configmaps', 'default', 'a');
  client.get('nodes', '', 'n1');
  run(5);
  const refused = client.get('namespaces', '', 'default');
  expect(refused.ok ? '' : refused.status.message).toBe(
    'Get "https://192.168.56.10:6443": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
  );
  expect(seen).toEqual(['ADDED a']);
  run(60);
  b.setUp();
  run(30);
  expect(client.get('namespaces', '', 'default').ok).toBe(true);
  expect(seen).toEqual(['ADDED a', 'ADDED b', 'DELETED a']);
});

test('kubeconfigs are written when they are read, and the authority signs who stands in them', () => {
  const { cp } = world();
  const text = cp.init.readText('/root/.kube/config') ?? '';
  expect(text).toContain('server: https://192.168.56.10:6443');
  expect(text).toContain('name: kubernetes-admin@kubernetes');
  expect(cp.init.readText('/etc/kubernetes/pki/ca.crt')).toBe(CA_PEM);
});
