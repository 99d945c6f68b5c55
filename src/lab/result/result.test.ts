import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect, test } from 'vitest';
import { loadLab } from '../../cli/labs.ts';
import { scriptLog } from '../log.ts';
import { instantiate } from '../parameters.ts';
import { type SealedEntry, type Submission, seal } from '../submission.ts';
import { seedOf } from '../ticket.ts';
import { check50Of } from './check50.ts';
import { classroom50Of, classroomContext } from './classroom50.ts';
import { CHECK_COLUMNS, checkRows, csvRow, SUBMISSION_COLUMNS, submissionRow } from './csv.ts';
import { exercismOf } from './exercism.ts';
import { gradescopeOf } from './gradescope.ts';
import { type JudgeOptions, judge } from './judge.ts';
import { JUNIT_END, JUNIT_START, junitSuite } from './junit.ts';
import { textOf } from './plain.ts';
import { checksOf, partOf, type Result, resultText, ungraded } from './result.ts';

const source = loadLab('wire-a-pod-by-hand');
const HASH = '0123456789abcdef'.repeat(4);
const secret = 'the secret of this course';
const seed = seedOf(secret, { learner: 'ada', lab: source.id, attempt: 2 });
const lab = instantiate(source, seed);
const decoy = lab.decoys.find((d) => d.name === 'no-default-route')?.script ?? '';
const log = scriptLog(lab, `#@ hint namespace 2\n${lab.solution.replaceAll('\n', '\n#@ host node-1\n')}`);
const who = { learner: 'ada', attempt: 2 };
const of = (submission: Submission, opts: JudgeOptions = {}): Result => judge({ submission, damage: null }, source, HASH, opts);

const solved = of(seal(log, who), { secret });
const half = of(seal(scriptLog(lab, decoy), who));
const HOSTILE = '=cmd|\'/c calc\'!A1","</testcase><!--\u0000\u001b[2J\u202e\ud800\nx\r';
const hostile: Result = {
  ...half,
  learner: HOSTILE,
  remarks: [HOSTILE],
  tasks: half.tasks.map((t) => ({
    ...t,
    checks: t.checks.map((c) => ({
      ...c,
      description: HOSTILE,
      log: [HOSTILE, 'x'.repeat(2000)],
      cause: c.cause && { ...c.cause, actual: HOSTILE },
    })),
  })),
};
const refused = ungraded({ submission: HASH }, 'refused', HOSTILE);
const all: [string, Result][] = Object.entries({ solved, half, hostile, refused });

test('an intact solution has a score of 1 less its hint, twice with the same bytes', () => {
  expect(solved).toMatchObject({
    status: 'graded',
    passed: true,
    learner: 'ada',
    attempt: 2,
    seed,
    integrity: { intact: true, problems: [] },
  });
  expect(solved.score).toBeCloseTo(1 - 0.25 / 7, 5);
  expect(resultText(of(seal(log, who), { secret }))).toBe(resultText(solved));
});

test('what is not whole scores what its honest part scores, and says so', () => {
  const whole = seal(log, who);
  const edited = structuredClone(whole) as { entries: SealedEntry[] } & Submission;
  (edited.entries[6] as { script: string }).script = lab.solution;
  const result = of(edited);
  const prefix = of({ ...whole, entries: whole.entries.slice(0, 6) });
  expect(result.integrity).toMatchObject({ intact: false, honest: 6, problems: [{ kind: 'edited', entry: 7 }] });
  expect(prefix.integrity).toMatchObject({ intact: false, honest: 6, problems: [{ kind: 'truncated', entry: 7 }] });
  expect([result.score, result.tasks]).toEqual([prefix.score, prefix.tasks]);
  expect(result.score).toBeLessThan(solved.score);
});

test('a chain that was made anew over what cannot have happened is told at its place', () => {
  const entries = [...log.entries];
  entries[4] = { ...entries[4], steps: 1 } as (typeof entries)[0];
  const result = of(seal({ ...log, entries }));
  expect(result.integrity.problems[0]).toMatchObject({ kind: 'impossible', entry: 5 });
  expect(result.integrity.honest).toBe(4);
});

test("another learner's seed, another lab's log and other content are refused", () => {
  expect(of(seal(log, { learner: 'bob', attempt: 2 }), { secret })).toMatchObject({
    status: 'refused',
    score: 0,
    problem: expect.stringMatching(/is not this learner's/),
  });
  expect(of(seal(log), { secret }).problem).toMatch(/names no learner/);
  expect(of(seal({ ...log, lab: 'x' })).problem).toMatch(/made for the lab "x"/);
  const [world] = source.contentHash.split('-');
  const mended = seal({ ...log, contentHash: `${world}-0` });
  expect(of(mended).problem).toMatch(/only checks differ: grade it with --content-changed/);
  expect(of(mended, { contentChanged: true })).toMatchObject({ status: 'graded', score: solved.score, contentHash: source.contentHash });
  expect(of(seal({ ...log, contentHash: 'x-y' }), { contentChanged: true }).status).toBe('refused');
});

test.each(all)('%s: fits the schema', (_, result) => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(join(import.meta.dirname, 'result.schema.json'), 'utf8')) as object,
  );
  validate(JSON.parse(resultText(result)));
  expect(validate.errors).toBeNull();
});

/** Rows and cells, as RFC 4180 has them. */
function readCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, bare, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    if (quoted === undefined && bare === '' && end === '') break;
    rows.at(-1)?.push(quoted?.replaceAll('""', '"') ?? bare ?? '');
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

test.each(all)('%s: CSV has its columns in every row, and no cell is a formula', (_, result) => {
  const submissions = readCsv(csvRow(SUBMISSION_COLUMNS) + submissionRow('=a.json', result));
  const checks = readCsv(csvRow(CHECK_COLUMNS) + checkRows('-a.json', result));
  expect(submissions.map((r) => r.length)).toEqual([SUBMISSION_COLUMNS.length, SUBMISSION_COLUMNS.length]);
  expect(new Set(checks.map((r) => r.length))).toEqual(new Set([CHECK_COLUMNS.length]));
  expect(checks.length).toBe(checksOf(result).length + 1);
  for (const cell of [...submissions, ...checks].flat()) expect(cell).not.toMatch(/^[=+\-@\t\r]|[\u0000-\u001f\u202e]/);
});

test.each(all)('%s: JUnit XML is well formed, with one case for each check', (_, result) => {
  const xml = JUNIT_START + junitSuite('a <b>.json', result) + JUNIT_END;
  expect(xml).not.toMatch(/[\u0000-\u0008\u000b-\u001f\ufffe\uffff]|\p{Surrogate}/u);
  const open: string[] = [];
  const rest = xml
    .slice(xml.indexOf('\n'))
    .replace(/<(\/?)([\w-]+)((?: [\w-]+="[^"<]*")*)(\/?)>/g, (_, close: string, name: string, __, empty: string) => {
      if (close) expect(open.pop()).toBe(name);
      else if (!empty) open.push(name);
      return '';
    });
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]|&(?!#\d+;)/);
  expect(xml.match(/<testcase /g)?.length).toBe(Math.max(1, checksOf(result).length));
  expect(xml.match(/<failure /g)?.length ?? 0).toBe(Number(/failures="(\d+)"/.exec(xml)?.[1]));
});

test.each(all)('%s: Gradescope has a score, and tests out of 100 points', (_, result) => {
  const g = gradescopeOf(result, 'after_published');
  expect(g.score).toBeCloseTo(result.score * 100, 1);
  expect(g.visibility).toBe('after_published');
  for (const t of g.tests) {
    expect(Object.keys(t).sort()).toEqual([
      'max_score',
      'name',
      'name_format',
      'number',
      'output',
      'output_format',
      'score',
      'status',
      'tags',
      'visibility',
    ]);
    expect(t.score === t.max_score || t.score === 0).toBe(true);
  }
  if (result.status === 'graded') expect(g.tests.reduce((n, t) => n + t.max_score, 0)).toBeCloseTo(100, 0);
});

test.each(all)("%s: Exercism's statuses, tasks and bounds", (name, result) => {
  const e = exercismOf(result);
  expect(e.version).toBe(3);
  expect(e.status).toBe({ solved: 'pass', half: 'fail', hostile: 'fail' }[name] ?? 'error');
  expect(e.status === 'error').toBe(typeof e.message === 'string');
  for (const t of e.tests) {
    expect(['pass', 'fail']).toContain(t.status);
    expect(t.task_id).toBeGreaterThan(0);
    expect(t.output?.length ?? 0).toBeLessThanOrEqual(500);
  }
});

test.each(all)('%s: Classroom 50 has whole points that fit', (_, result) => {
  const c = classroom50Of(result, classroomContext(result, '2026-11-21T08:00:00Z'));
  expect(c.schema).toBe('classroom50/result/v1');
  expect(c.submission).toMatch(/^submit\//);
  expect(c.datetime).toMatch(/^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/);
  for (const key of ['classroom', 'assignment', 'owner', 'commit', 'release', 'review'] as const) expect(c[key]).not.toBe('');
  for (const t of [...c.tests, c]) {
    expect(Number.isInteger(t.score) && Number.isInteger(t['max-score'])).toBe(true);
    expect(t.score).toBeLessThanOrEqual(t['max-score']);
  }
  if (result.status === 'graded') expect(c.tests.reduce((n, t) => n + t['max-score'], 0)).toBe(100);
});

test.each(all)('%s: check50 says true, false or null', (_, result) => {
  const c = check50Of(result);
  expect((c.results === undefined) === (result.status !== 'graded')).toBe(true);
  for (const [i, r] of (c.results ?? []).entries()) {
    const check = checksOf(result)[i];
    expect(r.passed).toBe({ passed: true, failed: false, skipped: null }[check?.status ?? 'skipped']);
    expect(r.cause === null).toBe(check?.cause === null);
  }
});

test('text cannot steer a terminal', () => {
  expect(textOf(hostile)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  expect(textOf(half)).toContain('expected:');
  expect(textOf(refused)).toContain('no lab: refused');
});

test("the parts of an intact lab's checks are one whole", () => {
  expect(checksOf(solved).reduce((n, c) => n + partOf(solved, c), 0)).toBeCloseTo(1, 9);
});
