/** dumb-init: PID 1 of images that want one: hands signals on and takes its child's exit status. */

import type { Command } from '../../../os/program.ts';

export const dumbInit: Command = {
  name: 'dumb-init',
  path: '/usr/bin/dumb-init',
  *main(p) {
    const argv = p.argv.slice(p.argv[1] === '--' ? 2 : 1);
    const child = p.spawn(argv);
    if (!child.ok) {
      yield* p.err(`[dumb-init] ${argv[0] ?? ''}: No such file or directory\n`);
      return 2;
    }
    for (const signal of ['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2'] as const)
      p.onSignal(signal, () => p.machine.kill(p, child.value.pid, signal));
    return yield* p.waitPid(child.value);
  },
};
