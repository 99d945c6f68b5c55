/** CSV (RFC 4180) for spreadsheets: a row for each submission, and a row for each check. */

import { line } from './plain.ts';
import { checksOf, notesOf, partOf, type Result } from './result.ts';

/** A spreadsheet would run a cell that begins like a formula; an apostrophe makes it text (OWASP: CSV injection). */
function cell(value: string | number | boolean): string {
  const text = line(String(value));
  const safe = /^[=+\-@\t\r|%]/.test(text) ? `'${text}` : text;
  return /[",\n\r;]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function csvRow(cells: readonly (string | number | boolean | null)[]): string {
  return `${cells.map((c) => cell(c ?? '')).join(',')}\r\n`;
}

const WHO = ['file', 'learner', 'attempt', 'lab', 'seed'];

export const SUBMISSION_COLUMNS = [
  ...WHO,
  'status',
  'score',
  'passed',
  'intact',
  'checks passed',
  'checks',
  'not passed',
  'notes',
  'submission',
];
export const CHECK_COLUMNS = [
  ...WHO,
  'task',
  'check',
  'title',
  'kind',
  'status',
  'points',
  'of',
  'expected',
  'observed',
  'where',
  'look at',
];

const who = (file: string, r: Result): (string | number | null)[] => [file, r.learner, r.attempt, r.lab, r.seed];

export function submissionRow(file: string, result: Result): string {
  const counted = checksOf(result).filter((c) => !c.informational);
  const failed = counted.filter((c) => c.status !== 'passed');
  return csvRow([
    ...who(file, result),
    result.status,
    result.score,
    result.passed,
    result.integrity.intact,
    counted.length - failed.length,
    counted.length,
    failed.map((c) => `${c.name}: ${c.cause?.rationale ?? c.status}`).join('; '),
    notesOf(result).join('; '),
    result.submission,
  ]);
}

const round = (n: number): number => Math.round(n * 1e4) / 1e4;

export function checkRows(file: string, result: Result): string {
  return checksOf(result)
    .map((c) => {
      const of = round(partOf(result, c));
      const { expected, actual, hop, help } = c.cause ?? { expected: '', actual: c.actual };
      return csvRow([
        ...who(file, result),
        ...[c.task, c.name, c.description, c.kind, c.informational ? `${c.status} (not counted)` : c.status],
        ...[c.status === 'passed' ? of : 0, of, expected, actual, hop ?? '', help ?? ''],
      ]);
    })
    .join('');
}
