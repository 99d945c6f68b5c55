/** -m ah and -m esp: the security parameter index of IPsec. Models libipt_ah.c, libxt_esp.c */

import { u32 } from '../../../../wire/bytes.ts';
import type { MatchExt } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { uintRange } from '../parse.ts';

interface Spi {
  min: number;
  max: number;
  invert: boolean;
}

const ALL = 0xffffffff;

function make(name: 'ah' | 'esp', proto: number, offset: number): MatchExt<Spi> {
  const option = `${name}spi`;
  const text = (o: Spi): string => (o.min === o.max ? String(o.min) : `${o.min}:${o.max}`);
  return {
    kind: 'match',
    name,
    // That of IPv6 has options of its own.
    ...(name === 'ah' ? { families: [4] } : {}),
    protos: [proto],
    init: () => ({ min: 0, max: ALL, invert: false }),
    options: [
      {
        name: option,
        invert: true,
        set: (o, arg, invert) => {
          const [min, max] = uintRange(name, option, arg, ALL);
          Object.assign(o, { min, max, invert });
        },
      },
    ],
    save: (o) => (o.min === 0 && o.max === ALL ? '' : `${o.invert ? ' !' : ''} --${option} ${text(o)}`),
    list: (o) =>
      ` ${name}${o.min === 0 && o.max === ALL && !o.invert ? (name === 'ah' ? ' ' : '') : ` spi${o.min === o.max ? '' : 's'}:${o.invert ? '!' : ''}${text(o)}`}`,
    run: (o) => (p) => {
      if (!hasL4(p, offset + 4)) return false;
      const spi = u32(p.skb.data, p.l4 + offset);
      return (spi >= o.min && spi <= o.max) !== o.invert;
    },
  };
}

export const ah = make('ah', 51, 4);
export const esp = make('esp', 50, 0);
