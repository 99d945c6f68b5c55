/** `type dummy`: no options. */

import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

export const dummy: LinkType = {
  name: 'dummy',
  parse(ctx, args) {
    if (!args.matches('help')) ctx.complain(`dummy: unknown command "${args.word}"?\n`);
    ctx.complain(TYPE_USAGE.dummy as string);
    return 1;
  },
};
