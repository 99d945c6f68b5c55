/** `type veth [peer …]`. Models ip/link_veth.c */

import { Args, duparg } from '../lib/args.ts';
import { parseLink } from './parse.ts';
import type { LinkType } from './types.ts';
import { TYPE_USAGE } from './usage.ts';

export const veth: LinkType = {
  name: 'veth',
  parse(ctx, args, req, create) {
    if (!args.is('peer')) {
      ctx.pr.out += TYPE_USAGE.veth;
      return 1;
    }
    args.step();
    const rest = new Args(args.rest());
    const peer = parseLink(ctx, rest, create);
    if (typeof peer === 'number') return peer;
    if (peer.type !== null) duparg('type', peer.type);
    req.peer = peer.attrs;
    return 0;
  },
};
