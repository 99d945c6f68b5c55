/** -m pkttype: unicast, broadcast or multicast at the link layer. Models libxt_pkttype.c */

import { isMulticast } from '../../../../wire/addr.ts';
import { type MatchExt, Problem } from '../ext.ts';

type Kind = 'unicast' | 'broadcast' | 'multicast' | 'otherhost';
const NAMES: Readonly<Record<string, Kind>> = {
  unicast: 'unicast',
  broadcast: 'broadcast',
  multicast: 'multicast',
  host: 'unicast',
  bcast: 'broadcast',
  mcast: 'multicast',
  otherhost: 'otherhost',
};

export const pkttype: MatchExt<{ type: Kind; invert: boolean }> = {
  kind: 'match',
  name: 'pkttype',
  init: () => ({ type: 'unicast', invert: false }),
  options: [
    {
      name: 'pkt-type',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => {
        const type = NAMES[arg.toLowerCase()];
        if (!type) throw new Problem(`Bad packet type '${arg}'`);
        Object.assign(o, { type, invert });
      },
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --pkt-type ${o.type}`,
  list: (o) => ` PKTTYPE ${o.invert ? '!= ' : '= '}${o.type}`,
  run: (o) => (p) => {
    const t = p.skb.type;
    let type: Kind = t === 'broadcast' || t === 'multicast' ? t : 'unicast';
    if (t === 'loopback' || t === 'outgoing') type = isMulticast(p.dst) ? 'multicast' : 'unicast';
    return (type === o.type) !== o.invert;
  },
};
