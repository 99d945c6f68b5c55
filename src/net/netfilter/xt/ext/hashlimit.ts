/** -m hashlimit: a token bucket for each address or port. Byte rates are not emulated. Models libxt_hashlimit.c and xt_hashlimit.c */

import { type Family, maxLen, network } from '../../../../wire/addr.ts';
import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';
import { dportOf, hasL4, sportOf, type XtPacket } from '../packet.ts';
import { uint } from '../parse.ts';
import { Bucket } from './limit.ts';

type Mode = 'srcip' | 'srcport' | 'dstip' | 'dstport';
const MODES: readonly Mode[] = ['srcip', 'srcport', 'dstip', 'dstport'];

interface Hashlimit {
  avg: number | null;
  above: boolean;
  burst: number;
  modes: Mode[];
  name: string;
  srcmask: number | null;
  dstmask: number | null;
  size: number;
  max: number;
  gcinterval: number;
  expire: number;
}

const setNumber = (name: string, key: 'size' | 'max' | 'gcinterval' | 'expire'): OptionSpec<Hashlimit> => ({
  name: `hashlimit-${name}`,
  set: (o, arg) => {
    o[key] = uint('hashlimit', `hashlimit-${name}`, arg, 0, 0xffffffff);
  },
});

/** Millionths of a second, as revision 2 and later keep it. */
const SCALE = 1_000_000;
const UNITS: readonly (readonly [string, number])[] = [
  ['day', 86400],
  ['hour', 3600],
  ['min', 60],
  ['sec', 1],
];

/** `5/min`: time between tokens in µs; null when bad. */
function parseRate(text: string): number | null {
  const m = /^(\d+)(?:\/([a-z]+))?$/i.exec(text);
  if (!m || Number(m[1]) === 0) return null;
  const word = (m[2] ?? 'second').toLowerCase();
  const unit = [['second', 1] as const, ['minute', 60] as const, ['hour', 3600] as const, ['day', 86400] as const].find(([n]) =>
    n.startsWith(word),
  );
  return unit ? Math.floor((SCALE * unit[1]) / Number(m[1])) : null;
}

function rateText(period: number): string {
  let i = 1;
  for (; i < UNITS.length; i++) {
    const mult = (UNITS[i] as readonly [string, number])[1] * SCALE;
    if (period > mult || mult / period < mult % period) break;
  }
  const [name, seconds] = UNITS[i - 1] as readonly [string, number];
  return `${Math.floor((seconds * SCALE) / period)}/${name}`;
}

function rate(o: Hashlimit, arg: string, above: boolean): void {
  if (/b\/s?$/i.test(arg)) throw new Problem('hashlimit: byte rates are not emulated');
  const avg = parseRate(arg);
  if (avg === null) throw new Problem(`hashlimit: bad value for option "--hashlimit-${above ? 'above' : 'upto'}" "${arg}"`);
  o.avg = avg;
  o.above = above;
}

/** Idle buckets live as long as they need to fill up: the default of --hashlimit-htable-expire, in ms. */
function quota(o: Hashlimit): number {
  return Math.floor((o.avg ?? 0) / 1000);
}

export const hashlimit: MatchExt<Hashlimit> = {
  kind: 'match',
  name: 'hashlimit',
  init: () => ({
    avg: null,
    above: false,
    burst: 5,
    modes: [],
    name: '',
    srcmask: null,
    dstmask: null,
    size: 0,
    max: 0,
    gcinterval: 1000,
    expire: -1,
  }),
  options: [
    {
      name: 'hashlimit-upto',
      aliases: ['hashlimit'],
      invert: true,
      excludes: ['hashlimit-above'],
      set: (o, arg, invert) => rate(o, arg, invert),
    },
    { name: 'hashlimit-above', invert: true, excludes: ['hashlimit-upto'], set: (o, arg, invert) => rate(o, arg, !invert) },
    {
      name: 'hashlimit-burst',
      set: (o, arg) => {
        o.burst = uint('hashlimit', 'hashlimit-burst', arg, 1, 1000000);
      },
    },
    {
      name: 'hashlimit-srcmask',
      set: (o, arg, _inv, cx) => {
        o.srcmask = uint('hashlimit', 'hashlimit-srcmask', arg, 0, maxLen(cx.family));
      },
    },
    {
      name: 'hashlimit-dstmask',
      set: (o, arg, _inv, cx) => {
        o.dstmask = uint('hashlimit', 'hashlimit-dstmask', arg, 0, maxLen(cx.family));
      },
    },
    setNumber('htable-size', 'size'),
    setNumber('htable-max', 'max'),
    setNumber('htable-gcinterval', 'gcinterval'),
    setNumber('htable-expire', 'expire'),
    {
      name: 'hashlimit-mode',
      set: (o, arg) => {
        const modes = arg.split(',');
        for (const m of modes)
          if (!MODES.includes(m as Mode)) throw new Problem(`hashlimit: Bad value for "--hashlimit-mode" option: "${arg}"`);
        o.modes = MODES.filter((m) => modes.includes(m));
      },
    },
    {
      name: 'hashlimit-name',
      mandatory: true,
      set: (o, arg) => {
        o.name = arg;
      },
    },
    {
      name: 'hashlimit-rate-match',
      arg: 'none',
      set: () => {
        throw new Problem('hashlimit: --hashlimit-rate-match is not emulated');
      },
    },
  ],
  check: (o) => {
    if (o.avg === null) throw new Problem('You have to specify --hashlimit');
  },
  save: (o, family) =>
    ` --hashlimit-${o.above ? 'above' : 'upto'} ${rateText(o.avg ?? 1)} --hashlimit-burst ${o.burst}` +
    (o.modes.length > 0 ? ` --hashlimit-mode ${o.modes.join(',')}` : '') +
    ` --hashlimit-name ${o.name}` +
    (o.size ? ` --hashlimit-htable-size ${o.size}` : '') +
    (o.max ? ` --hashlimit-htable-max ${o.max}` : '') +
    (o.gcinterval !== 1000 ? ` --hashlimit-htable-gcinterval ${o.gcinterval}` : '') +
    (o.expire >= 0 && o.expire !== quota(o) ? ` --hashlimit-htable-expire ${o.expire}` : '') +
    (o.srcmask !== null && o.srcmask !== maxLen(family) ? ` --hashlimit-srcmask ${o.srcmask}` : '') +
    (o.dstmask !== null && o.dstmask !== maxLen(family) ? ` --hashlimit-dstmask ${o.dstmask}` : ''),
  list: (o, cx) =>
    ` limit: ${o.above ? 'above' : 'up to'} ${rateText(o.avg ?? 1)} burst ${o.burst}` +
    (o.modes.length > 0 ? ` mode ${o.modes.join('-')}` : '') +
    (o.size ? ` htable-size ${o.size}` : '') +
    (o.max ? ` htable-max ${o.max}` : '') +
    (o.gcinterval !== 1000 ? ` htable-gcinterval ${o.gcinterval}` : '') +
    (o.expire >= 0 && o.expire !== quota(o) ? ` htable-expire ${o.expire}` : '') +
    (o.srcmask !== null && o.srcmask !== maxLen(cx.family) ? ` srcmask ${o.srcmask}` : '') +
    (o.dstmask !== null && o.dstmask !== maxLen(cx.family) ? ` dstmask ${o.dstmask}` : ''),
  run: (o, ns) => {
    const { sim } = ns.kernel;
    const buckets = new Map<string, { bucket: Bucket; used: number }>();
    const expire = (o.expire >= 0 ? o.expire : 10_000) * 1000;
    return (p) => {
      const key = keyOf(o, p);
      if (key === null) return false;
      let entry = buckets.get(key);
      if (!entry || sim.now - entry.used > Math.max(expire, (o.avg ?? 1) * o.burst)) {
        entry = { bucket: new Bucket((o.avg ?? 1) / 100, o.burst, sim.now), used: sim.now };
        buckets.set(key, entry);
      }
      entry.used = sim.now;
      return entry.bucket.take(sim.now) !== o.above;
    };
  },
};

function keyOf(o: Hashlimit, p: XtPacket): string | null {
  const family: Family = p.family;
  const parts: string[] = [];
  for (const mode of o.modes) {
    if (mode === 'srcip') parts.push(String(network(p.src, o.srcmask ?? maxLen(family))));
    else if (mode === 'dstip') parts.push(String(network(p.dst, o.dstmask ?? maxLen(family))));
    else if (!hasL4(p, 4)) return null;
    else parts.push(String(mode === 'srcport' ? sportOf(p) : dportOf(p)));
  }
  return parts.join('/');
}
