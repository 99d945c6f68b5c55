/** The words that page and worker exchange. Plain structured-clone values, no functions, no classes. */

import type { CaptureFile, Examined, GradeReport, LabInfo, LogEntry, Place, Resumed, ServiceCount, SubmissionLog } from '../lab/session.ts';
import type { Moment } from '../lab/timeline.ts';
import type { Ask, Told } from '../lab/view/told.ts';
import type { Topology, TrafficEvent } from '../lab/view/types.ts';

export interface Step {
  readonly host: string;
  readonly command: string;
}

export interface StepResult extends Step {
  readonly output: string;
  readonly exitCode: number;
}

/** What a log has grown by since its first `from` entries were told. */
export interface Growth {
  readonly contentHash: string;
  readonly from: number;
  readonly entries: readonly LogEntry[];
  /** How far the run has come. */
  readonly at: { readonly steps: number; readonly time: number };
}

/** Seconds of virtual time since the learner came, and what the service monitor has counted. */
export interface Clock {
  readonly elapsed: number;
  readonly service: ServiceCount | null;
}

/** What was gone back from, and how many moments of it lie behind the present. */
export interface Ahead {
  readonly log: SubmissionLog;
  readonly present: number;
}

/** Where to go in a session's past. */
export type Travel =
  /** `keep`: what is gone back from can be done again until something new is done. */
  | { readonly to: 'before'; readonly moment: number; readonly keep: boolean }
  | { readonly to: 'after'; readonly moment: number }
  /** Where so many entries of the log had been made. */
  | { readonly to: 'entries'; readonly entries: number }
  /** Where it was gone back from. */
  | { readonly to: 'end' }
  /** Another session of the same lab; `ahead` is what that one was gone back from. */
  | { readonly to: 'log'; readonly log: SubmissionLog; readonly ahead?: Ahead | undefined };

export type ToWorker =
  /** Starts (or starts afresh) a world. `lab: null` is the playground, in `world` or in W1. A log is replayed before anything else; `ahead` is
   * what it was gone back from. */
  | { t: 'open'; n: number; lab: string | null; seed: number; world?: string; log?: SubmissionLog; ahead?: Ahead }
  | { t: 'travel'; travel: Travel }
  /** `host` is a place as src/lab/enter.ts understands it. */
  | { t: 'attach'; term: number; host: string; cols: number; rows: number }
  | { t: 'detach'; term: number }
  /** Where a terminal can be opened now. */
  | { t: 'places' }
  /** What the cluster would say of a text that is being edited. */
  | { t: 'examine'; id: number; text: string }
  | { t: 'input'; term: number; data: string }
  | { t: 'resize'; term: number; cols: number; rows: number }
  /** The page has drawn that many characters of the terminal's output. */
  | { t: 'drawn'; term: number; chars: number }
  /**
   * A log to follow, of world number `world`; graded when `wanted`. Told to a second worker, so that a replay never holds up the learner's
   * shell.
   */
  | { t: 'judge'; world: number; lab: string; seed: number; growth: Growth; wanted: number | null }
  /** Asked of the judge: where a task goes wrong. */
  | { t: 'locate'; task: string }
  | { t: 'hint'; task: string; n: number }
  | { t: 'solution' }
  /** Answers a question of the lab, or commits a prediction. */
  | { t: 'answer'; question: string; value: string }
  /** The packet captures on the hosts' disks, and the bytes of one of them. */
  | { t: 'captures' }
  | { t: 'capture'; host: string; path: string }
  /** Runs steps in a world of their own: the learner's world does not notice. */
  | { t: 'rehearse'; id: number; lab: string | null; world?: string; steps: readonly Step[] }
  /** What the page wants to be shown from now on; the first of these begins to record packets. */
  | { t: 'watch'; topology: boolean; traffic: boolean; packets: boolean }
  /** Asked about packets that were recorded. */
  | { t: 'ask'; id: number; ask: Ask }
  | { t: 'ping'; id: number };

export type FromWorker =
  /** `lost` says why a log was not replayed. */
  | {
      t: 'opened';
      n: number;
      info: LabInfo;
      ms: number;
      replayed: boolean;
      lost: string | null;
      resumed: Resumed;
      terminals: readonly string[];
    }
  /** Time was travelled in; terminals are drawn anew. */
  | { t: 'went'; ms: number; resumed: Resumed; terminals: readonly string[]; ahead: Ahead | null }
  /** The session's moments from number `from` on; `present`: so many lie behind; `ahead`: the commands after them can be done again. */
  | { t: 'timeline'; from: number; moments: readonly Moment[]; present: number; ahead: boolean }
  | { t: 'output'; term: number; data: string }
  /** The shell has ended, or there was none; `why`: the place is gone, or has no shell, so that none can be started either. */
  | { t: 'exited'; term: number; why: string | null }
  /** What runs in the terminal's foreground; null when it is the shell itself. */
  | { t: 'running'; term: number; program: string | null }
  | { t: 'places'; places: readonly Place[] }
  | { t: 'examined'; id: number; examined: Examined }
  /** The worker has handed that much input on; the page may send more. */
  | { t: 'taken'; term: number; chars: number }
  | { t: 'judged'; wanted: number; report: GradeReport }
  /** What has been done meanwhile; `prompt`: a shell is back at its prompt, or a question was answered. */
  | { t: 'log'; growth: Growth; prompt: boolean }
  | { t: 'hint'; task: string; n: number; text: string | null }
  | { t: 'located'; task: string; text: string | null }
  | { t: 'clock'; clock: Clock }
  | { t: 'solution'; text: string }
  | { t: 'captures'; files: readonly CaptureFile[] }
  | { t: 'capture'; host: string; path: string; data: Uint8Array | null }
  | { t: 'rehearsed'; id: number; results: readonly StepResult[] }
  | { t: 'failed'; where: string; message: string }
  | { t: 'topology'; topology: Topology }
  /** There is more to be told of packets. */
  | { t: 'news'; version: number }
  | { t: 'told'; id: number; told: Told[keyof Told] }
  /** `left` events were too many to send. */
  | { t: 'traffic'; events: readonly TrafficEvent[]; left: number }
  | { t: 'pong'; id: number };

/** Output is posted when it is this old (ms) or this long (characters), whichever comes first. */
export const BATCH_MS = 16;
export const BATCH_CHARS = 16 * 1024;
/** Above this many undrawn characters the world stands still until the page has caught up. */
export const UNDRAWN_MAX = 128 * 1024;
/** Prompts that follow one another faster than this share one log. */
export const LOG_PAUSE_MS = 40;
/** Without a prompt the log is told about this often while something happens. */
export const LOG_EVERY_MS = 250;
/** A paste travels in pieces of this size, and at most this many characters are under way. */
export const INPUT_CHARS = 4 * 1024;
/** Longest stretch of emulation (wall ms) before the worker looks at its messages again. */
export const SLICE_MS = 8;
/** So much virtual time (µs) a world may run before all programs are there: its build knows what runs until then. */
export const PROGRAM_HORIZON = 10_000_000;
