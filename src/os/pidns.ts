/** PID namespaces: processes that count themselves from 1 and see nobody else. Models kernel/pid_namespace.c, one level below the machine's */

import type { Machine } from './machine.ts';
import type { Process } from './process.ts';

export class PidNamespace {
  readonly inode: number;
  /** By the number that the processes themselves see. */
  readonly processes = new Map<number, Process>();
  /** Its first process: takes over orphans, and all others end with it. */
  init: Process | null = null;
  private last = 0;

  constructor(machine: Machine) {
    this.inode = 4026532900 + machine.sim.serial(`pidns/${machine.kernel.hostname}`);
  }

  /** Number for a process that joins. */
  admit(p: Process): number {
    do {
      this.last = this.last >= 4194303 ? 300 : this.last + 1;
    } while (this.processes.has(this.last));
    this.processes.set(this.last, p);
    this.init ??= p;
    return this.last;
  }

  /** A process has ended; the end of the first one ends all. */
  leave(p: Process, number: number): void {
    this.processes.delete(number);
    if (p !== this.init) return;
    for (const q of [...this.processes.values()]) q.raise('KILL');
  }
}

/** What `viewer` calls the process `q`; 0 when it cannot see it. */
export function pidAsSeen(viewer: Process, q: Process): number {
  if (viewer.pidns === null) return q.pid;
  return viewer.pidns === q.pidns ? q.nspid : 0;
}

/** The process that `viewer` calls `pid`. */
export function processByPid(viewer: Process, pid: number): Process | undefined {
  return viewer.pidns === null ? viewer.machine.processes.get(pid) : viewer.pidns.processes.get(pid);
}

/** All processes that `viewer` sees, in order of their numbers. */
export function processesSeen(viewer: Process): Process[] {
  const { pidns } = viewer;
  if (pidns === null) return [...viewer.machine.processes.values()].sort((a, b) => a.pid - b.pid);
  return [...pidns.processes.values()].sort((a, b) => a.nspid - b.nspid);
}
