/** Classroom 50's result.json (github.com/foundation50/classroom50, schemas/result-v1.schema.json): whole points, GitHub Classroom's successor. */

import { plain } from './plain.ts';
import { causeLines, checksOf, type Result, wholePoints } from './result.ts';

/** What the course's runner knows of a submission and we do not. */
export interface ClassroomContext {
  readonly classroom: string;
  readonly assignment: string;
  readonly assignment_type: 'individual' | 'group';
  readonly owner: string;
  /** `submit/<time>-<short hash>` */
  readonly submission: string;
  readonly commit: string;
  readonly release: string;
  readonly review: string;
  /** Of the submission, UTC, `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly datetime: string;
}

export interface ClassroomResult extends ClassroomContext {
  readonly schema: 'classroom50/result/v1';
  readonly score: number;
  readonly 'max-score': number;
  readonly tests: readonly {
    readonly 'test-name': string;
    readonly passed: boolean;
    readonly score: number;
    readonly 'max-score': number;
    readonly message: string;
  }[];
}

const TOTAL = 100;

/** What a result alone can say; the runner's own values belong over it. */
export function classroomContext(result: Result, datetime: string): ClassroomContext {
  const here = `hopwise:${result.submission}`;
  return {
    classroom: 'hopwise',
    assignment: plain(result.lab) || 'unknown',
    assignment_type: 'individual',
    owner: plain(result.learner ?? '') || 'unknown',
    submission: `submit/${datetime.replace(/[-:]/g, '')}-${result.submission.slice(0, 7)}`,
    commit: here,
    release: here,
    review: here,
    datetime,
  };
}

export function classroom50Of(result: Result, context: ClassroomContext): ClassroomResult {
  const points = wholePoints(result, TOTAL);
  return {
    schema: 'classroom50/result/v1',
    ...context,
    score: Math.floor(result.score * TOTAL + 1e-9),
    'max-score': TOTAL,
    tests: checksOf(result).map((c) => ({
      'test-name': plain(c.description) || c.name,
      passed: c.status === 'passed',
      score: c.status === 'passed' ? (points.get(c.name) ?? 0) : 0,
      'max-score': points.get(c.name) ?? 0,
      message: plain(causeLines(c).join('\n')),
    })),
  };
}
