/** -j RATEEST and -m rateest: rates measured by one rule, compared by another. Models xt_RATEEST.c, xt_rateest.c, gen_estimator.c */

import { fail, ok } from '../../../../sim/errno.ts';
import type { Netns } from '../../../netns.ts';
import { type MatchExt, type OptionSpec, Problem, type TargetExt } from '../ext.ts';
import { number } from '../parse.ts';

/** An estimator: every `2^interval / 4` s a share of 1/2^log of the new rate goes into the average. */
class Estimator {
  readonly interval: number;
  readonly log: number;
  private bytes = 0;
  private packets = 0;
  /** Rates in 1/256 a second. */
  private bps = 0;
  private pps = 0;
  private next: number;

  constructor(interval: number, log: number, now: number) {
    this.interval = interval;
    this.log = log;
    this.next = now + this.period();
  }

  private period(): number {
    return 250_000 * 2 ** (this.interval + 2);
  }

  private catchUp(now: number): void {
    // After many silent periods nothing is left of the average.
    for (let i = 0; this.next <= now && i < 2000; i++) {
      const seconds = this.period() / 1e6;
      const share = 2 ** this.log;
      this.bps += ((this.bytes / seconds) * 256 - this.bps) / share;
      this.pps += ((this.packets / seconds) * 256 - this.pps) / share;
      this.bytes = 0;
      this.packets = 0;
      this.next += this.period();
    }
    if (this.next <= now) {
      this.bps = 0;
      this.pps = 0;
      this.next = now + this.period();
    }
  }

  count(bytes: number, now: number): void {
    this.catchUp(now);
    this.bytes += bytes;
    this.packets++;
  }

  rates(now: number): { bps: number; pps: number } {
    this.catchUp(now);
    return { bps: Math.floor(this.bps / 256), pps: Math.floor(this.pps / 256) };
  }
}

const estimators = new WeakMap<Netns, Map<string, Estimator>>();

function find(ns: Netns, name: string): Estimator | null {
  return estimators.get(ns)?.get(name) ?? null;
}

interface RateEst {
  name: string;
  /** µs as given. */
  interval: number;
  ewma: number;
}

function time(arg: string, what: string): number {
  const m = /^\s*(\d*\.?\d+)(s|sec|secs|ms|msec|msecs|us|usec|usecs)?$/.exec(arg);
  if (!m) throw new Problem(`RATEEST: bad ${what} value "${arg}"`);
  const unit = m[2] ?? 'us';
  return Math.floor(Number(m[1]) * (unit.startsWith('s') ? 1e6 : unit.startsWith('m') ? 1000 : 1));
}

/** Interval and log as the kernel takes them. */
function scaled(o: RateEst): { interval: number; log: number } {
  let interval = 0;
  while (interval <= 5 && o.interval > 2 ** interval * 250_000) interval++;
  let log = 1;
  for (; log < 32; log++) if (o.interval / -Math.log(1 - 1 / 2 ** log) > o.ewma) break;
  return { interval: interval - 2, log: log - 1 };
}

function timeText(us: number): string {
  if (us >= 1e6) return `${(us / 1e6).toFixed(1)}s`;
  return us >= 1000 ? `${(us / 1000).toFixed(1)}ms` : `${us}us`;
}

function text(o: RateEst, dashes: string): string {
  const { interval, log } = scaled(o);
  const period = 2 ** (interval + 2) * 250_000;
  return ` ${dashes}name ${o.name} ${dashes}interval ${timeText(period)} ${dashes}ewmalog ${timeText((period * 2 ** log) % 2 ** 32)}`;
}

export const RATEEST: TargetExt<RateEst> = {
  kind: 'target',
  name: 'RATEEST',
  init: () => ({ name: '', interval: 0, ewma: 0 }),
  options: [
    {
      name: 'rateest-name',
      mandatory: true,
      set: (o, arg) => {
        o.name = arg.slice(0, 15);
      },
    },
    {
      name: 'rateest-interval',
      set: (o, arg) => {
        o.interval = time(arg, 'interval');
      },
    },
    {
      name: 'rateest-ewmalog',
      set: (o, arg) => {
        o.ewma = time(arg, 'ewmalog');
      },
    },
  ],
  check: (o) => {
    const { interval, log } = scaled(o);
    if (interval > 3) throw new Problem('RATEEST: interval value is too large');
    if (log === 0 || log >= 31) throw new Problem('RATEEST: ewmalog value is out of range');
  },
  /** Rules of one name share the estimator and must agree about it. */
  checkentry: (o, ns) => {
    const there = find(ns, o.name);
    const { interval, log } = scaled(o);
    return there && (there.interval !== interval || there.log !== log) ? fail('EINVAL') : ok();
  },
  save: (o) => text(o, '--rateest-'),
  list: (o) => text(o, ''),
  run: (o, ns) => {
    const { sim } = ns.kernel;
    let all = estimators.get(ns);
    if (!all) {
      all = new Map();
      estimators.set(ns, all);
    }
    let estimator = all.get(o.name);
    if (!estimator) {
      const { interval, log } = scaled(o);
      estimator = new Estimator(interval, log, sim.now);
      all.set(o.name, estimator);
    }
    const e = estimator;
    return (p) => {
      e.count(p.len, sim.now);
      return 'continue';
    };
  },
};

interface RateMatch {
  name1: string;
  name2: string;
  delta: boolean;
  mode: 'lt' | 'gt' | 'eq' | null;
  invert: boolean;
  bps: boolean;
  pps: boolean;
  bps1: number;
  bps2: number;
  pps1: number;
  pps2: number;
}

const SUFFIXES: Readonly<Record<string, number>> = {
  bit: 1,
  kibit: 1024,
  kbit: 1000,
  mibit: 1024 ** 2,
  mbit: 1e6,
  gibit: 1024 ** 3,
  gbit: 1e9,
  tibit: 1024 ** 4,
  tbit: 1e12,
  bps: 8,
  kibps: 8 * 1024,
  kbps: 8000,
  mibps: 8 * 1024 ** 2,
  mbps: 8e6,
  gibps: 8 * 1024 ** 3,
  gbps: 8e9,
  tibps: 8 * 1024 ** 4,
  tbps: 8e12,
};

/** Bytes a second. */
function rate(arg: string): number {
  const m = /^(\d*\.?\d+)([a-zA-Z]*)$/.exec(arg);
  const scale = m ? (m[2] === '' ? 1 : SUFFIXES[(m[2] as string).toLowerCase()]) : undefined;
  if (!m || scale === undefined) throw new Problem(`rateest: could not parse rate \`${arg}'`);
  return Math.floor((Number(m[1]) * scale) / 8);
}

function rateText(bytes: number): string {
  const bits = bytes * 8;
  if (bits >= 1e9) return `${(bits / 1e6).toFixed(0)}Mbit`;
  return bits >= 1e6 ? `${(bits / 1000).toFixed(0)}Kbit` : `${bits}bit`;
}

/** `--rateest-bps` and so on: the value may be left out. */
function amount(name: string, unit: 'bps' | 'pps', keys: readonly ('bps1' | 'bps2' | 'pps1' | 'pps2')[]): OptionSpec<RateMatch> {
  return {
    name,
    arg: 'optional',
    set: (o, arg, _invert, cx) => {
      o[unit] = true;
      const given = arg !== '' ? arg : cx.next();
      if (given === null) return;
      const value = unit === 'bps' ? rate(given) : (number(given) ?? 0);
      for (const key of keys) o[key] = value;
    },
  };
}

const named = (name: string, key: 'name1' | 'name2'): OptionSpec<RateMatch> => ({
  name,
  set: (o, arg) => {
    o[key] = arg.slice(0, 15);
  },
});

const compare = (mode: 'lt' | 'gt' | 'eq'): OptionSpec<RateMatch> => ({
  name: `rateest-${mode}`,
  arg: 'none',
  invert: true,
  set: (o, _arg, invert) => Object.assign(o, { mode, invert }),
});

export const rateest: MatchExt<RateMatch> = {
  kind: 'match',
  name: 'rateest',
  init: () => ({
    name1: '',
    name2: '',
    delta: false,
    mode: null,
    invert: false,
    bps: false,
    pps: false,
    bps1: 0,
    bps2: 0,
    pps1: 0,
    pps2: 0,
  }),
  options: [
    named('rateest1', 'name1'),
    named('rateest', 'name1'),
    named('rateest2', 'name2'),
    amount('rateest-bps1', 'bps', ['bps1']),
    amount('rateest-bps2', 'bps', ['bps2']),
    amount('rateest-bps', 'bps', ['bps2']),
    amount('rateest-pps1', 'pps', ['pps1']),
    amount('rateest-pps2', 'pps', ['pps2']),
    amount('rateest-pps', 'pps', ['pps2']),
    {
      name: 'rateest-delta',
      arg: 'none',
      set: (o) => {
        o.delta = true;
      },
    },
    compare('lt'),
    compare('gt'),
    compare('eq'),
  ],
  checkentry: (o, ns) => {
    if (!o.mode || (!o.bps && !o.pps) || o.name1 === '') return fail('EINVAL');
    return !find(ns, o.name1) || (o.name2 !== '' && !find(ns, o.name2)) ? fail('ENOENT') : ok();
  },
  save: (o) => {
    const unit = o.bps ? 'bps' : 'pps';
    const show = (n: number): string => (o.bps ? rateText(n) : String(n));
    const [one, two] = o.bps ? [o.bps1, o.bps2] : [o.pps1, o.pps2];
    const mode = `${o.invert ? ' !' : ''} --rateest-${o.mode}`;
    const first = o.delta ? ` --rateest-${unit}1 ${show(one)}` : '';
    const head = `${o.delta ? ' --rateest-delta' : ''} --rateest${o.name2 !== '' ? '1' : ''} ${o.name1}${first}${mode}`;
    if (o.name2 !== '') return `${head} --rateest-${unit}${o.delta ? `2 ${show(two)}` : ''} --rateest2 ${o.name2}`;
    return `${head} --rateest-${unit}${o.delta ? '2' : ''} ${show(two)}`;
  },
  list: (o, cx) => {
    const unit = o.bps ? 'bps' : 'pps';
    const show = (n: number): string => (o.bps && !cx.numeric ? rateText(n) : String(n));
    const one = show(o.bps ? o.bps1 : o.pps1);
    const two = show(o.bps ? o.bps2 : o.pps2);
    const mode = ` ${o.invert ? '! ' : ''}${o.mode}`;
    const head = ` rateest match ${o.name1}${o.delta ? ' delta' : ''} ${unit}${o.delta ? ` ${one}` : ''}`;
    if (o.name2 !== '') return `${head}${mode} ${o.name2} ${unit}${o.delta ? ` ${two}` : ''}`;
    return o.bps ? `${head} ${two}${mode}` : `${head}${mode} ${two}`;
  },
  run: (o, ns) => () => {
    const { now } = ns.kernel.sim;
    const a = find(ns, o.name1)?.rates(now);
    const b = o.name2 === '' ? { bps: 0, pps: 0 } : find(ns, o.name2)?.rates(now);
    if (!a || !b) return o.invert;
    const unit = o.bps ? 'bps' : 'pps';
    const [one, two] = o.bps ? [o.bps1, o.bps2] : [o.pps1, o.pps2];
    const left = o.delta ? Math.max(0, one - a[unit]) : a[unit];
    const right = o.name2 === '' ? two : o.delta ? Math.max(0, two - b[unit]) : b[unit];
    const hit = o.mode === 'lt' ? left < right : o.mode === 'gt' ? left > right : left === right;
    return hit !== o.invert;
  },
};
