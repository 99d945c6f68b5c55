/** Pod sandboxes: network namespace, CNI, pause. Models containerd's CRI RunPodSandbox and StopPodSandbox */

import { Directory, RegularFile } from '../../../os/inode.ts';
import { newIpcNamespace } from '../../../os/ipc.ts';
import type { Machine } from '../../../os/machine.ts';
import { PidNamespace } from '../../../os/pidns.ts';
import type { Process, Task } from '../../../os/process.ts';
import { addNetns, delNetns, IFF_UP, type Netns, setLink } from '../../../os/uapi.ts';
import { MS } from '../../../sim/sim.ts';
import { Cni, CONF_DIR, confFiles, defaultNetwork, networkConfig, type RuntimeConf } from '../../cni/libcni.ts';
import { type CniResult, errorText, type JsonObject } from '../../cni/types.ts';
import { PAUSE_IMAGE } from '../../images/addons.ts';
import { resolveImage } from '../../images/catalog.ts';
import { emptyMounts } from './mounts.ts';
import { rootOf } from './rootfs.ts';
import { type Rpc, type Sandbox, type SandboxConfig, unknown } from './types.ts';

const STATE_DIR = '/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes';

const cni = new Cni();

/** Whether a network is configured: what kubelet's condition NetworkReady says. */
export function networkReady(p: Process): boolean {
  return confFiles(p, CONF_DIR).length > 0 && defaultNetwork(p).ok;
}

export function hexId(machine: Machine, digits = 64): string {
  const rng = machine.sim.rng(`containerd/${machine.kernel.hostname}`);
  let id = '';
  while (id.length < digits) id += rng.u32().toString(16).padStart(8, '0');
  return id.slice(0, digits);
}

function netnsName(machine: Machine): string {
  const h = hexId(machine, 32);
  return `cni-${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}

/** What a sandbox gives to the plugins. `pin`: an address that the world wants. */
function runtimeConf(sandbox: Sandbox, pin: string | undefined): RuntimeConf {
  const { config } = sandbox;
  const capabilityArgs: Record<string, JsonObject[string]> = {};
  if (config.portMappings.length > 0)
    capabilityArgs.portMappings = config.portMappings.map((m) => ({
      hostPort: m.hostPort,
      containerPort: m.containerPort,
      protocol: m.protocol.toLowerCase(),
      hostIP: m.hostIP,
    }));
  if (config.bandwidth) {
    const { ingress, egress } = config.bandwidth;
    capabilityArgs.bandwidth = {
      ...(ingress ? { ingressRate: ingress, ingressBurst: 2147483647 } : {}),
      ...(egress ? { egressRate: egress, egressBurst: 2147483647 } : {}),
    };
  }
  return {
    containerID: sandbox.id,
    netns: sandbox.netnsPath,
    ifName: 'eth0',
    args: [
      ['IgnoreUnknown', '1'],
      ['K8S_POD_NAMESPACE', config.namespace],
      ['K8S_POD_NAME', config.name],
      ['K8S_POD_INFRA_CONTAINER_ID', sandbox.id],
      ['K8S_POD_UID', config.uid],
      ...(pin ? ([['IP', pin]] as const) : []),
    ],
    capabilityArgs,
  };
}

/** Addresses of eth0, the first of each family. */
function addresses(result: CniResult): string[] {
  const index = result.interfaces?.findIndex((i) => i.name === 'eth0' && i.sandbox) ?? -1;
  const all = (result.ips ?? []).filter((ip) => ip.interface === undefined || index < 0 || ip.interface === index);
  return all.map((ip) => ip.address.split('/')[0] as string);
}

export interface SandboxHost {
  readonly machine: Machine;
  readonly sandboxes: Map<string, Sandbox>;
  /** Addresses that the world wants for the first sandbox of a pod, by namespace/name. */
  readonly pins: Map<string, string>;
}

/** A pin by the pod's whole name, or by the beginning of it: `kube-system/coredns-*`. */
function pinOf(host: SandboxHost, key: string): readonly [string, string] | undefined {
  for (const pin of host.pins) if (pin[0] === key || (pin[0].endsWith('*') && key.startsWith(pin[0].slice(0, -1)))) return pin;
  return undefined;
}

/** Makes and starts a sandbox; `p` is containerd. */
export function* runSandbox(host: SandboxHost, p: Process, config: SandboxConfig): Task<Rpc<Sandbox>> {
  const { machine } = host;
  const { sim } = machine;
  const rng = sim.rng('containerd/time');
  const id = hexId(machine);
  yield { until: sim.now + 20 * MS + rng.below(30 * MS) };
  let ns: Netns = machine.kernel.init;
  let netnsPath = '';
  if (!config.hostNetwork) {
    const name = netnsName(machine);
    const made = addNetns(machine.kernel, name);
    if (!made.ok) return unknown(`failed to create network namespace for sandbox "${id}": ${made.errno}`);
    ns = made.value;
    netnsPath = `/var/run/netns/${name}`;
  }
  const folder = machine.directory(`${STATE_DIR}/${id}`);
  const file = (name: string, text: string): RegularFile => {
    const node = new RegularFile(text);
    folder.link(name, node);
    return node;
  };
  const sandbox: Sandbox = {
    id,
    config,
    createdAt: sim.now,
    state: 'NotReady',
    netnsPath,
    ns,
    uts: config.hostNetwork ? machine.uts : { hostname: config.hostname },
    pidns: config.hostPid ? null : new PidNamespace(machine),
    ipcns: config.hostIpc ? machine.ipcns : newIpcNamespace(machine),
    shm: config.hostIpc ? machine.directory('/dev/shm') : new Directory(undefined, 0o1777),
    ips: [],
    shim: null,
    pause: null,
    resolvConf: file('resolv.conf', config.resolvConf),
    hostname: file('hostname', `${config.hostNetwork ? machine.uts.hostname : config.hostname}\n`),
    network: '',
  };
  if (!config.hostNetwork) {
    setLink(ns.lo, { set: IFF_UP });
    for (const [key, value] of config.sysctls) ns.sysctl.set(key.replaceAll('.', '/'), value);
    const network = defaultNetwork(p);
    if (!network.ok) {
      release(host, sandbox);
      return unknown(`failed to setup network for sandbox "${id}": cni plugin not initialized`);
    }
    sandbox.network = network.value.source;
    const key = `${config.namespace}/${config.name}`;
    const pinned = pinOf(host, key);
    const pin = pinned?.[1];
    const rt = runtimeConf(sandbox, pin);
    const added = yield* cni.addNetworkList(p, network.value, rt);
    if (!added.ok) {
      yield* cni.delNetworkList(p, network.value, rt);
      release(host, sandbox);
      return unknown(`failed to setup network for sandbox "${id}": ${errorText(added.error)}`);
    }
    if (pinned) host.pins.delete(pinned[0]);
    sandbox.ips = addresses(added.value);
    if (sandbox.ips.length === 0) {
      yield* cni.delNetworkList(p, network.value, rt);
      release(host, sandbox);
      return unknown(`failed to setup network for sandbox "${id}": failed to find network info for sandbox "${id}"`);
    }
  }
  yield { until: sim.now + 40 * MS + rng.below(40 * MS) };
  const shim = machine.newProcess(
    machine.init,
    ['/usr/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-id', id, '-address', '/run/containerd/containerd.sock'],
    { fds: new Map(), newSession: true, env: machine.baseEnv(), cwd: '/' },
  );
  if (!shim.ok)
    return unknown(
      'failed to create containerd task: failed to start shim: fork/exec /usr/bin/containerd-shim-runc-v2: resource temporarily unavailable',
    );
  shim.value.exe = '/usr/bin/containerd-shim-runc-v2';
  shim.value.state = 'waiting';
  sandbox.shim = shim.value;
  const image = resolveImage(PAUSE_IMAGE);
  if ('image' in image) {
    const root = rootOf(machine, image.image);
    const pause = shim.value.spawn(['/pause'], {
      ns,
      uts: sandbox.uts,
      pidns: sandbox.pidns,
      ipcns: sandbox.ipcns,
      mnt: emptyMounts(machine, root, sandbox),
      newSession: true,
      env: new Map([['PATH', machine.baseEnv().get('PATH') as string]]),
      cwd: '/',
      uid: 65535,
      fds: new Map(),
    });
    if (pause.ok) sandbox.pause = pause.value;
  }
  sandbox.state = 'Ready';
  host.sandboxes.set(id, sandbox);
  return { ok: true, value: sandbox };
}

/** The network namespace goes when nothing runs in it any more. */
function release(host: SandboxHost, sandbox: Sandbox): void {
  const { machine } = host;
  const name = sandbox.netnsPath.slice('/var/run/netns/'.length);
  if (sandbox.netnsPath === '') return;
  delNetns(machine.kernel, name, (ns) => {
    for (const q of machine.processes.values()) if (q.ns === ns && !q.dead) return true;
    return false;
  });
}

/** Ends pause and takes the network down; containers must have been stopped. */
export function* stopSandbox(host: SandboxHost, p: Process, sandbox: Sandbox): Task<Rpc<null>> {
  if (sandbox.netnsPath !== '' && sandbox.network !== '') {
    const network = networkConfig(sandbox.network);
    if (network.ok) {
      const deleted = yield* cni.delNetworkList(p, network.value, runtimeConf(sandbox, undefined));
      if (!deleted.ok) return unknown(`failed to destroy network for sandbox "${sandbox.id}": ${errorText(deleted.error)}`);
    }
    sandbox.network = '';
  }
  sandbox.state = 'NotReady';
  sandbox.pause?.raise('KILL');
  sandbox.pause = null;
  release(host, sandbox);
  return { ok: true, value: null };
}

export function removeSandboxFiles(host: SandboxHost, sandbox: Sandbox): void {
  sandbox.shim?.raise('KILL');
  sandbox.shim = null;
  host.machine.directory(STATE_DIR).unlink(sandbox.id);
}
