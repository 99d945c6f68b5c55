/** -m set: membership in an ipset. No sets exist yet: the tool says so, as it does for an unknown one. Models libxt_set.c */

import { type MatchExt, Problem } from '../ext.ts';

export const set: MatchExt<Record<string, never>> = {
  kind: 'match',
  name: 'set',
  init: () => ({}),
  options: [
    {
      name: 'match-set',
      invert: true,
      set: (_o, arg, _invert, cx) => {
        if (cx.next() === null) throw new Problem('--match-set requires two args.');
        throw new Problem(`Set ${arg} doesn't exist.\n`);
      },
    },
  ],
  check: () => {
    throw new Problem("You must specify `--match-set' with proper arguments");
  },
  save: () => '',
  list: () => '',
  run: () => () => false,
};
