/** -p sctp: ports. Chunk types are not emulated. Models libxt_sctp.c */

import { type MatchExt, Problem } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { portRange } from '../parse.ts';
import { type PortMatch, portsOf, portTest } from './ports.ts';

export const sctp: MatchExt<PortMatch> = {
  kind: 'match',
  name: 'sctp',
  protos: [132],
  init: () => ({ sport: null, dport: null }),
  options: [
    {
      name: 'source-port',
      aliases: ['sport'],
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = portRange(arg, 132);
        o.sport = { min, max, invert };
      },
    },
    {
      name: 'destination-port',
      aliases: ['dport'],
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = portRange(arg, 132);
        o.dport = { min, max, invert };
      },
    },
    {
      name: 'chunk-types',
      invert: true,
      set: () => {
        throw new Problem('sctp: --chunk-types is not emulated');
      },
    },
  ],
  save: (o) => portsOf(o, 'save'),
  list: (o, cx) => ` sctp${portsOf(o, 'list', (p) => cx.service(p, 132))}`,
  run: (o) => {
    const ports = portTest(o);
    return (p) => hasL4(p, 12) && ports(p);
  },
};
