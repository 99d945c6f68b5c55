/** Machines, cards and cables of a cluster file. */

import { commands } from '../bin/index.ts';
import { clusterCommands, routerCommands } from '../cluster/programs.ts';
import { setUp } from '../cluster/setup.ts';
import type { ClusterFile, MachineSpec } from '../cluster/world/file.ts';
import { connect, Ether } from '../net/dev/ether.ts';
import { Kernel } from '../net/kernel.ts';
import { Machine } from '../os/machine.ts';
import { runCommand, startCommand } from '../os/run.ts';
import type { Sim } from '../sim/sim.ts';

const SWITCH_DELAY = 40;
const SWITCH_MTU = 9000;

let everything: readonly (typeof commands)[number][] | null = null;

/** What a node has installed. */
function nodeCommands(): readonly (typeof commands)[number][] {
  everything ??= [...commands, ...clusterCommands];
  return everything;
}

/** What a router has installed. */
const onRouters = [...commands, ...routerCommands];

/** @throws Error when a set-up command fails: a bug of the world, never of a learner. */
function must(machine: Machine, argv: readonly string[]): void {
  const r = runCommand(machine, argv);
  if (r.exitCode !== 0 || r.stderr !== '') throw new Error(`${machine.hostname}: ${argv.join(' ')} (exit ${r.exitCode}): ${r.stderr}`);
}

/** Addresses and routes of a machine as its files have them, as set-up lines. */
export function networkLines(spec: MachineSpec): string[] {
  const out: string[] = [];
  for (const i of spec.interfaces) {
    if (i.mac) out.push(`link set ${i.name} address ${i.mac}`);
    out.push(`link set ${i.name} up`);
    for (const a of i.addresses ?? []) out.push(a.includes(':') ? `addr add ${a} dev ${i.name}` : `addr add ${a} brd + dev ${i.name}`);
  }
  for (const r of spec.routes ?? []) out.push(`route add ${r.to} via ${r.via}`);
  return out;
}

/** Builds them all, with addresses and routes; servers are started by `startServers`. */
export function buildMachines(sim: Sim, file: ClusterFile): Map<string, Machine> {
  const machines = new Map<string, Machine>();
  const cards = new Map<string, Ether[]>();
  for (const spec of file.machines) {
    const kernel = new Kernel(sim, spec.name);
    kernel.init.lo.setUp();
    const machine = new Machine(kernel, { node: nodeCommands(), router: onRouters, host: commands }[spec.kind]);
    machines.set(spec.name, machine);
    for (const i of spec.interfaces) {
      const dev = new Ether(kernel.init, i.name);
      dev.register();
      cards.set(i.network, [...(cards.get(i.network) ?? []), dev]);
    }
  }
  let fabric: Machine | null = null;
  const ports: string[] = [];
  for (const network of file.networks) {
    const on = cards.get(network.name) ?? [];
    if (network.cable) {
      if (on[0] && on[1]) connect(on[0], on[1], { delay: network.delay ?? SWITCH_DELAY });
      continue;
    }
    if (!fabric) {
      const kernel = new Kernel(sim, 'switch');
      kernel.init.lo.setUp();
      fabric = new Machine(kernel, []);
    }
    ports.push(`link add ${network.name} type bridge`, `link set ${network.name} up`);
    for (const dev of on) {
      const port = new Ether(fabric.kernel.init, `port-${dev.ns.kernel.hostname}`.slice(0, 15));
      // A switch carries longer frames than the cards on it send when nobody changes them.
      port.mtu = SWITCH_MTU;
      port.register();
      connect(port, dev, { delay: network.delay ?? SWITCH_DELAY });
      ports.push(`link set ${port.name} master ${network.name}`, `link set ${port.name} up`);
    }
  }
  if (fabric) setUp(fabric.kernel.init, ports, () => undefined);
  const names = file.machines.filter((m) => m.kind === 'node').map((m) => `${m.interfaces[0]?.addresses?.[0]?.split('/')[0]}\t${m.name}\n`);
  for (const spec of file.machines) {
    const machine = machines.get(spec.name) as Machine;
    for (const [key, value] of Object.entries(spec.sysctls ?? {})) machine.kernel.init.sysctl.set(key, value);
    setUp(machine.kernel.init, networkLines(spec), () => undefined);
    if (spec.kind === 'node') machine.init.writeFile('/etc/hosts', `127.0.0.1\tlocalhost\n${names.join('')}`);
    for (const [path, text] of Object.entries(spec.files ?? {})) {
      machine.directory(path.slice(0, path.lastIndexOf('/')));
      machine.init.writeFile(path, text);
    }
  }
  return machines;
}

export function startServers(file: ClusterFile, machines: ReadonlyMap<string, Machine>): void {
  for (const spec of file.machines) {
    const machine = machines.get(spec.name) as Machine;
    for (const argv of spec.setup ?? []) must(machine, argv);
    for (const argv of spec.run ?? []) startCommand(machine, argv);
  }
}
