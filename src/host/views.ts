/** What a page is shown of a running world: its picture, its traffic, and answers about its packets. Looks at the run and never changes it. */

import type { Session } from '../lab/session.ts';
import { Inquiry } from '../lab/view/inquiry.ts';
import { Lookout } from '../lab/view/lookout.ts';
import { Recorder } from '../lab/view/recorder.ts';
import type { Ask, Told } from '../lab/view/told.ts';
import { Traffic } from '../lab/view/traffic.ts';
import type { FromWorker } from './protocol.ts';

/** The picture is made anew at most this often, and traffic is told about this often, wall ms. */
const TOPOLOGY_MS = 100;
const TRAFFIC_MS = 30;
/** A page hears at most this often that there are more packets. */
const NEWS_MS = 250;

export interface Watched {
  readonly topology: boolean;
  readonly traffic: boolean;
  readonly packets: boolean;
}

interface Clockwork {
  now(): number;
  later(ms: number, run: () => void): () => void;
}

export class Views {
  private readonly post: (message: FromWorker) => void;
  private readonly env: Clockwork;
  private watched: Watched = { topology: false, traffic: false, packets: false };
  private session: Session | null = null;
  private lookout: Lookout | null = null;
  private recorder: Recorder | null = null;
  private inquiry: Inquiry | null = null;
  private told = -1;
  private newsDue = 0;
  private traffic: Traffic | null = null;
  private stopTimer: (() => void) | null = null;
  private due = 0;

  constructor(post: (message: FromWorker) => void, env: Clockwork) {
    this.post = post;
    this.env = env;
  }

  /** Another world has begun. */
  follow(session: Session | null): void {
    if (session === this.session) return;
    this.traffic?.stop();
    this.recorder?.stop();
    this.session = session;
    this.lookout = null;
    this.traffic = null;
    this.recorder = session ? new Recorder(session.world.sim, senderIn(session)) : null;
    this.inquiry = session && this.recorder ? new Inquiry(session.world, this.recorder) : null;
    this.told = -1;
    this.watch(this.watched);
  }

  watch(watched: Watched): void {
    const { session } = this;
    if (!watched.topology) this.lookout = null;
    else if (session)
      this.lookout ??= new Lookout(
        session.world,
        session.info.hosts.map((h) => h.id),
      );
    this.watched = watched;
    if (watched.traffic && this.recorder) this.traffic ??= new Traffic(this.recorder);
    else if (!watched.traffic) {
      this.traffic?.stop();
      this.traffic = null;
    }
    this.ran();
  }

  /** Events may have run. */
  ran(): void {
    if (this.stopTimer || !(this.traffic?.pending || this.lookout || this.news)) return;
    this.stopTimer = this.env.later(TRAFFIC_MS, () => {
      this.stopTimer = null;
      this.tell();
    });
  }

  /** Null when the world is gone. */
  ask<A extends Ask>(ask: A): Told[A['what']] | null {
    return this.inquiry?.ask(ask) ?? null;
  }

  private get news(): boolean {
    return this.watched.packets && this.recorder !== null && this.recorder.version !== this.told;
  }

  private tell(): void {
    if (this.traffic?.pending) this.post({ t: 'traffic', ...this.traffic.take() });
    const now = this.env.now();
    if (this.news && this.recorder && now >= this.newsDue) {
      this.newsDue = now + NEWS_MS;
      this.told = this.recorder.version;
      this.post({ t: 'news', version: this.told });
    }
    const early = this.lookout !== null && now < this.due;
    if (this.lookout && !early) {
      this.due = now + TOPOLOGY_MS;
      const topology = this.lookout.next();
      if (topology) this.post({ t: 'topology', topology });
    }
    if (early || this.news) this.ran();
  }
}

/** The program that runs on a machine at this moment, with its login. */
function senderIn(session: Session): (host: string) => { pid: number; login: number } | null {
  const machines = new Map([...session.world.hosts.values()].map((h) => [h.machine.kernel.hostname, h.machine]));
  return (host) => {
    const p = machines.get(host)?.current;
    return p ? { pid: p.pid, login: p.audit?.id ?? 0 } : null;
  };
}
