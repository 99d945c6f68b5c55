/** The judge's worlds: some are kept in step with the log while it grows, so that a verdict waits only for what came last. */

import { Grading } from '../lab/grade.ts';
import type { GradeReport, Lab, LabSource } from '../lab/lab.ts';
import type { SubmissionLog } from '../lab/log.ts';
import { instantiate } from '../lab/parameters.ts';
import type { Growth } from './protocol.ts';
import { SLICE_MS } from './protocol.ts';
import type { Surroundings } from './session.ts';

/** Worlds that are kept; a verdict uses one up. */
const SPARES = 3;
/** While no verdict is wanted, the learner's own threads come first: so long (ms) this one rests after a slice for the first spare … */
const REST_MS = SLICE_MS;
/** … and for those behind it. */
const LONG_REST_MS = 3 * SLICE_MS;

interface Spare {
  readonly grading: Grading;
  /** Number of the growth that it has carried out. */
  age: number;
}

export class Bench {
  private readonly source: LabSource;
  private readonly lab: Lab;
  private readonly log: { -readonly [K in keyof SubmissionLog]: SubmissionLog[K] };
  private readonly entries: SubmissionLog['entries'][number][] = [];
  private readonly spares: Spare[] = [];
  private sprout: Generator<void, Grading> | null = null;
  private age = 0;
  /** The last verdict, and the log that it is about. */
  private last: { readonly report: GradeReport; readonly log: SubmissionLog } | null = null;
  private wanted: ((report: GradeReport) => void) | null = null;
  private busy = false;
  private endRest: (() => void) | null = null;
  private closed = false;
  private readonly env: Pick<Surroundings, 'now' | 'soon' | 'later'>;
  private readonly failed: (error: unknown) => void;

  constructor(source: LabSource, seed: number, env: Pick<Surroundings, 'now' | 'soon' | 'later'>, failed: (error: unknown) => void) {
    this.source = source;
    this.lab = instantiate(source, seed);
    const { id, contentHash } = this.lab;
    this.log = { version: 2, lab: id, contentHash, seed, entries: this.entries };
    this.env = env;
    this.failed = failed;
  }

  /** Takes what the log has grown by; `verdict` is told about the log as it then is, unless a later growth wants one too. */
  grow(growth: Growth, verdict: ((report: GradeReport) => void) | null): void {
    this.entries.splice(growth.from);
    for (const entry of growth.entries) this.entries.push(entry);
    this.log.entries = [...this.entries, { op: 'end', ...growth.at }];
    this.log.contentHash = growth.contentHash;
    this.age += 1;
    if (verdict) {
      this.wanted = verdict;
      this.endRest?.();
    }
    this.wake();
  }

  /** Where the first check of a task that failed goes wrong; null when that cannot be told. */
  async locate(task: string): Promise<string | null> {
    const { last } = this;
    if (!last) return null;
    const { computeHint } = await import('../lab/hint.ts');
    const tasks = last.report.tasks.filter((t) => t.id === task);
    return computeHint(this.source, last.log, { ...last.report, tasks })?.text ?? null;
  }

  close(): void {
    this.closed = true;
  }

  private wake(): void {
    if (this.busy || this.closed) return;
    this.busy = true;
    this.env.soon(() => this.turn());
  }

  private turn(): void {
    this.busy = false;
    if (this.closed) return;
    this.endRest = null;
    let rest = 0;
    try {
      const start = this.env.now();
      const more = (): boolean => this.env.now() - start < SLICE_MS;
      const first = this.spares[0];
      if (first && first.age < this.age) {
        this.follow(first, more);
        rest = REST_MS;
      } else if (first && this.wanted) this.judge(first);
      else if (this.spares.length < SPARES) {
        this.cultivate(more);
        if (first) rest = LONG_REST_MS;
      } else {
        const behind = this.spares.find((s) => s.age < this.age);
        if (!behind) return;
        this.follow(behind, more);
        rest = LONG_REST_MS;
      }
    } catch (error) {
      // The log does not fit, or a check has a fault: no other spare would fare better until the log changes.
      this.spares.shift();
      this.wanted = null;
      this.failed(error);
      return;
    }
    this.busy = true;
    if (rest > 0 && !this.wanted) this.rest(rest);
    else this.env.soon(() => this.turn());
  }

  private rest(ms: number): void {
    const cancel = this.env.later(ms, () => this.turn());
    this.endRest = () => {
      cancel();
      this.endRest = null;
      this.busy = false;
    };
  }

  private follow(spare: Spare, more: () => boolean): void {
    const { age } = this;
    if (spare.grading.follow(this.log, more).level) spare.age = age;
  }

  private judge(spare: Spare): void {
    const verdict = this.wanted;
    this.wanted = null;
    this.spares.splice(this.spares.indexOf(spare), 1);
    const log = { ...this.log };
    const report = spare.grading.verdict();
    this.last = { report, log };
    verdict?.(report);
  }

  /** A slice of a new spare's growth. */
  private cultivate(more: () => boolean): void {
    this.sprout ??= Grading.growing(this.lab);
    do {
      const { done, value } = this.sprout.next();
      if (!done) continue;
      this.sprout = null;
      this.spares.push({ grading: value, age: 0 });
      return;
    } while (more());
  }
}
