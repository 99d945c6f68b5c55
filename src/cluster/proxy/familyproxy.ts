/** One IP family of kube-proxy: its mode, when it syncs, what follows a sync. Models pkg/proxy/runner/bounded_frequency_runner.go, metaproxier */

import type { Process } from '../../os/process.ts';
import type { Task } from '../../os/program.ts';
import type { Threads } from '../../os/threads.ts';
import { type Micros, SEC } from '../../sim/sim.ts';
import { WaitQueue } from '../../sim/wait.ts';
import { cleanStaleEntries } from './conntrack.ts';
import { localDetector } from './detect.ts';
import { FAMILY_NAME, type Family } from './family.ts';
import type { ProxyConfig } from './flags.ts';
import { type ProxyHealth, ServiceHealth } from './health.ts';
import { PROXY_MODES } from './index.ts';
import { Iptables } from './iptables/tables.ts';
import { klog } from './klog.ts';
import type { Metrics } from './metrics.ts';
import type { Proxier } from './mode.ts';
import { nodePortAddresses } from './nodeports.ts';
import { ownRules } from './stamp.ts';
import type { Place } from './topology.ts';
import { Tracker } from './tracker.ts';

/** Everything is written anew after this time, changed or not. */
const FULL_SYNC_PERIOD: Micros = 3600 * SEC;

export interface FamilyOptions {
  readonly p: Process;
  readonly threads: Threads;
  readonly config: ProxyConfig;
  readonly family: Family;
  readonly nodeIP: string;
  readonly podCIDRs: readonly string[];
  readonly nodePorts: readonly string[];
  readonly place: () => Place;
  readonly serviceCIDRs: () => readonly string[];
  readonly ownIPs: () => readonly string[];
  readonly health: ProxyHealth;
  readonly metrics: Metrics;
  readonly wake: WaitQueue;
}

export class FamilyProxy {
  readonly tracker: Tracker;
  private readonly o: FamilyOptions;
  private readonly proxier: Proxier;
  private readonly services: ServiceHealth;
  private queued = false;
  private full = true;
  private last: Micros = Number.NEGATIVE_INFINITY;
  private lastFull: Micros = 0;
  private retryAt: Micros | null = null;
  private busy = false;
  /** Of its rules after the last sync. */
  private stamp: string | null = null;
  private readonly idle = new WaitQueue();

  constructor(o: FamilyOptions) {
    this.o = o;
    this.tracker = new Tracker(o.family, o.config.hostname);
    const npa = nodePortAddresses(o.nodePorts, o.family);
    const mode = PROXY_MODES.find((m) => m.name === o.config.mode);
    if (!mode?.create) throw new Error(`proxy mode ${o.config.mode} has no proxier`);
    this.proxier = mode.create({
      p: o.p,
      threads: o.threads,
      config: o.config,
      tracker: this.tracker,
      detector: localDetector(
        {
          mode: o.config.detectLocalMode,
          clusterCIDRs: o.config.clusterCIDRs,
          bridgeInterface: o.config.bridgeInterface,
          interfaceNamePrefix: o.config.interfaceNamePrefix,
        },
        o.podCIDRs,
        o.family,
      ),
      nodePortAddresses: npa,
      nodeIP: o.nodeIP,
      place: o.place,
      serviceCIDRs: o.serviceCIDRs,
      ownIPs: o.ownIPs,
      reload: () => this.reload(),
    });
    this.services = new ServiceHealth(o.p, o.threads, o.family, npa, o.ownIPs, o.health);
  }

  /** Whether the node has the family's tables at all; asked once for the mode and once for the proxier. */
  *present(): Task<boolean> {
    if (this.o.config.mode !== 'iptables') return true;
    const iptables = new Iptables(this.o.p, this.o.family);
    return (yield* iptables.present()) && (yield* iptables.present());
  }

  *start(): Task<void> {
    this.o.health.updated(this.o.family);
    yield* this.proxier.start();
  }

  queue(): void {
    this.queued = true;
    this.o.health.queue(this.o.family);
    this.o.wake.wakeAll();
  }

  private stampNow(): string | null {
    return this.o.config.mode === 'iptables' ? ownRules(this.o.p.ns, this.o.family) : null;
  }

  /** Its rules are as it left them; false also where that cannot be told. */
  get untouched(): boolean {
    return this.stamp !== null && this.stamp === this.stampNow();
  }

  /** Nothing is waiting to be written. */
  get settled(): boolean {
    return !this.queued && !this.busy;
  }

  queueFull(): void {
    this.full = true;
    this.queue();
  }

  /** The first sync, as soon as everything is known. */
  *first(): Task<void> {
    yield* this.attempt();
  }

  /** Syncs when something has changed, at most once in the minimum sync period, at least once an hour. */
  *loop(): Task<void> {
    const { p, config, wake } = this.o;
    for (;;) {
      const due = Math.min(this.last + FULL_SYNC_PERIOD, this.retryAt ?? Number.POSITIVE_INFINITY);
      if (!this.queued && p.sim.now < due) {
        yield { on: [wake], until: due };
        continue;
      }
      const earliest = this.last + config.minSyncPeriod;
      if (p.sim.now < earliest) yield { until: earliest };
      else yield* this.attempt();
    }
  }

  private *reload(): Task<void> {
    this.full = true;
    this.o.health.queue(this.o.family);
    yield* this.attempt();
  }

  /** One sync at a time. */
  private *attempt(): Task<void> {
    while (this.busy) yield { on: [this.idle] };
    this.busy = true;
    yield* this.one();
    this.busy = false;
    this.idle.wakeAll();
  }

  private *one(): Task<void> {
    const { sim } = this.o.p;
    this.last = sim.now;
    this.queued = false;
    const full = this.full || (sim.now - this.lastFull > FULL_SYNC_PERIOD && this.proxier.periodicFullSync);
    this.full = false;
    const good = yield* this.sync(full);
    if (good && full) this.lastFull = sim.now;
    this.stamp = good ? this.stampNow() : null;
    if (!good) this.full = true;
    this.retryAt = good ? null : sim.now + this.o.config.syncPeriod;
  }

  private *sync(full: boolean): Task<boolean> {
    const { p, family, health, metrics } = this.o;
    const begin = p.sim.now;
    const changes = this.tracker.apply();
    const r = yield* this.proxier.sync(changes, full);
    if (!r.ok) {
      yield* klog(p, 'E', 'proxier.go:1523', r.error.split(': ')[0] ?? '', { ipFamily: FAMILY_NAME[family], err: r.error.trimEnd() });
      return false;
    }
    metrics.synced(FAMILY_NAME[family], full, p.sim.now - begin, r.metrics);
    health.updated(family);
    this.services.sync(this.tracker);
    if (changes.conntrack) cleanStaleEntries(p, this.tracker);
    return true;
  }
}
