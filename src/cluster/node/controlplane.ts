/** The processes of the control plane: kube-controller-manager and kube-scheduler run their loops against the API; etcd is only seen. Models cmd/kube-controller-manager, cmd/kube-scheduler */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { kubeApiserverCommand } from '../api/apiserver.ts';
import type { Client } from '../api/client.ts';
import type { Running } from '../controllers/context.ts';
import { startControllers } from '../controllers/index.ts';
import { metricsSource } from '../metrics/source.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { type ClusterApi, clusterApiOf } from './connect.ts';

function* forever(): Task<never> {
  const never = new WaitQueue();
  for (;;) yield { on: [never] };
}

function program(name: string, start: (p: Process, client: Client, cluster: ClusterApi) => Running): Command {
  return {
    name,
    path: `/usr/local/bin/${name}`,
    hidden: true,
    *main(p: Process) {
      const cluster = clusterApiOf(p.sim);
      if (!cluster) {
        yield* p.err(`Error: ${name}: no configuration has been provided, try setting KUBERNETES_MASTER environment variable\n`);
        return 1;
      }
      const client = cluster.api.client({ name: `system:${name}`, groups: ['system:authenticated'] }, { fieldManager: name });
      const running = start(p, client, cluster);
      try {
        return yield* forever();
      } finally {
        running.stop();
      }
    },
  };
}

const controllerManager = program('kube-controller-manager', ({ sim }, client, { api, kubernetes, rootCA }) =>
  startControllers({
    sim,
    client,
    options: {
      clusterCIDRs: kubernetes.clusterCIDRs,
      allocateNodeCIDRs: true,
      rootCA,
      metrics: metricsSource(api),
      loadBalancers: (kubernetes.loadBalancerPool?.length ?? 0) > 0,
    },
    resources: () => api.scheme.all(),
  }),
);

export const controlPlaneCommands: readonly Command[] = [
  controllerManager,
  program('kube-scheduler', (p, client) => startScheduler({ sim: p.sim, client, host: p.hostname })),
  { name: 'etcd', path: '/usr/local/bin/etcd', hidden: true, main: forever },
  kubeApiserverCommand,
];
