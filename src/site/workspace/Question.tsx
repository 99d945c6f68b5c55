/** A question of a task as a form; a prediction can be committed once. What the verdict says of the answer stands below it. */

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { CheckReport, QuestionInfo } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { Line, Prose } from './prose.tsx';
import type { World } from './world.ts';

interface Props {
  readonly question: QuestionInfo;
  readonly check: CheckReport | undefined;
  readonly world: World;
}

export function Question({ question, check, world }: Props) {
  const given = world.resumed.value.answers[question.id];
  const draft = useSignal(given ?? '');
  useEffect(() => {
    draft.value = given ?? '';
  }, [given]);
  const text = words.question;
  const fixed = world.review.value !== null || (question.prediction && given !== undefined);
  const judged = given !== undefined && check?.actual.startsWith('answered') === true && draft.value === given ? check : undefined;
  const name = `q-${question.id}`;
  return (
    <form
      class="ws-question"
      data-question={question.id}
      data-status={judged?.status}
      onSubmit={(event) => {
        event.preventDefault();
        if (draft.value.trim() !== '') void world.respond(question.id, draft.value.trim());
      }}
    >
      <fieldset disabled={fixed}>
        <legend>
          <span class="ws-tag">{question.prediction ? text.prediction : text.question}</span>
          <Line text={question.ask} />
        </legend>
        {question.form === 'one' || question.form === 'many' ? (
          <Choices question={question} draft={draft.value} change={(value) => (draft.value = value)} />
        ) : (
          <input
            type="text"
            class="ws-field"
            name={name}
            aria-label={text.answer}
            inputMode={question.form === 'number' ? 'decimal' : 'text'}
            placeholder={question.form === 'address' ? '10.0.0.1' : undefined}
            autoComplete="off"
            spellcheck={false}
            maxLength={500}
            value={draft.value}
            onInput={(event) => (draft.value = event.currentTarget.value)}
          />
        )}
      </fieldset>
      <p class="ws-task-foot">
        {fixed ? (
          question.prediction && <span>{text.committed}</span>
        ) : (
          <button type="submit" class="ws-button" disabled={draft.value.trim() === '' || draft.value.trim() === given}>
            {question.prediction ? text.commit : given === undefined ? text.send : text.again}
          </button>
        )}
        {question.prediction && !fixed && <span class="ws-note">{text.before}</span>}
      </p>
      <div role="status" class={`ws-feedback ws-feedback-${judged?.status ?? 'none'}`}>
        {judged && <p>{judged.status === 'passed' ? (question.prediction ? text.counted : text.right) : text.wrong}</p>}
        {judged && question.prediction && <Prose text={judged.actual} />}
        {judged?.cause?.help && <Prose text={judged.cause.help} />}
      </div>
    </form>
  );
}

/** The value is the numbers of the chosen options from 1 on, with commas. */
function Choices({ question, draft, change }: { question: QuestionInfo; draft: string; change: (value: string) => void }) {
  const many = question.form === 'many';
  const chosen = draft === '' ? [] : draft.split(',').map(Number);
  return (
    <div class="ws-options">
      {question.options.map((option, i) => (
        <label key={option}>
          <input
            type={many ? 'checkbox' : 'radio'}
            name={`q-${question.id}`}
            checked={chosen.includes(i + 1)}
            onChange={(event) => {
              const others = many ? chosen.filter((n) => n !== i + 1) : [];
              change([...others, ...(event.currentTarget.checked ? [i + 1] : [])].sort((a, b) => a - b).join(','));
            }}
          />
          <Line text={option} />
        </label>
      ))}
    </div>
  );
}
