/** Points that kubelets gave, and the usage between the last two of them. Models metrics-server's pkg/storage and its decoder */

export interface Usage {
  readonly cpuNanos: number;
  readonly memoryBytes: number;
}

/** A usage with the time it ends at, in ms since 1970, and what it is an average over, in ms. */
export interface Measured<T> {
  readonly at: number;
  readonly window: number;
  readonly usage: T;
}

interface Point {
  readonly at: number;
  readonly cpu: number;
  readonly memory: number;
  /** When the container began; 0 for a node. */
  readonly start: number;
}

/** What one kubelet said. */
export interface Batch {
  node: Point | undefined;
  /** By `namespace/pod`, then by container. */
  readonly pods: Map<string, Map<string, Point>>;
}

interface Raw {
  at: number;
  cpu: number;
  memory: number;
  start: number;
}

const LINE = /^([a-z_]+)(?:\{([^}]*)\})? (\S+)(?: (\d+))?$/;

/** Prometheus text of /metrics/resource. */
export function decodeBatch(text: string): Batch {
  const node: Raw = { at: 0, cpu: -1, memory: -1, start: 0 };
  const raw = new Map<string, Map<string, Raw>>();
  for (const line of text.split('\n')) {
    const m = LINE.exec(line);
    if (!m) continue;
    const [, name = '', labels = '', value = '', time] = m;
    let into = node;
    if (name.startsWith('container_')) {
      const label = (key: string): string => new RegExp(`(?:^|,)${key}="([^"]*)"`).exec(labels)?.[1] ?? '';
      const key = `${label('namespace')}/${label('pod')}`;
      const pod = raw.get(key) ?? new Map<string, Raw>();
      raw.set(key, pod);
      into = pod.get(label('container')) ?? { at: 0, cpu: -1, memory: -1, start: 0 };
      pod.set(label('container'), into);
    } else if (!name.startsWith('node_')) continue;
    if (time !== undefined) into.at = Number(time);
    if (name.endsWith('_cpu_usage_seconds_total')) into.cpu = Number(value);
    else if (name.endsWith('_memory_working_set_bytes')) into.memory = Number(value);
    else if (name.endsWith('_start_time_seconds')) into.start = Number(value) * 1000;
  }
  const whole = (r: Raw): boolean => r.cpu >= 0 && r.memory >= 0;
  const pods = new Map<string, Map<string, Point>>();
  for (const [key, containers] of raw) if ([...containers.values()].every(whole)) pods.set(key, containers);
  return { node: whole(node) ? node : undefined, pods };
}

function between(before: Point | undefined, last: Point): Measured<Usage> | undefined {
  // A container that has started anew, or has just been made, is measured from its start.
  const from =
    before && before.start === last.start && before.cpu <= last.cpu ? before : last.start > 0 ? { at: last.start, cpu: 0 } : undefined;
  if (!from || last.at - from.at < 1000) return undefined;
  const window = last.at - from.at;
  return { at: last.at, window, usage: { cpuNanos: Math.round(((last.cpu - from.cpu) * 1e12) / window), memoryBytes: last.memory } };
}

export class MetricsStorage {
  private before = new Map<string, Batch>();
  private last = new Map<string, Batch>();

  /** One round of scrapes, by node. */
  store(batches: ReadonlyMap<string, Batch>): void {
    this.before = this.last;
    this.last = new Map(batches);
  }

  /** Whether there are enough points to serve a node's usage. */
  get ready(): boolean {
    for (const name of this.last.keys()) if (this.node(name)) return true;
    return false;
  }

  node(name: string): Measured<Usage> | undefined {
    const last = this.last.get(name)?.node;
    const before = this.before.get(name)?.node;
    return last && before && between(before, last);
  }

  /** A pod's containers by name; undefined until all are known. */
  pod(key: string): Measured<readonly (readonly [name: string, usage: Usage])[]> | undefined {
    for (const [node, batch] of this.last) {
      const containers = batch.pods.get(key);
      if (!containers) continue;
      const usage: (readonly [string, Usage])[] = [];
      let at = 0;
      let window = 0;
      for (const [name, point] of [...containers].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const m = between(this.before.get(node)?.pods.get(key)?.get(name), point);
        if (!m) return undefined;
        usage.push([name, m.usage]);
        if (at === 0 || m.at < at) ({ at, window } = m);
      }
      return { at, window, usage };
    }
    return undefined;
  }
}
