/** -j SYNPROXY: answers SYNs with cookies for a server. Answering is not emulated: the kernel log says so and the packet is lost. Models libxt_SYNPROXY.c */

import { fail, ok } from '../../../../sim/errno.ts';
import type { OptionSpec, TargetExt } from '../ext.ts';
import { mayLog } from '../log.ts';
import { uint } from '../parse.ts';

interface Synproxy {
  sackPerm: boolean;
  timestamp: boolean;
  wscale: number | null;
  mss: number | null;
  ecn: boolean;
}

const flag = (name: string, key: 'sackPerm' | 'timestamp' | 'ecn'): OptionSpec<Synproxy> => ({
  name,
  arg: 'none',
  set: (o) => {
    o[key] = true;
  },
});

function text(o: Synproxy, dashes: string): string {
  return (
    (o.sackPerm ? ` ${dashes}sack-perm` : '') +
    (o.timestamp ? ` ${dashes}timestamp` : '') +
    (o.wscale !== null ? ` ${dashes}wscale ${o.wscale}` : '') +
    (o.mss !== null ? ` ${dashes}mss ${o.mss}` : '') +
    (o.ecn ? ` ${dashes}ecn` : '')
  );
}

export const SYNPROXY: TargetExt<Synproxy> = {
  kind: 'target',
  name: 'SYNPROXY',
  hooks: ['INPUT', 'FORWARD'],
  conntrack: true,
  init: () => ({ sackPerm: false, timestamp: false, wscale: null, mss: null, ecn: false }),
  options: [
    flag('sack-perm', 'sackPerm'),
    flag('timestamp', 'timestamp'),
    {
      name: 'wscale',
      set: (o, arg) => {
        o.wscale = uint('SYNPROXY', 'wscale', arg, 0, 0xffffffff) & 255;
      },
    },
    {
      name: 'mss',
      set: (o, arg) => {
        o.mss = uint('SYNPROXY', 'mss', arg, 0, 0xffffffff) & 0xffff;
      },
    },
    flag('ecn', 'ecn'),
  ],
  checkentry: (_o, _ns, proto) => (proto === 6 ? ok() : fail('EINVAL')),
  save: (o) => text(o, '--'),
  list: (o) => ` SYNPROXY${text(o, '')} `,
  nft: (o) => `synproxy${text(o, '')}`,
  run: (_o, ns) => () => {
    if (mayLog(ns)) ns.kernel.printk('xt_SYNPROXY: answering SYNs is not emulated, packet dropped');
    return 'drop';
  },
};
