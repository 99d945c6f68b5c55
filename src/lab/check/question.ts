/** question: what the learner answered, or predicted before a command showed it. */

import type { Check } from '../lab.ts';
import type { CheckKind } from './kind.ts';

export interface Option {
  readonly text: string;
  readonly right?: boolean;
  /** Said to who chose it. */
  readonly feedback?: string;
}

export interface QuestionCheck extends Check {
  /** Markdown. */
  readonly ask: string;
  /** Choices are answered by the number of the option from 1 on, several with commas. */
  readonly one?: readonly Option[];
  readonly many?: readonly Option[];
  readonly number?: number;
  /** Allowed distance from `number`. */
  readonly within: number;
  /** An address in any spelling. */
  readonly address?: string;
  /** Regular expression over the trimmed answer, letters of either case. */
  readonly text?: string;
  /** Must be committed before the learner runs a command that this regular expression matches. */
  readonly before?: string;
  /** A prediction counts when it was made, right or wrong. */
  readonly prediction: boolean;
}

export const questionKind: CheckKind<QuestionCheck> = {
  kind: 'question',
  defaults: { within: 0, prediction: false },
  run({ recording }, check) {
    const expected = 'the right answer';
    const answer = recording.answer(check.id);
    if (!answer) return { passed: false, expected, actual: 'not answered yet' };
    const { right, feedback } = judge(check, answer.value.trim());
    const actual = `answered: ${answer.value.slice(0, 200)}`;
    return { passed: right || check.prediction, expected, actual, ...(feedback ? { help: feedback } : {}) };
  },
};

function judge(check: QuestionCheck, value: string): { right: boolean; feedback?: string | undefined } {
  const options = check.one ?? check.many;
  if (options) {
    const chosen = new Set(value.split(',').map((n) => Number(n)));
    const wrong = options.findIndex((o, i) => (o.right === true) !== chosen.has(i + 1));
    const picked = options.find((o, i) => chosen.has(i + 1) && o.right !== true) ?? options[wrong];
    return { right: wrong < 0, feedback: wrong < 0 ? options.find((o) => o.right)?.feedback : picked?.feedback };
  }
  if (check.number !== undefined) return { right: value !== '' && Math.abs(Number(value) - check.number) <= check.within };
  if (check.address !== undefined) return { right: value.toLowerCase() === check.address.toLowerCase() };
  return { right: new RegExp(`^(?:${check.text ?? ''})$`, 'iu').test(value) };
}
