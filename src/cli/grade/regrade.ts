/** Two gradings of the same submissions side by side: whose score changed, and by which checks. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { csvRow } from '../../lab/result/csv.ts';
import { line } from '../../lab/result/plain.ts';
import { checksOf, type Result } from '../../lab/result/result.ts';
import { RESULTS } from './files.ts';
import { readResult } from './one.ts';

export interface Change {
  readonly name: string;
  readonly learner: string | null;
  readonly before: number | null;
  readonly after: number | null;
  /** Check by check, or why there is no grade. */
  readonly why: readonly string[];
}

/** Names of a grading's results, in order. */
export function resultNames(folder: string, below = ''): string[] {
  const names = readdirSync(join(folder, RESULTS, below), { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? resultNames(folder, `${below}${e.name}/`) : e.name.endsWith('.json') ? [`${below}${e.name.slice(0, -5)}`] : [],
  );
  return names.sort((a, b) => (a < b ? -1 : 1));
}

const resultOf = (folder: string, name: string): Result | null => readResult(join(folder, RESULTS, `${name}.json`));

/** Null when nothing that counts has changed. */
export function changeOf(name: string, before: Result | null, after: Result | null): Change | null {
  const why: string[] = [];
  if (before === null) why.push('was not graded before');
  else if (after === null) why.push('is not there any more');
  else {
    if (before.submission !== after.submission) why.push('another file was handed in');
    if (before.status !== after.status || before.problem !== after.problem)
      why.push(`was ${before.status}, is ${after.status}${after.problem === null ? '' : `: ${after.problem}`}`);
    if (before.status === 'graded' && after.status === 'graded') why.push(...checkChanges(before, after));
  }
  if (why.length === 0 && before?.score === after?.score) return null;
  const learner = after?.learner ?? before?.learner ?? null;
  return {
    name,
    learner,
    before: before?.score ?? null,
    after: after?.score ?? null,
    why: why.length > 0 ? why : ['weights or costs of hints'],
  };
}

function checkChanges(before: Result, after: Result): string[] {
  const old = new Map(checksOf(before).map((c) => [c.name, c]));
  const now = new Map(checksOf(after).map((c) => [c.name, c]));
  const why: string[] = [];
  for (const [id, check] of now) {
    const was = old.get(id);
    const reason = check.cause === null ? check.actual : check.cause.rationale;
    if (!was) why.push(`${id}: new, ${check.status}: ${reason}`);
    else if (was.status !== check.status)
      why.push(`${id}: ${was.status} before (${was.cause?.rationale ?? was.actual}), ${check.status} now (${reason})`);
    else if (was.weight !== check.weight) why.push(`${id}: its weight was ${was.weight}, is ${check.weight}`);
  }
  for (const id of old.keys()) if (!now.has(id)) why.push(`${id}: is no check any more`);
  return why;
}

/** All that changed between two gradings. */
export function compare(before: string, after: string): Change[] {
  const names = [...new Set([...resultNames(before), ...resultNames(after)])].sort((a, b) => (a < b ? -1 : 1));
  return names.flatMap((name) => changeOf(name, resultOf(before, name), resultOf(after, name)) ?? []);
}

const percent = (score: number | null): string => (score === null ? 'none' : `${Math.round(score * 1000) / 10} %`);

export function changeText({ name, learner, before, after, why }: Change): string {
  const who = learner === null ? '' : ` (${line(learner)})`;
  return `${line(name)}${who}: ${percent(before)} -> ${percent(after)}\n${why.map((w) => `    ${line(w)}\n`).join('')}`;
}

export const CHANGE_COLUMNS = ['file', 'learner', 'before', 'after', 'why'];

export function changeRow({ name, learner, before, after, why }: Change): string {
  return csvRow([name, learner, before, after, why.join('; ')]);
}
