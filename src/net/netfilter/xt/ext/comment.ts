/** -m comment: a note for people; matches always. Models libxt_comment.c */

import { type MatchExt, Problem } from '../ext.ts';
import { quote } from '../parse.ts';

export const comment: MatchExt<{ text: string }> = {
  kind: 'match',
  name: 'comment',
  init: () => ({ text: '' }),
  options: [
    {
      name: 'comment',
      mandatory: true,
      set: (o, arg) => {
        if (arg.length > 255) throw new Problem('COMMENT must be shorter than 256 characters');
        o.text = arg;
      },
    },
  ],
  save: (o) => ` --comment ${quote(o.text)}`,
  list: (o) => ` /* ${o.text} */`,
  nft: () => '',
  run: () => () => true,
};
