/** -m cgroup: the control group of the local socket; every process here is in the root group, class 0. Models libxt_cgroup.c and xt_cgroup.c */

import { fail, ok } from '../../../../sim/errno.ts';
import type { MatchExt } from '../ext.ts';
import { quote, uint } from '../parse.ts';

interface Cgroup {
  classid: { value: number; invert: boolean } | null;
  path: { value: string; invert: boolean } | null;
}

export const cgroup: MatchExt<Cgroup> = {
  kind: 'match',
  name: 'cgroup',
  hooks: ['INPUT', 'OUTPUT', 'POSTROUTING'],
  init: () => ({ classid: null, path: null }),
  options: [
    {
      name: 'path',
      invert: true,
      set: (o, arg, invert) => {
        o.path = { value: arg, invert };
      },
    },
    {
      name: 'cgroup',
      invert: true,
      set: (o, arg, invert) => {
        o.classid = { value: uint('cgroup', 'cgroup', arg, 0, 0xffffffff), invert };
      },
    },
  ],
  /** A path that is no group is refused; the root is the only one. */
  checkentry: (o) => ((o.classid === null) === (o.path === null) || (o.path && !/^\/*$/.test(o.path.value)) ? fail('EINVAL') : ok()),
  save: (o) =>
    (o.path ? `${o.path.invert ? ' !' : ''} --path ${quote(o.path.value)}` : '') +
    (o.classid ? `${o.classid.invert ? ' !' : ''} --cgroup ${o.classid.value}` : ''),
  list: (o) => {
    const one = o.path ?? o.classid;
    return one ? ` cgroup ${one.invert ? '! ' : ''}${one.value}` : '';
  },
  nft: (o) => (o.classid ? `meta cgroup ${o.classid.invert ? '!= ' : ''}${o.classid.value}` : null),
  run: (o) => (p) => {
    if (!p.skb.sk) return false;
    if (o.classid) return (o.classid.value === 0) !== o.classid.invert;
    return !o.path?.invert;
  },
};
