/** The words that page and worker exchange. Plain structured-clone values, no functions, no classes. */

import type { CaptureFile, GradeReport, LabInfo, SubmissionLog } from '../lab/session.ts';

export interface Step {
  readonly host: string;
  readonly command: string;
}

export interface StepResult extends Step {
  readonly output: string;
  readonly exitCode: number;
}

export type ToWorker =
  /** Starts (or starts afresh) a world. `lab: null` is the playground, in `world` or in W1. A log is replayed before anything else. */
  | { t: 'open'; lab: string | null; seed: number; world?: string; log?: SubmissionLog }
  | { t: 'attach'; term: number; host: string; cols: number; rows: number }
  | { t: 'detach'; term: number }
  | { t: 'input'; term: number; data: string }
  | { t: 'resize'; term: number; cols: number; rows: number }
  /** The page has drawn that many characters of the terminal's output. */
  | { t: 'drawn'; term: number; chars: number }
  /** Grades a log in a replayed world. Asked of a second worker, so that a long replay never holds up the learner's shell. */
  | { t: 'judge'; id: number; log: SubmissionLog }
  | { t: 'hint'; task: string; n: number }
  | { t: 'solution' }
  /** Answers a question of the lab, or commits a prediction. */
  | { t: 'answer'; question: string; value: string }
  /** The packet captures on the hosts' disks, and the bytes of one of them. */
  | { t: 'captures' }
  | { t: 'capture'; host: string; path: string }
  /** Runs steps in a world of their own: the learner's world does not notice. */
  | { t: 'rehearse'; id: number; lab: string | null; steps: readonly Step[] }
  | { t: 'ping'; id: number };

export type FromWorker =
  | { t: 'opened'; info: LabInfo; ms: number; replayed: boolean }
  | { t: 'output'; term: number; data: string }
  | { t: 'exited'; term: number }
  /** The worker has handed that much input on; the page may send more. */
  | { t: 'taken'; term: number; chars: number }
  | { t: 'judged'; id: number; report: GradeReport; ms: number }
  /** A shell is back at its prompt: this is what has been done so far. */
  | { t: 'log'; log: SubmissionLog }
  | { t: 'hint'; task: string; n: number; text: string | null }
  | { t: 'solution'; text: string }
  | { t: 'captures'; files: readonly CaptureFile[] }
  | { t: 'capture'; host: string; path: string; data: Uint8Array | null }
  | { t: 'rehearsed'; id: number; results: readonly StepResult[] }
  | { t: 'failed'; where: string; message: string }
  | { t: 'pong'; id: number };

/** Output is posted when it is this old (ms) or this long (characters), whichever comes first. */
export const BATCH_MS = 16;
export const BATCH_CHARS = 16 * 1024;
/** Above this many undrawn characters the world stands still until the page has caught up. */
export const UNDRAWN_MAX = 128 * 1024;
/** Prompts that follow one another faster than this share one log. */
export const LOG_PAUSE_MS = 120;
/** A paste travels in pieces of this size, and at most this many characters are under way. */
export const INPUT_CHARS = 4 * 1024;
/** Longest stretch of emulation (wall ms) before the worker looks at its messages again. */
export const SLICE_MS = 8;
