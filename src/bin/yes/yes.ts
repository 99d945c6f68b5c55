/** yes: a line for ever, until nobody reads. */

import type { Command } from '../../os/program.ts';

export const yes: Command = {
  name: 'yes',
  *main(p) {
    const line = `${p.argv.slice(1).join(' ') || 'y'}\n`;
    const block = line.repeat(Math.max(1, Math.floor(4096 / line.length)));
    for (;;) {
      const w = yield* p.out(block);
      if (!w.ok) return 1;
    }
  },
};
