/** What a program is to the machine: a generator over system calls, and the path where it is installed. */

import type { Micros } from '../sim/sim.ts';
import type { WaitQueue } from '../sim/wait.ts';
import type { Process } from './process.ts';

/** Why a process runs again: a wait queue it waited on was woken, its time came, or a signal handler ran. */
export type Wake = 'woken' | 'timeout' | 'signal';

/** What a process waits for; `{}` gives way to others and costs a little CPU time (`cost` µs when given). */
export interface Wait {
  on?: readonly WaitQueue[];
  until?: Micros | undefined;
  cost?: Micros;
}

export type Task<T> = Generator<Wait, T, Wake>;

/** Runs as a process; its return value is the exit status. */
export type Program = (p: Process) => Task<number>;

export interface Command {
  readonly name: string;
  readonly main: Program;
  /** Where the executable lies; /usr/bin/NAME when not given. */
  readonly path?: string;
  /** Not installed under its name (only reachable by path or by other commands). */
  readonly hidden?: boolean;
  /** Further names that are links to it. */
  readonly aliases?: readonly string[];
  /** Files that come with its package, text, or what makes it when somebody reads, by absolute path; a text that begins with `-> ` is a symbolic link. */
  readonly files?: Readonly<Record<string, string | (() => string)>>;
}
