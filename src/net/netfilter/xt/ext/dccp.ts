/** -p dccp: ports. Packet types and options are not emulated. Models libxt_dccp.c */

import { type MatchExt, Problem } from '../ext.ts';
import { hasL4 } from '../packet.ts';
import { portRangeRc } from '../parse.ts';
import { type PortMatch, portsOf, portTest } from './ports.ts';

export const dccp: MatchExt<PortMatch> = {
  kind: 'match',
  name: 'dccp',
  protos: [33],
  init: () => ({ sport: null, dport: null }),
  options: [
    {
      name: 'source-port',
      aliases: ['sport'],
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = portRangeRc(arg, 33);
        o.sport = { min, max, invert };
      },
    },
    {
      name: 'destination-port',
      aliases: ['dport'],
      invert: true,
      set: (o, arg, invert) => {
        const [min, max] = portRangeRc(arg, 33);
        o.dport = { min, max, invert };
      },
    },
    {
      name: 'dccp-types',
      invert: true,
      set: () => {
        throw new Problem('dccp: --dccp-types is not emulated');
      },
    },
    {
      name: 'dccp-option',
      invert: true,
      set: () => {
        throw new Problem('dccp: --dccp-option is not emulated');
      },
    },
  ],
  save: (o) => portsOf(o, 'save', String, true),
  list: (o, cx) => ` dccp${portsOf(o, 'list', (p) => cx.service(p, 33))}`,
  run: (o) => {
    const ports = portTest(o);
    return (p) => hasL4(p, 12) && ports(p);
  },
};
