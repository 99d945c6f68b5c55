/** why: runs a command and then tells what happened to its packets, hop by hop. Hopwise's own. */

import type { Process } from '../../os/process.ts';
import type { Command, Wait } from '../../os/program.ts';
import { strerror } from '../../os/uapi.ts';
import { witness } from '../../os/witness.ts';

const USAGE = `Usage: why COMMAND [ARGUMENT]...
Runs COMMAND and then tells what happened to its packets: the way there and the
way back, which rule rewrote them, which route they took, who dropped them and
why. Exits as COMMAND does. It is no part of Linux: only Hopwise has it.
`;

/** How long packets that are still on their way are waited for, µs. */
const PATIENCE = 3_500_000;
const STEP = 50_000;
const MAX_DEPTH = 64;

export const why: Command = {
  name: 'why',
  *main(p) {
    const argv = p.argv.slice(1);
    if (argv[0] === '--help' || argv.length === 0) {
      yield* argv.length === 0 ? p.err(USAGE) : p.out(USAGE);
      return argv.length === 0 ? 125 : 0;
    }
    if (argv[0] === '--') argv.shift();
    else if (argv[0]?.startsWith('-')) {
      yield* p.err(`why: unrecognized option '${argv[0]}'\nTry 'why --help' for more information.\n`);
      return 125;
    }
    let child: Process | null = null;
    const seen = witness(p, (q) => child !== null && descends(q, child));
    if (!seen) {
      yield* p.err('why: nobody can tell here what becomes of packets\n');
      return 125;
    }
    const started = p.spawn(argv);
    if (!started.ok) {
      seen.report();
      yield* p.err(`why: ${argv[0]}: ${strerror(started.errno)}\n`);
      return started.errno === 'ENOENT' ? 127 : 126;
    }
    child = started.value;
    // Ctrl-C ends the command; what it sent until then is told.
    p.onSignal('INT', () => undefined);
    const status = yield* p.waitPid(child);
    const until = p.sim.now + PATIENCE;
    const pause = (): Wait => ({ until: Math.min(until, p.sim.now + STEP) });
    while (seen.pending && p.sim.now < until) yield pause();
    yield* p.out(`\n${seen.report()}`);
    return status;
  },
};

/** Started by `ancestor`, or by what that started. */
function descends(q: Process, ancestor: Process): boolean {
  let at: Process | null = q;
  for (let n = 0; at && n < MAX_DEPTH; n++) {
    if (at === ancestor) return true;
    at = at.parent;
  }
  return false;
}
