/** question: what the learner answered, or predicted before a command showed it. */

import { parseIp } from '../../wire/addr.ts';
import type { Check } from '../lab.ts';
import { matches, patternFault } from '../pattern.ts';
import type { Answer } from '../recording.ts';
import type { CheckKind, Scene } from './kind.ts';

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
  /** A prediction counts when it was made, right or wrong; the first one is kept. */
  readonly prediction: boolean;
}

/** Characters of an answer that count. */
const MAX_ANSWER = 400;

/** The answer that counts: the last one, or the first one given before the command that would have shown it. */
function counting({ recording }: Scene, check: QuestionCheck): { value: string } | { problem: string } {
  const { answers, activity } = recording;
  const own = answers.flatMap((a, n) => (a.question === check.id ? [{ ...a, n }] : []));
  const last = own.at(-1);
  if (!last) return { problem: 'not answered yet' };
  if (check.before === undefined) return { value: check.prediction ? (own[0] as Answer).value : last.value };
  const pattern = check.before;
  const shown = activity?.ran.find((r) => matches(pattern, r.line));
  const spoilt = recording.spoilt.get(check.id) ?? Number.POSITIVE_INFINITY;
  const first = own.find((a) => a.n < spoilt);
  const before = first && shown && (activity?.orderOfAnswer(first.n) ?? 0) >= shown.order ? undefined : first;
  if (before) return { value: before.value };
  if (!first) return { problem: 'answered only after a command had shown it that was undone later' };
  return { problem: `answered only after \`${shown?.line.slice(0, 80)}\` had shown it` };
}

export const questionKind: CheckKind<QuestionCheck> = {
  kind: 'question',
  defaults: { within: 0, prediction: false },
  run(scene, check) {
    const expected = check.prediction ? 'a prediction' : 'the right answer';
    const answer = counting(scene, check);
    if ('problem' in answer) return { passed: false, expected, actual: answer.problem };
    const { right, feedback } = judge(check, answer.value.trim().slice(0, MAX_ANSWER));
    const actual = `answered: ${answer.value.slice(0, 200)}${check.prediction ? (right ? ', which was right' : ', which was not so') : ''}`;
    return { passed: right || check.prediction, expected, actual, ...(feedback ? { help: feedback } : {}) };
  },
  faults(check) {
    const ways = [check.one, check.many, check.number, check.address, check.text].filter((w) => w !== undefined).length;
    if (ways !== 1) return [{ field: 'ask', problem: 'needs exactly one of one, many, number, address and text beside it' }];
    const right = (check.one ?? check.many ?? []).filter((o) => o.right).length;
    if (check.one && right !== 1) return [{ field: 'one', problem: `has ${right} right options; mark exactly one with right: true` }];
    if (check.many && right === 0) return [{ field: 'many', problem: 'has no right option; mark at least one with right: true' }];
    if (check.address !== undefined && parseIp(check.address) === null)
      return [{ field: 'address', problem: `"${check.address}" is no IPv4 or IPv6 address` }];
    return [...patternFault('text', check.text), ...patternFault('before', check.before)];
  },
};

/** The one number in a text, with whatever is around it: `62`, ` 1 450 bytes`, `ttl=62`, `0x2a`; NaN for none or several. */
export function numberIn(text: string): number {
  const hex = /^\s*0x[\da-f]+\s*$/i.exec(text);
  if (hex) return Number(text);
  const found = text.replace(/(\d)[ _\u00a0,'](?=\d{3}(?!\d))/g, '$1').match(/[-+]?\d+(?:\.\d+)?/g) ?? [];
  return found.length === 1 ? Number(found[0]) : Number.NaN;
}

function judge(check: QuestionCheck, value: string): { right: boolean; feedback?: string | undefined } {
  const options = check.one ?? check.many;
  if (options) {
    const chosen = new Set(
      value
        .split(/[\s,;]+/)
        .filter((n) => n !== '')
        .map((n) => Number(n)),
    );
    const wrong = options.findIndex((o, i) => (o.right === true) !== chosen.has(i + 1));
    const stray = [...chosen].some((n) => !(n >= 1 && n <= options.length));
    const right = wrong < 0 && !stray;
    const picked = options.find((o, i) => chosen.has(i + 1) && o.right !== true) ?? options[wrong];
    return { right, feedback: right ? options.find((o) => o.right)?.feedback : picked?.feedback };
  }
  if (check.number !== undefined) return { right: Math.abs(numberIn(value) - check.number) <= check.within };
  if (check.address !== undefined) {
    const given = parseIp(value.toLowerCase().replace(/^\[(.*)\]$/, '$1'));
    return { right: given !== null && given === parseIp(check.address) };
  }
  return { right: matches(`^(?:${check.text ?? ''})$`, value, 'iu') };
}
