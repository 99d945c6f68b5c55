/** The controllers of kube-controller-manager, in the order in which they start. */

import type { Sim } from '../../sim/sim.ts';
import type { Client } from '../api/client.ts';
import type { ResourceDef } from '../api/resources.ts';
import { type Controller, type ControllerContext, type ControllerOptions, Informers, type Running } from './context.ts';
import { cronJob } from './cronjob.ts';
import { daemonSet } from './daemonset.ts';
import { deployment } from './deployment.ts';
import { disruption } from './disruption.ts';
import { endpoints } from './endpoints.ts';
import { endpointSlice } from './endpointslice.ts';
import { garbageCollector } from './garbage.ts';
import { horizontalPodAutoscaler } from './hpa.ts';
import { nodeIpam } from './ipam.ts';
import { job } from './job.ts';
import { loadBalancer } from './loadbalancer.ts';
import { endpointSliceMirroring } from './mirroring.ts';
import { namespace } from './namespace.ts';
import { nodeLifecycle } from './nodelifecycle.ts';
import { replicaSet, replicationController } from './replicaset.ts';
import { rootCA, serviceAccount } from './serviceaccount.ts';
import { podGC, ttl, ttlAfterFinished } from './small.ts';
import { statefulSet } from './statefulset.ts';
import { taintEviction } from './tainteviction.ts';
import { volumeBinder } from './volumes.ts';

export const CONTROLLERS: readonly Controller[] = [
  serviceAccount,
  rootCA,
  namespace,
  nodeIpam,
  nodeLifecycle,
  taintEviction,
  ttl,
  endpoints,
  endpointSlice,
  endpointSliceMirroring,
  deployment,
  replicaSet,
  replicationController,
  daemonSet,
  statefulSet,
  job,
  cronJob,
  disruption,
  horizontalPodAutoscaler,
  loadBalancer,
  volumeBinder,
  podGC,
  ttlAfterFinished,
  garbageCollector,
];

export interface ManagerContext {
  readonly sim: Sim;
  readonly client: Client;
  readonly options?: ControllerOptions;
  readonly resources: () => readonly ResourceDef[];
}

/** Starts them all on shared informers; `--controllers` as a predicate on names. */
export function startControllers(ctx: ManagerContext, enabled: (name: string) => boolean = () => true): Running {
  const informers = new Informers(ctx.client);
  const shared: ControllerContext = { sim: ctx.sim, client: ctx.client, informers, options: ctx.options ?? {}, resources: ctx.resources };
  const running = CONTROLLERS.filter((c) => enabled(c.name)).map((c) => c.start(shared));
  return {
    stop: () => {
      for (const r of running) r.stop();
      informers.stop();
    },
  };
}
