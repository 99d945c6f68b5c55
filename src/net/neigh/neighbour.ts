/** One neighbour: its state machine, timer, and the packets that wait for its address. Models net/core/neighbour.c */

import { fail, ok, type Result } from '../../sim/errno.ts';
import type { Timer } from '../../sim/sim.ts';
import { type Family, familyOf, formatIp, type IpAddr } from '../../wire/addr.ts';
import { formatMac, type Mac } from '../../wire/mac.ts';
import { devQueueXmit } from '../dev/core.ts';
import type { NetDevice } from '../dev/device.ts';
import { netDrop } from '../dev/trace.ts';
import { icmpSend } from '../ip/icmp.ts';
import { icmp6Send } from '../ip/icmp6.ts';
import type { Skb } from '../skb.ts';
import { wheelTime } from '../wheel.ts';
import { arpSolicit } from './arp.ts';
import { ndiscSolicit } from './ndisc.ts';
import * as nud from './nud.ts';
import type { NeighParams } from './params.ts';

declare module '../../sim/trace.ts' {
  interface TraceEvents {
    /** A neighbour entry changed state, or packet `skb` waits for it (0: none). */
    'net.neigh': { skb: number; host: string; ns: string; dev: string; ip: string; mac: string; state: string };
  }
}

/** What the queue is charged for a packet besides its bytes (sizeof(struct sk_buff) and shared info). */
const TRUESIZE = 704;

/** interval_probe_time_ms, in µs. */
const MANAGED_INTERVAL = 5_000_000;

export class Neighbour {
  readonly family: Family;
  readonly ip: IpAddr;
  readonly dev: NetDevice;
  readonly params: NeighParams;
  mac: Mac | null = null;
  /** NUD_* */
  state = nud.NUD_NONE;
  isRouter = false;
  externLearn = false;
  /** NTF_EXT_MANAGED: its address is kept known without traffic. */
  managed = false;
  /** Virtual times in µs. */
  used: number;
  confirmed: number;
  updated: number;
  probes = 0;
  /** RTPROT_* given by the user, 0 unspecified. */
  protocol = 0;
  /** Removed from its table. */
  dead = false;
  private queue: Skb[] = [];
  private queuedBytes = 0;
  private timer: Timer | null = null;

  constructor(ip: IpAddr, dev: NetDevice, params: NeighParams) {
    this.family = familyOf(ip);
    this.ip = ip;
    this.dev = dev;
    this.params = params;
    const now = dev.sim.now;
    this.used = now;
    this.updated = now;
    this.confirmed = now - 2 * params.get('base_reachable_time_ms') * 1000;
  }

  /** Users of the entry besides the table: its timer. */
  get refcnt(): number {
    return this.timer !== null ? 1 : 0;
  }

  /** neigh_event_send() without a packet: asks when nothing is known, verifies when it is stale. */
  solicit(): void {
    if (this.state & (nud.NUD_CONNECTED | nud.NUD_DELAY | nud.NUD_PROBE)) return;
    this.used = this.dev.sim.now;
    this.eventSend(null);
  }

  /** neigh_managed_work(): every interval_probe_time (5 s) anew. */
  manage(): void {
    if (this.managed) return;
    this.managed = true;
    const work = (): void => {
      if (this.dead) return;
      this.solicit();
      this.dev.sim.schedule(MANAGED_INTERVAL, work);
    };
    work();
  }

  /** Sends the packet now, or queues it until the address is known. Models neigh_output() and __neigh_event_send(). */
  output(skb: Skb): void {
    if ((this.state & nud.NUD_CONNECTED) === 0) {
      this.used = this.dev.sim.now;
      if ((this.state & (nud.NUD_DELAY | nud.NUD_PROBE)) === 0 && !this.eventSend(skb)) return;
    }
    if (skb.sk?.confirmPending) {
      skb.sk.confirmPending = false;
      skb.confirmsNeighbour = true;
    }
    if (skb.confirmsNeighbour) this.confirmed = this.dev.sim.now;
    skb.ethSrc = this.dev.mac;
    skb.ethDst = this.mac as Mac;
    devQueueXmit(skb);
  }

  /** False when the packet was queued or dropped. */
  private eventSend(skb: Skb | null): boolean {
    const now = this.dev.sim.now;
    if (this.state & nud.NUD_STALE) {
      this.stopTimer();
      this.setState(nud.NUD_DELAY);
      this.updated = now;
      this.startTimer(this.params.delayProbeTime());
      return true;
    }
    let probe = false;
    if ((this.state & nud.NUD_INCOMPLETE) === 0) {
      if (this.params.get('mcast_solicit') + this.params.get('app_solicit') === 0) {
        this.setState(nud.NUD_FAILED);
        this.updated = now;
        if (skb) netDrop(skb, this.dev, 'NEIGH_FAILED');
        return false;
      }
      this.probes = this.params.get('ucast_solicit');
      this.stopTimer();
      this.setState(nud.NUD_INCOMPLETE);
      this.updated = now;
      this.startTimer(this.params.retransTime());
      probe = true;
    }
    if (skb) this.enqueue(skb);
    if (probe) this.probe();
    return false;
  }

  private enqueue(skb: Skb): void {
    const size = skb.data.length + TRUESIZE;
    const limit = this.params.get('unres_qlen_bytes');
    while (this.queue.length > 0 && this.queuedBytes + size > limit) {
      const old = this.queue.shift() as Skb;
      if (old.sk) old.sk.inHostQueue--;
      this.queuedBytes -= old.data.length + TRUESIZE;
      netDrop(old, this.dev, 'NEIGH_QUEUEFULL');
    }
    this.queue.push(skb);
    if (skb.sk) skb.sk.inHostQueue++;
    this.queuedBytes += size;
    this.tell(skb.id);
  }

  private takeQueue(): Skb[] {
    const waiting = this.queue;
    for (const skb of waiting) if (skb.sk) skb.sk.inHostQueue--;
    this.queue = [];
    this.queuedBytes = 0;
    return waiting;
  }

  private probe(): void {
    // Whoever asks shows interest: an answer that comes soon leads back to asking again, not to STALE.
    this.used = this.dev.sim.now;
    const waiting = this.queue[this.queue.length - 1] ?? null;
    if (this.family === 4) arpSolicit(this, waiting);
    else ndiscSolicit(this, waiting);
    this.probes++;
  }

  private maxProbes(): number {
    const p = this.params;
    return p.get('ucast_solicit') + p.get('app_solicit') + p.get(this.state & nud.NUD_PROBE ? 'mcast_resolicit' : 'mcast_solicit');
  }

  private startTimer(delay: number): void {
    const { sim } = this.dev;
    // A bucket runs its latest timer first: that of the connection whose packet waits here comes before this one.
    this.timer = sim.at(wheelTime(sim.now, delay) + 1, () => this.expire());
  }

  private stopTimer(): void {
    this.dev.sim.cancel(this.timer);
    this.timer = null;
  }

  /** Models neigh_timer_handler(). */
  private expire(): void {
    this.timer = null;
    const now = this.dev.sim.now;
    let next = 0;
    let notify = false;
    if (this.state & nud.NUD_REACHABLE) {
      const reachable = this.confirmed + this.params.reachableTime();
      if (now < reachable) next = reachable;
      else if (now <= this.used + this.params.delayProbeTime()) {
        this.setState(nud.NUD_DELAY);
        this.updated = now;
        next = now + this.params.delayProbeTime();
      } else {
        this.setState(nud.NUD_STALE);
        this.updated = now;
        notify = true;
      }
    } else if (this.state & nud.NUD_DELAY) {
      if (now <= this.confirmed + this.params.delayProbeTime()) {
        this.setState(nud.NUD_REACHABLE);
        this.updated = now;
        notify = true;
        next = this.confirmed + this.params.reachableTime();
      } else {
        this.setState(nud.NUD_PROBE);
        this.updated = now;
        this.probes = 0;
        notify = true;
        next = now + this.params.retransTime();
      }
    } else if (this.state & (nud.NUD_PROBE | nud.NUD_INCOMPLETE)) next = now + this.params.retransTime();
    else return;
    if (this.state & (nud.NUD_INCOMPLETE | nud.NUD_PROBE) && this.probes >= this.maxProbes()) {
      this.setState(nud.NUD_FAILED);
      this.notify();
      this.invalidate();
      return;
    }
    if (this.state & nud.NUD_IN_TIMER) this.startTimer(Math.max(next - now, 0));
    if (this.state & (nud.NUD_INCOMPLETE | nud.NUD_PROBE)) this.probe();
    if (notify) this.notify();
  }

  /** Every packet that waits is answered with host (address) unreachable. */
  private invalidate(): void {
    this.updated = this.dev.sim.now;
    const waiting = this.takeQueue();
    for (const skb of waiting) {
      netDrop(skb, this.dev, 'NEIGH_FAILED');
      if (this.family === 4) icmpSend(skb, 3, 1);
      else icmp6Send(skb, 1, 3);
    }
  }

  /** News about the neighbour: from the wire, the user or the stack. Models __neigh_update(). */
  update(lladdr: Mac | null, newState: number, flags: number): Result {
    const now = this.dev.sim.now;
    const old = this.state;
    let state = newState;
    let mac = lladdr;
    if (this.dead) return fail('ENOENT');
    if (!(flags & nud.UPDATE_ADMIN) && old & (nud.NUD_NOARP | nud.NUD_PERMANENT)) return fail('EPERM');
    if (!(state & nud.NUD_VALID)) {
      this.stopTimer();
      this.setState(state);
      if (old & (nud.NUD_INCOMPLETE | nud.NUD_PROBE) && state & nud.NUD_FAILED) this.invalidate();
      this.notify();
      return ok();
    }
    if (mac === null) {
      if (!(old & nud.NUD_VALID)) return fail('EINVAL', 'No link layer address given');
      mac = this.mac;
    }
    if (state & nud.NUD_CONNECTED) this.confirmed = now;
    let updateRouter = (flags & nud.UPDATE_OVERRIDE_ISROUTER) !== 0;
    let keep = false;
    if (old & nud.NUD_VALID) {
      if (mac !== this.mac && !(flags & nud.UPDATE_OVERRIDE)) {
        updateRouter = false;
        if (flags & nud.UPDATE_WEAK_OVERRIDE && old & nud.NUD_CONNECTED) {
          mac = this.mac;
          state = nud.NUD_STALE;
        } else keep = true;
      } else if (mac === this.mac && state === nud.NUD_STALE && !(flags & nud.UPDATE_ADMIN)) state = old;
    }
    if (keep) return ok();
    let notify = false;
    if (state !== old || mac !== this.mac) this.updated = now;
    if (state !== old) {
      this.stopTimer();
      if (state & nud.NUD_PROBE) this.probes = 0;
      if (state & nud.NUD_IN_TIMER) this.startTimer(state & nud.NUD_REACHABLE ? this.params.reachableTime() : 0);
      notify = true;
    }
    if (mac !== this.mac) {
      this.mac = mac;
      if (!(state & nud.NUD_CONNECTED)) this.confirmed = now - 2 * this.params.get('base_reachable_time_ms') * 1000;
      notify = true;
    }
    if (updateRouter) this.isRouter = (flags & nud.UPDATE_ISROUTER) !== 0;
    this.setState(state);
    if (state !== old && !(old & nud.NUD_VALID)) this.sendQueue();
    if (notify) this.notify();
    return ok();
  }

  private sendQueue(): void {
    const waiting = this.takeQueue();
    for (const skb of waiting) this.output(skb);
  }

  /** Leaves its table: no timer, no waiting packets. */
  kill(): void {
    this.dead = true;
    this.stopTimer();
    for (const skb of this.takeQueue()) netDrop(skb, this.dev, 'NEIGH_DEAD');
  }

  private setState(state: number): void {
    if (state === this.state) return;
    this.state = state;
    this.tell(0);
  }

  private tell(skb: number): void {
    const trace = this.dev.sim.trace;
    if (!trace.on) return;
    const ns = this.dev.ns;
    const event = {
      skb,
      host: ns.kernel.hostname,
      ns: ns.kernel.nameOf(ns) ?? '',
      dev: this.dev.name,
      ip: formatIp(this.ip),
      mac: this.mac === null ? '' : formatMac(this.mac),
      state: nud.nudName(this.state),
    };
    trace.emit('net.neigh', event, null, this);
  }

  private notify(): void {
    this.dev.ns.events.emit({ type: 'neigh', action: 'new', neigh: this });
  }
}
