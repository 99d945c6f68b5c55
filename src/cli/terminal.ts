/** An emulated host in the user's own terminal: virtual time paced against the wall clock. */

import type { Session } from '../lab/session.ts';

/** Wall ms that the emulation may take before input is looked at again. */
const SLICE = 8;

/** Until the shell there ends. */
export function attach(session: Session, host: string): Promise<void> {
  const { stdin, stdout } = process;
  return new Promise((resolve) => {
    let over = false;
    const size = (): { cols: number; rows: number } => ({ cols: stdout.columns ?? 80, rows: stdout.rows ?? 24 });
    const terminal = session.openTerminal(host, {
      ...size(),
      onData: (text) => stdout.write(stdin.isTTY ? text : text.replaceAll('\r\n', '\n')),
      onExit: () => {
        over = true;
      },
    });
    const wall = performance.now() - session.now / 1000;
    let timer: NodeJS.Timeout | null = null;
    let ended = false;
    const finish = (): void => {
      if (timer) clearTimeout(timer);
      if (stdin.isTTY) stdin.setRawMode(false);
      stdin.pause();
      stdin.removeAllListeners();
      stdout.removeAllListeners('resize');
      resolve();
    };
    const turn = (): void => {
      const start = performance.now();
      // Piped input ends: let what it started run to its end without waiting for the wall clock.
      const until = ended ? (session.nextTime() ?? session.now) : Math.max(session.now, (start - wall) * 1000);
      const done = session.run(until, () => performance.now() - start < SLICE);
      if (over) {
        finish();
        return;
      }
      const next = session.nextTime();
      const wait = !done || ended ? 0 : next === null ? 1000 : Math.max(1, next / 1000 - (performance.now() - wall));
      timer = setTimeout(turn, Math.min(wait, 1000));
    };
    const soon = (): void => {
      if (timer) clearTimeout(timer);
      timer = setTimeout(turn, 0);
    };
    if (stdin.isTTY) stdin.setRawMode(true);
    stdin.on('data', (data) => {
      terminal.write(data.toString('utf8'));
      soon();
    });
    stdin.on('end', () => {
      terminal.write('\x04');
      ended = true;
      soon();
    });
    stdout.on('resize', () => {
      const { cols, rows } = size();
      terminal.resize(cols, rows);
      soon();
    });
    turn();
  });
}
