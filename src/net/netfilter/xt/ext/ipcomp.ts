/** -m ipcomp: the compression parameter index of IPComp. Models libxt_ipcomp.c and xt_ipcomp.c */

import { u16 } from '../../../../wire/bytes.ts';
import type { MatchExt } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { uintRange } from '../parse.ts';

interface IpComp {
  min: number;
  max: number;
  invert: boolean;
  reserved: boolean;
}

const ALL = 0xffffffff;

export const ipcomp: MatchExt<IpComp> = {
  kind: 'match',
  name: 'ipcomp',
  protos: [108],
  init: () => ({ min: 0, max: 0, invert: false, reserved: false }),
  options: [
    {
      name: 'ipcompspi',
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = uintRange('ipcomp', 'ipcompspi', arg, ALL);
        Object.assign(o, { min, max, invert });
      },
    },
    {
      name: 'compres',
      arg: 'none',
      set: (o) => {
        o.reserved = true;
      },
    },
  ],
  save: (o) => {
    const any = o.min === 0 && o.max === ALL;
    const span = o.min === o.max ? String(o.min) : `${o.min}:${o.max}`;
    return (any ? '' : `${o.invert ? ' !' : ''} --ipcompspi ${span}`) + (o.reserved ? ' --compres' : '');
  },
  list: (o) => {
    const any = o.min === 0 && o.max === ALL && !o.invert;
    const span = o.min === o.max ? `spi:${o.invert ? '!' : ''}${o.min}` : `spis:${o.invert ? '!' : ''}${o.min}:${o.max}`;
    return ` comp ${any ? '' : span}${o.reserved ? ' reserved' : ''}`;
  },
  nft: (o) => `comp cpi ${o.invert ? '!= ' : ''}${o.min === o.max ? o.min : `${o.min}-${o.max}`}`,
  run: (o) => (p) => {
    if (!hasL4(p, 4)) return false;
    const cpi = u16(p.skb.data, p.l4 + 2);
    return (cpi >= o.min && cpi <= o.max) !== o.invert;
  },
};
