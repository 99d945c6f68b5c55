/** nohup and setsid: programs that outlive their terminal. Models coreutils 9.1 and util-linux 2.38 */

import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';

export const nohup: Command = {
  name: 'nohup',
  *main(p) {
    const args = p.argv.slice(1);
    if (args[0] === '--') args.shift();
    if (args.length === 0) {
      yield* p.err("nohup: missing operand\nTry 'nohup --help' for more information.\n");
      return 125;
    }
    if ((args[0] as string).startsWith('-')) {
      yield* p.err(
        `nohup: ${(args[0] as string).startsWith('--') ? `unrecognized option '${args[0]}'` : `invalid option -- '${(args[0] as string)[1]}'`}\nTry 'nohup --help' for more information.\n`,
      );
      return 125;
    }
    const input = p.isatty(0);
    const output = p.isatty(1);
    const errors = p.isatty(2);
    if (input) {
      p.close(0);
      p.open('/dev/null', 'w');
    }
    if (output) {
      yield* p.err(`nohup: ${input ? 'ignoring input and ' : ''}appending output to 'nohup.out'\n`);
      p.close(1);
      const r = p.open('nohup.out', 'a');
      if (!r.ok) {
        yield* p.err(`nohup: failed to open 'nohup.out': ${strerror(r.errno)}\n`);
        return 125;
      }
    } else if (input) yield* p.err('nohup: ignoring input\n');
    const found = p.canRun(args, p.env);
    if (!found.ok) {
      yield* p.err(`nohup: failed to run command '${args[0]}': ${strerror(found.errno)}\n`);
      return found.errno === 'ENOENT' ? 127 : 126;
    }
    if (errors) p.dup2(1, 2);
    p.onSignal('HUP', 'ignore');
    return yield* p.exec(args);
  },
};

export const setsid: Command = {
  name: 'setsid',
  *main(p) {
    const args = p.argv.slice(1);
    let wait = false;
    let fork = false;
    while (args[0]?.startsWith('-')) {
      const a = args.shift() as string;
      if (a === '--') break;
      if (a === '-w' || a === '--wait') wait = true;
      else if (a === '-f' || a === '--fork') fork = true;
      else if (a !== '-c' && a !== '--ctty') {
        yield* p.err(
          `setsid: ${a.startsWith('--') ? `unrecognized option '${a}'` : `invalid option -- '${a[1]}'`}\nTry 'setsid --help' for more information.\n`,
        );
        return 1;
      }
    }
    if (args.length === 0) {
      yield* p.err("setsid: no command specified\nTry 'setsid --help' for more information.\n");
      return 1;
    }
    const found = p.canRun(args, p.env);
    if (!found.ok) {
      yield* p.err(`setsid: failed to execute ${args[0]}: ${strerror(found.errno)}\n`);
      return found.errno === 'ENOENT' ? 127 : 126;
    }
    // A group leader cannot found a session: setsid forks then.
    if (!fork && p.pgid !== p.pid) {
      p.sid = p.pid;
      p.pgid = p.pid;
      p.tty = null;
      return yield* p.exec(args);
    }
    const child = p.spawn(args, { newSession: true });
    if (!child.ok) {
      yield* p.err(`setsid: fork: ${strerror(child.errno)}\n`);
      return 1;
    }
    return wait ? yield* p.waitPid(child.value) : 0;
  },
};
