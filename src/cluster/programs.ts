/** The table of the cluster's programs: lab/world.ts installs them on nodes beside bin's. */

import type { Process } from '../os/process.ts';
import type { Command, Task } from '../os/program.ts';
import type { Client } from './api/client.ts';
import { cniCommands } from './cni/index.ts';
import { nodeCacheCommand } from './dns/nodecache.ts';
import { corednsCommand } from './dns/server.ts';
import { gatewayControllerCommand } from './gateway/controller.ts';
import { echoBasic } from './gateway/echo.ts';
import { gatewayProxyCommand } from './gateway/proxy.ts';
import { imageCommands } from './images/programs/index.ts';
import { ingressCommand } from './ingress/controller.ts';
import { nginxIngress } from './ingress/nginx.ts';
import { traefikIngress } from './ingress/traefik.ts';
import { ipMasqAgent } from './network/ipmasq/agent.ts';
import { clusterApiOf } from './node/connect.ts';
import { controlPlaneCommands } from './node/controlplane.ts';
import { kubeletCommand } from './node/kubelet/kubelet.ts';
import { serveKubelet } from './node/kubelet/server.ts';
import { busybox, containerd, pause } from './node/runtime/containerd.ts';
import { policyAgentCommand } from './policy/agent.ts';
import { kubeProxyCommand } from './proxy/kube-proxy.ts';

function localClient(p: Process, name: string): Client | null {
  return clusterApiOf(p.sim)?.api.client({ name, groups: ['system:authenticated'] }) ?? null;
}

function connectAs(user: (p: Process) => string) {
  return function* (p: Process): Task<Client | string> {
    yield { cost: 20 };
    return localClient(p, user(p)) ?? 'no API server';
  };
}

/** As a pod of a controller: the account that its manifest gives it. */
const asController = (p: Process): Client | null => localClient(p, 'system:serviceaccount:kube-system:controller');

/** Programs that only images have. */
const inImages: readonly Command[] = [
  nodeCacheCommand((p) => localClient(p, 'system:serviceaccount:kube-system:node-local-dns')),
  gatewayControllerCommand(asController),
  gatewayProxyCommand(asController),
  ingressCommand(nginxIngress, asController),
  ingressCommand(traefikIngress, asController),
  ipMasqAgent,
  policyAgentCommand(connectAs(() => 'system:serviceaccount:kube-system:network-policy-agent')),
  echoBasic,
  ...imageCommands,
];

export const clusterCommands: readonly Command[] = [
  ...inImages.map((c) => ({ ...c, hidden: true })),
  ...cniCommands,
  ...controlPlaneCommands,
  busybox,
  containerd,
  pause,
  { ...kubeProxyCommand(connectAs(() => 'system:serviceaccount:kube-system:kube-proxy')), hidden: true },
  { ...corednsCommand((p) => localClient(p, 'system:serviceaccount:kube-system:coredns')), hidden: true },
  kubeletCommand(
    connectAs((p) => `system:node:${p.hostname}`),
    serveKubelet,
  ),
];
