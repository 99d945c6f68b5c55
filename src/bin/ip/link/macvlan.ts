/** `type macvlan mode …`. Models ip/iplink_macvlan.c */

import type { MacvlanData } from '../../../os/uapi.ts';
import { invarg, oneOf, unsigned } from '../lib/args.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

const MODES = ['private', 'vepa', 'bridge', 'passthru', 'source'] as const;

export const macvlan: LinkType = {
  name: 'macvlan',
  parse(ctx, args, req) {
    const data: MacvlanData = { kind: 'macvlan' };
    for (; args.more; args.step()) {
      if (args.matches('mode')) {
        const word = args.next();
        const mode = MODES.find((m) => m === word);
        if (!mode) {
          ctx.complain(oneOf('mode', word, MODES));
          return 1;
        }
        data.mode = mode;
      } else if (args.matches('bcqueuelen')) {
        if (unsigned(args.next()) === null) invarg('bcqueuelen', args.word);
      } else if (args.matches('help')) {
        ctx.complain(TYPE_USAGE.macvlan as string);
        return 1;
      } else {
        ctx.complain(`macvlan: unknown option "${args.word}"?\n${TYPE_USAGE.macvlan}`);
        return 1;
      }
    }
    req.data = data;
    return 0;
  },
  print(ctx, m) {
    if (m.data?.kind !== 'macvlan') return;
    const { pr } = ctx;
    pr.any('mode', m.data.mode ?? 'vepa', `mode ${m.data.mode ?? 'vepa'} `);
    if (m.data.mode === 'source') pr.any('bcqueuelen', 1000, 'bcqueuelen 1000 ');
    else {
      pr.any('bcqueuelen', 1000, 'bcqueuelen 1000 ');
      pr.any('usedbcqueuelen', 1000, 'usedbcqueuelen 1000 ');
    }
  },
};
