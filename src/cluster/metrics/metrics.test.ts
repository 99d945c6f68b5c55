/** Usage from points of kubelets, and the answers of the metrics API. */

import { describe, expect, it } from 'vitest';
import { Sim } from '../../sim/sim.ts';
import type { Informer } from '../api/informer.ts';
import type { KubeObject, Node, Pod } from '../api/object.ts';
import { answer } from './rest.ts';
import type { Served } from './server.ts';
import { decodeBatch, MetricsStorage } from './storage.ts';

const said = (at: number, cpu: number, node: number, start = 100): string => `# HELP x
container_cpu_usage_seconds_total{container="web",namespace="default",pod="web-1"} ${cpu} ${at}
container_memory_working_set_bytes{container="web",namespace="default",pod="web-1"} 4194304 ${at}
container_start_time_seconds{container="web",namespace="default",pod="web-1"} ${start}
node_cpu_usage_seconds_total ${node} ${at}
node_memory_working_set_bytes 524288000 ${at}
pod_cpu_usage_seconds_total{namespace="default",pod="web-1"} ${cpu} ${at}
resource_scrape_error 0
`;

function served(...texts: string[]): Served {
  const storage = new MetricsStorage();
  for (const t of texts) storage.store(new Map([['node-1', decodeBatch(t)]]));
  const labels = { app: 'web' };
  const nodes = [{ metadata: { name: 'node-1', labels: { zone: 'a' } } }];
  const pods = [{ metadata: { name: 'web-1', namespace: 'default', labels }, status: { phase: 'Running' } }];
  const informer = <T extends KubeObject>(list: readonly object[]): Informer<T> =>
    ({ values: () => list.values() }) as unknown as Informer<T>;
  return { storage, nodes: informer<Node>(nodes), pods: informer<Pod>(pods) };
}

const BASE = '/apis/metrics.k8s.io/v1beta1';
const get = (s: Served, target: string, accept = 'application/json'): { status: number; body: string } =>
  answer(new Sim(1), s, { method: 'GET', target, version: '1.1', headers: [['Accept', accept]] });

describe('metrics-server', () => {
  it('is ready once two rounds give a node its rate', () => {
    expect(get(served(said(115_000, 1, 10)), '/readyz').status).toBe(500);
    expect(get(served(said(115_000, 1, 10), said(130_000, 2.5, 13)), '/readyz').body).toBe('ok');
  });

  it('divides by the time between the points', () => {
    const { storage } = served(said(115_000, 1, 10), said(130_000, 2.5, 13));
    expect(storage.node('node-1')?.usage).toEqual({ cpuNanos: 200_000_000, memoryBytes: 524288000 });
    expect(storage.pod('default/web-1')?.usage).toEqual([['web', { cpuNanos: 100_000_000, memoryBytes: 4194304 }]]);
  });

  it('measures a container that started anew from its start', () => {
    const { storage } = served(said(115_000, 9, 10), said(130_000, 2, 13, 120));
    expect(storage.pod('default/web-1')).toMatchObject({ window: 10_000, usage: [['web', { cpuNanos: 200_000_000 }]] });
  });

  it('serves nodes and pods by name, namespace and labels', () => {
    const s = served(said(115_000, 1, 10), said(130_000, 2.5, 13));
    expect(JSON.parse(get(s, `${BASE}/nodes/node-1`).body)).toMatchObject({
      kind: 'NodeMetrics',
      window: '15s',
      usage: { cpu: '200m', memory: '500Mi' },
    });
    const items = (target: string): unknown[] => JSON.parse(get(s, target).body).items;
    expect(items(`${BASE}/pods`)).toHaveLength(1);
    expect(items(`${BASE}/namespaces/default/pods?labelSelector=app%3Dweb`)).toHaveLength(1);
    expect(items(`${BASE}/namespaces/default/pods?labelSelector=app%3Dother`)).toHaveLength(0);
    expect(items(`${BASE}/namespaces/other/pods`)).toHaveLength(0);
    expect(get(s, `${BASE}/nodes/none`)).toMatchObject({ status: 404 });
    const table = JSON.parse(get(s, `${BASE}/nodes`, 'application/json;as=Table;v=v1;g=meta.k8s.io').body);
    expect(table.rows[0].cells).toEqual(['node-1', '200m', '500Mi', '15s']);
  });
});
