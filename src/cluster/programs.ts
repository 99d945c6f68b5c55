/** The table of the cluster's programs: lab/world.ts installs them on nodes beside bin's. */

import type { Process } from '../os/process.ts';
import type { Command, Task } from '../os/program.ts';
import type { Client } from './api/client.ts';
import { apiOf } from './api/connect.ts';
import { cniCommands } from './cni/index.ts';
import { commandsOf } from './cni/skel.ts';
import { speakerCommand } from './controllers/speaker.ts';
import { nodeCacheCommand } from './dns/nodecache.ts';
import { corednsCommand } from './dns/server.ts';
import { gatewayControllerCommand } from './gateway/controller.ts';
import { echoBasic } from './gateway/echo.ts';
import { gatewayProxyCommand } from './gateway/proxy.ts';
import { imageCommands } from './images/programs/index.ts';
import { ingressCommand } from './ingress/controller.ts';
import { nginxIngress } from './ingress/nginx.ts';
import { traefikIngress } from './ingress/traefik.ts';
import { metricsServerCommand } from './metrics/server.ts';
import { bird } from './network/bird/bird.ts';
import { birdc } from './network/bird/birdc.ts';
import { calicoctlCommand } from './network/calico/calicoctl.ts';
import { calicoInstall } from './network/calico/install.ts';
import { calicoNodeCommand } from './network/calico/node.ts';
import { calicoPlugins } from './network/calico/plugin.ts';
import { flanneldCommand } from './network/flannel/flanneld.ts';
import { ipMasqAgent } from './network/ipmasq/agent.ts';
import { controlPlaneCommands } from './node/controlplane.ts';
import { crictl } from './node/crictl/crictl.ts';
import { kubeletCommand } from './node/kubelet/kubelet.ts';
import { serveKubelet } from './node/kubelet/server.ts';
import { busybox, containerd, pause } from './node/runtime/containerd.ts';
import { policyAgentCommand } from './policy/agent.ts';
import { kubeProxyCommand } from './proxy/kube-proxy.ts';

/** What a router has installed beside the tools. */
export const routerCommands: readonly Command[] = [bird, birdc];

/** From a pod: by the address of the Service `kubernetes`. */
function podClient(p: Process, name: string): Client | null {
  return apiOf(p, { name, groups: ['system:serviceaccounts', 'system:authenticated'] }, { inCluster: true });
}

function connectAs(user: (p: Process) => string) {
  return function* (p: Process): Task<Client | string> {
    yield { cost: 20 };
    const name = user(p);
    return apiOf(p, { name, groups: ['system:authenticated'] }) ?? 'no API server';
  };
}

/** As a pod of a controller: the account that its manifest gives it. */
const asController = (p: Process): Client | null => podClient(p, 'system:serviceaccount:kube-system:controller');

/** What Calico's kubeconfig on a node says, and kubeadm's for the administrator. */
const CALICO = { name: 'system:serviceaccount:kube-system:calico-node', groups: ['system:serviceaccounts', 'system:authenticated'] };
const ADMIN = { name: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:masters', 'system:authenticated'] };

/** Programs that only images have. */
const inImages: readonly Command[] = [
  nodeCacheCommand((p) => podClient(p, 'system:serviceaccount:kube-system:node-local-dns')),
  gatewayControllerCommand(asController),
  gatewayProxyCommand(asController),
  ingressCommand(nginxIngress, asController),
  ingressCommand(traefikIngress, asController),
  metricsServerCommand((p) => podClient(p, 'system:serviceaccount:kube-system:metrics-server')),
  flanneldCommand((p) => podClient(p, 'system:serviceaccount:kube-flannel:flannel')),
  calicoNodeCommand((p) => podClient(p, 'system:serviceaccount:kube-system:calico-node')),
  calicoInstall,
  ipMasqAgent,
  speakerCommand((p) => podClient(p, 'system:serviceaccount:metallb-system:speaker')),
  policyAgentCommand(connectAs(() => 'system:serviceaccount:kube-system:network-policy-agent')),
  echoBasic,
  ...imageCommands,
];

export const clusterCommands: readonly Command[] = [
  ...inImages.map((c) => ({ ...c, hidden: true })),
  ...cniCommands,
  ...calicoPlugins((p) => apiOf(p, CALICO)).flatMap(commandsOf),
  calicoctlCommand((p) => apiOf(p, ADMIN)),
  ...controlPlaneCommands,
  busybox,
  containerd,
  crictl,
  pause,
  { ...kubeProxyCommand(connectAs(() => 'system:serviceaccount:kube-system:kube-proxy')), hidden: true },
  { ...corednsCommand((p) => podClient(p, 'system:serviceaccount:kube-system:coredns')), hidden: true },
  kubeletCommand(
    connectAs((p) => `system:node:${p.hostname}`),
    serveKubelet,
  ),
];
