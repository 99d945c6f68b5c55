/** bash: the program and its command line. */

import type { Command } from '../../os/program.ts';

export const bash: Command = {
  name: 'bash',
  path: '/usr/bin/bash',
  aliases: ['sh'],
  *main(p) {
    yield* p.err('bash: not there yet\n');
    return 1;
  },
};
