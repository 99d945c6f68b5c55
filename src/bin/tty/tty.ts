/** tty and stty: which terminal, and its settings. Models coreutils 9.1 */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { getopt } from '../getopt.ts';

export const tty: Command = {
  name: 'tty',
  *main(p) {
    const o = getopt(p.argv.slice(1), [{ short: 's', long: 'silent' }, { long: 'quiet' }]);
    if (o.error !== null) {
      yield* p.err(`tty: ${o.error}\nTry 'tty --help' for more information.\n`);
      return 2;
    }
    if (o.operands.length > 0) {
      yield* p.err(`tty: extra operand '${o.operands[0]}'\nTry 'tty --help' for more information.\n`);
      return 2;
    }
    const name = p.isatty(0) ? (p.file(0)?.name ?? null) : null;
    if (o.options.length === 0) yield* p.out(`${name ?? 'not a tty'}\n`);
    return name === null ? 1 : 0;
  },
};

const FLAGS: Readonly<Record<string, 'icanon' | 'echo' | 'isig' | 'onlcr' | 'icrnl'>> = {
  icanon: 'icanon',
  echo: 'echo',
  isig: 'isig',
  onlcr: 'onlcr',
  icrnl: 'icrnl',
  opost: 'onlcr',
};

/** Settings that the emulated terminal does not have and that change nothing a program would see. */
const ACCEPTED = /^-?(iexten|echoe|echok|echoctl|echoke|ixon|ixoff|ixany|brkint|imaxbel|iutf8|inlcr|igncr|istrip|parenb|cs8|cread|hupcl)$/;

function* show(p: Process, all: boolean): Task<number> {
  const terminal = p.tty;
  const t = terminal?.termios;
  if (!terminal || !t) return 1;
  const f = (on: boolean, name: string): string => (on ? name : `-${name}`);
  if (!all) {
    const changed = [
      t.icrnl ? '' : '-icrnl',
      t.onlcr ? '' : '-onlcr',
      t.isig ? '' : '-isig',
      t.icanon ? '' : '-icanon',
      t.echo ? '' : '-echo',
    ].filter((x) => x !== '');
    yield* p.out(`speed 38400 baud; line = 0;\n-brkint -imaxbel\n${changed.length > 0 ? `${changed.join(' ')}\n` : ''}`);
    return 0;
  }
  yield* p.out(`speed 38400 baud; rows ${terminal.rows}; columns ${terminal.cols}; line = 0;
intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D; eol = <undef>;
eol2 = <undef>; swtch = <undef>; start = ^Q; stop = ^S; susp = ^Z; rprnt = ^R;
werase = ^W; lnext = ^V; discard = ^O; min = 1; time = 0;
-parenb -parodd -cmspar cs8 -hupcl -cstopb cread -clocal -crtscts
-ignbrk -brkint -ignpar -parmrk -inpck -istrip -inlcr -igncr ${f(t.icrnl, 'icrnl')} ixon -ixoff
-iuclc -ixany -imaxbel -iutf8
opost -olcuc -ocrnl ${f(t.onlcr, 'onlcr')} -onocr -onlret -ofill -ofdel nl0 cr0 tab0 bs0 vt0 ff0
${f(t.isig, 'isig')} ${f(t.icanon, 'icanon')} iexten ${f(t.echo, 'echo')} echoe echok -echonl -noflsh -xcase -tostop -echoprt
echoctl echoke -flusho -extproc
`);
  return 0;
}

export const stty: Command = {
  name: 'stty',
  *main(p) {
    const args = p.argv.slice(1);
    const unknown = args.find((a) => a.startsWith('--') && a !== '--all');
    const bad = (a: string): Task<unknown> => p.err(`stty: invalid argument ‘${a}’\nTry 'stty --help' for more information.\n`);
    if (unknown) {
      yield* bad(unknown);
      return 1;
    }
    const terminal = p.isatty(0) ? p.tty : null;
    if (!terminal) {
      yield* p.err("stty: 'standard input': Inappropriate ioctl for device\n");
      return 1;
    }
    if (args.length === 0) return yield* show(p, false);
    if (args[0] === '-a' || args[0] === '--all') return yield* show(p, true);
    for (let i = 0; i < args.length; i++) {
      const a = args[i] as string;
      const name = a.replace(/^-/, '');
      if (a === 'size') yield* p.out(`${terminal.rows} ${terminal.cols}\n`);
      else if (a === 'sane') Object.assign(terminal.termios, { icanon: true, echo: true, isig: true, onlcr: true, icrnl: true });
      else if (a === 'raw') Object.assign(terminal.termios, { icanon: false, isig: false, onlcr: false, icrnl: false });
      else if (a === '-raw' || a === 'cooked') Object.assign(terminal.termios, { icanon: true, isig: true, onlcr: true, icrnl: true });
      else if (a === 'cbreak') terminal.termios.icanon = false;
      else if (a === '-cbreak') terminal.termios.icanon = true;
      else if ((a === 'rows' || a === 'cols' || a === 'columns') && /^\d+$/.test(args[i + 1] ?? '')) {
        const n = Number(args[++i]);
        terminal.resize(a === 'rows' ? terminal.cols : n, a === 'rows' ? n : terminal.rows);
      } else if (FLAGS[name]) terminal.termios[FLAGS[name] as 'echo'] = !a.startsWith('-');
      else if (!ACCEPTED.test(a)) {
        yield* bad(a);
        return 1;
      }
    }
    return 0;
  },
};
