/** The result of a submission: what every report and adapter is made from. Modelled on check50's, with tasks, weights and integrity. */

import type { CheckReport, GradeReport, LabSource, TaskReport } from '../lab.ts';
import type { Problem } from '../submission.ts';
import type { Parsed } from '../submission-file.ts';

export interface Integrity {
  /** True when the log is whole, unchanged, could have happened, and is this learner's own. */
  readonly intact: boolean;
  /** Entries that could be read, and how many of them, from the start on, the score is for. */
  readonly entries: number;
  readonly honest: number;
  /** Whether the seed was held against the learner's ticket; a fingerprint of the secret when it was. */
  readonly ticket: string | null;
  readonly problems: readonly Problem[];
}

export interface Result {
  readonly format: 'hopwise-result';
  readonly version: 1;
  readonly lab: string;
  readonly title: string;
  /** Of the content that it was graded with; empty when there is no such lab. */
  readonly contentHash: string;
  readonly seed: number | null;
  readonly learner: string | null;
  readonly attempt: number | null;
  /** SHA-256 of the submission's file, in hex. */
  readonly submission: string;
  /** `refused`: nothing that could be graded; `failed`: the grader's own fault, to be graded again. */
  readonly status: 'graded' | 'refused' | 'failed';
  /** Why it was not graded. */
  readonly problem: string | null;
  readonly integrity: Integrity;
  /** 0 to 1. */
  readonly score: number;
  readonly passed: boolean;
  readonly tasks: readonly TaskReport[];
  readonly remarks: readonly string[];
}

/** What is known of a submission before it is graded. */
export interface Known {
  readonly submission: string;
  readonly parsed?: Parsed;
  readonly source?: LabSource;
  readonly ticket?: string | null;
}

function common({
  submission,
  parsed,
  source,
}: Known): Pick<Result, 'format' | 'version' | 'lab' | 'title' | 'contentHash' | 'seed' | 'learner' | 'attempt' | 'submission'> {
  const s = parsed?.submission;
  return {
    format: 'hopwise-result',
    version: 1,
    lab: s?.lab ?? '',
    title: source?.title ?? '',
    contentHash: source?.contentHash ?? '',
    seed: s?.seed ?? null,
    learner: s?.learner ?? null,
    attempt: s?.attempt ?? null,
    submission,
  };
}

/** A result without a grade. */
export function ungraded(known: Known, status: 'refused' | 'failed', problem: string, problems: readonly Problem[] = []): Result {
  const entries = known.parsed?.submission.entries.length ?? 0;
  return {
    ...common(known),
    status,
    problem,
    integrity: { intact: false, entries, honest: 0, ticket: known.ticket ?? null, problems },
    score: 0,
    passed: false,
    tasks: [],
    remarks: [],
  };
}

export function graded(
  known: Known & { readonly parsed: Parsed },
  report: GradeReport,
  honest: number,
  problems: readonly Problem[],
  remarks: readonly string[],
): Result {
  const { entries } = known.parsed.submission;
  return {
    ...common(known),
    status: 'graded',
    problem: null,
    integrity: { intact: problems.length === 0, entries: entries.length, honest, ticket: known.ticket ?? null, problems },
    score: report.score,
    passed: report.passed,
    tasks: report.tasks,
    remarks: [...remarks, ...report.remarks],
  };
}

/** The file of a result: the same bytes wherever it was made. */
export function resultText(result: Result): string {
  return `${JSON.stringify(result, null, 1)}\n`;
}

export function checksOf(result: Result): CheckReport[] {
  return result.tasks.flatMap((t) => t.checks);
}

/** A check's part of the whole, 0 to 1; informational ones have none. */
export function partOf(result: Result, check: CheckReport): number {
  const task = result.tasks.find((t) => t.checks.includes(check));
  if (!task || check.informational) return 0;
  const whole = result.tasks.reduce((n, t) => n + t.weight, 0);
  const checks = task.checks.reduce((n, c) => n + (c.informational ? 0 : c.weight), 0);
  return (task.weight / whole) * (check.weight / checks);
}

/** A whole number of points for each check, `total` in all: what is left over by rounding goes to the largest remainders. */
export function wholePoints(result: Result, total: number): Map<string, number> {
  const parts = checksOf(result).map((c, i) => ({ name: c.name, i, exact: partOf(result, c) * total }));
  const points = new Map(parts.map((p) => [p.name, Math.floor(p.exact + 1e-9)]));
  const counted = parts.filter((p) => p.exact > 0);
  let left = counted.length === 0 ? 0 : total - [...points.values()].reduce((n, p) => n + p, 0);
  const rest = (p: { exact: number }): number => p.exact - Math.floor(p.exact + 1e-9);
  for (const p of counted.sort((a, b) => rest(b) - rest(a) || a.i - b.i)) {
    if (left-- <= 0) break;
    points.set(p.name, (points.get(p.name) as number) + 1);
  }
  return points;
}

/** What a person has to know besides the score: why there is none, what is wrong with the log, what the grader remarks, what hints cost. */
export function notesOf(result: Result): string[] {
  const notes = [...(result.problem === null ? [] : [result.problem])];
  for (const { text } of result.integrity.problems) if (!notes.some((n) => n.includes(text))) notes.push(text);
  if (result.status === 'graded' && result.integrity.honest < result.integrity.entries)
    notes.push(`the score is for the first ${result.integrity.honest} of ${result.integrity.entries} entries`);
  notes.push(...result.remarks);
  for (const t of result.tasks) if (t.hintCost > 0) notes.push(`hints of "${t.title}" cost ${Math.round(t.hintCost * 100)} % of it`);
  return notes;
}

/** Why a check did not pass, a line each. */
export function causeLines(check: CheckReport): string[] {
  const { cause } = check;
  if (!cause) return [];
  if (check.status === 'skipped') return [cause.rationale];
  return [
    `expected: ${cause.expected}`,
    `observed: ${cause.actual}`,
    ...(cause.hop === undefined ? [] : [`where: ${cause.hop}`]),
    ...(cause.help === undefined ? [] : [`look at: ${cause.help}`]),
  ];
}
