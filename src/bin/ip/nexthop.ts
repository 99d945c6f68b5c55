/** ip nexthop: nexthop objects. Models ip/ipnexthop.c */

import type { Verb } from './ctx.ts';
import { Exit, matches } from './lib/args.ts';
import { NEXTHOP_USAGE } from './usage.ts';

export const nexthopObject: Verb = {
  name: 'nexthop',
  run(ctx, words) {
    if (words[0] !== undefined && matches(words[0], 'help')) throw new Exit(255, NEXTHOP_USAGE);
    ctx.complain('ip nexthop: not emulated\n');
    return 1;
  },
};
