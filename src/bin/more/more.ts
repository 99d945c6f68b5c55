/** more: shows text screen by screen, downwards. Models util-linux 2.38 */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { strerror } from '../../sim/errno.ts';
import { getopt, specs } from '../getopt.ts';
import { Keyboard } from '../less/input.ts';
import { type RowOptions, rowsOf } from '../less/rows.ts';
import { Text } from '../less/text.ts';

const HELP = `
Usage:
 more [options] <file>...

A file perusal filter for CRT viewing.

Options:
 -d, --silent          display help instead of ringing bell
 -f, --logical         count logical rather than screen lines
 -l, --no-pause        suppress pause after form feed
 -c, --print-over      do not scroll, display text and clean line ends
 -p, --clean-print     do not scroll, clean screen and display text
 -e, --exit-on-eof     exit on end-of-file
 -s, --squeeze         squeeze multiple blank lines into one
 -u, --plain           suppress underlining and bold
 -n, --lines <number>  the number of lines per screenful
 -<number>             same as --lines
 +<number>             display file beginning from line number
 +/<pattern>           display file beginning from pattern match

 -h, --help            display this help
 -V, --version         display version

For more details see more(1).
`;
const SPECS = specs('d.silent f.logical l.no-pause c.print-over p.clean-print e.exit-on-eof s.squeeze u.plain n:lines h.help V.version');

export const more: Command = {
  name: 'more',
  *main(p) {
    const from = p.argv.find((a, i) => i > 0 && /^\+\d+$/.test(a));
    const args = p.argv.slice(1).filter((a) => a !== from);
    const o = getopt(
      args.map((a) => (/^-\d+$/.test(a) ? `-n${a.slice(1)}` : a)),
      SPECS,
    );
    const on = new Map(o.options);
    if (on.has('help')) {
      yield* p.out(HELP);
      return 0;
    }
    if (on.has('version')) {
      yield* p.out('more from util-linux 2.38.1\n');
      return 0;
    }
    if (o.error !== null || (o.operands.length === 0 && p.isatty(0))) {
      yield* p.err(`more: ${o.error ?? 'bad usage'}\nTry 'more --help' for more information.\n`);
      return 1;
    }
    const names = o.operands.length > 0 ? o.operands : ['-'];
    let status = 0;
    for (const [i, name] of names.entries()) {
      const opened = name === '-' ? null : p.open(name, 'r');
      if (opened && !opened.ok) {
        yield* p.err(`more: cannot open ${name}: ${strerror(opened.errno)}\n`);
        status = 1;
        continue;
      }
      const stat = name === '-' ? null : p.stat(name);
      if (stat?.ok && stat.value.kind === 'dir') {
        yield* p.out(`\n*** ${name}: directory ***\n\n`);
        continue;
      }
      if (names.length > 1) yield* p.out(`::::::::::::::\n${name}\n::::::::::::::\n`);
      const text = new Text(p, opened?.ok ? opened.value : 0, name === '-' ? '' : name, stat?.ok ? stat.value.size : null);
      const done = yield* show(p, text, on, Number(from?.slice(1) ?? 1) - 1, i + 1 < names.length);
      text.close();
      if (done) break;
    }
    return status;
  },
};

/** True when the reader has had enough. */
function* show(p: Process, text: Text, on: ReadonlyMap<string, string>, first: number, another: boolean): Task<boolean> {
  const { tty } = p;
  let stop = false;
  if (!tty || !p.isatty(1)) {
    yield* text.need(Number.POSITIVE_INFINITY, () => false);
    yield* p.out(
      text.lines
        .slice(first)
        .map((l) => `${l}\n`)
        .join(''),
    );
    return false;
  }
  p.onSignal('INT', () => {
    stop = true;
  });
  const saved = { ...tty.termios };
  tty.termios = { ...saved, icanon: false, echo: false };
  const keyboard = new Keyboard(p);
  const options: RowOptions = { cols: tty.cols, chop: false, numbers: false, raw: 'all', tab: 8, shift: 0, overstrike: !on.has('plain') };
  const page = (): number => Math.max(1, Number(on.get('lines') ?? tty.rows - 1));
  let at = Math.max(0, first);
  let wanted = page();
  const clear = '\r\x1b[K';
  try {
    while (!stop) {
      let rows = 0;
      const full = wanted;
      while (rows < wanted) {
        yield* text.need(at + 1, () => stop);
        const line = text.lines[at];
        if (line === undefined) break;
        at++;
        if (on.has('squeeze') && line === '' && text.lines[at - 2] === '') continue;
        const shown = rowsOf(line, at, options, []);
        rows += on.has('logical') ? 1 : shown.length;
        yield* p.out(shown.map((r) => `${r}\n`).join(''));
      }
      yield* text.need(at + 1, () => stop);
      const end = text.lines[at] === undefined;
      if (end && (another || on.has('exit-on-eof') || text.name === '')) return false;
      if (end && full > 1) yield* p.out('\n'.repeat(Math.max(0, full - rows)));
      const percent = text.size ? `(${Math.floor(((text.starts[at] ?? 0) * 100) / text.size)}%)` : '';
      const prompt = `\x1b[7m${end ? '(END)' : `--More--${percent}`}\x1b[27m`;
      yield* p.out(prompt);
      const next = yield* ask(p, keyboard, prompt, at, page(), () => stop);
      yield* p.out(clear);
      if (next === null || (end && next > 0)) return next === null || !another;
      if (next < 0) {
        yield* p.out(`...back ${-next} page${next === -1 ? '' : 's'}\n`);
        at = Math.max(0, at - (1 - next) * page() - 1);
        wanted = page();
      } else wanted = next;
    }
  } finally {
    tty.termios = saved;
  }
  return true;
}

/** How many rows are wanted, pages back when negative, null to leave. */
function* ask(p: Process, keyboard: Keyboard, prompt: string, line: number, page: number, stop: () => boolean): Task<number | null> {
  let n = '';
  for (;;) {
    const key = yield* keyboard.key();
    if (key === null || stop()) return null;
    const count = n === '' ? null : Number(n.slice(0, 6));
    if (/^\d$/.test(key)) {
      n += key;
      continue;
    }
    n = '';
    if (key === ' ' || key === 'z' || key === 'f') return count ?? page;
    if (key === '\r' || key === '\n' || key === 'j') return count ?? 1;
    if (key === 'd' || key === '\x04') return count ?? Math.max(1, Math.floor(page / 2));
    if (key === 's') return count ?? 1;
    if (key === 'b' || key === '\x02') return -(count ?? 1);
    if (key === 'q' || key === 'Q') return null;
    if (key === '=') yield* p.out(`\r\x1b[K${line}`);
    else if (key !== '') yield* p.out(`\x07\r\x1b[K${prompt}`);
  }
}
