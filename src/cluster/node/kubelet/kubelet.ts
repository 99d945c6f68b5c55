/** kubelet: runs the pods that the API binds to its node. Models cmd/kubelet */

import type { Process } from '../../../os/process.ts';
import type { Command, Task } from '../../../os/program.ts';
import { startThread } from '../../../os/thread.ts';
import { WaitQueue } from '../../../sim/wait.ts';
import { formatIp, isLinkLocal } from '../../../wire/addr.ts';
import type { Client } from '../../api/client.ts';
import { readConfig } from './config.ts';
import { Kubelet } from './context.ts';
import { NodeStatus } from './node.ts';
import { staticPods } from './static.ts';

/** Finds the API as the kubeconfig names it. */
export type ConnectKubelet = (p: Process, kubeconfig: string) => Task<Client | string>;

/** The first address of each family on an interface that is not the loopback. */
function addresses(p: Process): string[] {
  const v4: string[] = [];
  const v6: string[] = [];
  for (const dev of p.ns.devices.values()) {
    if (dev.name === 'lo') continue;
    for (const a of dev.addrs4) v4.push(formatIp(a.local));
    for (const a of dev.addrs6) if (typeof a.local !== 'bigint' || !isLinkLocal(a.local)) v6.push(formatIp(a.local));
  }
  return [...v4.slice(0, 1), ...v6.slice(0, 1)];
}

const running = new WeakMap<Process, Kubelet>();

/** The kubelet that a process runs: for its server. */
export const kubeletOf = (p: Process): Kubelet | undefined => running.get(p);

export function kubeletCommand(connect: ConnectKubelet, serve: (kubelet: Kubelet) => Task<void>): Command {
  return {
    name: 'kubelet',
    path: '/usr/bin/kubelet',
    *main(p) {
      if (p.argv[1] === '--version') {
        yield* p.out('Kubernetes v1.36.3\n');
        return 0;
      }
      const config = readConfig(p, addresses(p));
      if (typeof config === 'string') {
        yield* p.err(`"command failed" err="${config}"\n`);
        return 1;
      }
      const client = yield* connect(p, config.kubeconfig);
      if (typeof client === 'string') {
        yield* p.err(`"command failed" err="failed to run Kubelet: ${client}"\n`);
        return 1;
      }
      const kubelet = new Kubelet(p, client, config);
      running.set(p, kubelet);
      try {
        kubelet.log('I', 'server.go:530', 'Kubelet version', { kubeletVersion: 'v1.36.3' });
        kubelet.log('I', 'kubelet.go:2489', 'Starting kubelet main sync loop');
        startThread(p, staticPods(kubelet));
        new NodeStatus(kubelet).start();
        startThread(p, serve(kubelet));
        const never = new WaitQueue();
        for (;;) yield { on: [never] };
      } finally {
        kubelet.stop();
      }
    },
  };
}
