/** -j CLASSIFY: sets the priority by which queueing disciplines choose a class. Models libxt_CLASSIFY.c */

import { Problem, type TargetExt } from '../ext.ts';

export const CLASSIFY: TargetExt<{ major: number; minor: number }> = {
  kind: 'target',
  name: 'CLASSIFY',
  hooks: ['FORWARD', 'OUTPUT', 'POSTROUTING'],
  init: () => ({ major: 0, minor: 0 }),
  options: [
    {
      name: 'set-class',
      mandatory: true,
      set: (o, arg) => {
        const m = /^\s*(-?[0-9a-fA-F]+):(-?[0-9a-fA-F]+)/.exec(arg);
        if (!m) throw new Problem(`Bad class value "${arg}"`);
        o.major = Number.parseInt(m[1] as string, 16) & 0xffff;
        o.minor = Number.parseInt(m[2] as string, 16) & 0xffff;
      },
    },
  ],
  save: (o) => ` --set-class ${o.major.toString(16).padStart(4, '0')}:${o.minor.toString(16).padStart(4, '0')}`,
  list: (o) => ` CLASSIFY set ${o.major.toString(16)}:${o.minor.toString(16)}`,
  run: (o) => (p) => {
    p.skb.priority = o.major * 65536 + o.minor;
    return 'continue';
  },
};
