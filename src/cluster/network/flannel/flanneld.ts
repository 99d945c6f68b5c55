/** flanneld: gives a node its part of the pod network and keeps ways to the others'. Models flannel-io/flannel main.go, pkg/subnet/kube, pkg/backend/{vxlan,hostgw} */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { type NetDevice, type Netns, RT_TABLE_MAIN } from '../../../os/uapi.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { formatIp } from '../../../wire/addr.ts';
import type { Client } from '../../api/client.ts';
import type { Node } from '../../api/object.ts';
import { makeDirs } from '../../cni/cache.ts';
import { execute } from '../../cni/exec.ts';
import { SUBNET_FILE } from '../../cni/flannel/flannel.ts';
import { goCidr, type IpNet } from '../../cni/gojson.ts';
import { type ApiFor, reachable } from '../network.ts';
import { type Backend, hostGw, type Lease, vxlan } from './backend.ts';
import { flannelRules } from './rules.ts';

const CONFIG = '/etc/kube-flannel/net-conf.json';
const PREFIX = 'flannel.alpha.coreos.com';

interface NetConf {
  readonly Network: string;
  readonly Backend?: { readonly Type?: string; readonly VNI?: number; readonly Port?: number; readonly DirectRouting?: boolean };
}

export function flanneldCommand(api: ApiFor): Command {
  return { name: 'flanneld', path: '/opt/bin/flanneld', main: (p) => main(p, api) };
}

/** klog's plain lines: severity, date, time, process, place. */
function* say(p: Process, severity: 'I' | 'E', place: string, text: string): Task<void> {
  const { sim } = p;
  const iso = new Date(sim.epochMs + sim.now / 1000).toISOString();
  const micros = String(Math.floor(sim.now % 1_000_000)).padStart(6, '0');
  const pid = String(p.nspid > 0 ? p.nspid : p.pid).padStart(7);
  yield* p.err(`${severity}${iso.slice(5, 7)}${iso.slice(8, 10)} ${iso.slice(11, 19)}.${micros} ${pid} ${place}] ${text}\n`);
}

/** The interface of the default route, and its first address. */
function externalInterface(ns: Netns): { dev: NetDevice; ip: number } | null {
  const dev = ns.fib.list(4, RT_TABLE_MAIN).find((r) => r.dst.len === 0)?.nexthops[0]?.dev;
  const ip = dev?.addrs4[0]?.local;
  return dev && typeof ip === 'number' ? { dev, ip } : null;
}

function* main(p: Process, api: ApiFor): Task<number> {
  const text = p.readText(CONFIG);
  if (text === null) {
    yield* say(p, 'E', 'main.go:229', `Failed to create SubnetManager: failed to read net conf: open ${CONFIG}: no such file or directory`);
    return 1;
  }
  let conf: NetConf;
  try {
    conf = JSON.parse(text) as NetConf;
  } catch {
    yield* say(p, 'E', 'main.go:229', `Failed to create SubnetManager: error parsing subnet config: invalid character`);
    return 1;
  }
  const ext = externalInterface(p.ns);
  if (!ext) {
    yield* say(
      p,
      'E',
      'main.go:265',
      'Failed to find any valid interface to use: failed to get default interface: unable to find default route',
    );
    return 1;
  }
  const own = formatIp(ext.ip);
  yield* say(p, 'I', 'match.go:269', `Using interface with name ${ext.dev.name} and address ${own}`);
  yield* say(p, 'I', 'match.go:291', `Defaulting external address to interface address (${own})`);
  const client = yield* reachable(p, api, (c) => c.list('nodes').ok, null);
  if (!client) return 1;
  const name = nodeName(p, client);
  if (name === null) {
    yield* say(
      p,
      'E',
      'main.go:229',
      `Failed to create SubnetManager: error retrieving pod spec for '${p.env.get('POD_NAMESPACE') ?? ''}/${p.env.get('POD_NAME') ?? ''}': pods "${p.env.get('POD_NAME') ?? ''}" not found`,
    );
    return 1;
  }
  const node = client.get<Node>('nodes', '', name);
  const subnet = node.ok ? goCidr(node.value.spec?.podCIDR ?? '') : null;
  if (!node.ok || !subnet) {
    yield* say(p, 'E', 'main.go:359', `Error registering network: failed to acquire lease: node "${name}" pod cidr not assigned`);
    return 1;
  }
  const backendType = conf.Backend?.Type ?? 'udp';
  const stored = node.value.metadata.annotations?.[`${PREFIX}/backend-data`];
  const made =
    backendType === 'vxlan'
      ? vxlan(p, ext, subnet, conf.Backend ?? {}, stored)
      : backendType === 'host-gw'
        ? hostGw(p, ext)
        : `unknown backend type: ${backendType}`;
  if (typeof made === 'string') {
    yield* say(p, 'E', 'main.go:359', `Error registering network: ${made}`);
    return 1;
  }
  const leases = new Leases(made, name, p);
  const watch = client.watch<Node>('nodes', {}, (e) => leases.take(e.type, e.object));
  announce(client, name, made, backendType, own);
  yield* writeRules(p, conf.Network, subnetText(subnet), p.argv.includes('--ip-masq'));
  writeSubnetFile(p, conf.Network, subnet, made.mtu, p.argv.includes('--ip-masq'));
  yield* say(p, 'I', 'main.go:462', `Wrote subnet file to ${SUBNET_FILE}`);
  yield* say(p, 'I', 'main.go:466', 'Running backend.');
  try {
    for (;;) {
      leases.work();
      yield* p.wait({ on: [leases.changed] });
    }
  } finally {
    watch.stop();
  }
}

/** The node of the own pod, or the one that NODE_NAME says. */
function nodeName(p: Process, client: Client): string | null {
  const given = p.env.get('NODE_NAME');
  if (given) return given;
  const pod = client.get<{ spec?: { nodeName?: string } }>('pods', p.env.get('POD_NAMESPACE') ?? '', p.env.get('POD_NAME') ?? '');
  return pod.ok ? (pod.value.spec?.nodeName ?? null) : null;
}

const subnetText = ({ addr, len }: IpNet): string => `${formatIp(addr)}/${len}`;

/** Tells the others how to reach this node's pods. */
function announce(client: Client, name: string, backend: Backend, type: string, ip: string): void {
  const annotations = {
    [`${PREFIX}/backend-data`]: backend.data,
    [`${PREFIX}/backend-type`]: type,
    [`${PREFIX}/kube-subnet-manager`]: 'true',
    [`${PREFIX}/public-ip`]: ip,
  };
  client.patch('nodes', '', name, 'merge', { metadata: { annotations } });
  const condition = {
    type: 'NetworkUnavailable',
    status: 'False',
    reason: 'FlannelIsUp',
    message: 'Flannel is running on this node',
  };
  client.patch('nodes', '', name, 'strategic', { status: { conditions: [condition] } }, { subresource: 'status' });
}

function* writeRules(p: Process, cluster: string, subnet: string, masq: boolean): Task<void> {
  const has = function* (table: string, chain: string, comment: string, target: string): Task<boolean> {
    const r = yield* execute(p, ['iptables', '-t', table, '-C', chain, '-m', 'comment', '--comment', comment, '-j', target]);
    return r.ok && r.value.status === 0;
  };
  const nat = yield* has('nat', 'POSTROUTING', 'flanneld masq', 'FLANNEL-POSTRTG');
  const filter = yield* has('filter', 'FORWARD', 'flanneld forward', 'FLANNEL-FWD');
  const r = yield* execute(p, ['iptables-restore', '--noflush', '--wait'], { stdin: flannelRules(cluster, subnet, masq, { nat, filter }) });
  if (!r.ok || r.value.status !== 0)
    yield* say(p, 'E', 'iptables.go:320', `Failed to bootstrap IPTables: ${r.ok ? r.value.stderr.trim() : r.errno}`);
}

function writeSubnetFile(p: Process, network: string, subnet: IpNet, mtu: number, masq: boolean): void {
  makeDirs(p, '/run/flannel');
  const first = typeof subnet.addr === 'number' ? subnet.addr + 1 : subnet.addr + 1n;
  p.writeFile(
    SUBNET_FILE,
    `FLANNEL_NETWORK=${network}\nFLANNEL_SUBNET=${formatIp(first)}/${subnet.len}\nFLANNEL_MTU=${mtu}\nFLANNEL_IPMASQ=${masq}\n`,
  );
}

/** What the nodes' annotations say, and what has been done about it. */
class Leases {
  readonly changed = new WaitQueue();
  private readonly wanted = new Map<string, Lease | null>();
  private readonly known = new Map<string, Lease>();
  private readonly backend: Backend;
  private readonly own: string;
  private readonly p: Process;

  constructor(backend: Backend, own: string, p: Process) {
    this.backend = backend;
    this.own = own;
    this.p = p;
  }

  take(type: 'ADDED' | 'MODIFIED' | 'DELETED', node: Node): void {
    const { name, annotations } = node.metadata;
    if (name === this.own) return;
    const lease = type === 'DELETED' ? null : leaseOf(node.spec?.podCIDR ?? '', annotations ?? {});
    const now = this.wanted.get(name) ?? this.known.get(name) ?? null;
    if (sameLease(lease, now)) return;
    this.wanted.set(name, lease);
    this.changed.wakeAll();
  }

  work(): void {
    for (const [name, lease] of this.wanted) {
      const before = this.known.get(name);
      if (before) this.backend.remove(this.p, before);
      if (lease) {
        this.backend.add(this.p, lease);
        this.known.set(name, lease);
      } else this.known.delete(name);
    }
    this.wanted.clear();
  }
}

function leaseOf(podCIDR: string, a: Readonly<Record<string, string>>): Lease | null {
  const subnet = goCidr(podCIDR);
  const publicIP = goCidr(`${a[`${PREFIX}/public-ip`] ?? ''}/32`);
  const type = a[`${PREFIX}/backend-type`];
  if (!subnet || !publicIP || typeof publicIP.addr !== 'number' || type === undefined) return null;
  return { subnet, publicIP: publicIP.addr, type, data: a[`${PREFIX}/backend-data`] ?? 'null' };
}

function sameLease(a: Lease | null, b: Lease | null): boolean {
  if (a === null || b === null) return a === b;
  return (
    a.data === b.data && a.publicIP === b.publicIP && a.type === b.type && a.subnet.addr === b.subnet.addr && a.subnet.len === b.subnet.len
  );
}
