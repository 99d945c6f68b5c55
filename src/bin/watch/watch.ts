/** watch: runs a command every few seconds and shows its output full-screen. */

import type { Command } from '../../os/program.ts';
import { SEC } from '../../sim/sim.ts';
import { getopt, specs } from '../getopt.ts';
import { strftime } from '../strftime.ts';

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
  -n, --interval <secs>  seconds to wait between updates
  -t, --no-title         turn off header
  -x, --exec             pass command to exec instead of "sh -c"
 -h, --help     display this help and exit
`;

export const watch: Command = {
  name: 'watch',
  *main(p) {
    const o = getopt(
      p.argv.slice(1),
      specs('b.beep c.color d?differences e.errexit g.chgexit n:interval p.precise t.no-title x.exec h.help v.version'),
      true,
    );
    const on = new Map(o.options);
    if (o.error !== null || on.has('help') || o.operands.length === 0) {
      const text = `${o.error === null ? '' : `watch: ${o.error}\n`}${HELP}`;
      if (on.has('help')) yield* p.out(text);
      else yield* p.err(text);
      return on.has('help') ? 0 : 1;
    }
    const interval = Math.max(0.1, Number(on.get('interval') ?? 2));
    if (Number.isNaN(interval)) {
      yield* p.err(`watch: failed to parse argument: '${on.get('interval')}': Invalid argument\n`);
      return 1;
    }
    const size = p.winsize(1) ?? { cols: 80, rows: 24 };
    const line = o.operands.join(' ');
    let stop = false;
    p.onSignal('INT', () => {
      stop = true;
    });
    if (p.isatty(1)) yield* p.out('\x1b[?1049h');
    let before: string | null = null;
    let status = 0;
    while (!stop) {
      const begun = p.sim.now;
      const [r, w] = p.pipe();
      const fds = new Map(p.fds);
      const pipeEnd = fds.get(w);
      if (pipeEnd) {
        fds.set(1, pipeEnd);
        fds.set(2, pipeEnd);
      }
      fds.delete(r);
      fds.delete(w);
      const child = p.spawn(on.has('exec') ? o.operands : ['sh', '-c', line], { fds });
      p.close(w);
      const all = yield* p.readAll(r);
      p.close(r);
      if (child.ok) status = yield* p.waitPid(child.value);
      const body = all.ok ? new TextDecoder().decode(all.value) : '';
      const now = strftime('%a %b %e %H:%M:%S %Y', p.sim.epochMs / 1000 + p.sim.now / 1e6);
      const left = `Every ${interval.toFixed(1)}s: ${line}`;
      const right = `${p.hostname}: ${now}`;
      const room = size.cols - right.length - 1;
      const head = on.has('no-title')
        ? ''
        : `${left.length > room ? `${left.slice(0, Math.max(0, room - 3))}...` : left.padEnd(room)} ${right}\n\n`;
      const rows = `${head}${body}`.split('\n').slice(0, size.rows - 1);
      yield* p.out(`\x1b[H\x1b[2J${rows.join('\n')}`);
      if ((on.has('chgexit') && before !== null && before !== body) || (on.has('errexit') && status !== 0)) break;
      before = body;
      if (!stop) yield* p.sleep(on.has('precise') ? Math.max(1, begun + interval * SEC - p.sim.now) : interval * SEC);
    }
    if (p.isatty(1)) yield* p.out('\x1b[?1049l');
    return 0;
  },
};
