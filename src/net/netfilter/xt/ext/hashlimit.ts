/** -m hashlimit: a token bucket for each address or port, by packets or bytes. Models libxt_hashlimit.c (revision 3) and xt_hashlimit.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { type Family, maxLen, network } from '../../../../wire/addr.ts';
import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';
import { dportOf, hasL4, sportOf, type XtPacket } from '../packet.ts';
import { number, prefixLen, uint } from '../parse.ts';
import { Bucket } from './limit.ts';

type Mode = 'srcip' | 'srcport' | 'dstip' | 'dstport';
const MODES: readonly Mode[] = ['srcip', 'srcport', 'dstip', 'dstport'];

interface Hashlimit {
  /** µs between packets; null when not given or when the rate is in bytes. */
  avg: number | null;
  /** Bytes a second; null when the rate is in packets. */
  bytes: number | null;
  /** Seconds of the unit that the rate was given in. */
  mult: number;
  above: boolean;
  /** Packets, or multiples of the byte rate. */
  burst: number;
  /** As given: packets or bytes; null when not given. */
  burstGiven: number | null;
  modes: Mode[];
  name: string;
  srcmask: number | null;
  dstmask: number | null;
  size: number;
  max: number;
  gcinterval: number;
  /** ms; null until check fills it in. */
  expire: number | null;
  rateMatch: boolean;
  interval: number;
}

const setNumber = (name: string, key: 'size' | 'max' | 'gcinterval' | 'expire'): OptionSpec<Hashlimit> => ({
  name: `hashlimit-htable-${name}`,
  set: (o, arg) => {
    o[key] = uint('hashlimit', `hashlimit-htable-${name}`, arg, 0, 0xffffffff);
  },
});

/** Millionths of a second. */
const SCALE = 1_000_000;
/** Credits in a µs: HZ * CREDITS_PER_JIFFY / XT_HASHLIMIT_SCALE_v2 */
const CREDITS = 137_438_953n;
const BURST_MAX = 1_000_000;
/** Seconds that an entry lives when the rate is in bytes: without and with a burst. */
const BYTE_EXPIRE = 15;
const BYTE_EXPIRE_BURST = 60;

const UNITS: readonly (readonly [string, number])[] = [
  ['day', 86400],
  ['hour', 3600],
  ['min', 60],
  ['sec', 1],
];
const WORDS: readonly (readonly [string, number])[] = [
  ['second', 1],
  ['minute', 60],
  ['hour', 3600],
  ['day', 86400],
];
const BYTE_UNITS: readonly (readonly [string, number])[] = [
  ['m', 1024 * 1024],
  ['k', 1024],
  ['', 1],
];

function badRate(o: Hashlimit, above: boolean, arg: string): never {
  void o;
  throw new Problem(`hashlimit: Bad value for "--hashlimit-${above ? 'above' : 'upto'}" option: "${arg}"`);
}

/** `4kb/s`: bytes a second, kept in chunks of 16; null when it is no byte rate. */
function parseBytes(text: string): number | null {
  const m = /^(\d+).*?b\/s/.exec(text);
  const n = m ? Number(m[1]) : 0;
  if (!m || n === 0) return null;
  const factor = BYTE_UNITS.find(([u]) => u !== '' && m[0].endsWith(`${u}b/s`))?.[1] ?? 1;
  return Math.floor((n * factor) / 16) * 16;
}

function setRate(o: Hashlimit, arg: string, above: boolean, option: boolean): void {
  o.above = above;
  const bytes = parseBytes(arg);
  if (bytes !== null) {
    o.bytes = bytes;
    o.mult = BYTE_EXPIRE;
    return;
  }
  const slash = arg.indexOf('/');
  const word = slash < 0 ? 'second' : arg.slice(slash + 1).toLowerCase();
  const unit = word === '' ? undefined : WORDS.find(([n]) => n.startsWith(word));
  const n = Number(/^\s*(\d+)/.exec(arg)?.[1] ?? 0);
  if (!unit || n === 0) badRate(o, option, arg);
  o.mult = (unit as readonly [string, number])[1];
  o.avg = Math.floor((SCALE * o.mult) / n);
  if (o.avg === 0) throw new Problem(`Rate too fast "${arg}"`);
}

/** `5`, `400kb` */
function parseBurst(arg: string): number | null {
  const m = /^(\d+)(?:([km]?)b)?$/.exec(arg);
  if (!m || (m[2] === undefined && Number(m[1]) > BURST_MAX)) return null;
  return Number(m[1]) * (BYTE_UNITS.find(([u]) => u === (m[2] ?? ''))?.[1] ?? 1);
}

function unitOf(period: number): readonly [string, number] {
  let i = 1;
  for (; i < UNITS.length; i++) {
    const mult = (UNITS[i] as readonly [string, number])[1] * SCALE;
    if (period > mult || mult / period < mult % period) break;
  }
  return UNITS[i - 1] as readonly [string, number];
}

function bytesText(n: number): string {
  const [unit, size] = BYTE_UNITS.find(([, s]) => n >= s && n % s === 0) ?? ['', 1];
  return `${n / size}${unit}b`;
}

/** The rate as text, and the life time in ms that goes without saying with it. */
function rateText(o: Hashlimit, listed: boolean): { text: string; expire: number } {
  if (o.bytes !== null) return { text: `${bytesText(o.bytes)}/s`, expire: (o.burst > 0 ? BYTE_EXPIRE_BURST : BYTE_EXPIRE) * 1000 };
  const period = (o.avg ?? 1) * (listed && o.interval > 0 ? o.interval : 1);
  const [name, seconds] = unitOf(period);
  return { text: `${Math.floor((seconds * SCALE) / period)}/${name}`, expire: seconds * 1000 };
}

function burstText(o: Hashlimit, before: string): string {
  if (o.bytes === null) return ` ${before}burst ${o.burst}`;
  if (o.burst === 0) return '';
  // In the largest unit that it has one of, whatever is left over.
  const total = o.bytes * o.burst;
  const [unit, size] = BYTE_UNITS.find(([, s]) => total >= s) ?? ['', 1];
  return ` ${before}burst ${Math.floor(total / size)}${unit}b`;
}

/** user2credits(): in 64 bits, so that slow rates with a large burst run over. */
function credits(avg: number, burst: number): bigint {
  return BigInt.asUintN(64, BigInt.asUintN(64, BigInt(avg) * BigInt(burst)) * CREDITS);
}

const mask = (key: 'srcmask' | 'dstmask'): OptionSpec<Hashlimit> => ({
  name: `hashlimit-${key}`,
  set: (o, arg, _invert, cx) => {
    o[key] = cx.family === 4 ? uint('hashlimit', `hashlimit-${key}`, arg, 0, 128) : prefixLen('hashlimit', `hashlimit-${key}`, arg, 6);
  },
});

export const hashlimit: MatchExt<Hashlimit> = {
  kind: 'match',
  name: 'hashlimit',
  init: () => ({
    avg: null,
    bytes: null,
    mult: 1,
    above: false,
    burst: 5,
    burstGiven: null,
    modes: [],
    name: '',
    srcmask: null,
    dstmask: null,
    size: 0,
    max: 0,
    gcinterval: 1000,
    expire: null,
    rateMatch: false,
    interval: 0,
  }),
  options: [
    {
      name: 'hashlimit-upto',
      aliases: ['hashlimit'],
      invert: true,
      excludes: ['hashlimit-above'],
      set: (o, arg, invert) => setRate(o, arg, invert, false),
    },
    { name: 'hashlimit-above', invert: true, excludes: ['hashlimit-upto'], set: (o, arg, invert) => setRate(o, arg, !invert, true) },
    {
      name: 'hashlimit-burst',
      set: (o, arg) => {
        const burst = parseBurst(arg);
        if (burst === null || burst === 0) throw new Problem(`bad value for option "--hashlimit-burst", or out of range (1-${BURST_MAX}).`);
        o.burstGiven = burst;
      },
    },
    mask('srcmask'),
    mask('dstmask'),
    setNumber('size', 'size'),
    setNumber('max', 'max'),
    setNumber('gcinterval', 'gcinterval'),
    setNumber('expire', 'expire'),
    {
      name: 'hashlimit-mode',
      set: (o, arg) => {
        const modes = arg.split(',').filter((m) => m !== '');
        for (const m of modes)
          if (!MODES.includes(m as Mode)) throw new Problem(`hashlimit: Bad value for "--hashlimit-mode" option: "${arg}"`);
        o.modes = MODES.filter((m) => modes.includes(m));
      },
    },
    {
      name: 'hashlimit-name',
      mandatory: true,
      set: (o, arg) => {
        if (arg === '') throw new Problem('Argument must have a minimum length of 1 characters\n');
        o.name = arg;
      },
    },
    {
      name: 'hashlimit-rate-match',
      arg: 'none',
      set: (o) => {
        o.rateMatch = true;
      },
    },
    {
      name: 'hashlimit-rate-interval',
      set: (o, arg) => {
        const interval = number(arg);
        if (interval === null || interval === 0) throw new Problem(`hashlimit: Bad value for "--hashlimit-rate-interval" option: "${arg}"`);
        o.interval = interval;
      },
    },
  ],
  check: (o) => {
    if (o.avg === null && o.bytes === null) throw new Problem('You have to specify --hashlimit');
    const { bytes, burstGiven } = o;
    if (bytes !== null) {
      if (burstGiven !== null && burstGiven < bytes) throw new Problem(`burst cannot be smaller than ${bytes}b`);
      // 4096 mbytes are no burst: 32 bits.
      o.burst = burstGiven === null ? 0 : Math.ceil((burstGiven >>> 0) / Math.max(1, bytes));
      o.expire ??= (burstGiven !== null ? BYTE_EXPIRE_BURST : BYTE_EXPIRE) * 1000;
    } else {
      o.burst = burstGiven ?? 5;
      if (o.burst > BURST_MAX) throw new Problem(`bad value for option "--hashlimit-burst", or out of range (1-${BURST_MAX}).`);
      o.expire ??= o.mult * 1000;
    }
    if (o.rateMatch && o.interval === 0) {
      o.interval = bytes === null ? o.mult : 1;
      if (o.avg !== null) o.avg = Math.floor(o.avg / o.interval);
    }
  },
  checkentry: (o, _ns, _proto, _table, family) => {
    if (o.avg !== null && (o.rateMatch ? o.avg > 0xffffffff : credits(o.avg, o.burst) < credits(o.avg, 1))) return fail('ERANGE');
    const bad = (len: number | null): boolean => len !== null && len > maxLen(family);
    if (bad(o.srcmask) || bad(o.dstmask) || o.name.includes('/') || o.name === '.' || o.name === '..') return fail('EINVAL');
    return ok();
  },
  save: (o, family) => {
    const { text, expire } = rateText(o, false);
    return (
      ` --hashlimit-${o.above ? 'above' : 'upto'} ${text}${burstText(o, '--hashlimit-')}` +
      (o.modes.length > 0 ? ` --hashlimit-mode ${o.modes.join(',')}` : '') +
      ` --hashlimit-name ${o.name}` +
      (o.size ? ` --hashlimit-htable-size ${o.size}` : '') +
      (o.max ? ` --hashlimit-htable-max ${o.max}` : '') +
      (o.gcinterval !== 1000 ? ` --hashlimit-htable-gcinterval ${o.gcinterval}` : '') +
      (o.expire !== expire ? ` --hashlimit-htable-expire ${o.expire}` : '') +
      (o.srcmask !== null && o.srcmask !== maxLen(family) ? ` --hashlimit-srcmask ${o.srcmask}` : '') +
      (o.dstmask !== null && o.dstmask !== maxLen(family) ? ` --hashlimit-dstmask ${o.dstmask}` : '') +
      (o.rateMatch ? ' --hashlimit-rate-match' : '') +
      (o.rateMatch && o.interval !== 1 ? ` --hashlimit-rate-interval ${o.interval}` : '')
    );
  },
  list: (o, cx) => {
    const { text, expire } = rateText(o, true);
    return (
      ` limit: ${o.above ? 'above' : 'up to'} ${text}${burstText(o, '')}` +
      (o.modes.length > 0 ? ` mode ${o.modes.join('-')}` : '') +
      (o.size ? ` htable-size ${o.size}` : '') +
      (o.max ? ` htable-max ${o.max}` : '') +
      (o.gcinterval !== 1000 ? ` htable-gcinterval ${o.gcinterval}` : '') +
      (o.expire !== expire ? ` htable-expire ${o.expire}` : '') +
      (o.srcmask !== null && o.srcmask !== maxLen(cx.family) ? ` srcmask ${o.srcmask}` : '') +
      (o.dstmask !== null && o.dstmask !== maxLen(cx.family) ? ` dstmask ${o.dstmask}` : '') +
      (o.rateMatch ? ' rate-match' : '') +
      (o.rateMatch && o.interval !== 1 ? ` rate-interval ${o.interval}` : '')
    );
  },
  run: (o, ns) => {
    const { sim } = ns.kernel;
    const entries = new Map<string, { limit: (len: number) => boolean; used: number }>();
    const life = Math.max((o.expire ?? 10_000) * 1000, (o.avg ?? 1) * o.burst);
    return (p) => {
      const key = keyOf(o, p);
      if (key === null) return false;
      let entry = entries.get(key);
      if (!entry || sim.now - entry.used > life) {
        entry = { limit: limiter(o, () => sim.now), used: sim.now };
        entries.set(key, entry);
      }
      entry.used = sim.now;
      return entry.limit(p.len) !== o.above;
    };
  },
};

/** True while a packet of `len` bytes is below the limit. Models rateinfo_init(), rateinfo_recalc(), hashlimit_byte_cost() */
function limiter(o: Hashlimit, now: () => number): (len: number) => boolean {
  const { bytes } = o;
  if (o.rateMatch) {
    const rate = bytes ?? Math.floor(SCALE / (o.avg ?? 1));
    const burst = bytes === null ? o.burst : bytes * Math.max(1, o.burst);
    const window = o.interval * SCALE;
    let since = now();
    let count = 0;
    let over = false;
    return (len) => {
      const passed = now() - since;
      if (passed >= window) {
        over = count * window > passed * rate * o.interval;
        since = now();
        count = 0;
      }
      count += bytes === null ? 1 : len;
      return !over && count <= burst;
    };
  }
  if (bytes === null) {
    const bucket = new Bucket((o.avg ?? 1) / 100, o.burst, now());
    return () => bucket.take(now());
  }
  // The bucket holds one second's worth; a burst refills it that many times.
  let credit = 1;
  let refills = o.burst;
  let last = now();
  return (len) => {
    credit += (now() - last) / SCALE;
    last = now();
    if (credit >= 1) {
      credit = 1;
      refills = o.burst;
    }
    const cost = Math.min(1, ((len >> 4) + 1) / (bytes / 16 + 1));
    if (credit < cost && refills > 0) {
      refills--;
      credit = 1;
    }
    if (credit < cost) return false;
    credit -= cost;
    return true;
  };
}

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
