/** What a world was turned into, as lines of text: two scripts that leave the same lines had the same effect, whatever they said. */

import type { AnyObject } from '../../cluster/api/object.ts';
import { BUILT_IN, resourceName } from '../../cluster/api/resources.ts';
import { Veth } from '../../net/dev/veth.ts';
import type { Netns } from '../../net/netns.ts';
import { Directory, type Inode, ProcDir, RegularFile, Symlink } from '../../os/inode.ts';
import type { Machine } from '../../os/machine.ts';
import { runCommand } from '../../os/run.ts';
import { SEC } from '../../sim/sim.ts';
import { formatIp } from '../../wire/addr.ts';
import { text } from '../../wire/bytes.ts';
import type { ClusterWorld } from '../cluster.ts';
import type { World } from '../world.ts';

/** What is under way when a script ends has come to its end then. */
const SETTLE = 10 * SEC;
const MAX_DEPTH = 24;

/** Numbers that tell when and in which order something was made, or by which chance it is called so. */
const INDEX_FIELDS =
  /"(ifindex|link_index|link_netnsid|master_index|\w+_timer|promiscuity|stats\d*|designated_port|bridge_id|root_id)":[^,}]*,?|"(id|no)":"0x[^"]*",?/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const DIGEST = /\b[0-9a-f]{64}\b/g;
const VOLATILE = new Set([
  'uid',
  'resourceVersion',
  'generation',
  'observedGeneration',
  'creationTimestamp',
  'managedFields',
  'kubectl.kubernetes.io/last-applied-configuration',
]);
/** Kinds that only tell what went on. */
const CHATTER = new Set(['events', 'events.events.k8s.io', 'leases.coordination.k8s.io']);
/** Directories that hold no settings. */
const SKIPPED = /^\/(proc|sys|dev|usr|bin|sbin|lib|lib64|boot|var\/(log|lib\/(kubelet|containerd|cni)|run)|run\/(containerd|netns))$/;

/** The state of all machines and of the API some seconds from now; the world is used up. */
export function effectOf(world: World, begin: number): string[] {
  world.sim.runUntil(world.sim.now + SETTLE);
  const lines: string[] = [];
  const machines = new Map([...world.hosts.values()].map((h) => [h.machine.hostname, h.machine]));
  for (const [name, machine] of machines) {
    const { kernel } = machine;
    const spaces: [string, Netns][] = [['', kernel.init], ...kernel.named];
    const ends = cableEnds(spaces);
    const called = (line: string): string => line.replace(/\bveth[0-9a-f]{8}\b/g, (veth) => ends.get(veth) ?? veth);
    for (const [space, ns] of spaces) lines.push(...network(machine, ns).map((l) => called(`${name} ${space} ${l}`)));
    lines.push(...files(machine, begin).map((l) => `${name} ${l}`));
    lines.push(...processes(machine).map((l) => `${name} ${l}`));
  }
  lines.push(...objects(world as Partial<ClusterWorld>));
  return lines.map((l) => l.replace(UUID, 'UUID').replace(TIME, 'TIME').replace(DIGEST, 'DIGEST')).sort();
}

/** The names that CNI plugins draw for the node's end of a pod's cable, by the address at its other end. */
function cableEnds(spaces: readonly (readonly [string, Netns])[]): Map<string, string> {
  const ends = new Map<string, string>();
  for (const [, ns] of spaces)
    for (const d of ns.devices.values()) {
      const address = d instanceof Veth ? d.peer?.addrs4[0]?.local : undefined;
      if (address !== undefined) ends.set(d.name, `veth-to-${formatIp(address)}`);
    }
  return ends;
}

function network(machine: Machine, ns: Netns): string[] {
  const run = (...argv: string[]): string => runCommand(machine, argv, { ns }).stdout;
  const json = (...argv: string[]): string[] => {
    const out = run(...argv);
    const rows = out.trim() === '' ? [] : (JSON.parse(out) as unknown[]);
    return rows.map((row) => `${argv.join(' ')} ${JSON.stringify(row).replace(INDEX_FIELDS, '')}`).sort();
  };
  const chance: [string, string][] = [...ns.devices.values()].flatMap((d) => {
    // The bridge plugin draws the address of its bridge and then sets it.
    if (d.macAssign === 'set' && d.name !== 'cni0') return [];
    const out = run('cat', `/sys/class/net/${d.name}/address`).trim();
    return out === '' ? [] : [[out, `RANDOM-${d.name}`] as [string, string]];
  });
  const links = json('ip', '-d', '-j', 'addr').map((line) =>
    chance
      .reduce((l, [mac, name]) => l.replaceAll(mac, name), line)

      .replace(/"fe80:[^}]*/g, ''),
  );
  const peers = [...ns.devices.values()].flatMap((d) =>
    d instanceof Veth && d.peer ? [`peer of ${d.name}: ${d.peer.ns.kernel.nameOf(d.peer.ns) ?? ''} ${d.peer.name}`] : [],
  );
  const fdb = json('bridge', '-j', 'fdb').filter(
    (l) => !/"(33:33|01:00:5e):/.test(l) && !chance.some(([mac]) => l.includes(mac)) && /"permanent"|"static"/.test(l),
  );
  return [
    ...links,
    ...peers.sort(),
    ...json('ip', '-d', '-j', 'route', 'show', 'table', 'all').filter((l) => !/"(fe80|ff00):/.test(l)),
    ...json('ip', '-j', 'rule'),
    ...json('ip', '-6', '-j', 'rule'),
    ...json('ip', '-j', 'neigh', 'show', 'nud', 'permanent').filter((l) => !/"(33:33|01:00:5e):/.test(l)),
    ...json('bridge', '-d', '-j', 'link').map((l) => chance.reduce((x, [mac, name]) => x.replaceAll(mac, name), l)),
    ...json('bridge', '-j', 'vlan'),
    ...fdb,
    ...run('tc', 'qdisc').split('\n').sort(),
    ...rules(run('iptables-save')),
    ...rules(run('ip6tables-save')),
    ...tables(runCommand(machine, ['nft', '-s', 'list', 'ruleset'], { ns })),
    ...run('ipset', 'save').split('\n'),
    ...ns.sysctl
      .keys()
      .sort()
      .map((key) => `${key} = ${ns.sysctl.get(key)}`)
      .filter((l) => !/random|\.uuid|boot_id|stable_secret|conntrack_count/.test(l)),
  ];
}

/** A second copy of a rule that decides, behind the first, is never reached: what it would match is gone. Marks may change on the way. */
function rules(saved: string): string[] {
  const seen = new Set<string>();
  return saved.split('\n').flatMap((line) => {
    if (line.startsWith('#')) return [];
    if (line.startsWith('*')) seen.clear();
    if (
      /^-A .* -j (ACCEPT|DROP|REJECT|RETURN|MASQUERADE|SNAT|DNAT)\b/.test(line) &&
      !/-m (statistic|limit|hashlimit|recent|quota|connlimit|mark|connmark)/.test(line)
    ) {
      if (seen.has(line)) return [];
      seen.add(line);
    }
    return [line.replace(/ \[\d+:\d+\]/, '')];
  });
}

/** What nft lists, without the tables that iptables-save has shown already. */
function tables({ stdout, stderr }: { stdout: string; stderr: string }): string[] {
  const theirs = new Set([...stderr.matchAll(/Warning: (table \S+ \S+) is managed/g)].map((m) => `${m[1]} {`));
  let shown = true;
  return stdout
    .replace(/ handle \d+/g, '')
    .split('\n')
    .filter((line) => {
      if (line.startsWith('table ')) shown = !theirs.has(line);
      return shown;
    });
}

function files(machine: Machine, begin: number): string[] {
  const lines: string[] = [];
  const seen = new Set<Inode>();
  const walk = (dir: Directory, path: string, depth: number): void => {
    if (seen.has(dir) || depth > MAX_DEPTH) return;
    seen.add(dir);
    for (const [name, plain] of dir.list(machine.init)) {
      const at = `${path}/${name}`;
      const node = machine.mounts.over.get(plain) ?? plain;
      if (SKIPPED.test(at) || name === '.bash_history') continue;
      if (node instanceof ProcDir) continue;
      if (node instanceof Directory) walk(node, at, depth + 1);
      else if (node instanceof Symlink) lines.push(`${at} -> ${node.target(machine.init)}`);
      else if (node instanceof RegularFile) lines.push(`${at} ${node.mode} ${node.mtime > begin ? contents(node) : ''}`);
    }
  };
  for (const root of new Set([machine.fs.root, ...[...machine.processes.values()].flatMap((p) => [...p.mnt.over.values()])]))
    if (root instanceof Directory && !(root instanceof ProcDir)) walk(root, '', 0);
  return lines;
}

function contents(node: RegularFile): string {
  const bytes = node.bytes();
  return bytes.ok ? JSON.stringify(text(bytes.value)) : '';
}

function processes(machine: Machine): string[] {
  return [...machine.processes.values()]
    .filter((p) => !p.dead)
    .map((p) => `process ${machine.kernel.nameOf(p.ns) ?? ''} ${p.argv.join(' ')}`)
    .sort();
}

/** Without what the API server counts and dates. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !VOLATILE.has(key))
      .sort((a, b) => (a[0] < b[0] ? -1 : 1))
      .map(([key, v]) => [key, plain(v)]),
  );
}

function objects({ cluster }: Partial<ClusterWorld>): string[] {
  if (!cluster) return [];
  const { admin } = cluster;
  const listed = (name: string): readonly AnyObject[] => {
    const r = admin.list<AnyObject>(name);
    return r.ok ? r.value.items : [];
  };
  const custom = listed('customresourcedefinitions.apiextensions.k8s.io').map(({ metadata }) => metadata.name);
  const names = [...new Set(BUILT_IN.map(resourceName)), ...custom].filter((n) => !CHATTER.has(n)).sort();
  return names.flatMap((name) => {
    // Generated names hold chance: what they share is what they were generated from.
    const generated = listed(name).flatMap((o) => (o.metadata.generateName ? [o.metadata.name] : []));
    return listed(name)
      .map((o) => generated.reduce((line, g) => line.replaceAll(g, g.replace(/[a-z0-9]{5}$/, '*')), `${name} ${JSON.stringify(plain(o))}`))
      .sort();
  });
}
