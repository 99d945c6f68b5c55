/** Exercism's test runner results.json, version 3 (exercism.org/docs/building/tooling/test-runners/interface). */

import { plain, wellFormed } from './plain.ts';
import { causeLines, checksOf, notesOf, type Result } from './result.ts';

export interface ExercismResults {
  readonly version: 3;
  readonly status: 'pass' | 'fail' | 'error';
  /** Only when nothing could be tested. */
  readonly message: string | null;
  readonly tests: readonly {
    readonly name: string;
    readonly status: 'pass' | 'fail' | 'error';
    readonly message: string | null;
    readonly output: string | null;
    readonly test_code: string;
    /** From 1, in the order of the lab's tasks. */
    readonly task_id: number;
  }[];
}

const MOST = 500;
const TRUNCATED = '\nOutput was truncated. Please limit to 500 chars';

function output(lines: readonly string[]): string | null {
  const text = plain(lines.join('\n'));
  if (text === '') return null;
  return text.length <= MOST ? text : `${wellFormed(text.slice(0, MOST - TRUNCATED.length))}${TRUNCATED}`;
}

export function exercismOf(result: Result): ExercismResults {
  if (result.status !== 'graded') return { version: 3, status: 'error', message: plain(notesOf(result).join('\n')), tests: [] };
  return {
    version: 3,
    status: result.passed ? 'pass' : 'fail',
    message: null,
    tests: checksOf(result)
      .filter((c) => !c.informational)
      .map((c) => ({
        name: plain(c.description),
        status: c.status === 'passed' ? 'pass' : 'fail',
        message: c.cause ? plain(causeLines(c).join('\n')) : null,
        output: output(c.log),
        test_code: `${c.kind}: ${c.name}`,
        task_id: result.tasks.findIndex((t) => t.id === c.task) + 1,
      })),
  };
}
