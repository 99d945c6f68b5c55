/** `type vrf table …`, and what its members show. Models ip/iplink_vrf.c */

import { invarg } from '../lib/args.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

export const vrf: LinkType = {
  name: 'vrf',
  parse(ctx, args, req) {
    let table: number | undefined;
    for (; args.more; args.step()) {
      if (args.matches('table')) table = ctx.names.tables.number(args.next()) ?? invarg('invalid table ID\n', args.word);
      else {
        if (!args.matches('help')) ctx.complain(`vrf: unknown option "${args.word}"?\n`);
        ctx.complain(TYPE_USAGE.vrf as string);
        return 1;
      }
    }
    req.data = table === undefined ? { kind: 'vrf' } : { kind: 'vrf', table };
    return 0;
  },
  print(ctx, m) {
    if (m.data?.kind === 'vrf') ctx.pr.any('table', m.data.table ?? 0, `table ${m.data.table} `);
  },
};

export const vrfSlave: LinkType = {
  name: 'vrf_slave',
  print(ctx, m) {
    if (m.vrfTable !== null) ctx.pr.any('table', m.vrfTable, `table ${m.vrfTable} `);
  },
};
