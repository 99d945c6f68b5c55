/** -j CHECKSUM: fills in checksums that offload left open. Models libxt_CHECKSUM.c */

import type { TargetExt } from '../ext.ts';

export const CHECKSUM: TargetExt<{ fill: boolean }> = {
  kind: 'target',
  name: 'CHECKSUM',
  tables: ['mangle'],
  init: () => ({ fill: false }),
  options: [{ name: 'checksum-fill', arg: 'none', mandatory: true, set: (o) => Object.assign(o, { fill: true }) }],
  save: (o) => (o.fill ? ' --checksum-fill' : ''),
  list: (o) => ` CHECKSUM${o.fill ? ' fill' : ''}`,
  run: () => (p) => {
    p.skb.checksumHelp();
    return 'continue';
  },
};
