/** The files of a bulk run: one for all submissions, or a folder with one for each. */

import { closeSync, mkdirSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { check50Of } from '../../lab/result/check50.ts';
import { type ClassroomContext, classroom50Of, classroomContext } from '../../lab/result/classroom50.ts';
import { CHECK_COLUMNS, checkRows, csvRow, SUBMISSION_COLUMNS, submissionRow } from '../../lab/result/csv.ts';
import { exercismOf } from '../../lab/result/exercism.ts';
import { gradescopeOf, type Visibility } from '../../lab/result/gradescope.ts';
import { JUNIT_END, JUNIT_START, junitSuite } from '../../lab/result/junit.ts';
import { textOf } from '../../lab/result/plain.ts';
import { type Result, resultText } from '../../lab/result/result.ts';
import { type Item, readResult } from './one.ts';

export interface OutputSettings {
  readonly visibility: Visibility;
  /** Classroom 50's own values, over what a result says. */
  readonly classroom: Partial<ClassroomContext>;
}

interface Whole {
  readonly file: string;
  readonly start?: string;
  readonly between?: string;
  readonly end?: string;
  row(item: Item, result: Result): string;
}

interface Each {
  readonly folder: string;
  readonly ending: string;
  document(item: Item, result: Result, settings: OutputSettings): string;
}

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Format -> the files that it is made of. */
export const FORMATS: Readonly<Record<string, { readonly whole?: readonly Whole[]; readonly each?: Each }>> = {
  csv: {
    whole: [
      { file: 'results.csv', start: csvRow(SUBMISSION_COLUMNS), row: ({ name }, r) => submissionRow(name, r) },
      { file: 'checks.csv', start: csvRow(CHECK_COLUMNS), row: ({ name }, r) => checkRows(name, r) },
    ],
  },
  json: {
    whole: [
      {
        file: 'results.json',
        start: '[\n',
        between: ',\n',
        end: '\n]\n',
        row: ({ name }, r) => JSON.stringify({ file: name, ...(JSON.parse(resultText(r)) as Result) }),
      },
    ],
  },
  junit: { whole: [{ file: 'junit.xml', start: JUNIT_START, end: JUNIT_END, row: ({ name }, r) => junitSuite(name, r) }] },
  text: { each: { folder: 'text', ending: '.txt', document: (_, r) => textOf(r) } },
  gradescope: { each: { folder: 'gradescope', ending: '.json', document: (_, r, { visibility }) => pretty(gradescopeOf(r, visibility)) } },
  exercism: { each: { folder: 'exercism', ending: '.json', document: (_, r) => pretty(exercismOf(r)) } },
  classroom50: {
    each: {
      folder: 'classroom50',
      ending: '.json',
      document: ({ path }, r, { classroom }) => {
        const handedIn = `${statSync(path).mtime.toISOString().slice(0, 19)}Z`;
        return pretty(classroom50Of(r, { ...classroomContext(r, handedIn), ...classroom }));
      },
    },
  },
  check50: { each: { folder: 'check50', ending: '.json', document: (_, r) => pretty(check50Of(r)) } },
};

/** Writes the formats asked for, submission by submission in their order, so that no run is too large for the memory. */
export function writeOutputs(
  out: string,
  items: readonly Item[],
  formats: readonly string[],
  settings: OutputSettings,
  look: (item: Item, result: Result) => void = () => {},
): void {
  mkdirSync(out, { recursive: true });
  const wholes = formats.flatMap((f) => FORMATS[f]?.whole ?? []).map((w) => ({ ...w, fd: openSync(join(out, w.file), 'w') }));
  const eachs = formats.flatMap((f) => FORMATS[f]?.each ?? []);
  for (const w of wholes) writeSync(w.fd, w.start ?? '');
  items.forEach((item, i) => {
    const result = readResult(item.out);
    if (!result) throw new Error(`${item.out}: the result is gone; grade again`);
    look(item, result);
    for (const w of wholes) writeSync(w.fd, `${i > 0 ? (w.between ?? '') : ''}${w.row(item, result)}`);
    for (const e of eachs) {
      const path = join(out, e.folder, `${item.name}${e.ending}`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, e.document(item, result, settings));
    }
  });
  for (const w of wholes) {
    writeSync(w.fd, w.end ?? '');
    closeSync(w.fd);
  }
}

/** A context file for Classroom 50. @throws Error naming the field. */
export function readContext(path: string): Partial<ClassroomContext> {
  const known = ['classroom', 'assignment', 'assignment_type', 'owner', 'submission', 'commit', 'release', 'review', 'datetime'];
  const value = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  for (const [key, v] of Object.entries(value))
    if (!known.includes(key) || typeof v !== 'string')
      throw new Error(`${path}: ${key} is ${known.includes(key) ? 'no text' : 'not known'}; there are: ${known.join(', ')}`);
  return value as Partial<ClassroomContext>;
}
