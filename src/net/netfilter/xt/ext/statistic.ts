/** -m statistic: every nth packet, or at random. Models libxt_statistic.c and xt_statistic.c */

import { type MatchExt, Problem } from '../ext.ts';
import { uint } from '../parse.ts';

interface Statistic {
  mode: 'random' | 'nth' | null;
  /** Of 2^31, as the kernel keeps it. */
  probability: number;
  every: number;
  packet: number;
  invert: boolean;
}

const SCALE = 0x80000000;

export const statistic: MatchExt<Statistic> = {
  kind: 'match',
  name: 'statistic',
  init: () => ({ mode: null, probability: 0, every: 0, packet: 0, invert: false }),
  options: [
    {
      name: 'mode',
      mandatory: true,
      set: (o, arg) => {
        if (arg !== 'random' && arg !== 'nth') throw new Problem(`Bad mode "${arg}"`);
        o.mode = arg;
      },
    },
    {
      name: 'probability',
      excludes: ['every', 'packet'],
      invert: true,
      set: (o, arg, invert) => {
        const p = /^\d*\.?\d*(e-?\d+)?$/i.test(arg) && arg !== '' ? Number(arg) : Number.NaN;
        if (!(p >= 0 && p <= 1)) throw new Problem('statistic: bad value for option "--probability", or out of range (0-1).\n');
        o.probability = Math.round(p * SCALE);
        o.invert = invert;
      },
    },
    {
      name: 'every',
      requires: ['packet'],
      invert: true,
      set: (o, arg, invert) => {
        o.every = uint('statistic', 'every', arg, 1, 0xffffffff);
        o.invert = invert;
      },
    },
    {
      name: 'packet',
      set: (o, arg) => {
        o.packet = uint('statistic', 'packet', arg, 0, 0xffffffff);
      },
    },
  ],
  check: (o, given) => {
    const mode = o.mode ?? 'random';
    if (mode === 'random' && !given.has('probability')) throw new Problem('--probability must be specified when using random mode');
    if (mode === 'nth' && !given.has('every') && given.has('packet')) throw new Problem('the --packet p must be 0 <= p <= n-1');
    if (mode === 'nth' && !given.has('every')) throw new Problem('--every and --packet must be specified when using nth mode');
    if (mode === 'nth' && o.packet >= o.every) throw new Problem('the --packet p must be 0 <= p <= n-1');
  },
  save: (o) => {
    if (o.mode === 'nth') return ` --mode nth${o.invert ? ' !' : ''} --every ${o.every} --packet ${o.packet}`;
    return ` --mode random${o.invert ? ' !' : ''} --probability ${(o.probability / SCALE).toFixed(11)}`;
  },
  list: (o) => {
    if (o.mode === 'nth') return ` statistic mode nth${o.invert ? ' !' : ''} every ${o.every}${o.packet ? ` packet ${o.packet}` : ''}`;
    return ` statistic mode random${o.invert ? ' !' : ''} probability ${(o.probability / SCALE).toFixed(11)}`;
  },
  nft: (o) => {
    if (o.mode === 'nth') return `numgen inc mod ${o.every} ${o.invert ? '!= ' : ''}${o.packet}`;
    return `meta random & 2147483647 ${o.invert ? '>=' : '<'} ${o.probability}`;
  },
  run: (o, ns) => {
    if (o.mode === 'nth') {
      let count = (o.every - 1 - o.packet + o.every) % o.every;
      return () => {
        const hit = count === o.every - 1;
        count = hit ? 0 : count + 1;
        return hit !== o.invert;
      };
    }
    const rng = ns.kernel.sim.rng('xt_statistic');
    return () => rng.u32() >>> 1 < o.probability !== o.invert;
  },
};
