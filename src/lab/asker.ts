/** A client that asks a URL again and again while a world goes on: what a monitor is, and a check of what happens meanwhile. */

import { type Micros, SEC, type Timer } from '../sim/sim.ts';
import { locate, targetUrl } from './place.ts';
import { Call } from './probe/caller.ts';
import { type HttpOutcome, request } from './probe/http.ts';
import { Journey } from './probe/journey.ts';
import { Watch } from './probe/watch.ts';
import type { World } from './world.ts';

export interface Asking {
  readonly from: string;
  readonly url: string;
  /** Between two requests. */
  readonly every: Micros;
}

/** What came of one request; `text` says how it failed. */
export interface Asked {
  readonly ok: boolean;
  readonly text: string;
  /** When it was sent, virtual µs. */
  readonly time: Micros;
  readonly hop: string | undefined;
}

/** After this long without an answer a request has failed. */
const MAX_PATIENCE = 4 * SEC;
const MIN_PATIENCE = SEC;

function resultOf(outcome: HttpOutcome | undefined): { ok: boolean; text: string } {
  if (outcome === undefined) return { ok: false, text: 'no answer in time' };
  if (outcome.kind !== 'answer') return { ok: false, text: outcome.text };
  return { ok: outcome.status >= 200 && outcome.status < 400, text: `status ${outcome.status}` };
}

export class Asker {
  private readonly world: World;
  private readonly what: Asking;
  private readonly heard: (asked: Asked) => void;
  private readonly open = new Set<Call<HttpOutcome>>();
  private next: Timer | null = null;
  /** Follows the packets of its requests, to tell the hop where one was lost. */
  private watching: boolean;

  /** Asks from now on. */
  constructor(world: World, what: Asking, heard: (asked: Asked) => void, watching = false) {
    this.world = world;
    this.what = what;
    this.heard = heard;
    this.watching = watching;
    this.next = world.sim.schedule(0, () => this.ask());
  }

  stop(): void {
    this.world.sim.cancel(this.next);
    this.next = null;
    for (const call of this.open) call.stop();
    this.open.clear();
  }

  /** Requests that are still under way. */
  get waiting(): number {
    return this.open.size;
  }

  /** Asks no more, but waits for what is under way. */
  finish(): void {
    this.world.sim.cancel(this.next);
    this.next = null;
  }

  private ask(): void {
    const { world, what } = this;
    const { sim } = world;
    this.next = sim.schedule(what.every, () => this.ask());
    const time = sim.now;
    const spot = locate(world, what.from);
    const url = targetUrl(world, what.url);
    if (typeof spot === 'string' || typeof url !== 'string') {
      this.heard({ ok: false, text: typeof spot === 'string' ? spot : (url as { missing: string }).missing, time, hop: undefined });
      return;
    }
    const patience = Math.max(MIN_PATIENCE, Math.min(MAX_PATIENCE, what.every));
    const watch = this.watching ? new Watch(sim, spot.ns) : null;
    const authority = world.kube?.authority ?? null;
    let over = false;
    const done = (outcome: HttpOutcome | undefined): void => {
      if (over) return;
      over = true;
      sim.cancel(limit);
      const result = resultOf(outcome);
      const hop = watch && !result.ok ? new Journey(spot, watch).hop : undefined;
      watch?.end();
      if (!result.ok) this.watching = false;
      this.heard({ ...result, time, hop });
    };
    const limit = sim.schedule(patience, () => {
      call.stop();
      this.open.delete(call);
      done(undefined);
    });
    const call: Call<HttpOutcome> = new Call<HttpOutcome>(
      spot,
      patience,
      function* (p) {
        const outcome = yield* request(p, { url }, null, authority);
        done(outcome);
        return outcome;
      },
      watch?.made ?? null,
    );
    if (!call.ended) this.open.add(call);
    for (const c of this.open) if (c.ended) this.open.delete(c);
  }
}
