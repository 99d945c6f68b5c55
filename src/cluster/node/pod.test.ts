import { expect, test } from 'vitest';
import { commands } from '../../bin/index.ts';
import { Kernel } from '../../net/kernel.ts';
import { Machine } from '../../os/machine.ts';
import { SEC, Sim } from '../../sim/sim.ts';
import type { Client } from '../api/client.ts';
import type { KubeObject, Pod } from '../api/object.ts';
import { ApiServer } from '../api/server.ts';
import { cniCommands } from '../cni/index.ts';
import { setUp } from '../setup.ts';
import { kubeletCommand } from './kubelet/kubelet.ts';
import { busybox, containerd, pause } from './runtime/containerd.ts';
import { runtimeOf } from './runtime/runtime.ts';

const ipam = { type: 'host-local', ranges: [[{ subnet: '10.244.1.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] };
const CONFLIST = JSON.stringify({
  cniVersion: '1.0.0',
  name: 'cbr0',
  plugins: [{ type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipam }],
});
const CONFIG =
  'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDNS: [10.96.0.10]\nclusterDomain: cluster.local\nstaticPodPath: /etc/kubernetes/manifests\n';
const LINKS = ['link add eth0 type veth peer name far', 'link set far up', 'link set eth0 up', 'addr add 192.168.56.11/24 brd + dev eth0'];

interface OneNode {
  readonly sim: Sim;
  readonly client: Client;
  readonly machine: Machine;
  run(seconds: number): void;
  pod(name: string): Pod;
  events(name: string): string[];
}

function node(network = true): OneNode {
  const sim = new Sim(1);
  const api = new ApiServer(sim);
  const client = api.client();
  const kernel = new Kernel(sim, 'node-1');
  kernel.init.lo.setUp();
  const kubelet = kubeletCommand(
    function* () {
      yield { cost: 0 };
      return client;
    },
    function* () {},
  );
  const machine = new Machine(kernel, [...commands, ...cniCommands, containerd, pause, busybox, kubelet]);
  setUp(kernel.init, LINKS, () => undefined);
  for (const d of ['/etc/cni/net.d', '/var/lib/kubelet', '/etc/kubernetes/manifests']) machine.directory(d);
  if (network) machine.init.writeFile('/etc/cni/net.d/10-bridge.conflist', CONFLIST);
  machine.init.writeFile('/var/lib/kubelet/config.yaml', CONFIG);
  for (const image of ['nicolaka/netshoot:v0.14', 'busybox:1.37']) runtimeOf(machine).addImage(image);
  machine.spawn(['/usr/bin/containerd']);
  machine.spawn(['/usr/bin/kubelet']);
  sim.runUntil(1 * SEC);
  return {
    sim,
    client,
    machine,
    run: (seconds) => void sim.runUntil(sim.now + seconds * SEC),
    pod: (name) => {
      const r = client.get<Pod>('pods', 'default', name);
      if (!r.ok) throw new Error(r.status.message);
      return r.value;
    },
    events: (name) => {
      const r = client.list('events');
      return r.ok
        ? r.value.items.flatMap((e) => ((e.involvedObject as { name: string }).name === name ? [`${e.reason} ${e.message}`] : []))
        : [];
    },
  };
}

function make(n: OneNode, name: string, spec: object): void {
  const r = n.client.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { nodeName: 'node-1', automountServiceAccountToken: false, terminationGracePeriodSeconds: 2, ...spec },
  } as KubeObject);
  if (!r.ok) throw new Error(r.status.message);
}

const box = (name: string, script: string, more: object = {}): object => ({
  name,
  image: 'busybox:1.37',
  command: ['sh', '-c', script],
  ...more,
});

/** What the last attempt of a container has written. */
function logs(n: OneNode, pod: string, container: string): string {
  const c = [...runtimeOf(n.machine).containers.values()]
    .filter((x) => x.sandbox.config.name === pod && x.config.name === container)
    .at(-1);
  return (c?.log.read() ?? '').replace(/^\S+ std\w+ [FP] /gm, '');
}

test('a pod answers another; its processes, files and environment are its own', () => {
  const n = node();
  make(n, 'web', { containers: [{ name: 'c', image: 'nicolaka/netshoot:v0.14', command: ['podserver', 'web', '8080'] }] });
  n.run(3);
  const ip = n.pod('web').status?.podIP;
  expect(ip).toBe('10.244.1.2');
  expect(n.events('web')).toEqual([
    'Pulled Container image "nicolaka/netshoot:v0.14" already present on machine and can be accessed by the pod',
    'Created Container created',
    'Started Container started',
  ]);
  make(n, 'client', {
    hostname: 'me',
    hostAliases: [{ ip: '1.2.3.4', hostnames: ['far'] }],
    containers: [
      box('c', `wget -qO- http://${ip}:8080/; echo $$$$ $A $B; hostname; tail -1 /etc/hosts; ps | wc -l; sleep 100`, {
        env: [
          { name: 'A', value: '1' },
          { name: 'B', value: 'x$(A)y' },
        ],
      }),
    ],
  });
  n.run(3);
  expect(logs(n, 'client', 'c')).toBe('web sees 10.244.1.3\n1 1 x1y\nme\n1.2.3.4\tfar\n4\n');
  n.client.delete('pods', 'default', 'client');
  n.run(4);
  expect(n.client.get('pods', 'default', 'client').ok).toBe(false);
  expect(n.machine.kernel.named.size).toBe(1);
});

test("a command that an image does not have: BusyBox's sh says so in its own words, and so does Debian's", () => {
  const n = node();
  make(n, 'poor', {
    containers: [
      box('a', 'curl x; echo $?; printf "echo a\\ncurl x\\n" >/tmp/s; sh /tmp/s; sleep 100'),
      { name: 'b', image: 'nginx:1.29', command: ['sh', '-c', 'echo\nnosuch x; bash -c "nosuch x"; sleep 100'] },
    ],
  });
  n.run(5);
  expect(logs(n, 'poor', 'a')).toBe('sh: curl: not found\n127\na\n/tmp/s: line 2: curl: not found\n');
  expect(logs(n, 'poor', 'b')).toBe('\nsh: 2: nosuch: not found\nbash: line 1: nosuch: command not found\n');
});

test('containers of a pod share net, ipc and uts, and have mnt and pid to themselves; timeout ends what runs in one', () => {
  const n = node();
  const spaces = 'for k in net ipc uts mnt pid; do readlink /proc/self/ns/$k; done; timeout 1 tail -f /etc/hostname; echo $?; sleep 100';
  make(n, 'two', { containers: [box('a', spaces), box('b', spaces)] });
  n.run(6);
  const [a, b] = ['a', 'b'].map((c) => logs(n, 'two', c).trim().split('\n')) as [string[], string[]];
  expect(a.map((line, i) => line === b[i])).toEqual([true, true, true, false, false, true, true]);
  expect(a.slice(5)).toEqual(['two', '124']);
  const own = n.machine.init;
  for (const line of a.slice(0, 5)) expect(own.readlink(`/proc/1/ns/${line.split(':')[0]}`)).not.toEqual({ ok: true, value: line });
});

test('containers of a pod share volumes, init containers come first, config maps are files', () => {
  const n = node();
  n.client.create({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cm', namespace: 'default' },
    data: { key: 'value\n' },
  } as KubeObject);
  const volumeMounts = [
    { name: 'shared', mountPath: '/shared' },
    { name: 'cm', mountPath: '/cm' },
  ];
  make(n, 'p', {
    volumes: [
      { name: 'shared', emptyDir: {} },
      { name: 'cm', configMap: { name: 'cm' } },
    ],
    initContainers: [box('init', 'cat /cm/key > /shared/f; sleep 2', { volumeMounts })],
    containers: [
      box('a', 'cat /shared/f; echo b > /shared/b; echo x > /cm/key; sleep 100', { volumeMounts }),
      box('b', 'sleep 1; cat /shared/b; sleep 100', { volumeMounts }),
    ],
  });
  n.run(2);
  expect(n.pod('p').status?.conditions?.find((c) => c.type === 'Initialized')?.message).toBe('containers with incomplete status: [init]');
  n.run(5);
  expect(logs(n, 'p', 'a')).toBe('value\nsh: line 1: /cm/key: Read-only file system\n');
  expect(logs(n, 'p', 'b')).toBe('b\n');
  expect(n.pod('p').status?.phase).toBe('Running');
});

test('what ends is started again, later and later', () => {
  const n = node();
  make(n, 'p', { containers: [box('c', 'echo hello; exit 3')] });
  n.run(60);
  const status = n.pod('p').status?.containerStatuses?.[0];
  expect(status?.restartCount).toBe(3);
  expect(status?.state?.waiting?.reason).toBe('CrashLoopBackOff');
  expect(status?.state?.waiting?.message).toMatch(/^back-off 40s restarting failed container=c pod=p_default\(/);
  expect(status?.lastState?.terminated?.exitCode).toBe(3);
  expect(n.events('p').some((e) => e.startsWith('BackOff Back-off restarting failed container c in pod p_default('))).toBe(true);
});

test('images that nobody has', () => {
  const n = node();
  make(n, 'p', { containers: [{ name: 'c', image: 'nginx:nosuch' }] });
  n.run(3);
  const why =
    'rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/nginx:nosuch": failed to resolve reference "docker.io/library/nginx:nosuch": docker.io/library/nginx:nosuch: not found';
  expect(n.pod('p').status?.containerStatuses?.[0]?.state?.waiting).toEqual({ reason: 'ErrImagePull', message: why });
  n.run(15);
  expect(n.pod('p').status?.containerStatuses?.[0]?.state?.waiting?.reason).toMatch(/ImagePullBackOff|ErrImagePull/);
});

test('probes are packets: readiness follows, liveness kills', () => {
  const n = node();
  make(n, 'p', {
    containers: [
      {
        name: 'c',
        image: 'nicolaka/netshoot:v0.14',
        command: ['sh', '-c', 'sleep 4; exec podserver p 8080'],
        readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
      },
      {
        name: 'd',
        image: 'nicolaka/netshoot:v0.14',
        command: ['sleep', '1000'],
        livenessProbe: { tcpSocket: { port: 9 }, periodSeconds: 1, failureThreshold: 2 },
      },
    ],
  });
  n.run(3);
  const ready = (): string | undefined =>
    n
      .pod('p')
      .status?.containerStatuses?.map((s) => `${s.ready} ${s.restartCount}`)
      .join(', ');
  expect(ready()).toMatch(/^false 0/);
  n.run(8);
  expect(ready()).toMatch(/^true 0, \w+ [1-9]/);
  expect(n.events('p')).toContain(
    'Unhealthy Readiness probe failed: Get "http://10.244.1.2:8080/healthz": dial tcp 10.244.1.2:8080: connect: connection refused',
  );
  expect(n.events('p')).toContain('Killing Container d failed liveness probe, will be restarted');
});

test('without a network there is no sandbox, and a node that says so', () => {
  const n = node(false);
  make(n, 'p', { containers: [box('c', 'sleep 10')] });
  n.run(3);
  expect(n.events('p')[0]).toMatch(/^NetworkNotReady network is not ready: container runtime network not ready/);
  const got = n.client.get('nodes', '', 'node-1');
  const status = (got.ok ? got.value.status : null) as { conditions: { type: string; status: string }[] } | null;
  expect(status?.conditions.find((c) => c.type === 'Ready')?.status).toBe('False');
  n.machine.init.writeFile('/etc/cni/net.d/10-bridge.conflist', CONFLIST);
  n.run(6);
  expect(n.pod('p').status?.phase).toBe('Running');
});
