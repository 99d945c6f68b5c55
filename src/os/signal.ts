/** Signals: numbers, names, default actions and strsignal texts. Models include/uapi/asm-generic/signal.h */

const TABLE = {
  HUP: [1, 'term', 'Hangup'],
  INT: [2, 'term', 'Interrupt'],
  QUIT: [3, 'core', 'Quit'],
  ILL: [4, 'core', 'Illegal instruction'],
  TRAP: [5, 'core', 'Trace/breakpoint trap'],
  ABRT: [6, 'core', 'Aborted'],
  BUS: [7, 'core', 'Bus error'],
  FPE: [8, 'core', 'Floating point exception'],
  KILL: [9, 'term', 'Killed'],
  USR1: [10, 'term', 'User defined signal 1'],
  SEGV: [11, 'core', 'Segmentation fault'],
  USR2: [12, 'term', 'User defined signal 2'],
  PIPE: [13, 'term', 'Broken pipe'],
  ALRM: [14, 'term', 'Alarm clock'],
  TERM: [15, 'term', 'Terminated'],
  STKFLT: [16, 'term', 'Stack fault'],
  CHLD: [17, 'ignore', 'Child exited'],
  CONT: [18, 'continue', 'Continued'],
  STOP: [19, 'stop', 'Stopped (signal)'],
  TSTP: [20, 'stop', 'Stopped'],
  TTIN: [21, 'stop', 'Stopped (tty input)'],
  TTOU: [22, 'stop', 'Stopped (tty output)'],
  URG: [23, 'ignore', 'Urgent I/O condition'],
  XCPU: [24, 'core', 'CPU time limit exceeded'],
  XFSZ: [25, 'core', 'File size limit exceeded'],
  VTALRM: [26, 'term', 'Virtual timer expired'],
  PROF: [27, 'term', 'Profiling timer expired'],
  WINCH: [28, 'ignore', 'Window changed'],
  IO: [29, 'term', 'I/O possible'],
  PWR: [30, 'term', 'Power failure'],
  SYS: [31, 'core', 'Bad system call'],
} as const satisfies Record<string, readonly [number, DefaultAction, string]>;

export type DefaultAction = 'term' | 'core' | 'ignore' | 'stop' | 'continue';
export type Signal = keyof typeof TABLE;
/** What a process does on a signal: run a function, nothing, or the kernel's default. */
export type Disposition = (() => void) | 'ignore' | 'default';

export const SIGNALS = Object.keys(TABLE) as readonly Signal[];

export function signalNumber(signal: Signal): number {
  return TABLE[signal][0];
}

export function defaultAction(signal: Signal): DefaultAction {
  return TABLE[signal][1];
}

/** glibc's strsignal text, e.g. `Terminated`. */
export function strsignal(signal: Signal): string {
  return TABLE[signal][2];
}

export function signalByNumber(n: number): Signal | undefined {
  return SIGNALS.find((s) => TABLE[s][0] === n);
}

/** `INT`, `SIGINT`, `int` or `2`. */
export function parseSignal(text: string): Signal | undefined {
  if (/^\d+$/.test(text)) return signalByNumber(Number(text));
  const name = text.toUpperCase().replace(/^SIG/, '');
  return name in TABLE ? (name as Signal) : undefined;
}
