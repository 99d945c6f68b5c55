/** A world from a cluster file: machines, Kubernetes on them, run until all pods are ready. */

import type { Event, Pod } from '../cluster/api/object.ts';
import { runtimeOf } from '../cluster/node/runtime/runtime.ts';
import { boot, type Cluster, settling } from '../cluster/world/boot.ts';
import type { ClusterFile } from '../cluster/world/file.ts';
import { manifestDirectory } from '../cluster/world/manifests.ts';
import { REFERENCE_WORLDS } from '../cluster/world/worlds.ts';
import type { Machine } from '../os/machine.ts';
import { runCommand } from '../os/run.ts';
import { SEC, Sim } from '../sim/sim.ts';
import { kubeOf } from './kube.ts';
import { buildMachines, startServers } from './machines.ts';
import './probe/https.ts';
import { type Host, type World, whole } from './world.ts';
import { built } from './worlds.ts';

/** A world begins at a whole second after the last pod became ready, so that what comes next has a round start. */
const ROUND = SEC;

export interface ClusterWorld extends World {
  readonly cluster: Cluster | null;
}

function podHost(id: string, machines: ReadonlyMap<string, Machine>): Host | null {
  const [namespace, name] = id.slice(4).split('/');
  for (const machine of machines.values()) {
    const runtime = runtimeOf(machine);
    const c = [...runtime.containers.values()].find(
      (x) => x.sandbox.config.namespace === namespace && x.sandbox.config.name === name && x.state === 'Running',
    );
    if (!c) continue;
    return {
      id: namespace === 'default' ? (name as string) : `${namespace}/${name}`,
      title: `pod ${name}`,
      kind: 'pod',
      machine,
      ns: c.sandbox.ns,
      enter: (argv, opts) => runtime.enter(c, argv, opts),
    };
  }
  return null;
}

/** The first pods that are not ready, each with the last thing that was said of it. */
function unready({ admin, expected }: Cluster): string {
  const pods = admin.list<Pod>('pods');
  const events = admin.list<Event>('events');
  if (!pods.ok || !events.ok) return '';
  const waiting = pods.value.items.filter((p) => !p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
  const last = (p: Pod): string =>
    events.value.items.filter((e) => e.involvedObject.uid === p.metadata.uid).at(-1)?.message ?? p.status?.phase ?? '';
  return `${pods.value.items.length} of ${expected} exist; ${waiting
    .slice(0, 5)
    .map((p) => `${p.metadata.name}: ${last(p)}`)
    .join('; ')}`;
}

/** @throws Error when pods do not become ready or a fault cannot be made: a bug of the world. */
function* growCluster(file: ClusterFile, seed: number): Generator<void, ClusterWorld> {
  const sim = new Sim(seed);
  const machines = buildMachines(sim, file);
  startServers(file, machines);
  const cluster = boot(sim, file, machines);
  if (cluster && !(yield* settling(sim, cluster, cluster.expected)))
    throw new Error(`world ${file.name}: not all pods are ready after a minute: ${unready(cluster)}`);
  for (const fault of file.faults ?? []) {
    const machine = machines.get(fault.on);
    const r = machine && runCommand(machine, fault.run);
    if (r?.exitCode !== 0) throw new Error(`world ${file.name}: fault on ${fault.on}: ${r?.stderr ?? 'no such machine'}`);
  }
  for (const object of file.later ?? []) {
    const made = cluster?.admin.create(object);
    if (made?.ok === false) throw new Error(`world ${file.name}: ${object.kind} ${object.metadata.name}: ${made.status.message}`);
  }
  for (const spec of file.machines)
    if (spec.role === 'control-plane') machines.get(spec.name)?.directory('/root').link('manifests', manifestDirectory());
  sim.runUntil(Math.ceil((sim.now + ROUND) / ROUND) * ROUND);
  const hosts = new Map<string, Host>();
  for (const id of file.terminals) {
    if (id.startsWith('pod ')) {
      const host = podHost(id, machines);
      if (host) hosts.set(host.id, host);
      continue;
    }
    const machine = machines.get(id);
    const spec = file.machines.find((m) => m.name === id);
    if (machine && spec)
      hosts.set(id, { id, title: spec.title ?? id, kind: spec.kind === 'node' ? 'node' : 'outside', machine, ns: machine.kernel.init });
  }
  return built({ sim, hosts, cluster, ...(cluster ? { kube: kubeOf(cluster, machines) } : {}) });
}

/** @throws Error as growCluster does. */
export const buildCluster = (file: ClusterFile, seed: number): ClusterWorld => whole(growCluster(file, seed));

type Named = { readonly name?: string; readonly metadata?: { readonly name?: string } };

/**
 * Maps are merged, everything else is replaced. For a list, `key+` adds members and `key-` takes those out that have one of the names
 * (of objects: `metadata.name`).
 */
function lay(over: unknown, base: unknown): unknown {
  const map = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);
  if (!map(over) || !map(base)) return over ?? base;
  const keys = new Set([...Object.keys(base), ...Object.keys(over).map((key) => key.replace(/[+-]$/, ''))]);
  return Object.fromEntries(
    [...keys].map((key) => {
      const [more, without] = [over[`${key}+`], over[`${key}-`]];
      const value = lay(over[key], base[key]);
      if (more === undefined && without === undefined) return [key, value];
      const gone = (without ?? []) as readonly unknown[];
      const list = ((value ?? []) as readonly unknown[]).filter((x) => !gone.includes(typeof x === 'string' ? x : nameOf(x as Named)));
      return [key, [...list, ...((more ?? []) as readonly unknown[])]];
    }),
  );
}

const nameOf = (x: Named): string | undefined => x.name ?? x.metadata?.name;

type Grow = (seed: number, overrides?: unknown) => Generator<void, ClusterWorld>;

/** The reference worlds with their clusters, by name; `cluster-w1` is W1 with everything that Kubernetes runs in it, `own` is all overrides. */
export const growingWorlds: Readonly<Record<string, Grow>> = Object.fromEntries([
  ...REFERENCE_WORLDS.map((file): [string, Grow] => [
    file.name === 'w1' ? 'cluster-w1' : file.name,
    (seed, overrides) => growCluster(lay(overrides, file) as ClusterFile, seed),
  ]),
  ['own', (seed: number, overrides?: unknown) => growCluster(overrides as ClusterFile, seed)],
]);

/** The same, built in one go. */
export const clusterWorlds: Readonly<Record<string, (seed: number, overrides?: unknown) => ClusterWorld>> = Object.fromEntries(
  Object.entries(growingWorlds).map(([name, grow]) => [name, (seed: number, overrides?: unknown) => whole(grow(seed, overrides))]),
);
