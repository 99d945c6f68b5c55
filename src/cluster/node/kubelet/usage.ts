/** What containers and the node use of CPU and memory, and /metrics/resource. A model; the format is pkg/kubelet/metrics/collectors/resource_metrics.go's */

import type { Process } from '../../../os/process.ts';
import type { Container } from '../runtime/types.ts';
import type { Kubelet } from './context.ts';

const MIB = 1 << 20;
/** What handling one received TCP segment takes, in µs of CPU: a request to a server is about five. */
const SEGMENT_COST = 200;
/** A process beside a container's first one. */
const PROCESS_MEMORY = 0.75 * MIB;
/** What the operating system, containerd and kubelet take: a fraction of one core, and bytes. */
const NODE_IDLE = 0.035;
const NODE_MEMORY = 420 * MIB;

/** By program: what it takes while nobody asks it for anything, in thousandths of a core and MiB. */
const PROGRAMS: ReadonlyMap<string, readonly [milli: number, mib: number]> = new Map([
  ['kube-apiserver', [32, 248]],
  ['etcd', [16, 58]],
  ['kube-controller-manager', [12, 54]],
  ['kube-scheduler', [3, 23]],
  ['kube-proxy', [1, 18]],
  ['coredns', [2, 14]],
  ['flanneld', [4, 16]],
  ['calico-node', [18, 96]],
  ['metrics-server', [3, 19]],
  ['nginx', [0, 4]],
  ['redis-server', [2, 4]],
  ['postgres', [1, 26]],
  ['agnhost', [0, 6]],
  ['pause', [0, 0.5]],
]);
const OTHER: readonly [number, number] = [0, 1.5];

const modelOf = (name: string | undefined): readonly [number, number] => PROGRAMS.get(name ?? '') ?? OTHER;

interface Known {
  /** CPU time of the living by their numbers, as last seen. */
  alive: Map<number, number>;
  ended: number;
}

const known = new WeakMap<Container, Known>();

const processesOf = (c: Container): readonly Process[] => (c.pidns ? [...c.pidns.processes.values()] : c.process ? [c.process] : []);

/** CPU time that the container's processes have booked, in µs; what has ended since the last look counts as far as it was seen. */
function booked(c: Container): number {
  const before = known.get(c) ?? { alive: new Map<number, number>(), ended: 0 };
  const alive = new Map<number, number>();
  for (const p of processesOf(c)) alive.set(p.pid, p.cpuTime);
  let { ended } = before;
  for (const [pid, time] of before.alive) if (!alive.has(pid)) ended += time;
  known.set(c, { alive, ended });
  let sum = ended;
  for (const time of alive.values()) sum += time;
  return sum;
}

export interface ContainerUsage {
  readonly name: string;
  readonly namespace: string;
  readonly pod: string;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
  readonly startSeconds: number;
}

/** All running containers. What a pod's network brings is its first container's work. */
export function containerUsage(kubelet: Kubelet): ContainerUsage[] {
  const { sim } = kubelet;
  const out: ContainerUsage[] = [];
  const served = new Set<string>();
  for (const c of kubelet.runtime.containers.values()) {
    if (c.state !== 'Running') continue;
    const { sandbox } = c;
    const { config } = sandbox;
    const [milli, mib] = modelOf(c.process?.name);
    let micros = booked(c) + ((sim.now - c.startedAt) * milli) / 1000;
    if (!config.hostNetwork && !served.has(sandbox.id)) micros += sandbox.ns.snmp.get('TcpInSegs') * SEGMENT_COST;
    served.add(sandbox.id);
    out.push({
      name: c.config.name,
      namespace: config.namespace,
      pod: config.name,
      cpuSeconds: micros / 1e6,
      memoryBytes: Math.round(mib * MIB + Math.max(0, processesOf(c).length - 1) * PROCESS_MEMORY),
      startSeconds: (sim.epochMs + c.startedAt / 1000) / 1000,
    });
  }
  return out;
}

type Sample = readonly [labels: string, value: number];

function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[], time: string): string {
  if (samples.length === 0) return '';
  const lines = samples.map(([labels, value]) => `${name}${labels} ${value}${time}\n`);
  return `# HELP ${name} [STABLE] ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

/** The text of /metrics/resource. */
export function resourceMetrics(kubelet: Kubelet): string {
  const { sim } = kubelet;
  const containers = containerUsage(kubelet);
  const pods = new Map<string, { cpu: number; memory: number }>();
  let cpu = (sim.now / 1e6) * NODE_IDLE;
  let memory = NODE_MEMORY;
  for (const c of containers) {
    const key = `{namespace="${c.namespace}",pod="${c.pod}"}`;
    const sum = pods.get(key) ?? { cpu: 0, memory: 0 };
    pods.set(key, { cpu: sum.cpu + c.cpuSeconds, memory: sum.memory + c.memoryBytes });
    cpu += c.cpuSeconds;
    memory += c.memoryBytes;
  }
  const labels = (c: ContainerUsage): string => `{container="${c.name}",namespace="${c.namespace}",pod="${c.pod}"}`;
  const time = ` ${Math.floor(sim.epochMs + sim.now / 1000)}`;
  const round = (x: number): number => Number(x.toFixed(6));
  return [
    family(
      'container_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed by the container in core-seconds',
      containers.map((c) => [labels(c), round(c.cpuSeconds)] as const),
      time,
    ),
    family(
      'container_memory_working_set_bytes',
      'gauge',
      'Current working set of the container in bytes',
      containers.map((c) => [labels(c), c.memoryBytes] as const),
      time,
    ),
    family(
      'container_start_time_seconds',
      'gauge',
      'Start time of the container since unix epoch in seconds',
      containers.map((c) => [labels(c), round(c.startSeconds)] as const),
      '',
    ),
    family('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', [['', round(cpu)]], time),
    family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', [['', memory]], time),
    family(
      'pod_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed by the pod in core-seconds',
      [...pods].map(([k, u]) => [k, round(u.cpu)] as const),
      time,
    ),
    family(
      'pod_memory_working_set_bytes',
      'gauge',
      'Current working set of the pod in bytes',
      [...pods].map(([k, u]) => [k, u.memory] as const),
      time,
    ),
    family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [['', 0]], ''),
  ].join('');
}
