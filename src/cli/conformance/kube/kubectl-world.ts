/** The world of the kubectl recordings: a control plane where commands run, two nodes as objects, pods that a stand-in makes ready. */

import { commands } from '../../../bin/index.ts';
import { kubectl } from '../../../bin/kubectl/kubectl.ts';
import type { Client } from '../../../cluster/api/client.ts';
import { Informer } from '../../../cluster/api/informer.ts';
import { type AnyObject, keyOf, type Pod } from '../../../cluster/api/object.ts';
import { ApiServer } from '../../../cluster/api/server.ts';
import { startControllers } from '../../../cluster/controllers/index.ts';
import { reconcileKubernetesService } from '../../../cluster/controllers/kubernetesservice.ts';
import { startScheduler } from '../../../cluster/scheduler/scheduler.ts';
import { setUp } from '../../../cluster/setup.ts';
import { connect, Ether } from '../../../net/dev/ether.ts';
import { Kernel } from '../../../net/kernel.ts';
import { Machine } from '../../../os/machine.ts';
import { runCommand } from '../../../os/run.ts';
import { MS, SEC, Sim } from '../../../sim/sim.ts';
import { serveApi } from './kubectl-face.ts';

export const WORK = '/root/work';
const ADMIN = { name: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] };

export interface KubectlWorld {
  readonly sim: Sim;
  readonly machine: Machine;
  readonly admin: Client;
}

const node = (n: number): string => `apiVersion: v1
kind: Node
metadata:
  name: node${n}
  labels:
    kubernetes.io/arch: amd64
    kubernetes.io/hostname: node${n}
    kubernetes.io/os: linux
    topology.kubernetes.io/region: r1
    topology.kubernetes.io/zone: zone-${n === 1 ? 'a' : 'b'}
spec:
  podCIDR: 10.244.${n}.0/24
  podCIDRs:
  - 10.244.${n}.0/24
`;

const CLASS = `apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  name: nginx
  annotations:
    ingressclass.kubernetes.io/is-default-class: "true"
spec:
  controller: k8s.io/ingress-nginx
`;

/** What the stand-in for the kubelets said of a node. */
function nodeStatus(n: number, now: string): object {
  const condition = (type: string, status: string, reason: string, message: string): object => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  });
  return {
    addresses: [
      { address: `192.168.56.1${n}`, type: 'InternalIP' },
      { address: `node${n}`, type: 'Hostname' },
    ],
    allocatable: { cpu: '4', 'ephemeral-storage': '45Gi', memory: '8Gi', pods: '110' },
    capacity: { cpu: '4', 'ephemeral-storage': '50Gi', memory: '8Gi', pods: '110' },
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
      condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
    nodeInfo: {
      architecture: 'amd64',
      bootID: '01234567-89ab-cdef-0123-456789abcdef',
      containerRuntimeVersion: 'containerd://2.1.4',
      kernelVersion: '6.18.44',
      kubeProxyVersion: '',
      kubeletVersion: 'v1.36.3',
      machineID: '0123456789abcdef0123456789abcdef',
      operatingSystem: 'linux',
      osImage: 'Debian GNU/Linux 12 (bookworm)',
      systemUUID: '01234567-89ab-cdef-0123-456789abcdef',
    },
  };
}

/** Pods run a second after they are bound; deleted ones are gone when their time is over. */
function standIn(sim: Sim, admin: Client): void {
  const next = new Map<string, number>();
  const started = new Set<string>();
  const pods = new Informer<Pod>(admin, 'pods');
  const start = (key: string): void => {
    const pod = pods.get(key);
    const nodeName = pod?.spec?.nodeName;
    if (!pod || !nodeName || pod.metadata.deletionTimestamp) return;
    const n = (next.get(nodeName) ?? 1) + 1;
    next.set(nodeName, n);
    const now = new Date((Math.floor(sim.epochMs / 1000) + Math.floor(sim.now / SEC)) * 1000).toISOString().replace('.000Z', 'Z');
    const third = nodeName === 'node1' ? 1 : 2;
    const id = `${sim.rng('containers').u32().toString(16).padStart(8, '0')}`.repeat(8);
    const status = {
      ...pod.status,
      phase: 'Running',
      hostIP: `192.168.56.1${third}`,
      hostIPs: [{ ip: `192.168.56.1${third}` }],
      podIP: `10.244.${third}.${n}`,
      podIPs: [{ ip: `10.244.${third}.${n}` }],
      startTime: now,
      conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({
        type,
        status: 'True',
        lastProbeTime: null,
        lastTransitionTime: now,
      })),
      containerStatuses: (pod.spec?.containers ?? []).map((c) => ({
        name: c.name,
        ready: true,
        started: true,
        restartCount: 0,
        image: c.image,
        imageID: `docker.io/library/${c.image}@sha256:${'0'.repeat(64)}`,
        containerID: `containerd://${id}`,
        lastState: {},
        state: { running: { startedAt: now } },
      })),
    };
    admin.update({ ...pod, status } as never, { subresource: 'status' });
  };
  const look = (pod: Pod): void => {
    const key = keyOf(pod);
    if (pod.metadata.deletionTimestamp) {
      sim.schedule(350 * MS, () => {
        const now = pods.get(key);
        if (now?.metadata.uid === pod.metadata.uid)
          admin.delete('pods', pod.metadata.namespace ?? '', pod.metadata.name ?? '', { gracePeriodSeconds: 0 });
      });
      return;
    }
    const id = pod.metadata.uid ?? key;
    if (pod.spec?.nodeName && !started.has(id)) {
      started.add(id);
      sim.schedule((pod.spec.nodeName === 'node1' ? 300 : 600) * MS, () => start(key));
    }
  };
  pods.on({ add: look, update: (_, pod) => look(pod), delete: () => {} });
}

/** What kube-proxy says of itself when it starts, once by each of the recordings' two. */
function started(sim: Sim, admin: Client, n: number): void {
  const now = new Date(sim.epochMs + Math.floor(sim.now / SEC) * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
  admin.create({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `node${n}.${sim.rng('events').u32().toString(16)}`, namespace: 'default' },
    involvedObject: { kind: 'Node', name: `node${n}`, uid: `node${n}` },
    reason: 'Starting',
    message: '',
    type: 'Normal',
    source: {},
    reportingComponent: 'kube-proxy',
    reportingInstance: `node${n}`,
    action: 'StartKubeProxy',
    eventTime: now.replace('Z', '.000000Z'),
    firstTimestamp: null,
    lastTimestamp: null,
  } as never);
}

function run(machine: Machine, command: string, stdin = ''): void {
  const r = runCommand(machine, ['bash', '-c', command], { cwd: WORK, stdin, env: { KUBECONFIG: 'admin.conf', HOME: '/root' } });
  if (r.exitCode !== 0) throw new Error(`${command}: ${r.stderr}`);
}

/** `manifests`: text by file name, put into the directory where commands run. */
export function kubectlWorld(manifests: ReadonlyMap<string, string>): KubectlWorld {
  const sim = new Sim(1);
  const kernel = new Kernel(sim, 'vm');
  kernel.init.lo.setUp();
  const machine = new Machine(kernel, [...commands.filter((c) => c.name !== 'kubectl'), kubectl]);
  const router = new Kernel(sim, 'rtr');
  router.init.lo.setUp();
  const far = new Machine(router, commands);
  const [a, b] = [new Ether(kernel.init, 'eth0'), new Ether(router.init, 'eth0')];
  a.register();
  b.register();
  connect(a, b, { delay: 40 });
  setUp(
    kernel.init,
    ['link set eth0 up', 'addr add 192.168.56.10/24 brd + dev eth0', 'route add default via 192.168.56.1'],
    () => undefined,
  );
  setUp(router.init, ['link set eth0 up', 'addr add 192.168.56.1/24 brd + dev eth0'], () => undefined);
  runCommand(far, ['iptables', '-A', 'INPUT', '-p', 'udp', '--dport', '53', '-j', 'DROP']);
  machine.init.writeFile('/etc/resolv.conf', 'nameserver 192.168.56.1\n');

  const api = new ApiServer(sim, { serviceClusterIPRange: '10.96.0.0/12', advertiseAddress: '192.168.56.10', securePort: 6443 });
  const admin = api.client(ADMIN);
  startControllers({ sim, client: admin, resources: () => api.scheme.all() }, (name) => name !== 'node-lifecycle-controller');
  startScheduler({ sim, client: admin, host: 'vm' });
  reconcileKubernetesService(admin, { address: '192.168.56.10', port: 6443, clusterIP: '10.96.0.1' });
  machine.directory(WORK);
  for (const [name, text] of manifests) machine.init.writeFile(`${WORK}/${name}`, text);
  serveApi(machine, api, WORK);
  sim.runUntil(sim.now + 2 * SEC);
  for (const n of [1, 2]) run(machine, 'kubectl apply -f -', node(n));
  run(machine, 'kubectl apply -f -', CLASS);
  const now = api.now;
  for (const n of [1, 2]) {
    const r = admin.get<AnyObject>('nodes', '', `node${n}`);
    if (r.ok) admin.update({ ...r.value, status: nodeStatus(n, now) } as never, { subresource: 'status' });
  }
  for (const n of [1, 2]) run(machine, `kubectl taint node node${n} node.kubernetes.io/not-ready- || true`);
  standIn(sim, admin);
  for (const n of [1, 1, 2, 2]) started(sim, admin, n);
  sim.runUntil(sim.now + 3 * SEC);
  return { sim, machine, admin };
}
