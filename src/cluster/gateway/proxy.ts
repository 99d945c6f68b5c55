/** gateway-proxy: the data plane of one Gateway. */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { WaitQueue } from '../../sim/wait.ts';
import type { Client } from '../api/client.ts';
import { type L7Config, L7Server } from '../l7/server.ts';
import { envoyFlavor } from './flavor.ts';
import { GatewayCache } from './inputs.ts';
import { translate } from './translate.ts';

export const CONTROLLER_NAME = 'hopwise.dev/gateway-controller';

/** `clientOf` finds the API server as a pod does; null when the process is in no cluster. */
export function gatewayProxyCommand(clientOf: (p: Process) => Client | null): Command {
  return {
    name: 'gateway-proxy',
    path: '/usr/local/bin/gateway-proxy',
    *main(p) {
      const gateway = p.argv.find((a) => a.startsWith('--gateway='))?.slice('--gateway='.length);
      if (gateway === undefined || !gateway.includes('/')) {
        yield* p.err('usage: gateway-proxy --gateway=NAMESPACE/NAME\n');
        return 2;
      }
      const client = clientOf(p);
      if (!client) {
        yield* p.err('gateway-proxy: not in a cluster: no service account and no KUBERNETES_SERVICE_HOST\n');
        return 1;
      }
      const nudge = new WaitQueue();
      const lines: string[] = [];
      const print = (line: string): void => {
        lines.push(line);
        nudge.wakeAll();
      };
      let config: L7Config = { listeners: [] };
      const server = new L7Server(
        p,
        envoyFlavor(() => p.sim.epochMs + p.sim.now / 1000),
        () => config,
        print,
      );
      const cache = new GatewayCache(p.sim, client, () => {
        const own = cache.gateways.get(gateway);
        config = own ? { listeners: translate(own, cache).listeners } : { listeners: [] };
        for (const error of server.sync()) print(`[warning] ${error}`);
      });
      try {
        for (;;) {
          while (lines.length > 0) yield* p.out(`${lines.splice(0).join('\n')}\n`);
          yield { on: [nudge] };
        }
      } finally {
        cache.stop();
      }
    },
  };
}
