/** Worlds: machines with programs, cables and pods, built from a reference world. Here cluster and programs meet. */

import { commands } from '../bin/index.ts';
import type { FixedService } from '../cluster/proxy/fixed.ts';
import { setUp } from '../cluster/setup.ts';
import {
  HOSTS_FILE,
  NODE_SYSCTLS,
  NODES,
  nodeForwarding,
  nodeLinks,
  nodeRules,
  PODS,
  type PodSpec,
  SERVICES,
  type W1Overrides,
} from '../cluster/world/w1.ts';
import { connect, Ether } from '../net/dev/ether.ts';
import { Kernel } from '../net/kernel.ts';
import type { Netns } from '../net/netns.ts';
import { Machine } from '../os/machine.ts';
import type { Process, SpawnOptions } from '../os/process.ts';
import { runCommand, startCommand } from '../os/run.ts';
import type { Errno, Result } from '../sim/errno.ts';
import { SEC, Sim } from '../sim/sim.ts';
import type { Kube } from './kube.ts';
import { wirePod } from './pods.ts';
import './view/witness.ts';
import { built } from './worlds.ts';

export interface Host {
  readonly id: string;
  readonly title: string;
  readonly kind: 'node' | 'pod' | 'outside';
  readonly machine: Machine;
  readonly ns: Netns;
  /** A pod's own way in: a program within its container. */
  readonly enter?: (argv: readonly string[], opts: SpawnOptions) => Result<Process>;
  /** What `kubectl exec` says of a program that cannot be started there. */
  readonly refused?: (program: string, errno: Errno) => string;
}

export interface World {
  readonly sim: Sim;
  readonly hosts: ReadonlyMap<string, Host>;
  /** Where Kubernetes runs. */
  readonly kube?: Kube;
  /** Where it does not: the Services whose rules the nodes have. */
  readonly services?: readonly FixedService[];
}

/** `overrides` is what a lab lays over the world's own data. */
export type WorldBuilder = (seed: number, overrides?: unknown) => World;

/** Names of the worlds that lab.yaml may ask for; those of cluster files come when they are loaded. */
export const WORLDS: Record<string, WorldBuilder> = { w1: (seed, overrides) => buildW1(seed, overrides as W1Overrides | undefined) };

/** Those of them that take long, built part by part: who drives them may turn to something else in between. */
export const GROWING: Record<string, (seed: number, overrides?: unknown) => Generator<void, World>> = {};

/** All parts at once. */
export function whole<T>(parts: Generator<void, T>): T {
  for (;;) {
    const { done, value } = parts.next();
    if (done) return value;
  }
}

/**
 * Makes sure that a world, or that of a lab, can be built: cluster files and all that runs in them are loaded when first asked for, and
 * so is the monitor of a lab's service.
 */
export async function loadWorld(what: string | { readonly world: string; readonly service?: unknown }): Promise<void> {
  const { world: name, service } = typeof what === 'string' ? { world: what, service: undefined } : what;
  if (service !== undefined) await import('./monitor.ts');
  if (WORLDS[name]) return;
  const { clusterWorlds, growingWorlds } = await import('./cluster.ts');
  for (const [id, build] of Object.entries(clusterWorlds)) WORLDS[id] ??= build;
  Object.assign(GROWING, growingWorlds);
}

/** @throws Error when a set-up command fails: a bug of the world, never of a learner. */
function must(machine: Machine, argv: readonly string[], stdin: string, ns?: Netns): void {
  const r = runCommand(machine, argv, { stdin, ...(ns ? { ns } : {}) });
  if (r.exitCode !== 0 || r.stderr !== '') throw new Error(`${machine.hostname}: ${argv.join(' ')} (exit ${r.exitCode}): ${r.stderr}`);
}

function buildW1(seed: number, overrides: W1Overrides = {}): World {
  const sim = new Sim(seed);
  const hosts = new Map<string, Host>();
  const add = (host: Host): void => {
    hosts.set(host.id, host);
  };
  const machine = (name: string): Machine => {
    const kernel = new Kernel(sim, name);
    kernel.init.lo.setUp();
    return new Machine(kernel, commands);
  };
  const card = (m: Machine, name = 'eth0'): Ether => {
    const dev = new Ether(m.kernel.init, name);
    dev.register();
    return dev;
  };
  // The underlay: one switch, a router to the outside, the nodes and a client on the LAN.
  const fabric = machine('switch');
  const ports = ['link add lan type bridge', 'link set lan up'];
  const plug = (to: Ether, port: string): void => {
    connect(card(fabric, port), to, { delay: 40 });
    ports.push(`link set ${port} master lan`, `link set ${port} up`);
  };
  const router = machine('rtr');
  router.kernel.init.sysctl.set('net.ipv4.ip_forward', '1');
  plug(card(router), 'port-rtr');
  const internet = machine('internet');
  connect(card(router, 'wan'), card(internet), { delay: 4000 });
  const simple = (m: Machine, lines: readonly string[], ns: Netns = m.kernel.init): void =>
    setUp(ns, lines, (name) => m.kernel.named.get(name));
  simple(router, [
    'link set eth0 up',
    'addr add 192.168.56.1/24 brd + dev eth0',
    'link set wan up',
    'addr add 203.0.113.1/24 brd + dev wan',
  ]);
  simple(internet, ['link set eth0 up', 'addr add 203.0.113.10/24 brd + dev eth0', 'route add 192.168.56.0/24 via 203.0.113.1']);
  const client = machine('client');
  plug(card(client), 'port-client');
  simple(client, [
    'link set eth0 address 52:54:00:00:00:50',
    'link set eth0 up',
    'addr add 192.168.56.50/24 brd + dev eth0',
    'route add default via 192.168.56.1',
  ]);

  const { addresses = {}, also = [] } = overrides;
  const pods = [...PODS, ...(overrides.pods ?? []).map((p) => ({ ...p, serves: p.serves ?? true }))].map((p): PodSpec => {
    const also = addresses[p.name];
    return also === undefined ? p : { ...p, also };
  });
  const stray = pods.find((p) => !NODES.some((n) => n.name === p.node));
  if (stray) throw new Error(`overrides.pods: ${stray.name} is on "${stray.node}"; the nodes are: ${NODES.map((n) => n.name).join(', ')}`);
  for (const { on } of also)
    if (!NODES.some((n) => n.name === on))
      throw new Error(`overrides.also: there is no node "${on}"; the nodes are: ${NODES.map((n) => n.name).join(', ')}`);
  for (const node of NODES) {
    const m = machine(node.name);
    plug(card(m), `port-${node.name}`);
    for (const [key, value] of NODE_SYSCTLS) m.kernel.init.sysctl.set(key, value);
    simple(m, [...nodeLinks(node, overrides.vteps), ...nodeForwarding(node, overrides.vteps)]);
    must(m, ['iptables-restore', '--noflush'], nodeRules(node, overrides['kube-proxy']));
    for (const { on, lines = [], rules = '' } of also) {
      if (on !== node.name) continue;
      simple(m, lines);
      must(m, ['iptables-restore', '--noflush'], rules);
    }
    m.init.writeFile('/etc/hosts', `127.0.0.1\tlocalhost\n${HOSTS_FILE}\n`);
    add({ id: node.name, title: node.name, kind: 'node', machine: m, ns: m.kernel.init });
    for (const pod of pods.filter((p) => p.node === node.name)) add(wirePod(m, pod, node.subnet));
  }
  simple(fabric, ports);
  startCommand(internet, ['podserver', 'internet', '80']);
  add({ id: 'rtr', title: 'router', kind: 'outside', machine: router, ns: router.kernel.init });
  add({ id: 'client', title: 'client (LAN)', kind: 'outside', machine: client, ns: client.kernel.init });
  add({ id: 'internet', title: 'internet', kind: 'outside', machine: internet, ns: internet.kernel.init });
  // Let carrier, duplicate address detection and the servers settle.
  sim.runUntil(sim.now + 3 * SEC);
  return built({ sim, hosts, services: overrides['kube-proxy'] === false ? [] : SERVICES });
}
