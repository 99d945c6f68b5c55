/** -m length: length of the layer 3 packet. Models libxt_length.c */

import type { MatchExt } from '../ext.ts';
import { uintRange } from '../parse.ts';

export const length: MatchExt<{ min: number; max: number; invert: boolean }> = {
  kind: 'match',
  name: 'length',
  init: () => ({ min: 0, max: 0xffff, invert: false }),
  options: [
    {
      name: 'length',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = uintRange('length', 'length', arg, 65535);
        Object.assign(o, { min, max, invert });
      },
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --length ${o.min === o.max ? o.min : `${o.min}:${o.max}`}`,
  list: (o) => ` length ${o.invert ? '!' : ''}${o.min === o.max ? o.min : `${o.min}:${o.max}`}`,
  run: (o) => (p) => (p.len >= o.min && p.len <= o.max) !== o.invert,
};
