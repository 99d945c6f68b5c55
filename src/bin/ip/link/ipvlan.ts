/** `type ipvlan mode …`. Models ip/iplink_ipvlan.c */

import type { IpvlanData } from '../../../os/uapi.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

const MODES = ['l2', 'l3', 'l3s'] as const;
const FLAGS = ['private', 'vepa', 'bridge'] as const;

export const ipvlan: LinkType = {
  name: 'ipvlan',
  parse(ctx, args, req) {
    const data: IpvlanData = { kind: 'ipvlan' };
    for (; args.more; args.step()) {
      const flag = data.flag ? undefined : FLAGS.find((f) => args.matches(f));
      if (args.matches('mode')) {
        const word = args.next();
        const mode = MODES.find((m) => m === word);
        if (!mode) {
          ctx.complain('Error: argument of "mode" must be either "l2", "l3" or "l3s"\n');
          return 1;
        }
        data.mode = mode;
      } else if (flag) data.flag = flag;
      else {
        if (!args.matches('help')) ctx.complain(`ipvlan: unknown option "${args.word}"?\n`);
        ctx.complain(TYPE_USAGE.ipvlan as string);
        return 1;
      }
    }
    req.data = data;
    return 0;
  },
  print(ctx, m) {
    if (m.data?.kind !== 'ipvlan') return;
    const { mode = 'l3', flag = 'bridge' } = m.data;
    ctx.pr.any('mode', mode, ` mode ${mode} `);
    ctx.pr.any(flag, true, `${flag} `);
  },
};
