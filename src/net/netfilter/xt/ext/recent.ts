/** -m recent: lists of addresses seen lately. Models libxt_recent.c and xt_recent.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { formatIp, type IpAddr } from '../../../../wire/addr.ts';
import type { Netns } from '../../../netns.ts';
import { type MatchExt, type OptionSpec, Problem } from '../ext.ts';
import { host, mask as parseMask, uint } from '../parse.ts';

interface Recent {
  mode: 'set' | 'rcheck' | 'update' | 'remove' | null;
  invert: boolean;
  seconds: number;
  hitcount: number;
  reap: boolean;
  rttl: boolean;
  name: string;
  mask: IpAddr | null;
  side: 'source' | 'dest';
}

interface Seen {
  addr: IpAddr;
  ttl: number;
  stamps: number[];
  index: number;
}

const MAX_ENTRIES = 100;
/** ip_pkt_list_tot grows with --hitcount up to XT_RECENT_MAX_NSTAMPS. */
const MAX_HITS = 65535;
const MAX_STAMPS = 20;

/** The lists of a namespace by name: what /proc/net/xt_recent shows. */
export class RecentLists {
  private static readonly of = new WeakMap<Netns, RecentLists>();
  readonly lists = new Map<string, Map<IpAddr, Seen>>();

  static get(ns: Netns): RecentLists {
    let lists = RecentLists.of.get(ns);
    if (!lists) {
      lists = new RecentLists();
      RecentLists.of.set(ns, lists);
    }
    return lists;
  }

  list(name: string): Map<IpAddr, Seen> {
    let list = this.lists.get(name);
    if (!list) {
      list = new Map();
      this.lists.set(name, list);
    }
    return list;
  }

  /** The lines of /proc/net/xt_recent/NAME; times in jiffies (HZ=250). */
  text(name: string, boot: number): string | null {
    const list = this.lists.get(name);
    if (!list) return null;
    const jiffies = (us: number): number => 4294892296 + Math.floor((us + boot) / 4000);
    let out = '';
    for (const e of list.values()) {
      out += `src=${formatIp(e.addr)} ttl: ${e.ttl} last_seen: ${jiffies(e.stamps[e.stamps.length - 1] ?? 0)} oldest_pkt: ${e.index} ${e.stamps.map(jiffies).join(', ')}\n`;
    }
    return out;
  }

  /** Writes to /proc/net/xt_recent/NAME: `/` empties, `+ADDR` adds, `-ADDR` removes. */
  clear(name: string): void {
    this.lists.get(name)?.clear();
  }
}

function mode(name: 'set' | 'rcheck' | 'update' | 'remove'): OptionSpec<Recent> {
  return {
    name,
    arg: 'none',
    invert: true,
    excludes: ['set', 'rcheck', 'update', 'remove'].filter((n) => n !== name),
    set: (o, _arg, invert) => {
      o.mode = name;
      o.invert = invert;
    },
  };
}

const WORDS = { set: 'SET', rcheck: 'CHECK', update: 'UPDATE', remove: 'REMOVE' } as const;

function maskText(o: Recent, family: 4 | 6): string {
  return formatIp(o.mask ?? (family === 4 ? 0xffffffff : (1n << 128n) - 1n));
}

export const recent: MatchExt<Recent> = {
  kind: 'match',
  name: 'recent',
  init: () => ({
    mode: null,
    invert: false,
    seconds: 0,
    hitcount: 0,
    reap: false,
    rttl: false,
    name: 'DEFAULT',
    mask: null,
    side: 'source',
  }),
  options: [
    mode('set'),
    mode('rcheck'),
    mode('update'),
    mode('remove'),
    {
      name: 'seconds',
      set: (o, arg) => {
        o.seconds = uint('recent', 'seconds', arg, 1, 0xffffffff);
      },
    },
    {
      name: 'reap',
      arg: 'none',
      set: (o) => {
        o.reap = true;
      },
    },
    {
      name: 'hitcount',
      set: (o, arg) => {
        o.hitcount = uint('recent', 'hitcount', arg, 0, 0xffffffff);
      },
    },
    {
      name: 'rttl',
      arg: 'none',
      excludes: ['set', 'remove'],
      set: (o) => {
        o.rttl = true;
      },
    },
    {
      name: 'name',
      set: (o, arg) => {
        o.name = arg.slice(0, 199);
      },
    },
    {
      name: 'mask',
      set: (o, arg, _invert, cx) => {
        const m = /^\d+$/.test(arg) ? (cx.family === 4 ? Number(arg) >>> 0 : null) : parseMask(arg, cx.family);
        if (m === null && cx.family === 6 && /^\d+$/.test(arg))
          throw new Problem('getaddrinfo: Address family for hostname not supported\n');
        o.mask = m ?? host(arg, cx.family);
      },
    },
    {
      name: 'rsource',
      arg: 'none',
      set: (o) => {
        o.side = 'source';
      },
    },
    {
      name: 'rdest',
      arg: 'none',
      set: (o) => {
        o.side = 'dest';
      },
    },
  ],
  check: (o, given) => {
    if (!o.mode) throw new Problem("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'");
    if (o.reap && !given.has('seconds')) throw new Problem('recent: option "--reap" also requires "--seconds".\n');
  },
  checkentry: (o) =>
    o.hitcount > MAX_HITS ||
    ((o.seconds > 0 || o.hitcount > 0) && (o.mode === 'set' || o.mode === 'remove')) ||
    o.name.includes('/') ||
    o.name === ''
      ? fail('EINVAL')
      : ok(),
  save: (o, family) =>
    `${o.invert ? ' !' : ''} --${o.mode}${o.seconds ? ` --seconds ${o.seconds}` : ''}${o.reap ? ' --reap' : ''}` +
    `${o.hitcount ? ` --hitcount ${o.hitcount}` : ''}${o.rttl ? ' --rttl' : ''} --name ${o.name} --mask ${maskText(o, family)} --r${o.side}`,
  list: (o, cx) =>
    `${o.invert ? ' !' : ''} recent: ${o.mode ? WORDS[o.mode] : ''}${o.seconds ? ` seconds: ${o.seconds}` : ''}${o.reap ? ' reap' : ''}` +
    `${o.hitcount ? ` hit_count: ${o.hitcount}` : ''}${o.rttl ? ' TTL-Match' : ''} name: ${o.name} side: ${o.side} mask: ${maskText(o, cx.family)}`,
  run: (o, ns) => {
    const list = RecentLists.get(ns).list(o.name);
    const { sim } = ns.kernel;
    return (p) => {
      const whole = o.side === 'source' ? p.src : p.dst;
      const addr = o.mask === null ? whole : typeof whole === 'number' ? (whole & (o.mask as number)) >>> 0 : whole & (o.mask as bigint);
      const ttl = p.skb.data[p.family === 4 ? 8 : 7] as number;
      const now = sim.now;
      const touch = (e: Seen): void => {
        e.stamps.push(now);
        if (e.stamps.length > MAX_STAMPS) e.stamps.shift();
        e.index = (e.index + 1) % 256;
        list.delete(e.addr);
        list.set(e.addr, e);
      };
      const e = list.get(addr);
      if (!e || (o.rttl && e.ttl !== ttl && o.mode !== 'set')) {
        if (o.mode !== 'set') return o.invert;
        if (e) touch(e);
        else {
          if (list.size >= MAX_ENTRIES) list.delete(list.keys().next().value as IpAddr);
          list.set(addr, { addr, ttl, stamps: [now], index: 1 });
        }
        return !o.invert;
      }
      if (o.mode === 'set') {
        e.ttl = ttl;
        touch(e);
        return !o.invert;
      }
      if (o.mode === 'remove') {
        list.delete(addr);
        return !o.invert;
      }
      const since = o.seconds ? now - o.seconds * 1_000_000 : Number.NEGATIVE_INFINITY;
      const hits = e.stamps.filter((t) => t >= since).length;
      const hit = hits >= Math.max(1, o.hitcount);
      if (o.reap) e.stamps = e.stamps.filter((t) => t >= since);
      if (o.mode === 'update' && hit) {
        e.ttl = ttl;
        touch(e);
      }
      return hit !== o.invert;
    };
  },
};
