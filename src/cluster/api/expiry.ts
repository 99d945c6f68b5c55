/** Events live an hour. Models `--event-ttl`. */

import { SEC } from '../../sim/sim.ts';
import type { AnyObject } from './object.ts';
import type { ResourceDef } from './resources.ts';
import type { ApiServer } from './server.ts';

const TTL = 3600 * SEC;

export class Expiry {
  private readonly server: ApiServer;
  private readonly queue: { readonly at: number; readonly key: string; readonly uid: string }[] = [];
  private waiting = false;

  constructor(server: ApiServer) {
    this.server = server;
  }

  add(event: AnyObject): void {
    const { namespace = '', name, uid } = event.metadata;
    this.queue.push({ at: this.server.sim.now + TTL, key: `${namespace}/${name}`, uid });
    this.arm();
  }

  private arm(): void {
    const next = this.queue[0];
    if (!next || this.waiting) return;
    this.waiting = true;
    this.server.sim.schedule(next.at - this.server.sim.now, () => this.run());
  }

  private run(): void {
    this.waiting = false;
    const { server } = this;
    const def = server.scheme.named('events') as ResourceDef;
    let n = 0;
    while (n < this.queue.length && (this.queue[n] as { at: number }).at <= server.sim.now) n++;
    for (const { key, uid } of this.queue.splice(0, n)) {
      const event = server.table(def).get(key);
      if (event?.metadata.uid === uid) server.client().delete('events', event.metadata.namespace ?? '', event.metadata.name);
    }
    this.arm();
  }
}
