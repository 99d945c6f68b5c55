/** -m cpu: the processor that handles the packet; there is one here, number 0. Models libxt_cpu.c */

import type { MatchExt } from '../ext.ts';
import { uint } from '../parse.ts';

export const cpu: MatchExt<{ cpu: number; invert: boolean }> = {
  kind: 'match',
  name: 'cpu',
  init: () => ({ cpu: 0, invert: false }),
  options: [
    {
      name: 'cpu',
      mandatory: true,
      invert: true,
      set: (o, arg, invert) => Object.assign(o, { cpu: uint('cpu', 'cpu', arg, 0, 0xffffffff), invert }),
    },
  ],
  save: (o) => `${o.invert ? ' !' : ''} --cpu ${o.cpu}`,
  list: (o) => ` cpu ${o.invert ? '! ' : ''}${o.cpu}`,
  run: (o) => () => (o.cpu === 0) !== o.invert,
};
