/** Kubernetes on the machines of a world: what kubeadm lays out on nodes, the API, the control plane, the first objects. */

import { Symlink } from '../../os/inode.ts';
import type { Machine } from '../../os/machine.ts';
import { systemdOf } from '../../os/systemd.ts';
import { MS, SEC, type Sim } from '../../sim/sim.ts';
import type { Client } from '../api/client.ts';
import { Informer } from '../api/informer.ts';
import { installKubeconfig, installNodeFiles } from '../api/kubeconfig.ts';
import { type DaemonSet, type KubeObject, keyOf, type Node, type Pod } from '../api/object.ts';
import { CA_PEM } from '../api/pki.ts';
import { ApiServer } from '../api/server.ts';
import { reconcileKubernetesService } from '../controllers/kubernetesservice.ts';
import { metallbManifests } from '../controllers/speaker.ts';
import { PAUSE_IMAGE } from '../images/addons.ts';
import { provideApi } from '../node/connect.ts';
import { runtimeOf } from '../node/runtime/runtime.ts';
import { setUp } from '../setup.ts';
import { controlPlane, dnsManifests, proxyManifests } from './addons.ts';
import type { ClusterFile, KubernetesSpec, MachineSpec } from './file.ts';
import { hostOf, type NodePlace, networkOf, rangeOf } from './network.ts';

const KUBELET_UNIT = `[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml`;
const CONTAINERD_UNIT = `[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target dbus.service

[Service]
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5

[Install]
WantedBy=multi-user.target
`
  .replace('ExecStartPre=-/sbin/modprobe overlay\n', '')
  .replace('Type=notify\n', '');

/** What kubeadm's guide puts into /etc/sysctl.d. */
export const KUBEADM_SYSCTLS: readonly (readonly [string, string])[] = [
  ['net.ipv4.ip_forward', '1'],
  ['net.bridge.bridge-nf-call-iptables', '1'],
  ['net.bridge.bridge-nf-call-ip6tables', '1'],
  ['net.ipv4.conf.all.rp_filter', '0'],
  ['net.ipv4.conf.default.rp_filter', '0'],
];

export interface Cluster {
  readonly file: ClusterFile;
  readonly api: ApiServer;
  readonly admin: Client;
  readonly nodes: readonly NodePlace[];
  /** Pods that there will be. */
  readonly expected: number;
}

function kubeletConfig(k: KubernetesSpec): string {
  return `apiVersion: kubelet.config.k8s.io/v1beta1
cgroupDriver: systemd
clusterDNS:
- ${k.clusterDNS}
clusterDomain: ${k.clusterDomain ?? 'cluster.local'}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
healthzBindAddress: 127.0.0.1
healthzPort: 10248
kind: KubeletConfiguration
rotateCertificates: true
staticPodPath: /etc/kubernetes/manifests
`;
}

/** The first address of each family on the first card. */
function addressesOf(machine: MachineSpec): string[] {
  const all = (machine.interfaces[0]?.addresses ?? []).map((a) => a.split('/')[0] as string);
  const [first] = all;
  const other = all.find((a) => a.includes(':') !== first?.includes(':'));
  return [first, other].filter((a) => a !== undefined);
}

/** Where the file's nodes stand; pod ranges are cut from the first cluster range when a node does not say. */
export function placesOf(file: ClusterFile): NodePlace[] {
  const k = file.kubernetes;
  return file.machines
    .filter((m) => m.kind === 'node')
    .map((machine, index) => ({
      machine,
      index,
      ip: addressesOf(machine)[0] ?? '',
      ips: addressesOf(machine),
      podCIDRs: machine.podCIDRs ?? (k?.clusterCIDRs ?? []).map((c) => rangeOf(c, index)),
    }));
}

function layOut(m: Machine, place: NodePlace, nodes: readonly NodePlace[], file: ClusterFile, k: KubernetesSpec): void {
  const { init } = m;
  const write = (path: string, text: string): void => {
    m.directory(path.slice(0, path.lastIndexOf('/')));
    init.writeFile(path, text);
  };
  const { machine } = place;
  if (k.clusterCIDRs.some((c) => c.includes(':'))) m.kernel.init.sysctl.set('net.ipv6.conf.all.forwarding', '1');
  for (const [key, value] of KUBEADM_SYSCTLS) m.kernel.init.sysctl.set(key, value);
  const flags = [`--node-ip=${place.ips.join(',')}`];
  const labels = { ...(machine.role === 'control-plane' ? { 'node-role.kubernetes.io/control-plane': '' } : {}), ...machine.labels };
  const pairs = Object.entries(labels).map(([key, v]) => `${key}=${v}`);
  if (pairs.length > 0) flags.push(`--node-labels=${pairs.join(',')}`);
  if (machine.taints && machine.taints.length > 0)
    flags.push(`--register-with-taints=${machine.taints.map((t) => `${t.key}=${t.value ?? ''}:${t.effect}`).join(',')}`);
  write(
    '/lib/systemd/system/kubelet.service',
    `${KUBELET_UNIT} ${flags.join(' ')}\nRestart=always\nRestartSec=10\n\n[Install]\nWantedBy=multi-user.target\n`,
  );
  write('/lib/systemd/system/containerd.service', CONTAINERD_UNIT);
  const wants = m.directory('/etc/systemd/system/multi-user.target.wants');
  for (const unit of ['containerd.service', 'kubelet.service']) wants.link(unit, new Symlink(`/lib/systemd/system/${unit}`));
  write('/var/lib/kubelet/config.yaml', kubeletConfig(k));
  m.directory('/etc/kubernetes/manifests');
  m.directory('/etc/cni/net.d');
  const conflist = networkOf(k.cni).conflist(place, k);
  if (conflist) write(`/etc/cni/net.d/${conflist.name}`, conflist.text);
  setUp(m.kernel.init, networkOf(k.cni).links(place, nodes), () => undefined);
  const runtime = runtimeOf(m);
  for (const image of [PAUSE_IMAGE, ...networkOf(k.cni).images, ...(k.images ?? [])]) runtime.addImage(image);
  for (const [key, ip] of Object.entries(file.pins ?? {})) {
    const [pod = '', node] = key.split('@');
    if (node === undefined || node === machine.name) runtime.pins.set(pod, ip);
  }
  if (machine.role === 'control-plane')
    for (const { name, text } of controlPlane(place, k)) write(`/etc/kubernetes/manifests/${name}`, text);
}

/** Starts Kubernetes on its machines; nothing of it has run yet when this returns. */
export function boot(sim: Sim, file: ClusterFile, machines: ReadonlyMap<string, Machine>): Cluster | null {
  const k = file.kubernetes;
  if (!k) return null;
  const nodes = placesOf(file);
  const master = nodes.find((n) => n.machine.role === 'control-plane') ?? nodes[0];
  const api = new ApiServer(sim, { serviceClusterIPRange: k.serviceCIDRs.join(','), advertiseAddress: master?.ip ?? '', securePort: 6443 });
  const admin = api.client({ name: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:masters', 'system:authenticated'] });
  sim.schedule(1 * MS, () =>
    reconcileKubernetesService(api.client(), { address: master?.ip ?? '', port: 6443, clusterIP: hostOf(k.serviceCIDRs[0] ?? '', 1) }),
  );
  provideApi(sim, {
    api,
    kubernetes: k,
    rootCA: CA_PEM,
    nodes: new Map(nodes.map((n) => [n.machine.name, { podCIDRs: n.podCIDRs, annotations: networkOf(k.cni).annotations(n) }])),
  });
  for (const place of nodes) {
    const m = machines.get(place.machine.name) as Machine;
    layOut(m, place, nodes, file, k);
    installNodeFiles(m, api, place.machine.name, place.machine.role === 'control-plane');
    // The administrator works on every node.
    installKubeconfig(m, api);
    const systemd = systemdOf(m);
    for (const name of ['containerd.service', 'kubelet.service']) {
      const unit = systemd.load(name);
      if (unit) systemd.start(unit, () => {});
    }
  }
  const first = [...networkOf(k.cni).manifests(k), ...proxyManifests(k)];
  const then = [
    ...dnsManifests(k),
    ...((k.loadBalancerPool?.length ?? 0) > 0 ? metallbManifests(k.loadBalancerPool ?? [], file.manifests ?? []) : []),
    ...(file.manifests ?? []),
  ];
  apply(sim, admin, first, () => daemonsReady(admin, nodes.length, first, () => apply(sim, admin, then)));
  const objects = [...first, ...then];
  return { file, api, admin, nodes, expected: expectedPods(objects, nodes) };
}

/** Pods that the objects stand for, and those of the control plane. */
function expectedPods(objects: readonly KubeObject[], nodes: readonly NodePlace[]): number {
  let n = 4 * nodes.filter((x) => x.machine.role === 'control-plane').length;
  for (const o of objects) {
    const { replicas = 1 } = (o as { spec?: { replicas?: number } }).spec ?? {};
    if (o.kind === 'Pod') n++;
    else if (o.kind === 'DaemonSet') n += nodes.length;
    else if (o.kind === 'Deployment' || o.kind === 'StatefulSet' || o.kind === 'ReplicaSet') n += replicas;
  }
  return n;
}

const TRIES = 200;

/** Creates objects in order; what is refused because something else is not there yet comes again. */
function apply(sim: Sim, admin: Client, objects: readonly KubeObject[], done: () => void = () => {}): void {
  let rest = [...objects];
  let tries = 0;
  const account = (ns: string): boolean =>
    admin.get('serviceaccounts', ns, 'default').ok && admin.get('configmaps', ns, 'kube-root-ca.crt').ok;
  const accounts = (): boolean => ['default', 'kube-system'].every(account);
  const start = (): void => {
    if (tries++ < TRIES && !accounts()) sim.schedule(50 * MS, start);
    else {
      tries = 0;
      go();
    }
  };
  const go = (): void => {
    const refused: KubeObject[] = [];
    for (const o of rest) {
      if (o.kind === 'Pod' && tries < TRIES && !account(o.metadata.namespace ?? 'default')) {
        refused.push(o);
        continue;
      }
      const r = admin.create(o);
      if (r.ok || r.status.reason === 'AlreadyExists') continue;
      if (tries >= TRIES) throw new Error(`${o.kind} ${keyOf(o)}: ${r.status.message}`);
      refused.push(o);
    }
    rest = refused;
    tries++;
    if (rest.length > 0) sim.schedule(50 * MS, go);
    else done();
  };
  sim.schedule(1 * MS, start);
}

/** Calls back once all nodes and the daemons on them are ready. */
function daemonsReady(admin: Client, count: number, objects: readonly KubeObject[], then: () => void): void {
  const daemons = objects.filter((o) => o.kind === 'DaemonSet').length;
  const running = new Set<string>();
  const ready = new Set<string>();
  const watch = admin.watch<Node>('nodes', {}, ({ object }) => {
    if (object.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) ready.add(object.metadata.name);
    look();
  });
  const sets = admin.watch<DaemonSet>('daemonsets.apps', {}, ({ object }) => {
    if ((object.status?.numberReady ?? 0) >= count) running.add(keyOf(object));
    look();
  });
  let over = false;
  const look = (): void => {
    if (over || ready.size < count || running.size < daemons) return;
    over = true;
    watch.stop();
    sets.stop();
    then();
  };
}

/** Events of a part, after which whoever wants may turn to something else: a few milliseconds of work. */
const EVENTS_PER_PART = 64;

/** Runs the world, part by part, until `expected` pods are Ready, or for a minute of virtual time. False when some never were. */
export function* settling(sim: Sim, cluster: Cluster, expected: number): Generator<void, boolean> {
  let ready = new Set<string>();
  const pods = new Informer<Pod>(cluster.admin, 'pods');
  const look = (pod: Pod): void => {
    const key = keyOf(pod);
    if (pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) ready.add(key);
    else ready.delete(key);
  };
  pods.on({ add: look, update: (_, pod) => look(pod), delete: (pod) => ready.delete(keyOf(pod)) });
  const until = sim.now + (60 + expected) * SEC;
  for (let n = 1; ready.size < expected && sim.step(until); n++) if (n % EVENTS_PER_PART === 0) yield;
  pods.stop();
  const done = ready.size >= expected;
  ready = new Set();
  return done;
}
