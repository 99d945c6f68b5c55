/** watch: runs a command every few seconds and shows its output full-screen. Models procps-ng 4.0.2 */

import type { Process, Task } from '../../os/process.ts';
import type { Command } from '../../os/program.ts';
import { SEC } from '../../sim/sim.ts';
import { getopt, specs } from '../getopt.ts';
import { textWidth } from '../sh/line/width.ts';
import { strftime } from '../strftime.ts';
import { changed, type Grid, gridOf, rowText } from './grid.ts';

const HELP = `
Usage:
 watch [options] command

Options:
  -b, --beep             beep if command has a non-zero exit
  -c, --color            interpret ANSI color and style sequences
  -d, --differences[=<permanent>]
                         highlight changes between updates
  -e, --errexit          exit if command has a non-zero exit
  -g, --chgexit          exit when output from command changes
  -q, --equexit <cycles>
                         exit when output from command does not change
  -n, --interval <secs>  seconds to wait between updates
  -p, --precise          attempt run command in precise intervals
  -t, --no-title         turn off header
  -w, --no-wrap          turn off line wrapping
  -x, --exec             pass command to exec instead of "sh -c"

 -h, --help     display this help and exit
 -v, --version  output version information and exit

For more details see watch(1).
`;

const SPECS = specs(
  'b.beep c.color d?differences e.errexit g.chgexit q:equexit n:interval p.precise t.no-title w.no-wrap x.exec h.help v.version',
);
/** Output beyond this cannot be on any screen. */
const MAX_OUTPUT = 1 << 20;

/** The command left, time at the right; what does not fit is left out in this order: the command's end, the command, the interval. */
function header(interval: number, line: string, right: string, cols: number): string {
  const left = `Every ${interval.toFixed(1)}s: `;
  const at = cols - textWidth(right);
  if (at < 0) return '';
  let text = '';
  if (at >= left.length + 2) {
    text = left;
    const room = at - left.length;
    const width = textWidth(line);
    if (room > width) text += line;
    else if (room >= 3) {
      let shown = line;
      while (shown !== '' && textWidth(shown) > room - 5) shown = [...shown].slice(0, -1).join('');
      text = `${room < 5 ? left.slice(0, at - 5) : left + shown}...`;
    }
  }
  return text + ' '.repeat(at - textWidth(text)) + right;
}

function* outputOf(p: Process, argv: readonly string[]): Task<{ text: string; status: number }> {
  const [r, w] = p.pipe();
  const fds = new Map(p.fds);
  const end = p.fds.get(w);
  if (end) {
    fds.set(1, end);
    fds.set(2, end);
  }
  fds.delete(r);
  fds.delete(w);
  const child = p.spawn([...argv], { fds });
  p.close(w);
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const part = yield* p.read(r, 65_536);
    if (!part.ok && part.errno === 'EINTR') continue;
    if (!part.ok || part.value.length === 0) break;
    if (text.length < MAX_OUTPUT) text += decoder.decode(part.value, { stream: true });
  }
  p.close(r);
  let status = 0;
  if (child.ok) status = yield* p.waitPid(child.value);
  else text = `watch: ${argv[0]}: No such file or directory\n`;
  return { text, status };
}

export const watch: Command = {
  name: 'watch',
  *main(p) {
    const o = getopt(p.argv.slice(1), SPECS, true);
    const on = new Map(o.options);
    if (on.has('version')) {
      yield* p.out('watch from procps-ng 4.0.2\n');
      return 0;
    }
    if (o.error !== null || on.has('help') || o.operands.length === 0) {
      const text = `${o.error === null ? '' : `watch: ${o.error}\n`}${HELP}`;
      if (on.has('help')) yield* p.out(text);
      else yield* p.err(text);
      return on.has('help') ? 0 : 1;
    }
    for (const name of ['interval', 'equexit'] as const) {
      const value = on.get(name);
      if (value === undefined || /^\s*\+?(\d+\.?\d*|\.\d+)$/.test(value.replace(',', '.'))) continue;
      yield* p.err(`watch: failed to parse argument: '${value}': Invalid argument\n`);
      return 1;
    }
    const interval = Math.min(2_678_400, Math.max(0.1, Number((on.get('interval') ?? '2').replace(',', '.'))));
    return yield* show(p, on, interval, o.operands);
  },
};

function* show(p: Process, on: ReadonlyMap<string, string>, interval: number, operands: readonly string[]): Task<number> {
  const line = operands.join(' ');
  const tty = p.isatty(1) ? p.tty : null;
  const saved = tty ? { ...tty.termios } : null;
  let stop = false;
  let resized = false;
  p.onSignal('INT', () => {
    stop = true;
  });
  p.onSignal('TERM', () => {
    stop = true;
  });
  p.onSignal('WINCH', () => {
    resized = true;
  });
  if (tty) {
    tty.termios = { ...tty.termios, icanon: false, echo: false };
    yield* p.out('\x1b[?1049h\x1b[22;0;0t\x1b[H\x1b[2J');
  }
  let before: Grid | null = null;
  let drawn: string[] = [];
  let marks: Set<number> | null = null;
  let unchanged = 0;
  let result = 0;
  let due = p.sim.now;
  while (!stop) {
    const { rows, cols } = p.winsize(1) ?? { rows: 24, cols: 80 };
    const { text, status } = yield* outputOf(p, on.has('exec') ? operands : ['sh', '-c', line]);
    if (stop) break;
    const top = on.has('no-title') ? 0 : 2;
    const body = gridOf(text, { cols, rows: Math.max(0, rows - top), color: on.has('color'), cut: on.has('no-wrap') });
    const fresh = changed(before, body, rows, cols, on.has('differences') && on.get('differences') !== '' ? marks : null);
    const differs = before !== null && changed(before, body, rows, cols, null).size > 0;
    marks = fresh;
    before = body;
    const now = strftime('%a %b %e %H:%M:%S %Y', p.sim.epochMs / 1000 + p.sim.now / 1e6);
    const screen = top === 0 ? [] : [header(interval, line, `${p.hostname}: ${now}`, cols), ''];
    for (let y = 0; y + top < rows; y++) screen.push(rowText(body[y], y, cols, on.has('differences') ? fresh : new Set()));
    let out = status !== 0 && on.has('beep') ? '\x07' : '';
    screen.slice(0, rows).forEach((row, y) => {
      if (row !== (drawn[y] ?? '')) out += `\x1b[${y + 1};1H\x1b[2K${row}`;
    });
    drawn = screen;
    yield* p.out(`${out}\x1b[${rows};${cols}H`);
    if (status !== 0 && on.has('errexit')) {
      yield* p.out(`\x1b[${rows};1Hcommand exit with a non-zero status, press a key to exit`);
      if (tty) yield* p.read(0, 1);
      result = status;
      break;
    }
    if (on.has('chgexit') && differs) break;
    unchanged = differs ? 0 : unchanged + 1;
    if (on.has('equexit') && unchanged > Number(on.get('equexit'))) break;
    due = on.has('precise') ? due + interval * SEC : p.sim.now + interval * SEC;
    while (!stop && !resized && p.sim.now < due) yield* p.sleep(due - p.sim.now);
    if (resized) {
      resized = false;
      drawn = [];
      before = null;
      marks = null;
      yield* p.out('\x1b[H\x1b[2J');
    }
  }
  if (tty) {
    if (saved) tty.termios = saved;
    yield* p.out(`\x1b[${tty.rows};1H\x1b[?1049l\x1b[23;0;0t\r`);
  }
  return result;
}
