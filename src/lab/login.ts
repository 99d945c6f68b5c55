/** A login shell on a host's terminal; in a container bash, or else sh, as people type it after `kubectl exec -it`. */

import type { AuditSession } from '../os/audit.ts';
import type { Process } from '../os/process.ts';
import type { Tty } from '../os/tty.ts';
import { strerror } from '../sim/errno.ts';
import type { Host } from './world.ts';

export interface LoginTerminal {
  readonly tty: Tty;
  readonly shell: Process | null;
  /** Why there is no shell. */
  readonly refused: string | null;
  /** Called with whatever the programs write; takes it all, so that how fast a person's screen draws never changes the run. */
  onData: ((data: Uint8Array) => void) | null;
}

export function login(host: Host, cols: number, rows: number, audit: AuditSession): LoginTerminal {
  const { machine, ns } = host;
  const tty = machine.newTty(cols, rows);
  const file = tty.endpoint();
  const env = machine.baseEnv();
  env.set('TERM', 'xterm-256color');
  const fds = new Map([
    [0, file],
    [1, file],
    [2, file],
  ]);
  const opts = { newSession: true, fds, audit };
  let program = 'bash';
  let started = host.enter ? host.enter(['bash', '-il'], opts) : machine.spawn(['bash', '-il'], { ns, env, cwd: '/root', ...opts });
  if (!started.ok && host.enter) {
    program = 'sh';
    started = host.enter(['sh'], opts);
  }
  const shell = started.ok ? started.value : null;
  if (shell) {
    if (host.enter && !shell.env.has('TERM')) shell.env.set('TERM', 'xterm');
    shell.tty = tty;
    tty.session = shell.pid;
    tty.setForeground(shell.pgid);
  }
  const refused = started.ok ? null : (host.refused?.(program, started.errno) ?? `${program}: ${strerror(started.errno)}`);
  const terminal: LoginTerminal = { tty, shell, refused, onData: null };
  tty.onOutput = () => {
    for (let data = tty.take(); data.length > 0; data = tty.take()) terminal.onData?.(data);
  };
  return terminal;
}
