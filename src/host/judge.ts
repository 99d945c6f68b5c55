/** Grades logs in a worker of its own: always the newest one, never two at once, and none for ever. */

import type { GradeReport, SubmissionLog } from '../lab/session.ts';
import type { FromWorker, ToWorker } from './protocol.ts';
import { startWorker } from './start.ts';

const PATIENCE_MS = 30_000;

export class Judge {
  private worker: Worker | null = null;
  private next: SubmissionLog | null = null;
  private busy: ReturnType<typeof setTimeout> | null = null;
  private serial = 0;
  private readonly verdict: (report: GradeReport, ms: number) => void;

  constructor(verdict: (report: GradeReport, ms: number) => void) {
    this.verdict = verdict;
  }

  consider(log: SubmissionLog): void {
    this.next = log;
    this.go();
  }

  /** Forgets what is under way: the world it belongs to is gone. */
  forget(): void {
    this.next = null;
    this.serial += 1;
  }

  close(): void {
    if (this.busy) clearTimeout(this.busy);
    this.worker?.terminate();
  }

  private go(): void {
    if (this.busy || !this.next) return;
    this.worker ??= this.start();
    this.serial += 1;
    const message: ToWorker = { t: 'judge', id: this.serial, log: this.next };
    this.next = null;
    this.busy = setTimeout(() => {
      this.worker?.terminate();
      this.worker = null;
      this.free();
    }, PATIENCE_MS);
    this.worker.postMessage(message);
  }

  private free(): void {
    if (this.busy) clearTimeout(this.busy);
    this.busy = null;
    this.go();
  }

  private start(): Worker {
    const worker = startWorker('hopwise-judge');
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.t === 'judged' && data.id === this.serial) this.verdict(data.report, data.ms);
      if (data.t === 'failed') console.error(`hopwise judge: ${data.message}`);
      if (data.t === 'judged' || data.t === 'failed') this.free();
    };
    return worker;
  }
}
