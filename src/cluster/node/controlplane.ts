/** The processes of the control plane: kube-controller-manager and kube-scheduler run their loops against the API; etcd is only seen. Models cmd/kube-controller-manager, cmd/kube-scheduler */

import type { Process } from '../../os/process.ts';
import type { Command, Task } from '../../os/program.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { type Controller, type ControllerOptions, Informers, type Running } from '../controllers/context.ts';
import { deployment } from '../controllers/deployment.ts';
import { endpointSlice } from '../controllers/endpointslice.ts';
import { garbageCollector } from '../controllers/garbage.ts';
import { namespace } from '../controllers/namespace.ts';
import { replicaSet, replicationController } from '../controllers/replicaset.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { clusterApiOf } from './connect.ts';

const CONTROLLERS: readonly Controller[] = [deployment, endpointSlice, garbageCollector, namespace, replicaSet, replicationController];

/** Who reports the scheduler's events. */
const HOST = 'default-scheduler';

export const runsDaemonSets = CONTROLLERS.some((c) => c.name === 'daemonset-controller');

function* forever(): Task<never> {
  const never = new WaitQueue();
  for (;;) yield { on: [never] };
}

function program(name: string, user: string, parts: readonly Controller[]): Command {
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
      const { api, kubernetes } = cluster;
      const client = api.client({ name: user, groups: ['system:authenticated'] }, { fieldManager: name });
      const options: ControllerOptions = {
        clusterCIDRs: kubernetes.clusterCIDRs,
        allocateNodeCIDRs: true,
        ...(kubernetes.loadBalancerPool ? { loadBalancerPool: kubernetes.loadBalancerPool } : {}),
      };
      const informers = new Informers(client);
      const running: Running[] = parts.map((c) => c.start({ sim: p.sim, client, informers, options, resources: () => api.scheme.all() }));
      try {
        return yield* forever();
      } finally {
        for (const r of running) r.stop();
        informers.stop();
      }
    },
  };
}

export const controlPlaneCommands: readonly Command[] = [
  program('kube-controller-manager', 'system:kube-controller-manager', CONTROLLERS),
  program('kube-scheduler', 'system:kube-scheduler', [{ name: 'kube-scheduler', start: ({ sim, client }) => startScheduler({ sim, client, host: HOST }) }]),
  { name: 'etcd', path: '/usr/local/bin/etcd', hidden: true, main: forever },
  { name: 'kube-apiserver', path: '/usr/local/bin/kube-apiserver', hidden: true, main: forever },
];
