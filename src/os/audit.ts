/** The login that a process descends from, what that login may run, and what it was seen to do. Models the audit session of kernel/auditsc.c */

import type { Sim } from '../sim/sim.ts';
import type { Process } from './process.ts';

/** Kept over fork and exec by all that a login starts. */
export interface AuditSession {
  /** From 1 on. */
  readonly id: number;
  /** False: to start this program fails with EPERM. */
  allows(program: string, path: string): boolean;
}

declare module '../sim/trace.ts' {
  interface TraceEvents {
    /** A program was started. `login` is the audit session, 0 for none; `first`: its parent does not belong to it. */
    'os.exec': {
      host: string;
      ns: string;
      pid: number;
      ppid: number;
      sid: number;
      login: number;
      first: boolean;
      argv: readonly string[];
    };
    /** An interactive shell took a whole command, over as many lines as it has. `tty`: machine and path of the shell's terminal. */
    'os.line': { host: string; pid: number; login: number; tty: string; line: string };
    /** It is back at its prompt; `ahead`: bytes that were typed meanwhile and wait to be read. */
    'os.prompt': { host: string; pid: number; login: number; tty: string; status: number; ahead: number };
    /** A capture program printed or wrote a packet; `dev` is where it was seen, `frame` has an Ethernet header. */
    'os.capture': { host: string; ns: string; pid: number; login: number; asked: string; dev: string; filter: string; frame: Uint8Array };
  }
}

/** Tells who listens that `p` is another program now. */
export function programStarted(p: Process): void {
  const { activity } = p.machine.sim;
  if (!activity.on) return;
  const { kernel } = p.machine;
  activity.emit('os.exec', {
    host: kernel.hostname,
    ns: kernel.nameOf(p.ns) ?? '',
    pid: p.pid,
    ppid: p.ppid,
    sid: p.sid,
    login: p.audit?.id ?? 0,
    first: p.parent?.audit !== p.audit,
    argv: p.argv,
  });
}

const shellOf = (p: Process) => ({
  host: p.hostname,
  pid: p.pid,
  login: p.audit?.id ?? 0,
  tty: p.tty ? p.tty.machine.hostname + p.tty.path : '',
});

/** Tells who listens that an interactive shell begins to run what somebody typed. */
export function commandTaken(p: Process, line: string): void {
  const { activity } = p.machine.sim;
  if (activity.on) activity.emit('os.line', { ...shellOf(p), line });
}

/** Tells who listens that an interactive shell asks for the next command. */
export function promptShown(p: Process, status: number): void {
  const { activity } = p.machine.sim;
  if (activity.on) activity.emit('os.prompt', { ...shellOf(p), status, ahead: p.tty?.waiting ?? 0 });
}

/** Tells who listens that a capture program got a packet. */
export function packetCaptured(p: Process, asked: string, dev: string, filter: string, frame: Uint8Array): void {
  const { activity } = p.machine.sim;
  if (!activity.on) return;
  const { kernel } = p.machine;
  const ns = kernel.nameOf(p.ns) ?? '';
  activity.emit('os.capture', { host: kernel.hostname, ns, pid: p.pid, login: p.audit?.id ?? 0, asked, dev, filter, frame });
}

const remote = new WeakMap<Sim, AuditSession>();

/** Whom programs belong to that somebody starts on a machine from afar, as `kubectl exec` does. */
export function setRemoteLogin(sim: Sim, session: AuditSession | null): void {
  if (session) remote.set(sim, session);
  else remote.delete(sim);
}

export const remoteLogin = (sim: Sim): AuditSession | null => remote.get(sim) ?? null;
