/** -m helper: packets of connections that a helper expected; none is attached here, so only the inverted form matches. Models xt_helper.c */

import type { MatchExt } from '../ext.ts';
import { quote } from '../parse.ts';

export const helper: MatchExt<{ name: string; invert: boolean }> = {
  kind: 'match',
  name: 'helper',
  conntrack: true,
  init: () => ({ name: '', invert: false }),
  options: [
    {
      name: 'helper',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => Object.assign(o, { name: arg.slice(0, 29), invert }),
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --helper ${quote(o.name)}`,
  list: (o) => ` helper match ${o.invert ? '! ' : ''}"${o.name}"`,
  nft: (o) => `ct helper ${o.invert ? '!= ' : ''}"${o.name}"`,
  run: (o) => () => o.invert,
};
