/** -m rpfilter: would the answer go back by the interface the packet came in by? Models ipt_rpfilter.c, ip6t_rpfilter.c */

import { isMulticast } from '../../../../wire/addr.ts';
import { IFF_LOOPBACK } from '../../../dev/flags.ts';
import { fibLookup } from '../../../ip/route.ts';
import type { Netns } from '../../../netns.ts';
import type { MatchExt } from '../ext.ts';
import type { XtPacket } from '../packet.ts';

interface RpfilterMatch {
  loose: boolean;
  validmark: boolean;
  acceptLocal: boolean;
  invert: boolean;
}

const FLAGS: readonly (readonly [string, keyof RpfilterMatch])[] = [
  ['loose', 'loose'],
  ['validmark', 'validmark'],
  ['accept-local', 'acceptLocal'],
  ['invert', 'invert'],
];

function passes(ns: Netns, o: RpfilterMatch, p: XtPacket): boolean {
  const dev = p.in;
  if (!dev || dev.flags & IFF_LOOPBACK) return true;
  if (typeof p.src === 'number' && p.src >>> 24 === 0 && typeof p.dst === 'number' && (p.dst === 0xffffffff || p.dst >>> 8 === 0xe00000))
    return true;
  const group = isMulticast(p.dst) || p.dst === 0xffffffff;
  const found = fibLookup(ns, {
    dst: p.src,
    src: group ? null : p.dst,
    mark: o.validmark ? p.skb.mark : 0,
    iif: ns.lo,
    ignoreLinkstate: true,
  });
  if (!found.ok) return false;
  const { route } = found.value;
  if (route.type !== 'unicast' && (route.type !== 'local' || !o.acceptLocal)) return false;
  return o.loose || route.nexthops.some((nh) => nh.dev === dev);
}

export const rpfilter: MatchExt<RpfilterMatch> = {
  kind: 'match',
  name: 'rpfilter',
  tables: ['raw', 'mangle'],
  hooks: ['PREROUTING'],
  init: () => ({ loose: false, validmark: false, acceptLocal: false, invert: false }),
  options: FLAGS.map(([name, key]) => ({
    name,
    arg: 'none' as const,
    set: (o: RpfilterMatch) => {
      o[key] = true;
    },
  })),
  save: (o) =>
    FLAGS.filter(([, key]) => o[key])
      .map(([name]) => ` --${name}`)
      .join(''),
  list: (o) =>
    ` rpfilter${FLAGS.filter(([, key]) => o[key])
      .map(([name]) => ` ${name}`)
      .join('')}`,
  run: (o, ns) => (p) => passes(ns, o, p) !== o.invert,
};
