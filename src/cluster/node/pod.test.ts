import { expect, test } from 'vitest';
import { commands } from '../../bin/index.ts';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { systemdOf } from '../../os/systemd.ts';
import { Sim } from '../../sim/sim.ts';
import { setUp } from '../setup.ts';
import type { Pod } from '../api/object.ts';
import { ApiServer } from '../api/server.ts';
import { cniCommands } from '../cni/index.ts';
import { busybox, containerd, pause } from './runtime/containerd.ts';
import { kubeletCommand } from './kubelet/kubelet.ts';
import { runtimeOf } from './runtime/runtime.ts';

const CONFLIST = JSON.stringify({
  cniVersion: '1.0.0',
  name: 'cbr0',
  plugins: [
    { type: 'bridge', bridge: 'cni0', isGateway: true, ipMasq: false, hairpinMode: true, ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.1.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] } },
  ],
});

function world() {
  const sim = new Sim(1);
  const api = new ApiServer(sim);
  const kernel = new Kernel(sim, 'node-1');
  kernel.init.lo.setUp();
  const connect = function* () {
    yield { cost: 0 };
    return api.client();
  };
  const none = function* () {};
  const machine = new Machine(kernel, [...commands, ...cniCommands, containerd, pause, busybox, kubeletCommand(connect, none)]);
  setUp(kernel.init, ['link add eth0 type veth peer name far', 'link set far up', 'link set eth0 up', 'addr add 192.168.56.11/24 brd + dev eth0'], () => undefined);
  kernel.init.sysctl.set('net.ipv4.ip_forward', '1');
  machine.directory('/etc/cni/net.d');
  machine.directory('/var/lib/kubelet');
  machine.init.writeFile('/etc/cni/net.d/10-bridge.conflist', CONFLIST);
  machine.init.writeFile('/var/lib/kubelet/config.yaml', 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDNS: [10.96.0.10]\nclusterDomain: cluster.local\nstaticPodPath: /etc/kubernetes/manifests\n');
  runtimeOf(machine).addImage('nicolaka/netshoot:v0.14');
  runtimeOf(machine).addImage('hopwise/web:1.0');
  machine.spawn(['/usr/bin/containerd']);
  machine.spawn(['/usr/bin/kubelet']);
  return { sim, api, machine };
}

test('a pod runs and answers another', () => {
  const { sim, api, machine } = world();
  const client = api.client();
  sim.runUntil(1_000_000);
  for (const [name, command] of [['web', ['podserver', 'web', '8080']], ['client', ['sleep', 'infinity']]] as const) {
    const made = client.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', labels: { app: name } },
      spec: { nodeName: 'node-1', automountServiceAccountToken: false, terminationGracePeriodSeconds: 2, containers: [{ name: 'c', image: 'nicolaka/netshoot:v0.14', command }] },
    } as Pod);
    if (!made.ok) console.log(JSON.stringify(made.status));
  }
  sim.runUntil(5_000_000);
  const pod = client.get<Pod>('pods', 'default', 'web');
  if (pod.ok) console.log(JSON.stringify(pod.value.status, null, 1));
  const ev = client.list('events');
  if (ev.ok) for (const e of ev.value.items) console.log((e as any).reason, (e as any).message, (e as any).involvedObject.name);
  console.log(runCommand(machine, 'ps aux; ip netns; ip -br a; cat /var/log/pods/*/c/*.log').stdout);
  const r = runtimeOf(machine);
  const c = [...r.containers.values()].find((x) => x.config.name === 'c' && x.sandbox.config.name === 'client')!;
  const got = r.enter(c, ['bash', '-c', 'curl -s http://10.244.1.2:8080/; cat /etc/resolv.conf /etc/hosts; ps; hostname; echo $$; ls /proc; env; cat /etc/alpine-release; ls -l /bin | head -3'], { fds: new Map([[1, c.log.stream(1)], [2, c.log.stream(2)]]) });
  expect(got.ok).toBe(true);
  sim.runUntil(6_000_000);
  console.log(c.log.read());
  client.delete('pods', 'default', 'web');
  sim.runUntil(12_000_000);
  console.log(runCommand(machine, 'ps aux; ip netns; cat /etc/cni/net.d/*; ls /var/lib/cni/networks/cbr0').stdout);
  console.log(client.list('pods'));
});
