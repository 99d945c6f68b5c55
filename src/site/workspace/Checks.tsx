/** What the checks of a task saw: those that hold in a line, the others with what was expected, what was seen, and the evidence. */

import type { CheckReport, GradeReport } from '../../lab/session.ts';
import { words } from '../words/en.ts';
import { Prose } from './prose.tsx';

const MARKS = { passed: '✓', failed: '✗', skipped: '–' } as const;

interface Props {
  readonly checks: readonly CheckReport[];
  readonly done: boolean;
  /** The whole verdict: a check that was not looked at names what it waits for. */
  readonly report: GradeReport;
}

export function Checks({ checks, done, report }: Props) {
  return (
    <details class="ws-why">
      <summary>{done ? words.workspace.seen : words.workspace.why}</summary>
      <ul>
        {checks.map((check) => (
          <li key={check.name} class={`ws-check ws-check-${check.status}`} data-check={check.name}>
            <p>
              <span class="ws-mark" aria-hidden="true">
                {MARKS[check.status]}
              </span>
              <strong>{check.description}</strong> <span class="sr-only">{words.workspace.statuses[check.status]}</span>
              {check.informational && <span class="ws-tag">{words.workspace.informational}</span>}
            </p>
            {check.status === 'skipped' && <p class="ws-cause">{words.workspace.waits(missing(check, report))}</p>}
            {check.status === 'failed' && <Failed check={check} />}
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Titles of the tasks and checks that have to hold first. */
function missing({ dependency }: CheckReport, { tasks }: GradeReport): string[] {
  const open = [
    ...tasks.filter((t) => !t.passed).map((t) => [t.id, t.title] as const),
    ...tasks.flatMap((t) => t.checks.filter((c) => c.status !== 'passed').map((c) => [c.name, c.description] as const)),
  ];
  return open.filter(([id]) => dependency.includes(id)).map(([, title]) => title);
}

function Failed({ check: { cause, log } }: { check: CheckReport }) {
  if (!cause) return null;
  return (
    <div class="ws-cause">
      {cause.rationale !== `${cause.expected}; but: ${cause.actual}` && <p>{cause.rationale}</p>}
      <dl>
        <dt>{words.workspace.expected}</dt>
        <dd>{cause.expected}</dd>
        <dt>{words.workspace.observed}</dt>
        <dd>{cause.actual}</dd>
        {cause.hop && (
          <>
            <dt>{words.workspace.hop}</dt>
            <dd>{cause.hop}</dd>
          </>
        )}
      </dl>
      {cause.help && <Prose text={cause.help} />}
      {log.length > 0 && (
        <details>
          <summary>{words.workspace.evidence(log.length)}</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reached by keyboard */}
          <pre tabIndex={0}>{log.join('\n')}</pre>
        </details>
      )}
    </div>
  );
}
