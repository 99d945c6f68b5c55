/** Text for people and terminals: what a stranger wrote cannot steer either. */

import { causeLines, notesOf, type Result } from './result.ts';

/** Lone surrogates, which no UTF-8 can hold, become U+FFFD. */
export const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** Control characters, direction marks and lone surrogates all become U+FFFD; lines and tabs stay. */
export function plain(text: string): string {
  return wellFormed(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '\ufffd');
}

/** On one line. */
export function line(text: string): string {
  return plain(text)
    .replace(/\s*\n\s*/g, ' ')
    .trim();
}

const MARKS = { passed: '✓', failed: '✗', skipped: '–' };

export function textOf(result: Result): string {
  const lines: string[] = [];
  for (const task of result.tasks) {
    const good = task.checks.filter((c) => c.status === 'passed').length;
    lines.push(`${task.passed ? '✓' : '✗'} ${line(task.title)} (${good} of ${task.checks.length})`);
    for (const check of task.checks) {
      lines.push(`    ${MARKS[check.status]} ${line(check.description)}`);
      lines.push(...causeLines(check).map((l) => `        ${line(l)}`));
      lines.push(...(check.cause ? check.log : []).map((l) => `          ${line(l)}`));
    }
  }
  lines.push(...notesOf(result).map((n) => `! ${line(n)}`));
  const who = result.learner === null ? '' : `, ${line(result.learner)}${result.attempt === null ? '' : ` (attempt ${result.attempt})`}`;
  lines.push(
    result.status === 'graded'
      ? `${result.lab}${who}: score ${Math.floor(result.score * 100)} %, seed ${result.seed}`
      : `${line(result.lab) || 'no lab'}${who}: ${result.status}`,
  );
  return `${lines.join('\n')}\n`;
}
