/** metrics-server: scrapes kubelets and serves metrics.k8s.io/v1beta1. Models sigs.k8s.io/metrics-server v0.8 */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { startThread } from '../../os/thread.ts';
import type { TcpSocket } from '../../os/uapi.ts';
import { SEC } from '../../sim/sim.ts';
import { utf8 } from '../../wire/bytes.ts';
import type { Client } from '../api/client.ts';
import { Informer } from '../api/informer.ts';
import type { Node, Pod } from '../api/object.ts';
import { listenTcp, pause } from '../images/programs/http.ts';
import { fetchHttps } from '../l7/fetch.ts';
import { emitResponse, REASONS } from '../l7/http1.ts';
import { serveHttps } from '../l7/serve.ts';
import { clusterApiOf } from '../node/connect.ts';
import { answer } from './rest.ts';
import { sharedMetrics } from './source.ts';
import { type Batch, decodeBatch, MetricsStorage } from './storage.ts';

const SCRAPE = 10 * SEC;
const TYPES = ['InternalIP', 'ExternalIP', 'Hostname'];

/** Flags of the project's manifest; those that stand alone are true. */
const FLAGS = [
  'cert-dir',
  'secure-port',
  'kubelet-preferred-address-types',
  'kubelet-use-node-status-port',
  'kubelet-insecure-tls',
  'metric-resolution',
];

export interface Served {
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly storage: MetricsStorage;
}

function* scrape(p: Process, node: Node, types: readonly string[]): Task<Batch | string> {
  const addresses = node.status?.addresses ?? [];
  const at = types.map((t) => addresses.find((a) => a.type === t)?.address).find((a) => a !== undefined);
  if (at === undefined) return `node ${node.metadata.name} had no addresses that matched types [${types.join(' ')}]`;
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port || 10_250;
  const r = yield* fetchHttps(p, at, port, '/metrics/resource', SCRAPE);
  const url = `https://${at}:${port}/metrics/resource`;
  if (typeof r === 'string') return `Get ${JSON.stringify(url)}: ${r}`;
  return r.status === 200 ? decodeBatch(r.body) : `request failed, status: "${r.status} ${REASONS[r.status] ?? ''}"`;
}

function* scrapeAll(p: Process, served: Served, types: readonly string[]): Task<void> {
  const batches = new Map<string, Batch>();
  for (const node of [...served.nodes.values()]) {
    const r = yield* scrape(p, node, types);
    if (typeof r !== 'string') batches.set(node.metadata.name, r);
    else yield* p.err(`"Failed to scrape node" err=${JSON.stringify(r)} node=${JSON.stringify(node.metadata.name)}\n`);
  }
  served.storage.store(batches);
}

const listen = (p: Process, listener: TcpSocket, served: Served): Task<void> =>
  serveHttps(p, listener, {
    name: 'metrics-server',
    subject: () => [['CN', `localhost@${Math.floor(p.sim.epochMs / 1000)}`]],
    *answer(session, head) {
      const r = answer(p.sim, served, head);
      const body = utf8(r.body);
      const headers = [
        ['Content-Type', r.type],
        ['Content-Length', String(body.length)],
      ] as const;
      return (yield* session.send(emitResponse({ status: r.status, reason: REASONS[r.status] ?? 'Status', headers }, body))).ok;
    },
  });

/** `15s`, `1m` in µs. */
function resolutionOf(text: string): number | undefined {
  const m = /^(\d+)([sm])$/.exec(text);
  return m ? Number(m[1]) * (m[2] === 'm' ? 60 : 1) * SEC : undefined;
}

export function metricsServerCommand(clientOf: (p: Process) => Client | null): Command {
  return {
    name: 'metrics-server',
    path: '/metrics-server',
    *main(p) {
      const args = new Map<string, string>();
      for (const a of p.argv.slice(1)) {
        const m = /^--([a-z-]+)(?:=(.*))?$/.exec(a);
        if (!m || !FLAGS.includes(m[1] as string)) {
          yield* p.err(`Error: unknown flag: ${a}\n`);
          return 1;
        }
        args.set(m[1] as string, m[2] ?? 'true');
      }
      const period = resolutionOf(args.get('metric-resolution') ?? '1m');
      if (period === undefined || period < 10 * SEC) {
        yield* p.err(
          `panic: metric-resolution should be a time duration at least 10s, but value ${args.get('metric-resolution')} provided\n`,
        );
        return 2;
      }
      const client = clientOf(p);
      if (!client) {
        yield* p.err(
          'panic: unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined\n',
        );
        return 2;
      }
      const port = Number(args.get('secure-port') ?? 443);
      const listener = listenTcp(p, port);
      if (typeof listener === 'string') {
        yield* p.err(`panic: failed to create listener: failed to ${listener}\n`);
        return 2;
      }
      const served: Served = { nodes: new Informer(client, 'nodes'), pods: new Informer(client, 'pods'), storage: new MetricsStorage() };
      const cluster = clusterApiOf(p.sim);
      if (cluster) sharedMetrics(cluster.api).storage = served.storage;
      yield* p.err(`"Serving securely" address="[::]:${port}"\n`);
      startThread(p, listen(p, listener, served));
      const types = args.get('kubelet-preferred-address-types')?.split(',') ?? TYPES;
      try {
        for (;;) {
          const next = p.sim.now + period;
          yield* scrapeAll(p, served, types);
          yield* pause(p, Math.max(0, next - p.sim.now));
        }
      } finally {
        served.nodes.stop();
        served.pods.stop();
      }
    },
  };
}
