/** -m mac: the sender's hardware address. Models libxt_mac.c */

import { formatMac, parseMac } from '../../../../wire/mac.ts';
import { type MatchExt, Problem } from '../ext.ts';

export const mac: MatchExt<{ mac: number; invert: boolean }> = {
  kind: 'match',
  name: 'mac',
  hooks: ['PREROUTING', 'INPUT', 'FORWARD'],
  init: () => ({ mac: 0, invert: false }),
  options: [
    {
      name: 'mac-source',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => {
        const value = parseMac(arg);
        if (value === null) throw new Problem('Invalid MAC address specified.');
        Object.assign(o, { mac: value, invert });
      },
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --mac-source ${formatMac(o.mac)}`,
  list: (o) => ` MAC${o.invert ? ' !' : ''} ${formatMac(o.mac)}`,
  run: (o) => (p) => (p.skb.ethSrc === o.mac) !== o.invert,
};
