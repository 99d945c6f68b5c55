/** Handing work in and looking at what was handed in: files and links of sealed logs. */

import type { LabInfo, SubmissionLog } from '../../lab/session.ts';
import { fits, logOf, sameWorld, seal, submissionText, verifyChain } from '../../lab/submission.ts';
import { type Parsed, parseSubmission, SubmissionError } from '../../lab/submission-file.ts';
import { linkOf, parseLink } from '../../lab/submission-link.ts';
import { words } from '../words/en.ts';
import type { Variant } from './variant.ts';

export { SubmissionError } from '../../lab/submission-file.ts';

/** A submission as it is looked at: as far as its chain of hashes holds. */
export interface Opened {
  readonly log: SubmissionLog;
  readonly learner: string | null;
  readonly attempt: number | null;
  /** What is wrong with it, with the place; what came before that place is shown. */
  readonly problem: string | null;
}

export function fileOf(log: SubmissionLog, variant: Variant, name: string): string {
  return submissionText(seal(log, whoOf(variant, name)));
}

/** Null when it would be too long. */
export function fragmentOf(log: SubmissionLog, variant: Variant, name: string): Promise<string | null> {
  return linkOf(seal(log, whoOf(variant, name)));
}

function whoOf({ learner, attempt }: Variant, name: string): { learner?: string; attempt: number } {
  const who = learner ?? name.trim();
  return { attempt, ...(who === '' ? {} : { learner: who }) };
}

/** @throws SubmissionError naming what is wrong. */
export function openFile(bytes: Uint8Array, lab: LabInfo): Opened {
  return opened(parseSubmission(bytes), lab);
}

/** @throws SubmissionError naming what is wrong. */
export async function openLink(fragment: string, lab: LabInfo): Promise<Opened> {
  return opened(await parseLink(fragment), lab);
}

/** A log that was made for other checks of the same world is judged by those of today; any other change makes it another lab. */
export function forToday(log: SubmissionLog, { contentHash }: LabInfo): SubmissionLog | null {
  if (log.contentHash === contentHash) return log;
  return sameWorld(log.contentHash, contentHash) ? { ...log, contentHash } : null;
}

function opened({ submission, damage }: Parsed, lab: LabInfo): Opened {
  if (submission.lab !== lab.id) throw new SubmissionError(words.review.otherLab(submission.lab));
  const { honest, problem } = verifyChain(submission);
  const log = forToday(logOf(submission, honest), lab);
  if (!log) throw new SubmissionError(fits(submission, lab)?.text ?? words.review.otherLab(submission.lab));
  const last = log.entries.at(-1);
  const end = last?.op === 'end' ? [] : [{ op: 'end' as const, steps: last?.steps ?? 0, time: last?.time ?? 0 }];
  return {
    log: { ...log, entries: [...log.entries, ...end] },
    learner: submission.learner ?? null,
    attempt: submission.attempt ?? null,
    problem: (damage ?? problem)?.text ?? null,
  };
}
