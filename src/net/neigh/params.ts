/** Timing of a neighbour table at a device, from net.{ipv4,ipv6}.neigh.DEV.*. Models struct neigh_parms */

import { MS, SEC } from '../../sim/sim.ts';
import type { Family } from '../../wire/addr.ts';
import type { NetDevice } from '../dev/device.ts';

export type NeighParam =
  | 'base_reachable_time_ms'
  | 'retrans_time_ms'
  | 'delay_first_probe_time'
  | 'ucast_solicit'
  | 'mcast_solicit'
  | 'mcast_resolicit'
  | 'app_solicit'
  | 'gc_stale_time'
  | 'unres_qlen_bytes'
  | 'locktime'
  | 'proxy_delay';

const DEFAULTS: Record<NeighParam, number> = {
  base_reachable_time_ms: 30_000,
  retrans_time_ms: 1000,
  delay_first_probe_time: 5,
  ucast_solicit: 3,
  mcast_solicit: 3,
  mcast_resolicit: 0,
  app_solicit: 0,
  gc_stale_time: 60,
  unres_qlen_bytes: 212_992,
  locktime: 100,
  proxy_delay: 80,
};

/** Proc shows these two in 1/100 s. */
const USER_HZ = SEC / 100;
const RANDOMISE_EVERY = 300 * SEC;

export class NeighParams {
  readonly dev: NetDevice;
  readonly family: Family;
  private reachable = 0;
  private drawn = Number.NEGATIVE_INFINITY;
  private drawnFrom = 0;

  constructor(dev: NetDevice, family: Family) {
    this.dev = dev;
    this.family = family;
  }

  get(name: NeighParam): number {
    const text = this.dev.ns.sysctl.get(`net.ipv${this.family}.neigh.${this.dev.name.replaceAll('.', '/')}.${name}`);
    if (text === undefined) return name === 'locktime' && this.family === 6 ? 0 : DEFAULTS[name];
    return Number.parseInt(text, 10);
  }

  /** µs of REACHABLE: between half and one and a half of the base, drawn anew every 300 s. Models neigh_rand_reach_time(). */
  reachableTime(): number {
    const now = this.dev.sim.now;
    const base = this.get('base_reachable_time_ms');
    if (now - this.drawn >= RANDOMISE_EVERY || base !== this.drawnFrom) {
      this.drawn = now;
      this.drawnFrom = base;
      this.reachable = base > 0 ? (Math.floor(base / 2) + this.dev.sim.rng('neigh').below(base)) * MS : 0;
    }
    return this.reachable;
  }

  retransTime(): number {
    return Math.max(this.get('retrans_time_ms') * MS, SEC / 100);
  }

  delayProbeTime(): number {
    return this.get('delay_first_probe_time') * SEC;
  }

  lockTime(): number {
    return this.get('locktime') * USER_HZ;
  }

  proxyDelay(): number {
    return this.get('proxy_delay') * USER_HZ;
  }
}
