/** Types without options: ip does not even look at words after them. */

import type { LinkType } from './types.ts';

function plain(name: string): LinkType {
  return {
    name,
    parse(_ctx, args) {
      while (args.more) args.step();
      return 0;
    },
  };
}

export const plainTypes: readonly LinkType[] = ['dummy', 'ifb', 'nlmon'].map(plain);
