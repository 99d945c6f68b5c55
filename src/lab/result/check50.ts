/** check50's JSON (cs50.github.io/check50/json_specification.html). */

import { plain } from './plain.ts';
import { checksOf, notesOf, type Result } from './result.ts';

export interface Check50Results {
  readonly slug: string;
  readonly version: string;
  readonly results?: readonly {
    readonly name: string;
    readonly description: string;
    /** Null: skipped. */
    readonly passed: boolean | null;
    readonly log: readonly string[];
    readonly cause: {
      readonly rationale: string;
      readonly help: string | null;
      readonly expected?: string;
      readonly actual?: string;
    } | null;
    readonly data: Readonly<Record<string, string | number | boolean>>;
    /** check50 knows one. */
    readonly dependency: string | null;
  }[];
  readonly error?: {
    readonly type: string;
    readonly value: string;
    readonly traceback: readonly string[];
    readonly actions: { readonly show_traceback: boolean; readonly message: string };
    readonly data: Readonly<Record<string, never>>;
  };
}

/** The release whose format this is. */
const VERSION = '3.3.11';

export function check50Of(result: Result): Check50Results {
  const slug = `hopwise/labs/${plain(result.lab) || 'unknown'}`;
  if (result.status !== 'graded') {
    const value = plain(notesOf(result).join('\n'));
    return {
      slug,
      error: { type: result.status, value, traceback: [], actions: { show_traceback: false, message: value }, data: {} },
      version: VERSION,
    };
  }
  return {
    slug,
    results: checksOf(result).map((c) => ({
      name: c.name,
      description: plain(c.description),
      passed: c.status === 'skipped' ? null : c.status === 'passed',
      log: c.log.map(plain),
      cause: c.cause && {
        rationale: plain(c.cause.rationale),
        help: c.cause.help === undefined ? null : plain(c.cause.help),
        ...(c.status === 'failed' ? { expected: plain(c.cause.expected), actual: plain(c.cause.actual) } : {}),
      },
      data: { task: c.task, kind: c.kind, weight: c.weight, informational: c.informational },
      dependency: c.dependency[0] ?? null,
    })),
    version: VERSION,
  };
}
