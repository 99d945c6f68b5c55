/** kubectl top, from the metrics API where the cluster has one. Models kubectl/pkg/cmd/top and pkg/metricsutil */

import type { Task } from '../../os/program.ts';
import { Failure, failure } from './errors.ts';
import type { Flag } from './flags.ts';
import { compareStrings, isObject, type JsonObject, list, obj, str } from './json.ts';
import { parseQuantity } from './quantity.ts';
import { durationString } from './strconv.ts';
import { timeOf } from './table.ts';
import { TabWriter } from './tabwriter.ts';
import type { Ctx, Verb } from './verb.ts';

const DELAY = 120;
const MI = 1024n * 1024n * 1_000_000_000n;

interface Usage {
  readonly cpu: bigint;
  readonly memory: bigint;
}

const nano = (s: string): bigint => {
  const q = parseQuantity(s || '0');
  return q instanceof Failure ? 0n : q.nano;
};
const usageOf = (o: JsonObject): Usage => ({ cpu: nano(str(o, 'cpu')), memory: nano(str(o, 'memory')) });
const plus = (a: Usage, b: Usage): Usage => ({ cpu: a.cpu + b.cpu, memory: a.memory + b.memory });
const ZERO: Usage = { cpu: 0n, memory: 0n };
const cpuText = (u: Usage): string => `${(u.cpu + 999_999n) / 1_000_000n}m`;
const memoryText = (u: Usage): string => `${u.memory / MI}Mi`;
const percent = (a: bigint, b: bigint): string => `${b === 0n ? 0n : (a * 100n) / b}%`;

/** Version of metrics.k8s.io that the server has now: this is never answered from the cache. */
function* metricsPath(ctx: Ctx): Task<string | Failure> {
  const groups = yield* ctx.mapper.groups(true);
  if (groups instanceof Failure) return groups;
  const versions = groups.filter((g) => g.group === 'metrics.k8s.io').map((g) => g.version);
  const version = ['v1', 'v1beta1'].find((v) => versions.includes(v));
  return version ? `/apis/metrics.k8s.io/${version}` : failure('Metrics API not available');
}

function sorted<T>(items: readonly T[], by: string, name: (t: T) => string, usage: (t: T) => Usage): T[] {
  const order = (a: bigint, b: bigint): number => (a > b ? -1 : a < b ? 1 : 0);
  return [...items].sort((a, b) =>
    by === 'cpu'
      ? order(usage(a).cpu, usage(b).cpu)
      : by === 'memory'
        ? order(usage(a).memory, usage(b).memory)
        : compareStrings(name(a), name(b)),
  );
}

const SORT: Flag = {
  name: 'sort-by',
  type: 'string',
  usage: "If non-empty, sort nodes list using specified field. The field can be either 'cpu' or 'memory'.",
};
const SELECTOR: Flag = {
  name: 'selector',
  short: 'l',
  type: 'string',
  usage:
    "Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.(e.g. -l key1=value1,key2=value2,key3 in (value3)). Matching objects must satisfy all of the specified label constraints.",
};
const NO_HEADERS: Flag = { name: 'no-headers', type: 'bool', usage: 'If present, print output without headers' };
const badSort = (ctx: Ctx): Failure | null =>
  ['', 'cpu', 'memory'].includes(ctx.str('sort-by')) ? null : failure('--sort-by accepts only cpu or memory');
const row = (cells: readonly string[]): string => `${cells.map((c) => `${c}\t`).join('')}\n`;
const itemsOf = (o: JsonObject): JsonObject[] => (Array.isArray(o.items) ? list(o, 'items').filter(isObject) : [o]) as JsonObject[];

const node: Verb = {
  name: 'node',
  aliases: ['nodes', 'no'],
  use: 'node [NAME | -l label]',
  short: 'Display resource (CPU/memory) usage of nodes',
  long: 'Display resource (CPU/memory) usage of nodes.\n\n The top-node command allows you to see the resource consumption of nodes.',
  example: '# Show metrics for all nodes\nkubectl top node\n\n# Show metrics for a given node\nkubectl top node NODE_NAME',
  flags: [
    NO_HEADERS,
    SELECTOR,
    { name: 'show-capacity', type: 'bool', usage: 'Print node resources based on Capacity instead of Allocatable(default) of the nodes.' },
    SORT,
  ],
  *run(ctx) {
    if (ctx.args.length > 1) return ctx.usageError(`${ctx.args.length > 1 ? ctx.args.join(' ') : ''}`);
    const wrong = badSort(ctx);
    if (wrong) return wrong;
    const name = ctx.args[0] ?? '';
    if (name !== '' && ctx.str('selector') !== '') return failure('only one of NAME or --selector can be provided');
    const base = yield* metricsPath(ctx);
    if (base instanceof Failure) return base;
    const query = ctx.str('selector') === '' ? {} : { labelSelector: ctx.str('selector') };
    const metrics = yield* ctx.rest.get(`${base}/nodes${name === '' ? '' : `/${name}`}`, query);
    if (metrics instanceof Failure) return metrics;
    const found = itemsOf(metrics);
    if (found.length === 0) return failure('metrics not available yet');
    const nodes = yield* ctx.rest.get(`/api/v1/nodes${name === '' ? '' : `/${name}`}`, query);
    if (nodes instanceof Failure) return nodes;
    const w = new TabWriter(6, 3);
    if (!ctx.bool('no-headers')) w.write(row(['NAME', 'CPU(cores)', 'CPU(%)', 'MEMORY(bytes)', 'MEMORY(%)']));
    const available = new Map(
      itemsOf(nodes).map(
        (n) => [str(n, 'metadata', 'name'), usageOf(obj(n, 'status', ctx.bool('show-capacity') ? 'capacity' : 'allocatable'))] as const,
      ),
    );
    const shown = sorted(
      found,
      ctx.str('sort-by'),
      (m) => str(m, 'metadata', 'name'),
      (m) => usageOf(obj(m, 'usage')),
    );
    for (const m of shown) {
      const n = str(m, 'metadata', 'name');
      const u = usageOf(obj(m, 'usage'));
      const all = available.get(n) ?? ZERO;
      available.delete(n);
      w.write(row([n, cpuText(u), percent(u.cpu, all.cpu), memoryText(u), percent(u.memory, all.memory)]));
    }
    for (const n of available.keys()) w.write(row([n, '<unknown>', '<unknown>', '<unknown>', '<unknown>']));
    yield* ctx.out(w.flush());
    return 0;
  },
};

function* noMetrics(ctx: Ctx, ns: string, name: string): Task<Failure | null> {
  const pods = yield* ctx.rest.get(
    `/api/v1${ns === '' ? '' : `/namespaces/${ns}`}/pods${name === '' ? '' : `/${name}`}`,
    ctx.str('selector') === '' ? {} : { labelSelector: ctx.str('selector') },
  );
  if (pods instanceof Failure) return pods;
  const all = itemsOf(pods);
  for (const p of all) {
    const old = ctx.now - timeOf(str(p, 'metadata', 'creationTimestamp'));
    if (old > DELAY)
      return failure(
        `Metrics not available for pod ${str(p, 'metadata', 'namespace')}/${str(p, 'metadata', 'name')}, age: ${durationString(old)}`,
      );
  }
  return all.length === 0 ? null : failure('metrics not available yet');
}

const pod: Verb = {
  name: 'pod',
  aliases: ['pods', 'po'],
  use: 'pod [NAME | -l label]',
  short: 'Display resource (CPU/memory) usage of pods',
  long: `Display resource (CPU/memory) usage of pods.

 The 'top pod' command allows you to see the resource consumption of pods.

 Due to the metrics pipeline delay, they may be unavailable for a few minutes since pod creation.`,
  example: `# Show metrics for all pods in the default namespace
kubectl top pod

# Show metrics for all pods in the given namespace
kubectl top pod --namespace=NAMESPACE

# Show metrics for a given pod and its containers
kubectl top pod POD_NAME --containers

# Show metrics for the pods defined by label name=myLabel
kubectl top pod -l name=myLabel`,
  flags: [
    {
      name: 'all-namespaces',
      short: 'A',
      type: 'bool',
      usage:
        'If present, list the requested object(s) across all namespaces. Namespace in current context is ignored even if specified with --namespace.',
    },
    { name: 'containers', type: 'bool', usage: 'If present, print usage of containers within a pod.' },
    {
      name: 'field-selector',
      type: 'string',
      usage:
        "Selector (field query) to filter on, supports '=', '==', and '!='.(e.g. --field-selector key1=value1,key2=value2). The server only supports a limited number of field queries per type.",
    },
    NO_HEADERS,
    SELECTOR,
    { ...SORT, usage: "If non-empty, sort pods list using specified field. The field can be either 'cpu' or 'memory'." },
    { name: 'sum', type: 'bool', usage: 'Print the sum of the resource usage' },
  ],
  *run(ctx) {
    const wrong = badSort(ctx);
    if (wrong) return wrong;
    const name = ctx.args[0] ?? '';
    if (name !== '' && (ctx.str('selector') !== '' || ctx.str('field-selector') !== ''))
      return failure('only one of NAME or selector can be provided');
    const ns = ctx.namespace();
    if (ns instanceof Failure) return ns;
    const base = yield* metricsPath(ctx);
    if (base instanceof Failure) return base;
    const all = ctx.bool('all-namespaces');
    const where = all ? '' : `/namespaces/${ns.name}`;
    const query = ctx.str('selector') === '' ? {} : { labelSelector: ctx.str('selector') };
    const metrics = yield* ctx.rest.get(`${base}${where}/pods${name === '' ? '' : `/${name}`}`, query);
    if (metrics instanceof Failure) return metrics;
    let found = itemsOf(metrics);
    if (found.length > 0 && ctx.str('field-selector') !== '') {
      const pods = yield* ctx.rest.get(`/api/v1${where}/pods`, { ...query, fieldSelector: ctx.str('field-selector') });
      if (pods instanceof Failure) return pods;
      const chosen = new Set(itemsOf(pods).map((p) => `${str(p, 'metadata', 'namespace')}/${str(p, 'metadata', 'name')}`));
      found = found.filter((m) => chosen.has(`${str(m, 'metadata', 'namespace')}/${str(m, 'metadata', 'name')}`));
    }
    if (found.length === 0) {
      const none = yield* noMetrics(ctx, all ? '' : ns.name, name);
      if (none) return none;
      yield* ctx.err(all ? 'No resources found\n' : `No resources found in ${ns.name} namespace.\n`);
      return 0;
    }
    const usage = (m: JsonObject): Usage => list(m, 'containers').reduce<Usage>((u, c) => plus(u, usageOf(obj(c, 'usage'))), ZERO);
    const containers = ctx.bool('containers');
    const w = new TabWriter(6, 3);
    const head = [...(all ? ['NAMESPACE'] : []), ...(containers ? ['POD'] : []), 'NAME', 'CPU(cores)', 'MEMORY(bytes)'];
    if (!ctx.bool('no-headers')) w.write(row(head));
    let total = ZERO;
    const key = (m: JsonObject): string => `${all ? `${str(m, 'metadata', 'namespace')}/` : ''}${str(m, 'metadata', 'name')}`;
    for (const m of sorted(found, ctx.str('sort-by'), key, usage)) {
      const first = [...(all ? [str(m, 'metadata', 'namespace')] : []), str(m, 'metadata', 'name')];
      total = plus(total, usage(m));
      if (!containers) w.write(row([...first, cpuText(usage(m)), memoryText(usage(m))]));
      else
        for (const c of sorted(
          list(m, 'containers').filter(isObject),
          ctx.str('sort-by'),
          (x) => str(x, 'name'),
          (x) => usageOf(obj(x, 'usage')),
        )) {
          const u = usageOf(obj(c, 'usage'));
          w.write(row([...first, str(c, 'name'), cpuText(u), memoryText(u)]));
        }
    }
    if (ctx.bool('sum')) {
      const blank = head.slice(0, -2).map(() => '');
      w.write(row([...blank, '________', '________']));
      w.write(row([...blank.slice(1), '', cpuText(total), memoryText(total)]));
    }
    yield* ctx.out(w.flush());
    return 0;
  },
};

export const topVerb: Verb = {
  name: 'top',
  use: 'top',
  short: 'Display resource (CPU/memory) usage',
  long: `Display resource (CPU/memory) usage.

 This command provides a view of recent resource consumption for nodes and pods. It fetches metrics from the Metrics Server, which aggregates this data from the kubelet on each node. The Metrics Server must be installed and running in the cluster for this command to work.`,
  flags: [],
  subcommands: [node, pod],
};
