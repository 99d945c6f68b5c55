/** The network of the recordings: a switch, a router, a control plane, nodes with a CNI bridge each, an outside host, pods as namespaces. */

import { commands } from '../../../bin/index.ts';
import { connect, Ether } from '../../../net/dev/ether.ts';
import { Kernel } from '../../../net/kernel.ts';
import type { Netns } from '../../../net/netns.ts';
import { addNetns } from '../../../net/rtnl/netns.ts';
import { Machine } from '../../../os/machine.ts';
import type { Command } from '../../../os/program.ts';
import { runCommand, startCommand } from '../../../os/run.ts';
import { SEC, Sim } from '../../../sim/sim.ts';
import { answer, ask } from './answer.ts';

export interface NodePlan {
  readonly name: string;
  readonly ips: readonly string[];
  readonly podCIDRs: readonly string[];
}

export interface PodPlan {
  readonly name: string;
  readonly node: string;
  readonly ips: readonly string[];
  readonly hostNetwork: boolean;
  /** `80/tcp` */
  readonly ports: readonly string[];
  readonly hostPorts?: readonly HostPort[];
}

export interface HostPort {
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: string;
}

export interface Plan {
  readonly seed: number;
  readonly nodes: readonly NodePlan[];
  readonly pods: readonly PodPlan[];
  /** Further programs of the nodes. */
  readonly programs: readonly Command[];
  /** Prefixes that the router sends to the first node. */
  readonly toFirstNode: readonly string[];
}

export interface Place {
  readonly machine: Machine;
  readonly ns: Netns;
}

export const CONTROL_PLANE = '192.168.56.10';
const ROUTER = { 4: '192.168.56.1', 6: 'fd00:56::1' } as const;
const OUTSIDE = { 4: '172.16.0.100', 6: 'fd00:172::100' } as const;

const familyOf = (text: string): 4 | 6 => (text.includes(':') ? 6 : 4);

/** The first address of a network: the bridge's. */
function gatewayOf(cidr: string): string {
  const [net = '', len] = cidr.split('/');
  return familyOf(cidr) === 6 ? `${net.replace(/::.*$/, '')}::1/${len}` : `${net.replace(/\d+$/, '1')}/${len}`;
}

export class KubeWorld {
  readonly sim: Sim;
  /** Where a probe may start: nodes, pods, `ext`, `cp`, `router`. */
  readonly places = new Map<string, Place>();
  private readonly plan: Plan;
  private readonly fabric: Machine;
  private readonly router: Machine;
  private veths = 0;

  constructor(plan: Plan) {
    this.plan = plan;
    this.sim = new Sim(plan.seed);
    this.fabric = this.machine('switch');
    this.router = this.machine('router');
    this.underlay();
    for (const pod of plan.pods) this.addPod(pod);
    this.sim.runUntil(this.sim.now + 3 * SEC);
  }

  node(name: string): Machine {
    const place = this.places.get(name);
    if (!place) throw new Error(`no node ${name}`);
    return place.machine;
  }

  private machine(name: string): Machine {
    const kernel = new Kernel(this.sim, name);
    kernel.init.lo.setUp();
    return new Machine(kernel, [...commands, answer, ask, ...this.plan.programs]);
  }

  private card(m: Machine, name: string): Ether {
    const dev = new Ether(m.kernel.init, name);
    dev.register();
    return dev;
  }

  private plug(m: Machine, device: string, port: string): void {
    connect(this.card(this.fabric, port), this.card(m, device), { delay: 40 });
    batch(this.fabric, [`link set ${port} master lan`, `link set ${port} up`]);
  }

  private place(name: string, m: Machine): void {
    this.places.set(name, { machine: m, ns: m.kernel.init });
  }

  private underlay(): void {
    const { router, plan } = this;
    const six = plan.nodes.some((n) => n.ips.some((ip) => familyOf(ip) === 6));
    batch(this.fabric, ['link add lan type bridge', 'link set lan up']);
    this.plug(router, 'eth0', 'port-router');
    const ext = this.machine('ext');
    connect(this.card(router, 'eth1'), this.card(ext, 'eth0'), { delay: 200 });
    forwarding(router);
    const both = (four: string[], more: string[]): string[] => (six ? [...four, ...more] : four);
    batch(
      router,
      both(
        ['link set eth0 up', `addr add ${ROUTER[4]}/24 brd + dev eth0`, 'link set eth1 up', 'addr add 172.16.0.1/24 brd + dev eth1'],
        [`addr add ${ROUTER[6]}/64 dev eth0 nodad`, 'addr add fd00:172::1/64 dev eth1 nodad'],
      ),
    );
    batch(
      ext,
      both(
        ['link set eth0 up', `addr add ${OUTSIDE[4]}/24 brd + dev eth0`, 'route add default via 172.16.0.1'],
        [`addr add ${OUTSIDE[6]}/64 dev eth0 nodad`, 'route add default via fd00:172::1'],
      ),
    );
    const cp = this.machine('cp');
    this.plug(cp, 'eth0', 'port-cp');
    batch(cp, ['link set eth0 up', `addr add ${CONTROL_PLANE}/24 brd + dev eth0`, `route add default via ${ROUTER[4]}`]);
    this.place('router', router);
    this.place('ext', ext);
    this.place('cp', cp);
    for (const node of plan.nodes) this.addNode(node);
    const hops = plan.nodes.flatMap((n) =>
      n.podCIDRs.map((cidr) => ({ node: n.name, cidr, via: n.ips.find((ip) => familyOf(ip) === familyOf(cidr)) })),
    );
    const route = ({ cidr, via }: (typeof hops)[number]): string[] => (via === undefined ? [] : [`route add ${cidr} via ${via}`]);
    for (const node of plan.nodes) batch(this.node(node.name), hops.filter((h) => h.node !== node.name).flatMap(route));
    for (const m of [router, cp])
      batch(
        m,
        hops
          .filter((h) => six || familyOf(h.cidr) === 4)
          .filter((h) => m === router || familyOf(h.cidr) === 4)
          .flatMap(route),
      );
    const first = plan.nodes[0];
    for (const cidr of plan.toFirstNode) {
      const via = first?.ips.find((ip) => familyOf(ip) === familyOf(cidr));
      if (via !== undefined) batch(router, [`route add ${cidr} via ${via}`]);
    }
  }

  private addNode(node: NodePlan): void {
    const m = this.machine(node.name);
    this.plug(m, 'eth0', `port-${node.name}`.slice(0, 15));
    forwarding(m);
    m.kernel.init.sysctl.set('net.bridge.bridge-nf-call-iptables', '1');
    m.kernel.init.sysctl.set('net.bridge.bridge-nf-call-ip6tables', '1');
    const lines = ['link set eth0 up', 'link add cni0 type bridge', 'link set cni0 up'];
    for (const ip of node.ips) lines.push(familyOf(ip) === 4 ? `addr add ${ip}/24 brd + dev eth0` : `addr add ${ip}/64 dev eth0 nodad`);
    for (const cidr of node.podCIDRs)
      lines.push(familyOf(cidr) === 4 ? `addr add ${gatewayOf(cidr)} brd + dev cni0` : `addr add ${gatewayOf(cidr)} dev cni0 nodad`);
    for (const family of [4, 6] as const)
      if (node.ips.some((ip) => familyOf(ip) === family)) lines.push(`route add default via ${ROUTER[family]}`);
    batch(m, lines);
    this.place(node.name, m);
  }

  addPod(pod: PodPlan): void {
    const { machine: m } = this.places.get(pod.node) as Place;
    const families = [...new Set(pod.ips.map(familyOf))].join('');
    if (pod.hostNetwork) {
      startCommand(m, ['answer', pod.name, families, ...pod.ports]);
      this.places.set(pod.name, { machine: m, ns: m.kernel.init });
      return;
    }
    const made = addNetns(m.kernel, pod.name);
    if (!made.ok) throw new Error(`${pod.node}: namespace ${pod.name}: ${made.errno}`);
    const ns = made.value;
    const cidrs = this.plan.nodes.find((n) => n.name === pod.node)?.podCIDRs ?? [];
    const veth = `veth${(++this.veths).toString(16).padStart(8, '0')}`;
    batch(m, [
      `link add ${veth} type veth peer name eth0 netns ${pod.name}`,
      `link set ${veth} master cni0`,
      `link set ${veth} up`,
      `link set ${veth} type bridge_slave hairpin on`,
    ]);
    const lines = ['link set lo up', 'link set eth0 up'];
    for (const ip of pod.ips) {
      const cidr = cidrs.find((c) => familyOf(c) === familyOf(ip)) ?? (familyOf(ip) === 4 ? '0.0.0.0/24' : '::/64');
      const [gateway] = gatewayOf(cidr).split('/');
      lines.push(
        `addr add ${ip}/${cidr.split('/')[1]} ${familyOf(ip) === 4 ? 'brd + dev eth0' : 'dev eth0 nodad'}`,
        `route add default via ${gateway}`,
      );
    }
    batch(m, lines, ns);
    m.separate(ns, pod.name);
    startCommand(m, ['answer', pod.name, families, ...pod.ports], { ns });
    this.places.set(pod.name, { machine: m, ns });
  }

  removePod(name: string): void {
    const place = this.places.get(name);
    if (!place) return;
    for (const p of [...place.machine.processes.values()]) if (p.ns === place.ns) place.machine.killGroup(p.pgid, 'KILL');
    runCommand(place.machine, ['ip', 'netns', 'del', name]);
    this.places.delete(name);
  }
}

function forwarding(m: Machine): void {
  m.kernel.init.sysctl.set('net.ipv4.ip_forward', '1');
  m.kernel.init.sysctl.set('net.ipv6.conf.all.forwarding', '1');
}

/** @throws Error when a line fails: a bug of the plan. */
function batch(m: Machine, lines: readonly string[], ns?: Netns): void {
  if (lines.length === 0) return;
  const r = runCommand(m, ['ip', '-batch', '-'], { stdin: `${lines.join('\n')}\n`, ...(ns ? { ns } : {}) });
  if (r.exitCode !== 0 || r.stderr !== '') throw new Error(`${m.hostname}: ${lines.join('; ')}: ${r.stderr}`);
}
