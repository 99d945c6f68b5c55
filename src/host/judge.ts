/** Has a log graded in a worker of its own while it grows: always the newest state, and never for ever. */

import type { GradeReport, SubmissionLog } from '../lab/session.ts';
import type { FromWorker, ToWorker } from './protocol.ts';
import { startWorker } from './start.ts';

const PATIENCE_MS = 30_000;

export class Judge {
  private worker: Worker | null = null;
  /** Entries that the worker knows. */
  private known = 0;
  private world = 1;
  private serial = 0;
  private asked: {
    readonly serial: number;
    readonly at: number;
    readonly entries: number;
    readonly timer: ReturnType<typeof setTimeout>;
  } | null = null;
  private locating: ((text: string | null) => void) | null = null;
  private readonly verdict: (report: GradeReport, ms: number, entries: number) => void;

  constructor(verdict: (report: GradeReport, ms: number, entries: number) => void) {
    this.verdict = verdict;
  }

  /** The log as it now is; it ends with an `end`. With `wanted` it is graded, unless a newer one is asked about before. */
  consider(log: SubmissionLog, wanted: boolean): void {
    if (wanted) this.expect(log.entries.length - 1);
    this.send(log, wanted);
  }

  /** Forgets what is under way: the world it belongs to is gone. */
  forget(): void {
    this.settle();
    this.world += 1;
    this.known = 0;
  }

  locate(task: string): Promise<string | null> {
    return new Promise((resolve) => {
      this.locating?.(null);
      this.locating = resolve;
      this.worker ??= this.start();
      this.worker.postMessage({ t: 'locate', task } satisfies ToWorker);
    });
  }

  close(): void {
    this.settle();
    this.worker?.terminate();
  }

  private send(log: SubmissionLog, wanted: boolean): void {
    this.worker ??= this.start();
    const end = log.entries.at(-1);
    if (end?.op !== 'end') return;
    const { lab, seed, contentHash } = log;
    const entries = log.entries.slice(this.known, -1);
    const growth = { contentHash, from: this.known, entries, at: { steps: end.steps, time: end.time } };
    this.known += entries.length;
    const message: ToWorker = { t: 'judge', world: this.world, lab, seed, growth, wanted: wanted ? this.serial : null };
    this.worker.postMessage(message);
  }

  private expect(entries: number): void {
    this.settle();
    this.serial += 1;
    const timer = setTimeout(() => this.restart(), PATIENCE_MS);
    this.asked = { serial: this.serial, at: performance.now(), entries, timer };
  }

  private settle(): void {
    if (this.asked) clearTimeout(this.asked.timer);
    this.asked = null;
  }

  /** A worker that hangs is replaced when the log has grown: the same log would hang it again. */
  private restart(): void {
    this.settle();
    this.worker?.terminate();
    this.worker = null;
    this.known = 0;
  }

  private start(): Worker {
    const worker = startWorker('hopwise-judge');
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.t === 'failed') {
        console.error(`hopwise judge: ${data.message}`);
        this.settle();
      }
      if (data.t === 'failed' || data.t === 'located') {
        this.locating?.(data.t === 'located' ? data.text : null);
        this.locating = null;
      }
      if (data.t !== 'judged' || data.wanted !== this.asked?.serial) return;
      const { at, entries } = this.asked;
      this.settle();
      const { duration } = performance.measure('hopwise-verdict', { start: at });
      this.verdict(data.report, duration, entries);
    };
    return worker;
  }
}
