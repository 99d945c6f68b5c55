/** Whether the grader stands up to an attack: no crash, a result of the right form, and no score above what the honest part earns. */

import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { resultOf } from '../../src/cli/grade/one.ts';
import { loadLab } from '../../src/cli/labs.ts';
import { grade } from '../../src/lab/grade.ts';
import type { LabSource } from '../../src/lab/lab.ts';
import { LogError, type SubmissionLog, scriptLog } from '../../src/lab/log.ts';
import { instantiate } from '../../src/lab/parameters.ts';
import { check50Of } from '../../src/lab/result/check50.ts';
import { classroom50Of, classroomContext } from '../../src/lab/result/classroom50.ts';
import { checkRows, submissionRow } from '../../src/lab/result/csv.ts';
import { exercismOf } from '../../src/lab/result/exercism.ts';
import { gradescopeOf } from '../../src/lab/result/gradescope.ts';
import { junitSuite } from '../../src/lab/result/junit.ts';
import { textOf } from '../../src/lab/result/plain.ts';
import { type Result, resultText } from '../../src/lab/result/result.ts';
import { createSession } from '../../src/lab/session.ts';
import { logOf, type Submission, seal } from '../../src/lab/submission.ts';
import { parseSubmission } from '../../src/lab/submission-file.ts';
import { loadWorld } from '../../src/lab/world.ts';
import { type Attack, attack } from './attacks.ts';
import { Random } from './random.ts';

/** Honest submissions that attacks start from. */
interface Base {
  readonly source: LabSource;
  readonly submission: Submission;
  /** Count of entries -> what they score. */
  readonly scores: Map<number, number>;
}

/** Events after which a log is cut: honest ones make a few thousand. */
const MAX_STEPS = 60_000;

const schema = new URL('../../src/lab/result/result.schema.json', import.meta.url);

export interface Verdict {
  readonly attack: string;
  readonly status: Result['status'];
  readonly intact: boolean;
  readonly score: number;
  /** What is wrong with the grader; null when it stood up. */
  readonly fault: string | null;
}

export class Oracle {
  private readonly bases: Base[] = [];
  private readonly validate: ValidateFunction = new Ajv({ allowUnionTypes: true }).compile(
    JSON.parse(readFileSync(schema, 'utf8')) as object,
  );

  static async over(labs: readonly string[]): Promise<Oracle> {
    const oracle = new Oracle();
    for (const id of labs) {
      const source = loadLab(id);
      await loadWorld(source.world);
      for (const [i, log] of [...honestLogs(source)].entries())
        oracle.bases.push({ source, submission: seal(log, { learner: `learner-${i}`, attempt: 1 }), scores: new Map() });
    }
    return oracle;
  }

  private scoreOf(base: Base, count: number): number {
    let score = base.scores.get(count);
    if (score === undefined) {
      score = grade(base.source, logOf(base.submission, count), { maxSteps: MAX_STEPS }).score;
      base.scores.set(count, score);
    }
    return score;
  }

  async judge(seed: number): Promise<Verdict> {
    const r = new Random(seed);
    const base = this.bases[r.below(this.bases.length)] as Base;
    const made = attack(r, base.submission);
    const result = await resultOf(made.bytes, { maxSteps: MAX_STEPS, resume: false });
    const { status, score } = result;
    const again = seed % 20 === 0 ? await resultOf(made.bytes, { maxSteps: MAX_STEPS, resume: false }) : result;
    const fault =
      this.wrongForm(result) ??
      this.tooGenerous(base, made, result, seed) ??
      (resultText(again) === resultText(result) ? null : 'two runs, two results');
    return { attack: made.name, status, intact: result.integrity.intact, score, fault };
  }

  private wrongForm(result: Result): string | null {
    if (result.status === 'failed') return `the grader failed: ${result.problem}`;
    if (!(result.score >= 0 && result.score <= 1)) return `a score of ${result.score}`;
    if (!this.validate(JSON.parse(resultText(result)))) return `no result: ${JSON.stringify(this.validate.errors?.[0])}`;
    for (const adapter of [
      textOf,
      gradescopeOf,
      exercismOf,
      check50Of,
      (r: Result) => classroom50Of(r, classroomContext(r, '2026-01-01T00:00:00Z')),
    ])
      adapter(result);
    submissionRow('x', result);
    checkRows('x', result);
    junitSuite('x', result);
    return null;
  }

  private tooGenerous(base: Base, made: Attack, result: Result, seed: number): string | null {
    if (result.status !== 'graded') return result.score === 0 ? null : 'points without a grade';
    const { submission } = parseSubmission(made.bytes);
    const { honest } = result.integrity;
    if (made.resealed) {
      // Its score is a replay's already: one in five is held against another replay.
      if (seed % 5 !== 0) return null;
      const own = replayed(base.source, logOf(submission, honest));
      return own === null || result.score <= own ? null : `${result.score} where its own entries earn ${own}`;
    }
    // What it says is honest must stand in the original, in the same place.
    const same = JSON.stringify(logOf(submission, honest)) === JSON.stringify(logOf(base.submission, honest));
    if (!same && honest > 0) return `${honest} entries are called honest, which are not those of the original`;
    const whole = honest === base.submission.entries.length && submission.entries.length === honest;
    if (result.integrity.intact && !whole) return 'a changed log is called intact';
    const earned = same ? this.scoreOf(base, honest) : replayed(base.source, logOf(submission, 0));
    return earned === null || result.score <= earned ? null : `${result.score} where its honest part earns ${earned}`;
  }
}

function replayed(source: LabSource, log: SubmissionLog): number | null {
  try {
    return grade(source, { ...log, contentHash: source.contentHash }, { maxSteps: MAX_STEPS }).score;
  } catch (e) {
    if (e instanceof LogError) return null;
    throw e;
  }
}

/** A solution command by command, one typed into a terminal with hints and answers between, and one that is half done. */
function* honestLogs(source: LabSource): Generator<SubmissionLog> {
  const lab = instantiate(source, 11);
  const lines = lab.solution.trim().split('\n');
  yield scriptLog(lab, lines.join(`\n#@ host ${lab.hosts[0]}\n`));
  yield scriptLog(lab, lines.slice(0, lines.length >> 1).join('\n'));
  const session = createSession({ lab: source, seed: 11 });
  const settle = (): void => void session.run(session.now + 2_000_000, () => true);
  const terminal = session.openTerminal(lab.hosts[0] as string, { cols: 90, rows: 30, onData: () => {} });
  settle();
  session.hint(lab.tasks[0]?.id ?? '', 0);
  for (const [i, line] of lines.entries()) {
    if (line.startsWith('#@')) continue;
    if (i === 1) session.answer('nothing', 'asked');
    terminal.write(`${line}\r`);
    settle();
  }
  terminal.resize(120, 40);
  yield session.exportLog();
}
