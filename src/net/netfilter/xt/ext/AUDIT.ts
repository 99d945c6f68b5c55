/** -j AUDIT: an audit record; no audit daemon listens in a namespace. Models libxt_AUDIT.c */

import { Problem, type TargetExt } from '../ext.ts';

export const AUDIT: TargetExt<{ type: string }> = {
  kind: 'target',
  name: 'AUDIT',
  init: () => ({ type: '' }),
  options: [
    {
      name: 'type',
      mandatory: true,
      set: (o, arg) => {
        const type = arg.toLowerCase();
        if (!['accept', 'drop', 'reject'].includes(type)) throw new Problem(`Bad action type value "${arg}"`);
        o.type = type;
      },
    },
  ],
  save: (o) => ` --type ${o.type}`,
  list: (o) => ` AUDIT ${o.type}`,
  nft: () => 'log level audit',
  run: () => () => 'continue',
};
