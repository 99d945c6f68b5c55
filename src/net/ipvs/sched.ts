/** Schedulers of IPVS: which real server takes a new connection. Models ip_vs_rr.c, ip_vs_wrr.c, ip_vs_lc.c, ip_vs_wlc.c, ip_vs_sed.c, ip_vs_nq.c, ip_vs_sh.c, ip_vs_dh.c, ip_vs_fo.c, ip_vs_ovf.c */

import type { Ip4 } from '../../wire/addr.ts';

export interface Server {
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
  readonly overloaded: boolean;
}

/** What a scheduler looks at besides the servers. */
export interface Flow {
  readonly src: Ip4;
  readonly dst: Ip4;
}

/** One virtual service's scheduler, with its memory. Servers come in the kernel's order: the newest first. */
export type Scheduler = <T extends Server>(servers: readonly T[], flow: Flow) => T | null;

const usable = (s: Server): boolean => !s.overloaded && s.weight > 0;

/** The first server with the least cost, compared without division: cost / weight. */
function least(cost: (s: Server) => number, weighted: boolean): Scheduler {
  return (servers) => {
    let best: (typeof servers)[number] | null = null;
    for (const s of servers) {
      if (!usable(s)) continue;
      const better = best && (weighted ? cost(best) * s.weight > cost(s) * best.weight : cost(best) > cost(s));
      if (!best || better) best = s;
    }
    return best;
  };
}

/** An established connection weighs as much as 256 idle ones. */
const load = (s: Server): number => s.active * 256 + s.inactive;
const expected = (s: Server): number => s.active + 1;

function roundRobin(): Scheduler {
  let last: Server | null = null;
  return (servers) => {
    const from = last ? servers.indexOf(last as never) : -1;
    for (let i = 1; i <= servers.length; i++) {
      const s = servers[(from + i + servers.length) % servers.length];
      if (!s || !usable(s)) continue;
      last = s;
      return s;
    }
    return null;
  };
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Each server in turns of its weight: the threshold falls by their greatest common divisor. */
function weightedRoundRobin(): Scheduler {
  let at = -1;
  let threshold = 0;
  return (servers) => {
    const most = servers.reduce((n, s) => Math.max(n, s.weight), 0);
    if (most === 0 || !servers.some(usable)) return null;
    const step = servers.reduce((n, s) => (s.weight > 0 ? gcd(s.weight, n) : n), 0) || 1;
    for (let tries = 0; tries <= servers.length * (most / step + 1); tries++) {
      at++;
      if (at >= servers.length || at === 0) {
        at = 0;
        threshold -= step;
        if (threshold <= 0) threshold = most;
      }
      const s = servers[at] as (typeof servers)[number];
      if (!s.overloaded && s.weight >= threshold) return s;
    }
    return null;
  };
}

/** A server without connections at once, otherwise the shortest expected delay. */
function neverQueue(): Scheduler {
  const sed = least(expected, true);
  return (servers, flow) => servers.find((s) => usable(s) && s.active === 0) ?? sed(servers, flow);
}

const BUCKETS = 256;

/** hash_32() folded to eight bits. */
function bucketOf(addr: Ip4): number {
  return Math.imul(addr, 0x61c88647) >>> 24;
}

/** By the hash of one address; with `weights` a server has as many buckets in a row as its weight. */
function hashed(pick: (f: Flow) => Ip4, weights: boolean): Scheduler {
  return (servers, flow) => {
    if (servers.length === 0) return null;
    const bucket = bucketOf(pick(flow));
    let at = 0;
    let used = 0;
    for (let i = 0; i < BUCKETS; i++) {
      const s = servers[at] as (typeof servers)[number];
      if (i === bucket) return usable(s) ? s : null;
      used++;
      if (used >= (weights ? s.weight : 1)) {
        at = (at + 1) % servers.length;
        used = 0;
      }
    }
    return null;
  };
}

/** The heaviest that is not overloaded. */
const failOver: Scheduler = (servers) => {
  let best: (typeof servers)[number] | null = null;
  for (const s of servers) if (usable(s) && (!best || s.weight > best.weight)) best = s;
  return best;
};

/** The heaviest that has fewer connections than its weight. */
const overflow: Scheduler = (servers) => {
  let best: (typeof servers)[number] | null = null;
  for (const s of servers) if (usable(s) && s.active + s.inactive < s.weight && (!best || s.weight > best.weight)) best = s;
  return best;
};

export const SCHEDULERS: Readonly<Record<string, () => Scheduler>> = {
  rr: roundRobin,
  wrr: weightedRoundRobin,
  lc: () => least(load, false),
  wlc: () => least(load, true),
  sed: () => least(expected, true),
  nq: neverQueue,
  sh: () => hashed((f) => f.src, true),
  dh: () => hashed((f) => f.dst, false),
  fo: () => failOver,
  ovf: () => overflow,
};
