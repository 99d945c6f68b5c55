/**
 * How long a cluster takes from nothing to all pods Ready, in wall time: `node --expose-gc bench/cluster.ts [NODES PODS SERVICES]`.
 * Without numbers W1, the median of many runs.
 */

import type { KubeObject } from '../src/cluster/api/object.ts';
import type { ClusterFile, MachineSpec } from '../src/cluster/world/file.ts';
import { W1 } from '../src/cluster/world/worlds.ts';
import { buildCluster } from '../src/lab/cluster.ts';

/** Until the engine has compiled what a grader of many labs runs again and again. */
const WARM_UP = 40;
const RUNS = 60;
const IMAGE = 'hopwise/echo:1.0';

function large(nodes: number, pods: number, services: number): ClusterFile {
  const machine = (i: number): MachineSpec => ({
    name: i === 0 ? 'cp-1' : `node-${i}`,
    kind: 'node',
    role: i === 0 ? 'control-plane' : 'worker',
    files: { '/etc/resolv.conf': 'nameserver 192.168.0.1\n' },
    interfaces: [{ name: 'eth0', network: 'lan', addresses: [`192.168.${56 + (i >> 7)}.${(i & 127) + 10}/16`] }],
  });
  const manifests: KubeObject[] = [];
  for (let s = 0; s < services; s++) {
    const name = `app-${s}`;
    const labels = { app: name };
    const replicas = Math.floor(((s + 1) * pods) / services) - Math.floor((s * pods) / services);
    const containers = [{ name: 'web', image: IMAGE, args: [name, '8080'] }];
    manifests.push({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
    } as KubeObject);
    manifests.push({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'default' },
      spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    } as KubeObject);
  }
  return {
    name: 'large',
    title: `${nodes} nodes`,
    networks: [{ name: 'lan' }],
    machines: Array.from({ length: nodes }, (_, i) => machine(i)),
    kubernetes: { ...(W1.kubernetes as NonNullable<ClusterFile['kubernetes']>), cni: 'bridge', dnsReplicas: 2 },
    manifests,
    terminals: [],
  };
}

const [nodes = 0, pods = 0, services = 0] = process.argv.slice(2).map(Number);
const once = (file: ClusterFile, seed: number): number => {
  const start = performance.now();
  buildCluster(file, seed);
  return performance.now() - start;
};
if (nodes > 0) {
  const file = large(nodes, pods, services);
  const start = performance.now();
  const world = buildCluster(file, 1);
  const wall = performance.now() - start;
  const { heapUsed, rss } = process.memoryUsage();
  console.log(
    `${nodes} nodes, ${pods} pods, ${services} Services: ${(wall / 1000).toFixed(1)} s, ${(world.sim.now / 1e6).toFixed(1)} s of virtual time, ${world.sim.steps} events, heap ${Math.round(heapUsed / 2 ** 20)} MiB, RSS ${Math.round(rss / 2 ** 20)} MiB`,
  );
} else {
  const times = Array.from({ length: WARM_UP + RUNS }, (_, i) => once(W1, i + 1));
  const sorted = times.slice(WARM_UP).sort((a, b) => a - b);
  console.log(
    `W1, nothing to all Ready: first ${times[0]?.toFixed(0)} ms, tenth ${times[9]?.toFixed(0)} ms, median of ${RUNS} after ${WARM_UP}: ${sorted[RUNS >> 1]?.toFixed(1)} ms`,
  );
}
