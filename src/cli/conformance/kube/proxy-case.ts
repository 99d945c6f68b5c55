/** One recorded Service set-up: its objects into emulated kube-proxies, then rules, probes and tracked connections against the recording. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyObject } from '../../../cluster/api/object.ts';
import { cniCommands } from '../../../cluster/cni/index.ts';
import { kubeProxyCommand } from '../../../cluster/proxy/kube-proxy.ts';
import type { Machine } from '../../../os/machine.ts';
import type { Command } from '../../../os/program.ts';
import { runCommand, startCommand } from '../../../os/run.ts';
import { SEC } from '../../../sim/sim.ts';
import { type Call, canonicalCalls, parseCalls, recordingTools } from './calls.ts';
import { Fixture } from './fixture.ts';
import { canonicalNft, canonicalSave, conntrackShapes, packetCounts } from './save.ts';
import { KubeWorld, type Place, type PodPlan } from './topology.ts';

export interface Check {
  readonly group: string;
  readonly name: string;
  readonly passed: boolean;
  readonly wanted: string;
  readonly got: string;
}

export interface Objects {
  readonly nodes: readonly AnyObject[];
  readonly services: readonly AnyObject[];
  readonly endpointslices: readonly AnyObject[];
  readonly pods: readonly AnyObject[];
}

interface Probe {
  readonly src: string;
  readonly kind: string;
  readonly target: string;
  readonly n: number;
  /** How often each answer came. */
  readonly result: Readonly<Record<string, number>>;
}

interface Options {
  readonly nodes?: readonly string[];
  readonly modes?: readonly string[];
  readonly extroute?: boolean;
}

/** Backends are chosen by chance: so many runs, each with a seed of its own, show what may come and what always comes. */
const SEEDS = 160;

const SERVICE_CIDR = '10.96.0.0/12';

export const read = (folder: string, name: string): string | null =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : null;

type Json = Record<string, never>;

export function podPlans(pods: readonly AnyObject[]): PodPlan[] {
  const out: PodPlan[] = [];
  for (const pod of pods) {
    const spec = pod.spec as {
      nodeName?: string;
      hostNetwork?: boolean;
      containers?: { ports?: { containerPort: number; hostPort?: number; protocol?: string }[] }[];
    };
    const status = (pod.status ?? {}) as { podIP?: string; podIPs?: { ip: string }[]; phase?: string };
    const ips = status.podIPs?.map((i) => i.ip) ?? (status.podIP ? [status.podIP] : []);
    if (!spec.nodeName || ips.length === 0 || status.phase === 'Succeeded' || status.phase === 'Failed') continue;
    const declared = (spec.containers ?? []).flatMap((c) => c.ports ?? []);
    const hostPorts = declared.flatMap((p) =>
      p.hostPort && !spec.hostNetwork
        ? [{ hostPort: p.hostPort, containerPort: p.containerPort, protocol: (p.protocol ?? 'TCP').toLowerCase() }]
        : [],
    );
    const ports = declared.map((p) => `${p.containerPort}/${(p.protocol ?? 'TCP').toLowerCase()}`);
    out.push({
      name: pod.metadata.name,
      node: spec.nodeName,
      ips,
      hostNetwork: spec.hostNetwork === true,
      ports: [...new Set(ports)],
      hostPorts,
    });
  }
  return out;
}

/** Addresses from outside that the router sends to the first node: of load balancers, external ones, and the service range. */
function outsideAddresses(objects: Objects): string[] {
  const out = new Set<string>();
  for (const s of objects.services) {
    const spec = s.spec as { externalIPs?: string[] } & Json;
    const ingress = ((s.status as { loadBalancer?: { ingress?: { ip?: string }[] } } | undefined)?.loadBalancer?.ingress ?? []).map(
      (i) => i.ip ?? '',
    );
    for (const ip of [...(spec.externalIPs ?? []), ...ingress]) if (ip !== '') out.add(ip.includes(':') ? `${ip}/128` : `${ip}/32`);
  }
  return [...out];
}

export function worldOf(
  objects: Objects,
  seed: number,
  outside: boolean,
  programs: readonly Command[] = [],
): { world: KubeWorld; fixtures: Map<Machine, Fixture>; feed: Fixture[] } {
  const fixtures = new Map<Machine, Fixture>();
  const command = kubeProxyCommand(function* (p) {
    yield {};
    return fixtures.get(p.machine) ?? 'no API';
  });
  const nodes = objects.nodes.map((n) => ({
    name: n.metadata.name,
    ips: ((n.status as { addresses?: { type: string; address: string }[] }).addresses ?? [])
      .filter((a) => a.type === 'InternalIP')
      .map((a) => a.address),
    podCIDRs: (n.spec as { podCIDRs?: string[] }).podCIDRs ?? [],
  }));
  const services = objects.services.flatMap((s) =>
    ((s.spec as { clusterIPs?: string[] }).clusterIPs ?? []).filter((ip) => ip.includes(':')),
  );
  const six = services[0] === undefined ? [] : [`${services[0].replace(/::.*$/, '')}::/112`];
  const toFirstNode = [SERVICE_CIDR, ...six, ...(outside ? outsideAddresses(objects) : [])];
  const world = new KubeWorld({ seed, nodes, pods: podPlans(objects.pods), programs: [command, ...cniCommands, ...programs], toFirstNode });
  const feed: Fixture[] = [];
  for (const node of nodes) {
    const f = new Fixture(world.sim);
    for (const o of objects.nodes) f.put('nodes', o);
    for (const o of objects.services) f.put('services', o);
    for (const o of objects.endpointslices) f.put('endpointslices.discovery.k8s.io', o);
    f.put('servicecidrs.networking.k8s.io', {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'kubernetes', uid: '', resourceVersion: '1', creationTimestamp: '' },
      spec: { cidrs: [SERVICE_CIDR] },
    } as AnyObject);
    fixtures.set(world.node(node.name), f);
    feed.push(f);
  }
  return { world, fixtures, feed };
}

/** The sandbox's id is random: the recorded one stands in the comments of the portmap plugin's rules. */
function sandboxOf(folder: string, node: string): string {
  return /dnat name: \\"k8s-pod-network\\" id: \\"(\w+)\\"/.exec(read(folder, `${node}.iptables-save.txt`) ?? '')?.[1] ?? 'sandbox';
}

/** What the runtime does for a pod with host ports once it has its addresses: the portmap plugin in the chain. */
function mapHostPorts(world: KubeWorld, folder: string, pods: readonly PodPlan[]): void {
  for (const pod of pods) {
    if (!pod.hostPorts || pod.hostPorts.length === 0) continue;
    const conf = {
      cniVersion: '1.0.0',
      name: 'k8s-pod-network',
      type: 'portmap',
      capabilities: { portMappings: true },
      runtimeConfig: { portMappings: pod.hostPorts },
      prevResult: {
        cniVersion: '1.0.0',
        interfaces: [{ name: 'cni0' }, { name: 'veth0' }, { name: 'eth0', sandbox: `/run/netns/${pod.name}` }],
        ips: pod.ips.map((ip) => ({ address: `${ip}/${ip.includes(':') ? 64 : 24}`, interface: 2 })),
      },
    };
    const env = {
      CNI_COMMAND: 'ADD',
      CNI_CONTAINERID: sandboxOf(folder, pod.node),
      CNI_NETNS: `/run/netns/${pod.name}`,
      CNI_IFNAME: 'eth0',
      CNI_PATH: '/usr/lib/cni',
    };
    runCommand(world.node(pod.node), ['/usr/lib/cni/portmap'], { env, stdin: JSON.stringify(conf) });
  }
}

/** The words of a recorded command line. */
export function commandLine(folder: string, node: string, mode: string): string[] | null {
  return read(folder, `kube-proxy.${node}.${mode}.cmd`)?.trim().split(/\s+/) ?? null;
}

/** Legacy tools under the plain names, as update-alternatives sets them. */
function legacyTools(m: Machine): void {
  for (const base of ['iptables', 'ip6tables'])
    for (const tool of ['', '-save', '-restore'])
      runCommand(m, ['ln', '-sf', `/usr/sbin/${base}-legacy${tool}`, `/usr/local/sbin/${base}${tool}`]);
}

export function dumpSave(m: Machine, prog = 'iptables', counters = false): string {
  return ['nat', 'filter', 'mangle'].map((t) => runCommand(m, [`${prog}-save`, '-t', t, ...(counters ? ['-c'] : [])]).stdout).join('');
}

const normalError = (text: string): string => text.replace(/after \d+ (ms|milliseconds)/, 'after N ms').trim();

/** What one probe says once. */
function once(place: Place, kind: string, target: string): string {
  if (kind === 'udp') {
    const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(target) ?? [];
    const r = runCommand(place.machine, ['ask', host, port], { ns: place.ns });
    const said = r.stdout.trim();
    if (r.exitCode === 0) return said.replace(/ peerport=\d+/, '');
    return said === 'ECONNREFUSED' ? "ConnectionRefusedError(111, 'Connection refused')" : "TimeoutError('timed out')";
  }
  const r = runCommand(place.machine, ['curl', '-sS', '-m', '2', target], { ns: place.ns });
  if (r.exitCode !== 0) return `curl: rc=${r.exitCode} ${normalError(r.stderr)}`;
  return r.stdout.trim().replace(/ peerport=\d+/, '');
}

/** Metrics that neither a clock nor the recording's own questions move. */
function steadyMetrics(text: string): string[] {
  const steady = /_(iptables_last|iptables_total|no_local_endpoints_total|changes_total|changes_pending|duration_seconds_count)\b/;
  return text
    .split('\n')
    .filter((l) => steady.test(l))
    .sort();
}

interface Run {
  readonly metrics: string;
  readonly calls: readonly Call[];
  readonly rules: Map<string, string>;
  readonly rules6: Map<string, string>;
  readonly probes: string[][];
  readonly conntrack: Map<string, string[]>;
  /** Packets by rule, by node. */
  readonly counts: Map<string, Map<string, number>>;
}

function runMode(
  objects: Objects,
  folder: string,
  mode: string,
  nodes: readonly string[],
  probes: readonly Probe[],
  seed: number,
  outside: boolean,
): Run {
  const calls = new Map<Machine, Call[]>();
  const { world } = worldOf(objects, seed, outside, recordingTools(calls));
  mapHostPorts(world, folder, podPlans(objects.pods));
  const legacy = mode === 'iptables-legacy';
  for (const node of nodes) {
    const argv = commandLine(folder, node, mode);
    if (!argv) continue;
    if (legacy) legacyTools(world.node(node));
    startCommand(world.node(node), argv);
  }
  world.sim.runUntil(world.sim.now + 5 * SEC);
  const own = [...(calls.get(world.node(nodes[0] as string)) ?? [])];
  const rules = new Map<string, string>();
  for (const node of nodes)
    rules.set(
      node,
      mode === 'nftables'
        ? runCommand(world.node(node), ['nft', 'list', 'ruleset']).stdout
        : dumpSave(world.node(node), legacy ? 'iptables-legacy' : 'iptables'),
    );
  const rules6 = new Map<string, string>();
  for (const node of nodes)
    if (read(folder, `${node}.ip6tables-save.txt`) !== null) rules6.set(node, dumpSave(world.node(node), 'ip6tables'));
  const said = probes.map((probe) => {
    const place = world.places.get(probe.src);
    if (!place) return [`no place ${probe.src}`];
    const answers = new Set<string>();
    for (let i = 0; i < probe.n; i++) answers.add(once(place, probe.kind, probe.target));
    return [...answers].sort();
  });
  // The last connections come to their end.
  world.sim.runUntil(world.sim.now + SEC);
  const conntrack = new Map<string, string[]>();
  for (const node of nodes) conntrack.set(node, conntrackShapes(runCommand(world.node(node), ['conntrack', '-L']).stdout));
  const counts = new Map<string, Map<string, number>>();
  if (mode === 'iptables') for (const node of nodes) counts.set(node, packetCounts(dumpSave(world.node(node), 'iptables', true)));
  const metrics =
    read(folder, `metrics.${mode}.txt`) === null
      ? ''
      : runCommand(world.node(nodes[0] as string), ['curl', '-s', 'http://127.0.0.1:10249/metrics']).stdout;
  return { metrics, calls: own, rules, rules6, probes: said, conntrack, counts };
}

const same = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

export function judgeProxyCase({ folder, name }: { folder: string; name: string }): Check[] {
  const objects = JSON.parse(read(folder, 'objects.json') ?? '{}') as Objects;
  const opts = JSON.parse(read(folder, 'opts.json') ?? '{}') as Options;
  const recorded = JSON.parse(read(folder, 'probes.json') ?? '{}') as Readonly<Record<string, readonly Probe[]>>;
  const checks: Check[] = [];
  for (const mode of opts.modes ?? ['iptables', 'nftables']) {
    const nodes = opts.nodes ?? objects.nodes.map((n) => n.metadata.name);
    const probes = recorded[mode] ?? [];
    const runs: Run[] = [];
    const nth = (i: number): Run => {
      for (; runs.length <= i; ) runs.push(runMode(objects, folder, mode, nodes, probes, runs.length + 1, opts.extroute === true));
      return runs[i] as Run;
    };
    const first = nth(0);
    for (const node of nodes) {
      checks.push(...rulesCheck(folder, name, mode, node, first.rules.get(node) ?? ''));
      if (mode === 'iptables') checks.push(...rulesCheck(folder, name, 'ip6tables', node, first.rules6.get(node) ?? ''));
    }
    const metrics = read(folder, `metrics.${mode}.txt`);
    if (metrics !== null) {
      const [wanted, got] = [steadyMetrics(metrics), steadyMetrics(first.metrics)];
      checks.push({
        group: 'metrics',
        name: `${name} ${mode} metrics`,
        passed: same(wanted, got),
        wanted: wanted.join('\n'),
        got: got.join('\n'),
      });
    }
    const calls = mode === 'iptables' ? read(folder, 'iptables-calls.txt') : null;
    if (calls !== null) {
      const [wanted, got] = [canonicalCalls(parseCalls(calls)), canonicalCalls(first.calls)];
      checks.push({
        group: 'iptables calls',
        name: `${name} calls`,
        passed: same(wanted, got),
        wanted: wanted.join('\n'),
        got: got.join('\n'),
      });
    }
    for (const [i, probe] of probes.entries()) {
      const wanted = Object.keys(probe.result).map(normalError).sort();
      const passed = between(wanted, (k) => nth(k).probes[i] ?? []);
      const title = `${name} ${mode} ${probe.src} ${probe.kind} ${probe.target} x${probe.n}`;
      checks.push({ group: `probes ${mode}`, name: title, passed, wanted: wanted.join('\n'), got: (first.probes[i] ?? []).join('\n') });
    }
    for (const node of nodes) {
      const text = read(folder, `${node}.${mode}.conntrack.txt`);
      if (text === null) continue;
      const wanted = conntrackShapes(text);
      const counters = mode === 'iptables' ? read(folder, `${node}.iptables-save-c.txt`) : null;
      if (counters !== null)
        checks.push(countersCheck(`${name} ${node}`, packetCounts(counters), (k) => nth(k).counts.get(node) ?? new Map()));
      const own = (k: number): readonly string[] => nth(k).conntrack.get(node) ?? [];
      const title = `${name} ${mode} ${node}`;
      checks.push({
        group: `conntrack ${mode}`,
        name: title,
        passed: between(wanted, own),
        wanted: wanted.join('\n'),
        got: own(0).join('\n'),
      });
    }
  }
  return checks;
}

/** Of each rule as many packets as recorded, or, where chance has a say, some number between the fewest and the most of our runs. */
function countersCheck(name: string, wanted: ReadonlyMap<string, number>, run: (k: number) => ReadonlyMap<string, number>): Check {
  const low = new Map<string, number>();
  const high = new Map<string, number>();
  let off: string[] = [];
  for (let k = 0; k < SEEDS; k++) {
    for (const [rule, n] of run(k)) {
      low.set(rule, Math.min(low.get(rule) ?? n, n));
      high.set(rule, Math.max(high.get(rule) ?? n, n));
    }
    off = [...wanted].filter(([rule, n]) => !((low.get(rule) ?? -1) <= n && n <= (high.get(rule) ?? -1))).map(([rule]) => rule);
    if (off.length === 0) break;
  }
  const text = (of: (rule: string) => string): string => off.map((rule) => `${of(rule)} ${rule}`).join('\n');
  return {
    group: 'counters iptables',
    name: `${name} counters`,
    passed: off.length === 0,
    wanted: text((rule) => String(wanted.get(rule))),
    got: text((rule) => `${low.get(rule)}..${high.get(rule)}`),
  };
}

/** All that was recorded comes up in some run, and all that comes up in every run was recorded. */
function between(recorded: readonly string[], run: (k: number) => readonly string[]): boolean {
  const ever = new Set<string>();
  let always: readonly string[] | null = null;
  for (let k = 0; k < SEEDS; k++) {
    const seen = run(k);
    for (const s of seen) ever.add(s);
    always = always === null ? seen : always.filter((s) => seen.includes(s));
    if (recorded.every((r) => ever.has(r)) && always.every((s) => recorded.includes(s))) return true;
  }
  return false;
}

function rulesCheck(folder: string, name: string, mode: string, node: string, dump: string): Check[] {
  const file = mode === 'nftables' ? `${node}.nft-ruleset.txt` : `${node}.${mode}-save.txt`;
  const text = read(folder, file);
  if (text === null) return [];
  const canonical = mode === 'nftables' ? canonicalNft : canonicalSave;
  const [wanted, got] = [canonical(text), canonical(dump)];
  return [
    { group: `rules ${mode}`, name: `${name} ${mode} ${node}`, passed: same(wanted, got), wanted: wanted.join('\n'), got: got.join('\n') },
  ];
}
