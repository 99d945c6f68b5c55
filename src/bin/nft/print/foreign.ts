/** Rules of iptables-nft that nft made itself, as far as the listing has to know. */

import type { xt } from '../../../os/uapi.ts';

export const printForeign = {
  /** They count nothing. */
  uncounted: new WeakSet<xt.Rule>(),
};
