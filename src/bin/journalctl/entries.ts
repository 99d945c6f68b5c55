/** Journal entries and the kernel's log as one list, and as lines of text. Models journalctl's output modes */

import type { Process } from '../../os/process.ts';
import { systemdOf } from '../../os/systemd.ts';
import { strftime } from '../strftime.ts';

export interface Entry {
  /** Virtual µs. */
  readonly time: number;
  readonly unit: string | null;
  readonly identifier: string;
  readonly pid: number | null;
  readonly priority: number;
  readonly message: string;
}

export function entries(p: Process): Entry[] {
  const kernel = p.kernel.log.map((e) => ({ time: e.time, unit: null, identifier: 'kernel', pid: null, priority: 6, message: e.text }));
  return [...kernel, ...systemdOf(p.machine).journal.entries].sort((a, b) => a.time - b.time);
}

export type Output = 'short' | 'short-iso' | 'short-precise' | 'cat' | 'json';
export const OUTPUTS: readonly Output[] = ['short', 'short-iso', 'short-precise', 'cat', 'json'];

export function line(p: Process, e: Entry, mode: Output): string {
  if (mode === 'cat') return `${e.message}\n`;
  const us = Math.floor(p.sim.epochMs * 1000 + e.time);
  const seconds = Math.floor(us / 1e6);
  if (mode === 'json')
    return `${JSON.stringify({
      __REALTIME_TIMESTAMP: String(us),
      PRIORITY: String(e.priority),
      SYSLOG_IDENTIFIER: e.identifier,
      ...(e.pid === null ? {} : { _PID: String(e.pid) }),
      ...(e.unit === null ? {} : { _SYSTEMD_UNIT: e.unit }),
      _HOSTNAME: p.machine.hostname,
      MESSAGE: e.message,
    })}\n`;
  const micros = String(us % 1e6).padStart(6, '0');
  const when =
    mode === 'short-iso'
      ? `${strftime('%Y-%m-%dT%H:%M:%S', seconds)}+0000`
      : `${strftime('%b %d %H:%M:%S', seconds)}${mode === 'short-precise' ? `.${micros}` : ''}`;
  return `${when} ${p.machine.hostname} ${e.identifier}${e.pid === null ? '' : `[${e.pid}]`}: ${e.message}\n`;
}
