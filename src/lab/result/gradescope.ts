/** Gradescope's results.json (gradescope-autograders.readthedocs.io, Autograder Specifications, output format). */

import { plain } from './plain.ts';
import { causeLines, checksOf, notesOf, partOf, type Result } from './result.ts';

export type Visibility = 'hidden' | 'after_due_date' | 'after_published' | 'visible';

export interface GradescopeResults {
  /** Overrides the sum of the tests: hints that were opened cost something. */
  readonly score: number;
  readonly output: string;
  readonly output_format: 'text';
  readonly visibility: Visibility;
  readonly stdout_visibility: 'hidden';
  readonly extra_data: Readonly<Record<string, string | number | boolean | null>>;
  readonly tests: readonly {
    readonly name: string;
    readonly name_format: 'text';
    readonly number: string;
    readonly score: number;
    readonly max_score: number;
    readonly status: 'passed' | 'failed';
    readonly output: string;
    readonly output_format: 'text';
    readonly tags: readonly string[];
    readonly visibility: Visibility;
  }[];
}

const points = (share: number): number => Math.round(share * 1e4) / 100;

/** Out of 100 points. */
export function gradescopeOf(result: Result, visibility: Visibility = 'visible'): GradescopeResults {
  return {
    score: points(result.score),
    output: plain(notesOf(result).join('\n')),
    output_format: 'text',
    visibility,
    stdout_visibility: 'hidden',
    extra_data: {
      lab: result.lab,
      content_hash: result.contentHash,
      seed: result.seed,
      status: result.status,
      intact: result.integrity.intact,
      submission: result.submission,
    },
    tests: checksOf(result).map((c) => {
      const most = points(partOf(result, c));
      const task = result.tasks.findIndex((t) => t.id === c.task);
      return {
        name: plain(c.description),
        name_format: 'text',
        number: `${task + 1}.${(result.tasks[task]?.checks.indexOf(c) ?? 0) + 1}`,
        score: c.status === 'passed' ? most : 0,
        max_score: most,
        status: c.status === 'passed' ? 'passed' : 'failed',
        output: plain([...causeLines(c), ...c.log].join('\n')),
        output_format: 'text',
        tags: [c.task, c.kind, ...(c.informational ? ['not counted'] : [])],
        visibility,
      };
    }),
  };
}
