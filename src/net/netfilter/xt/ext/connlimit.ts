/** -m connlimit: connections of one client or network. Models libxt_connlimit.c and nf_conncount.c */

import { type Family, type IpAddr, maxLen, network } from '../../../../wire/addr.ts';
import { type MatchExt, Problem } from '../ext.ts';
import { maskLen, mask as parseMask, uint } from '../parse.ts';

interface Connlimit {
  limit: number;
  above: boolean;
  mask: number | null;
  side: 'saddr' | 'daddr';
}

const maskOf = (o: Connlimit, family: Family): number => o.mask ?? maxLen(family);

export const connlimit: MatchExt<Connlimit> = {
  kind: 'match',
  name: 'connlimit',
  conntrack: true,
  init: () => ({ limit: 0, above: true, mask: null, side: 'saddr' }),
  options: [
    {
      name: 'connlimit-upto',
      invert: true,
      excludes: ['connlimit-above'],
      set: (o, arg, invert) => {
        o.limit = uint('connlimit', 'connlimit-upto', arg, 0, 0xffffffff);
        o.above = invert;
      },
    },
    {
      name: 'connlimit-above',
      invert: true,
      excludes: ['connlimit-upto'],
      set: (o, arg, invert) => {
        o.limit = uint('connlimit', 'connlimit-above', arg, 0, 0xffffffff);
        o.above = !invert;
      },
    },
    {
      name: 'connlimit-mask',
      set: (o, arg, _invert, cx) => {
        const m = parseMask(arg, cx.family);
        const len = m === null ? (cx.family === 4 && /^\d+$/.test(arg) ? 32 : null) : (maskLen(m) ?? maxLen(cx.family));
        if (len === null)
          throw new Problem(
            `connlimit: bad value for option "--connlimit-mask", neither a valid network mask nor valid CIDR (0-${maxLen(cx.family)}).\n`,
          );
        o.mask = len;
      },
    },
    {
      name: 'connlimit-saddr',
      arg: 'none',
      excludes: ['connlimit-daddr'],
      set: (o) => {
        o.side = 'saddr';
      },
    },
    {
      name: 'connlimit-daddr',
      arg: 'none',
      excludes: ['connlimit-saddr'],
      set: (o) => {
        o.side = 'daddr';
      },
    },
  ],
  check: (_o, given) => {
    if (!given.has('connlimit-above') && !given.has('connlimit-upto')) {
      throw new Problem('You must specify "--connlimit-above" or "--connlimit-upto".');
    }
  },
  save: (o, family) => ` --connlimit-${o.above ? 'above' : 'upto'} ${o.limit} --connlimit-mask ${maskOf(o, family)} --connlimit-${o.side}`,
  list: (o, cx) => ` #conn ${o.side === 'saddr' ? 'src' : 'dst'}/${maskOf(o, cx.family)} ${o.above ? '>' : '<='} ${o.limit}`,
  run: (o, ns) => (p) => {
    const len = maskOf(o, p.family);
    const key = (a: IpAddr): IpAddr => network(a, len);
    const want = key(o.side === 'saddr' ? p.src : p.dst);
    let count = p.skb.ct && !p.skb.ct.confirmed ? 1 : 0;
    for (const ct of ns.ct.list(p.family)) {
      if (ct.tcp && (ct.tcp.state === 'TIME_WAIT' || ct.tcp.state === 'CLOSE')) continue;
      if (key(o.side === 'saddr' ? ct.original.src : ct.original.dst) === want) count++;
    }
    return count > o.limit === o.above;
  },
};
