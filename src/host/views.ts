/** What a page is shown of a running world: its picture, its traffic, and answers about its packets. Looks at the run and never changes it. */

import type { Session } from '../lab/session.ts';
import { Lookout } from '../lab/view/lookout.ts';
import { Recorder } from '../lab/view/recorder.ts';
import { Traffic } from '../lab/view/traffic.ts';
import type { FromWorker } from './protocol.ts';

/** The picture is made anew at most this often, and traffic is told about this often, wall ms. */
const TOPOLOGY_MS = 100;
const TRAFFIC_MS = 30;

export interface Watched {
  readonly topology: boolean;
  readonly traffic: boolean;
}

interface Clockwork {
  now(): number;
  later(ms: number, run: () => void): () => void;
}

export class Views {
  private readonly post: (message: FromWorker) => void;
  private readonly env: Clockwork;
  private watched: Watched = { topology: false, traffic: false };
  private session: Session | null = null;
  private lookout: Lookout | null = null;
  private recorder: Recorder | null = null;
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
    if (this.stopTimer || !(this.traffic?.pending || this.lookout)) return;
    this.stopTimer = this.env.later(TRAFFIC_MS, () => {
      this.stopTimer = null;
      this.tell();
    });
  }

  private tell(): void {
    if (this.traffic?.pending) this.post({ t: 'traffic', ...this.traffic.take() });
    const now = this.env.now();
    if (!this.lookout) return;
    if (now < this.due) {
      this.ran();
      return;
    }
    this.due = now + TOPOLOGY_MS;
    const topology = this.lookout.next();
    if (topology) this.post({ t: 'topology', topology });
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
