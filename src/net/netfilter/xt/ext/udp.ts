/** -p udp: ports. Models libxt_udp.c */

import { type MatchExt, Problem } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { portRangeRc } from '../parse.ts';
import { neverPorts, nftPorts, type PortMatch, partPorts, portsOf, portTest } from './ports.ts';

export const udp: MatchExt<PortMatch> = {
  kind: 'match',
  name: 'udp',
  protos: [17],
  init: () => ({ sport: null, dport: null }),
  options: [
    {
      name: 'source-port',
      aliases: ['sport'],
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = portRangeRc(arg, 17, 'udp --source-port');
        o.sport = { min, max, invert };
      },
    },
    {
      name: 'destination-port',
      aliases: ['dport'],
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = portRangeRc(arg, 17, 'udp --destination-port');
        o.dport = { min, max, invert };
      },
    },
  ],
  check: (_o, given, cx) => {
    if (given.size > 0 && (cx.proto !== 17 || cx.protoInvert)) throw new Problem("UDP match requires '-p udp'");
  },
  hidden: neverPorts,
  save: (o) => portsOf(partPorts(o), 'save'),
  list: (o, cx) => ` udp${portsOf(cx.legacy ? o : partPorts(o), 'list', (p) => cx.service(p, 17))}`,
  native: true,
  nft: (o) => nftPorts('udp', o),
  run: (o) => {
    const ports = portTest(o);
    return (p) => hasL4(p, 8) && ports(p);
  },
};
