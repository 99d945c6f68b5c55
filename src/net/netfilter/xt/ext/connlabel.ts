/** -m connlabel: one of 128 bits on a connection. Names would come from /etc/xtables/connlabel.conf. Models libxt_connlabel.c and xt_connlabel.c */

import { fail, ok } from '../../../../sim/errno.ts';
import { type MatchExt, Problem } from '../ext.ts';
import { number } from '../parse.ts';

interface ConnLabel {
  bit: number;
  invert: boolean;
  set: boolean;
}

export const connlabel: MatchExt<ConnLabel> = {
  kind: 'match',
  name: 'connlabel',
  conntrack: true,
  init: () => ({ bit: 0, invert: false, set: false }),
  options: [
    {
      name: 'label',
      mandatory: true,
      invert: true,
      set: (o, arg, invert, cx) => {
        if (arg === '') throw new Problem('Argument must have a minimum length of 1 characters\n');
        const bit = number(arg);
        if (bit === null) {
          cx.warn('Warning: cannot open /etc/xtables/connlabel.conf: No such file or directory\n');
          throw new Problem(`label '${arg}' not found or invalid value`);
        }
        o.bit = bit & 0xffff;
        o.invert = invert;
      },
    },
    {
      name: 'set',
      arg: 'none',
      set: (o) => {
        o.set = true;
      },
    },
  ],
  checkentry: (o) => (o.bit > 127 ? fail('ERANGE') : ok()),
  save: (o) => `${o.invert ? ' !' : ''} --label "${o.bit}"${o.set ? ' --set' : ''}`,
  list: (o) => ` connlabel${o.invert ? ' !' : ''} ${o.bit}${o.set ? ' set' : ''}`,
  nft: (o) => `${o.set ? `ct label set ${o.bit} ` : ''}ct label ${o.invert ? `and ${o.bit} != ` : ''}${o.bit}`,
  run: (o) => {
    const bit = 1n << BigInt(o.bit);
    return (p) => {
      const { ct } = p.skb;
      if (!ct) return o.invert;
      if (o.set && !o.invert) ct.labels |= bit;
      else if (o.set && (ct.labels & bit) === 0n) ct.labels |= bit;
      return ((ct.labels & bit) !== 0n) !== o.invert;
    };
  },
};
