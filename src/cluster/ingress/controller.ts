/** An ingress controller's process: watches, a proxy whose configuration follows them, addresses in the status of Ingresses. */

import type { Process } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { WaitQueue } from '../../sim/wait.ts';
import type { Client } from '../api/client.ts';
import type { Informer } from '../api/informer.ts';
import type { Ingress, IngressClass } from '../api/object.ts';
import { ClusterCache } from '../gateway/inputs.ts';
import { type Flavor, type L7Config, L7Server } from '../l7/server.ts';
import { ingressesOf } from './objects.ts';

/** What one kind of controller makes of Ingresses. */
export interface IngressKind {
  readonly command: string;
  readonly path: string;
  /** Of IngressClass.spec.controller, and the value of the annotation that came before classes. */
  readonly controller: string;
  readonly className: string;
  /** Whether it serves Ingresses that name no class at all. */
  unclassed(args: ReadonlyMap<string, string>): boolean;
  flavor(p: Process, args: ReadonlyMap<string, string>): Flavor;
  config(p: Process, ingresses: readonly Ingress[], cache: ClusterCache, args: ReadonlyMap<string, string>): L7Config;
  /** Lines at the start. */
  banner(p: Process): string;
  readonly flags: readonly string[];
}

export class IngressCache extends ClusterCache {
  readonly ingresses: Informer<Ingress> = this.watch<Ingress>('ingresses.networking.k8s.io');
  readonly classes: Informer<IngressClass> = this.watch<IngressClass>('ingressclasses.networking.k8s.io');
}

/** `clientOf` finds the API server as a pod does; null when the process is in no cluster. */
export function ingressCommand(kind: IngressKind, clientOf: (p: Process) => Client | null): Command {
  return {
    name: kind.command,
    path: kind.path,
    *main(p) {
      const args = new Map<string, string>();
      for (const a of p.argv.slice(1)) {
        const m = /^--?([a-z][\w.-]*)(?:=(.*))?$/i.exec(a);
        if (!m || !kind.flags.includes((m[1] as string).toLowerCase())) {
          if (m?.[1] === undefined && !a.startsWith('-')) continue;
          yield* p.err(`unknown flag: ${a}\n`);
          return 2;
        }
        args.set((m[1] as string).toLowerCase(), m[2] ?? 'true');
      }
      const client = clientOf(p);
      if (!client) {
        yield* p.err(
          'error: unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined\n',
        );
        return 1;
      }
      yield* p.out(kind.banner(p));
      const nudge = new WaitQueue();
      const lines: string[] = [];
      const print = (line: string): void => {
        lines.push(line);
        nudge.wakeAll();
      };
      let config: L7Config = kind.config(p, [], new ClusterCache(p.sim, silent(client), () => {}), args);
      const server = new L7Server(p, kind.flavor(p, args), () => config, print);
      const cache = new IngressCache(p.sim, client, () => {
        const without = kind.unclassed(args);
        const own = ingressesOf(cache.ingresses.values(), cache.classes.values(), kind.controller, kind.className, without);
        config = kind.config(p, own, cache, args);
        for (const error of server.sync()) print(error);
        publish(
          client,
          cache,
          own,
          args.get('publish-service') ?? args.get('providers.kubernetesingress.ingressendpoint.publishedservice'),
        );
      });
      for (const error of server.sync()) print(error);
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

/** A client whose watches never tell anything. */
function silent(client: Client): Client {
  return { ...client, user: client.user, watch: () => ({ stop() {} }) };
}

/** Writes the addresses of the controller's own Service into the status of its Ingresses. */
function publish(client: Client, cache: ClusterCache, ingresses: readonly Ingress[], service: string | undefined): void {
  const [namespace = '', name = ''] = (service ?? '').split('/');
  const own = cache.service(namespace, name);
  if (!own) return;
  const ports = own.spec?.externalIPs ?? [];
  const from = own.status?.loadBalancer?.ingress?.map((i) => (i.ip ? { ip: i.ip } : { hostname: i.hostname ?? '' })) ?? [];
  const ingress = from.length > 0 ? from : ports.map((ip) => ({ ip }));
  if (ingress.length === 0) return;
  for (const i of ingresses) {
    const now = (i.status?.loadBalancer?.ingress ?? []).map((x) => (x.ip ? { ip: x.ip } : { hostname: x.hostname ?? '' }));
    if (JSON.stringify(now) === JSON.stringify(ingress)) continue;
    client.patch(
      'ingresses.networking.k8s.io',
      i.metadata.namespace ?? '',
      i.metadata.name,
      'merge',
      { status: { loadBalancer: { ingress } } },
      { subresource: 'status' },
    );
  }
}
