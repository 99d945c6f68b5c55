/** -m comment: a note for people; matches always. Models libxt_comment.c */

import type { MatchExt } from '../ext.ts';
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
        o.text = arg.slice(0, 255);
      },
    },
  ],
  save: (o) => ` --comment ${quote(o.text)}`,
  list: (o) => ` /* ${o.text} */`,
  nft: () => '',
  run: () => () => true,
};
