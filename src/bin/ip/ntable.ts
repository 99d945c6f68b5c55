/** ip ntable: parameters of the neighbour tables. Models ip/ipntable.c */

import type { NetDevice } from '../../os/uapi.ts';
import type { Ctx, Verb } from './ctx.ts';
import { Args, Exit, invarg, matches, missarg, unsigned } from './lib/args.ts';
import { NTABLE_USAGE } from './usagemore.ts';

const TABLES = [
  [4, 'arp_cache'],
  [6, 'ndisc_cache'],
] as const;

/** Word of ip, name below /proc/sys/net/ipvN/neigh/DEV, value of the sysctl for one unit of ip's (ms), value where there is no sysctl. */
interface Param {
  readonly word: string;
  readonly sysctl: string;
  readonly unit?: number;
  readonly fallback: number;
}

/** What one full packet that waits is charged (SKB_TRUESIZE(ETH_FRAME_LEN)). */
const FRAME = 2090;

const LINES: readonly (readonly Param[])[] = [
  [
    { word: 'base_reachable', sysctl: 'base_reachable_time_ms', fallback: 30000 },
    { word: 'retrans', sysctl: 'retrans_time_ms', fallback: 1000 },
  ],
  [
    { word: 'gc_stale', sysctl: 'gc_stale_time', unit: 1000, fallback: 60 },
    { word: 'delay_probe', sysctl: 'delay_first_probe_time', unit: 1000, fallback: 5 },
    { word: 'queue', sysctl: 'unres_qlen_bytes', unit: 1 / FRAME, fallback: 212992 },
  ],
  [
    { word: 'app_probes', sysctl: 'app_solicit', fallback: 0 },
    { word: 'ucast_probes', sysctl: 'ucast_solicit', fallback: 3 },
    { word: 'mcast_probes', sysctl: 'mcast_solicit', fallback: 3 },
  ],
  [
    { word: 'anycast_delay', sysctl: 'anycast_delay', unit: 10, fallback: 100 },
    { word: 'proxy_delay', sysctl: 'proxy_delay', unit: 10, fallback: 80 },
    { word: 'proxy_queue', sysctl: 'proxy_qlen', fallback: 64 },
    { word: 'locktime', sysctl: 'locktime', unit: 10, fallback: 100 },
  ],
];

function key(family: 4 | 6, dev: string, p: Param): string {
  return `net/ipv${family}/neigh/${dev}/${p.sysctl}`;
}

function value(ctx: Ctx, family: 4 | 6, dev: string, p: Param): number {
  const fallback = p.word === 'locktime' && family === 6 ? 0 : p.fallback;
  const text = ctx.ns.sysctl.get(key(family, dev, p));
  return Math.floor((text === undefined ? fallback : Number(text)) * (p.unit ?? 1));
}

function printTable(ctx: Ctx, family: 4 | 6, name: string, dev: NetDevice | null): void {
  const { pr } = ctx;
  const where = dev?.name ?? 'default';
  pr.openObject();
  pr.any('family', family === 4 ? 'inet' : 'inet6', `${family === 4 ? 'inet' : 'inet6'} `);
  pr.any('name', name, `${name} `);
  pr.nl();
  pr.fp('    ');
  if (dev) {
    pr.any('dev', dev.name, `dev ${dev.name} `);
    pr.nl();
  } else {
    const thresholds = [
      ['thresh1', 'gc_thresh1', 128],
      ['thresh2', 'gc_thresh2', 512],
      ['thresh3', 'gc_thresh3', 1024],
    ] as const;
    for (const [word, sysctl, fallback] of thresholds) {
      const n = Number(ctx.ns.sysctl.get(`net/ipv${family}/neigh/default/${sysctl}`) ?? fallback);
      pr.any(word, n, `${word} ${n} `);
    }
    pr.any('gc_interval', 30000, 'gc_int 30000 ');
    pr.nl();
  }
  const refs = 1 + (dev ? ctx.ns.neigh.list(family).filter((n) => n.dev === dev).length : 0);
  const reachable = dev ? Math.floor(ctx.ns.neigh.params(family, dev).reachableTime() / 1000) : value(ctx, family, where, BASE);
  pr.fp('    ');
  pr.any('refcnt', refs, `refcnt ${refs} `);
  pr.any('reachable', reachable, `reachable ${reachable} `);
  LINES.forEach((line, i) => {
    if (i > 0) pr.fp('    ');
    for (const p of line) {
      const n = value(ctx, family, where, p);
      pr.any(p.word, n, `${p.word} ${n} `);
    }
    pr.nl();
  });
  pr.fp('\n');
  pr.closeObject();
}

const BASE = (LINES[0] as readonly Param[])[0] as Param;

function show(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let dev: NetDevice | null = null;
  let only: string | null = null;
  for (; args.more; args.step()) {
    if (args.is('dev')) dev = ctx.device(args.next()) ?? invarg('"DEV" is invalid', args.word);
    else if (args.is('name')) only = args.next();
    else invarg('unknown', args.word);
  }
  ctx.newJson();
  // Devices stand before those that came earlier, lo last.
  const devices = [...ctx.ns.devices.values()].filter((d) => d !== ctx.ns.lo);
  for (const [family, name] of TABLES) {
    if ((ctx.family !== 0 && ctx.family !== family) || (only !== null && only !== name)) continue;
    if (!dev) printTable(ctx, family, name, null);
    for (const d of [...devices.reverse(), ctx.ns.lo]) if (!dev || d === dev) printTable(ctx, family, name, d);
    devices.reverse();
  }
  ctx.deleteJson();
  return 0;
}

function change(ctx: Ctx, words: readonly string[]): number {
  const args = new Args(words);
  let name: string | null = null;
  let dev: NetDevice | null = null;
  const set: [Param, number][] = [];
  let thresholds = false;
  for (; args.more; args.step()) {
    const p = LINES.flat().find((x) => x.word === args.word);
    if (args.is('name')) name = args.next();
    else if (args.is('dev')) dev = ctx.device(args.next()) ?? invarg('"DEV" is invalid', args.word);
    else if (args.is('thresh1', 'thresh2', 'thresh3', 'gc_int')) {
      const word = args.word;
      if (unsigned(args.next()) === null) invarg(`"${word}" value is invalid`, args.word);
      thresholds = true;
    } else if (p) set.push([p, unsigned(args.next()) ?? invarg(`"${p.word}" value is invalid`, args.word)]);
    else invarg('unknown', args.word);
  }
  if (name === null) missarg('NAME');
  if (!thresholds && set.length === 0) throw new Exit(255, 'Not enough information: changeable attributes required.\n');
  const table = TABLES.find(([, n]) => n === name);
  // Thresholds belong to the first namespace.
  if (!table || (thresholds && ctx.ns !== ctx.p.kernel.init)) return ctx.talk({ ok: false, errno: 'ENOENT' });
  for (const [p, n] of set) {
    const r = ctx.ns.sysctl.set(key(table[0], dev?.name ?? 'default', p), String(Math.round(n / (p.unit ?? 1))));
    if (!r.ok) return ctx.talk({ ok: false, errno: r.errno });
  }
  return 0;
}

export const ntableObject: Verb = {
  name: 'ntable',
  run(ctx, words) {
    const verb = words[0];
    if (verb === undefined) return show(ctx, []);
    if (matches(verb, 'change') || matches(verb, 'chg')) return change(ctx, words.slice(1));
    if (matches(verb, 'show') || matches(verb, 'lst') || matches(verb, 'list')) return show(ctx, words.slice(1));
    if (matches(verb, 'help')) throw new Exit(255, NTABLE_USAGE);
    throw new Exit(255, `Command "${verb}" is unknown, try "ip ntable help".\n`);
  },
};
