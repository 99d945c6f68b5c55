/** -m realm: the class of the route; routes here carry none, so it is 0. Models libipt_realm.c and xt_realm.c */

import type { MatchExt } from '../ext.ts';
import { hex, type NamedMask, namedMask, namedMaskText } from '../parse.ts';

/** /etc/iproute2/rt_realms */
const REALMS: Readonly<Record<string, number>> = { cosmos: 0 };

interface Realm extends NamedMask {
  invert: boolean;
}

export const realm: MatchExt<Realm> = {
  kind: 'match',
  name: 'realm',
  families: [4],
  hooks: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  init: () => ({ value: 0, mask: 0xffffffff, invert: false }),
  options: [
    {
      name: 'realm',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => Object.assign(o, namedMask('realm', 'realm', arg, REALMS), { invert }),
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --realm ${namedMaskText(o, REALMS)}`,
  list: (o, cx) => `${o.invert ? ' !' : ''} realm ${namedMaskText(o, cx.numeric ? {} : REALMS)}`,
  nft: (o) =>
    o.mask !== 0xffffffff
      ? `rtclassid and ${hex(o.mask)} ${o.invert ? '!=' : '=='} ${hex(o.value)}`
      : `rtclassid ${o.invert ? '!= ' : ''}${namedMaskText(o, REALMS)}`,
  run: (o) => () => (o.value === 0) !== o.invert,
};
