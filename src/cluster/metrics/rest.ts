/** Requests to metrics-server: health, discovery, nodes and pods of metrics.k8s.io/v1beta1. Models metrics-server's pkg/api */

import type { Sim } from '../../sim/sim.ts';
import { parseQuery } from '../api/http-types.ts';
import { quantityText } from '../api/quantity.ts';
import { matchesRequirements, parseLabelSelector } from '../api/selectors.ts';
import { badRequest, type Failure, notFound } from '../api/status.ts';
import { timestamp } from '../api/time.ts';
import { headerOf, type RequestHead } from '../l7/http1.ts';
import type { Served } from './server.ts';
import type { Measured, Usage } from './storage.ts';

const GROUP = 'metrics.k8s.io';
const VERSION = `${GROUP}/v1beta1`;

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

interface Row {
  readonly name: string;
  readonly usage: Usage;
  readonly window: number;
  readonly object: object;
}

const text = (status: number, body: string): Answer => ({ status, type: 'text/plain; charset=utf-8', body });
const json = (status: number, value: object): Answer => ({ status, type: 'application/json', body: `${JSON.stringify(value)}\n` });
const refuse = ({ status }: Failure): Answer => json(status.code ?? 500, { kind: 'Status', apiVersion: 'v1', metadata: {}, ...status });

const RESOURCES = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: VERSION,
  resources: [
    { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
    { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
  ],
} as const;

const cpuText = (u: Usage): string => quantityText({ nanos: BigInt(u.cpuNanos), format: 'DecimalSI' });
const memoryText = (u: Usage): string => quantityText({ nanos: BigInt(u.memoryBytes) * 1_000_000_000n, format: 'BinarySI' });
const usageText = (u: Usage): object => ({ cpu: cpuText(u), memory: memoryText(u) });
/** As Go writes a duration of less than an hour. */
function windowText(ms: number): string {
  const seconds = ms / 1000;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${Number((seconds % 60).toFixed(3))}s`;
}

interface Named {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Readonly<Record<string, string>> };
}

function row(sim: Sim, kind: string, of: Named, m: Measured<unknown>, usage: Usage, body: object): Row {
  const { name, namespace, labels } = of.metadata;
  const metadata = {
    name,
    ...(namespace ? { namespace } : {}),
    creationTimestamp: timestamp(sim),
    ...(labels ? { labels } : {}),
  };
  const at = timestamp(sim, (m.at - sim.epochMs) * 1000);
  return {
    name,
    usage,
    window: m.window,
    object: { kind, apiVersion: VERSION, metadata, timestamp: at, window: windowText(m.window), ...body },
  };
}

function rows(sim: Sim, served: Served, resource: string, wanted: (o: Named) => boolean): Row[] {
  const out: Row[] = [];
  if (resource === 'nodes') {
    for (const node of served.nodes.values()) {
      const m = wanted(node) ? served.storage.node(node.metadata.name) : undefined;
      if (m) out.push(row(sim, 'NodeMetrics', node, m, m.usage, { usage: usageText(m.usage) }));
    }
    return out;
  }
  for (const pod of served.pods.values()) {
    if (pod.status?.phase !== 'Running' || !wanted(pod)) continue;
    const m = served.storage.pod(`${pod.metadata.namespace}/${pod.metadata.name}`);
    if (!m) continue;
    const sum = m.usage.reduce((s, [, u]) => ({ cpuNanos: s.cpuNanos + u.cpuNanos, memoryBytes: s.memoryBytes + u.memoryBytes }), {
      cpuNanos: 0,
      memoryBytes: 0,
    });
    out.push(row(sim, 'PodMetrics', pod, m, sum, { containers: m.usage.map(([name, u]) => ({ name, usage: usageText(u) })) }));
  }
  return out;
}

function table(list: readonly Row[]): object {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {},
    columnDefinitions: [
      { name: 'Name', type: 'string', format: 'name', description: 'Name of the resource', priority: 0 },
      { name: 'cpu', type: 'string', format: '', description: '', priority: 0 },
      { name: 'memory', type: 'string', format: '', description: '', priority: 0 },
      { name: 'Window', type: 'string', format: 'duration', description: '', priority: 0 },
    ],
    rows: list.map((r) => ({ cells: [r.name, cpuText(r.usage), memoryText(r.usage), windowText(r.window)], object: r.object })),
  };
}

const PATH = /^\/apis\/metrics\.k8s\.io\/v1beta1(?:\/namespaces\/([^/]+))?\/(nodes|pods)(?:\/([^/]+))?$/;

export function answer(sim: Sim, served: Served, head: RequestHead): Answer {
  const [path = '', query = ''] = head.target.split(/\?(.*)/s);
  const clean = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  if (clean === '/livez' || clean === '/healthz') return text(200, 'ok');
  if (clean === '/readyz')
    return served.storage.ready
      ? text(200, 'ok')
      : text(500, '[+]ping ok\n[+]log ok\n[-]metric-storage-ready failed: reason withheld\nreadyz check failed\n');
  if (clean === `/apis/${VERSION}`) return json(200, RESOURCES);
  const m = PATH.exec(clean);
  if (!m || (m[1] !== undefined && m[2] === 'nodes')) return text(404, '404 page not found\n');
  const [, namespace, resource = '', name] = m;
  if (head.method !== 'GET') return refuse(notAllowed(resource, head.method));
  const asked = parseQuery(query);
  const labels = parseLabelSelector(asked.find(([k]) => k === 'labelSelector')?.[1] ?? '');
  if (!labels.ok) return refuse(badRequest(labels.error));
  const found = rows(
    sim,
    served,
    resource,
    (o) =>
      (namespace === undefined || o.metadata.namespace === namespace) &&
      (name === undefined ? matchesRequirements(labels.value, o.metadata.labels) : o.metadata.name === name),
  );
  const asTable = (headerOf(head.headers, 'accept') ?? '').includes('as=Table');
  if (name !== undefined && !found[0])
    return refuse(notFound({ group: GROUP, plural: resource }, namespace === undefined ? name : `${namespace}/${name}`));
  if (asTable) return json(200, table(found));
  if (name !== undefined) return json(200, (found[0] as Row).object);
  const kind = resource === 'nodes' ? 'NodeMetricsList' : 'PodMetricsList';
  return json(200, {
    kind,
    apiVersion: VERSION,
    metadata: {},
    items: found.map((r) => ({ ...r.object, kind: undefined, apiVersion: undefined })),
  });
}

function notAllowed(resource: string, method: string): Failure {
  return {
    ok: false,
    status: {
      status: 'Failure',
      message: `${method.toLowerCase()} is not supported on resources of kind "${resource}.${GROUP}"`,
      reason: 'MethodNotAllowed',
      details: { group: GROUP, kind: resource },
      code: 405,
    },
  } as Failure;
}
