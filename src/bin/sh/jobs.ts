/** Background and stopped jobs. Models jobs.c of bash */

import type { Process } from '../../os/process.ts';
import { signalNumber, strsignal } from '../../os/signal.ts';

export interface JobEntry {
  id: number;
  pgid: number;
  processes: Process[];
  text: string;
  foreground: boolean;
  /** Its end was told to the user. */
  notified: boolean;
  disowned?: boolean;
  /** `wait` saw its end. */
  awaited?: boolean;
  /** A job of the shell that this one is a copy of: it can be listed, not waited for. */
  foreign?: boolean;
}

/** More jobs than this, and those that ended are cleared away without waiting for a prompt. */
const MANY = 64;
const MAX_FINISHED = 4096;

export type JobState = 'Running' | 'Stopped' | 'Done';

export class Jobs {
  list: JobEntry[] = [];
  /** Ids, most recent last: % and + is the last, - the one before. */
  private recent: number[] = [];
  /** Statuses of children that ended and were removed, by pid, for `wait PID`. */
  readonly finished = new Map<number, number>();

  /** What a subshell sees of them. */
  copy(): Jobs {
    const j = new Jobs();
    j.list = this.list.map((job) => ({ ...job, foreign: true }));
    j.recent = [...this.recent];
    return j;
  }

  add(processes: Process[], pgid: number, text: string, foreground: boolean): JobEntry {
    if (this.list.length > MANY) this.prune();
    const job: JobEntry = { id: Math.max(0, ...this.list.map((j) => j.id)) + 1, pgid, processes, text, foreground, notified: false };
    this.list.push(job);
    this.touch(job);
    return job;
  }

  /** Forgets jobs that ended; their statuses stay for `wait`. */
  private prune(): void {
    for (const job of this.list.filter((j) => state(j) === 'Done')) this.remove(job);
  }

  /** Makes it the current job. */
  touch(job: JobEntry): void {
    this.recent = this.recent.filter((id) => id !== job.id);
    this.recent.push(job.id);
  }

  remove(job: JobEntry): void {
    this.list = this.list.filter((j) => j !== job);
    this.recent = this.recent.filter((id) => id !== job.id);
    for (const p of job.processes) if (p.dead) this.finished.set(p.getpid(), p.status);
    if (this.finished.size > MAX_FINISHED) this.finished.delete(this.finished.keys().next().value as number);
  }

  get current(): JobEntry | undefined {
    const stopped = [...this.recent]
      .reverse()
      .map((id) => this.byId(id))
      .find((j) => j && state(j) === 'Stopped');
    return stopped ?? this.byId(this.recent[this.recent.length - 1] ?? -1);
  }

  get previous(): JobEntry | undefined {
    const cur = this.current;
    return [...this.recent]
      .reverse()
      .map((id) => this.byId(id))
      .find((j) => j !== undefined && j !== cur);
  }

  byId(id: number): JobEntry | undefined {
    return this.list.find((j) => j.id === id);
  }

  byPid(pid: number): JobEntry | undefined {
    return this.list.find((j) => j.processes.some((p) => p.getpid() === pid));
  }

  /** %1, %+, %%, %-, %name, %?text. 'ambiguous' when several match. */
  find(spec: string): JobEntry | 'ambiguous' | undefined {
    const s = spec.replace(/^%/, '');
    if (s === '' || s === '%' || s === '+') return this.current;
    if (s === '-') return this.previous ?? this.current;
    if (/^\d+$/.test(s)) return this.byId(Number(s));
    const found = this.list.filter((j) => (s.startsWith('?') ? j.text.includes(s.slice(1)) : j.text.startsWith(s)));
    return found.length > 1 ? 'ambiguous' : found[0];
  }

  mark(job: JobEntry): string {
    return job === this.current ? '+' : job === this.previous ? '-' : ' ';
  }

  /** One line of `jobs`. */
  line(job: JobEntry, long = false): string {
    const st = state(job);
    const word = describe(job);
    const last = job.processes[job.processes.length - 1] as Process;
    const head = `[${job.id}]${this.mark(job)} `;
    const pid = long ? `${(job.processes[0] ?? last).getpid()} ` : ' ';
    return `${head}${pid}${word.padEnd(24)}${job.text}${st === 'Running' ? ' &' : ''}\n`;
  }
}

export function state(job: JobEntry): JobState {
  if (job.processes.every((p) => p.dead)) return 'Done';
  if (job.processes.some((p) => p.state === 'stopped')) return 'Stopped';
  return 'Running';
}

export function describe(job: JobEntry): string {
  const last = job.processes[job.processes.length - 1] as Process;
  switch (state(job)) {
    case 'Running':
      return 'Running';
    case 'Stopped':
      return 'Stopped';
    case 'Done':
      if (last.termSignal) return strsignal(last.termSignal);
      return last.status === 0 ? 'Done' : `Exit ${last.status}`;
  }
}

/** What a shell shows as status of a stopped job. */
export function stoppedStatus(p: Process): number {
  return 128 + signalNumber(p.stopSignal ?? 'TSTP');
}
