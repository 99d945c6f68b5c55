/** Judges a submission: is it whole, is it this learner's, and what does its honest part score. */

import { type GradeOptions, grade } from '../grade.ts';
import type { GradeReport, LabSource } from '../lab.ts';
import { LogError, type SubmissionLog } from '../log.ts';
import { fits, logOf, type Problem, sameWorld, verifyChain } from '../submission.ts';
import type { Parsed } from '../submission-file.ts';
import { fingerprint, seedOf } from '../ticket.ts';
import { graded, type Known, type Result, ungraded } from './result.ts';

export interface JudgeOptions extends Pick<GradeOptions, 'maxSteps'> {
  /** The course's secret: the seed has to be the learner's. */
  readonly secret?: string | undefined;
  /** Also grades what was made for content whose checks have changed since, if nothing else has. */
  readonly contentChanged?: boolean | undefined;
}

/**
 * `submission` is the hash of its file. The lab's world has to be loaded.
 * @throws PrepareError and others for what is the lab's fault, never for what a learner wrote.
 */
export function judge(parsed: Parsed, source: LabSource, submission: string, opts: JudgeOptions = {}): Result {
  const ticket = opts.secret === undefined ? null : fingerprint(opts.secret);
  const known: Known & { parsed: Parsed } = { submission, parsed, source, ticket };
  const s = parsed.submission;
  const remarks: string[] = [];
  const other = fits(s, source);
  if (other) {
    const mended = other.kind === 'other-content' && sameWorld(s.contentHash, source.contentHash);
    if (!mended || !opts.contentChanged)
      return ungraded(known, 'refused', `${other.text}${mended ? '; only checks differ: grade it with --content-changed' : ''}`, [other]);
    remarks.push(`made for ${s.contentHash}, before the checks were changed`);
  }
  const stranger = opts.secret === undefined ? null : ticketProblem(parsed, opts.secret);
  if (stranger) return ungraded(known, 'refused', stranger.text, [stranger]);

  const chain = verifyChain(s);
  const problems: Problem[] = [];
  if (parsed.damage && (!chain.problem || chain.problem.kind === 'truncated')) problems.push(parsed.damage);
  else if (chain.problem) problems.push(chain.problem);
  let { honest } = chain;
  const log = { ...logOf(s, honest), contentHash: source.contentHash };
  let report = replay(source, log, opts);
  if (report instanceof LogError) {
    problems.unshift({ kind: 'impossible', entry: report.entry + 1, text: report.message });
    honest = report.entry;
    report = replay(source, { ...log, entries: log.entries.slice(0, honest) }, opts);
    if (report instanceof LogError) throw new Error(`a part of a log that fits does not fit: ${report.message}`);
  }
  return graded(known, report, honest, problems, remarks);
}

function replay(source: LabSource, log: SubmissionLog, { maxSteps }: JudgeOptions): GradeReport | LogError {
  try {
    return grade(source, log, maxSteps === undefined ? {} : { maxSteps });
  } catch (e) {
    if (e instanceof LogError && e.entry >= 0) return e;
    throw e;
  }
}

function ticketProblem({ submission: s }: Parsed, secret: string): Problem | null {
  const problem = (text: string): Problem => ({ kind: 'other-seed', entry: 0, text });
  if (s.learner === undefined)
    return problem("the seed cannot be checked: the submission names no learner; open the lab by the learner's own link");
  const attempt = s.attempt ?? 1;
  return s.seed === seedOf(secret, { learner: s.learner, lab: s.lab, attempt })
    ? null
    : problem(`the seed is not this learner's: ${s.seed} does not belong to attempt ${attempt}`);
}
